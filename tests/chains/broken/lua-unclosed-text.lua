-- expect: 3: error: not Lua: unfinished string near '"x'
return {
	name = "x
}
