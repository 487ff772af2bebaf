#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes vectors.txt: packets made by Scapy, and where Scapy says that their headers are.

Each line: name l3 l4 payload flags family proto tcp-flags vlan verdict hex
test_parse.c names the lines whose hashes must be equal.
"""
from scapy.all import (ARP, AH, Dot1AD, Dot1Q, ESP, Ether, GRE, ICMP, IP, IPOption_RR, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                       IPv6ExtHdrRouting, ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6ND_NS,
                       Raw, SCTP, TCP, UDP, load_contrib)
from scapy.contrib.mpls import MPLS

MALFORMED, FRAGMENT, LATER, OPTIONS, VLAN, GROUP = 1, 2, 4, 8, 16, 32
OK, SHORT, UNREADABLE, CUT, HEADER, CHECKSUM, CHAIN = range(7)
E = Ether(src='02:00:00:00:00:01', dst='02:00:00:00:00:02')
I4 = IP(src='192.0.2.1', dst='198.51.100.7')
B4 = IP(src='198.51.100.7', dst='192.0.2.1')
I6 = IPv6(src='2001:db8::1', dst='2001:db8:1::7')
B6 = IPv6(src='2001:db8:1::7', dst='2001:db8::1')
lines = []


def add(name, packet, l3, l4=0, payload=0, flags=0, family=0, proto=0, tcp=0, vlan=0,
        verdict=OK):
    lines.append(f'{name} {l3} {l4} {payload} {flags} {family} {proto} {tcp} {vlan} {verdict} '
                 f'{bytes(packet).hex()}')


def ip(name, packet, flags=0, transport=None, head=0, verdict=OK, proto=None):
    """Offsets from Scapy's own layers."""
    packet = packet.__class__(bytes(packet))
    family, layer = (4, IP) if IP in packet else (6, IPv6)
    l3 = len(packet) - len(packet[layer])
    vlan = 0
    if Dot1Q in packet or Dot1AD in packet:
        flags |= VLAN
        tag = packet[Dot1AD] if Dot1AD in packet else packet[Dot1Q]
        vlan = tag.prio << 13 | tag.id << 12 | tag.vlan
    l4 = payload = 0
    if transport:
        l4 = len(packet) - len(packet[transport])
        payload = l4 + head
    if proto is None:
        proto = packet[layer].proto if family == 4 else packet[layer].nh
    tcp = int(packet[TCP].flags) & 255 if transport is TCP else 0
    add(name, packet, l3, l4, payload, flags, family, proto, tcp, vlan, verdict)


ip('udp4', E / I4 / UDP(sport=1000, dport=2000) / b'abc', 0, UDP, 8)
ip('udp4-back', E / B4 / UDP(sport=2000, dport=1000) / b'xyz', 0, UDP, 8)
ip('udp4-other', E / I4 / UDP(sport=1001, dport=2000) / b'abc', 0, UDP, 8)
ip('tcp4', E / I4 / TCP(sport=80, dport=4000, flags='SA'), 0, TCP, 20)
ip('tcp4-back', E / B4 / TCP(sport=4000, dport=80, flags='R'), 0, TCP, 20)
ip('tcp4-mss', E / I4 / TCP(sport=80, dport=4000, flags='S', options=[('MSS', 1460)]), 0, TCP, 24)
ip('tcp4-options-60', E / I4 / TCP(flags='FPU', options=[('NOP', None)] * 40), 0, TCP, 60)
ip('sctp4', E / I4 / SCTP(sport=5, dport=6) / b'chunk', 0, SCTP, 12)
ip('icmp4', E / I4 / ICMP(id=7) / b'ping', 0, ICMP, 8)
ip('gre4', E / I4 / GRE(proto=0x6558) / b'xxxxxxxxxxxxxx', 0, GRE, 4)
add('esp4', E / I4 / ESP(spi=1, seq=2) / b'12345678', 14, 34, 42, 0, 4, 50)
add('ipip4', E / I4 / IP(src='10.0.0.1', dst='10.0.0.2') / UDP(), 14, 34, 54, 0, 4, 4)
add('unknown4', E / IP(src='192.0.2.1', dst='198.51.100.7', proto=253) / b'123', 14, 34, 34, 0, 4,
    253)
ip('options4', E / IP(src='192.0.2.1', dst='198.51.100.7', options=[IPOption_RR()]) /
   UDP(sport=1000, dport=2000), OPTIONS, UDP, 8)
ip('group4', Ether(dst='01:00:5e:00:00:01') / I4 / UDP(sport=1000, dport=2000), GROUP, UDP, 8)
ip('vlan4', E / Dot1Q(vlan=100, prio=5) / I4 / TCP(sport=80, dport=4000, flags='A'), 0, TCP, 20)
ip('qinq4', E / Dot1AD(vlan=200) / Dot1Q(vlan=100) / I4 / UDP(sport=1000, dport=2000), 0, UDP, 8)
ip('vlan6', E / Dot1Q(vlan=4094) / I6 / UDP(sport=1000, dport=2000), 0, UDP, 8)
add('vlan-arp', E / Dot1Q(vlan=3) / ARP(psrc='192.0.2.1', pdst='192.0.2.2'), 18, 0, 0, VLAN, 8,
    vlan=3)
add('arp', Ether(dst='ff:ff:ff:ff:ff:ff') / ARP(psrc='192.0.2.1', pdst='192.0.2.2'), 14, 0, 0,
    GROUP, 8)
add('arp-back', E / ARP(op=2, psrc='192.0.2.2', pdst='192.0.2.1'), 14, 0, 0, 0, 8)
add('arp-cut', bytes(E / ARP())[:41], 14, 0, 0, MALFORMED, 8, verdict=CUT)
add('mpls', E / MPLS(label=17, s=0) / MPLS(label=18, s=1) / I4 / UDP(sport=1000, dport=2000), 14, 0,
    0, 0, 9)
add('mpls-back', E / MPLS(label=99, s=1) / B4 / UDP(sport=2000, dport=1000), 14, 0, 0, 0, 9)
add('lldp', bytes.fromhex('0180c200000e02000000000188cc0207'), 14, 0, 0, GROUP)
add('llc', bytes.fromhex('0180c2000000020000000001002642420300'), 14, 0, 0, GROUP)
add('bare', bytes(E) [:12] + b'\x88\xb5', 14)
add('tags-4', bytes(E)[:12] + b'\x81\x00\x00\x01' * 4 + b'\x88\xb5', 30, flags=VLAN, vlan=1)
add('tags-5', bytes(E)[:12] + b'\x81\x00\x00\x01' * 5 + b'\x88\xb5', 30, flags=VLAN | MALFORMED,
    vlan=1, verdict=CHAIN)
add('tag-cut', bytes(E)[:12] + b'\x81\x00\x00', 14, flags=MALFORMED, verdict=CUT)
add('short', bytes(E)[:13], 0, verdict=SHORT)

# Padded to the least length of Ethernet: the payload ends with the IP packet.
add('padded4', bytes(E / I4 / UDP(sport=1000, dport=2000, len=8)) + bytes(18), 14, 34, 42, 0, 4, 17)
cut = bytes(E / IP(src='192.0.2.1', dst='198.51.100.7', len=39, proto=6) / Raw(bytes(TCP())))
add('tcp-beyond-ip4', cut, 14, 0, 0, 0, 4, 6)
add('tcp-offset-4', bytes(E / I4 / TCP(dataofs=4)), 14, 0, 0, 0, 4, 6)
add('tcp-options-beyond', bytes(E / I4 / TCP(dataofs=15)), 14, 0, 0, 0, 4, 6)
add('udp-cut4', bytes(E / IP(src='192.0.2.1', dst='198.51.100.7', proto=17) / b'1234567'), 14, 0, 0,
    0, 4, 17)
add('empty4', bytes(E / IP(src='192.0.2.1', dst='198.51.100.7', proto=253)), 14, 0, 0, 0, 4, 253)
add('longer-than-frame4', bytes(E / IP(src='1.1.1.1', dst='2.2.2.2', len=29, proto=17) /
                                b'12345678'), 14, 0, 0, MALFORMED, 4, verdict=CUT)
add('header-cut4', bytes(E / I4)[:33], 14, 0, 0, MALFORMED, 4, verdict=CUT)
add('version-5', bytes(E) [:12] + b'\x08\x00' + bytes(IP(version=5) / UDP()), 14, 0, 0, MALFORMED, 4,
    verdict=HEADER)
add('ihl-4', bytes(E) [:12] + b'\x08\x00' + bytes(IP(ihl=4) / UDP()), 14, 0, 0, MALFORMED, 4,
    verdict=HEADER)
add('total-19', bytes(E) [:12] + b'\x08\x00' + bytes(IP(len=19) / UDP()), 14, 0, 0, MALFORMED, 4,
    verdict=HEADER)
bad = bytearray(bytes(E / I4 / UDP(sport=1000, dport=2000)))
bad[22] ^= 1
add('checksum4', bad, 14, 0, 0, MALFORMED, 4, verdict=CHECKSUM)
bad = bytearray(bytes(E / IP(src='192.0.2.1', dst='198.51.100.7', options=[IPOption_RR()]) / UDP()))
bad[22] ^= 1
add('checksum-options4', bad, 14, 0, 0, MALFORMED, 4, verdict=CHECKSUM)

ip('frag4-first', E / IP(src='192.0.2.1', dst='198.51.100.7', flags='MF', id=9) /
   UDP(sport=1, dport=2, len=100, chksum=1) / bytes(24), FRAGMENT, UDP, 8)
add('frag4-later', E / IP(src='192.0.2.1', dst='198.51.100.7', frag=4, flags='MF', id=9, proto=17) /
    bytes(32), 14, 0, 0, FRAGMENT | LATER, 4, 17)
add('frag4-last', E / IP(src='192.0.2.1', dst='198.51.100.7', frag=8, id=9, proto=17) / bytes(8),
    14, 0, 0, FRAGMENT | LATER, 4, 17)
add('frag4-back', E / IP(src='198.51.100.7', dst='192.0.2.1', frag=8, id=9, proto=6) / bytes(8),
    14, 0, 0, FRAGMENT | LATER, 4, 6)
add('frag4-tiny', E / IP(src='192.0.2.1', dst='198.51.100.7', flags='MF', id=9, proto=6) / bytes(8),
    14, 0, 0, FRAGMENT, 4, 6)

ip('udp6', E / I6 / UDP(sport=1000, dport=2000) / b'abc', 0, UDP, 8)
ip('udp6-back', E / B6 / UDP(sport=2000, dport=1000) / b'xyz', 0, UDP, 8)
ip('tcp6', E / I6 / TCP(sport=80, dport=4000, flags='PA', options=[('NOP', None)] * 12), 0, TCP, 32)
ip('icmp6', E / I6 / ICMPv6EchoRequest(id=7), 0, ICMPv6EchoRequest, 8)
add('ns6', E / I6 / ICMPv6ND_NS(tgt='2001:db8::2'), 14, 54, 62, 0, 6, 58)
add('hop6', E / I6 / IPv6ExtHdrHopByHop() / UDP(sport=1000, dport=2000), 14, 62, 70, OPTIONS, 6, 17)
add('chain6', E / I6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() /
    IPv6ExtHdrRouting(addresses=['2001:db8::9']) / IPv6ExtHdrDestOpt() / TCP(sport=80, dport=4000,
                                                                           flags='S'),
    14, 102, 122, OPTIONS, 6, 6, 2)
add('ah6', E / IPv6(src='2001:db8::1', dst='2001:db8:1::7', nh=51) /
    Raw(bytes.fromhex('11040000000000010000000100112233445566778899aabb')) /
    UDP(sport=1000, dport=2000), 14, 78, 86, OPTIONS, 6, 17)
add('mobility6', E / IPv6(src='2001:db8::1', dst='2001:db8:1::7', nh=135) /
    Raw(bytes.fromhex('3b00000000000000')), 14, 0, 0, OPTIONS, 6, 59)
add('esp6', E / I6 / ESP(spi=1, seq=2) / b'12345678', 14, 54, 62, 0, 6, 50)
add('none6', E / IPv6(src='2001:db8::1', dst='2001:db8:1::7', nh=59) / b'padding', 14, 0, 0, 0, 6, 59)
add('empty6', E / IPv6(src='2001:db8::1', dst='2001:db8:1::7', nh=17), 14, 0, 0, 0, 6, 17)
opts = b''.join(bytes([60, 0, 1, 4, 0, 0, 0, 0]) for _ in range(15))
add('extensions-16', bytes(E / IPv6(src='2001:db8::1', dst='2001:db8:1::7', nh=60) /
                           Raw(opts + bytes([17, 0, 1, 4, 0, 0, 0, 0])) / UDP(sport=1000, dport=2000)),
    14, 182, 190, OPTIONS, 6, 17)
add('extensions-17', bytes(E / IPv6(src='2001:db8::1', dst='2001:db8:1::7', nh=60) /
                           Raw(opts + bytes([60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0])) /
                           UDP(sport=1000, dport=2000)),
    14, 0, 0, OPTIONS | MALFORMED, 6, verdict=CHAIN)
add('extension-cut', bytes(E / IPv6(src='2001:db8::1', dst='2001:db8:1::7', nh=60) /
                           Raw(bytes([17, 1, 1, 12]) + bytes(8))), 14, 0, 0, OPTIONS | MALFORMED, 6,
    verdict=CUT)
add('header-cut6', bytes(E / I6)[:53], 14, 0, 0, MALFORMED, 6, verdict=CUT)
add('version-7', bytes(E) [:12] + b'\x86\xdd' + bytes(IPv6(version=7) / UDP()), 14, 0, 0, MALFORMED, 6,
    verdict=HEADER)
add('longer-than-frame6', bytes(E / IPv6(plen=9, nh=17) / b'12345678'), 14, 0, 0, MALFORMED, 6,
    verdict=CUT)
add('atomic6', E / I6 / IPv6ExtHdrFragment() / UDP(sport=1000, dport=2000), 14, 62, 70, OPTIONS, 6,
    17)
add('frag6-first', E / I6 / IPv6ExtHdrFragment(m=1, id=5) / IPv6ExtHdrDestOpt() /
    UDP(sport=1, dport=2, len=100, chksum=1) / bytes(16), 14, 70, 78, FRAGMENT | OPTIONS, 6, 17)
add('frag6-later', E / I6 / IPv6ExtHdrFragment(offset=4, m=0, id=5, nh=60) / bytes(16), 14, 0, 0,
    FRAGMENT | LATER, 6, 60)
add('frag6-cut', E / IPv6(src='2001:db8::1', dst='2001:db8:1::7', nh=44) / b'1234567', 14, 0, 0,
    MALFORMED, 6, verdict=CUT)

# ICMP errors hash like the session that they are about.
ip('error4', E / IP(src='203.0.113.9', dst='192.0.2.1') / ICMP(type=3, code=1) /
   I4 / UDP(sport=1000, dport=2000), 0, ICMP, 8)
add('error6', E / IPv6(src='2001:db8:9::9', dst='2001:db8::1') / ICMPv6DestUnreach() / I6 /
    UDP(sport=1000, dport=2000) / b'abc', 14, 54, 62, 0, 6, 58)

with open(__file__.replace('vectors.py', 'vectors.txt'), 'w') as out:
    out.write('\n'.join(lines) + '\n')
