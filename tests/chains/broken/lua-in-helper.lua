-- expect: 16:4: error: `rules` needs one of `allow`, `drop`, `reject`
-- expect: 16:5: error: unknown parameter `alow` of `rules`; did you mean `allow`?
-- expect: 16:27: error: `dport`: expected a number or a range from low to high (80, 1024-65535), 0 to 65535, not `99999`
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
