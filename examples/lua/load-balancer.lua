-- SPDX-License-Identifier: BSD-3-Clause
-- Two virtual addresses, of IPv4 and IPv6, in front of web servers. Servers answer through here: their
-- default route leads to this machine. Their checks go by the host's own network.
return {
	sluice = 1,
	ports = {
		clients = {
			kind = "physical",
			device = "0000:03:00.0",
			addresses = {"192.0.2.2/24", "2001:db8:80::2/64"},
			routes = {
				{to = "0.0.0.0/0", via = "192.0.2.1"},
				{to = "::/0", via = "2001:db8:80::1"},
			},
		},
		servers = {
			kind = "physical",
			device = "0000:03:00.1",
			addresses = {"10.0.0.1/24", "fd00:10::1/64"},
		},
	},
	vnfs = {
		lb = {
			plugin = "load-balancer",
			sessions = 1000000,
			sessions_ipv6 = 250000,
			services = {
				{
					name = "web",
					address = "192.0.2.80",
					port = 80,
					no_backend = "reject",
					slow_start = "30 s",
					health = {
						kind = "http",
						path = "/health",
						interval = "1 s",
						timeout = "500 ms",
						fall = 3,
						rise = 2,
					},
					backends = {
						{
							name = "web1",
							address = "10.0.0.11",
							port = 8080,
						},
						{
							name = "web2",
							address = "10.0.0.12",
							port = 8080,
						},
						{
							name = "web3",
							address = "10.0.0.13",
							port = 8080,
							weight = 2,
						},
					},
				},
				{
					name = "web-ipv6",
					address = "2001:db8:80::80",
					port = 80,
					no_backend = "reject",
					slow_start = "30 s",
					health = {
						kind = "http",
						path = "/health",
						interval = "1 s",
						timeout = "500 ms",
						fall = 3,
						rise = 2,
					},
					backends = {
						{
							name = "web1",
							address = "fd00:10::11",
							port = 8080,
						},
						{
							name = "web2",
							address = "fd00:10::12",
							port = 8080,
						},
						{
							name = "web3",
							address = "fd00:10::13",
							port = 8080,
							weight = 2,
						},
					},
				},
				{
					name = "shop",
					address = "192.0.2.80",
					port = 443,
					persistence = "source",
					health = {kind = "tcp"},
					backends = {
						{name = "shop1", address = "10.0.0.21"},
						{name = "shop2", address = "10.0.0.22"},
					},
				},
			},
		},
	},
	paths = {balanced = "clients <-> lb <-> servers"},
}
