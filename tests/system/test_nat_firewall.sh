#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The demo's chain against two Linux hosts: many connections, both directions, errors from
# routers on the way, and tshark as the judge of every packet that left.
# shellcheck source=tests/system/netns.sh
. "$(dirname "$0")/netns.sh"

hosts
address "$A" eth0 10.77.0.2/24
address "$B" eth0 198.51.100.2/24
ip -n "$A" route add default via 10.77.0.1
cat >"$WORK/in.yaml" <<'END'
sluice: 1
ports:
  lan: {kind: af-xdp, interface: "@LAN@", addresses: [10.77.0.1/24]}
  wan: {kind: af-xdp, interface: "@WAN@", addresses: [198.51.100.1/24]}
vnfs:
  classes:
    plugin: classifier
    rules:
      - {match: {proto: tcp, dport: 5201}, mark: 2}
      - {mark: 1}
  fw:
    plugin: firewall
    default: deny
    rules:
      - {allow: tcp, from: 10.77.0.0/24, dport: [80, 5201]}
      - {allow: udp, from: 10.77.0.0/24}
      - {allow: icmp, from: 10.77.0.0/24}
      - {reject: tcp, from: 10.77.0.0/24, dport: 23}
  nat:
    plugin: nat
    inside: 10.77.0.0/24
    pool: 198.51.100.16-198.51.100.17
    forward:
      - {proto: tcp, outside: 198.51.100.16, port: 8080, inside: 10.77.0.2, inside-port: 80}
paths:
  web: lan <-> classes <-> fw <-> nat <-> wan
END
start "$WORK/in.yaml"

mkdir "$WORK/www"
head -c 300000 /dev/urandom >"$WORK/www/small"
head -c 20000000 /dev/urandom >"$WORK/www/large"
(cd "$WORK/www" && exec ip netns exec "$B" python3 -c '
import http.server, socketserver
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    request_queue_size = 512
    daemon_threads = True
http.server.SimpleHTTPRequestHandler.log_message = lambda *a: None
Server(("", 80), http.server.SimpleHTTPRequestHandler).serve_forever()') &
ip netns exec "$B" iperf3 -s >/dev/null 2>&1 &
for _ in $(seq 50); do
	in_a curl -sf -o /dev/null --max-time 1 http://198.51.100.2/small && break
	sleep 0.1
done

for side in a b; do
	ns=$A
	[ $side = b ] && ns=$B
	ip netns exec "$ns" tcpdump -q -i eth0 -s 0 -B 16384 -c 60000 -w "$WORK/$side.pcap" \
		>/dev/null 2>&1 &
done
sleep 0.5

two_hundred()
{
	seq 200 | in_a xargs -P 200 -I{} curl -sS --max-time 60 -o "$WORK/got.{}" \
		http://198.51.100.2/small || return 1
	local i
	for i in $(seq 200); do
		cmp "$WORK/got.$i" "$WORK/www/small" || return 1
	done
	rm -f "$WORK"/got.*
}
one_large()
{
	in_a curl -sS --max-time 60 -o "$WORK/got" http://198.51.100.2/large &&
		cmp "$WORK/got" "$WORK/www/large"
}
# iperf3 must have carried something, and UDP must have lost less than it carried.
measured()
{
	in_a iperf3 -c 198.51.100.2 -t 2 -J "$@" >"$WORK/iperf.json" || return 1
	python3 - "$WORK/iperf.json" <<-'END'
	import json, sys
	end = json.load(open(sys.argv[1]))["end"]
	total = end.get("sum_received") or end["sum"]
	print(total)
	sys.exit(not (total["bits_per_second"] > 1e6 and total.get("lost_percent", 0) < 50))
	END
}

check "ping" in_a ping -c 5 -i 0.2 -W 2 198.51.100.2
check "ping, 8000 bytes in fragments" in_a ping -c 3 -i 0.2 -W 2 -s 8000 198.51.100.2
check "200 parallel downloads arrive intact" two_hundred
check "a large download arrives intact" one_large
check "iperf3 TCP up" measured
check "iperf3 TCP down" measured -R
check "iperf3 UDP up" measured -u -b 20M -l 1200
check "iperf3 UDP down" measured -u -b 20M -l 1200 -R
check "iperf3 UDP with fragments" measured -u -b 20M -l 4000
check "traceroute (UDP) sees the hop and the host" sh -c "ip netns exec $A traceroute -n -q 1 -w 2 \
	-m 4 198.51.100.2 | tee /dev/stderr | grep -A1 10.77.0.1 | grep 198.51.100.2"
check "traceroute (ICMP)" sh -c "ip netns exec $A traceroute -I -n -q 1 -w 2 -m 4 198.51.100.2 |
	tee /dev/stderr | grep -A1 10.77.0.1 | grep 198.51.100.2"
check "a closed UDP port answers through the NAT" sh -c "ip netns exec $A python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(3)
s.connect((\"198.51.100.2\", 4444))
s.send(b\"x\")
try:
    s.recv(10)
except ConnectionRefusedError:
    raise SystemExit(0)
raise SystemExit(1)'"
check "telnet is reset at once" sh -c "ip netns exec $A timeout 2 bash -c '</dev/tcp/198.51.100.2/23' \
	2>&1 | grep -i refused"
refuse "a port without a rule is dropped" in_a curl -sS --max-time 2 http://198.51.100.2:81/
refuse "nobody outside reaches an inside address" in_b ping -c 2 -W 1 10.77.0.2
refuse "nobody outside opens a connection" in_b curl -sS --max-time 2 http://198.51.100.16:80/
check "the server saw the pool's addresses only" sh -c "ip netns exec $B tcpdump -n -r $WORK/b.pcap \
	'ip and src net 10.77.0.0/24' 2>/dev/null | wc -l | grep -x 0"

pkill -INT -f "$WORK/a.pcap"
pkill -INT -f "$WORK/b.pcap"
sleep 0.5
# Linux writes a TCP checksum of 0 as 0xffff, which is the same number, but not to tshark.
bad()
{
	tshark -r "$WORK/$side.pcap" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
		-o udp.check_checksum:TRUE -o tcp.desegment_tcp_streams:FALSE -Y 'ip.checksum.status == 0 ||
		(tcp.checksum.status == 0 && tcp.checksum != 0xffff) ||
		udp.checksum.status == 0 || icmp.checksum.status == 0 || _ws.malformed' "$@" 2>/dev/null
}
for side in a b; do
	bad >"$WORK/bad.$side"
	if [ -s "$WORK/bad.$side" ]; then
		head "$WORK/bad.$side"
		bad -V | grep -iE '^Frame|checksum|malformed|identification|length' | head -n 40
		die "bad checksums on side $side"
	fi
	say "ok: tshark finds no bad checksum among $(tcpdump -n -r "$WORK/$side.pcap" 2>/dev/null |
		wc -l) packets on side $side"
done
show paths
show vnf nat sessions | tail -n 5
stop
