-- expect: 3: error: unknown name `prots`
local ports = {}
return {sluice = 1, ports = prots}
