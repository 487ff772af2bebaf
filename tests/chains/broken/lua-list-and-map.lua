-- expect: 5:15: error: the table is both a list and a map of names; it can be only one
local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
return {
	sluice = 1, ports = ports,
	vnfs = {fw = {plugin = "firewall", {allow = "tcp"}}},
	paths = {p = "lan <-> fw <-> wan"},
}
