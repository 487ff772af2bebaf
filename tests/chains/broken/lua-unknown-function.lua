-- expect: 2: error: unknown name `string.fromat`; did you mean `string.format`?
local s = string.fromat("%d", 1)
