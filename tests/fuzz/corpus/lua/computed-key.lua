local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
local key = "inside"
return {
	sluice = 1, ports = ports,
	vnfs = {
		nat = {plugin = "nat", [key .. "s"] = "10.0.0.0/8", inside = "10.0.0.1/8", pool = "198.51.100.1"},
	},
	paths = {p = "lan <-> nat <-> wan"},
}
