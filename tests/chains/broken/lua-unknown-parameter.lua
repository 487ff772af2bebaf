-- expect: 6:30: error: unknown parameter `defualt` of VNF `fw` (plugin firewall); did you mean `default`?
local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
return {
	sluice = 1, ports = ports,
	vnfs = {
		fw = {plugin = "firewall", defualt = "deny", rules = {}},
	},
	paths = {p = "lan <-> fw <-> wan"},
}
