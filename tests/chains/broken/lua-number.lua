-- expect: 6:46: error: the number 1.1529215046068e+18 is not one that can be used; write it as a text
-- expect: 6:117: error: the number inf is not one that can be used; write it as a text
local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
return {
	sluice = 1, ports = ports,
	vnfs = {fw = {plugin = "firewall", memory = 2 ^ 60, rules = {{allow = "tcp", dport = 0.5}, {allow = "tcp", dport = 1 / 0}}}},
	paths = {p = "lan <-> fw <-> wan"},
}
