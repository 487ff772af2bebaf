-- SPDX-License-Identifier: BSD-3-Clause
-- The edge of an IPv6 site: routed, no translation, simple security as RFC 6092 wants it.
return {
	sluice = 1,
	ports = {
		site = {
			kind = "af-xdp",
			interface = "eth1",
			addresses = {"2001:db8:100::1/64", "fe80::1/64"},
			routes = {{to = "2001:db8:100::/48", via = "2001:db8:100::2"}},
		},
		uplink = {
			kind = "af-xdp",
			interface = "eth0",
			addresses = {"2001:db8:ffff::2/64"},
			routes = {{to = "::/0", via = "2001:db8:ffff::1"}},
		},
	},
	vnfs = {
		edge = {
			vnf = "ipv6-edge",
			with = {site = "2001:db8:100::/48", tcp_in = {25, 443}},
		},
	},
	paths = {["site-net"] = "site <-> edge <-> uplink"},
}
