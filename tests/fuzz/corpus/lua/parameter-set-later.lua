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
