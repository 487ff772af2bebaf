#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The policer against iperf3: UDP above the rate comes out at the rate, TCP settles below it, each
# flow has its own, with flow fusion and without.
# shellcheck source=tests/system/netns.sh
. "$(dirname "$0")/netns.sh"

hosts
address "$A" eth0 10.3.0.1/24
address "$B" eth0 10.3.0.2/24
ip netns exec "$B" iperf3 -s >/dev/null 2>&1 &

chain()
{
	cat >"$WORK/in.yaml" <<-END
	sluice: 1
	ports:
	  lan: {kind: af-packet, interface: "@LAN@"}
	  wan: {kind: af-packet, interface: "@WAN@"}
	vnfs:
	  limit: {plugin: policer, $1}
	paths: {only: lan <-> limit <-> wan}
	END
	start "$WORK/in.yaml" "${@:2}"
}

# With fusion verified, every fused action must have been what the graph did.
agreed()
{
	python3 - "$WORK/stats.json" <<-'END'
	import json, sys
	workers = json.load(open(sys.argv[1]))["fusion"]["workers"]
	print(workers)
	sys.exit(any(w["mismatches"] for w in workers))
	END
}

# Goodput of iperf3 as a part of so many Mbit/s of IP, within bounds.
goodput()
{
	local mbit=$1 low=$2 high=$3
	in_a iperf3 -c 10.3.0.2 -t 4 -J "${@:4}" >"$WORK/iperf.json" || return 1
	python3 - "$WORK/iperf.json" "$mbit" "$low" "$high" <<-'END'
	import json, sys
	end = json.load(open(sys.argv[1]))["end"]
	if "lost_packets" in end.get("sum", {}):  # what arrived of what was sent, with the headers of IP and UDP
	    s = end["sum"]
	    bits = (s["packets"] - s["lost_packets"]) * (s["bytes"] / s["packets"] + 28) * 8 / s["seconds"]
	else:
	    bits = end["sum_received"]["bits_per_second"]
	part = bits / float(sys.argv[2]) / 1e6
	print(f"{bits / 1e6:.2f} Mbit/s, {part:.3f} of the rate")
	sys.exit(not float(sys.argv[3]) <= part <= float(sys.argv[4]))
	END
}

for fusion in off on verify; do
	chain "direction: inside, rate: 10 Mbit/s, burst: 256 KiB" --fusion $fusion
	# A busy machine lets a worker wait for its core: the burst covers that, and counts here.
	check "fusion $fusion: UDP at 4 times the rate leaves at the rate" \
		goodput 10 0.93 1.08 -u -b 40M -l 1200
	check "fusion $fusion: UDP below the rate passes" goodput 10 0.45 0.55 -u -b 5M -l 1200
	check "fusion $fusion: TCP settles below the rate" goodput 10 0.4 1.08
	check "fusion $fusion: the other direction is free" goodput 10 3 100000 -R
	show vnf limit rules
	stop
	check "fusion $fusion: no action differs from the walk" agreed
done

chain "rules: [{match: {proto: udp}, per: flow, packet-rate: 500/s, burst: 100}]" --fusion on
check "four flows, each at its rate" goodput 19.648 0.9 1.1 -u -b 20M -l 1200 -P 4
show vnf limit flows | head -n 8
stop
