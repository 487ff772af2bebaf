-- expect: 6: error: unknown parameter `on-falt` of VNF `fw` (plugin firewall); did you mean `on-fault`?
-- expect: 8: error: `memory`: expected a size in bytes (64, 16 KiB, 4 MiB, 10 kB), 64 KiB or more, not `much`
local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
local fw = {plugin = "firewall", rules = {}}
fw.default = "deny"
fw.on_falt = "drop"
fw.memory =
	"much"
return {
	sluice = 1, ports = ports, vnfs = {fw = fw},
	paths = {p = "lan <-> fw <-> wan"},
}
