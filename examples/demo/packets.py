#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write a capture of an office's first minute: allowed, refused and broken packets."""
import random
import sys

from scapy.all import DNS, DNSQR, ICMP, IP, TCP, UDP, Ether, Raw, wrpcap

random.seed(1)
to_us = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
out = []
for i in range(200):
    host, port = f"10.77.0.{random.randint(2, 2)}", 20000 + i
    ip = IP(src=host, dst="198.51.100.2")
    kind = i % 5
    if kind == 0:
        out.append(to_us / ip / TCP(sport=port, dport=443, flags="S", seq=i))
    elif kind == 1:
        out.append(to_us / ip / UDP(sport=port, dport=53) / DNS(qd=DNSQR(qname="example.org")))
    elif kind == 2:
        out.append(to_us / ip / ICMP(id=i) / Raw(b"sluice"))
    elif kind == 3:
        out.append(to_us / ip / TCP(sport=port, dport=23, flags="S"))
    else:
        out.append(to_us / ip / UDP(sport=port, dport=9999) / Raw(b"refused"))
wrpcap(sys.argv[1], out)
