-- expect: 3: error: functions call each other too deep: stack overflow
local function deeper(n)
	return 1 + deeper(n + 1)
end
return deeper(1)
