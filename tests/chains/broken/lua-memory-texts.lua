-- expect: 4: error: the script takes more than 64 MiB of memory
local s = "x"
for i = 1, 100 do
	s = s .. s
end
