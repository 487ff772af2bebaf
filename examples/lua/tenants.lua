-- SPDX-License-Identifier: BSD-3-Clause
-- 64 tenants, each with a port, a firewall and public addresses of its own.
local chain = {sluice = 1, ports = {wan = {kind = "physical", device = "0000:03:00.0"}}, vnfs = {}, paths = {}}
for i = 1, 64 do
	chain.ports["tenant" .. i] = {kind = "vhost-user", socket = "/run/sluice/tenant" .. i .. ".sock"}
	chain.vnfs["fw" .. i] = {plugin = "firewall", rules = {{allow = "tcp", side = "inside", dport = {80, 443}}}}
	chain.vnfs["nat" .. i] = {plugin = "nat", inside = "10." .. i .. ".0.0/16", pool = "198.51.100." .. i}
	chain.paths["path" .. i] = ("tenant%d <-> fw%d <-> nat%d <-> wan"):format(i, i, i)
end
return chain
