-- expect: 5: error: not Lua: '}' expected (to close '{' at line 3) near 'name'
-- A comma is missing.
return {
	sluice = 1
	name = "x"
}
