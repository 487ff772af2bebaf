-- expect: 3: error: tables are nested too deep
for i = 1, 1e6 do __sluice_key(i) end
return __sluice_made(3, {})
