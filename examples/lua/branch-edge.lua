-- SPDX-License-Identifier: BSD-3-Clause
-- chains/branch-edge.yaml in Lua: what is said twice there has a name here.
local site = "10.0.0.0/8"
local sip, rtp = "5060-5061", "16384-32767"

local function outbound(proto, ports)
	return {allow = proto, side = "inside", from = site, dport = ports}
end

return {
	sluice = 1,
	ports = {
		lan = {kind = "tap", name = "lan0", addresses = {"10.1.0.1/16"}},
		wan = {
			kind = "af-xdp",
			interface = "eth1",
			addresses = {"198.51.100.2/24"},
			routes = {{to = "0.0.0.0/0", via = "198.51.100.254"}},
		},
	},
	vnfs = {
		classes = {
			plugin = "classifier",
			rules = {
				{match = {proto = "udp", dport = {sip, rtp}}, mark = 3, dscp = 46}, -- voice
				{match = {proto = "tcp", dport = {"20-22", 873, 5201}}, mark = 1, dscp = 10}, -- bulk
				{mark = 2},
			},
		},
		fw = {
			plugin = "firewall",
			on_fault = "drop",
			default = "deny",
			rules = {
				outbound("tcp", {22, 80, 443, 5061}),
				outbound("udp", {53, 123, 443, 5060, rtp}),
				{allow = "icmp", side = "inside", from = site, icmp_type = 8},
				{reject = "any", side = "inside"},
			},
		},
		nat = {plugin = "nat", inside = site, pool = "198.51.100.16-198.51.100.19"},
	},
	paths = {office = "lan <-> classes <-> fw <-> nat <-> wan"},
}
