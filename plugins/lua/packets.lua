-- SPDX-License-Identifier: BSD-3-Clause
-- Goes on where prelude.lua ends, in the same scope: packets and what they can be told.

local function addresses(i)
	local p = batch.meta[i]
	if band(p.flags, MALFORMED) ~= 0 then return nil end
	if p.family == 4 then return p.l3 + 12, 4 end
	if p.family == 6 then return p.l3 + 8, 16 end
end

-- That of the sender (0) or receiver (1), as the flow's first packet had it.
local function side_of(which)
	return batch.swapped ~= 0 and 1 - which or which
end

local function address_of(i, which)
	local at, width = addresses(i)
	return at and address(i, at + side_of(which) * width, width) or nil
end

local function port_of(i, which)
	local p = batch.meta[i]
	if p.l4 == 0 or (p.proto ~= 6 and p.proto ~= 17 and p.proto ~= 132) then return nil end
	local bytes = bytes_at(i, p.l4 + side_of(which) * 2, 2)
	return bytes[0] * 256 + bytes[1]
end

local gets = {
	length = function(i) return tonumber(batch.length[i]) end,
	mark = function(i) return tonumber(batch.meta[i].mark) end,
	port = function(i) return batch.meta[i].port end,
	side = function(i) return batch.side == 0 and "inside" or "outside" end,
	reply = function(i) return batch.swapped ~= 0 end,
	proto = function(i) return addresses(i) and batch.meta[i].proto or nil end,
	l3 = function(i) return batch.meta[i].l3 end,
	l4 = function(i) local at = batch.meta[i].l4 return at ~= 0 and at or nil end,
	payload = function(i) local at = batch.meta[i].payload return at ~= 0 and at or nil end,
	malformed = function(i) return band(batch.meta[i].flags, MALFORMED) ~= 0 end,
	fragment = function(i) return band(batch.meta[i].flags, 2) ~= 0 end,
	source = function(i) return address_of(i, 0) end,
	destination = function(i) return address_of(i, 1) end,
	sport = function(i) return port_of(i, 0) end,
	dport = function(i) return port_of(i, 1) end,
}
for header, list in pairs(headers) do
	local base = bases[header]
	gets[header] = function(i) return base(i) and list[i] or nil end
end

local methods = {}

-- packet:u16(offset) reads, packet:u16(offset, value) writes; network byte order.
for width, name in pairs({[1] = "u8", [2] = "u16", [4] = "u32"}) do
	methods[name] = loadstring(format([[
		local current, bytes_at, write = ...
		return function(self, offset, value)
			local i = current(self)
			if value ~= nil then return write(i, offset, %d, value, %.0f) end
			local p = bytes_at(i, offset, %d)
			return %s
		end]], width, 2 ^ (8 * width) - 1, width, numbers[width]), "=prelude")(current, bytes_at,
		write)
end

local u64 = ffi.typeof("uint64_t")

function methods.u64(self, offset, value)
	local i = current(self)
	if value ~= nil then return write(i, offset, 8, value, 2 ^ 53) end
	local p, whole = bytes_at(i, offset, 8), u64(0)
	for k = 0, 7 do whole = whole * 256 + p[k] end
	return whole
end

-- At most so many bytes from there on, as a text.
function methods.bytes(self, offset, length)
	local i = current(self)
	local most = batch.length[i] - offset
	if not (offset >= 0 and most >= 0) then outside(i, offset, 0) end
	if length == nil or length > most then length = most end
	if not (length >= 0) then outside(i, offset, length) end
	if offset + length <= batch.first[i] then return ffi.string(batch.data[i] + offset, length) end
	local room = ffi.new("uint8_t[?]", length)
	if not calls.read(machine, i, offset, length, room) then outside(i, offset, length) end
	return ffi.string(room, length)
end

function methods.write(self, offset, bytes)
	local i = current(self)
	if type(bytes) ~= "string" then fail("`write` takes an offset and a text") end
	if not (offset >= 0 and offset < 65536) then outside(i, offset, #bytes) end
	check(calls.copy(machine, i, offset, bytes, #bytes), i, offset, #bytes)
end

-- Prefixes are read once.
local prefixes, prefix_count = {}, 0

local function prefix_of(name)
	local prefix = prefixes[name]
	if prefix then return prefix end
	prefix = ffi.new("uint32_t[8]")
	if type(name) ~= "string" or calls.prefix(name, prefix) ~= 0 then
		fail("%s is not a prefix", tostring(name))
	end
	if prefix_count >= 1024 then prefixes, prefix_count = {}, 0 end
	prefixes[name], prefix_count = prefix, prefix_count + 1
	return prefix
end

local function in_prefix(i, which, name)
	local at, width = addresses(i)
	local prefix = prefix_of(name)
	return at ~= nil and calls.within(prefix, bytes_at(i, at + side_of(which) * width, width), width)
end

function methods.from(self, prefix) return in_prefix(current(self), 0, prefix) end
function methods.to(self, prefix) return in_prefix(current(self), 1, prefix) end

function methods.on(self) batch.edge[current(self)] = 0 end

local function no_back() fail("a policy cannot turn packets back") end
function methods.back(self)
	local i = current(self)
	if batch.read_only ~= 0 then no_back() end
	batch.edge[i] = 1
end

local reasons = {}

local function new_reason(name)
	if type(name) ~= "string" or not find(name, "^[%l%d-]+$") or #name > 31 then
		fail("a reason is a text of lower-case letters, digits and `-`, at most 31 of them")
	end
	local number = calls.name(machine, name)
	if number == 0 then fail("a script may give 31 reasons at most") end
	reasons[name] = number
	return number
end

function methods.drop(self, reason)
	local i = current(self)
	local number = reason == nil and 0 or reasons[reason] or new_reason(reason)
	batch.edge[i] = constants.drop
	batch.reason[i] = number
end

function methods.go(self, way)
	local i = current(self)
	local edge = ways[way]
	if not edge then
		fail("unknown way `%s`%s", tostring(way), near(tostring(way), ways))
	end
	batch.edge[i] = edge
end

-- {least, most} of each.
local limits = {bits = {8, 1e12}, packets = {0.001, 1e9}, burst = {1, 2 ^ 40}}

local function amount(given, name)
	local value, range = given[name], limits[name]
	if type(value) ~= "number" or not (value >= range[1] and value <= range[2]) then
		fail("`%s` of a limit: %s is not a number from %g to %g", name, tostring(value), range[1],
			range[2])
	end
	return value
end

-- So much a second, in each direction of the flow: flow:limit{bits = 10e6, burst = 64 * 1024}
function methods.limit(self, given)
	current(self)
	if batch.read_only == 0 then fail("only a policy (`lua/policy`) limits flows") end
	if type(given) ~= "table" or rawget(given, KEY) then
		fail("`limit` takes a table: {bits = 10e6} or {packets = 500}, perhaps with a `burst`")
	end
	for name in pairs(given) do
		if not limits[name] then
			fail("unknown part `%s` of a limit%s", tostring(name), near(tostring(name), limits))
		end
	end
	local packets = given.packets ~= nil
	if packets == (given.bits ~= nil) then
		fail("a limit has either `bits` or `packets`, a second")
	end
	local rate = amount(given, packets and "packets" or "bits")
	-- What comes in 50 ms, as the policer has it.
	local burst = packets and math.max(rate / 20, 16) or math.max(rate / 160, 16384)
	if given.burst ~= nil then burst = amount(given, "burst") end
	if not calls.limit(machine, rate, burst, packets) then
		fail("a `burst` that takes more than a day to come again is no limit")
	end
end

local known = {}
for name in pairs(gets) do known[name] = true end
for name in pairs(methods) do known[name] = true end
local unknown_field = refuse_unknown("packet", known)

local packet_meta = {
	__index = function(self, key)
		local get = gets[key]
		if get then return get(current(self)) end
		local method = methods[key]
		if not method then unknown_field(key) end
		return method
	end,
	__newindex = function(self, key, value)
		local i = current(self)
		if key ~= "mark" then
			if not known[key] then unknown_field(key) end
			fail("`%s` of a packet cannot be written", tostring(key))
		end
		if type(value) ~= "number" or not (value >= 0 and value <= 4294967295 and value % 1 == 0) then
			fail("%s is no mark: a whole number below 2^32", tostring(value))
		end
		batch.meta[i].mark = value
		batch.marked = 1
	end,
}
local packets = {}
for i = 0, 255 do
	packets[i + 1] = setmetatable({[KEY] = i}, packet_meta)
end
