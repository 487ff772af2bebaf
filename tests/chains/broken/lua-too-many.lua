-- expect: 2:14: error: the chain has 300 ports; at most 256 are possible
local list = {}
for i = 1, 300 do
	list["p" .. i] = {kind = "sink"}
end
return {sluice = 1, ports = list, paths = {p = "p1 -> p2"}}
