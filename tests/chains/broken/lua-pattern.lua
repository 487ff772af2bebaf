-- expect: 3: error: matching a pattern of 41 bytes in a text of 30 bytes could take too long
local text = ("a"):rep(30)
return text:find(("a*"):rep(20) .. "b")
