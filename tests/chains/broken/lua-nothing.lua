-- expect: 2: error: the script returns nothing; end it with `return {...}`, the chain
local chain = {sluice = 1}
