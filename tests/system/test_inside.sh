#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Seeing inside a running sluice: events, captures, traces and rates, with two Linux hosts that talk
# through it, and tshark as the judge of captures.
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
