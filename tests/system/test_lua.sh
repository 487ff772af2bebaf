#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Real TCP and ping through scripts: a policy says what may pass, a script moves a port. In the three
# modes of fusion; then the policy changes under a connection that stands.
# shellcheck source=tests/system/netns.sh
. "$(dirname "$0")/netns.sh"

hosts
address "$A" eth0 10.44.0.1/24 fd00:44::1/64
address "$B" eth0 10.44.0.2/24 fd00:44::2/64
mkdir "$WORK/www"
head -c 3000000 /dev/urandom >"$WORK/www/file"
ip netns exec "$B" python3 -m http.server --protocol HTTP/1.1 -d "$WORK/www" -b :: 8080 >/dev/null 2>&1 &

# What the server has at 8080 the client finds at 80; $1: a further line of the policy.
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
	        $1
	        if flow.dport == 81 then return flow:drop("closed") end
	        if flow.icmp and flow.payload and flow.length > 500 then flow:drop("large-ping") end
	      end
	  move:
	    plugin: lua
	    script: |
	      function process(batch)
	        for _, packet in ipairs(batch) do
	          local tcp = packet.tcp
	          if tcp and packet.side == "inside" and tcp.dport == 80 then
	            tcp.dport = 8080
	          elseif tcp and packet.side == "outside" and tcp.sport == 8080 then
	            tcp.sport = 80
	          end
	        end
	      end
	paths: {only: lan <-> who <-> move <-> wan}
	END
}

fetch()
{
	in_a curl -sS -m 15 -o "$WORK/got" "http://$1/file" && cmp "$WORK/got" "$WORK/www/file"
}

serves()
{
	local i
	for ((i = 0; i < 50; i++)); do
		in_b curl -sg -m 1 -o /dev/null "http://[::1]:8080/" && return
		sleep 0.1
	done
	return 1
}

clean()
{
	show vnf move script --json | tee /dev/stderr | grep -q '"errors": *0'
}

agreed()
{
	python3 - "$WORK/stats.json" <<-'END'
	import json, sys
	workers = json.load(open(sys.argv[1]))["fusion"]["workers"]
	sys.exit(any(w["mismatches"] for w in workers))
	END
}

check "the server is there" serves
chain "" >"$WORK/in.yaml"
for fusion in off on verify; do
	start "$WORK/in.yaml" --fusion $fusion
	check "fusion $fusion: curl over IPv4" fetch 10.44.0.2
	check "fusion $fusion: curl over IPv6" fetch "[fd00:44::2]"
	check "fusion $fusion: ping" in_a ping -q -c 3 -i 0.1 -W 5 10.44.0.2
	check "fusion $fusion: ping of IPv6" in_a ping -q -c 3 -i 0.1 -W 5 fd00:44::2
	check "fusion $fusion: no error of the script" clean
	refuse "fusion $fusion: a port that the policy closes" \
		in_a curl -sS -m 0.6 -o /dev/null http://10.44.0.2:81/
	refuse "fusion $fusion: a ping that it thinks too large" \
		in_a ping -q -c 1 -W 0.6 -s 1000 10.44.0.2
	show vnf who drops
	stop
	check "fusion $fusion: no action differs from the walk" agreed
done

cat >"$WORK/client.py" <<'END'
"""One connection: asks, waits for a line, and asks again."""
import http.client
import sys

connection = http.client.HTTPConnection("10.44.0.2", 80, timeout=15)
for word, seconds in (("first", 15), ("second", 2)):
    try:
        connection.connect() if connection.sock is None else connection.sock.settimeout(seconds)
        connection.request("HEAD", "/file")
        connection.getresponse().read()
        print(word, flush=True)
    except TimeoutError:
        print("no answer", flush=True)
    sys.stdin.readline()
END

# A connection that stands, of a flow that is fused, meets the new policy at once.
apply_new()
{
	"$BUILD/sluice" apply "$WORK/new.yaml" --socket "$WORK/sluice.sock"
}

dropped()
{
	show vnf who drops | tee /dev/stderr | grep -qw "$1"
}

hears()
{
	local line
	read -r -t 15 line <&"${CLIENT[0]}" && echo "$line" && [ "$line" = "$1" ]
}

start "$WORK/in.yaml" --fusion on
coproc CLIENT { in_a python3 "$WORK/client.py" 2>&1; }
check "a connection stands" hears first
chain 'if flow.dport == 80 then return flow:drop("not-any-more") end' >"$WORK/new.yaml"
check "a new policy" apply_new
echo >&"${CLIENT[1]}"
check "it holds for that connection" hears "no answer"
check "by its reason" dropped not-any-more

# A script that does not compile changes nothing.
chain 'if then' >"$WORK/new.yaml"
refuse "a script that is no Lua" apply_new
cp "$WORK/step.log" "$WORK/refused.log"
check "its line is told" grep "line 2 of the script" "$WORK/refused.log"
check "the old one goes on" in_a ping -q -c 1 -W 5 10.44.0.2
check "with its verdicts" dropped not-any-more
stop
