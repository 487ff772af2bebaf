-- expect: 2: error: `dofile` is not there: a chain file describes a chain, and reaches nothing else
return dofile("other.lua")
