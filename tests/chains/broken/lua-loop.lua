-- expect: 4: error: the script took more than 100 million steps; does it end?
local n = 0
while true do
	n = n + 1
end
