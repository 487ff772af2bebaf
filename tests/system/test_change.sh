#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What is decided about fused flows changes while packets come as fast as they can be made: once
# `sluice apply` or a command has returned, not one packet more takes the old decision. Judged by
# the counters of sinks, so that no packet is missed.
# shellcheck source=tests/system/netns.sh
. "$(dirname "$0")/netns.sh"

hosts # only for the namespace that sluice runs in

# Two streams through one firewall, each with a sink of its own; then one through a load balancer,
# whose backends are told apart behind it.
chain()
{
	cat <<-END
	sluice: 1
	ports:
	  first: {kind: generator, flows: 500, dst: 198.19.0.1, dport: 53}
	  second: {kind: generator, flows: 500, dst: 198.19.0.1, dport: 80}
	  third: {kind: generator, flows: 500, dst: 198.19.0.2, dport: 80}
	  one: {kind: sink}
	  two: {kind: sink}
	  alive: {kind: sink}
	  dead: {kind: sink}
	vnfs:
	  fw:
	    plugin: firewall
	    rules:
	      - {$1: udp, side: inside, dport: 53}
	      - {allow: udp, side: inside}
	  lb:
	    plugin: load-balancer
	    services:
	      - name: web
	        address: 198.19.0.2
	        proto: udp
	        port: 80
	        backends:
	          - {name: stays, address: 10.0.0.1}
	          $2
	  sorter:
	    plugin: classifier
	    rules:
	      - {match: {side: inside, to: 10.0.0.2}, path: to-dead}
	      - {mark: 1}
	paths:
	  a: first -> fw -> one
	  b: second -> fw -> two
	  to-alive: third -> lb -> sorter -> alive
	  to-dead: third -> lb -> sorter -> dead
	steering:
	  third: [{path: to-alive}]
	END
}
chain allow '- {name: goes, address: 10.0.0.2}' >"$WORK/both.yaml"
chain drop '- {name: goes, address: 10.0.0.2}' >"$WORK/denied.yaml"
chain allow '' >"$WORK/gone.yaml"

# Packets that a sink took.
sunk()
{
	show ports --json | python3 -c '
import json, sys
for port in json.load(sys.stdin)["ports"]:
    if port["name"] == sys.argv[1]:
        print(port["tx"]["packets"])' "$1"
}
hits()
{
	"$BUILD/sluice" fusion --json --socket "$WORK/sluice.sock" | python3 -c '
import json, sys
print(sum(w["hits"] for w in json.load(sys.stdin)["workers"]))'
}
apply()
{
	"$BUILD/sluice" apply "$WORK/$1.yaml" --socket "$WORK/sluice.sock"
}
grows()
{
	local before
	before=$(sunk "$1")
	sleep 0.3
	[ "$(sunk "$1")" -gt "$before" ]
}
# stands SINK ACTION…: it does not move any more when the action has returned
stands()
{
	local sink=$1 before after
	shift
	"$@" || return 1
	before=$(sunk "$sink")
	sleep 0.3
	after=$(sunk "$sink")
	echo "$sink: $before, then $after"
	[ "$before" = "$after" ]
}
rule_denies()
{
	apply denied
}
as_before()
{
	apply both
}
backend_goes()
{
	apply gone
}
fused_all()
{
	local before after
	before=$(hits)
	sleep 0.3
	after=$(hits)
	echo "hits: $before, then $after"
	[ $((after - before)) -gt 10000 ]
}

start "$WORK/both.yaml" --fusion on
for sink in one two alive dead; do
	check "packets go to $sink" grows "$sink"
done
check "they take actions" fused_all
for round in 1 2 3; do
	check "round $round: the rule denies, and nothing more comes through" stands one rule_denies
	check "the other stream goes on" grows two
	check "the rule allows again" as_before
	check "packets come through again" grows one
done
check "they take actions again" fused_all
for round in 1 2 3; do
	check "round $round: a backend is gone, and gets nothing more" stands dead backend_goes
	check "the other one does" grows alive
	check "it comes back" as_before
	check "with new sessions for it" "$BUILD/sluice" "do" vnf lb clear --socket "$WORK/sluice.sock"
	check "packets go to it again" grows dead
done
check "all is fused at the end" fused_all
stop
