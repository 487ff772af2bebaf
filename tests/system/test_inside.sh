#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Seeing inside a running sluice: events, captures, traces and rates, with two Linux hosts that talk
# through it, and tshark as the judge of captures.
# shellcheck disable=SC2016 # messages quote as `this`
# shellcheck source=tests/system/netns.sh
. "$(dirname "$0")/netns.sh"

hosts
address "$A" eth0 10.78.0.2/24 2001:db8:78::2/64
address "$B" eth0 198.51.100.2/24 2001:db8:79::2/64
ip -n "$A" route add default via 10.78.0.1
ip -n "$A" route add default via 2001:db8:78::1
ip -n "$B" route add default via 2001:db8:79::1
cat >"$WORK/in.yaml" <<'END2'
sluice: 1
ports:
  lan: {kind: af-packet, interface: "@LAN@", addresses: [10.78.0.1/24, 2001:db8:78::1/64]}
  wan: {kind: af-packet, interface: "@WAN@", addresses: [198.51.100.1/24, 2001:db8:79::1/64]}
vnfs:
  classes:
    plugin: classifier
    rules:
      - {match: {proto: udp}, mark: 2}
      - {mark: 1}
  fw:
    plugin: firewall
    default: deny
    rules:
      - {allow: udp, dport: 7000}
      - {allow: icmp}
      - {allow: icmpv6}
  nat: {plugin: nat, inside: 10.78.0.0/24, pool: 198.51.100.16-198.51.100.17}
paths:
  web: lan <-> classes <-> fw <-> nat <-> wan
END2
ask()
{
	"$BUILD/sluice" "$@" --socket "$WORK/sluice.sock"
}

# Until a command succeeds: a condition, not a time.
await()
{
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	"$@"
}

# The kernel takes a moment to find out that a link is up.
up()
{
	ip -n "$M" -o link show "$LAN" | grep -q "state UP"
}
await up || die "the link does not come up"
start "$WORK/in.yaml"

# ---- Events

ask events --follow --since 1 --json >"$WORK/followed" &
FOLLOWER=$!
followed()
{
	grep -q "\"event\":\"$1" "$WORK/followed"
}
await followed applied || die "no event of the start"
await in_a ping -c 1 -W 1 198.51.100.2 || die "no traffic"
sed -i 's/dport: 7000/dport: [7000, 7001]/' "$WORK/chain.yaml"
check "a chain is applied" ask apply "$WORK/chain.yaml"
check "who follows sees it" await followed 'applied","generation":2'
refuse "a wrong chain is refused" ask apply /dev/null
check "and is told" await followed apply-refused

# ---- Captures

cat >"$WORK/send.py" <<'END2'
import socket, sys
host, port, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: fragments are fine
s.bind(("", 6999))
for i in range(count):
    s.sendto(bytes([i]) * size, (host, port))
END2
# HOST PORT COUNT SIZE
send()
{
	in_a python3 "$WORK/send.py" "$@"
}
# In the background; returns when it captures.
capture()
{
	local file=$1
	rm -f "$file"
	timeout 20 "$BUILD/sluice" capture "$@" --socket "$WORK/sluice.sock" 2>"$file.said" &
	CAPTURE=$!
	await test -s "$file"
}
# FILE FILTER FIELD... : what tshark reads.
fields()
{
	local file=$1 filter=$2 each arguments=()
	shift 2
	for each in "$@"; do
		arguments+=(-e "$each")
	done
	tshark -r "$file" -Y "$filter" -T fields "${arguments[@]}" 2>/dev/null
}
# TEXT, and what must be the same.
same()
{
	if [ "$2" = "$3" ]; then
		say "ok: $1"
	else
		printf 'expected:\n%s\ngot:\n%s\n' "$3" "$2"
		die "$1"
	fi
}
times()
{
	local i
	for ((i = 0; i < $1; i++)); do
		printf '%s\n' "$2"
	done
}
ip netns exec "$B" python3 -c '
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 7000))
while True:
    s.recv(65536)' &
await in_a ping -c 1 -W 1 198.51.100.2 || die "no traffic"
await in_a ping -c 1 -W 1 2001:db8:79::2 || die "no IPv6 traffic"
send 198.51.100.2 7000 2 10

capture "$WORK/rx.pcapng" --at lan:rx --filter 'udp dst port 7000' --count 5 || die "no capture"
send 198.51.100.2 7000 5 10
check "a capture ends at its count" wait "$CAPTURE"
same "what a port received, before the NAT" "$(fields "$WORK/rx.pcapng" udp frame.interface_name \
	ip.src udp.dstport udp.length)" "$(times 5 "lan:rx	10.78.0.2	7000	18")"

capture "$WORK/ends.pcapng" --filter 'udp port 7000' --count 10 || die "no capture"
send 198.51.100.2 7000 5 20
check "both ports" wait "$CAPTURE"
same "and what left, behind it" "$(fields "$WORK/ends.pcapng" udp frame.interface_name ip.src |
	sed 's/1[67]$/N/' | sort | uniq -c | tr -s ' ')" " 5 lan:rx	10.78.0.2
 5 wan:tx	198.51.100.N"

capture "$WORK/hop.pcapng" --at 'web/nat>' --at 'web/nat>:on' --filter 'udp port 7000' --count 40 ||
	die "no capture"
send 198.51.100.2 7000 20 20
check "at a hop and an edge, though the flow is fused" wait "$CAPTURE"
same "each packet before and after" "$(fields "$WORK/hop.pcapng" udp frame.interface_name ip.src \
	frame.comment | sed 's/1[67]	/N	/' | sort | uniq -c | tr -s ' ')" \
	" 20 web/nat>	10.78.0.2	
 20 web/nat>	198.51.100.N	web/nat>: on"

capture "$WORK/long.pcapng" --at 'web/fw>' --filter 'udp[1200] = 1' --count 1 || die "no capture"
send 198.51.100.2 7000 3 4000
check "a filter that looks into the second segment" wait "$CAPTURE"
same "a datagram put together from fragments" "$(fields "$WORK/long.pcapng" udp frame.len \
	frame.cap_len)" "4042	4042"

capture "$WORK/six.pcapng" --at 'web/fw>' --at wan:tx --filter 'ip6 and udp' --snaplen 60 \
	--count 6 || die "no capture"
send 2001:db8:79::2 7000 3 100
check "IPv6, cut short" wait "$CAPTURE"
same "its packets" "$(fields "$WORK/six.pcapng" ipv6 frame.interface_name frame.len frame.cap_len |
	sort | uniq -c | tr -s ' ')" " 3 wan:tx	162	60
 3 web/fw>	162	60"

capture "$WORK/drops.pcapng" --at drops:default --at drops:tx-full --count 4 || die "no capture"
send 198.51.100.2 9 4 20
check "drops of a reason" wait "$CAPTURE"
same "with hop and reason" "$(fields "$WORK/drops.pcapng" udp udp.dstport frame.comment |
	sed 's/ (by.*//' | sort | uniq -c | tr -s ' ')" " 4 9	web/fw> dropped it: default"
ask capture --at 'lan:rx' - 2>"$WORK/pipe.said" | timeout 10 tshark -l -r - -c 3 -T fields \
	-e frame.interface_name >"$WORK/piped" 2>/dev/null &
PIPE=$!
piped()
{
	in_a ping -c 1 -W 1 198.51.100.2 >/dev/null
	[ -s "$WORK/piped" ]
}
await piped
check "a capture that is piped to tshark" wait "$PIPE"

capture "$WORK/ended.pcapng" --at lan:rx || die "no capture"
send 198.51.100.2 7000 4 20
sleep 0.2
kill -INT "$(pgrep -P "$CAPTURE")"
check "one that is interrupted ends well" wait "$CAPTURE"
same "and is whole" "$(fields "$WORK/ended.pcapng" udp.dstport==7000 udp.length; tshark \
	-r "$WORK/ended.pcapng" 2>&1 >/dev/null | grep -v "^Running as user")" "$(times 4 28)"

wrong()
{
	local out
	out=$(ask capture "$WORK/none" "$@" 2>&1) && return 1
	printf '%s\n' "$out"
	[ ! -e "$WORK/none" ]
}
told()
{
	local text=$1
	shift
	wrong "$@" | grep -qF "$text"
}
check "a word that there is not" told 'filter:1:1: `tpc`: no such word; did you mean `tcp`?' \
	--filter 'tpc port 80'
check "a filter that is wrong somewhere" told 'filter:1:17: `or` was not expected here' \
	--filter 'tcp port 80 and or udp'
check "one that is not finished" told 'something is missing at the end' --filter 'tcp and ('
check "no name is looked up" told 'a host is given by its address' --filter 'host www.example.org'
check "a hop that there is not" told 'did you mean `web/nat>`?' --at 'web/nat'
check "an edge that there is not" told 'it has: out, on, back' --at 'web/nat>:up'
full()
{
	in_a ping -c 1 -W 1 198.51.100.2 >/dev/null
	! kill -0 "$CAPTURE" 2>/dev/null
}
ask capture /dev/full 2>"$WORK/full.said" &
CAPTURE=$!
await full
wait "$CAPTURE" && die "a full disk goes unnoticed"
check "a full disk is told" grep "No space left on device" "$WORK/full.said"

# ---- Traces

# In the background; returns when it looks.
trace()
{
	local file=$1
	shift
	timeout 20 "$BUILD/sluice" trace "$@" --socket "$WORK/sluice.sock" >"$file" 2>"$file.said" &
	TRACE=$!
	await looked_at
}
looked_at()
{
	show status --json | grep -q '"watchers": *[1-9]'
}
cat >"$WORK/way.py" <<'END2'
import json, sys
for line in open(sys.argv[1]):
    packet = json.loads(line)
    print(packet["port"], packet["end"], packet.get("reason", "-"),
          " ".join(s["hop"] + ":" + s["way"] for s in packet["steps"] if "/" in s["hop"]),
          " ".join(sorted(c.split()[0] for s in packet["steps"] for c in s.get("changes", ())
                          if "checksum" not in c and s["hop"].startswith("web/nat"))))
END2
walked()
{
	python3 "$WORK/way.py" "$1" | sort | uniq -c | tr -s ' '
}
WAY="web/classes>:on web/fw>:on web/nat>:on"
for mode in on off; do
	check "fusion $mode" ask fusion $mode
	send 198.51.100.2 7000 3 20
	trace "$WORK/way.json" --json --at lan --filter 'udp port 7000' --count 4
	send 198.51.100.2 7000 4 20
	check "a trace with fusion $mode" wait "$TRACE"

	same "shows every hop and what the NAT changed" "$(walked "$WORK/way.json" | sed 's/web.wan>out:on //')" \
		" 4 lan sent - $WAY ip.src udp.sport"
	trace "$WORK/way.json" --json --filter 'udp port 9' --count 2
	send 198.51.100.2 9 2 20
	check "one of packets that are dropped" wait "$TRACE"
	same "says where and why" "$(walked "$WORK/way.json")" \
		" 2 lan dropped default web/classes>:on web/fw>:drop "
done
trace "$WORK/way.text" --filter 'ip6 and udp' --count 1
send 2001:db8:79::2 7000 1 20
check "a trace of IPv6, as text" wait "$TRACE"
check "has headers, hops and changes" sh -c "cat '$WORK/way.text'; grep -q '^packet 1  .*port lan' '$WORK/way.text' &&
	grep -q 'ip6 2001:db8:78::2 > 2001:db8:79::2 / udp 6999 > 7000' '$WORK/way.text' &&
	grep -q 'ns  web/nat>  *on' '$WORK/way.text' && grep -q 'wan:tx  *sent' '$WORK/way.text' &&
	grep -q 'ip6.hops 64 -> 63' '$WORK/way.text'"
check "no packet is no error" sh -c "'$BUILD/sluice' trace --seconds 1 --filter 'udp port 1' \
	--socket '$WORK/sluice.sock' 2>&1 | grep 'no packet came'"

# ---- Rates

check "top, once" sh -c "'$BUILD/sluice' top --once --interval 0.3 --socket '$WORK/sluice.sock' |
	tee /dev/stderr | grep 'chain.*generation 2'"
timeout 20 "$BUILD/sluice" top --json --interval 0.2 --socket "$WORK/sluice.sock" >"$WORK/rates" &
TOP=$!
busy()
{
	send 198.51.100.2 7000 50 20
	grep -q '"hops":\[{"name":"' "$WORK/rates"
}
await busy
kill -INT "$(pgrep -P "$TOP")"
check "top ends when interrupted" wait "$TOP"
check "and its JSON is whole" python3 -c '
import json, sys
rates = [json.loads(line) for line in open(sys.argv[1])]
assert all(len(r["ports"]) == 2 and len(r["workers"]) == 1 for r in rates)
assert any(h["name"] == "lan:rx" and h["mpps"] > 0 for r in rates for h in r["hops"])
assert all(0 <= r["fused_percent"] <= 100 for r in rates)' "$WORK/rates"

# ---- Links, and the list of it all

ip -n "$A" link set eth0 down
check "a link that goes down is told" await followed link-down
ip -n "$A" link set eth0 up
check "and one that comes up" await followed link-up
check "what is listed is what was followed" sh -c "
	'$BUILD/sluice' events --json --since 1 --socket '$WORK/sluice.sock' >'$WORK/listed' &&
	cmp '$WORK/listed' '$WORK/followed' && [ \$(wc -l <'$WORK/listed') -ge 4 ]"
check "as text too" sh -c "'$BUILD/sluice' events --socket '$WORK/sluice.sock' | grep link-down.*lan"
stop
check "following ends when sluice does" wait "$FOLLOWER"

# ---- A capture of more than it can take costs the traffic nothing

cat >"$WORK/load.yaml" <<'END2'
sluice: 1
ports:
  source: {kind: generator, flows: 1000, vlan: 7, size: 100}
  end: {kind: sink}
vnfs:
  classes: {plugin: classifier, rules: [{mark: 1}]}
paths:
  load: source -> classes -> end
END2
start "$WORK/load.yaml"
check "a capture at full load" ask capture --at 'load/classes>:on' --filter 'vlan 7 and udp' \
	--count 2000 "$WORK/load.pcapng"
cat "$WORK/step.log"
check "and so are those of ports, with drops, at once" sh -c "
	for at in source end drops; do
		'$BUILD/sluice' capture --at \$at --snaplen 60 --seconds 1 --count 20000 /dev/null \
			--socket '$WORK/sluice.sock' &
	done
	'$BUILD/sluice' trace --count 200 --socket '$WORK/sluice.sock' >'$WORK/many' &
	wait; grep -c 'end:tx *sent' '$WORK/many' | grep -x 200"
stop
same "is whole" "$(tshark -r "$WORK/load.pcapng" -T fields -e vlan.id -e frame.len -e ip.ttl 2>/dev/null |
	sort | uniq -c | tr -s ' ')" " 2000 7	100	64"
check "no packet was lost" python3 -c '
import json, sys
stats = json.load(open(sys.argv[1]))
print(stats["totals"], stats["drops"])
assert stats["totals"]["rx"] == stats["totals"]["tx"] > 50000' "$WORK/stats.json"
