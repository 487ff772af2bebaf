#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a packet costs at each kind of port that this machine can open: cycles to send it and to
receive it, for the table that `sluice plan` adds up (plugins/costs.json).

  tests/bench/ports.py --build build [--write plugins/costs.json]

As root. One sluice sends from a generator into the port, another receives from the other end; what
generator, parsing and sink cost is taken off.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peers  # noqa: E402
from sluice import Sluice  # noqa: E402

# Memory between two processes: no more than the other takes, for what is dropped is no sending.
SHARED = "2 M/s"
PARSE, SINK = "engine/rx", "port/sink"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def chain(first, last):
    return {"sluice": 1, "ports": {"a": first, "b": last}, "paths": {"only": "a -> b"}}


def busy(worker):
    return worker["busy_cycles"], worker["idle_cycles"], worker["rx"]


def sent(sluice):
    return sluice.show("ports")[1]["tx"]["packets"]


def cycles(sluice, seconds):
    """Of a packet received, without the polls that found none; packets received and sent."""
    cpu, before = peers.CpuTime(sluice.process.pid), busy(sluice.show("workers")[0])
    out = sent(sluice)
    time.sleep(seconds)
    spent, after = cpu.cycles(), busy(sluice.show("workers")[0])
    work, idle, packets = (y - x for x, y in zip(before, after))
    return (spent * work / max(work + idle, 1) / max(packets, 1), packets,
            max(sent(sluice) - out, 1))


class Bench:
    def __init__(self, args, costs):
        self.args, self.found = args, {}
        self.parse = self.known(costs, PARSE)
        self.sink = self.known(costs, SINK)

    @staticmethod
    def known(costs, name):
        return next(c["cycles"][0][1] for c in costs if c["of"] == name)

    def run(self, first, last, worker):
        return Sluice(self.args.build, chain(first, last), False, main=1 - worker, worker=worker,
                      megabytes=512)

    def generator(self, size):
        return {"kind": "generator", "flows": 1000, "size": size}

    def add(self, kind, way, size, value):
        """The least of all runs: what else the machine does only adds to it."""
        print(f"{kind:12} {way} {size:5} {value:8.1f}", flush=True)
        key = kind, way, size
        if value > 0:
            self.found[key] = min(value, self.found.get(key, value))

    def rows(self):
        return [{"of": f"port/{kind}", "way": way, "bytes": size,
                 "cycles": [[1000, round(value, 1), 0.0]]}
                for (kind, way, size), value in self.found.items()]

    def both(self, near, far, size, between, rate):
        """near sends, far receives. Packets that do not fit near's ring cost what they cost."""
        source = {**self.generator(size), **({"rate": rate} if rate else {})}
        ends = {"far": (far, {"kind": "sink"}, 0), "near": (source, near, 1)}
        order = ["near", "far"] if near["kind"] == "vhost-user" else ["far", "near"]
        running = {}
        try:
            idle = self.run(source, {"kind": "sink"}, 1)
            source = cycles(idle, self.args.seconds)[0] - self.sink
            idle.close()
            for end in order:
                running[end] = self.run(*ends[end])
            between()
            time.sleep(1)
            total, received, out = cycles(running["near"], self.args.seconds)
            self.add(near["kind"], "tx", size, (total - source) * received / out)
            self.add(far["kind"], "rx", size,
                     cycles(running["far"], self.args.seconds)[0] - self.parse - self.sink)
        finally:
            for sluice in running.values():
                sluice.close()

    def pair(self, near, far, between=lambda: None, rate=None):
        for size in (64, 1514):
            self.both(near, far, size, between, rate)

    def kernel(self):
        ip("link", "add", "slplan0", "mtu", "1500", "type", "veth", "peer", "name", "slplan1")
        try:
            for name in ("slplan0", "slplan1"):
                ip("link", "set", name, "up")
            for kind in ("af-packet", "af-xdp"):
                self.pair({"kind": kind, "interface": "slplan0"},
                          {"kind": kind, "interface": "slplan1"})
        finally:
            ip("link", "del", "slplan0")

    @staticmethod
    def enslave():
        for name in ("slplan0", "slplan1"):
            ip("link", "set", name, "master", "slplanbr", "up")

    def tap(self):
        """Between them the kernel's bridge, of which nothing is in the workers' time but what the
        kernel does at once."""
        ip("link", "add", "slplanbr", "type", "bridge")
        try:
            ip("link", "set", "slplanbr", "up")
            self.pair({"kind": "tap", "name": "slplan0"}, {"kind": "tap", "name": "slplan1"},
                      self.enslave)
        finally:
            ip("link", "del", "slplanbr")

    def sockets(self):
        with tempfile.TemporaryDirectory(prefix="sluice-ports-") as folder:
            path = f"{folder}/socket"
            self.pair({"kind": "memif", "socket": path, "role": "client"},
                      {"kind": "memif", "socket": path, "role": "server"}, rate=SHARED)
            vhost = {"kind": "vhost-user", "socket": path}
            virtio = {"kind": "virtio-user", "path": path}
            self.pair(virtio, vhost, rate=SHARED)
            self.pair(vhost, virtio, rate=SHARED)

    def files(self):
        """A capture that is read in a loop, one that is written, and nothing."""
        with tempfile.TemporaryDirectory(prefix="sluice-ports-") as folder:
            for size in (64, 1514):
                path = f"{folder}/{size}.pcap"
                idle = self.run(self.generator(size), {"kind": "sink"}, 1)
                source = cycles(idle, self.args.seconds)[0] - self.sink
                idle.close()
                for kind, last, rate in (("pcap", {"write": path}, {"rate": "50 k/s"}),
                                         ("null", {}, {})):
                    writer = self.run({**self.generator(size), **rate}, {"kind": kind, **last}, 1)
                    self.add(kind, "tx", size, cycles(writer, self.args.seconds)[0] - source)
                    time.sleep(0.2)
                    writer.close()
                reader = self.run({"kind": "pcap", "read": path, "loop": True},
                                  {"kind": "sink"}, 1)
                self.add("pcap", "rx", size, cycles(reader, self.args.seconds)[0] - self.parse -
                         self.sink)
                reader.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=["kernel", "tap", "sockets", "files"])
    parser.add_argument("--write", type=pathlib.Path, required=True,
                        help="a table that `sluice plan --measure --costs` has made")
    args = parser.parse_args()
    table = json.loads(args.write.read_text())
    bench = Bench(args, table["costs"])
    for name in args.only * args.runs:
        try:
            getattr(bench, name)()
        except (RuntimeError, subprocess.SubprocessError, OSError) as error:
            print(f"{name}: {error}", file=sys.stderr)
    rows = bench.rows()
    kinds = {row["of"] for row in rows}
    table["costs"] = [c for c in table["costs"] if c["of"] not in kinds] + rows
    args.write.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
