local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
local function firewall(rules)
	return {
		plugin = "firewall",
		rules = rules,
	}
end
return {
	sluice = 1, ports = ports,
	vnfs = {
		fw = firewall {
			{allow = "tcp", dport = 80},
			{alow = "tcp", dport = 99999},
		},
	},
	paths = {p = "lan <-> fw <-> wan"},
}
