-- SPDX-License-Identifier: BSD-3-Clause
-- A classifier in the middle: it sends what it does not trust over to another path, behind which
-- a firewall looks at it.
return {
	sluice = 1,
	ports = {
		["in"] = {kind = "tap", name = "chain-in"},
		out = {kind = "tap", name = "chain-out"},
	},
	vnfs = {
		sorter = {
			plugin = "classifier",
			rules = {
				{
					match = {side = "inside", fragment = "any"},
					path = "checked",
				},
				{
					match = {
						side = "inside",
						from = {"192.168.0.0/16", "fd00::/8"},
					},
					path = "checked",
				},
				{mark = 1},
			},
		},
		fw = {
			plugin = "firewall",
			rules = {{allow = {"tcp", "udp", "icmp", "icmpv6"}, side = "inside"}},
		},
	},
	paths = {trusted = "in <-> sorter <-> out", checked = "in <-> sorter <-> fw <-> out"},
}
