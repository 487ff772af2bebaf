-- expect: 2: error: `require` is not there: a chain file describes a chain, and reaches nothing else
local ffi = require("ffi")
