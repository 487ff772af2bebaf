#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Several workers: ports with one queue spread in software, both directions of a session on one
# worker through NAT and firewall, a function placed on another core. Real connections throughout.
# shellcheck source=tests/system/netns.sh
. "$(dirname "$0")/netns.sh"

hosts
address "$A" eth0 10.77.0.2/24 fd00:77::2/64
address "$B" eth0 198.51.100.2/24 2001:db8:100::2/64
for i in $(seq 3 12); do
	address "$A" eth0 "10.77.0.$i/24"
done
ip -n "$A" route add default via 10.77.0.1
ip -n "$A" -6 route add default via fd00:77::1
ip -n "$B" -6 route add default via 2001:db8:100::1

mkdir "$WORK/www"
head -c 200000 /dev/urandom >"$WORK/www/file"
(cd "$WORK/www" && exec ip netns exec "$B" python3 -c '
import http.server, socket, socketserver
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    request_queue_size = 256
    daemon_threads = True
    address_family = socket.AF_INET6
http.server.SimpleHTTPRequestHandler.log_message = lambda *a: None
Server(("::", 80), http.server.SimpleHTTPRequestHandler).serve_forever()') &

# From each of ten inside hosts, at once; over IPv6 too.
everybody()
{
	local i
	for i in $(seq 2 12); do
		for _ in 1 2 3; do
			printf '%s\n' "--interface 10.77.0.$i http://198.51.100.2/file"
		done
	done >"$WORK/list"
	for _ in $(seq 8); do
		printf '%s\n' "-g http://[2001:db8:100::2]/file"
	done >>"$WORK/list"
	nl -w 1 -s ' ' "$WORK/list" >"$WORK/numbered"
	# shellcheck disable=SC2016 # the inner shell expands
	in_a xargs -P 41 -a "$WORK/numbered" -L 1 bash -c 'out=$1; shift
		exec curl -sS --max-time 40 -o "'"$WORK"'/got.$out" "$@"' curl || return 1
	for i in $(seq 41); do
		cmp "$WORK/got.$i" "$WORK/www/file" || return 1
	done
	rm -f "$WORK"/got.*
}

# Packets that each worker processed in the VNFs.
workers_used()
{
	show workers --json | python3 -c '
import json, sys
workers = json.load(sys.stdin)["workers"]
print(workers)
sys.exit(any(w["rx"] + w["inbox_in"] < 100 for w in workers) or len(workers) != 2)'
}

run_with()
{
	say "-- $1"
	cat >"$WORK/in.yaml" <<-END
	sluice: 1
	ports:
	  lan: {kind: af-packet, interface: "@LAN@", addresses: [10.77.0.1/24, "fd00:77::1/64"]}
	  wan: {kind: af-packet, interface: "@WAN@", addresses: [198.51.100.1/24, "2001:db8:100::1/64"]}
	vnfs:
	  fw:
	    plugin: firewall
	    default: deny
	    $2
	    rules:
	      - {allow: tcp, side: inside, dport: 80}
	      - {allow: icmp, side: inside}
	      - {allow: icmpv6}
	  nat: {plugin: nat, inside: 10.77.0.0/24, pool: 198.51.100.16-198.51.100.17}
	paths:
	  web: lan <-> fw <-> nat <-> wan
	END
	start "$WORK/in.yaml"
	check "ping" in_a ping -c 5 -i 0.2 -W 2 198.51.100.2
	check "ping over IPv6" in_a ping -c 5 -i 0.2 -W 2 2001:db8:100::2
	check "41 downloads from 11 hosts at once arrive intact" everybody
	check "both workers worked" workers_used
	refuse "nobody comes in from outside" in_b ping -c 2 -W 1 198.51.100.16
	stop
}

cat >"$WORK/sluice.conf" <<END
cores = { main = 0; workers = "0,1"; };
control = { socket = "$WORK/sluice.sock"; };
plugins = [ "$BUILD/plugins" ];
END
run_with "two workers, ports with one queue" ""
run_with "the firewall placed on one of them" "cores: [1]"
