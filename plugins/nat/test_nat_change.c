/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fused flows when their session ends: no packet is translated with the mapping that was. Each
 * test first shows that the flow is fused.
 */
#include "test.h"

#define MILLISECOND (SECOND / 1000)
#define OTHER       "10.0.0.2"

static struct sl_test *nat(const char *yaml)
{
	return sl_test_new_with(type, yaml, &(struct sl_test_options){.fusion = "on"});
}

/* From inside; the outside port. Whether it took an action is part of what is expected. */
static uint16_t go(struct sl_test *t, uint8_t proto, const char *host, uint16_t sport, bool fused)
{
	uint64_t before = sl_test_fused(t);

	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(proto, host, sport, FAR, 53)), SL_ON);
	assert_int_equal(sl_test_fused(t) - before, fused);
	return rte_be_to_cpu_16(sl_udp(out(t, SL_INSIDE, SL_ON))->src_port);
}

/* From outside; the edge. */
static int come(struct sl_test *t, uint8_t proto, uint16_t port, bool fused)
{
	uint64_t before = sl_test_fused(t);
	int edge = send_in(t, proto, FAR, 53, POOL, port, 0);

	assert_int_equal(sl_test_fused(t) - before, fused);
	return edge;
}

/* Both directions, fused at the end. What refused to be is tried again after 10 ms. */
static uint16_t fuse(struct sl_test *t, uint8_t proto, const char *host, uint16_t sport)
{
	uint16_t port = send_out(t, proto, host, sport, FAR, 53);

	if (proto == IPPROTO_TCP)
		assert_int_equal(
			send_in(t, proto, FAR, 53, POOL, port, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG),
			SL_ON);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(sl_test_one(t, SL_INSIDE, packet(proto, host, sport, FAR, 53)),
				 SL_ON);
		assert_int_equal(send_in(t, proto, FAR, 53, POOL, port, 0), SL_ON);
		sl_test_advance(t, 20 * MILLISECOND);
	}
	assert_int_equal(go(t, proto, host, sport, true), port);
	assert_int_equal(come(t, proto, port, true), SL_ON);
	return port;
}

/* One outside port: whoever has it, has it alone. */
#define ONE_PORT BASE "ports: 4000-4001\npreserve-parity: false\nport-hold: 0 s\n"

static void time_ends_it(void **state)
{
	struct sl_test *t = nat(ONE_PORT "udp-timeout: 120 s\n");
	uint16_t port = fuse(t, IPPROTO_UDP, HOST, 5000), next = 0;

	/* While it is used by fused packets alone, its time starts anew with each. */
	for (unsigned int i = 0; i < 20; i++) {
		pass_hours(t, 25);
		assert_int_equal(go(t, IPPROTO_UDP, HOST, 5000, true), port);
	}
	assert_int_equal(sl_test_counter(t, "sessions-made"), 1);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 0);
	pass_hours(t, 130);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 1);
	assert_int_equal(come(t, IPPROTO_UDP, port, false), dropped("no-mapping"));
	/* Another host takes the port. */
	for (uint16_t sport = 6000; next != port && sport < 6002; sport++)
		next = go(t, IPPROTO_UDP, OTHER, sport, false);
	assert_int_equal(next, port);
	assert_int_equal(come(t, IPPROTO_UDP, port, false), SL_ON);
	assert_int_equal(memcmp((const uint8_t *)sl_l3(out(t, SL_OUTSIDE, SL_ON)) + 16,
				"\x0a\x00\x00\x02", 4),
			 0);
	/* The first host's packet is translated anew, or not at all. */
	if (sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 5000, FAR, 53)) == SL_ON)
		assert_int_not_equal(rte_be_to_cpu_16(sl_udp(out(t, SL_INSIDE, SL_ON))->src_port),
				     port);
	sl_test_end(t);
}

/* Packets from outside alone do not refresh a mapping (RFC 4787, REQ-6), nor do they fused. */
static void inbound_does_not_keep_it(void **state)
{
	struct sl_test *t = nat(BASE "udp-timeout: 120 s\n");
	uint16_t port = fuse(t, IPPROTO_UDP, HOST, 5000);

	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(come(t, IPPROTO_UDP, port, true), SL_ON);
		pass_hours(t, 25);
	}
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 1);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 1);
	assert_int_equal(come(t, IPPROTO_UDP, port, false), dropped("no-mapping"));
	sl_test_end(t);
}

static void clear_ends_it(void **state)
{
	struct sl_test *t = nat(BASE);
	uint16_t port[20];

	for (uint16_t i = 0; i < 20; i++)
		port[i] = fuse(t, i % 2 ? IPPROTO_TCP : IPPROTO_UDP, i < 10 ? HOST : OTHER,
			       (uint16_t)(5000 + i));
	assert_non_null(sl_test_command(t, "clear", "inside: " HOST "\n"));
	for (uint16_t i = 0; i < 20; i++) {
		uint8_t proto = i % 2 ? IPPROTO_TCP : IPPROTO_UDP;

		if (i < 10)
			assert_int_not_equal(come(t, proto, port[i], false), SL_ON);
		else
			assert_int_equal(come(t, proto, port[i], true), SL_ON);
	}
	assert_non_null(sl_test_command(t, "clear", NULL));
	for (uint16_t i = 0; i < 20; i++)
		assert_int_not_equal(come(t, i % 2 ? IPPROTO_TCP : IPPROTO_UDP, port[i], false),
				     SL_ON);
	sl_test_end(t);
}

/* After a reset the session lives on for a while, but on the short time-out; or, if somebody goes
 * on, on the long one (RFC 7857, section 2.2). */
static void reset_shortens_it(void **state)
{
	struct sl_test *t = nat(BASE "tcp-transitory-timeout: 240 s\n");
	uint16_t port = fuse(t, IPPROTO_TCP, HOST, 5000);

	assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 53, POOL, port, RTE_TCP_RST_FLAG), SL_ON);
	pass_hours(t, 300);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 1);
	assert_int_not_equal(come(t, IPPROTO_TCP, port, false), SL_ON);
	port = fuse(t, IPPROTO_TCP, HOST, 5001);
	assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 53, POOL, port, RTE_TCP_RST_FLAG), SL_ON);
	assert_int_equal(come(t, IPPROTO_TCP, port, false), SL_ON);
	pass_hours(t, 300);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 1);
	assert_int_equal(come(t, IPPROTO_TCP, port, false), SL_ON);
	sl_test_end(t);
}

/* What was let through untranslated is translated once it is configured so. */
static void configuration_changes_it(void **state)
{
	struct sl_test *t = nat(BASE "others: pass\n");
	struct sl_test_packet other = {
		.from = "172.16.0.1", .to = FAR, .sport = 5, .dport = 53, .length = 20};
	uint16_t port = fuse(t, IPPROTO_UDP, HOST, 5000);
	uint64_t before;

	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(sl_test_one(t, SL_INSIDE, sl_test_packet(&other)), SL_ON);
	assert_int_equal(sl_test_configure(t, BASE "others: drop\n"), 0);
	before = sl_test_fused(t);
	assert_int_equal(sl_test_one(t, SL_INSIDE, sl_test_packet(&other)), dropped("not-ours"));
	assert_int_equal(sl_test_fused(t), before);
	/* Sessions stay. */
	assert_int_equal(go(t, IPPROTO_UDP, HOST, 5000, false), port);
	sl_test_end(t);
}

static bool knows(struct sl_test *t, enum sl_side from, struct rte_mbuf *m)
{
	bool known = type->knows(sl_test_node(t, from), m);

	rte_pktmbuf_free(m);
	return known;
}

/* What `apply --drain` asks. */
static void knows_its_sessions(void **state)
{
	struct sl_test *t = nat(BASE);
	uint16_t port = send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 53);
	struct rte_mbuf *sent = packet(IPPROTO_UDP, POOL, port, FAR, 53);
	struct rte_mbuf *came = packet(IPPROTO_UDP, FAR, 53, HOST, 5000);

	assert_true(knows(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 5000, FAR, 53)));
	assert_false(knows(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 5001, FAR, 53)));
	assert_false(knows(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 5000, FAR, 54)));
	assert_false(knows(t, SL_INSIDE, packet(IPPROTO_TCP, HOST, 5000, FAR, 53)));
	assert_true(knows(t, SL_OUTSIDE, packet(IPPROTO_UDP, FAR, 53, POOL, port)));
	/* Anybody who writes to its port means it. */
	assert_true(knows(t, SL_OUTSIDE, packet(IPPROTO_UDP, FAR, 99, POOL, port)));
	assert_false(
		knows(t, SL_OUTSIDE, packet(IPPROTO_UDP, FAR, 53, POOL, (uint16_t)(port ^ 0x100))));
	assert_true(knows(t, SL_OUTSIDE, sl_test_icmp_error(sent, "203.0.113.1", 3, 1)));
	assert_true(knows(t, SL_INSIDE, sl_test_icmp_error(came, HOST, 3, 3)));
	assert_false(knows(t, SL_INSIDE, sl_test_icmp_error(sent, HOST, 3, 3)));
	assert_false(
		knows(t, SL_INSIDE,
		      SL_TEST_PACKET(.from = "2001:db8::1", .to = "2001:db8::2", .dport = 53)));
	rte_pktmbuf_free(sent);
	rte_pktmbuf_free(came);
	sl_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_ends_it),
		cmocka_unit_test(knows_its_sessions),
		cmocka_unit_test(inbound_does_not_keep_it),
		cmocka_unit_test(clear_ends_it),
		cmocka_unit_test(reset_shortens_it),
		cmocka_unit_test(configuration_changes_it),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
