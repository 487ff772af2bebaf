#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two ports with addresses and nothing between them: sluice is a router. Linux on either side
# asks, is asked, traces, fragments, and finds the path's MTU; tshark judges every packet.
# shellcheck source=tests/system/netns.sh
. "$(dirname "$0")/netns.sh"

hosts
address "$A" eth0 10.77.0.2/24 2001:db8:a::2/64
address "$B" eth0 198.51.100.2/24 2001:db8:b::2/64
ip -n "$A" route add default via 10.77.0.1
ip -n "$A" -6 route add default via 2001:db8:a::1
ip -n "$B" route add 10.77.0.0/24 via 198.51.100.1
ip -n "$B" -6 route add 2001:db8:a::/64 via 2001:db8:b::1
# A network behind B, for routes with a gateway.
address "$B" lo 192.0.2.1/24 2001:db8:c::1/64
cat >"$WORK/in.yaml" <<'END'
sluice: 1
ports:
  lan:
    kind: af-xdp
    interface: "@LAN@"
    addresses: [10.77.0.1/24, "2001:db8:a::1/64"]
  wan:
    kind: af-xdp
    interface: "@WAN@"
    addresses: [198.51.100.1/24, "2001:db8:b::1/64"]
    routes:
      - {to: 192.0.2.0/24, via: 198.51.100.2}
      - {to: "2001:db8:c::/48", via: "2001:db8:b::2"}
    icmp-rate: 1000/s
paths:
  all-traffic: lan <-> wan
END
start "$WORK/in.yaml"

for side in a b; do
	ns=$A
	[ $side = b ] && ns=$B
	ip netns exec "$ns" tcpdump -i eth0 -n -s 0 -U -w "$WORK/$side.pcap" >/dev/null 2>&1 &
done
sleep 1

ping_a()
{
	in_a ping -n -i 0.1 -W 2 "$@"
}

# A word that must be in what a command says.
says()
{
	local word=$1
	shift
	"$@" 2>&1 | tee /dev/stderr | grep -qi -- "$word"
}

check "ping the port, IPv4" ping_a -c 3 10.77.0.1
check "ping the port, IPv6" ping_a -c 3 2001:db8:a::1
check "ping the far port through the chain" ping_a -c 3 198.51.100.1
check "ping the far port through the chain, IPv6" ping_a -c 3 2001:db8:b::1
check "ping through, IPv4" ping_a -c 5 198.51.100.2
check "ping through, IPv6" ping_a -c 5 2001:db8:b::2
check "ping through a gateway, IPv4" ping_a -c 3 192.0.2.1
check "ping through a gateway, IPv6" ping_a -c 3 2001:db8:c::1
check "ping back" in_b ping -n -i 0.1 -c 3 -W 2 10.77.0.2
for size in 1472 8000 60000 65507; do
	check "ping of $size bytes, IPv4" ping_a -c 2 -s $size 198.51.100.2
	check "ping of $size bytes to the port, IPv4" ping_a -c 2 -s $size 10.77.0.1
done
for size in 1452 8000 60000; do
	check "ping of $size bytes, IPv6" ping_a -c 2 -s $size 2001:db8:b::2
	check "ping of $size bytes to the port, IPv6" ping_a -c 2 -s $size 2001:db8:a::1
done

# What a router says of the way, by the kernel's own probes.
check "TTL 1 ends at the port" says "From 10.77.0.1 .*Time to live exceeded" \
	in_a ping -n -c 1 -t 1 -W 2 198.51.100.2
check "hop limit 1 ends at the port" says "From 2001:db8:a::1 .*Time exceeded" \
	in_a ping -n -c 1 -t 1 -W 2 2001:db8:b::2
check "TTL 2 does not" in_a ping -n -c 1 -t 2 -W 2 198.51.100.2
check "no route, IPv4" says "Net Unreachable" in_a ping -n -c 1 -W 2 203.0.113.9
check "no route, IPv6" says "no route" in_a ping -n -c 1 -W 2 2001:db8:dead::1
check "no host, IPv4" says "Host Unreachable" in_a ping -n -c 1 -W 6 198.51.100.77
check "no host, IPv6" says "Address unreachable" in_a ping -n -c 1 -W 6 2001:db8:b::77
check "no service at the far port" says "refused" \
	in_a python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(3)
s.connect(("198.51.100.1", 9999))
s.send(b"x")
try:
    s.recv(1)
except ConnectionRefusedError as e:
    print(e)'
if command -v tracepath >/dev/null; then
	check "tracepath shows the hop" says " 1:.*10.77.0.1" in_a tracepath -n -m 3 198.51.100.2
fi
if command -v traceroute >/dev/null; then
	check "traceroute shows the hop" says " 1 .*10.77.0.1" \
		in_a traceroute -n -w 2 -q 1 -m 3 198.51.100.2
fi

# Datagrams that IP has to cut.
datagrams()
{
	in_b timeout 20 python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
s.bind(("::", 7))
while True:
    data, who = s.recvfrom(65536)
    s.sendto(data, who)' &
	local echoer=$!
	sleep 0.5
	in_a timeout 20 python3 -c '
import os, socket, sys
for family, to in ((socket.AF_INET, "198.51.100.2"), (socket.AF_INET6, "2001:db8:b::2")):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    s.settimeout(3)
    for size in [30000] * 20 + [65507]:
        data = os.urandom(size)
        s.sendto(data, (to, 7))
        assert s.recv(65536) == data, size
print("all the same")'
	local status=$?
	kill $echoer 2>/dev/null
	return $status
}
check "UDP datagrams of 30 and 64 KB, both IPs" datagrams

# ARP and ND entries are what the link says.
check "neighbours are shown" says "reachable\|stale\|delay" show ports --json

stop
sleep 0.5

# With a function that wants whole datagrams: put together before it, cut again behind it.
sed -e 's/lan <-> wan/lan <-> fw <-> wan/' -e 's/^paths:/vnfs:\n  fw: {plugin: firewall, default: allow}\npaths:/' \
	"$WORK/in.yaml" >"$WORK/whole.yaml"
start "$WORK/whole.yaml"
for size in 8000 60000; do
	check "ping of $size bytes, put together on the way, IPv4" ping_a -c 2 -s $size 198.51.100.2
	check "ping of $size bytes, put together on the way, IPv6" ping_a -c 2 -s $size 2001:db8:b::2
done
check "UDP datagrams of 30 and 64 KB, put together on the way" datagrams
stop

# A narrower way out: the kernel must be told its MTU.
sed -e 's/icmp-rate: 1000\/s/icmp-rate: 1000\/s\n    mtu: 1300/' "$WORK/in.yaml" >"$WORK/narrow.yaml"
ip -n "$B" link set eth0 mtu 1300 # one link has one MTU
start "$WORK/narrow.yaml"
check "too long with DF, IPv4" says "mtu = 1300\|mtu=1300" \
	in_a ping -n -c 2 -i 0.2 -M "do" -s 1400 -W 2 198.51.100.2
check "too long, IPv6" says "mtu = 1300\|mtu=1300" \
	in_a ping -n -c 2 -i 0.2 -M "do" -s 1400 -W 2 2001:db8:b::2
check "the kernel has learned it" says "mtu 1300" in_a ip route get 198.51.100.2
ip -n "$A" route flush cache
check "cut without DF, IPv4" ping_a -c 3 -M dont -s 1400 198.51.100.2
check "cut by the host, IPv6" ping_a -c 3 -s 3000 2001:db8:b::2
tcp()
{
	in_b timeout 20 python3 -c '
import socket
s = socket.create_server(("", 7), family=socket.AF_INET6, dualstack_ipv6=True)
for _ in range(2):
    c, _ = s.accept()
    while c.recv(65536):
        pass
    c.sendall(b"got all")
    c.close()' &
	sleep 0.5
	in_a timeout 20 python3 -c '
import os, socket
for to in "198.51.100.2", "2001:db8:b::2":
    s = socket.create_connection((to, 7), timeout=8)
    s.sendall(os.urandom(1000000))
    s.shutdown(socket.SHUT_WR)
    assert s.recv(100) == b"got all"
print("both")'
}
check "TCP adapts, both IPs" tcp
stop

sleep 0.5
for side in a b; do
	bad=$(tshark -r "$WORK/$side.pcap" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE \
		-o tcp.check_checksum:TRUE -o ip.defragment:TRUE -o ipv6.defragment:TRUE \
		-Y 'ip.checksum.status == "Bad" or udp.checksum.status == "Bad" or tcp.checksum.status == "Bad" or icmp.checksum.status == "Bad" or icmpv6.checksum.status == "Bad" or _ws.malformed' \
		2>/dev/null | grep -v "10.77.0.2.*→.*TCP" | head -5)
	[ -z "$bad" ] || die "tshark finds on side $side: $bad"
	count=$(tshark -r "$WORK/$side.pcap" 2>/dev/null | wc -l)
	[ "$count" -gt 100 ] || die "the capture of side $side is empty"
	say "ok: tshark finds nothing bad in $count packets of side $side"
done
say "passed"
