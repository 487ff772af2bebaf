-- SPDX-License-Identifier: BSD-3-Clause
-- The box between a home and its provider: routes, filters and translates; one server at home
-- can be reached from outside.
return {
	sluice = 1,
	ports = {
		home = {kind = "af-packet", interface = "eth1", addresses = {"192.168.1.1/24"}},
		provider = {
			kind = "af-packet",
			interface = "eth0",
			addresses = {"203.0.113.2/30"},
			routes = {{to = "0.0.0.0/0", via = "203.0.113.1"}},
		},
	},
	vnfs = {
		gateway = {
			vnf = "home-gateway",
			with = {
				inside = "192.168.1.0/24",
				outside = "203.0.113.2",
				forward = {
					{
						proto = "tcp",
						outside = "203.0.113.2",
						port = 8443,
						inside = "192.168.1.10",
						inside_port = 443,
					},
				},
				forwarded = {443},
			},
		},
	},
	paths = {["home-net"] = "home <-> gateway <-> provider"},
}
