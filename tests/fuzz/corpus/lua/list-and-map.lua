local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
return {
	sluice = 1, ports = ports,
	vnfs = {fw = {plugin = "firewall", {allow = "tcp"}}},
	paths = {p = "lan <-> fw <-> wan"},
}
