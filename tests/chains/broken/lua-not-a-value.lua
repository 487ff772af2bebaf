-- expect: 6:9: error: expected a text, a number, true, false or a table; found a function
-- expect: 7:15: error: expected a text, a number, true, false or a table; found a function
local ports = {lan = {kind = "sink"}, wan = {kind = "sink"}}
return {
	sluice = 1, ports = ports,
	name = function() end,
	paths = {p = print},
}
