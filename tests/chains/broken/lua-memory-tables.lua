-- expect: 4: error: the script takes more than 64 MiB of memory
local t = {}
while true do
	t[#t + 1] = {}
end
