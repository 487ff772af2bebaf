-- SPDX-License-Identifier: BSD-3-Clause
-- Address translation and nothing else, for the subscribers of an access network.
return {
	sluice = 1,
	ports = {
		access = {
			kind = "physical",
			device = "0000:03:00.0",
			addresses = {"100.64.0.1/24"},
			routes = {{to = "100.64.0.0/10", via = "100.64.0.2"}},
		},
		core = {
			kind = "physical",
			device = "0000:03:00.1",
			addresses = {"192.0.2.1/31"},
			routes = {{to = "0.0.0.0/0", via = "192.0.2.0"}},
		},
	},
	vnfs = {
		cgn = {
			vnf = "carrier-nat",
			with = {pool = "198.51.100.0/24", block_size = 1024},
			memory = "4 GiB",
		},
	},
	paths = {subscribers = "access <-> cgn <-> core"},
}
