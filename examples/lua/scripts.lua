-- SPDX-License-Identifier: BSD-3-Clause
-- Two scripts in a chain: a policy that is asked about each session once, and sends what it does not
-- know over another path; and one that runs on every packet there, for as long as it is tried out.
-- This script makes the chain; those in [[ ]] run in it.
local policy = [[
local known = {[53] = "dns", [80] = "web", [443] = "web"}
local closed = {[23] = "telnet", [25] = "mail"}

function decide(flow)
  local port = flow.dport
  if closed[port] then return flow:drop(closed[port]) end
  if flow:from("10.0.0.0/8") or flow:from("fd00::/8") then flow.mark = 1 end
  if port and not known[port] then flow:go("watched") end
end
]]

local count = [[
local packets, bytes = 0, 0

function process(batch)
  for _, packet in ipairs(batch) do
    packets, bytes = packets + 1, bytes + packet.length
    if packet.ip then packet.ip.dscp = 8 end
  end
end

local ticks = 0
function tick()
  ticks = ticks + 1
  if ticks % 600 == 0 then print(packets, "packets", bytes, "bytes") end
end
]]

return {
	sluice = 1,
	ports = {
		["in"] = {kind = "tap", name = "chain-in"},
		out = {kind = "tap", name = "chain-out"},
	},
	vnfs = {
		policy = {
			plugin = "lua/policy",
			ways = {{name = "watched", path = "watched"}},
			script = policy,
		},
		count = {plugin = "lua", script = count},
	},
	paths = {straight = "in <-> policy <-> out", watched = "in <-> policy <-> count <-> out"},
}
