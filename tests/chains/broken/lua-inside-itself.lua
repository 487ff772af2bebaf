-- expect: 3:12: error: the table stands inside itself
local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
local fw = {plugin = "firewall"}
fw.rules = {fw}
return {sluice = 1, ports = ports, vnfs = {fw = fw}, paths = {p = "lan <-> fw <-> wan"}}
