/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions carried to another instance, which stands for other code or another process. */
#include <errno.h>

#include "test_firewall.h"

#define OPEN   "rules:\n  - {allow: any, side: inside}\n"
#define CLOSED "rules:\n  - {drop: any, side: inside}\n"
#define IN     "10.0.0.1"
#define OUT    "192.0.2.1"

static struct sl_test *firewall(const char *yaml)
{
	return sl_test_new(firewall_type(), yaml);
}

static void carry(struct sl_test *from, struct sl_test *to, bool changed, unsigned int records)
{
	struct sl_test_carried carried;

	assert_int_equal(sl_test_carry(from, to, changed, &carried), 0);
	assert_int_equal(carried.records, records);
	assert_int_equal(carried.taken, records);
}

static int ask(struct sl_test *t, uint16_t sport)
{
	return sl_test_one(t, SL_INSIDE,
			   SL_TEST_PACKET(.from = IN, .to = OUT, .sport = sport, .dport = 53));
}

static int answer(struct sl_test *t, uint16_t sport)
{
	return sl_test_one(t, SL_OUTSIDE,
			   SL_TEST_PACKET(.from = OUT, .to = IN, .sport = 53, .dport = sport));
}

static int tcp(struct sl_test *t, enum sl_side side, uint8_t flags, uint32_t seq, uint32_t ack,
	       uint16_t length)
{
	bool out = side == SL_INSIDE;

	return sl_test_one(t, side,
			   SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = out ? IN : OUT,
					  .to = out ? OUT : IN, .sport = out ? 1000 : 80,
					  .dport = out ? 80 : 1000, .tcp_flags = flags, .seq = seq,
					  .ack = ack, .length = length, .window = 5000));
}

static void test_sessions_go_over(void **state)
{
	struct sl_test *old = firewall(OPEN "accounting: true\n");
	struct sl_test *new = firewall(OPEN "accounting: true\n");

	assert_int_equal(ask(old, 1000), SL_ON);
	assert_int_equal(answer(old, 1000), SL_ON);
	EXPECT(old, SL_INSIDE, SL_ON, .from = "2001:db8::1", .to = "2001:db8::2", .sport = 7,
	       .dport = 8);
	assert_int_equal(answer(new, 1000), SL_DROP(FW_DEFAULT));
	carry(old, new, false, 2);
	carry(old, new, true, 0);
	assert_non_null(
		strstr(sl_test_command(new, "sessions", "address: " IN "\n"), "\"replied\":true"));
	assert_int_equal(answer(new, 1000), SL_ON);
	EXPECT(new, SL_OUTSIDE, SL_ON, .from = "2001:db8::2", .to = "2001:db8::1", .sport = 8,
	       .dport = 7);
	EXPECT(new, SL_OUTSIDE, SL_DROP(FW_DEFAULT), .from = "2001:db8::2", .to = "2001:db8::1",
	       .sport = 8, .dport = 6);
	/* Steady packets are no news; a state is, and a session is. */
	assert_int_equal(answer(old, 1000), SL_ON);
	carry(old, new, true, 0);
	assert_int_equal(ask(old, 1000), SL_ON);
	assert_int_equal(ask(old, 1001), SL_ON);
	carry(old, new, true, 2);
	assert_int_equal(answer(new, 1001), SL_ON);
	sl_test_end(old);
	sl_test_end(new);
}

/* The windows have moved on since the record was made; then they are watched again. */
static void test_tcp_goes_on(void **state)
{
	struct sl_test *old = firewall(OPEN), *new = firewall(OPEN);
	uint8_t ack = RTE_TCP_ACK_FLAG;

	assert_int_equal(tcp(old, SL_INSIDE, RTE_TCP_SYN_FLAG, 99, 0, 0), SL_ON);
	assert_int_equal(tcp(old, SL_OUTSIDE, RTE_TCP_SYN_FLAG | ack, 4999, 100, 0), SL_ON);
	assert_int_equal(tcp(old, SL_INSIDE, ack, 100, 5000, 100), SL_ON);
	carry(old, new, false, 1);
	assert_int_equal(tcp(new, SL_OUTSIDE, ack, 3000005000, 3000000100, 1000), SL_ON);
	assert_int_equal(tcp(new, SL_OUTSIDE, ack, 3000006000, 3000000100, 1000), SL_ON);
	assert_int_equal(tcp(new, SL_INSIDE, ack, 3000000100, 3000007000, 1000), SL_ON);
	assert_int_equal(tcp(new, SL_OUTSIDE, ack, 3000007000, 3000001100, 1000), SL_ON);
	assert_int_equal(tcp(new, SL_OUTSIDE, ack, 5000, 100, 1000), SL_DROP(FW_BAD_WINDOW));
	assert_int_equal(tcp(new, SL_INSIDE, ack, 3500000000, 3000008000, 1000),
			 SL_DROP(FW_BAD_WINDOW));
	sl_test_end(old);
	sl_test_end(new);
}

static void test_handshake_goes_on(void **state)
{
	struct sl_test *old = firewall(OPEN), *new = firewall(OPEN);
	uint8_t ack = RTE_TCP_ACK_FLAG;

	assert_int_equal(tcp(old, SL_INSIDE, RTE_TCP_SYN_FLAG, 99, 0, 0), SL_ON);
	carry(old, new, false, 1);
	assert_int_equal(tcp(new, SL_OUTSIDE, RTE_TCP_SYN_FLAG | ack, 4999, 77, 0),
			 SL_DROP(FW_BAD_WINDOW));
	assert_int_equal(tcp(new, SL_OUTSIDE, RTE_TCP_SYN_FLAG | ack, 4999, 100, 0), SL_ON);
	assert_int_equal(tcp(new, SL_INSIDE, ack, 100, 5000, 0), SL_ON);
	/* One that was closed stays so. */
	assert_int_equal(tcp(new, SL_INSIDE, RTE_TCP_RST_FLAG | ack, 100, 5000, 0), SL_ON);
	carry(new, old, true, 1);
	sl_test_advance(old, 20 * SECOND);
	assert_int_equal(tcp(old, SL_INSIDE, ack, 100, 5000, 0), SL_DROP(FW_NO_SESSION));
	sl_test_end(old);
	sl_test_end(new);
}

static void test_rules_are_asked(void **state)
{
	struct sl_test *old = firewall(OPEN), *new = firewall(CLOSED);

	assert_int_equal(ask(old, 1000), SL_ON);
	carry(old, new, false, 1);
	assert_int_equal(open_sessions(new), 1);
	assert_int_equal(answer(new, 1000), SL_DROP(FW_REVOKED));
	assert_int_equal(open_sessions(new), 0);
	sl_test_end(old);
	sl_test_end(new);
}

static void test_times_go_on(void **state)
{
	struct sl_test *old = firewall(OPEN "udp: 30 s\n"), *new = firewall(OPEN "udp: 30 s\n");

	assert_int_equal(ask(old, 1000), SL_ON);
	sl_test_advance(old, 20 * SECOND);
	sl_test_advance(new, 500 * SECOND); /* another clock */
	carry(old, new, false, 1);
	sl_test_advance(new, 8 * SECOND);
	assert_int_equal(open_sessions(new), 1);
	sl_test_advance(new, 4 * SECOND);
	assert_int_equal(open_sessions(new), 0);
	sl_test_end(old);
	sl_test_end(new);
}

static void test_what_does_not_fit_is_refused(void **state)
{
	struct sl_test *old = firewall(OPEN), *small = firewall(OPEN "sessions: 16\n");
	struct sl_test_carried carried;

	for (uint16_t i = 0; i < 20; i++)
		assert_int_equal(ask(old, (uint16_t)(1000 + i)), SL_ON);
	assert_int_equal(sl_test_carry(old, small, false, &carried), -ENOSPC);
	assert_int_equal(carried.taken, 16);
	sl_test_end(old);
	sl_test_end(small);
}

static void test_broken_records(void **state)
{
	const char *yaml = OPEN "sessions: 300\nsessions-ipv6: 300\nsessions-per-source: 5\n"
				"accounting: true\n";
	struct sl_test *old = firewall(yaml), *new = firewall(yaml);

	assert_int_equal(ask(old, 1000), SL_ON);
	assert_int_equal(tcp(old, SL_INSIDE, RTE_TCP_SYN_FLAG, 99, 0, 0), SL_ON);
	EXPECT(old, SL_INSIDE, SL_ON, .from = "2001:db8::1", .to = "2001:db8::2", .sport = 7,
	       .dport = 8);
	sl_test_broken_records(old, new);
	for (unsigned int i = 0; i < 30; i++)
		sl_test_advance(new, 600 * SECOND);
	assert_int_equal(open_sessions(new), 0);
	sl_test_end(old);
	sl_test_end(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions_go_over),
		cmocka_unit_test(test_tcp_goes_on),
		cmocka_unit_test(test_handshake_goes_on),
		cmocka_unit_test(test_rules_are_asked),
		cmocka_unit_test(test_times_go_on),
		cmocka_unit_test(test_what_does_not_fit_is_refused),
		cmocka_unit_test(test_broken_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
