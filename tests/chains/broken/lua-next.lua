-- expect: 4: error: `next` takes no key here; `pairs` goes through a table
local t = {a = 1, b = 2}
local key = next(t)
key = next(t, key)
