#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Connections outlive sluice: through a file (save, stop, run --restore) and from one process to the
# next (run --take-over). What cannot be restored or taken over changes nothing.
# shellcheck source=tests/system/netns.sh
. "$(dirname "$0")/netns.sh"

hosts
address "$A" eth0 10.77.0.2/24 2001:db8:a::2/64
address "$B" eth0 198.51.100.2/24 2001:db8:b::2/64
ip -n "$A" route add default via 10.77.0.1
ip -n "$A" -6 route add default via 2001:db8:a::1
ip -n "$B" -6 route add default via 2001:db8:b::1
cat >"$WORK/in.yaml" <<'END'
sluice: 1
ports:
  lan: {kind: af-packet, interface: "@LAN@", addresses: [10.77.0.1/24, "2001:db8:a::1/64"]}
  wan: {kind: af-packet, interface: "@WAN@", addresses: [198.51.100.1/24, "2001:db8:b::1/64"]}
vnfs:
  fw:
    plugin: firewall
    default: deny
    rules:
      - {allow: tcp, from: [10.77.0.0/24, "2001:db8:a::/64"], dport: 7}
  nat: {plugin: nat, inside: 10.77.0.0/24, pool: 198.51.100.16}
paths:
  web: lan <-> fw <-> nat <-> wan
END

host_file
echo 'metrics = { listen = "127.0.0.1:9469"; };' >>"$WORK/sluice.conf"

# A line every 50 ms there and back, for as long as the connection lives: $WORK/NAME.count says how
# many came back.
cat >"$WORK/echo.py" <<'END'
import socket, socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = daemon_threads = True
Server(("::", 7), Echo).serve_forever()
END
cat >"$WORK/talk.py" <<'END'
import os, socket, sys, time
to, count = sys.argv[1:]
s = socket.create_connection((to, 7), timeout=10)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
s.settimeout(30)
lines = s.makefile("rb")
n = 0
while True:
    s.sendall(b"%d\n" % n)
    if lines.readline() != b"%d\n" % n:
        raise SystemExit("the connection broke")
    n += 1
    with open(count + ".new", "w") as f:
        f.write(str(n))
    os.rename(count + ".new", count)
    time.sleep(0.05)
END
ip netns exec "$B" python3 "$WORK/echo.py" &

talk()
{
	ip netns exec "$A" python3 "$WORK/talk.py" "$2" "$WORK/$1" >"$WORK/$1.log" 2>&1 &
	TALKERS[$1]=$!
}
# Connections get on, both of them if none is named: lines come back that were sent after now.
get_on()
{
	local name begin i
	[ $# -gt 0 ] || set -- four six
	for name; do
		begin=$(cat "$WORK/$name" 2>/dev/null || echo 0)
		for ((i = 0; i < 200; i++)); do
			[ "$(cat "$WORK/$name" 2>/dev/null || echo 0)" -gt $((begin + 3)) ] && break
			sleep 0.1
		done
		[ "$i" -lt 200 ] || {
			echo "$name does not get on from line $begin"
			cat "$WORK/$name.log"
			return 1
		}
		kill -0 "${TALKERS[$name]}" || return 1
	done
}
declare -A TALKERS

start "$WORK/in.yaml"
for ((i = 0; i < 50; i++)); do
	in_a bash -c 'exec 3<>/dev/tcp/198.51.100.2/7' 2>/dev/null && break
	sleep 0.1
done
talk four 198.51.100.2
talk six 2001:db8:b::2
check "connections over IPv4 and IPv6" get_on

#
# A file
#

# By what was refused just now.
said()
{
	grep -q "$1" "$WORK/step.log" && return
	cat "$WORK/step.log"
	die "nobody says: $1"
}
save()
{
	"$BUILD/sluice" save --socket "$WORK/sluice.sock" "$@"
}
check "save" save "$WORK/state"
check "the file is its owner's only" sh -c "stat -c %a $WORK/state | grep -x 600"
cp "$WORK/state" "$WORK/first"

mkdir "$WORK/small"
mount -t tmpfs -o size=4k none "$WORK/small" || die "no tmpfs"
printf old >"$WORK/small/state"
refuse "a full disk" save "$WORK/small/state"
said "No space left"
check "the old file stays, and nothing else" sh -c \
	"grep -x old $WORK/small/state && ls -A $WORK/small | wc -l | grep -x 1"
umount "$WORK/small"

# Killed at any moment: what is there is whole.
for ms in 1 2 4 8 16; do
	save "$WORK/state" >/dev/null 2>&1 &
	pid=$!
	sleep "0.0$(printf %02d $ms)"
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
done
check "nothing is left of killed saves" sh -c "ls -A $WORK | grep -c '^.state' | grep -x 0"
stop
check "stopped: nothing gets through" sh -c "a=\$(cat $WORK/four); sleep 0.3;
	[ \$(cat $WORK/four) -le \$((a + 1)) ]"

restore()
{
	timeout 20 ip netns exec "$M" "$BUILD/sluice" run "$WORK/chain.yaml" --config \
		"$WORK/sluice.conf" --quiet "$@"
}
head -c 300 "$WORK/first" >"$WORK/cut"
refuse "a file that was cut short" restore --restore "$WORK/cut"
said "cut short"
chmod 0666 "$WORK/cut"
refuse "a file that others may write" restore --restore "$WORK/cut"
refuse "a file that is not there" restore --restore "$WORK/none"
said "restore-or-empty"
check "or begin with nothing" restore --restore-or-empty "$WORK/none" --duration 100ms

start "$WORK/in.yaml" --restore "$WORK/state"
check "both go on where they were" get_on
check "what was taken is told" sh -c "$BUILD/sluice show status --json --socket $WORK/sluice.sock |
	python3 -c 'import json, sys; r = json.load(sys.stdin)[\"restored\"]
print(r); assert r[\"taken\"] > 0 and r[\"refused\"] == 0 and r[\"lost\"] == 0'"

#
# From process to process
#

# The next sluice; the one that runs becomes OLD_PID.
take_over()
{
	OLD_PID=$SLUICE_PID
	ip netns exec "$M" "$BUILD/sluice" run "$WORK/chain.yaml" --config "$WORK/sluice.conf" \
		--stats "$WORK/stats.new.json" --take-over "$WORK/./sluice.sock" "$@" \
		>"$WORK/sluice.log.new" 2>&1 &
	SLUICE_PID=$!
}
# It runs, and the old one has ended well.
taken_over()
{
	local status=1 i
	wait "$OLD_PID"
	status=$?
	cat "$WORK/sluice.log.new"
	[ $status = 0 ] || return 1
	for ((i = 0; i < 100; i++)); do
		"$BUILD/sluice" show status --json --socket "$WORK/sluice.sock" >"$WORK/status" &&
			grep -q outage_ms "$WORK/status" && return 0
		sleep 0.1
	done
	return 1
}
check "a take-over from nobody is refused" sh -c "! timeout 20 ip netns exec $M $BUILD/sluice run \
	$WORK/chain.yaml --config $WORK/sluice.conf --take-over $WORK/nobody.sock"
before=$(cat "$WORK/four")
for round in 1 2; do
	take_over
	check "take-over $round" taken_over
	mv "$WORK/stats.new.json" "$WORK/stats.json" 2>/dev/null
	mv "$WORK/sluice.log.new" "$WORK/sluice.log"
	check "both go on" get_on
	check "it serves metrics" ip netns exec "$M" curl -sf --max-time 5 \
		-o "$WORK/metrics" http://127.0.0.1:9469/metrics
	say "    outage: $(python3 -c "import json; print(json.load(open('$WORK/status'))['restored']['outage_ms'])") ms"
done
[ "$(cat "$WORK/four")" -gt "$before" ] || die "nothing got through"

#
# Another number of workers
#

# Of connections through NAT those go on whose port is their worker's; the firewall's all do.
again()
{
	check "save" save "$WORK/state"
	stop
	sed -i "s/workers = .*;/workers = \"$1\"; };/" "$WORK/sluice.conf"
	start "$WORK/in.yaml" --restore "$WORK/state"
}
again 0,1
check "by two workers" get_on six
talk fresh 198.51.100.2
talk other 2001:db8:b::2
check "others begin" get_on six fresh other
again 1
check "by one again" get_on six fresh other

# Killed at any moment before it has taken over, the new one changes nothing; after that, it is one
# that ends. Which of both it was, the old one says.
for ms in 30 100 200 300 400 500 600; do
	take_over --quiet
	sleep "0.$(printf %03d $ms)"
	kill -KILL "$SLUICE_PID" 2>/dev/null
	wait "$SLUICE_PID" 2>/dev/null
	if kill -0 "$OLD_PID" 2>/dev/null && show status >/dev/null 2>&1; then
		SLUICE_PID=$OLD_PID
		check "killed after $ms ms, the old one goes on" get_on six fresh
	else
		say "ok: after $ms ms it had taken over"
		break
	fi
done
