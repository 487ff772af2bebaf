-- expect: 5:2: error: unknown section `prots`; did you mean `ports`?
local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
return {
	sluice = 1,
	prots = {},
	ports = ports,
	paths = {p = "lan <-> wan"},
}
