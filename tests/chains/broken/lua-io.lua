-- expect: 2: error: `io` is not there: a chain file describes a chain, and reaches nothing else
local f = io.open("/etc/passwd")
return {sluice = 1}
