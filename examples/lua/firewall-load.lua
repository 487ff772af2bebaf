-- SPDX-License-Identifier: BSD-3-Clause
-- How fast is the firewall here? Packets are made and counted inside the program.
return {
	sluice = 1,
	ports = {
		source = {kind = "generator", flows = 10000, size = 64},
		target = {kind = "sink"},
	},
	vnfs = {fw = {plugin = "firewall", rules = {{allow = "udp", side = "inside"}}}},
	paths = {load = "source -> fw -> target"},
}
