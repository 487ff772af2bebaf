local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
local web = nil
return {
	sluice = 1, ports = ports,
	vnfs = {fw = {plugin = "firewall", rules = {{allow = "tcp"}, web, {allow = "udp"}}}},
	paths = {p = "lan <-> fw <-> wan"},
}
