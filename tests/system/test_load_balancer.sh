#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Ten real HTTP servers behind a virtual address, of IPv4 and IPv6, with clients that keep their
# connections: one server is killed, one stops answering, one that was down from the start comes up,
# one is drained. Only the connections of the first two break.
# shellcheck source=tests/system/netns.sh
. "$(dirname "$0")/netns.sh"

hosts
address "$A" eth0 10.77.0.2/24 fd00:77::2/64
address "$B" eth0 10.88.0.2/24 fd00:88::2/64
ip -n "$B" route add default via 10.88.0.1
ip -n "$B" -6 route add default via fd00:88::1
# Checks go by a network of their own, as the chain's ports are not the kernel's.
ip -n "$M" link add check0 type veth peer name check0 netns "$B"
ip -n "$M" link set check0 up
ip -n "$B" link set check0 up
address "$M" check0 10.99.0.1/24
address "$B" check0 10.99.0.2/24
ip -n "$M" route add 10.88.0.0/24 via 10.99.0.2

cat >"$WORK/server.py" <<'END'
"""Answers every request with the number it was given, on connections that stay open."""
import http.server
import socket
import socketserver
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = sys.argv[1].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    request_queue_size = 256
    daemon_threads = True


class Server6(Server):
    address_family = socket.AF_INET6


six = Server6((f"fd00:88::{sys.argv[1]}", 8080), Handler)
threading.Thread(target=six.serve_forever, daemon=True).start()
Server((f"10.88.0.{sys.argv[1]}", 8080), Handler).serve_forever()
END

cat >"$WORK/clients.py" <<'END'
"""Connections that ask again and again, and what becomes of each.
   clients.py HOST COUNT SECONDS: prints JSON, a list of [server, requests, error, began]"""
import asyncio
import json
import sys
import time

START = time.monotonic()


async def ask(reader, writer):
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise OSError(head[:20])
    return (await reader.readexactly(2)).decode()


async def connection(host, wait, seconds):
    await asyncio.sleep(wait)
    server, requests, error, began = None, 0, None, time.monotonic() - START
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, 80), 5)
        while time.monotonic() - START < seconds:
            got = await asyncio.wait_for(ask(reader, writer), 5)
            if server not in (None, got):
                raise OSError(f"was at {server}, is at {got}")
            server, requests = got, requests + 1
            await asyncio.sleep(0.1)
        writer.close()
    except Exception as e:
        error = repr(e)
    return [server, requests, error, round(began, 2)]


async def main():
    host, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    # Half of them at once, the others one by one.
    waits = [0] * (count // 2) + [i * (seconds - 1) / count for i in range(count // 2)]
    print(json.dumps(await asyncio.gather(*(connection(host, w, seconds) for w in waits))))


asyncio.run(main())
END

backends()
{
	local i
	for i in $(seq 11 21); do
		printf '          - {name: s%s, address: "%s%s", port: 8080, check-address: 10.88.0.%s}\n' \
			"$i" "$1" "$i" "$i"
	done
}
cat >"$WORK/in.yaml" <<END
sluice: 1
ports:
  lan: {kind: af-packet, interface: "@LAN@", addresses: [10.77.0.1/24, "fd00:77::1/64"]}
  wan: {kind: af-packet, interface: "@WAN@", addresses: [10.88.0.1/24, "fd00:88::1/64"]}
vnfs:
  lb:
    plugin: load-balancer
    services:
      - name: web
        address: 10.77.0.80
        port: 80
        health: {kind: http, interval: 300 ms, timeout: 300 ms, fall: 2, rise: 2}
        backends:
$(backends 10.88.0.)
      - name: web6
        address: "fd00:77::80"
        port: 80
        no-backend: reject
        health: {kind: http, interval: 300 ms, timeout: 300 ms, fall: 2, rise: 2}
        backends:
$(backends fd00:88::)
paths:
  web: lan <-> lb <-> wan
END

declare -A PID
server()
{
	ip netns exec "$B" python3 "$WORK/server.py" "$1" >/dev/null 2>&1 &
	PID[$1]=$!
}
for i in $(seq 11 21); do
	address "$B" eth0 "10.88.0.$i/24" "fd00:88::$i/64"
	[ "$i" = 21 ] || server "$i"
done

# state NAME STATE: of both services
state()
{
	local i
	for ((i = 0; i < 80; i++)); do
		[ "$(show vnf lb backends --json | python3 -c '
import json, sys
print(sum(b["backend"] == sys.argv[1] and b["state"] == sys.argv[2]
	  for b in json.load(sys.stdin)["backends"]))' "$1" "$2")" = 2 ] && return 0
		sleep 0.1
	done
	show vnf lb backends
	return 1
}

# What the clients saw: nobody but those of $2 broke, and all servers but $3 were used. Few come late
# enough to find the new one: by chance, none. short() looks for it.
verdict()
{
	python3 - "$@" <<'END'
import collections
import json
import sys

file, broken, unused = sys.argv[1:]
broken, unused = set(broken.split()), set(unused.split())
clients = json.load(open(file))
ends = collections.Counter((c[0], c[2] is not None) for c in clients)
print(sorted(ends.items(), key=str))
wrong = [c for c in clients if c[2] is not None and c[0] is not None and c[0] not in broken]
# Who came while a dead server was not yet known to be dead may have been refused; else nobody.
never = [c for c in clients if c[0] is None and not 1.5 < c[3] < 5]
used = {c[0] for c in clients if c[0]}
kept = sum(n for (server, broke), n in ends.items() if not broke and server)
expected = {str(n) for n in range(11, 22)} - unused
print("broke though their server lives:", wrong)
print("never connected:", never)
print("servers not used:", expected - used, "kept:", kept)
sys.exit(bool(wrong or never or expected - used or kept < 60))
END
}

start "$WORK/in.yaml"
check "ten servers are up" state s20 up
check "and one is down" state s21 down
check "ping" in_a ping -c 3 -i 0.2 -W 2 10.77.0.80
check "ping over IPv6" in_a ping -c 3 -i 0.2 -W 2 fd00:77::80
check "a page" in_a curl -sS --max-time 5 http://10.77.0.80/
check "a page over IPv6" in_a curl -sS -g --max-time 5 "http://[fd00:77::80]/"
refuse "no service at another port" in_a curl -sS --max-time 1 http://10.77.0.80:81/

in_a timeout 60 python3 "$WORK/clients.py" 10.77.0.80 200 10 >"$WORK/four" &
four=$!
in_a timeout 60 python3 "$WORK/clients.py" fd00:77::80 150 10 >"$WORK/six" &
six=$!
sleep 2
kill -KILL "${PID[13]}"
kill -STOP "${PID[14]}"
server 21
check "the killed one is down" state s13 down
check "the silent one is down" state s14 down
check "the new one is up" state s21 up
check "drain one" "$BUILD/sluice" "do" vnf lb drain backend=s15 --socket "$WORK/sluice.sock"
check "it drains" state s15 draining
wait $four
wait $six
check "200 connections: only those of the dead broke" verdict "$WORK/four" "13 14" "21"
check "150 connections over IPv6: the same" verdict "$WORK/six" "13 14" "21"

# Many short ones: none fails, none goes to the dead or the drained, and some to the new one.
short()
{
	local url=$1 servers
	servers=$(seq 100 | in_a xargs -P 10 -I{} curl -sS -g --max-time 5 -w ' ' "$url") || return 1
	printf '%s\n' "$servers"
	printf '%s' "$servers" | grep -q 21 && ! printf '%s' "$servers" | grep -qE '13|14|15'
}
check "100 pages from those that are left" short http://10.77.0.80/
check "100 pages over IPv6" short "http://[fd00:77::80]/"

kill -CONT "${PID[14]}"
check "the silent one comes back" state s14 up
for i in $(seq 11 21); do
	kill -KILL "${PID[$i]}" 2>/dev/null
done
check "all are down" state s20 down
check "nobody is left: a reset" sh -c "ip netns exec $A curl -sS -g --max-time 2 \
	'http://[fd00:77::80]/' 2>&1 | grep -iE 'refused|reset|connect'"
refuse "nobody is left: silence" in_a curl -sS --max-time 1 http://10.77.0.80/
show vnf lb backends
show vnf lb services
stop
