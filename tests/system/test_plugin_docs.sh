#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# docs/writing-a-plugin.md, as a reader follows it: files are written, commands run, in order.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${SLUICE_BUILD:-$root/build}
work=$(mktemp -d "${TMPDIR:-/tmp}/sluice-docs.XXXXXX")
trap 'rm -rf "$work"' EXIT
export PATH=/usr/bin:$PATH

DESTDIR=$work/root meson install -C "$build" --no-rebuild >"$work/install.log" 2>&1 ||
	{ cat "$work/install.log"; exit 1; }
pc=$(find "$work/root" -name sluice.pc)
program=$(find "$work/root" -path '*/bin/sluice')
export PKG_CONFIG_PATH=${pc%/*} PATH=${program%/*}:$PATH
# The control socket of a host file that the page does not have.
export XDG_RUNTIME_DIR=$work XDG_CONFIG_HOME=$work/config
mkdir -p "$work/config/sluice" "$work/page"
echo "control = { socket = \"$work/sock\"; };" >"$work/config/sluice/sluice.conf"

/usr/bin/python3 - "$root/docs/writing-a-plugin.md" "$work/page" <<'END'
import re, sys
page, folder = sys.argv[1:]
commands = []
for language, name, text in re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```$", open(page).read(), re.M | re.S):
    if name:
        lines = text.count("\n")
        assert lines <= 60, f"{name} has {lines} lines: more than a screen"
        assert all(len(line.expandtabs(8)) <= 100 for line in text.splitlines()), name
        open(f"{folder}/{name}", "w").write(text)
    elif language == "sh":
        commands.append(text)
assert commands
# `a && exit 1` says that a is expected to fail.
open(f"{folder}/commands", "w").write("set -eux\n" + "".join(commands))
END
cd "$work/page"
sh ./commands >log 2>&1 || { cat log; exit 1; }
# shellcheck disable=SC2016 # the backticks are what is looked for
grep -q 'broken.yaml:[0-9]*:[0-9]*: error: .*`min`' log || { cat log; exit 1; }
/usr/bin/python3 - <<'END'
import json
passed, filtered = json.load(open("pass.json")), json.load(open("ttl.json"))
for s in passed, filtered:
    t = s["totals"]
    assert t["rx"] == 1000 and t["rx"] + t["made"] == t["tx"] + t["drops"] + t["joined"] + t["held"], t
assert passed["totals"]["tx"] == 1000, passed["totals"]
fused = json.load(open("fused.json"))
assert fused["totals"]["tx"] == 1000, fused["totals"]
assert sum(w["verified"] for w in fused["fusion"]["workers"]) > 900, fused["fusion"]
assert all(w["mismatches"] == 0 for w in fused["fusion"]["workers"]), fused["fusion"]
grey = json.load(open("grey.json"))
assert grey["drops"] == {"unknown": 1000} and grey["totals"]["tx"] > 1000, grey["drops"]
hop = [h for h in filtered["hops"] if h["type"] == "ttl"]
assert sum(h["drops"].get("ttl-too-low", 0) for h in hop) == 1000, hop
END
echo "every command of the page ran"
