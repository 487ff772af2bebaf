# SPDX-License-Identifier: BSD-3-Clause
"""The tables of docs/performance.md, made of build/bench.json. Each stands there between a line
`<!-- bench: NAME -->` and a line `<!-- end -->`."""
import re

# Of VPP, on this kind of machine at another time.
VPP = {"l3-forward": "47 / 50", "classifier": "140 with forwarding (stateless ACL)",
       "firewall": "95 / 109 with forwarding", "nat": "130 / 178 with forwarding"}
# Cycles of the chain of five: to reach, and of a packet that is parsed, hashed, found, rewritten
# and counted by a hand-written loop. By flows.
GOAL = {1000: 95, 10000: 105, 1000000: 230}
FLOOR = {1000: 55, 10000: 60, 1000000: 138, 4000000: 160}
NONE = "–"


class Rows:
    """The rows of a run, by what they measure."""

    def __init__(self, rows):
        self.found = {}
        for row in rows:
            key = row["case"], row["system"], row["flows"], row["bytes"], row.get("burst")
            self.found[key] = row

    def row(self, case, system, flows, size=64, burst=None):
        return self.found.get((case, system, flows, size, burst))

    def cycles(self, case, system, flows, size=64, burst=None):
        row = self.row(case, system, flows, size, burst)
        return row["cycles"] if row else None


def whole(value):
    return NONE if value is None else f"{value:.0f}"


def tenth(value):
    return NONE if value is None else f"{value:.1f}"


def hundredth(value):
    return NONE if value is None else f"{value:.2f}"


def over(a, b, form=tenth):
    return form(a / b if a is not None and b else None)


def pair(form, values):
    values = list(values)
    return NONE if all(v is None for v in values) else " / ".join(form(v) for v in values)


def table(head, lines):
    out = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in out)


def thousands(number):
    return f"{number:,}"


def functions(rows):
    names = {"l3-forward": "L3 forwarding", "classifier": "classifier, 100 rules",
             "firewall": "firewall, 100 rules, stateful", "nat": "NAT",
             "chain-3": "classifier + firewall + NAT"}
    goals = {"l3-forward": "below VPP", "nat": "below VPP", "chain-3": "under 200 at 10,000"}
    lines = []
    for case, name in names.items():
        points = [(1, 64), (10000, 64), (1000000, 64), (10000, "imix")]
        lines.append([name, *(whole(rows.cycles(case, "sluice unfused", f, s)) for f, s in points),
                      pair(whole, (rows.cycles(case, "sluice", f) for f in (1, 10000))),
                      goals.get(case, NONE), VPP.get(case, NONE)])
    return table(["", "1 flow", "10,000", "1,000,000", "10,000, IMIX", "fused, 1 / 10,000",
                  "goal", "VPP, 1 / 10,000"], lines)


def lengths(rows):
    flows = (1000, 10000, 1000000)
    lines = []
    for count in (1, 2, 4, 8):
        case = f"fused-{count}"
        fused = [rows.cycles(case, "sluice", f) for f in flows]
        unfused = [rows.cycles(case, "sluice unfused", f) for f in flows]
        lines.append([str(count), *map(whole, fused), *map(whole, unfused),
                      over(fused[1], unfused[1], hundredth)])
    return table(["functions", *(f"fused, {thousands(f)}" for f in flows),
                  *(f"unfused, {thousands(f)}" for f in flows), "fused / unfused at 10,000"], lines)


def chain(rows):
    lines = []
    for flows, size in ((1000, 64), (10000, 64), (1000000, 64), (4000000, 64), (10000, 512),
                        (10000, 1518), (10000, "imix")):
        fused = rows.cycles("chain-5", "sluice", flows, size)
        unfused = rows.cycles("chain-5", "sluice unfused", flows, size)
        small = size == 64
        lines.append([thousands(flows), "IMIX" if size == "imix" else str(size), whole(fused),
                      whole(unfused), over(fused, unfused, hundredth),
                      whole(GOAL.get(flows)) if small else NONE,
                      whole(FLOOR.get(flows)) if small else NONE])
    return table(["flows", "bytes", "fused", "unfused", "fused / unfused", "goal", "floor"], lines)


def new_flows(rows):
    lines = []
    for system, name in (("sluice", "fused"), ("sluice unfused", "unfused")):
        row = rows.row("new-flows", system, 4000000)
        lines.append([name, whole(row and row["cycles"]), hundredth(row and row["mpps"])])
    return table(["", "cycles a new flow", "millions a second, generator and sink included"], lines)


def verdict(value, limit, form, at_most=True):
    if value is None:
        return [NONE, NONE]
    met = value <= limit if at_most else value >= limit
    return [form(value), "yes" if met else "no"]


def ratio(a, b):
    return a / b if a is not None and b else None


def goals(rows):
    def fused(case, flows):
        return rows.cycles(case, "sluice", flows)

    lines = [[f"cycles at {thousands(flows)} flows", f"at most {goal}",
              *verdict(fused("chain-5", flows), goal, whole)] for flows, goal in GOAL.items()]
    for flows in (1000, 10000, 1000000):
        lines.append([f"eight functions against one, {thousands(flows)} flows", "at most 1.25",
                      *verdict(ratio(fused("fused-8", flows), fused("fused-1", flows)), 1.25,
                               hundredth)])
    for flows in (1000, 10000, 1000000):
        unfused = rows.cycles("chain-5", "sluice unfused", flows)
        lines.append([f"fused against unfused, {thousands(flows)} flows", "at most 0.33",
                      *verdict(ratio(fused("chain-5", flows), unfused), 1 / 3, hundredth)])
    for flows in (1, 10000):
        other = rows.cycles("ports-chain-5", "ovs-dpdk", flows)
        lines.append([f"Open vSwitch-DPDK against sluice through ports, {thousands(flows)} "
                      f"flow{'s' if flows > 1 else ''}", "at least 10",
                      *verdict(ratio(other, fused("ports-chain-5", flows)), 10, tenth, False)])
    row = rows.row("new-flows", "sluice", 4000000)
    lines.append(["millions of new flows a second", "at least 1.5",
                  *verdict(row and row["mpps"], 1.5, hundredth, False)])
    return table(["goal, chain of five", "", "reached", "met"], lines)


def ports(rows):
    names = {"forward": "forward", "l3": "L3 forwarding", "filter": "100 rules, stateful",
             "nat": "NAT", "chain-3": "classifier + firewall + NAT",
             "chain-5": "the same + load balancer + VXLAN"}
    systems = ("sluice", "sluice unfused", "testpmd", "rte_graph", "ovs-dpdk", "kernel")
    lines = []
    for case, name in names.items():
        cell = {s: [rows.cycles(f"ports-{case}", s, f) for f in (1, 10000)] for s in systems}
        lines.append([name, *(pair(whole, cell[s]) for s in systems),
                      pair(tenth, map(ratio, cell["ovs-dpdk"], cell["sluice"])),
                      pair(whole, map(ratio, cell["kernel"], cell["sluice"]))])
    return table(["", "sluice", "unfused", "testpmd io", "rte_graph", "Open vSwitch", "kernel",
                  "Open vSwitch / sluice", "kernel / sluice"], lines)


def nodes(rows):
    names = {"idle-nodes-0": "source, sink", "idle-nodes-1": "1 × nothing",
             "idle-nodes-4": "4 × nothing", "idle-nodes-8": "8 × nothing", "nodes-1": "1 × touch",
             "nodes-4": "4 × touch", "nodes-8": "8 × touch", "split-merge-4": "split-merge-4"}
    lines = [[name, *(tenth(rows.cycles(case, system, 256, 64, burst)) for burst in (32, 256)
                      for system in ("plain-c", "sluice", "rte_graph"))]
             for case, name in names.items()]
    return table(["", "burst 32: plain C", "sluice", "rte_graph", "burst 256: plain C", "sluice",
                  "rte_graph"], lines)


def per_node(rows):
    def cost(kind, system, burst):
        ends = [rows.cycles(f"{kind}-{n}", system, 256, 64, burst) for n in (0, 8)]
        return None if None in ends else (ends[1] - ends[0]) / 8

    def minus(a, b):
        return None if a is None or b is None else a - b

    lines = []
    for burst in (32, 256):
        costs = [cost("idle-nodes", s, burst) for s in ("sluice", "rte_graph")]
        calls = [None if c is None else c * burst for c in costs]
        lines.append([f"calling a node that does nothing, cycles a call, burst {burst}",
                      *map(whole, calls), over(*calls, form=hundredth)])
    for burst in (32, 256):
        costs = []
        for system in ("sluice", "rte_graph"):
            touching = minus(rows.cycles("nodes-8", system, 256, 64, burst),
                             rows.cycles("idle-nodes-0", system, 256, 64, burst))
            plain = minus(rows.cycles("nodes-8", "plain-c", 256, 64, burst),
                          rows.cycles("idle-nodes-0", "plain-c", 256, 64, burst))
            above = minus(touching, plain)
            costs.append(None if above is None else above / 8)
        lines.append([f"touching node above plain C, cycles a packet, burst {burst}",
                      *map(hundredth, costs), ""])
    return table(["", "sluice", "rte_graph", "ratio"], lines)


def index(rows):
    lines = [[thousands(n), *(tenth(rows.cycles("find", s, n, 16)) for s in ("sluice", "rte_hash"))]
             for n in (1000, 10000, 100000, 1000000)]
    return table(["sessions", "`sl_index`", "`rte_hash`, the same hash given"], lines)


def plan(rows):
    """Predicted over measured."""
    lines = []
    for case in dict.fromkeys(key[0] for key in rows.found if key[0].startswith("plan-")):
        for flows in (1000, 10000):
            cells = []
            for word in (" unfused", ""):
                values = [rows.cycles(case, system + word, flows)
                          for system in ("sluice", "predicted", "default")]
                cells += [whole(values[0]), whole(values[1]), over(values[1], values[0], hundredth),
                          over(values[2], values[0], hundredth)]
            lines.append([case[5:], thousands(flows), *cells])
    return table(["chain", "flows", "unfused: measured", "predicted", "ratio", "by the shipped table",
                  "fused: measured", "predicted", "ratio", "by the shipped table"], lines)


def change(rows):
    names = {"apply": "applies: functions added, removed, reordered, other rules",
             "rollback": "rollbacks", "reload": "reloads of firewall and NAT, 100,000 sessions"}
    lines = []
    for case, name in names.items():
        row = rows.row(f"change-{case}", "sluice", 100000 if case == "reload" else 16384)
        if row is None:
            continue
        lines.append([name, str(row["changes"]), thousands(row["packets"]),
                      *(str(row[key]) for key in ("drops", "lost", "reordered")),
                      str(row.get("sessions_lost", NONE)), pair(tenth, row["own_gap_us"]),
                      pair(tenth, row["gap_us"])])
    for case, name in names.items():
        row = rows.row(f"change-{case}-nothing", "sluice", 100000 if case == "reload" else 16384)
        if row is None:
            continue
        what = name.partition(":")[0].partition(" of ")[0]
        window = tenth(row["window_us"] / 1000)
        lines.append([f"nothing changed, in windows of {window} ms, as {what} take",
                      str(row["windows"]), *[NONE] * 6, pair(tenth, row["gap_us"])])
    return table(["", "changes", "packets", "dropped", "missing", "out of order", "sessions lost",
                  "gap, own time: p50 / p99 / max, µs", "gap, by the clock"], lines)


TABLES = {"change": change, "plan": plan, "functions": functions, "chain-lengths": lengths, "chain-5": chain,
          "new-flows": new_flows, "goals": goals, "ports": ports, "nodes": nodes,
          "per-node": per_node, "index": index}


def everything(rows):
    return "\n\n".join(f"<!-- bench: {name} -->\n{make(rows)}\n<!-- end -->"
                       for name, make in TABLES.items())


def update(path, rows):
    """Replace what stands between the markers."""
    text = path.read_text()
    for name in re.findall(r"<!-- bench: ([\w-]+) -->", text):
        place = re.compile(rf"(<!-- bench: {name} -->\n).*?(<!-- end -->)", re.S)
        text = place.sub(lambda m, name=name: m[1] + TABLES[name](rows) + "\n" + m[2], text)
    path.write_text(text)
