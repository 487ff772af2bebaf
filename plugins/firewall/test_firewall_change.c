/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fused flows when what was decided about them changes: no packet after the change takes the old
 * decision. Each test first shows that the flow is fused.
 */
#include "test_firewall.h"

#define MILLISECOND (SECOND / 1000)

#define OPEN   "rules:\n  - {allow: any, side: inside}\n"
#define CLOSED "rules:\n  - {drop: any, side: inside}\n"

/* A conversation between an inside and an outside host. */
struct talk {
	const char *in, *out;
	uint16_t sport;
	uint8_t proto;
	uint32_t sequence[2]; /* TCP: next of each side */
};

static struct sl_test *firewall(const char *yaml)
{
	return sl_test_new_with(firewall_type(), yaml, &(struct sl_test_options){.fusion = "on"});
}

static struct talk udp(uint16_t sport)
{
	return (struct talk){
		.in = "10.0.0.1", .out = "192.0.2.1", .sport = sport, .proto = IPPROTO_UDP};
}

static struct talk udp6(uint16_t sport)
{
	return (struct talk){
		.in = "2001:db8::1", .out = "2001:db8:1::1", .sport = sport, .proto = IPPROTO_UDP};
}

static struct talk tcp(uint16_t sport)
{
	return (struct talk){.in = "10.0.0.1",
			     .out = "192.0.2.1",
			     .sport = sport,
			     .proto = IPPROTO_TCP,
			     .sequence = {1000, 5000}};
}

/* The edge that a packet takes; flags are TCP's. */
static int say(struct sl_test *t, struct talk *talk, enum sl_side from, uint8_t flags)
{
	bool out = from == SL_OUTSIDE;
	bool bare = (flags & ~RTE_TCP_ACK_FLAG) != 0; /* no payload */
	int edge = sl_test_one(
		t, from,
		SL_TEST_PACKET(.proto = talk->proto, .from = out ? talk->out : talk->in,
			       .to = out ? talk->in : talk->out, .sport = out ? 53 : talk->sport,
			       .dport = out ? talk->sport : 53, .tcp_flags = flags,
			       .seq = talk->sequence[out],
			       .ack = flags == RTE_TCP_SYN_FLAG ? 0 : talk->sequence[!out],
			       .length = bare ? 0 : 10));

	if ((flags & RTE_TCP_RST_FLAG) == 0)
		talk->sequence[out] += bare ? 1 : 10;
	return edge;
}

/* The same with no flag but ACK; whether it took an action is part of what is expected. */
static void expect(struct sl_test *t, struct talk *talk, enum sl_side from, int edge, bool fused)
{
	uint64_t before = sl_test_fused(t);

	assert_int_equal(say(t, talk, from, RTE_TCP_ACK_FLAG), edge);
	assert_int_equal(sl_test_fused(t) - before, fused);
}

/* Talk until both directions are fused. What refused to be is tried again after 10 ms. */
static void fuse(struct sl_test *t, struct talk *talk)
{
	if (talk->proto == IPPROTO_TCP) {
		assert_int_equal(say(t, talk, SL_INSIDE, RTE_TCP_SYN_FLAG), SL_ON);
		assert_int_equal(say(t, talk, SL_OUTSIDE, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG),
				 SL_ON);
	}
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(say(t, talk, SL_INSIDE, RTE_TCP_ACK_FLAG), SL_ON);
		assert_int_equal(say(t, talk, SL_OUTSIDE, RTE_TCP_ACK_FLAG), SL_ON);
		sl_test_advance(t, 20 * MILLISECOND);
	}
	expect(t, talk, SL_INSIDE, SL_ON, true);
	expect(t, talk, SL_OUTSIDE, SL_ON, true);
}

/* ---- Rules ---- */

static void test_rules_deny_what_was_fused(void **unused)
{
	struct sl_test *t = firewall(OPEN);
	struct talk talks[60];

	for (unsigned int i = 0; i < 60; i++) {
		uint16_t port = (uint16_t)(1000 + i);

		talks[i] = i % 3 == 0 ? udp(port) : i % 3 == 1 ? udp6(port) : tcp(port);
		fuse(t, &talks[i]);
	}
	assert_int_equal(sl_test_configure(t, CLOSED), 0);
	for (unsigned int i = 0; i < 60; i++) {
		/* Either direction may be the first to find out. */
		enum sl_side first = i / 3 % 2 ? SL_INSIDE : SL_OUTSIDE;

		expect(t, &talks[i], first, SL_DROP(FW_REVOKED), false);
		assert_int_not_equal(say(t, &talks[i], !first, RTE_TCP_ACK_FLAG), SL_ON);
	}
	sl_test_end(t);
}

static void test_rules_allow_what_was_fused_to_be_dropped(void **unused)
{
	struct sl_test *t = firewall(CLOSED);
	struct talk talk = udp(1000), other = udp6(1000);

	for (unsigned int i = 0; i < 2; i++) {
		expect(t, &talk, SL_INSIDE, SL_DROP(FW_RULE), i > 0);
		expect(t, &other, SL_INSIDE, SL_DROP(FW_RULE), i > 0);
	}
	assert_int_equal(sl_test_configure(t, OPEN), 0);
	expect(t, &talk, SL_INSIDE, SL_ON, false);
	expect(t, &other, SL_INSIDE, SL_ON, false);
	sl_test_end(t);
}

/* In a burst: none of its packets came in before the change. */
static void test_rules_change_between_bursts(void **unused)
{
	struct sl_test *t = firewall(OPEN);
	struct talk talk = udp(1000);

	fuse(t, &talk);
	for (unsigned int round = 0; round < 20; round++) {
		bool open = round % 2;

		assert_int_equal(sl_test_configure(t, open ? OPEN : CLOSED), 0);
		sl_test_clear(t);
		for (unsigned int i = 0; i < 256; i++)
			sl_test_push(t, SL_INSIDE,
				     SL_TEST_PACKET(.from = talk.in, .to = talk.out,
						    .sport = talk.sport, .dport = 53));
		sl_test_run(t);
		assert_int_equal(sl_test_count(t, SL_INSIDE, SL_ON), open ? 256 : 0);
		sl_test_advance(t, 20 * MILLISECOND);
	}
	sl_test_end(t);
}

/* ---- Sessions that end ---- */

/* What still comes of it walks, and does not keep it for longer than a closed one is kept. */
static void test_reset(void **unused)
{
	for (enum sl_side by = SL_INSIDE; by <= SL_OUTSIDE; by++) {
		struct sl_test *t = firewall(OPEN "tcp-close: 5 s\n");
		struct talk talk = tcp(1000), other = tcp(1001);

		fuse(t, &talk);
		fuse(t, &other);
		assert_int_equal(say(t, &talk, by, RTE_TCP_RST_FLAG), SL_ON);
		for (unsigned int i = 0; i < 3; i++) {
			expect(t, &talk, SL_INSIDE, SL_ON, false);
			expect(t, &talk, SL_OUTSIDE, SL_ON, false);
			sl_test_advance(t, 20 * MILLISECOND);
		}
		expect(t, &other, SL_INSIDE, SL_ON, true);
		expect(t, &other, SL_OUTSIDE, SL_ON, true);
		sl_test_advance(t, 6 * SECOND);
		expect(t, &talk, SL_INSIDE, SL_DROP(FW_NO_SESSION), false);
		expect(t, &talk, SL_OUTSIDE, SL_DROP(FW_NO_SESSION), false);
		expect(t, &other, SL_INSIDE, SL_ON, true);
		sl_test_end(t);
	}
}

/* Half closed, packets go on, but each walks: the state follows them. */
static void test_fin(void **unused)
{
	struct sl_test *t = firewall(OPEN "tcp-fin: 5 s\n");
	struct talk talk = tcp(1000);

	fuse(t, &talk);
	assert_int_equal(say(t, &talk, SL_INSIDE, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG), SL_ON);
	for (unsigned int i = 0; i < 5; i++) {
		expect(t, &talk, SL_OUTSIDE, SL_ON, false);
		sl_test_advance(t, 20 * MILLISECOND);
	}
	sl_test_advance(t, 6 * SECOND);
	expect(t, &talk, SL_OUTSIDE, SL_DROP(FW_NO_SESSION), false);
	sl_test_end(t);
}

static void test_clear(void **unused)
{
	struct sl_test *t = firewall(OPEN);
	struct talk v4 = udp(1000), v6 = udp6(1000), open = tcp(1000);

	fuse(t, &v4);
	fuse(t, &v6);
	fuse(t, &open);
	assert_non_null(sl_test_command(t, "clear", "proto: udp\n"));
	expect(t, &v4, SL_OUTSIDE, SL_DROP(FW_DEFAULT), false);
	expect(t, &v6, SL_OUTSIDE, SL_DROP(FW_DEFAULT), false);
	expect(t, &open, SL_OUTSIDE, SL_ON, true);
	/* Judged anew, a session opens anew; then the outside, whose drop was fused, gets through.
	 */
	expect(t, &v4, SL_OUTSIDE, SL_DROP(FW_DEFAULT), true);
	expect(t, &v4, SL_INSIDE, SL_ON, false);
	expect(t, &v4, SL_OUTSIDE, SL_ON, false);
	assert_non_null(sl_test_command(t, "clear", NULL));
	expect(t, &open, SL_OUTSIDE, SL_DROP(FW_NO_SESSION), false);
	sl_test_end(t);
}

/* ---- Time ---- */

static void test_fused_packets_keep_a_session(void **unused)
{
	struct sl_test *t = firewall(OPEN "udp-stream: 10 s\ntcp-established: 10 s\n");
	struct talk talks[] = {udp(1000), udp6(1000), tcp(1000)};

	for (unsigned int i = 0; i < 3; i++)
		fuse(t, &talks[i]);
	/* One direction will do. */
	for (unsigned int time = 0; time < 60; time += 6) {
		for (unsigned int i = 0; i < 3; i++)
			expect(t, &talks[i], i % 2, SL_ON, true);
		sl_test_advance(t, 6 * SECOND);
	}
	assert_int_equal(open_sessions(t), 2);
	sl_test_advance(t, 6 * SECOND);
	assert_int_equal(open_sessions(t), 0);
	assert_int_equal(sl_test_counter(t, "expired"), 3);
	for (unsigned int i = 0; i < 3; i++)
		expect(t, &talks[i], SL_OUTSIDE,
		       talks[i].proto == IPPROTO_TCP ? SL_DROP(FW_NO_SESSION) : SL_DROP(FW_DEFAULT),
		       false);
	sl_test_end(t);
}

static bool knows(struct sl_test *t, enum sl_side from, struct rte_mbuf *m)
{
	bool known = firewall_type()->knows(sl_test_node(t, from), m);

	rte_pktmbuf_free(m);
	return known;
}

static struct rte_mbuf *datagram(const struct talk *talk, bool back)
{
	return SL_TEST_PACKET(.from = back ? talk->out : talk->in,
			      .to = back ? talk->in : talk->out, .sport = back ? 53 : talk->sport,
			      .dport = back ? talk->sport : 53);
}

/* What `apply --drain` asks. */
static void test_knows_its_sessions(void **state)
{
	struct sl_test *t = firewall(OPEN);
	struct talk four = udp(1000), six = udp6(1000), other = udp(1001);
	struct rte_mbuf *sent = datagram(&six, false), *never = datagram(&other, false);

	assert_int_equal(say(t, &four, SL_INSIDE, 0), SL_ON);
	assert_int_equal(say(t, &six, SL_INSIDE, 0), SL_ON);
	for (unsigned int side = 0; side < 2; side++) {
		assert_true(knows(t, side, datagram(&four, side == SL_OUTSIDE)));
		assert_true(knows(t, side, datagram(&six, side == SL_OUTSIDE)));
		assert_false(knows(t, side, datagram(&other, side == SL_OUTSIDE)));
	}
	assert_true(knows(t, SL_OUTSIDE, sl_test_icmp_error(sent, "2001:db8::99", 1, 0)));
	assert_false(knows(t, SL_OUTSIDE, sl_test_icmp_error(never, "203.0.113.1", 3, 1)));
	rte_pktmbuf_free(sent);
	rte_pktmbuf_free(never);
	sl_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_deny_what_was_fused),
		cmocka_unit_test(test_rules_allow_what_was_fused_to_be_dropped),
		cmocka_unit_test(test_rules_change_between_bursts),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_knows_its_sessions),
		cmocka_unit_test(test_fin),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_fused_packets_keep_a_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
