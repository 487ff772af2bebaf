-- expect: 4: error: attempt to concatenate local 'name' (a nil value)
-- expect: 11: note: called from here
local function port(name)
	return {kind = "tap", name = name .. 0}
end
local names = {lan = "lan"}
return {
	sluice = 1,
	ports = {
		lan = port(names.lan),
		wan = port(names.wan),
	},
}
