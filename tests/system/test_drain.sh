#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# `sluice apply --drain`: connections that there are go on through the NAT they began at, new ones
# get the new one's address; TCP, UDP, ping and IPv6, silent and talking ones; it ends when they do,
# or when time is up; rollback in the midst. The servers say which address they see.
# shellcheck source=tests/system/netns.sh
. "$(dirname "$0")/netns.sh"

hosts
address "$A" eth0 10.77.0.2/24 fd00:77::2/64
address "$B" eth0 198.51.100.2/24 fd00:99::2/64
ip -n "$A" route add default via 10.77.0.1
ip -n "$A" -6 route add default via fd00:77::1
ip -n "$B" -6 route add default via fd00:99::1

# chain POOL PROTO: another NAT, and other protocols on the path with the firewall.
chain()
{
	cat <<-END
	sluice: 1
	ports:
	  lan: {kind: af-packet, interface: "$LAN", addresses: [10.77.0.1/24, "fd00:77::1/64"]}
	  wan: {kind: af-packet, interface: "$WAN", addresses: [198.51.100.1/24, "fd00:99::1/64"]}
	vnfs:
	  fw: {plugin: firewall, default: deny, rules: [{allow: any, side: inside}]}
	  nat: {plugin: nat, inside: 10.77.0.0/24, pool: $1}
	paths:
	  web: lan <-> fw <-> nat <-> wan
	  bulk: lan <-> nat <-> wan
	steering:
	  lan: [{match: {proto: $2}, path: web}, {path: bulk}]
	END
}
chain 198.51.100.16 tcp >"$WORK/old.yaml"
chain 198.51.100.17 udp >"$WORK/new.yaml"
chain 198.51.100.16-198.51.100.17 tcp >"$WORK/wide.yaml"
echo 'sluice: 1' >"$WORK/broken.yaml"

cat >"$WORK/clients.py" <<'END'
import ctypes, json, os, select, socket, subprocess, sys, threading, time

build, work, a, b, whole = *sys.argv[1:5], sys.argv[5] == "whole"
libc = ctypes.CDLL(None, use_errno=True)
OLD, NEW = "198.51.100.16", "198.51.100.17"


def enter(name):
    with open(f"/run/netns/{name}") as ns:
        assert libc.setns(ns.fileno(), 0x40000000) == 0


def tcp_server(family):
    server = socket.socket(family)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    server.bind(("", 7))
    server.listen(64)

    def serve(peer, address):
        try:
            while peer.recv(1000):
                peer.sendall(address.encode() + b"\n")
        except OSError:
            pass
        peer.close()

    def accept():
        while True:
            peer, address = server.accept()
            threading.Thread(target=serve, args=(peer, address[0]), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()


def udp_server():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("", 7))

    def serve():
        while True:
            _, address = server.recvfrom(1000)
            server.sendto(address[0].encode() + b"\n", address)
    threading.Thread(target=serve, daemon=True).start()


class Client:
    def __init__(self, kind=socket.SOCK_STREAM, family=socket.AF_INET):
        enter(a)
        self.socket = socket.socket(family, kind)
        self.socket.settimeout(8)
        self.socket.connect(("198.51.100.2" if family == socket.AF_INET else "fd00:99::2", 7))

    def seen(self):
        """The address that the server sees; None: no answer."""
        for _ in range(3 if self.socket.type == socket.SOCK_DGRAM else 1):
            try:
                self.socket.sendall(b"?\n")
                return self.socket.recv(1000).decode().strip()
            except TimeoutError:
                self.socket.settimeout(2)
        return None


class Talker(threading.Thread):
    """Talks all the while."""
    def __init__(self, client):
        super().__init__(daemon=True)
        self.client, self.answers, self.stopped = client, [], False
        self.start()

    def run(self):
        while not self.stopped:
            self.answers.append(self.client.seen())
            time.sleep(0.02)

    def end(self):
        self.stopped = True
        self.join(30)
        return set(self.answers)


def sluice(*args, status=0):
    done = subprocess.run([f"{build}/sluice", *args, "--socket", f"{work}/sluice.sock"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == status, (args, done)
    return done.stdout + done.stderr


def shown(view):
    return json.loads(sluice("show", view, "--json"))


def status():
    return shown("status")


def vnfs():
    return {v["name"]: v for v in shown("vnfs")["vnfs"]}


def sessions(name):
    counters = vnfs()[name]["counters"]
    return counters["translated-out"] + counters["translated-in"]


def mismatches():
    return sum(w["mismatches"] for w in
               json.loads(sluice("fusion", "--json"))["workers"])


def wait(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, status()
        time.sleep(0.05)


def ended():
    lines = sluice("events", "--json").splitlines()
    return [e for e in map(json.loads, lines) if e.get("event") == "drain-ended"][-1]


enter(b)
tcp_server(socket.AF_INET)
tcp_server(socket.AF_INET6)
udp_server()

tcp, udp, six = Client(), Client(socket.SOCK_DGRAM), Client(family=socket.AF_INET6)
silent, mute = Client(), Client(socket.SOCK_DGRAM)
assert silent.seen() == mute.seen() == tcp.seen() == udp.seen() == OLD
talkers = [Talker(tcp), Talker(udp)]
talk6 = Talker(six)

# What cannot be done is refused, and changes nothing.
assert "hand out" in sluice("apply", "--drain", f"{work}/wide.yaml", status=1)
assert "drain" not in status() and status()["generation"] == 1
assert "nothing to drain" in sluice("apply", "--drain=20", f"{work}/old.yaml")
assert "drain" not in status() and status()["generation"] == 2

said = sluice("apply", "--drain=20", f"{work}/new.yaml")
assert "generation 2" in said, said
assert status()["generation"] == 3 and status()["drain"]["state"] == "draining"
wait(lambda: status()["drain"]["flows"] >= 3)
before = sessions("nat@2")
tcp2, udp2 = Client(), Client(socket.SOCK_DGRAM)
assert (tcp2.seen(), udp2.seen()) == (NEW, NEW)
assert silent.seen() == mute.seen() == OLD  # of the latter nobody knows but the NAT
wait(lambda: sessions("nat@2") > before)
assert (tcp2.seen(), udp2.seen()) == (NEW, NEW)
# Each by the steering of its chain.
hops = {h["name"]: h["packets"] for h in shown("nodes")["nodes"]}
assert hops["web@2/fw>"] > 0 and hops["bulk@2/nat@2>"] > 0 and hops["bulk/nat>"] > 0, hops
assert all(t.is_alive() for t in talkers)
# A chain that cannot be applied changes nothing about that.
sluice("apply", f"{work}/broken.yaml", status=1)
assert "still finish" in sluice("apply", "--dry-run", f"{work}/old.yaml", status=1)
assert status()["drain"]["generation"] == 2
assert [h["generation"] for h in json.loads(sluice("history", "--json"))["history"]] == [1, 2, 3]

# Back again: the old NAT has all it had, and nobody noticed.
assert "kept" in sluice("rollback", "--dry-run") and "drain" in status()
sluice("rollback")
assert status()["generation"] == 4 and "drain" not in status()
assert sorted(vnfs()) == ["fw", "nat"]
assert Client().seen() == silent.seen() == OLD
assert ended()["how"] == "it runs again", ended()

if whole:
    # Again, and all that is old ends.
    sluice("apply", "--drain=2", f"{work}/new.yaml")
    tcp2 = Client()
    assert tcp2.seen() == NEW and silent.seen() == OLD
talk = [t.end() for t in talkers]
assert talk == [{OLD}, {OLD}], talk
assert talk6.end() == {"fd00:77::2"}
for old in (tcp, udp, six, silent):
    old.socket.close()
if whole:
    wait(lambda: "drain" not in status())
    assert ended()["how"] in ("no old flow was seen any more", "time was up"), ended()
    assert sorted(vnfs()) == ["fw", "nat"] and tcp2.seen() == NEW
    assert status()["generation"] == 5

    # Time is up for one that does not end.
    sluice("apply", "--drain=1", f"{work}/old.yaml")
    talker = Talker(tcp2)
    wait(lambda: "drain" not in status())
    talker.stopped = True
    assert ended()["how"] == "time was up" and ended()["cut_short"] >= 1, ended()
    assert Client().seen() == OLD
assert mismatches() == 0
END

run()
{
	start "$WORK/old.yaml" --fusion "$1"
	check "fusion $1, $2: old connections stay, new ones go the new way; rollback" \
		timeout 60 python3 "$WORK/clients.py" "$BUILD" "$WORK" "$A" "$B" "$2"
	stop
}
run on whole
run off short
sed -i 's/workers = "1"/workers = "0-1"/' "$WORK/sluice.conf"
run verify short
