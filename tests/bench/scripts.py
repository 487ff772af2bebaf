#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What scripts cost: cycles a packet of plugins/lua on one core, as in the table of its page.

  tests/bench/scripts.py [--build build] [--runs 3] [--seconds 0.5]

A generator, one function, a sink, on one worker; 64-byte UDP of 10,000 flows. What generator and
sink cost with a function that does nothing in its place (a rule that matches nothing) is taken off.
"""
import argparse
import os
import pathlib
import statistics
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sluice import Sluice  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def each(body):
    return ("function process(batch)\nfor _, packet in ipairs(batch) do\n" + body + "\nend\nend")


NODES = {
    "an empty script": "function process(batch) end",
    "a loop that looks at nothing": each(""),
    "read one field": each("if packet.udp.dport == 1 then packet:drop() end"),
    "compare the source with a prefix": each("if packet:from('10.0.0.0/8') then packet:drop() end"),
    "count down the TTL": each("packet.ip.ttl = packet.ip.ttl - 1"),
    "rewrite TTL, DSCP and a port": each(
        "local ip, udp = packet.ip, packet.udp\n"
        "ip.ttl = ip.ttl - 1 ip.dscp = 46 udp.dport = udp.dport + 1"),
    "rewrite an address, by its text": each("packet.ip.dst = '192.0.2.9'"),
    "sum up 22 bytes of payload": each(
        "local sum = 0\nfor i = packet.payload, packet.length - 1 do sum = sum + packet:u8(i) end\n"
        "if sum == 1 then packet:drop() end"),
    "search the payload for a text": each(
        "if packet:bytes(packet.payload):find('GET ', 1, true) then packet:drop() end"),
}
POLICY = {"plugin": "lua/policy", "script":
          "function decide(flow) if flow.dport == 25 then flow:drop() else flow.mark = 7 end end"}
NOTHING = {"plugin": "classifier", "rules": [{"match": {"proto": "tcp"}, "mark": 1}]}


def chain(function, fusion):
    return {"sluice": 1, "fusion": {"mode": fusion, "sample": 0},
            "ports": {"lan": {"kind": "generator", "flows": 10000, "size": 64, "dport": 53},
                      "wan": {"kind": "sink"}},
            "vnfs": {"it": function}, "paths": {"only": "lan -> it -> wan"}}


def cycles(args, function, fusion):
    found = []
    for _ in range(args.runs):
        run = Sluice(args.build, chain(function, fusion), False, megabytes=512)
        run.settle(1000000)
        found.append(run.measure(args.seconds))
        run.close()
    return statistics.median(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=ROOT / "build")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5)
    args = parser.parse_args()
    walk, fused = cycles(args, NOTHING, "off"), cycles(args, NOTHING, "on")
    print(f"a function that does nothing: {walk:.0f} unfused, {fused:.0f} fused")
    print("| script | cycles a packet |\n| --- | --- |")
    for name, script in NODES.items():
        print(f"| {name} | {cycles(args, {'plugin': 'lua', 'script': script}, 'off') - walk:.0f} |")
    print(f"| a policy, known session, unfused | {cycles(args, POLICY, 'off') - walk:.0f} |")
    print(f"| a policy, fused | {cycles(args, POLICY, 'on') - fused:.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
