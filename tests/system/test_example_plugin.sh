#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The example plugin is built against an installed tree alone, in a copy of its folder, loaded by
# its path, and works in a chain.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${SLUICE_BUILD:-$root/build}
work=$(mktemp -d "${TMPDIR:-/tmp}/sluice-example.XXXXXX")
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
export PATH=/usr/bin:$PATH

DESTDIR=$work/root meson install -C "$build" --no-rebuild >"$work/install.log" 2>&1 ||
	{ cat "$work/install.log"; exit 1; }
pc=$(find "$work/root" -name sluice.pc)
sluice=$(find "$work/root" -path '*/bin/sluice')
export PKG_CONFIG_PATH=${pc%/*}

# No header may come from anywhere but the installed tree and the system.
cp -r "$root/examples/plugin-hello" "$work/hello"
cd "$work/hello"
meson setup build >"$work/setup.log" 2>&1 || { cat "$work/setup.log"; exit 1; }
ninja -C build >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
if grep "$root" build/compile_commands.json; then
	exit 1
fi
"$sluice" plugin show ./build/hello.so | grep -q 'node type hello'

/usr/bin/python3 - <<'END'
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap
packets = [Ether() / IP(src=f"10.0.0.{i}", dst="192.0.2.1") / UDP() for i in range(1, 8)]
packets += [Ether() / IP(src="192.0.2.9", dst="192.0.2.1") / UDP()] * 2
packets += [Ether() / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP()]
wrpcap("from-lan.pcap", packets)
END
cat >host.conf <<END
memory = { mode = "normal"; };
control = { socket = "$work/sock"; };
END
"$sluice" check --config host.conf hello.yaml
"$sluice" run --config host.conf --stats stats.json --keep-running hello.yaml >run.log 2>&1 &
pid=$!
for _ in $(seq 100); do
	"$sluice" show vnfs --socket "$work/sock" 2>/dev/null | grep -q 'theirs 7' && break
	kill -0 "$pid" || { cat run.log; exit 1; }
	sleep 0.1
done
"$sluice" show vnfs --socket "$work/sock" | grep 'theirs 7, others 3'
"$sluice" show plugins --socket "$work/sock" | grep 'hello  *1.0.*build/hello.so'
"$sluice" show vnf hello greet --socket "$work/sock" | grep 'Good morning'
kill -TERM "$pid"
wait "$pid" || { cat run.log; exit 1; }
pid=
cmp <(tail -c +25 from-lan.pcap | wc -c) <(tail -c +25 to-wan.pcap | wc -c)
/usr/bin/python3 - <<'END'
import json
stats = json.load(open("stats.json"))
t = stats["totals"]
assert t["rx"] == 10 and t["rx"] + t["made"] == t["tx"] + t["drops"] + t["joined"] + t["held"], t
END
echo "built, loaded and run"
