-- expect: 3: error: bad argument #2 to 'insert' (not a place of the list)
local t = {}
table.insert(t, -2147483647, 1)
