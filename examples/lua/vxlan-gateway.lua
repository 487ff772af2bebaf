-- SPDX-License-Identifier: BSD-3-Clause
-- Two tenants' networks, each in a VXLAN tunnel of its own over one underlay. The red one has two
-- remote VTEPs; what stations are behind which is learned. Inner packets have room for 1450 bytes.
return {
	sluice = 1,
	ports = {
		["red-lan"] = {kind = "af-xdp", interface = "eth1"},
		["blue-lan"] = {kind = "af-xdp", interface = "eth2"},
		underlay = {
			kind = "af-xdp",
			interface = "eth0",
			addresses = {"192.0.2.1/24"},
			routes = {{to = "0.0.0.0/0", via = "192.0.2.254"}},
		},
	},
	vnfs = {
		guard = {
			plugin = "firewall",
			default = "deny",
			rules = {{allow = "any", side = "inside"}},
		},
		vtep = {
			plugin = "vxlan",
			["local"] = "192.0.2.1",
			accept = "peers",
			others = "drop",
			tunnels = {
				{
					vni = 100,
					path = "red",
					peers = {"192.0.2.2", "198.51.100.2"},
				},
				{vni = 200, path = "blue", peers = "192.0.2.2"},
			},
		},
	},
	paths = {
		red = "red-lan <-> guard <-> vtep <-> underlay",
		blue = "blue-lan <-> vtep <-> underlay",
	},
}
