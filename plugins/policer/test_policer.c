/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <dlfcn.h>

#include <tests/unit/harness.h>

enum { GREEN, YELLOW, RED, TABLE_FULL }; /* drop reasons */

static const struct sl_node_type *type(void)
{
	static const struct sl_plugin *plugin;

	if (plugin == NULL) {
		void *handle = dlopen(SL_BUILD_DIR "/plugins/policer.so", RTLD_NOW | RTLD_LOCAL);

		assert_non_null(handle);
		plugin = dlsym(handle, "sl_plugin");
		assert_non_null(plugin);
	}
	return &plugin->types[0];
}

#define MS UINT64_C(1000000)
/* An IP packet of so many bytes from that host, of a flow by port. */
#define SIZED(host, port, bytes) \
	SL_TEST_PACKET(.from = (host), .to = "192.0.2.1", .dport = (port), .length = (bytes)-28)

/* Offers packets of so many bytes every `every` ns for so many; returns IP bytes that passed. */
static uint64_t offer(struct sl_test *t, enum sl_side from, const char *host, uint16_t bytes,
		      uint64_t every, uint64_t nanoseconds)
{
	uint64_t passed = 0;

	for (uint64_t at = 0; at < nanoseconds; at += every) {
		sl_test_advance(t, every);
		if (sl_test_one(t, from, SIZED(host, 5, bytes)) == SL_ON)
			passed += bytes;
	}
	return passed;
}

static void near(uint64_t have, uint64_t want, uint64_t slack)
{
	if (have + slack < want || have > want + slack)
		fail_msg("%lu is not within %lu of %lu", have, slack, want);
}

/* What passes is the burst and the rate times the time, to the last packet. */
static void test_rates_are_exact(void **state)
{
	static const uint64_t rates[] = {1000000, 7777777, 100000000, 1234567890, 40000000000};

	for (unsigned int i = 0; i < RTE_DIM(rates); i++) {
		uint64_t every = UINT64_C(500) * 8000000000 / rates[i], passed, before;
		char yaml[100];
		struct sl_test *t;

		snprintf(yaml, sizeof(yaml), "rate: %lu bit/s\nburst: 20000\n", rates[i]);
		t = sl_test_new(type(), yaml);
		/* Twice the rate, 4000 packets of 1000 bytes. */
		passed = offer(t, SL_INSIDE, "10.0.0.1", 1000, every, every);
		before = sl_test_now(t);
		passed += offer(t, SL_INSIDE, "10.0.0.1", 1000, every, 3999 * every);
		near(passed,
		     20000 + (uint64_t)((double)rates[i] / 8 * (double)(sl_test_now(t) - before) /
					(double)sl_hz()),
		     1500);
		/* The other side has a meter of its own, full. */
		assert_int_equal(offer(t, SL_OUTSIDE, "10.0.0.1", 1000, every, 20 * every), 20000);
		sl_test_end(t);
	}
}

static void test_packets(void **state)
{
	struct sl_test *t =
		sl_test_new(type(), "packet-rate: 100/s\nburst: 5\ndirection: inside\n");

	near(offer(t, SL_INSIDE, "10.0.0.1", 100, MS, 2000 * MS) / 100, 205, 1);
	near(offer(t, SL_INSIDE, "10.0.0.1", 1400, MS, 2000 * MS) / 1400, 200, 1);
	/* The other direction is not metered. */
	near(offer(t, SL_OUTSIDE, "10.0.0.1", 100, MS, 300 * MS) / 100, 300, 0);
	assert_int_equal(sl_test_counter(t, "unmetered"), 300);
	assert_int_equal(sl_test_counter(t, "green") + sl_test_counter(t, "red"), 4000);
	assert_int_equal(sl_test_drops(t, "red"), sl_test_counter(t, "red"));
	sl_test_end(t);
}

#define AF(class, precedence) (8 * (class) + 2 * (precedence))

static int coloured(struct sl_test *t, uint8_t dscp)
{
	int edge = sl_test_one(t, SL_INSIDE,
			       SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .dport = 5,
					      .length = 972, .dscp = dscp));
	const struct rte_mbuf *m;

	if (edge != SL_ON)
		return edge;
	m = sl_test_out(t, SL_INSIDE, SL_ON, 0);
	return sl_ipv4(m)->type_of_service >> 2;
}

#define COLOURS "green: {dscp: 1}\nyellow: {dscp: 2}\nred: {dscp: 3}\n"

/* Full buckets, 1000 bytes at a time, no time passing: each meter by its RFC. */
static void test_three_meters(void **state)
{
	struct sl_test *t =
		sl_test_new(type(), "rate: 8 kbit/s\nburst: 2500\nexcess-burst: 1500\n" COLOURS);

	/* RFC 2697: C has 2500, E 1500. What does not fit goes to the next whole. */
	assert_int_equal(coloured(t, 0), 1);
	assert_int_equal(coloured(t, 0), 1);
	assert_int_equal(coloured(t, 0), 2);
	assert_int_equal(coloured(t, 0), 3);
	sl_test_advance(t, 500 * MS); /* 500 bytes: C is at 1000 */
	assert_int_equal(coloured(t, 0), 1);
	assert_int_equal(coloured(t, 0), 3);
	sl_test_advance(t, 3000 * MS); /* what C does not take flows to E, which had 500 */
	assert_int_equal(coloured(t, 0), 1);
	assert_int_equal(coloured(t, 0), 1);
	assert_int_equal(coloured(t, 0), 2 + (500 + 500 < 1000));
	sl_test_end(t);

	/* RFC 2698: yellow takes from P, green from both. */
	t = sl_test_new(type(),
			"meter: two-rate\nrate: 8 kbit/s\nburst: 1000\npeak-rate: 16 kbit/s\n"
			"peak-burst: 3000\n" COLOURS);
	assert_int_equal(coloured(t, 0), 1);
	assert_int_equal(coloured(t, 0), 2);
	assert_int_equal(coloured(t, 0), 2);
	assert_int_equal(coloured(t, 0), 3);
	sl_test_advance(t, 500 * MS);
	assert_int_equal(coloured(t, 0), 2);
	sl_test_advance(t, 500 * MS);
	assert_int_equal(coloured(t, 0), 1);
	sl_test_end(t);

	/* RFC 4115: buckets that know nothing of each other. */
	t = sl_test_new(type(), "meter: two-rate-excess\nrate: 8 kbit/s\nburst: 1000\n"
				"excess-rate: 8 kbit/s\nexcess-burst: 1000\n" COLOURS);
	assert_int_equal(coloured(t, 0), 1);
	assert_int_equal(coloured(t, 0), 2);
	assert_int_equal(coloured(t, 0), 3);
	sl_test_advance(t, 1000 * MS);
	assert_int_equal(coloured(t, 0), 1);
	assert_int_equal(coloured(t, 0), 2);
	assert_int_equal(coloured(t, 0), 3);
	assert_int_equal(sl_test_counter(t, "green"), 2);
	assert_int_equal(sl_test_counter(t, "yellow"), 2);
	assert_int_equal(sl_test_counter(t, "red"), 2);
	sl_test_end(t);
}

static void test_colour_aware(void **state)
{
	struct sl_test *t = sl_test_new(type(), "rate: 8 kbit/s\nburst: 10000\nexcess-burst: 2000\n"
						"colour-aware: true\nyellow: {precedence: 3}\n");
	struct rte_mbuf *m;

	assert_int_equal(coloured(t, AF(2, 1)), AF(2, 1));
	assert_int_equal(coloured(t, AF(2, 3)), SL_DROP(RED));
	assert_int_equal(coloured(t, AF(4, 2)), AF(4, 3)); /* yellow stays yellow; its class too */
	assert_int_equal(coloured(t, AF(1, 2)), AF(1, 3));
	assert_int_equal(coloured(t, AF(1, 2)), SL_DROP(RED)); /* E is empty, C is not asked */
	assert_int_equal(coloured(t, 46), 46);
	assert_int_equal(sl_test_counter(t, "green"), 2);
	assert_int_equal(sl_test_counter(t, "yellow"), 2);
	/* IPv6 */
	sl_test_advance(t, 30000 * MS);
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.from = "2001:db8::1", .to = "2001:db8::2",
						    .dport = 5, .dscp = AF(3, 2))),
			 SL_ON);
	m = sl_test_out(t, SL_INSIDE, SL_ON, 0);
	assert_int_equal(rte_be_to_cpu_32(sl_ipv6(m)->vtc_flow) >> 22 & 63, AF(3, 3));
	sl_test_end(t);
}

static void test_rules_and_marks(void **state)
{
	struct sl_test *t = sl_test_new(
		type(), "rules:\n"
			"- {match: {dport: 7}, exempt: true}\n"
			"- {match: {dport: 8}, rate: 8 kbit/s, burst: 1000, red: {mark: 9}}\n"
			"packet-rate: 1/s\nburst: 1\n");
	const char *json;

	for (int i = 0; i < 3; i++)
		assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 7, 1000)), SL_ON);
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 8, 1000)), SL_ON);
	assert_int_equal(sl_packet(sl_test_out(t, SL_INSIDE, SL_ON, 0))->mark, 0);
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 8, 1000)), SL_ON);
	assert_int_equal(sl_packet(sl_test_out(t, SL_INSIDE, SL_ON, 0))->mark, 9);
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 9, 1000)), SL_ON);
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 9, 1000)), SL_DROP(RED));
	json = sl_test_command(t, "rules", NULL);
	assert_non_null(strstr(json,
			       "{\"rule\":2,\"per\":\"all\",\"from\":\"inside\",\"green\":1,"
			       "\"green-bytes\":1014,\"yellow\":0,\"yellow-bytes\":0,\"red\":1,"
			       "\"red-bytes\":1014}"));
	assert_non_null(strstr(json, "{\"rule\":\"others\",\"per\":\"all\",\"from\":\"inside\","
				     "\"green\":1"));
	assert_non_null(sl_test_command(t, "clear", NULL));
	assert_null(strstr(sl_test_command(t, "rules", NULL), "\"green\":1"));
	/* The meters went on. */
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 9, 1000)), SL_DROP(RED));
	assert_int_equal(sl_test_configure(t, "packet-rate: 1/s\nburst: 2\n"), 0);
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 9, 1000)), SL_ON);
	sl_test_end(t);
}

#define ANSWER(host, port) \
	SL_TEST_PACKET(.from = "192.0.2.1", .to = (host), .sport = (port), .length = 972)

static void test_flows(void **state)
{
	struct sl_test *t = sl_test_new(type(), "per: flow\npacket-rate: 1/s\nburst: 1\n"
						"flows: 3\nidle: 2 s\ntable-full: drop\n");
	const char *json;

	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 1, 100)), SL_ON);
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 1, 100)), SL_DROP(RED));
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 2, 100)), SL_ON);
	/* The other direction is another flow. */
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, ANSWER("10.0.0.1", 1)), SL_ON);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, ANSWER("10.0.0.1", 1)), SL_DROP(RED));
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.3", 1, 100)), SL_DROP(TABLE_FULL));
	json = sl_test_command(t, "flows", NULL);
	assert_non_null(strstr(json, "\"from\":\"10.0.0.1\",\"to\":\"192.0.2.1\",\"proto\":17,"
				     "\"sport\":0,\"dport\":1,\"green\":1,\"green-bytes\":114,"
				     "\"yellow\":0,\"yellow-bytes\":0,\"red\":1"));
	sl_test_advance(t, 2500 * MS);
	assert_int_equal(sl_test_counter(t, "flows-ended"), 3);
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.3", 1, 100)), SL_ON);
	assert_int_equal(sl_test_counter(t, "flows-made"), 4);
	assert_int_equal(sl_test_counter(t, "table-full"), 1);
	/* Packets of one burst that make the same flow. */
	for (int i = 0; i < 5; i++)
		sl_test_push(t, SL_INSIDE, SIZED("10.0.0.9", 1, 100));
	sl_test_run(t);
	assert_int_equal(sl_test_counter(t, "flows-made"), 5);
	assert_int_equal(sl_test_drops(t, "red"), 2 + 4);
	sl_test_end(t);
}

static void test_symmetric_and_hosts(void **state)
{
	struct sl_test *t = sl_test_new(
		type(), "rules:\n"
			"- {match: {proto: udp, family: ipv4}, per: source, symmetric: true, "
			"packet-rate: 1/s, burst: 2}\n"
			"- {match: {family: ipv6}, per: destination, packet-rate: 1/s, burst: 1}\n"
			"flows: 4\n");

	/* An inside host, whatever its peers, both directions. */
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 1, 100)), SL_ON);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, ANSWER("10.0.0.1", 77)), SL_ON);
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 3, 100)), SL_DROP(RED));
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, ANSWER("10.0.0.1", 78)), SL_DROP(RED));
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.2", 1, 100)), SL_ON);
	assert_int_equal(sl_test_counter(t, "flows-made"), 2);
	assert_non_null(strstr(sl_test_command(t, "rules", NULL), "\"from\":\"both\",\"green\":3"));
#define TO6(to_) SL_TEST_PACKET(.from = "2001:db8::1", .to = (to_), .dport = 5)
	assert_int_equal(sl_test_one(t, SL_INSIDE, TO6("2001:db8::2")), SL_ON);
	assert_int_equal(sl_test_one(t, SL_INSIDE, TO6("2001:db8::2")), SL_DROP(RED));
	assert_int_equal(sl_test_one(t, SL_INSIDE, TO6("2001:db8::3")), SL_ON);
	/* Full: the rest share one. */
	assert_int_equal(sl_test_one(t, SL_INSIDE, TO6("2001:db8::4")), SL_ON);
	assert_int_equal(sl_test_one(t, SL_INSIDE, TO6("2001:db8::5")), SL_DROP(RED));
	assert_int_equal(sl_test_counter(t, "table-full"), 2);
	sl_test_end(t);
}

/* What workers share is split; a flow's meter is whole. */
static void test_workers(void **state)
{
	const struct sl_test_options two = {.workers = 2};
	struct sl_test *t = sl_test_new_with(type(), "packet-rate: 200/s\nburst: 1\n", &two);

	near(offer(t, SL_INSIDE, "10.0.0.1", 100, MS, 1000 * MS) / 100, 100, 2);
	sl_test_worker(t, 1);
	near(offer(t, SL_INSIDE, "10.0.0.1", 100, MS, 1000 * MS) / 100, 100, 2);
	sl_test_end(t);
	t = sl_test_new_with(type(), "packet-rate: 200/s\nburst: 1\nper: flow\n", &two);
	near(offer(t, SL_INSIDE, "10.0.0.1", 100, MS, 1000 * MS) / 100, 200, 2);
	sl_test_end(t);
}

/* What the guard says of one packet: its edge, or that it walks. */
#define WALKS 255

static uint8_t ask(struct sl_node *node, uint64_t handle, const struct rte_mbuf *m, bool commit)
{
	uint8_t edge = SL_ON;

	return type()->guard(node, &handle, &m, &edge, 1, commit) == 1 ? edge : WALKS;
}

/* The guard says what process() would, notes what it would, and a look changes nothing. */
static void test_guard(void **state)
{
	struct sl_test *t = sl_test_new(type(), "packet-rate: 1/s\nburst: 2\nexcess-burst: 1\n"
						"yellow: {mark: 5}\n");
	struct sl_node *node = sl_test_node(t, SL_INSIDE);
	/* The policy's own meter, of the first configuration, inside, green. */
	uint64_t handle = UINT64_C(1) << 63 | UINT64_C(1) << 44;
	struct rte_mbuf *m = SIZED("10.0.0.1", 1, 100);

	sl_test_advance(t, MS);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask(node, handle, m, false), SL_ON);
	assert_int_equal(sl_test_counter(t, "green"), 0);
	assert_int_equal(ask(node, handle, m, true), SL_ON);
	assert_int_equal(sl_test_counter(t, "green"), 1);
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 1, 100)), SL_ON);
	/* Yellow has an action of its own: it walks, and process() counts it. */
	assert_int_equal(ask(node, handle, m, true), WALKS);
	assert_int_equal(sl_test_counter(t, "yellow"), 0);
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 1, 100)), SL_ON);
	assert_int_equal(sl_test_counter(t, "yellow"), 1);
	assert_int_equal(ask(node, handle, m, false), SL_DROP(RED));
	assert_int_equal(sl_test_counter(t, "red"), 0);
	assert_int_equal(ask(node, handle, m, true), SL_DROP(RED));
	assert_int_equal(sl_test_counter(t, "red"), 1);
	/* Comes as red, as its first packet did. */
	assert_int_equal(ask(node, handle | UINT64_C(2) << 40, m, true), SL_DROP(RED));
	/* Of another configuration. */
	assert_int_equal(sl_test_configure(t, "packet-rate: 1/s\n"), 0);
	assert_int_equal(ask(node, handle, m, true), WALKS);
	assert_int_equal(ask(node, UINT64_C(2) << 44 | 3, m, true), WALKS); /* no such flow */
	sl_test_free(m);
	sl_test_end(t);
}

/* Many packets at once are decided about one after the other, up to the first that walks. */
static void test_guard_of_many(void **state)
{
	struct sl_test *t = sl_test_new(type(), "packet-rate: 1/s\nburst: 3\nexcess-burst: 1\n"
						"yellow: {mark: 5}\n");
	struct sl_node *node = sl_test_node(t, SL_INSIDE);
	uint64_t green = UINT64_C(1) << 63 | UINT64_C(1) << 44, red = green | UINT64_C(2) << 40;
	uint64_t handles[] = {green, red, green, green, green, green};
	const struct rte_mbuf *pkts[6];
	uint8_t edge[6] = {0};
	const uint8_t want[] = {SL_ON, SL_DROP(RED), SL_ON, SL_ON, SL_ON, SL_ON};

	sl_test_advance(t, MS);
	for (unsigned int i = 0; i < 6; i++)
		pkts[i] = SIZED("10.0.0.1", 1, (uint16_t)(100 + i));
	assert_int_equal(type()->guard(node, handles, pkts, edge, 6, true), 4);
	assert_memory_equal(edge, want, sizeof(want));
	assert_int_equal(sl_test_counter(t, "green"), 3);
	assert_int_equal(sl_test_counter(t, "red"), 1);
	assert_int_equal(sl_test_counter(t, "yellow"), 0);
	/* The one that was not let go took nothing: yellow has its token still. */
	assert_int_equal(sl_test_one(t, SL_INSIDE, SIZED("10.0.0.1", 1, 104)), SL_ON);
	assert_int_equal(sl_test_counter(t, "yellow"), 1);
	/* What is red is dropped, one and all. */
	memset(edge, SL_ON, sizeof(edge));
	assert_int_equal(type()->guard(node, handles, pkts, edge, 6, true), 6);
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(edge[i], SL_DROP(RED));
	assert_int_equal(sl_test_counter(t, "red"), 7);
	for (unsigned int i = 0; i < 6; i++)
		sl_test_free((struct rte_mbuf *)(uintptr_t)pkts[i]);
	sl_test_end(t);
}

static void refused(const char *yaml, const char *why)
{
	const char *said = sl_test_refused(type(), yaml);

	if (strstr(said, why) == NULL)
		fail_msg("%s: %s", yaml, said);
}

static void test_refused(void **state)
{
	refused("idle: 3 s", "give `rate`");
	refused("rate: 1 Mbit/s\npacket-rate: 3/s", "exclude each other");
	refused("rate: 1 Mbit/s\nmeter: two-rate", "needs `peak-rate`");
	refused("rate: 1 Mbit/s\nmeter: two-rate\npeak-rate: 1 kbit/s", "below");
	refused("packet-rate: 1/s\nmeter: two-rate-excess", "needs `excess-packet-rate`");
	refused("packet-rate: 1/s\npeak-packet-rate: 2/s", "for `meter: two-rate`");
	refused("packet-rate: 1/s\npeak-rate: 2 kbit/s", "not both");
	refused("rate: 1 Mbit/s\nexcess-rate: 1 Mbit/s", "two-rate-excess");
	refused("rate: 1 Mbit/s\nmeter: two-rate\npeak-rate: 1 Mbit/s\nexcess-burst: 1",
		"peak-burst");
	refused("rate: 1 Mbit/s\nburst: 0", "burst of 0");
	refused("rate: 1 Mbit/s\nred: {drop: true, mark: 1}", "cannot also");
	refused("rate: 1 Mbit/s\nred: {dscp: 1, precedence: 1}", "exclude");
	refused("rules: [{match: {dport: 3}}]", "must say");
	refused("rules: [{exempt: true, rate: 1 Mbit/s}]", "exempt");
	refused("rules: [{exempt: true}]\nper: flow", "without `rate`");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates_are_exact),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_three_meters),
		cmocka_unit_test(test_colour_aware),
		cmocka_unit_test(test_rules_and_marks),
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_symmetric_and_hosts),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_guard_of_many),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
