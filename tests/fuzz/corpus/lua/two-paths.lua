-- SPDX-License-Identifier: BSD-3-Clause
-- Steering: web traffic takes a path with a strict firewall, all else another. Answers come back
-- by the path that their session went out by.
return {
	sluice = 1,
	ports = {
		lan = {kind = "memif", socket = "/run/sluice/lan.sock", role = "server"},
		wan = {kind = "memif", socket = "/run/sluice/wan.sock", role = "server"},
	},
	vnfs = {
		strict = {
			plugin = "firewall",
			rules = {
				{allow = "tcp", side = "inside", dport = {80, 443}},
				{allow = "udp", side = "inside", dport = 443},
			},
		},
		open = {
			plugin = "firewall",
			default = "reject",
			rules = {
				{drop = "tcp", dport = {"135-139", 445}, log = true},
				{allow = "any", side = "inside"},
			},
		},
	},
	paths = {web = "lan <-> strict <-> wan", rest = "lan <-> open <-> wan"},
	steering = {
		lan = {
			{match = {proto = "tcp", dport = {80, 443}}, path = "web"},
			{match = {proto = "udp", dport = 443}, path = "web"},
			{path = "rest"},
		},
	},
}
