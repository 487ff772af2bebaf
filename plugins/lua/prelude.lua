-- SPDX-License-Identifier: BSD-3-Clause
-- What a script sees: packets, and Lua's functions over values. Runs in each state before the script
-- and is the only Lua code that can reach FFI. A script cannot reach into it: there is no debug, no
-- getmetatable, no pairs() over a packet. Every access checks that the packet is one of the batch
-- at hand and that the bytes are within it, each time anew, for a script may keep what it was given.
local ffi, machine, calls, batch, size, ways, constants = ...

ffi.cdef([[
struct sl_packet {
	uint16_t l3, l4, payload, flags;
	uint8_t family, proto, tcp_flags, rounds;
	uint16_t vlan, port;
	uint32_t mark;
	uint16_t hop, frag_max;
};
struct script_batch {
	uint8_t *data[256];
	struct sl_packet *meta[256];
	uint32_t first[256], length[256];
	uint8_t edge[256], reason[256];
	double steps;
	uint32_t count;
	uint8_t side, read_only, marked, swapped;
};
struct script_calls {
	bool (*read)(void *, uint32_t, uint32_t, uint32_t, uint8_t *);
	int (*write)(void *, uint32_t, uint32_t, uint32_t, uint64_t);
	int (*copy)(void *, uint32_t, uint32_t, const char *, uint32_t);
	int (*address)(const uint8_t *, uint32_t, char *);
	bool (*parse)(const char *, uint32_t, uint8_t *);
	int (*prefix)(const char *, void *);
	bool (*within)(const void *, const uint8_t *, uint32_t);
	double (*cost)(uint32_t, const char *, uint32_t);
	int (*name)(void *, const char *);
	bool (*limit)(void *, double, double, bool);
	void (*print)(void *, const char *, uint32_t);
};
]])
assert(ffi.offsetof("struct script_batch", "swapped") == size)
assert(ffi.sizeof("struct sl_packet") == 24)
batch = ffi.cast("struct script_batch *", batch)
calls = ffi.cast("const struct script_calls *", calls)
machine = ffi.cast("void *", machine) -- LuaJIT does not compile calls with light userdata

local error, type, tostring, select, rawget = error, type, tostring, select, rawget
local concat, format, byte = table.concat, string.format, string.byte
local find, match, gmatch, gsub = string.find, string.match, string.gmatch, string.gsub
local band, lshift, rshift = bit.band, bit.lshift, bit.rshift
local scratch = ffi.new("uint8_t[16]")
local text = ffi.new("char[64]")

local function fail(...)
	error(format(...), 0) -- C adds the script's line
end

-- Changes of a letter, and neighbours that changed places: for the few names of one kind.
local function distance(a, b)
	local d = {}
	for i = 0, #a do
		d[i] = {[0] = i}
		for j = 1, #b do
			if i == 0 then
				d[i][j] = j
			else
				local same = byte(a, i) == byte(b, j) and 0 or 1
				local least = math.min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + same)
				if i > 1 and j > 1 and byte(a, i) == byte(b, j - 1) and
						byte(a, i - 1) == byte(b, j) then
					least = math.min(least, d[i - 2][j - 2] + 1)
				end
				d[i][j] = least
			end
		end
	end
	return d[#a][#b]
end

local function near(name, names, prefix)
	local best, least = nil, 3
	if #name > 32 then return "" end
	for other in pairs(names) do
		local d = type(other) == "string" and distance(name, other) or 9
		if d < least or (d == least and best and other < best) then best, least = other, d end
	end
	return best and format("; did you mean `%s%s`?", prefix or "", best) or ""
end

-- Steps ------------------------------------------------------------------------------------------

local left = 0

local function refill()
	left = 0
	batch.steps = batch.steps - 100
	if batch.steps < 0 then
		fail("the script took too many steps; does it end? (see `steps`)")
	end
	left = 100
end

local function step()
	left = left - 1
	if left < 0 then refill() end
end

-- Something that is so many steps long.
local function charge(steps)
	batch.steps = batch.steps - steps
	if batch.steps < 0 then
		fail("the script took too many steps; does it end? (see `steps`)")
	end
end

-- Bytes ------------------------------------------------------------------------------------------

local KEY = {} -- of the number in packets and headers; no script can name it

local function current(self)
	local i = self[KEY]
	if i >= batch.count then
		fail("this packet is gone: it was of an earlier batch")
	end
	return i
end

local function outside(i, offset, width)
	fail("%s byte(s) at offset %s are not within the packet's %d", tostring(width), tostring(offset),
		tonumber(batch.length[i]))
end

-- A pointer to that many bytes, at most 16.
local function bytes_at(i, offset, width)
	if offset >= 0 and offset + width <= batch.first[i] then
		return batch.data[i] + offset
	end
	if not (offset >= 0 and offset + width <= batch.length[i]) or
			not calls.read(machine, i, offset, width, scratch) then
		outside(i, offset, width)
	end
	return scratch
end

local refusals = {
	[2] = "these bytes are shared with another packet",
	[3] = "a policy only reads: its verdict must hold for all packets of the flow",
}

local function check(how, i, offset, width)
	if how == 1 then outside(i, offset, width) end
	if how ~= 0 then fail("%s", refusals[how]) end
end

local function write(i, offset, width, value, most)
	if not (offset >= 0 and offset < 65536 and offset % 1 == 0) then outside(i, offset, width) end
	if type(value) == "number" and not (value >= 0 and value <= most and value % 1 == 0) then
		fail("%s is not a whole number from 0 to %.0f", tostring(value), most)
	end
	check(calls.write(machine, i, offset, width, value), i, offset, width)
end

-- Named fields -----------------------------------------------------------------------------------

local MALFORMED, LATER, VLAN = 1, 4, 16

-- Where a header begins; nil: the packet has none.
local bases = {
	eth = function() return 0 end,
	vlan = function(i) return band(batch.meta[i].flags, VLAN) ~= 0 and 14 or nil end,
	ip = function(i)
		local p = batch.meta[i]
		return p.family == 4 and band(p.flags, MALFORMED) == 0 and p.l3 or nil
	end,
	ip6 = function(i)
		local p = batch.meta[i]
		return p.family == 6 and band(p.flags, MALFORMED) == 0 and p.l3 or nil
	end,
}
local function of_proto(proto)
	return loadstring(format([[local batch = ... return function(i)
		local p = batch.meta[i]
		return p.proto == %d and p.l4 ~= 0 and p.l4 or nil
	end]], proto), "=prelude")(batch)
end
bases.tcp, bases.udp = of_proto(6), of_proto(17)
local icmp4, icmp6 = of_proto(1), of_proto(58)
bases.icmp = function(i) return icmp4(i) or icmp6(i) end

-- {offset, width, shift, bits, read-only}; width "mac" or "ip": an address of so many bytes.
local fields = {
	eth = {dst = {0, 6, "text"}, src = {6, 6, "text"}},
	vlan = {tci = {14 - 14, 2}, id = {0, 2, 0, 12}, dei = {0, 2, 12, 1}, pcp = {0, 2, 13, 3}},
	ip = {
		version = {0, 1, 4, 4, true}, ihl = {0, 1, 0, 4, true}, tos = {1, 1}, dscp = {1, 1, 2, 6},
		ecn = {1, 1, 0, 2}, length = {2, 2, 0, 16, true}, id = {4, 2}, df = {6, 1, 6, 1},
		ttl = {8, 1}, proto = {9, 1, 0, 8, true}, checksum = {10, 2},
		src = {12, 4, "text"}, dst = {16, 4, "text"},
	},
	ip6 = {
		version = {0, 1, 4, 4, true}, tos = {0, 2, 4, 8}, dscp = {0, 2, 6, 6}, ecn = {0, 2, 4, 2},
		flow = {0, 4, 0, 20}, length = {4, 2, 0, 16, true}, next = {6, 1, 0, 8, true},
		ttl = {7, 1}, src = {8, 16, "text"}, dst = {24, 16, "text"},
	},
	tcp = {
		sport = {0, 2}, dport = {2, 2}, seq = {4, 4}, ack = {8, 4}, flags = {13, 1},
		window = {14, 2}, checksum = {16, 2}, urgent = {18, 2},
	},
	udp = {sport = {0, 2}, dport = {2, 2}, length = {4, 2, 0, 16, true}, checksum = {6, 2}},
	icmp = {
		type = {0, 1}, code = {1, 1}, checksum = {2, 2}, id = {4, 2}, seq = {6, 2},
	},
}

local function absent(header)
	fail("the packet has no `%s` header", header)
end

local function address(i, offset, width)
	return ffi.string(text, calls.address(bytes_at(i, offset, width), width, text))
end

local function set_address(i, offset, width, value, name)
	if type(value) ~= "string" or not calls.parse(value, width, scratch) then
		fail("`%s`: %s is not an address of that kind", name, tostring(value))
	end
	check(calls.copy(machine, i, offset, ffi.string(scratch, width), width), i, offset, width)
end

local numbers = {
	[1] = "p[0]",
	[2] = "(p[0] * 256 + p[1])",
	[4] = "(p[0] * 16777216 + p[1] * 65536 + p[2] * 256 + p[3])",
}

-- Each field has functions of its own, with its numbers in them: LuaJIT compiles them to a load.
local function make_field(header, name, field)
	local at, width, shift, bits = field[1], field[2], field[3] or 0, field[4]
	local full, get, set = header .. "." .. name, nil, nil
	local load = format([[
		local base = bases(i)
		if not base then absent("%s") end]], header)
	if shift == "text" then
		get = format("return address(i, base + %d, %d)", at, width)
		set = format("set_address(i, base + %d, %d, value, %q)", at, width, full)
	else
		get = format("local p = bytes_at(i, base + %d, %d)\nlocal whole = %s\n", at, width,
			numbers[width])
		set = get
		if bits and bits < 8 * width then
			local most = 2 ^ bits - 1
			get = get .. format("return band(rshift(whole, %d), %d)", shift, most)
			set = set .. format([[
				if not (value >= 0 and value <= %d and value %% 1 == 0) then
					write(i, 0, 1, value, %d)
				end
				whole = whole - band(whole, %d) + value * %d
				write(i, base + %d, %d, whole, 4294967295)]],
				most, most, lshift(most, shift), 2 ^ shift, at, width)
		else
			get = get .. "return whole"
			set = format("write(i, base + %d, %d, value, %.0f)", at, width, 2 ^ (8 * width) - 1)
		end
		if field[5] then
			set = format('fail("`%s` cannot be written")', full)
		end
	end
	local code = format([[
		local bases, absent, bytes_at, band, rshift, address, set_address, write, fail = ...
		return function(i) %s %s end, function(i, value) %s %s end]], load, get, load, set)
	return loadstring(code, "=prelude")(bases[header], absent, bytes_at, band, rshift, address,
		set_address, write, fail)
end

local function refuse_unknown(kind, names)
	return function(key)
		fail("unknown field `%s` of `%s`%s", tostring(key), kind, near(tostring(key), names))
	end
end

local headers = {}
for header, list in pairs(fields) do
	local gets, sets = {}, {}
	for name, field in pairs(list) do
		gets[name], sets[name] = make_field(header, name, field)
	end
	local unknown = refuse_unknown(header, gets)
	local meta = {
		__index = function(self, key)
			local get = gets[key]
			if not get then unknown(key) end
			return get(current(self))
		end,
		__newindex = function(self, key, value)
			local set = sets[key]
			if not set then unknown(key) end
			set(current(self), value)
		end,
	}
	headers[header] = {}
	for i = 0, 255 do
		headers[header][i] = setmetatable({[KEY] = i}, meta)
	end
end
