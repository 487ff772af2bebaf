/* SPDX-License-Identifier: BSD-3-Clause */
/* Old flows stay old, new ones are new, in both directions; memory is bounded. */
#include "harness.h"

#include <cmocka.h>
#include <netinet/in.h>

#include <sluice/trail.h>

#include <core/flow/drain.h>

#define NEW   SL_ON
#define OLD   SL_EDGE_FIRST
#define QUIET 10

static const char *const paths[] = {"old", NULL};
/* Hop 0 chooses; hop 1 gets what leaves by the port. */
static uint8_t roles[] = {SL_DRAIN_CHOOSE, SL_DRAIN_NOTE_OLD};
static struct sl_drain_config config;

static _Atomic bool cut;

static struct sl_test *open_with(uint32_t flows, bool sure)
{
	struct sl_test_options options = {.config = &config, .paths = paths};

	sl_test_eal();
	cut = false;
	roles[1] = SL_DRAIN_NOTE_OLD;
	config = (struct sl_drain_config){.cut = &cut,
					  .flows = flows,
					  .quiet = QUIET * sl_hz(),
					  .roles = roles,
					  .sure = sure,
					  .counts = true};
	return sl_test_new_with(&sl_drain_type, NULL, &options);
}

static void seconds(struct sl_test *t, unsigned int count)
{
	sl_test_advance(t, count * UINT64_C(1000000000));
}

static struct sl_drain_count sum(struct sl_test *t)
{
	struct sl_drain_count count = {0};

	sl_test_tick(t, 2);
	sl_drain_sum(sl_test_instance(t), &count);
	return count;
}

static int in(struct sl_test *t, struct rte_mbuf *m)
{
	return sl_test_one(t, SL_INSIDE, m);
}

/* Out by the port, from the old path or the new one. */
static void out(struct sl_test *t, enum sl_drain_role role, struct rte_mbuf *m)
{
	if (roles[1] != role)
		sl_unfuse(sl_test_instance(t)); /* it is as if another hop */
	roles[1] = (uint8_t)role;
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, m), SL_ON);
}

static struct rte_mbuf *udp(uint16_t sport, bool back)
{
	if (back)
		return SL_TEST_PACKET(.from = "192.0.2.1", .to = "10.0.0.1", .sport = 53,
				      .dport = sport);
	return SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .sport = sport, .dport = 53);
}

static struct rte_mbuf *tcp(uint16_t sport, bool back, uint8_t flags)
{
	if (back)
		return SL_TEST_PACKET(.from = "2001:db8::2", .to = "2001:db8::1",
				      .proto = IPPROTO_TCP, .sport = 80, .dport = sport,
				      .tcp_flags = flags);
	return SL_TEST_PACKET(.from = "2001:db8::1", .to = "2001:db8::2", .proto = IPPROTO_TCP,
			      .sport = sport, .dport = 80, .tcp_flags = flags);
}

#define SYN RTE_TCP_SYN_FLAG
#define ACK RTE_TCP_ACK_FLAG
#define FIN RTE_TCP_FIN_FLAG
#define RST RTE_TCP_RST_FLAG

static void test_udp(void **state)
{
	struct sl_test *t = open_with(100, false);

	/* While it learns all is old, and so is what answers, by this port or out of it. */
	assert_int_equal(in(t, udp(1, false)), OLD);
	out(t, SL_DRAIN_NOTE_OLD, udp(2, true));
	cut = true;
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(in(t, udp(1, false)), OLD);
		assert_int_equal(in(t, udp(1, true)), OLD);
		assert_int_equal(in(t, udp(2, false)), OLD);
		assert_int_equal(in(t, udp(3, false)), NEW);
		assert_int_equal(in(t, udp(3, true)), NEW);
	}
	out(t, SL_DRAIN_NOTE_NEW, udp(4, true));
	assert_int_equal(in(t, udp(4, false)), NEW);
	assert_int_equal(sl_test_counter(t, "old"), 2);
	assert_int_equal(sl_test_counter(t, "new"), 2);
	sl_test_end(t);
}

/* Without a SYN it belongs to a connection from before, where nobody knows for sure. */
static void test_tcp_unknown(void **state)
{
	struct sl_test *t = open_with(100, false);

	cut = true;
	assert_int_equal(in(t, tcp(1, false, ACK)), OLD);
	assert_int_equal(in(t, tcp(2, false, SYN)), NEW);
	assert_int_equal(in(t, tcp(2, false, ACK)), NEW);
	assert_int_equal(in(t, tcp(3, true, SYN | ACK)), NEW);
	assert_int_equal(in(t, tcp(3, true, ACK)), NEW);
	sl_test_end(t);

	t = open_with(100, true);
	cut = true;
	assert_int_equal(in(t, tcp(1, false, ACK)), NEW);
	assert_int_equal(sl_test_counter(t, "new"), 0); /* needs no note */
	sl_test_end(t);
}

static void test_tcp_ends(void **state)
{
	struct sl_test *t = open_with(100, false);

	for (uint16_t i = 1; i <= 4; i++)
		assert_int_equal(in(t, tcp(i, false, ACK)), OLD);
	cut = true;
	/* One that lives is no other for a SYN. */
	assert_int_equal(in(t, tcp(1, false, SYN)), OLD);
	assert_int_equal(in(t, tcp(2, false, FIN | ACK)), OLD);
	assert_int_equal(in(t, tcp(2, false, SYN)), OLD);
	assert_int_equal(sum(t).over, 0);
	out(t, SL_DRAIN_NOTE_OLD, tcp(2, true, FIN | ACK));
	assert_int_equal(sum(t).over, 1);
	assert_int_equal(in(t, tcp(2, false, ACK)), OLD); /* the last one */
	assert_int_equal(in(t, tcp(2, false, SYN)), NEW);
	assert_int_equal(in(t, tcp(2, true, SYN | ACK)), NEW);
	assert_int_equal(in(t, tcp(2, false, ACK)), NEW);
	assert_int_equal(in(t, tcp(3, true, RST)), OLD);
	assert_int_equal(in(t, tcp(3, false, SYN)), NEW);
	assert_int_equal(sum(t).noted, 4);
	assert_int_equal(sum(t).over, 2);
	/* As the other port saw first: leaves by the new path. */
	out(t, SL_DRAIN_NOTE_NEW, tcp(4, false, SYN));
	assert_int_equal(in(t, tcp(4, true, SYN | ACK)), NEW);
	sl_test_end(t);
}

/* Fused packets keep a flow alive, too. */
static void test_idle(void **state)
{
	struct sl_test *t = open_with(100, false);

	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(in(t, tcp(1, false, ACK)), OLD);
		assert_int_equal(in(t, tcp(2, false, ACK)), OLD);
	}
	cut = true;
	for (unsigned int i = 0; i < 6; i++) {
		seconds(t, QUIET / 2 + 1);
		assert_int_equal(in(t, tcp(1, false, ACK)), OLD);
	}
	assert_int_equal(sum(t).noted, 2);
	assert_int_equal(sum(t).over, 1);
	assert_int_equal(in(t, tcp(1, false, SYN)), OLD);
	assert_int_equal(in(t, tcp(2, false, SYN)), NEW);
	sl_test_end(t);
}

static void test_full(void **state)
{
	struct sl_test *t = open_with(4, false);

	for (uint16_t i = 1; i <= 6; i++)
		assert_int_equal(in(t, udp(i, false)), OLD);
	assert_int_equal(sl_test_counter(t, "full"), 2);
	cut = true;
	for (uint16_t i = 1; i <= 6; i++)
		assert_int_equal(in(t, udp(i, false)), i <= 4 ? OLD : NEW);
	assert_int_equal(in(t, tcp(1, false, ACK)), OLD);
	/* Those that have ended make room; others do not. */
	seconds(t, QUIET + 1);
	assert_int_equal(in(t, udp(1, false)), OLD);
	for (uint16_t i = 11; i <= 13; i++)
		assert_int_equal(in(t, udp(i, false)), NEW);
	assert_int_equal(in(t, udp(1, false)), OLD);
	assert_int_equal(sl_test_counter(t, "evicted"), 3);
	assert_int_equal(sum(t).noted, 4);
	assert_int_equal(sum(t).over, 3);
	sl_test_end(t);
}

/* Where a new connection found no room its packets must not go the old way in the middle of it. */
static void test_full_of_connections(void **state)
{
	struct sl_test *t = open_with(4, false);

	for (uint16_t i = 1; i <= 4; i++)
		assert_int_equal(in(t, tcp(i, false, ACK)), OLD);
	cut = true;
	assert_int_equal(in(t, tcp(5, false, ACK)), OLD);
	assert_int_equal(in(t, tcp(6, false, SYN)), NEW);
	assert_int_equal(in(t, tcp(6, true, SYN | ACK)), NEW);
	assert_int_equal(in(t, tcp(6, false, ACK)), NEW);
	for (uint16_t i = 1; i <= 4; i++)
		assert_int_equal(in(t, tcp(i, false, ACK)), OLD);
	sl_test_end(t);
}

static struct rte_mbuf *ping(uint16_t id)
{
	return SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .proto = IPPROTO_ICMP,
			      .icmp_type = 8, .icmp_id = id);
}

static void test_icmp(void **state)
{
	struct sl_test *t = open_with(100, false);
	struct rte_mbuf *old = udp(1, true), *other = udp(2, true), *old_ping = ping(7);
	struct rte_mbuf *about_old = sl_test_icmp_error(old, "203.0.113.1", 3, 4);
	struct rte_mbuf *about_other = sl_test_icmp_error(other, "203.0.113.1", 3, 4);
	struct rte_mbuf *about_ping = sl_test_icmp_error(old_ping, "203.0.113.1", 11, 0);

	assert_int_equal(in(t, udp(1, false)), OLD);
	assert_int_equal(in(t, ping(7)), OLD);
	cut = true;
	assert_int_equal(in(t, ping(7)), OLD);
	assert_int_equal(in(t, ping(8)), NEW);
	assert_int_equal(in(t, about_old), OLD);
	assert_int_equal(in(t, about_ping), OLD);
	assert_int_equal(in(t, about_other), NEW);
	/* Errors are no flows. */
	assert_int_equal(sl_test_counter(t, "old"), 2);
	assert_int_equal(sl_test_counter(t, "new"), 1);
	rte_pktmbuf_free(old);
	rte_pktmbuf_free(other);
	rte_pktmbuf_free(old_ping);
	sl_test_end(t);
}

/* A datagram stays together, and what is no IP packet has no flow. */
static void test_odd(void **state)
{
	struct sl_test *t = open_with(100, false);

	assert_int_equal(
		in(t, SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .sport = 9, .dport = 9,
				     .more = true, .first = true, .length = 64)),
		OLD);
	assert_int_equal(in(t, SL_TEST_PACKET(.ethertype = 0x88b5, .length = 50)), OLD);
	cut = true;
	assert_int_equal(in(t, SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .fragment = 8,
					      .length = 64)),
			 OLD);
	assert_int_equal(in(t, SL_TEST_PACKET(.ethertype = 0x88b5, .length = 50)), NEW);
	assert_int_equal(sl_test_counter(t, "old"), 1);
	sl_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp),  cmocka_unit_test(test_tcp_unknown),
		cmocka_unit_test(test_idle), cmocka_unit_test(test_tcp_ends),
		cmocka_unit_test(test_full), cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_odd),  cmocka_unit_test(test_full_of_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
