-- expect: 4:6: error: tables are nested more than 64 deep
local a = {}
for i = 1, 70 do
	a = {a}
end
return {sluice = 1, ports = a}
