# SPDX-License-Identifier: BSD-3-Clause
"""What the kernel's own packet path costs on one core: nftables with connection tracking and NAT,
and a VXLAN device, between a veth and a device that throws away what it is given.

A generator of sluice's on the other core sends by packet sockets into one end of a veth. The other
end is polled by a NAPI thread of its own (threaded NAPI), which carries a packet through to the
end: routing, all hooks, encapsulation, and the output device. That thread is alone on the measured
core, and the kernel accounts its processor time to it, so that a packet's cost can be told as for
a program that polls. The sender's cost is not in it, nor is a driver's: a veth hands over what the
socket has made, as a NIC's driver does not. The output is an `ifb`, which counts what it drops."""
import os
import pathlib
import subprocess
import time

import peers
from sluice import Sluice

NAMESPACES = "sluice-bench-kernel", "sluice-bench-sender"
MAC = "02:00:00:00:00:01"


def ip(*words, check=True):
    subprocess.run(["ip", *words], check=check, capture_output=True, text=True, timeout=20)


def ruleset(functions, chains):
    """nftables' for these of classifier, firewall, nat and lb. A verdict is kept in the
    connection's mark, as traffic one way never makes a UDP connection `established`."""
    text = ["table ip bench {"]
    if "firewall" in functions:
        lines = ["type filter hook forward priority filter; policy drop;",
                 "ct mark 1 accept"]
        lines += [f"ip saddr {r['from']} ip daddr {r['to']} udp dport {r['dport']} "
                  "ct mark set 1 accept" for r in chains.rules()]
        text += ["chain filter_forward {", *lines, "}"]
    if "classifier" in functions:
        text += ["chain classify {", "type filter hook prerouting priority mangle;",
                 "ct mark 1 meta mark set 1000 accept", "meta l4proto udp meta mark set 1000", "}"]
    if "nat" in functions:
        text += ["chain translate {", "type nat hook postrouting priority srcnat;",
                 f"ip saddr 198.18.0.0/16 snat to {chains.POOL}", "}"]
    if "lb" in functions:
        places = ", ".join(f"{i} : {address}" for i, address in enumerate(chains.BACKENDS))
        text += ["chain balance {", "type nat hook prerouting priority dstnat;",
                 f"ip daddr {chains.SERVICE} udp dport 53 dnat to "
                 f"jhash ip saddr . udp sport mod {len(chains.BACKENDS)} map {{ {places} }}", "}"]
    if "vxlan" in functions:
        text += ["chain outer {", "type filter hook output priority raw;",
                 "udp dport 4789 notrack", "}"]
    return "\n".join([*text, "}"]) + "\n"


class Kernel:
    """Two namespaces, gone when closed."""

    def __init__(self, functions, chains, worker=1):
        kernel, sender = NAMESPACES
        self.sender = self.witness = None
        self.close()
        try:
            for name in NAMESPACES:
                ip("netns", "add", name)
            ip("-n", sender, "link", "add", "s0", "type", "veth", "peer", "name", "in0", "netns",
               kernel)
            ip("-n", kernel, "link", "add", "out0", "type", "ifb")
            ip("-n", kernel, "link", "set", "in0", "address", MAC)
            ip("-n", sender, "link", "set", "s0", "up")
            # Else packets of a socket go past the receiver's NAPI.
            subprocess.run(["ip", "netns", "exec", sender, "ethtool", "-K", "s0", "tso", "off"],
                           check=True, capture_output=True, text=True, timeout=20)
            for link in ("lo", "in0", "out0"):
                ip("-n", kernel, "link", "set", link, "up")
            self._inside("tc", "qdisc", "replace", "dev", "out0", "root", "noqueue")
            self._route(chains.TUNNEL, "vxlan" in functions)
            self._inside("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0",
                         "net.ipv4.conf.in0.rp_filter=0")
            self._inside("nft", "-f", "-", given=ruleset(functions, chains))
            self.threads = self._poller(worker)
            self.witness = subprocess.Popen(["ip", "netns", "exec", kernel, "sleep", "3600"])
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _inside(*words, given=None):
        subprocess.run(["ip", "netns", "exec", NAMESPACES[0], *words], check=True, input=given,
                       capture_output=True, text=True, timeout=20)

    @staticmethod
    def _route(tunnel, vxlan):
        n = NAMESPACES[0]
        ip("-n", n, "addr", "add", "192.0.2.1/24", "dev", "in0")
        ip("-n", n, "addr", "add", f"{tunnel['local']}/24", "dev", "out0")
        ip("-n", n, "neigh", "add", tunnel["peer"], "lladdr", tunnel["mac"], "dev", "out0",
           "nud", "permanent")
        if not vxlan:
            ip("-n", n, "route", "add", "default", "via", tunnel["peer"])
            return
        ip("-n", n, "link", "add", "vx0", "type", "vxlan", "id", "100", "dstport", "4789", "remote",
           tunnel["peer"], "local", tunnel["local"], "dev", "out0", "noudpcsum")
        ip("-n", n, "link", "set", "vx0", "up")
        ip("-n", n, "addr", "add", "172.17.0.1/24", "dev", "vx0")
        ip("-n", n, "neigh", "add", "172.17.0.2", "lladdr", "02:00:00:00:00:03", "dev", "vx0",
           "nud", "permanent")
        ip("-n", n, "route", "add", "default", "via", "172.17.0.2")

    def _poller(self, worker):
        """Its process id: the thread that polls in0, alone on its core."""
        before = self._napi()
        self._inside("ethtool", "-K", "in0", "gro", "on", "rx-udp-gro-forwarding", "off")
        self._inside("sh", "-c", "echo 1 > /sys/class/net/in0/threaded")
        for _ in range(50):
            new = self._napi() - before
            if new:
                break
            time.sleep(0.1)
        else:
            raise FileNotFoundError("a NAPI thread")
        for pid in new:
            os.sched_setaffinity(pid, {worker})
            os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, 0))
        return new

    @staticmethod
    def _napi():
        found = set()
        for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
            try:
                if path.read_text().startswith("napi/in0"):
                    found.add(int(path.parent.name))
            except OSError:
                pass
        return found

    def send(self, build, traffic, main=0):
        """Packets for ever, from the other core."""
        chain = {"sluice": 1, "ports": {
            "in": {"kind": "generator", "dst-mac": MAC, **traffic},
            "out": {"kind": "af-packet", "interface": "s0", "bypass-qdisc": True}},
            "paths": {"only": "in -> out"}}
        self.sender = Sluice(build, chain, False, main=main, worker=main, megabytes=256,
                             within=("ip", "netns", "exec", NAMESPACES[1]))

    def _look(self):
        """Nanoseconds that the polling threads had a core, packets that came, and those that went
        to the end."""
        spent = sum(int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0])
                    for pid in self.threads)
        for line in pathlib.Path(f"/proc/{self.witness.pid}/net/dev").read_text().splitlines():
            words = line.split()
            if words[0] == "in0:":
                came = int(words[2])
            elif words[0] == "out0:":
                carried = int(words[4])
        return spent, came, carried

    def measure(self, seconds):
        """Cycles a packet."""
        before = self._look()
        time.sleep(seconds)
        spent, came, carried = (b - a for a, b in zip(before, self._look()))
        if carried < 0.99 * came - 300:
            raise RuntimeError(f"the kernel carried {carried} of {came} packets")
        return spent * peers.tsc_mhz() / 1000 / max(carried, 1)

    def close(self):
        if self.sender:
            self.sender.kill()
            self.sender.folder.cleanup()
        if self.witness:
            self.witness.kill()
            self.witness.wait()
        self.sender = self.witness = None
        for name in NAMESPACES:
            ip("netns", "del", name, check=False)
