/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions come back by the path they went out by; memory is bounded. */
#include "harness.h"

#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>

#include <sluice/trail.h>

#include <core/flow/pin.h>

static const char *const paths[] = {"a", "b", "c", NULL};
/* Hop 0 gets what leaves by the port, hop 1 what comes back. */
static uint8_t roles[] = {0, SL_PIN_LOOK_UP};

static struct sl_test *open_with(uint32_t sessions)
{
	static struct sl_pin_config config;
	struct sl_test_options options = {.config = &config, .paths = paths};

	config = (struct sl_pin_config){.sessions = sessions, .hop_count = 2, .roles = roles};
	return sl_test_new_with(&sl_pin_type, NULL, &options);
}

static void out_by(struct sl_test *t, uint8_t rank, struct rte_mbuf *m)
{
	if (roles[0] != rank)
		sl_unfuse(sl_test_instance(t)); /* it is as if another hop */
	roles[0] = rank;
	assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
}

#define UNKNOWN (SL_ON - SL_EDGE_FIRST)

static int back(struct sl_test *t, struct rte_mbuf *m)
{
	return sl_test_one(t, SL_OUTSIDE, m) - SL_EDGE_FIRST;
}

static void test_sessions(void **state)
{
	struct sl_test *t = open_with(100);

	out_by(t, 1,
	       SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .sport = 7, .dport = 53));
	out_by(t, 2,
	       SL_TEST_PACKET(.from = "2001:db8::1", .to = "2001:db8::2", .proto = IPPROTO_TCP,
			      .sport = 8, .dport = 80));
	assert_int_equal(back(t, SL_TEST_PACKET(.from = "192.0.2.1", .to = "10.0.0.1", .sport = 53,
						.dport = 7)),
			 1);
	assert_int_equal(back(t, SL_TEST_PACKET(.from = "2001:db8::2", .to = "2001:db8::1",
						.proto = IPPROTO_TCP, .sport = 80, .dport = 8)),
			 2);
	/* Another port, protocol, address or direction is another session. */
	assert_int_equal(back(t, SL_TEST_PACKET(.from = "192.0.2.1", .to = "10.0.0.1", .sport = 53,
						.dport = 8)),
			 UNKNOWN);
	assert_int_equal(back(t, SL_TEST_PACKET(.from = "192.0.2.1", .to = "10.0.0.1",
						.proto = IPPROTO_TCP, .sport = 53, .dport = 7)),
			 UNKNOWN);
	assert_int_equal(back(t, SL_TEST_PACKET(.from = "192.0.2.2", .to = "10.0.0.1", .sport = 53,
						.dport = 7)),
			 UNKNOWN);
	assert_int_equal(back(t, SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .sport = 7,
						.dport = 53)),
			 UNKNOWN);
	/* The path it came out by last counts. */
	out_by(t, 2,
	       SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .sport = 7, .dport = 53));
	assert_int_equal(back(t, SL_TEST_PACKET(.from = "192.0.2.1", .to = "10.0.0.1", .sport = 53,
						.dport = 7)),
			 2);
	assert_int_equal(sl_test_counter(t, "pinned"), 2);
	assert_int_equal(sl_test_counter(t, "found"), 3);
	assert_int_equal(sl_test_counter(t, "unknown"), 4);
	sl_test_end(t);
}

/* Protocols without ports, and later fragments, go by their addresses; others by the first path. */
static void test_without_ports(void **state)
{
	struct sl_test *t = open_with(100);

	out_by(t, 1,
	       SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .proto = IPPROTO_ICMP,
			      .icmp_type = 8, .icmp_id = 5));
	assert_int_equal(
		back(t, SL_TEST_PACKET(.from = "192.0.2.1", .to = "10.0.0.1", .proto = IPPROTO_ICMP,
				       .icmp_type = 0, .icmp_id = 5)),
		1);
	out_by(t, 2,
	       SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .fragment = 100,
			      .length = 64));
	assert_int_equal(back(t, SL_TEST_PACKET(.from = "192.0.2.1", .to = "10.0.0.1",
						.fragment = 9, .more = true, .length = 64)),
			 2);
	out_by(t, 2, SL_TEST_PACKET(.ethertype = 0x88b5, .length = 50));
	assert_int_equal(back(t, SL_TEST_PACKET(.ethertype = 0x88b5, .length = 50)), UNKNOWN);
	sl_test_end(t);
}

/* An ICMP error takes the path of the session it is about. */
static void test_icmp_errors(void **state)
{
	struct sl_test *t = open_with(100);
	struct rte_mbuf *four =
		SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .sport = 7, .dport = 53);
	struct rte_mbuf *six = SL_TEST_PACKET(.from = "2001:db8::1", .to = "2001:db8::2",
					      .proto = IPPROTO_TCP, .sport = 8, .dport = 80);
	struct rte_mbuf *about_four = sl_test_icmp_error(four, "203.0.113.1", 3, 4);
	struct rte_mbuf *about_six = sl_test_icmp_error(six, "2001:db8::ff", 2, 0);
	struct rte_mbuf *other =
		SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .sport = 9, .dport = 53);
	struct rte_mbuf *about_other = sl_test_icmp_error(other, "203.0.113.1", 11, 0);

	sl_test_free(other);
	out_by(t, 1, four);
	out_by(t, 2, six);
	assert_int_equal(back(t, about_four), 1);
	assert_int_equal(back(t, about_six), 2);
	assert_int_equal(back(t, about_other), UNKNOWN);
	sl_test_end(t);
}

static struct rte_mbuf *session(unsigned int number, bool reply)
{
	char address[32];

	snprintf(address, sizeof(address), "10.%u.%u.%u", number >> 16, number >> 8 & 255,
		 number & 255);
	return reply ? SL_TEST_PACKET(.from = "192.0.2.1", .to = address, .sport = 53, .dport = 7)
		     : SL_TEST_PACKET(.from = address, .to = "192.0.2.1", .sport = 7, .dport = 53);
}

/* A full table forgets sessions that were not used for long, and keeps one that is. */
static void test_eviction(void **state)
{
	struct sl_test *t = open_with(50);
	unsigned int known = 0;

	for (unsigned int i = 0; i < 500; i++) {
		out_by(t, 1, session(i, false));
		assert_int_equal(back(t, session(0, true)), 1);
		assert_int_equal(back(t, session(i, true)), 1);
	}
	for (unsigned int i = 0; i < 500; i++)
		known += back(t, session(i, true)) == 1;
	assert_int_equal(known, 50);
	assert_int_equal(sl_test_counter(t, "pinned"), 500);
	assert_int_equal(sl_test_counter(t, "evicted"), 450);
	sl_test_end(t);
}

/* Several packets of one new session in a burst, in a table of one. */
static void test_burst(void **state)
{
	struct sl_test *t = open_with(1);

	roles[0] = 2;
	for (unsigned int i = 0; i < 200; i++)
		sl_test_push(t, SL_INSIDE, session(i / 4 % 3, false));
	sl_test_run(t);
	assert_int_equal(sl_test_counter(t, "pinned"), 50);
	assert_int_equal(sl_test_counter(t, "evicted"), 49);
	assert_int_equal(back(t, session(49 % 3, true)), 2);
	assert_int_equal(back(t, session(50 % 3, true)), UNKNOWN);
	sl_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions),    cmocka_unit_test(test_without_ports),
		cmocka_unit_test(test_icmp_errors), cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
