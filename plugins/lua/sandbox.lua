-- SPDX-License-Identifier: BSD-3-Clause
-- Goes on where packets.lua ends, in the same scope: what a script can see of Lua, and its calls.

local function pick(from, ...)
	local to = {}
	for i = 1, select("#", ...) do
		local name = select(i, ...)
		to[name] = from[name]
	end
	return to
end

local env = pick(_G, "assert", "error", "ipairs", "select", "tonumber", "tostring", "type", "unpack")
local insert, remove, sort = table.insert, table.remove, table.sort

env.math = pick(math, "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "deg", "exp", "floor",
	"fmod", "huge", "log", "log10", "max", "min", "modf", "pi", "pow", "rad", "random", "sin",
	"sqrt", "tan")
env.bit = pick(bit, "arshift", "band", "bnot", "bor", "bswap", "bxor", "lshift", "rol", "ror",
	"rshift", "tobit", "tohex")
env.string = pick(string, "byte", "char", "format", "len", "lower", "rep", "reverse", "sub", "upper")
env.table = pick(table, "concat")
env.tcp_flag = {fin = 1, syn = 2, rst = 4, psh = 8, ack = 16, urg = 32, ece = 64, cwr = 128}

-- Making a text takes as long as it is, also one that is there already and takes no memory.
local function pay(made, ...)
	if type(made) == "string" then charge(#made / 64) end
	return made, ...
end
for library, names in pairs({string = {"format", "lower", "rep", "reverse", "upper"},
		table = {"concat"}}) do
	for _, name in ipairs(names) do
		local make = env[library][name]
		env[library][name] = function(...) return pay(make(...)) end
	end
end

function env.tonumber(...)
	local text = ...
	if type(text) == "string" then charge(#text / 64) end
	return tonumber(...)
end

-- Matching runs in one step of Lua's machine, so it is paid for by what it could cost at worst.
local function matching(subject, pattern)
	if type(subject) == "number" then subject = tostring(subject) end
	if type(subject) ~= "string" or type(pattern) ~= "string" then return end -- Lua says what is wrong
	local cost = calls.cost(#subject, pattern, #pattern) / 16
	if cost > 4e9 or cost > batch.steps then
		fail("matching a pattern of %d bytes in a text of %d bytes could take too long", #pattern,
			#subject)
	end
	charge(cost)
end

function env.string.find(subject, pattern, init, plain)
	if plain == true then
		if type(subject) == "string" and type(pattern) == "string" then
			charge(#subject * #pattern / 64)
		end
	else
		matching(subject, pattern)
	end
	return find(subject, pattern, init, plain)
end
function env.string.match(subject, pattern, init)
	matching(subject, pattern)
	return match(subject, pattern, init)
end
function env.string.gmatch(subject, pattern)
	matching(subject, pattern)
	return gmatch(subject, pattern)
end

-- C functions that call the script back lie on the C stack, and there are kilobytes of some.
local depth = 0

local function leave(...)
	depth = depth - 1
	return ...
end

local function enter()
	if depth >= 20 then
		fail("functions call back more than 20 deep")
	end
	depth = depth + 1
end

function env.string.gsub(subject, pattern, with, most)
	matching(subject, pattern)
	enter()
	return leave(pay(gsub(subject, pattern, with, most)))
end
function env.table.insert(list, ...)
	if select("#", ...) > 1 and type(list) == "table" then charge(#list / 8) end
	return insert(list, ...)
end
function env.table.remove(list, at)
	if type(list) == "table" then
		if at == nil then return remove(list) end
		charge(#list / 8)
	end
	return remove(list, at)
end
-- Quicksort's worst case is a square.
function env.table.sort(list, less)
	if type(list) == "table" then charge(#list * #list / 16 + #list) end
	enter()
	return leave(sort(list, less))
end

local plain_next = next
local function check_table(t)
	if type(t) == "table" and rawget(t, KEY) then fail("a packet has no list of fields") end
end
function env.next(t, key)
	check_table(t)
	return plain_next(t, key)
end
local plain_pairs = pairs
function env.pairs(t)
	check_table(t)
	return plain_pairs(t)
end

function env.print(...)
	local parts = {}
	for i = 1, select("#", ...) do parts[i] = tostring((select(i, ...))) end
	local line = concat(parts, " ")
	calls.print(machine, line, #line)
end

-- ("text"):upper()
getmetatable("").__index = env.string

local refused = {}
for name in ([[_G collectgarbage coroutine debug dofile ffi gcinfo getfenv getmetatable io jit load
	loadfile loadstring module newproxy os package pcall rawequal rawget rawset rawlen require
	setfenv setmetatable utf8 xpcall]]):gmatch("%S+") do
	refused[name] = true
end

local function strict(of, prefix)
	return setmetatable(of, {__index = function(self, key)
		if prefix == "" and refused[key] then
			fail("`%s` is not there: a script sees packets, and reaches nothing else", key)
		end
		fail("unknown name `%s%s`%s", prefix, tostring(key),
			near(tostring(key), self, prefix))
	end})
end
for _, library in ipairs({"math", "bit", "string", "table", "tcp_flag"}) do
	strict(env[library], library .. ".")
end
strict(env, "")

-- What C calls -----------------------------------------------------------------------------------

local list, listed = {}, 0
local called, name = nil, constants.policy and "decide" or "process"

local function run()
	local n = batch.count
	depth = 0
	if constants.policy then return called(packets[1]) end
	for i = 1, n do list[i] = packets[i] end
	for i = n + 1, listed do list[i] = nil end
	listed = n
	return called(list)
end

return function(script)
	setfenv(script, env)
	script(step)
	called = rawget(env, name)
	if type(called) ~= "function" then
		fail("the script has no function `%s`", name)
	end
	local tick = rawget(env, "tick")
	return run, type(tick) == "function" and function()
		depth = 0
		return tick()
	end or nil
end
