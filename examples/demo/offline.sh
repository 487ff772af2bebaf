#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The demo for who is not root: a capture in, a capture out, the same chain and the same table.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
WORK=$(mktemp -d "${TMPDIR:-/tmp}/sluice-demo.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
/usr/bin/python3 "$here/packets.py" "$WORK/lan.pcap"
sed "s|@WORK@|$WORK|g" "$here/offline.yaml" >"$WORK/chain.yaml"
"$build/sluice" run "$WORK/chain.yaml" --stats "$WORK/stats.json"
/usr/bin/python3 - "$WORK" <<'END'
import json, sys
from scapy.utils import rdpcap
work = sys.argv[1]
t = json.load(open(f"{work}/stats.json"))["totals"]
assert t["rx"] + t["made"] == t["tx"] + t["drops"] + t["joined"] + t["held"], t
sources = {p["IP"].src for p in rdpcap(f"{work}/to-wan.pcap") if "IP" in p}
print("in:", len(rdpcap(f"{work}/lan.pcap")), "packets; out to the WAN:",
      len(rdpcap(f"{work}/to-wan.pcap")), "from", ", ".join(sorted(sources)))
assert sources and all(s.startswith("198.51.100.") for s in sources), sources
END
echo "demo: done"
