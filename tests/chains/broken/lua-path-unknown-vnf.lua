-- expect: 10:18: error: unknown VNF `fv`; there are: `fw`
-- expect: 11:24: error: unknown port `wann`; did you mean `wan`?
-- expect: 12:11: error: unknown VNF `fx`; there are: `fw`
local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
return {
	sluice = 1, ports = ports,
	vnfs = {fw = {plugin = "firewall", rules = {}}},
	paths = {
		good = "lan <-> fw <-> wan",
		bad = "lan <-> fv <-> wan",
		list = {"lan", "fw", "wann"},
		built = "lan <-> " .. "fx" .. " <-> wan",
	},
}
