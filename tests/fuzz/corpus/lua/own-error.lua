local function need(value, what)
	if not value then
		error(what .. " is missing", 2)
	end
end
need(nil, "the address of the gateway")
