/* SPDX-License-Identifier: BSD-3-Clause */
/* The node type `lua/policy`: a verdict on a session, asked for once. */
#include "test.h"

static struct sl_test *policy(const char *script, const char *more)
{
	return sl_test_new(type(POLICY), yaml(script, more));
}

#define HERE     .from = "10.0.0.1", .to = "192.0.2.1"
#define THERE    .from = "192.0.2.1", .to = "10.0.0.1"
#define UDP(...) SL_TEST_PACKET(__VA_ARGS__)

static const char by_port[] = "asked = 0\n"
			      "function decide(flow)\n"
			      "  asked = asked + 1\n"
			      "  local p = flow.dport\n"
			      "  if p == 80 then flow.mark = 7 elseif p == 25 then\n"
			      "    return flow:drop('mail') elseif p == 26 then flow:drop() end\n"
			      "end\n";

static void test_one_question_a_session(void **state)
{
	struct sl_test *t = policy(by_port, "");

	for (int i = 0; i < 20; i++) {
		assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 9, .dport = 80)),
				 SL_ON);
		assert_int_equal(sl_packet(sl_test_out(t, SL_INSIDE, SL_ON, 0))->mark, 7);
		assert_int_equal(sl_test_one(t, SL_OUTSIDE, UDP(THERE, .sport = 80, .dport = 9)),
				 SL_ON);
		assert_int_equal(sl_packet(sl_test_out(t, SL_OUTSIDE, SL_ON, 0))->mark, 7);
		assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 9, .dport = 25)),
				 SL_DROP(DROP));
		/* What answers a session that is dropped is dropped as well. */
		assert_int_equal(sl_test_one(t, SL_OUTSIDE, UDP(THERE, .sport = 25, .dport = 9)),
				 SL_DROP(DROP));
		assert_int_equal(
			sl_test_one(t, SL_INSIDE,
				    SL_TEST_PACKET(.from = "2001:db8::1", .to = "2001:db8::2",
						   .sport = 9, .dport = 25)),
			SL_DROP(DROP));
		sl_test_advance(t, 10000000);
	}
	assert_int_equal(sl_test_counter(t, "decided"), 3);
	sl_test_advance(t, 10000000);
	assert_int_equal(sl_test_counter(t, "packets"), 40);
	assert_int_equal(sl_test_counter(t, "dropped"), 60);
	assert_int_equal(sl_test_drops(t, "script"), 60);
	has(sl_test_command(t, "drops", NULL), "{\"reason\":\"mail\",\"packets\":60}");
	has(sl_test_command(t, "sessions", NULL),
	    "\"from\":\"10.0.0.1\",\"to\":\"192.0.2.1\",\"proto\":17,\"sport\":9,\"dport\":80,"
	    "\"verdict\":\"on\",\"mark\":7,\"packets\":40");
	has(sl_test_command(t, "sessions", NULL), "\"verdict\":\"drop\",\"reason\":\"mail\"");
	if (sl_test_fused(t) != 0)
		assert_true(sl_test_fused(t) >= 80);
	sl_test_end(t);
}

/* With fusion on the harness fuses; then it must have. */
static void test_verdicts_are_fused(void **state)
{
	const struct sl_test_options options = {.fusion = "on"};
	struct sl_test *t = sl_test_new_with(type(POLICY), yaml(by_port, "idle: 1 s\n"), &options);

	for (int i = 0; i < 50; i++) {
		sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 9, .dport = 80));
		sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 9, .dport = 25));
		sl_test_one(t, SL_OUTSIDE, UDP(THERE, .sport = 80, .dport = 9));
		/* Fused packets keep their session alive. */
		sl_test_advance(t, 250000000);
	}
	assert_true(sl_test_fused(t) >= 140);
	assert_int_equal(sl_test_counter(t, "decided"), 2);
	assert_int_equal(sl_test_counter(t, "ended"), 0);
	sl_test_advance(t, UINT64_C(5000000000));
	sl_test_tick(t, 5);
	assert_int_equal(sl_test_counter(t, "ended"), 2);
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 9, .dport = 80)), SL_ON);
	assert_int_equal(sl_test_counter(t, "decided"), 3);
	sl_test_end(t);
}

/* The flow of the packet at hand, whichever way it goes. */
static void test_a_new_script_at_once(void **state)
{
	struct sl_test *t = policy("function decide(flow) end", "");

	for (int i = 0; i < 5; i++) {
		assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 9, .dport = 80)),
				 SL_ON);
		assert_int_equal(sl_test_one(t, SL_OUTSIDE, UDP(THERE, .sport = 80, .dport = 9)),
				 SL_ON);
	}
	assert_int_equal(
		sl_test_configure(
			t, yaml("function decide(flow)\n"
				"  assert(flow.sport == 9 and flow.dport == 80)\n"
				"  assert(flow.source == '10.0.0.1' and flow.reply)\n"
				"  assert(flow.destination == '192.0.2.1')\n"
				"  assert(flow:from('10.0.0.0/8') and not flow:to('10.0.0.0/8'))\n"
				"  assert(flow.udp.sport == 80 and flow.side == 'outside')\n"
				"  flow:drop('changed')\n"
				"end",
				"")),
		0);
	/* The next packet, a reply, meets the new script. */
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, UDP(THERE, .sport = 80, .dport = 9)),
			 SL_DROP(DROP));
	has(sl_test_command(t, "drops", NULL), "{\"reason\":\"changed\",\"packets\":1}");
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 9, .dport = 80)),
			 SL_DROP(DROP));
	assert_int_equal(sl_test_counter(t, "decided"), 2);
	assert_int_equal(sl_test_counter(t, "errors"), 0);
	/* And so does what was asked to be forgotten. */
	assert_non_null(sl_test_command(t, "forget", NULL));
	assert_int_equal(sl_test_counter(t, "ended"), 1);
	sl_test_end(t);
}

static void test_a_connection_that_begins_anew(void **state)
{
	struct sl_test *t = policy(by_port, "");

	for (int i = 1; i < 4; i++) {
		assert_int_equal(
			sl_test_one(t, SL_INSIDE,
				    SL_TEST_PACKET(HERE, .proto = IPPROTO_TCP, .sport = 5,
						   .dport = 80, .tcp_flags = RTE_TCP_SYN_FLAG)),
			SL_ON);
		for (int k = 0; k < 5; k++)
			assert_int_equal(sl_test_one(t, SL_INSIDE,
						     SL_TEST_PACKET(HERE, .proto = IPPROTO_TCP,
								    .sport = 5, .dport = 80)),
					 SL_ON);
		assert_int_equal(sl_test_counter(t, "decided"), i);
	}
	sl_test_end(t);
}

static void test_ways(void **state)
{
	static const char *const paths[] = {"slow", NULL};
	const struct sl_test_options options = {.paths = paths};
	struct sl_test *t =
		sl_test_new_with(type(POLICY),
				 yaml("function decide(flow) flow:go('long') flow.mark = 3 end",
				      "ways: [{name: long, path: slow}]\n"),
				 &options);

	for (int i = 0; i < 5; i++) {
		assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 9, .dport = 80)),
				 SL_EDGE_FIRST);
		assert_int_equal(sl_packet(sl_test_out(t, SL_INSIDE, SL_EDGE_FIRST, 0))->mark, 3);
		/* Replies are on their way. */
		assert_int_equal(sl_test_one(t, SL_OUTSIDE, UDP(THERE, .sport = 80, .dport = 9)),
				 SL_ON);
	}
	assert_int_equal(sl_test_counter(t, "decided"), 1);
	has(sl_test_command(t, "sessions", NULL), "\"verdict\":\"long\"");
	sl_test_end(t);
}

static void test_a_full_table(void **state)
{
	struct sl_test *t = policy(by_port, "sessions: 4\nidle: 1 s\n");

	for (uint16_t i = 0; i < 10; i++)
		assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 100 + i, .dport = 1)),
				 i < 4 ? SL_ON : SL_DROP(TABLE_FULL));
	assert_int_equal(sl_test_counter(t, "decided"), 4);
	assert_int_equal(sl_test_configure(t, yaml(by_port, "sessions: 4\nidle: 1 s\n"
							    "table-full: pass\n")),
			 0);
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 200, .dport = 1)), SL_ON);
	assert_int_not_equal(sl_test_configure(t, yaml(by_port, "sessions: 5\n")), 0);
	/* Those that are idle make room. */
	sl_test_advance(t, UINT64_C(2000000000));
	for (uint16_t i = 0; i < 4; i++)
		assert_int_equal(
			sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 300 + i, .dport = 25)),
			SL_DROP(DROP));
	sl_test_end(t);
}

static void test_errors(void **state)
{
	struct sl_test *t =
		policy("function decide(flow)\n"
		       "  if flow.dport == 1 then flow.mark = 5 error('not that one') end\n"
		       "  if flow.dport == 2 then flow.udp.sport = 5 end\n"
		       "  if flow.dport == 3 then flow:u8(0, 1) end\n"
		       "  if flow.dport == 4 then flow:back() end\n"
		       "  if flow.dport == 5 then while true do end end\n"
		       "end",
		       "errors: 5\n");

	/* In one burst: only the flow that fails is dropped. */
	for (uint16_t i = 0; i < 10; i++)
		sl_test_push(t, SL_INSIDE, UDP(HERE, .sport = 100 + i, .dport = i == 4 ? 1 : 10));
	sl_test_run(t);
	assert_int_equal(sl_test_count(t, SL_INSIDE, SL_ON), 9);
	assert_int_equal(sl_test_drops(t, "script-error"), 1);
	has(sl_test_command(t, "script", NULL), "script:2: not that one");
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 1, .dport = 2)),
			 SL_DROP(ERROR));
	has(sl_test_command(t, "script", NULL), "script:3: a policy only reads");
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 1, .dport = 3)),
			 SL_DROP(ERROR));
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 1, .dport = 4)),
			 SL_DROP(ERROR));
	has(sl_test_command(t, "script", NULL), "cannot turn packets back");
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 1, .dport = 5)),
			 SL_DROP(ERROR));
	has(sl_test_command(t, "script", NULL), "script:6: the script took too many steps");
	/* Disabled: what it decided holds, new sessions drop. */
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 1, .dport = 9)),
			 SL_DROP(DISABLED));
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 101, .dport = 10)), SL_ON);
	sl_test_end(t);
}

/* The same session twice in one burst is asked about once; damaged packets never. */
static void test_bursts_and_odd_packets(void **state)
{
	static const uint8_t cut[] = {2, 0, 0, 0, 0,    2, 2, 0,  0, 0,
				      0, 1, 8, 0, 0x45, 0, 0, 20, 0, 0};
	struct sl_test *t = policy(by_port, "");
	struct rte_mbuf *damaged;

	for (int i = 0; i < 100; i++)
		sl_test_push(t, SL_INSIDE, UDP(HERE, .sport = 1, .dport = 80));
	sl_test_run(t);
	assert_int_equal(sl_test_count(t, SL_INSIDE, SL_ON), 100);
	assert_int_equal(sl_test_counter(t, "decided"), 1);
	sl_test_clear(t);
	assert_int_equal(
		sl_test_one(t, SL_INSIDE, SL_TEST_PACKET(.ethertype = 0x88b5, .length = 9)), SL_ON);
	assert_int_equal(sl_test_counter(t, "other"), 1);
	damaged = sl_test_bytes(cut, sizeof(cut));
	assert_non_null(damaged);
	assert_int_equal(sl_test_one(t, SL_INSIDE, damaged), SL_DROP(BAD));
	/* VLANs are told apart; ICMP echo is a session, by its identifier. */
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 1, .dport = 80, .vlan = 5)),
			 SL_ON);
	assert_int_equal(sl_test_counter(t, "decided"), 2);
	for (int reply = 0; reply < 2; reply++)
		for (uint16_t id = 1; id < 3; id++)
			assert_int_equal(
				sl_test_one(t, reply ? SL_OUTSIDE : SL_INSIDE,
					    SL_TEST_PACKET(.from = reply ? "10.0.0.9" : "10.0.0.1",
							   .to = reply ? "10.0.0.1" : "10.0.0.9",
							   .proto = IPPROTO_ICMP,
							   .icmp_type = reply ? 0 : 8,
							   .icmp_id = id)),
				SL_ON);
	assert_int_equal(sl_test_counter(t, "decided"), 4);
	sl_test_end(t);
}

/* How many of so many packets of that direction pass; the others are over the rate. */
static unsigned int passes(struct sl_test *t, enum sl_side from, bool six, unsigned int count)
{
	static const char *const four_ends[] = {"10.0.0.1", "192.0.2.1"};
	static const char *const six_ends[] = {"2001:db8::1", "2001:db8::2"};
	const char *const *ends = six ? six_ends : four_ends;
	unsigned int on = 0;

	for (unsigned int i = 0; i < count; i++) {
		/* 100 bytes of IP. */
		int edge = sl_test_one(t, from,
				       SL_TEST_PACKET(.from = ends[from], .to = ends[!from],
						      .sport = from == SL_INSIDE ? 9 : 80,
						      .dport = from == SL_INSIDE ? 80 : 9,
						      .length = six ? 52 : 72));

		assert_true(edge == SL_ON || edge == SL_DROP(OVER_RATE));
		on += edge == SL_ON;
	}
	return on;
}

#define SECOND UINT64_C(1000000000)

static void test_a_limit_of_packets(void **state)
{
	struct sl_test *t = policy("function decide(flow) flow:limit{packets = 10, burst = 5}\n"
				   "flow.mark = 3 end",
				   "idle: 10 min\n");

	assert_int_equal(passes(t, SL_INSIDE, false, 20), 5);
	/* Either direction has its own. */
	assert_int_equal(passes(t, SL_OUTSIDE, false, 20), 5);
	assert_int_equal(passes(t, SL_INSIDE, true, 20), 5);
	for (int i = 0; i < 20; i++) {
		sl_test_advance(t, SECOND / 10);
		assert_int_equal(passes(t, SL_INSIDE, false, 3), 1);
		assert_int_equal(passes(t, SL_OUTSIDE, false, 3), 1);
	}
	/* No more than the burst comes together. */
	sl_test_advance(t, 60 * SECOND);
	assert_int_equal(passes(t, SL_INSIDE, false, 20), 5);
	assert_int_equal(sl_test_counter(t, "decided"), 2);
	assert_int_equal(sl_test_counter(t, "packets"), 5 + 5 + 5 + 20 + 20 + 5);
	assert_int_equal(sl_test_counter(t, "over-rate"), 15 + 15 + 15 + 40 + 40 + 15);
	assert_int_equal(sl_test_drops(t, "over-rate"), 140);
	has(sl_test_command(t, "sessions", NULL),
	    "\"verdict\":\"on\",\"mark\":3,\"limit-packets\":10.0,\"packets\":180,");
	has(sl_test_command(t, "sessions", NULL), "\"over-rate\":125");
	sl_test_end(t);
}

static void test_a_limit_of_bits(void **state)
{
	static const char script[] =
		"function decide(flow) flow:limit{bits = 8000, burst = 1000} end";
	const struct sl_test_options options = {.fusion = "on"};
	struct sl_test *t = sl_test_new_with(type(POLICY), yaml(script, ""), &options);

	for (int six = 0; six < 2; six++) {
		assert_int_equal(passes(t, SL_INSIDE, six, 15), 10);
		sl_test_advance(t, SECOND / 2);
		assert_int_equal(passes(t, SL_INSIDE, six, 15), 5);
		/* One that is larger than the burst never passes; it takes nothing. */
		sl_test_advance(t, 10 * SECOND);
		assert_int_equal(
			sl_test_one(t, SL_INSIDE,
				    SL_TEST_PACKET(.from = six ? "2001:db8::1" : "10.0.0.1",
						   .to = six ? "2001:db8::2" : "192.0.2.1",
						   .sport = 9, .dport = 80, .length = 1000)),
			SL_DROP(OVER_RATE));
		assert_int_equal(passes(t, SL_INSIDE, six, 15), 10);
	}
	assert_true(sl_test_fused(t) >= 30);
	has(sl_test_command(t, "sessions", NULL), "\"limit-bits\":8000.0,\"packets\":46,");
	sl_test_end(t);
}

/* Another verdict on the same session, and a connection that begins anew: what was used is. */
static void test_a_limit_is_not_got_round(void **state)
{
	static const char slow[] = "function decide(flow) flow:limit{packets = 1, burst = 8} end";
	static const char fast[] = "function decide(flow) flow:limit{packets = 2, burst = 4} end";
	struct sl_test *t = policy(slow, "");
	unsigned int on = 0;

	assert_int_equal(passes(t, SL_INSIDE, false, 20), 8);
	assert_int_equal(sl_test_configure(t, yaml(slow, "")), 0);
	assert_int_equal(passes(t, SL_INSIDE, false, 20), 0);
	assert_int_equal(sl_test_configure(t, yaml(fast, "")), 0);
	assert_int_equal(passes(t, SL_INSIDE, false, 20), 0);
	sl_test_advance(t, SECOND);
	assert_int_equal(passes(t, SL_INSIDE, false, 20), 2);
	sl_test_advance(t, 60 * SECOND);
	assert_int_equal(passes(t, SL_INSIDE, false, 20), 4);
	for (int i = 0; i < 20; i++)
		on += sl_test_one(t, SL_INSIDE,
				  SL_TEST_PACKET(HERE, .proto = IPPROTO_TCP, .sport = 5,
						 .dport = 80, .tcp_flags = RTE_TCP_SYN_FLAG)) ==
		      SL_ON;
	assert_int_equal(on, 4);
	/* Without a limit any more. */
	assert_int_equal(sl_test_configure(t, yaml("function decide(flow) end", "")), 0);
	assert_int_equal(passes(t, SL_INSIDE, false, 20), 20);
	sl_test_end(t);
}

static void test_limits_that_are_none(void **state)
{
	static const struct {
		const char *limit, *said;
	} wrong[] = {
		{"()", "`limit` takes a table"},
		{"(5)", "`limit` takes a table"},
		{"(flow)", "`limit` takes a table"},
		{"{}", "either `bits` or `packets`"},
		{"{burst = 5}", "either `bits` or `packets`"},
		{"{bits = 1000, packets = 5}", "either `bits` or `packets`"},
		{"{bit = 1000}", "unknown part `bit` of a limit; did you mean `bits`?"},
		{"{1000}", "unknown part `1` of a limit"},
		{"{bits = '1M'}", "`bits` of a limit: 1M is not a number from 8 to 1e+12"},
		{"{bits = 7}", "`bits` of a limit: 7 is not a number from 8 to"},
		{"{bits = 0/0}", "`bits` of a limit: nan is not a number"},
		{"{bits = math.huge}", "`bits` of a limit: inf is not a number"},
		{"{packets = 0.0001}",
		 "`packets` of a limit: 0.0001 is not a number from 0.001 to 1e+09"},
		{"{packets = -1}", "`packets` of a limit: -1 is not a number"},
		{"{packets = 5, burst = 0}", "`burst` of a limit: 0 is not a number from 1 to"},
		{"{packets = 5, burst = false}", "`burst` of a limit: false is not a number"},
		{"{bits = 8, burst = 1e9}", "takes more than a day to come again"},
	};
	char script[200];

	for (unsigned int i = 0; i < RTE_DIM(wrong); i++) {
		struct sl_test *t;

		snprintf(script, sizeof(script), "function decide(flow) flow:limit%s end",
			 wrong[i].limit);
		t = policy(script, "");
		assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 9, .dport = 80)),
				 SL_DROP(ERROR));
		has(sl_test_command(t, "script", NULL), wrong[i].said);
		sl_test_end(t);
	}
}

/* The slowest and the fastest there are, and drop and limit in one verdict. */
static void test_limits_at_their_ends(void **state)
{
	struct sl_test *t = policy("function decide(flow)\n"
				   "  if flow.ip6 then flow:limit{bits = 1e12} else\n"
				   "    flow:limit{bits = 8, burst = 86400} end\n"
				   "  if flow.dport == 25 then flow:drop('mail') end\n"
				   "end",
				   "");

	assert_int_equal(passes(t, SL_INSIDE, true, 2000), 2000);
	assert_int_equal(passes(t, SL_INSIDE, false, 1000), 864);
	sl_test_advance(t, 100 * SECOND);
	assert_int_equal(passes(t, SL_INSIDE, false, 10), 1);
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 9, .dport = 25)),
			 SL_DROP(DROP));
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(HERE, .sport = 9, .dport = 25)),
			 SL_DROP(DROP));
	has(sl_test_command(t, "sessions", NULL), "\"limit-bits\":1000000000000.0,");
	sl_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_question_a_session),
		cmocka_unit_test(test_verdicts_are_fused),
		cmocka_unit_test(test_a_new_script_at_once),
		cmocka_unit_test(test_a_connection_that_begins_anew),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_a_full_table),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_bursts_and_odd_packets),
		cmocka_unit_test(test_a_limit_of_packets),
		cmocka_unit_test(test_a_limit_of_bits),
		cmocka_unit_test(test_a_limit_is_not_got_round),
		cmocka_unit_test(test_limits_that_are_none),
		cmocka_unit_test(test_limits_at_their_ends),
	};

	return cmocka_run_group_tests_name("lua-policy", tests, NULL, NULL);
}
