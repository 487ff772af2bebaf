# SPDX-License-Identifier: BSD-3-Clause
"""The traffic, the functions and the chains that are measured."""

RULES = 100
POOL = "203.0.113.1-203.0.113.200"
SESSIONS = 1 << 21
SERVICE = "198.19.0.1"
BACKENDS = [f"198.19.1.{i}" for i in range(1, 11)]
MAC = "02:70:63:61:70:00"  # of the first port of net_pcap
TUNNEL = {"local": "172.16.0.1", "peer": "172.16.0.2", "mac": "02:00:00:00:00:02"}
ROUTE = {"to": "198.19.0.0/16", "via": "203.0.113.254"}
NEIGHBOUR = {"address": "203.0.113.254", "mac": "02:00:00:00:00:02"}


def traffic(flows, size):
    out = {"flows": flows, "src": "198.18.0.0/16", "dst": SERVICE, "dport": 53}
    out.update({"imix": True} if size == "imix" else {"size": size})
    return out


def rules(translated=False):
    """100 rules of which the traffic matches the last: each other differs in one field."""
    out = []
    for i in range(RULES - 1):
        out.append({"from": f"10.{i}.0.0/16", "to": f"192.0.2.{i}/32", "dport": 1000 + i})
    source = "203.0.113.0/24" if translated else "198.18.0.0/15"
    return out + [{"from": source, "to": "198.18.0.0/15", "dport": 53}]


def classifier():
    others = [{"match": {"proto": "udp", **rule}, "mark": i + 1}
              for i, rule in enumerate(rules()[:-1])]
    return {"plugin": "classifier",
            "rules": [*others, {"match": {"proto": "udp"}, "mark": 1000}]}


def firewall(sessions=SESSIONS, translated=False):
    return {"plugin": "firewall", "default": "deny", "sessions": sessions,
            "udp": "600 s",
            "rules": [{"allow": "udp", **rule} for rule in rules(translated)]}


def nat(sessions=SESSIONS):
    return {"plugin": "nat", "inside": "198.18.0.0/16", "pool": POOL, "sessions": sessions,
            "subscribers": 1 << 17, "udp-unreplied-timeout": "600 s"}


def balancer(sessions=SESSIONS):
    return {"plugin": "load-balancer", "sessions": sessions, "udp-timeout": "600 s", "services": [
        {"name": "dns", "address": SERVICE, "proto": "udp", "port": 53,
         "backends": [{"address": address} for address in BACKENDS]}]}


def policer():
    """Never exceeded: what is measured is the meter, not a drop."""
    return {"plugin": "policer", "rate": "100 Gbit/s"}


def vxlan():
    return {"plugin": "vxlan", "vni": 100, "local": TUNNEL["local"], "peers": [TUNNEL["peer"]],
            "stations": [{"mac": MAC, "vni": 100, "peer": TUNNEL["peer"]}], "mtu": 1600,
            "underlay": {"source": MAC, "destination": TUNNEL["mac"]}}


def chain(case, flows=1):
    """The functions of a case, in order, with room for that many flows."""
    sessions = SESSIONS if flows < SESSIONS else flows + flows // 4
    eight = {"cls": classifier(), "fw": firewall(sessions), "nat": nat(sessions),
             "lb": balancer(sessions), "pol": policer(), "cls2": classifier(),
             "fw2": firewall(sessions, translated=True), "vx": vxlan()}
    some = {
        "source": [],
        "l3-forward": [],
        "classifier": ["cls"],
        "firewall": ["fw"],
        "nat": ["nat"],
        "chain-3": ["cls", "fw", "nat"],
        "chain-5": ["cls", "fw", "nat", "lb", "vx"],
        "new-flows": ["cls", "fw", "nat", "lb", "vx"],
        "fused-1": list(eight)[:1],
        "fused-2": list(eight)[:2],
        "fused-4": list(eight)[:4],
        "fused-8": list(eight),
    }[case]
    return {name: eight[name] for name in some}


def definition(case, flows, fused, source, sink):
    """A whole chain file between these ports."""
    if case in ("l3-forward", "l3"):
        source = {**source, "addresses": ["192.0.2.1/24"]}
        sink = {**sink, "addresses": ["203.0.113.1/24"], "routes": [ROUTE],
                "neighbours": [NEIGHBOUR]}
        case = "l3-forward"
    elif source["kind"] == "generator":
        source = {**source, "dst-mac": MAC}
    sink = {**sink, "mtu": 1600}  # of the tunnel
    vnfs = chain(case, flows)
    # Twice the flows: each of six functions with sessions ties a flow, and there is room for four
    # times as many ties as flows.
    return {"sluice": 1, "ports": {"in": source, "out": sink}, "vnfs": vnfs,
            "fusion": {"mode": "on" if fused else "off", "flows": max(1 << 20, flows * 2)},
            "paths": {"only": " -> ".join(["in", *vnfs, "out"])}}


def write_pcap(path, flows):
    from scapy.all import IP, UDP, Ether, Raw, wrpcap
    wrpcap(path, [Ether(dst=MAC, src="02:00:00:00:00:02") /
                  IP(src=f"198.18.{i >> 8 & 255}.{i & 255}", dst=SERVICE) /
                  UDP(sport=1024 + i % 60000, dport=53) / Raw(b"x" * 22) for i in range(flows)])
