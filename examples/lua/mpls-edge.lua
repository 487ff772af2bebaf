-- SPDX-License-Identifier: BSD-3-Clause
-- A site at the edge of an MPLS network: what it sends is policed, each host by itself, and takes a
-- label switched path by its destination, voice before all else. What comes back has the site's own
-- label, or none where the last router of the core pops.
return {
	sluice = 1,
	ports = {
		site = {
			kind = "af-xdp",
			interface = "eth1",
			addresses = {"10.10.0.1/16", "2001:db8:10::1/64"},
		},
		core = {kind = "af-xdp", interface = "eth0"},
	},
	vnfs = {
		limit = {
			plugin = "policer",
			rules = {
				{match = {dscp = 46}, rate = "2 Mbit/s"},
				{
					match = {side = "inside"},
					per = "source",
					rate = "100 Mbit/s",
					burst = "256 KiB",
				},
			},
		},
		edge = {
			plugin = "mpls",
			ttl = "pipe",
			tc_map = {{dscp = 46, tc = 5}},
			fecs = {
				{
					match = {to = {"10.20.0.0/16", "2001:db8:20::/48"}},
					push = {100, 2000},
					next_hop = "02:00:00:00:00:fe",
					source_mac = "02:00:00:00:00:10",
				},
				{
					match = {},
					push = {100, 2001},
					next_hop = "02:00:00:00:00:fe",
					source_mac = "02:00:00:00:00:10",
				},
			},
			labels = {{label = 3000, from = "outside", pop = true}},
		},
	},
	paths = {lsp = "site <-> limit <-> edge <-> core"},
}
