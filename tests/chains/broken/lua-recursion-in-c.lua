-- expect: 3: error: functions call back more than 100 deep
local function deeper()
	return (("a"):gsub("a", deeper))
end
return deeper()
