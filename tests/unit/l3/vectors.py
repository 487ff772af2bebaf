#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Packets in and packets expected for the tests here, made by scapy: an opinion that is not ours.

Run: python3 vectors.py > vectors.h
"""
from scapy.all import (ARP, Ether, ICMP, ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest,
                       ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr,
                       ICMPv6PacketTooBig, ICMPv6ParamProblem, ICMPv6TimeExceeded, IP, IPv6, Raw,
                       TCP, UDP)

US, PEER = "02:00:00:00:00:01", "02:00:00:00:00:10"
GATEWAY = "02:00:00:00:00:fe"
IP4, IP6, LOCAL = "192.0.2.1", "2001:db8::1", "fe80::ff:fe00:1"
PEER4, PEER6 = "192.0.2.10", "2001:db8::10"
FAR4, FAR6 = "203.0.113.5", "2001:db8:ff::5"
ALL, ALL_NODES, EVERYONE = "ff:ff:ff:ff:ff:ff", "ff02::1", "33:33:00:00:00:01"
BODY = Raw(bytes(range(64)))
LONG = Raw(bytes(i & 255 for i in range(1400)))

IN = Ether(dst=US, src=PEER)
BACK = Ether(dst=PEER, src=US)


def padded(packet):
    return bytes(packet).ljust(60, b"\0")


def on_wire(layer):
    return layer.__class__(bytes(layer))


def error4(about, source=IP4, **icmp):
    """What we say about a packet, to its sender, who is the peer on the link."""
    quoted = bytes(about[IP])[:576 - 28]
    return BACK / IP(src=source, dst=about[IP].src, tos=0xc0, ttl=64, id=0) / \
        ICMP(**icmp) / Raw(quoted)


def error6(about, kind, source=IP6):
    quoted = bytes(about[IPv6])[:1280 - 48]
    return BACK / IPv6(src=source, dst=about[IPv6].src, hlim=64) / kind / Raw(quoted)


V = {}
# ARP
V["arp_ask_us"] = padded(Ether(dst=ALL, src=PEER) / ARP(op=1, hwsrc=PEER, psrc=PEER4, pdst=IP4,
                                                        hwdst="00:00:00:00:00:00"))
V["arp_told"] = padded(BACK / ARP(op=2, hwsrc=US, psrc=IP4, hwdst=PEER, pdst=PEER4))
V["arp_ask_claim"] = padded(Ether(dst=ALL, src=PEER) / ARP(op=1, hwsrc=PEER, psrc=PEER4,
                                                           pdst="192.0.2.77"))
V["arp_told_claim"] = padded(BACK / ARP(op=2, hwsrc=US, psrc="192.0.2.77", hwdst=PEER,
                                        pdst=PEER4))
V["arp_probe_us"] = padded(Ether(dst=ALL, src=PEER) / ARP(op=1, hwsrc=PEER, psrc="0.0.0.0",
                                                          pdst=IP4))
V["arp_told_probe"] = padded(BACK / ARP(op=2, hwsrc=US, psrc=IP4, hwdst=PEER, pdst="0.0.0.0"))
V["arp_announce"] = padded(Ether(dst=ALL, src=US) / ARP(op=1, hwsrc=US, psrc=IP4, pdst=IP4,
                                                        hwdst="00:00:00:00:00:00"))
V["arp_asks_20"] = padded(Ether(dst=ALL, src=US) / ARP(op=1, hwsrc=US, psrc=IP4,
                                                       pdst="192.0.2.20",
                                                       hwdst="00:00:00:00:00:00"))
MAC20 = "02:00:00:00:00:20"
V["arp_probes_20"] = padded(Ether(dst=MAC20, src=US) / ARP(op=1, hwsrc=US, psrc=IP4,
                                                           pdst="192.0.2.20",
                                                           hwdst="00:00:00:00:00:00"))
V["arp_20_is"] = padded(Ether(dst=US, src=MAC20) / ARP(op=2, hwsrc=MAC20, psrc="192.0.2.20",
                                                       hwdst=US, pdst=IP4))
V["arp_conflict"] = padded(Ether(dst=ALL, src=PEER) / ARP(op=1, hwsrc=PEER, psrc=IP4, pdst=IP4))

# Neighbour discovery
V["nd_ask_us"] = Ether(dst="33:33:ff:00:00:01", src=PEER) / \
    IPv6(src=PEER6, dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt=IP6) / \
    ICMPv6NDOptSrcLLAddr(lladdr=PEER)
V["nd_told"] = BACK / IPv6(src=IP6, dst=PEER6, hlim=255) / \
    ICMPv6ND_NA(tgt=IP6, R=1, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=US)
V["nd_ask_claim"] = Ether(dst="33:33:ff:00:00:77", src=PEER) / \
    IPv6(src=PEER6, dst="ff02::1:ff00:77", hlim=255) / ICMPv6ND_NS(tgt="2001:db8::77") / \
    ICMPv6NDOptSrcLLAddr(lladdr=PEER)
V["nd_told_claim"] = BACK / IPv6(src="2001:db8::77", dst=PEER6, hlim=255) / \
    ICMPv6ND_NA(tgt="2001:db8::77", R=1, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=US)
V["nd_dad_us"] = Ether(dst="33:33:ff:00:00:01", src=PEER) / \
    IPv6(src="::", dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt=IP6)
V["nd_told_dad"] = Ether(dst=EVERYONE, src=US) / IPv6(src=IP6, dst=ALL_NODES, hlim=255) / \
    ICMPv6ND_NA(tgt=IP6, R=1, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=US)
V["nd_announce"] = Ether(dst=EVERYONE, src=US) / IPv6(src=LOCAL, dst=ALL_NODES, hlim=255) / \
    ICMPv6ND_NA(tgt=IP6, R=1, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=US)
V["nd_asks_20"] = Ether(dst="33:33:ff:00:00:20", src=US) / \
    IPv6(src=IP6, dst="ff02::1:ff00:20", hlim=255) / ICMPv6ND_NS(tgt="2001:db8::20") / \
    ICMPv6NDOptSrcLLAddr(lladdr=US)
V["nd_20_is"] = Ether(dst=US, src=MAC20) / IPv6(src="2001:db8::20", dst=IP6, hlim=255) / \
    ICMPv6ND_NA(tgt="2001:db8::20", R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=MAC20)
V["nd_far"] = Ether(dst="33:33:ff:00:00:01", src=PEER) / \
    IPv6(src=PEER6, dst="ff02::1:ff00:1", hlim=254) / ICMPv6ND_NS(tgt=IP6) / \
    ICMPv6NDOptSrcLLAddr(lladdr=PEER)
V["nd_bad_sum"] = Ether(dst="33:33:ff:00:00:01", src=PEER) / \
    IPv6(src=PEER6, dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt=IP6, cksum=0x1234) / \
    ICMPv6NDOptSrcLLAddr(lladdr=PEER)

# Pings
V["ping4"] = IN / IP(src=PEER4, dst=IP4, id=7, ttl=33) / ICMP(id=9, seq=3) / BODY
V["pong4"] = BACK / IP(src=IP4, dst=PEER4, id=7, ttl=64) / ICMP(type=0, id=9, seq=3) / BODY
V["ping6"] = IN / IPv6(src=PEER6, dst=IP6, hlim=33) / ICMPv6EchoRequest(id=9, seq=3,
                                                                        data=bytes(range(64)))
V["pong6"] = BACK / IPv6(src=IP6, dst=PEER6, hlim=64) / \
    ICMPv6EchoReply(id=9, seq=3, data=bytes(range(64)))

# Forwarding, and errors about it
V["fwd4"] = IN / IP(src=PEER4, dst=FAR4, id=1, ttl=9) / UDP(sport=1000, dport=2000) / BODY
V["fwd4_on"] = IN / IP(src=PEER4, dst=FAR4, id=1, ttl=8) / UDP(sport=1000, dport=2000) / BODY
V["fwd6"] = IN / IPv6(src=PEER6, dst=FAR6, hlim=9) / UDP(sport=1000, dport=2000) / BODY
V["fwd6_on"] = IN / IPv6(src=PEER6, dst=FAR6, hlim=8) / UDP(sport=1000, dport=2000) / BODY
V["ttl4"] = IN / IP(src=PEER4, dst=FAR4, id=1, ttl=1) / UDP(sport=1000, dport=2000) / LONG
V["ttl4_error"] = error4(V["ttl4"], type=11, code=0)
V["ttl6"] = IN / IPv6(src=PEER6, dst=FAR6, hlim=1) / UDP(sport=1000, dport=2000) / LONG
V["ttl6_error"] = error6(V["ttl6"], ICMPv6TimeExceeded(code=0))
V["noroute4_error"] = error4(V["fwd4"], type=3, code=0)
V["noroute6_error"] = error6(V["fwd6"], ICMPv6DestUnreach(code=0))
V["host4"] = IN / IP(src=PEER4, dst="192.0.2.20", id=1, ttl=9) / UDP(sport=1, dport=2) / BODY
V["host4_error"] = error4(V["host4"], type=3, code=1)
V["host6"] = IN / IPv6(src=PEER6, dst="2001:db8::20", hlim=9) / UDP(sport=1, dport=2) / BODY
V["host6_error"] = error6(V["host6"], ICMPv6DestUnreach(code=3))
V["port4"] = IN / IP(src=PEER4, dst=IP4, id=1, ttl=9) / UDP(sport=1000, dport=2000) / BODY
V["port4_error"] = error4(V["port4"], type=3, code=3)
V["port6"] = IN / IPv6(src=PEER6, dst=IP6, hlim=9) / TCP(sport=1000, dport=2000)
V["port6_error"] = error6(V["port6"], ICMPv6DestUnreach(code=4))
V["proto4"] = IN / IP(src=PEER4, dst=IP4, id=1, ttl=9, proto=47) / BODY
V["proto4_error"] = error4(V["proto4"], type=3, code=2)
V["proto6"] = IN / IPv6(src=PEER6, dst=IP6, hlim=9, nh=47) / BODY
V["proto6_error"] = error6(V["proto6"], ICMPv6ParamProblem(code=1, ptr=6))
V["big4"] = IN / IP(src=PEER4, dst=FAR4, id=1, ttl=9, flags="DF") / UDP(sport=1, dport=2) / LONG
V["big4_error"] = error4(V["big4"], type=3, code=4, nexthopmtu=1280)
V["big6"] = IN / IPv6(src=PEER6, dst=FAR6, hlim=9) / UDP(sport=1, dport=2) / LONG
V["big6_error"] = error6(V["big6"], ICMPv6PacketTooBig(mtu=1280))

print("/* SPDX-License-Identifier: BSD-3-Clause */")
print("/* Made by vectors.py; do not edit. */")
print("/* clang-format off */")
print("#ifndef TESTS_UNIT_L3_VECTORS_H\n#define TESTS_UNIT_L3_VECTORS_H\n")
print("#define L3_VECTORS(v) \\")
for name, packet in V.items():
    print(f'\tv({name}, "{bytes(packet).hex()}") \\')
print("\n#endif")
