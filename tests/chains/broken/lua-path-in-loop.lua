-- expect: 6: error: unknown VNF `fw1`; there is none
-- expect: 6: error: unknown VNF `fw2`; there is none
local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
local chain = {sluice = 1, ports = ports, paths = {}}
for i = 1, 2 do
	chain.paths["p" .. i] = ("lan -> fw%d -> wan"):format(i)
end
return chain
