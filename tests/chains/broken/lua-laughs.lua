-- expect: 7: error: the chain holds more than 2000000 values when tables that it has several times are counted each time
local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
local a = {"80"}
for i = 1, 40 do
	a = {a, a}
end
return {sluice = 1, ports = ports, vnfs = {fw = {plugin = "firewall", rules = a}}, paths = {p = "lan <-> fw <-> wan"}}
