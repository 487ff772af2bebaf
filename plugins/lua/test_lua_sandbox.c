/* SPDX-License-Identifier: BSD-3-Clause */
/* What a script must not do, and what it must not take: each of these stops, soon, with an error.
 */
#include "test.h"

static struct rte_mbuf *packet(void)
{
	return SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .sport = 1000, .dport = 53,
			      .length = 20);
}

/* The message of a script that fails on its first packet. Valid until the next call. */
static const char *message_with(const char *body, const char *more)
{
	static char message[600];
	struct sl_test *t = per_packet(body, more);

	if (sl_test_one(t, SL_INSIDE, packet()) != SL_DROP(ERROR))
		fail_msg("it went through: %s", body);
	snprintf(message, sizeof(message), "%s", sl_test_command(t, "script", NULL));
	/* The state can be used afterwards. */
	sl_test_push(t, SL_INSIDE, packet());
	sl_test_run(t);
	assert_int_equal(sl_test_counter(t, "errors"), 2);
	sl_test_end(t);
	return message;
}

static const char *message_of(const char *body)
{
	return message_with(body, "");
}

static void test_nothing_else_is_there(void **state)
{
	static const char *const names[] = {
		"io",       "os",         "ffi",          "debug",  "package",  "require",
		"load",     "loadstring", "loadfile",     "dofile", "jit",      "coroutine",
		"pcall",    "xpcall",     "getmetatable", "rawget", "rawset",   "setmetatable",
		"rawequal", "getfenv",    "setfenv",      "_G",     "newproxy", "collectgarbage",
		"module",   "gcinfo"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char body[64], expected[128];

		snprintf(body, sizeof(body), "local x = %s", names[i]);
		snprintf(expected, sizeof(expected), "script:3: `%s` is not there", names[i]);
		has(message_of(body), expected);
	}
	has(message_of("local x = string.dump"), "unknown name `string.dump`");
	has(message_of("local x = ('x').dump"), "unknown name `string.dump`");
	has(message_of("local x = ('x'):dump()"), "unknown name `string.dump`");
	has(message_of("local x = table.maxn"), "unknown name `table.maxn`");
	has(message_of("local x = math.randomseed"), "unknown name `math.randomseed`");
	has(message_of("setmetatable('', {})"), "`setmetatable` is not there");
	has(message_of("string = nil local x = ('x'):len() error('still')"), "still");
	has(message_of("string.len = nil local x = ('x'):len()"), "unknown name `string.len`");
}

/* A script that replaces what the prelude works with harms itself at most. */
static void test_the_prelude_is_out_of_reach(void **state)
{
	struct sl_test *t = per_packet("local f = string.format\n"
				       "string.format = function() return 'X' end\n"
				       "string.find = nil table.concat = nil math.min = nil\n"
				       "bit.band = function() return 0 end\n"
				       "tostring = nil error = nil select = nil type = nil\n"
				       "assert(packet.ip.ttl == 64 and packet.udp.dport == 53)\n"
				       "packet.ip.dscp = 5\n"
				       "batch[1] = nil batch[7] = 'x'",
				       "");

	for (int i = 0; i < 3; i++)
		sl_test_push(t, SL_INSIDE, packet());
	sl_test_run(t);
	assert_int_equal(sl_test_counter(t, "errors"), 0);
	assert_int_equal(sl_test_count(t, SL_INSIDE, SL_ON), 3);
	sl_test_end(t);
}

static void test_loops_end(void **state)
{
	static const char *const loops[] = {
		"while true do end",
		"repeat until false",
		"for i = 1, math.huge do end",
		"for i = 1, 2 do i = 1 while i do local x = packet:u8(0) end end",
		"::again:: goto again",
		"do ::again:: local x = 1 goto again end",
		"local function f() return f() end f()",
		"local t = {} t.f = function(self) return self:f() end t:f()",
		"local function f(a, b) return f(b, a) end f(1, 2)",
		("local i = 0 while true do i = i + 1 if i % 2 == 0 then goto continue end "
		 "::continue:: end"),
		"local t = {1} for k in pairs(t) do while true do t[1] = k end end",
		"('x'):rep(100):gsub('x', function() while true do end end)",
		"table.sort({3, 2, 1}, function() while true do end end)",
		"for _ in function() return 1 end do end",
		"local t = {} for i = 1, 60000 do t[i] = i end while true do t[#t] = #t end",
		"while true do local s = packet:bytes(0) .. 'x' end",
		"while true do local t = {} end",
		"while true do local f = function() end end",
		"while true do packet.ip.ttl = 3 end",
	};

	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
		has(message_with(loops[i], "steps: 200000\n"), "too many steps");
	/* Few turns, but long ones. */
	has(message_with("for i = 1, 3000 do local s = ('x'):rep(20000) end", "steps: 20000\n"),
	    "too many steps");
	has(message_with("local s = ('x'):rep(20000) for i = 1, 3000 do local t = s:upper() end",
			 "steps: 20000\n"),
	    "too many steps");
	/* Long texts as numbers. */
	has(message_with("local s = ('1'):rep(20000) for i = 1, 19000 do local x = tonumber(s) end",
			 "steps: 20000\n"),
	    "too many steps");
	has(message_with(
		    "local s = ('1'):rep(20000) for i = 1, 19000 do local x = tonumber(s, 2) end",
		    "steps: 20000\n"),
	    "too many steps");
	/* Memory is paid for. */
	has(message_with("local s, list = ('x'):rep(1000), {} "
			 "for i = 1, 3000 do list[i % 10] = s .. i .. math.random() end",
			 "steps: 20000\n"),
	    "too many steps");
	/* The default allows work. */
	{
		struct sl_test *t =
			per_packet("local n = 0 for i = 1, 1000000 do n = n + i end", "");

		assert_int_equal(sl_test_one(t, SL_INSIDE, packet()), SL_ON);
		sl_test_end(t);
	}
}

static void test_a_loop_at_load_or_in_tick(void **state)
{
	struct sl_test *t;

	has(sl_test_refused(type(NODE), yaml("while true do end", "")),
	    "line 1 of the script: the script took too many steps");
	t = node("function process() end\nfunction tick() while true do end end", "errors: 2\n");
	sl_test_tick(t, 5);
	assert_int_equal(sl_test_counter(t, "errors"), 2);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet()), SL_DROP(DISABLED));
	sl_test_end(t);
}

static void test_recursion_ends(void **state)
{
	has(message_of("local function f() return 1 + f() end f()"), "stack overflow");
	has(message_of("local function f(n) local a, b, c, d = n, n, n, n return f(n + 1) + a end "
		       "f(1)"),
	    "stack overflow");
	has(message_of("local function f(s) return (s:gsub('x', f)) end f('x')"),
	    "functions call back more than 20 deep");
	has(message_of("local function f(a, b) table.sort({1, 2}, f) return a < b end f(1, 2)"),
	    "functions call back more than 20 deep");
}

static void test_memory_ends(void **state)
{
	static const char *const bombs[] = {
		"('x'):rep(1e9)",
		"local s = 'x' while true do s = s .. s end",
		"local t = {} for i = 1, 1e7 do t[i] = {} end",
		"local t = {} for i = 1, 1e7 do t[i] = i end",
		"local t = {} for i = 1, 1e7 do t['k' .. i] = ('v'):rep(100) .. i end",
		"local t = {} for i = 1, 1000 do t[i] = ('x'):rep(100000) .. i end",
		("local t = {} for i = 1, 1000 do t[i] = 'x' end while true do t[1] = "
		 "table.concat(t) end"),
		"local s = ('x'):rep(1000) while true do s = s:gsub('x', '%0%0') end",
		"string.format(('%99s'):rep(20000), unpack({}))",
	};

	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		const char *message = message_with(bombs[i], "steps: 1000000000\nmemory: 4 MiB\n");

		if (strstr(message, "MiB of memory") == NULL &&
		    strstr(message, "bad argument") == NULL &&
		    strstr(message, "could take too long") == NULL)
			fail_msg("%s: %s", bombs[i], message);
	}
	/* Garbage does not count for ever. */
	{
		struct sl_test *t =
			per_packet("for i = 1, 2000 do local s = ('x'):rep(10000) .. i end",
				   "memory: 4 MiB\nsteps: 100000000\n");

		for (int i = 0; i < 20; i++)
			assert_int_equal(sl_test_one(t, SL_INSIDE, packet()), SL_ON);
		sl_test_end(t);
		t = per_packet("local s = ('x'):rep(500000) .. batch[1].mark", "");
		for (uint32_t i = 0; i < 200; i++) {
			struct rte_mbuf *m = packet();

			sl_packet(m)->mark = i;
			assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
		}
		sl_test_end(t);
	}
	has(sl_test_refused(type(NODE), yaml("x = {} for i = 1, 1e6 do x[i] = {i} end", "")),
	    "MiB of memory");
}

static void test_patterns_end(void **state)
{
	static const char *const bombs[] = {
		"('a'):rep(5000):find(('a*'):rep(20) .. 'b')",
		"('a'):rep(30):match(('a?'):rep(30) .. ('a'):rep(30) .. 'b')",
		"for _ in ('a'):rep(5000):gmatch('.-.-.-b') do end",
		"('a'):rep(5000):gsub('(.-)(.-)(.-)b', '')",
	};

	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++)
		has(message_of(bombs[i]), "could take too long");
	/* Many that are cheap by themselves. */
	has(message_of("local s = ('a'):rep(1000) while true do s:find('a*b') end"),
	    "could take too long");
	has(message_of("local s = ('a'):rep(100000) while true do s:find(('a'):rep(90) .. 'b', 1, "
		       "true) "
		       "end"),
	    "too many steps");
	has(message_of("local t = {} for i = 1, 30000 do t[i] = i end table.sort(t)"),
	    "too many steps");
	has(message_of("local t = {} for i = 1, 30000 do table.insert(t, 1, i) end"),
	    "too many steps");
	has(message_of("local t = {} for i = 1, 30000 do t[i] = i end "
		       "while true do t[#t + 1] = table.remove(t, 1) end"),
	    "too many steps");
}

static void test_bad_scripts_are_refused(void **state)
{
	has(sl_test_refused(type(NODE), yaml("function process(batch)\n  x = = 1\nend", "")),
	    "line 2 of the script: unexpected symbol near '='");
	has(sl_test_refused(type(NODE), yaml("x = 1", "")), "has no function `process`");
	has(sl_test_refused(type(NODE), yaml("process = 5", "")), "has no function `process`");
	has(sl_test_refused(type(POLICY), yaml("function process() end", "")),
	    "has no function `decide`");
	has(sl_test_refused(type(NODE), yaml("local x\nlocal y = io.open('/etc/passwd')", "")),
	    "line 2 of the script: `io` is not there");
	has(sl_test_refused(type(NODE), yaml("function process() __sluice_step = nil end", "")),
	    "names that begin with `__sluice` are sluice's own");
	has(sl_test_refused(type(NODE), "script: \"\\eLJ\\x02\\n\""), "not Lua");
	has(sl_test_refused(type(NODE), yaml("local s = 'no end", "")), "line 1 of the script: ");
}

/* The text is rewritten, and stays what it was. */
static void test_rewriting_keeps_the_meaning(void **state)
{
	struct sl_test *t = node(
		"#!/usr/bin/env luajit\n"
		"-- do while function\n"
		"local text = 'do repeat function()' .. [[ do ]] --[[ do ]]\n"
		"assert(text == 'do repeat function() do ')\n"
		"local t = {goto_ = 1, ['do'] = 2, f = function(...) return select('#', ...) end}\n"
		"assert(t['do'] == 2 and t.f(1, nil) == 2 and (function() return 7 end)() == 7)\n"
		"local n = 0\n"
		"for i = 1, 3 do (function() n = n + 1 end)() end\n"
		"for i = 1, 10 do\n"
		"  if i % 2 == 0 then goto continue end\n"
		"  local x = i\n"
		"  n = n + x\n"
		"  ::continue::\n"
		"end\n"
		"repeat local done = n > 5 until done\n"
		"assert(n == 3 + 1 + 3 + 5 + 7 + 9)\n"
		"function process(batch) end",
		"");

	sl_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_else_is_there),
		cmocka_unit_test(test_the_prelude_is_out_of_reach),
		cmocka_unit_test(test_loops_end),
		cmocka_unit_test(test_a_loop_at_load_or_in_tick),
		cmocka_unit_test(test_recursion_ends),
		cmocka_unit_test(test_memory_ends),
		cmocka_unit_test(test_patterns_end),
		cmocka_unit_test(test_bad_scripts_are_refused),
		cmocka_unit_test(test_rewriting_keeps_the_meaning),
	};

	return cmocka_run_group_tests_name("lua-sandbox", tests, NULL, NULL);
}
