#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Every kind of port that two kernel hosts can talk through: fragments, VLAN tags, checksums that the
# sender left open, long packets, interfaces that go and come; memif and vhost-user between two
# processes.
# shellcheck source=tests/system/netns.sh
. "$(dirname "$0")/netns.sh"

SECOND_PID=
hosts
address "$A" eth0 10.88.0.2/24 fd00:88::2/64
address "$B" eth0 10.88.0.3/24 fd00:88::3/64
for ns in "$A" "$B"; do
	# Checksums stay open, as hosts on one machine leave them; segments are made by TCP.
	ip netns exec "$ns" ethtool -K eth0 tx on tso off gso off >/dev/null
done
mkdir "$WORK/www"
head -c 3000000 /dev/urandom >"$WORK/www/file"
server()
{
	(cd "$WORK/www" && exec ip netns exec "$1" python3 -m http.server 80 >/dev/null 2>&1) &
}
server "$B"

# bridge LAN WAN: a chain of two ports
bridge()
{
	printf '%s\n' "sluice: 1" "ports:" "  lan: {$1}" "  wan: {$2}" "paths:" "  p: lan <-> wan"
}

# device PORT KEY: what `show ports` says of it
device()
{
	show ports --json | python3 -c '
import json, sys
ports = json.load(sys.stdin)
ports = ports.get("ports", ports) if isinstance(ports, dict) else ports
port = next(p for p in ports if p["name"] == sys.argv[1])
print(port["device"].get(sys.argv[2], ""))' "$1" "$2"
}

# A second process in the same namespace, for the other end of what is between processes.
second()
{
	local i
	sed -e 's/sluice.sock/second.sock/' "$WORK/sluice.conf" >"$WORK/second.conf"
	sed -e "s/@WAN@/$WAN/g" -e "s|@WORK@|$WORK|g" "$1" >"$WORK/second.yaml"
	ip netns exec "$M" "$BUILD/sluice" run "$WORK/second.yaml" --config "$WORK/second.conf" \
		>"$WORK/second.log" 2>&1 &
	SECOND_PID=$!
	for ((i = 0; i < 100; i++)); do
		"$BUILD/sluice" show status --socket "$WORK/second.sock" >/dev/null 2>&1 && return 0
		kill -0 "$SECOND_PID" 2>/dev/null || break
		sleep 0.1
	done
	cat "$WORK/second.log"
	die "the second sluice did not start"
}
stop_second()
{
	kill -TERM "$SECOND_PID"
	wait "$SECOND_PID" || die "the second sluice ended badly"
	SECOND_PID=
}

# The first packets may meet a device that is just coming up.
reach()
{
	local i
	for ((i = 0; i < 50; i++)); do
		in_a ping -c 1 -W 0.2 "$1" && return 0
	done
	return 1
}
# carries NAME HOST: pings of all sizes and a download
carries()
{
	check "$1: reaches the other side" reach "$2"
	check "$1: ping" in_a ping -c 5 -i 0.05 -W 2 "$2"
	check "$1: ping, 1472 bytes" in_a ping -c 3 -i 0.05 -W 2 -s 1472 -M "do" "$2"
	check "$1: ping, 8000 bytes in fragments" in_a ping -c 3 -i 0.05 -W 2 -s 8000 "$2"
	check "$1: a download arrives intact" sh -c "ip netns exec $A curl -sS --max-time 20 \
		-o $WORK/got http://$2/file && cmp $WORK/got $WORK/www/file"
}

frames()
{
	cat >"$WORK/frames.py" <<-'END'
	import socket, subprocess, sys, time
	sys.path.append("/usr/lib/python3/dist-packages")
	macs = bytes.fromhex("020000000b0b020000000a0a")
	body = lambda n, c: b"\x88\xb5" + bytes([c]) * n
	frames = [
	    macs + body(46, 1),
	    macs + bytes.fromhex("81006064") + body(46, 2),             # VLAN 100, priority 3
	    macs + bytes.fromhex("81000000") + body(46, 3),             # priority tag
	    macs + bytes.fromhex("88a80007") + body(46, 4),             # service tag alone
	    macs + bytes.fromhex("88a8000781000064") + body(46, 5),     # two tags
	    macs + bytes.fromhex("81000fff") + body(1500, 6),           # as long as the MTU allows
	    macs + body(1500, 7),
	]
	s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
	s.bind(("eth0", 0))
	if sys.argv[1] == "send":
	    for f in frames:
	        s.send(f)
	else:
	    from scapy.all import PcapReader
	    got = [bytes(p) for p in PcapReader(sys.argv[2])]
	    for f in frames:
	        print(f[:24].hex(), len(f), f in got)
	    sys.exit(any(f not in got for f in frames))
	END
	ip netns exec "$B" tcpdump -q -i eth0 -s 0 -U -w "$WORK/b.pcap" ether dst 02:00:00:00:0b:0b \
		>/dev/null 2>&1 &
	local pid=$!
	sleep 0.7
	in_a /usr/bin/python3 "$WORK/frames.py" send || return 1
	sleep 0.5
	kill -TERM "$pid"
	wait "$pid"
	in_a /usr/bin/python3 "$WORK/frames.py" check "$WORK/b.pcap"
}
checksums()
{
	ip netns exec "$B" tcpdump -q -i eth0 -Q in -s 0 -U -c 300 -w "$WORK/b.pcap" tcp or udp >/dev/null 2>&1 &
	local pid=$! bad
	sleep 0.7
	in_a curl -sS --max-time 20 -o /dev/null http://10.88.0.3/file || return 1
	in_a curl -gsS --max-time 20 -o /dev/null "http://[fd00:88::3]/" # refused, or not
	in_a bash -c 'echo text >/dev/udp/10.88.0.3/9; echo text >/dev/udp/fd00:88::3/9'
	sleep 0.5
	kill -TERM "$pid" 2>/dev/null
	wait "$pid"
	bad=$(tshark -r "$WORK/b.pcap" -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE -Y \
		'(tcp.checksum.status == 0 && tcp.checksum != 0xffff) || udp.checksum.status == 0' \
		2>/dev/null)
	printf '%s\n' "$bad" | head -n 5
	[ -z "$bad" ] && [ "$(tcpdump -n -r "$WORK/b.pcap" 2>/dev/null | wc -l)" -gt 20 ]
}
# One packet of many segments, as a sender makes that believes in its network card.
long_packet()
{
	in_a ethtool -K eth0 gso on tso on tx-udp-segmentation on >/dev/null
	in_a python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 103, 1000)  # UDP_SEGMENT
s.sendto(bytes(20000), ("10.88.0.3", 9))'
	in_a ethtool -K eth0 gso off tso off tx-udp-segmentation off >/dev/null
	sleep 0.3
	device lan rx-too-long | tee /dev/stderr | grep -qx '[1-9][0-9]*' &&
		device lan problem | tee /dev/stderr | grep -q segmentation
}
down_and_up()
{
	ip -n "$M" link set "$LAN" down
	in_a ping -c 2 -i 0.2 -W 0.2 10.88.0.3
	in_b ping -c 2 -i 0.2 -W 0.2 10.88.0.2
	[ "$(device lan link)" = False ] || return 1
	ip -n "$M" link set "$LAN" up
	reach 10.88.0.3 && [ "$(device lan link)" = True ]
}
refused()
{
	local text=$1
	shift
	sed -e "s/@LAN@/$LAN/g" -e "s/@WAN@/$WAN/g" "$WORK/in.yaml" >"$WORK/refused.yaml"
	timeout 20 ip netns exec "$M" "$@" "$BUILD/sluice" run "$WORK/refused.yaml" --config \
		"$WORK/sluice.conf" >"$WORK/refused.log" 2>&1
	local status=$?
	cat "$WORK/refused.log"
	[ $status != 0 ] && [ $status != 124 ] && grep -q "$text" "$WORK/refused.log"
}

host_file
say "== af-packet"
bridge 'kind: af-packet, interface: "@LAN@"' 'kind: af-packet, interface: "@WAN@"' >"$WORK/in.yaml"
start "$WORK/in.yaml"
carries af-packet 10.88.0.3
check "af-packet: ping, 8000 bytes of IPv6 in fragments" in_a ping -c 3 -i 0.05 -s 8000 fd00:88::3
check "af-packet: frames and VLAN tags pass byte for byte" frames
check "af-packet: open checksums are completed" checksums
check "af-packet: a packet longer than the MTU is counted" long_packet
check "af-packet: the interface goes down and comes up" down_and_up
stop

say "== af-packet, jumbo frames and two queues"
bridge 'kind: af-packet, interface: "@LAN@", mtu: 9000, queues: 2' \
	'kind: af-packet, interface: "@WAN@", mtu: 9000, bypass-qdisc: false' >"$WORK/in.yaml"
in_a ip link set eth0 mtu 9000
in_b ip link set eth0 mtu 9000
start "$WORK/in.yaml"
check "jumbo: reaches the other side" reach 10.88.0.3
check "jumbo: ping, 8972 bytes whole" in_a ping -c 3 -i 0.05 -W 2 -M "do" -s 8972 10.88.0.3
check "jumbo: ping, 30000 bytes in fragments" in_a ping -c 3 -i 0.05 -W 2 -s 30000 10.88.0.3
check "jumbo: a download arrives intact" sh -c "ip netns exec $A curl -sS --max-time 20 \
	-o $WORK/got http://10.88.0.3/file && cmp $WORK/got $WORK/www/file"
stop
check "the interface has its MTU back" grep -qx 1500 <(ip netns exec "$M" cat \
	"/sys/class/net/$LAN/mtu")
in_a ip link set eth0 mtu 1500
in_b ip link set eth0 mtu 1500

say "== af-packet, what cannot be"
check "without CAP_NET_RAW it says so" refused CAP_NET_RAW setpriv --bounding-set -net_raw
bridge 'kind: af-packet, interface: none-such' 'kind: af-packet, interface: "@WAN@"' \
	>"$WORK/in.yaml"
check "a missing interface is named" refused "there is no interface none-such"

say "== tap"
bridge 'kind: af-packet, interface: "@LAN@"' "kind: tap, name: $TAG.t" >"$WORK/in.yaml"
start "$WORK/in.yaml"
ip -n "$M" address add 10.88.0.4/24 dev "$TAG.t"
ip -n "$M" link set "$TAG.t" up
server "$M"
carries tap 10.88.0.4
stop

say "== af-xdp"
bridge 'kind: af-xdp, interface: "@LAN@"' 'kind: af-xdp, interface: "@WAN@"' >"$WORK/in.yaml"
start "$WORK/in.yaml"
carries af-xdp 10.88.0.3
grep -i "libbpf\|libxdp" "$WORK/sluice.log" && die "libraries talk on standard error"
stop

say "== memif between two processes"
bridge 'kind: af-packet, interface: "@LAN@"' 'kind: memif, socket: "@WORK@/memif", role: server' \
	>"$WORK/in.yaml"
bridge 'kind: memif, socket: "@WORK@/memif", role: client' 'kind: af-packet, interface: "@WAN@"' \
	>"$WORK/in2.yaml"
start "$WORK/in.yaml"
second "$WORK/in2.yaml"
carries memif 10.88.0.3
stop_second
second "$WORK/in2.yaml"
check "memif: the client comes again" reach 10.88.0.3
stop_second
stop

say "== vhost-user to virtio-user"
bridge 'kind: af-packet, interface: "@LAN@"' 'kind: vhost-user, socket: "@WORK@/vhost"' \
	>"$WORK/in.yaml"
bridge 'kind: virtio-user, path: "@WORK@/vhost"' 'kind: af-packet, interface: "@WAN@"' \
	>"$WORK/in2.yaml"
start "$WORK/in.yaml"
second "$WORK/in2.yaml"
carries vhost-user 10.88.0.3
stop_second
stop

say "== an interface that is taken away"
bridge 'kind: af-packet, interface: "@LAN@"' 'kind: af-packet, interface: "@WAN@"' >"$WORK/in.yaml"
start "$WORK/in.yaml"
check "traffic before" reach 10.88.0.3
ip -n "$M" link del "$WAN"
in_a ping -c 5 -i 0.1 -W 0.2 10.88.0.3 >/dev/null
check "sluice goes on and says what happened" sh -c "kill -0 $SLUICE_PID"
check "show ports says so" grep -q "taken away" <(device wan problem)
stop
say "ports: done"
