-- expect: 8:3: error: duplicate key `fw`; it is already in line 7
-- expect: 8:65: error: duplicate key `on-fault`: it is there with `-` and with `_`
local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
return {
	sluice = 1, ports = ports,
	vnfs = {
		fw = {plugin = "firewall", rules = {}},
		fw = {plugin = "firewall", rules = {}, ["on-fault"] = "drop", on_fault = "bypass"},
	},
	paths = {p = "lan <-> fw <-> wan"},
}
