#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A Lua policy that limits sessions, against iperf3: UDP far above the limit comes out at the limit,
# either way, in the three modes of fusion; what the script says nothing of (TCP) passes.
# shellcheck source=tests/system/netns.sh
. "$(dirname "$0")/netns.sh"

hosts
address "$A" eth0 10.45.0.1/24
address "$B" eth0 10.45.0.2/24
ip netns exec "$B" iperf3 -s >/dev/null 2>&1 &

# chain MBIT: that much for each UDP session, either way.
chain()
{
	cat <<-END
	sluice: 1
	ports:
	  lan: {kind: af-packet, interface: "$LAN"}
	  wan: {kind: af-packet, interface: "$WAN"}
	vnfs:
	  who:
	    plugin: lua/policy
	    script: |
	      function decide(flow)
	        if flow.udp then flow:limit{bits = $1e6, burst = 128 * 1024} end
	      end
	paths: {only: lan <-> who <-> wan}
	END
}

# UDP that arrived, as a part of so many Mbit/s of IP, within bounds. A busy machine lets a worker wait
# for its core: the burst covers that, and counts here.
arrives()
{
	in_a iperf3 -c 10.45.0.2 -u -l 1200 -J "${@:4}" >"$WORK/iperf.json" || return 1
	python3 - "$WORK/iperf.json" "$1" "$2" "$3" <<-'END'
	import json, sys
	s = json.load(open(sys.argv[1]))["end"]["sum"]
	bits = (s["packets"] - s["lost_packets"]) * (1200 + 28) * 8 / s["seconds"]
	part = bits / float(sys.argv[2]) / 1e6
	print(f"{bits / 1e6:.2f} Mbit/s, {part:.3f} of the limit")
	sys.exit(not float(sys.argv[3]) <= part <= float(sys.argv[4]))
	END
}

# Dropped for that reason, as the session says, too.
counted()
{
	show nodes | tee /dev/stderr | grep -q 'over-rate [0-9]' &&
	show vnf who sessions --json | python3 -c '
import json, sys
records = json.load(sys.stdin)["records"]
over = [r for r in records if r["proto"] == 17]
print(over)
sys.exit(not any(r["limit-bits"] == 5e6 and r["over-rate"] > 0 for r in over))'
}

agreed()
{
	python3 - "$WORK/stats.json" <<-'END'
	import json, sys
	workers = json.load(open(sys.argv[1]))["fusion"]["workers"]
	print(workers)
	sys.exit(any(w["mismatches"] for w in workers))
	END
}

chain 5 >"$WORK/in.yaml"
for fusion in off on verify; do
	start "$WORK/in.yaml" --fusion $fusion
	check "fusion $fusion: UDP at 4 times the limit leaves at the limit" arrives 5 0.9 1.15 -b 20M -t 3
	check "fusion $fusion: the rest is counted" counted
	if [ $fusion = on ]; then
		check "so does what comes back" arrives 5 0.9 1.15 -b 20M -t 3 -R
	fi
	stop
	check "fusion $fusion: no action differs from the walk" agreed
done
