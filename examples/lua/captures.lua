-- SPDX-License-Identifier: BSD-3-Clause
-- A firewall between capture files: needs no root and no network, and ends when the capture is
-- read. What the firewall lets through is in to-wan.pcap.
return {
	sluice = 1,
	ports = {
		lan = {kind = "pcap", read = "from-lan.pcap", write = "to-lan.pcap"},
		wan = {kind = "pcap", read = "from-wan.pcap", write = "to-wan.pcap"},
	},
	vnfs = {
		fw = {
			plugin = "firewall",
			rules = {
				{allow = "tcp", side = "inside", dport = {80, 443}},
				{allow = "udp", side = "inside", dport = 53},
			},
		},
	},
	paths = {filtered = "lan <-> fw <-> wan"},
}
