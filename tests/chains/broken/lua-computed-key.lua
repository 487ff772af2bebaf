-- expect: 8:26: error: unknown parameter `insides` of VNF `nat` (plugin nat); did you mean `inside`?
-- expect: 8:64: error: `inside`: `10.0.0.1/8` has bits set past its length; the prefix is `10.0.0.0/8`
local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
local key = "inside"
return {
	sluice = 1, ports = ports,
	vnfs = {
		nat = {plugin = "nat", [key .. "s"] = "10.0.0.0/8", inside = "10.0.0.1/8", pool = "198.51.100.1"},
	},
	paths = {p = "lan <-> nat <-> wan"},
}
