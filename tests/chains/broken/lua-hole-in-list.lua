-- expect: 6:45: error: the list has 2 values, and one with number 3: a value before it is nil
local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
local web = nil
return {
	sluice = 1, ports = ports,
	vnfs = {fw = {plugin = "firewall", rules = {{allow = "tcp"}, web, {allow = "udp"}}}},
	paths = {p = "lan <-> fw <-> wan"},
}
