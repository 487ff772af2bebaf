/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP through the firewall: the paths between its states, and windows. */
#include "test_firewall.h"

#define CLIENT .from = "10.0.0.1", .to = "192.0.2.9", .sport = 4000, .dport = 80
#define SERVER .from = "192.0.2.9", .to = "10.0.0.1", .sport = 80, .dport = 4000
#define TCP    .proto = IPPROTO_TCP
#define FIN    RTE_TCP_FIN_FLAG
#define SYN    RTE_TCP_SYN_FLAG
#define RST    RTE_TCP_RST_FLAG
#define ACK    RTE_TCP_ACK_FLAG
#define PSH    RTE_TCP_PSH_FLAG

/* Segments from either end: sequence number, acknowledgement, flags, and what else. */
#define UP(t, where, s, a, f, ...)                                                         \
	EXPECT(t, SL_INSIDE, where, CLIENT, TCP, .seq = (s), .ack = (a), .tcp_flags = (f), \
	       __VA_ARGS__)
#define DOWN(t, where, s, a, f, ...)                                                        \
	EXPECT(t, SL_OUTSIDE, where, SERVER, TCP, .seq = (s), .ack = (a), .tcp_flags = (f), \
	       __VA_ARGS__)

static const char rules[] = "rules: [{allow: tcp, side: inside}]\n"
			    "tcp-syn: 20 s\ntcp-established: 100 s\ntcp-fin: 30 s\n"
			    "tcp-time-wait: 15 s\ntcp-close: 5 s\n";

static struct sl_test *fresh(void)
{
	return sl_test_new(firewall_type(), rules);
}

static uint8_t state_of(struct sl_test *t)
{
	struct fw_worker *worker = sl_test_node(t, SL_INSIDE)->state;

	assert_int_equal(open_sessions(t), 1);
	for (uint32_t slot = 0; slot < worker->tables[FW_LANE4].fresh; slot++) {
		uint8_t now = sl_fw_session(&worker->tables[FW_LANE4], slot)->state;

		if (now != FW_FREE)
			return now;
	}
	return FW_FREE;
}

/* Client's next byte: 1001; server's: 5001. */
static struct sl_test *established(void)
{
	struct sl_test *t = fresh();

	UP(t, SL_ON, 1000, 0, SYN, .window = 8000);
	assert_int_equal(state_of(t), FW_TCP_SYN_SENT);
	DOWN(t, SL_ON, 5000, 1001, SYN | ACK, .window = 8000);
	assert_int_equal(state_of(t), FW_TCP_SYN_RECEIVED);
	UP(t, SL_ON, 1001, 5001, ACK, .window = 8000);
	assert_int_equal(state_of(t), FW_TCP_ESTABLISHED);
	return t;
}

static void test_whole_life(void **state)
{
	struct sl_test *t = established();

	UP(t, SL_ON, 1001, 5001, ACK | PSH, .length = 100, .window = 8000);
	DOWN(t, SL_ON, 5001, 1101, ACK, .length = 1000, .window = 8000);
	UP(t, SL_ON, 1101, 6001, FIN | ACK, .window = 8000);
	assert_int_equal(state_of(t), FW_TCP_FIN_WAIT);
	DOWN(t, SL_ON, 6001, 1102, ACK, .length = 500, .window = 8000); /* half closed */
	assert_int_equal(state_of(t), FW_TCP_FIN_WAIT);
	UP(t, SL_ON, 1102, 6501, ACK, .window = 8000);
	DOWN(t, SL_ON, 6501, 1102, FIN | ACK, .window = 8000);
	assert_int_equal(state_of(t), FW_TCP_LAST_ACK);
	UP(t, SL_ON, 1102, 6502, ACK, .window = 8000);
	assert_int_equal(state_of(t), FW_TCP_TIME_WAIT);
	sl_test_advance(t, 14 * SECOND);
	assert_int_equal(open_sessions(t), 1);
	sl_test_advance(t, 2 * SECOND);
	assert_int_equal(open_sessions(t), 0);
	DOWN(t, SL_DROP(FW_NO_SESSION), 6502, 1102, ACK);
	sl_test_end(t);
}

static void test_each_state_has_its_time(void **state)
{
	struct sl_test *t = fresh();

	UP(t, SL_ON, 1000, 0, SYN);
	sl_test_advance(t, 19 * SECOND);
	assert_int_equal(open_sessions(t), 1);
	sl_test_advance(t, 2 * SECOND);
	assert_int_equal(open_sessions(t), 0);
	sl_test_end(t);

	t = established();
	sl_test_advance(t, 99 * SECOND);
	assert_int_equal(open_sessions(t), 1);
	UP(t, SL_ON, 1001, 5001, ACK); /* counts anew */
	sl_test_advance(t, 99 * SECOND);
	assert_int_equal(open_sessions(t), 1);
	sl_test_advance(t, 2 * SECOND);
	assert_int_equal(open_sessions(t), 0);
	sl_test_end(t);

	t = established();
	UP(t, SL_ON, 1001, 5001, FIN | ACK);
	sl_test_advance(t, 29 * SECOND);
	assert_int_equal(open_sessions(t), 1);
	sl_test_advance(t, 2 * SECOND);
	assert_int_equal(open_sessions(t), 0);
	sl_test_end(t);

	t = established();
	UP(t, SL_ON, 1001, 0, RST);
	assert_int_equal(state_of(t), FW_TCP_CLOSED);
	sl_test_advance(t, 4 * SECOND);
	assert_int_equal(open_sessions(t), 1);
	sl_test_advance(t, 2 * SECOND);
	assert_int_equal(open_sessions(t), 0);
	sl_test_end(t);
}

static void test_only_a_syn_opens(void **state)
{
	struct sl_test *t = fresh();

	UP(t, SL_DROP(FW_NO_SESSION), 1, 1, ACK);
	UP(t, SL_DROP(FW_NO_SESSION), 1, 1, SYN | ACK);
	UP(t, SL_DROP(FW_NO_SESSION), 1, 1, RST);
	UP(t, SL_DROP(FW_NO_SESSION), 1, 1, FIN | ACK);
	UP(t, SL_DROP(FW_BAD_FLAGS), 1, 1, SYN | FIN);
	UP(t, SL_DROP(FW_BAD_FLAGS), 1, 1, SYN | RST);
	UP(t, SL_DROP(FW_BAD_FLAGS), 1, 1, FIN);
	UP(t, SL_DROP(FW_BAD_FLAGS), 1, 1, FIN | PSH | RTE_TCP_URG_FLAG);
	UP(t, SL_DROP(FW_BAD_FLAGS), 1, 1, 0, .tcp_null = true);
	DOWN(t, SL_DROP(FW_DEFAULT), 1, 0, SYN);
	assert_int_equal(open_sessions(t), 0);
	sl_test_end(t);

	t = established();
	UP(t, SL_DROP(FW_BAD_FLAGS), 1001, 5001, SYN | FIN);
	UP(t, SL_DROP(FW_BAD_FLAGS), 1001, 5001, 0, .tcp_null = true);
	assert_int_equal(state_of(t), FW_TCP_ESTABLISHED);
	sl_test_end(t);
}

static void test_handshake_answers(void **state)
{
	struct sl_test *t = fresh();

	UP(t, SL_ON, 1000, 0, SYN);
	UP(t, SL_ON, 1000, 0, SYN); /* again */
	DOWN(t, SL_DROP(FW_BAD_WINDOW), 5000, 1002, SYN | ACK);
	DOWN(t, SL_DROP(FW_BAD_WINDOW), 5000, 1000, SYN | ACK);
	DOWN(t, SL_DROP(FW_BAD_WINDOW), 0, 999, RST | ACK);
	DOWN(t, SL_DROP(FW_BAD_STATE), 0, 0, RST);
	UP(t, SL_DROP(FW_BAD_STATE), 1001, 1, ACK);
	/* An older connection's ACK, and the reset that it provokes (RFC 9293, 3.5.1). */
	DOWN(t, SL_ON, 77, 88, ACK);
	assert_int_equal(state_of(t), FW_TCP_SYN_SENT);
	DOWN(t, SL_ON, 0, 1001, RST | ACK); /* refused */
	assert_int_equal(state_of(t), FW_TCP_CLOSED);
	UP(t, SL_ON, 9000, 0, SYN); /* tried again: a new session */
	assert_int_equal(state_of(t), FW_TCP_SYN_SENT);
	assert_int_equal(sl_test_counter(t, "created"), 2);
	sl_test_end(t);
}

static void test_both_open_at_once(void **state)
{
	struct sl_test *t = fresh();

	UP(t, SL_ON, 1000, 0, SYN);
	DOWN(t, SL_ON, 5000, 0, SYN);
	UP(t, SL_ON, 1000, 5001, SYN | ACK);
	DOWN(t, SL_ON, 5000, 1001, SYN | ACK);
	UP(t, SL_ON, 1001, 5001, ACK, .length = 10);
	DOWN(t, SL_ON, 5001, 1011, ACK, .length = 10);
	assert_int_equal(state_of(t), FW_TCP_ESTABLISHED);
	sl_test_end(t);
}

static void test_both_close_at_once(void **state)
{
	struct sl_test *t = established();

	UP(t, SL_ON, 1001, 5001, FIN | ACK);
	DOWN(t, SL_ON, 5001, 1001, FIN | ACK);
	assert_int_equal(state_of(t), FW_TCP_LAST_ACK);
	UP(t, SL_ON, 1002, 5002, ACK);
	DOWN(t, SL_ON, 5002, 1002, ACK);
	assert_int_equal(state_of(t), FW_TCP_TIME_WAIT);
	sl_test_end(t);
}

static void test_time_wait_reopens_by_rule(void **state)
{
	struct sl_test *t = established();

	UP(t, SL_ON, 1001, 5001, FIN | ACK);
	DOWN(t, SL_ON, 5001, 1002, FIN | ACK);
	UP(t, SL_ON, 1002, 5002, ACK);
	/* From outside, no rule lets it open; the old one is over all the same. */
	DOWN(t, SL_DROP(FW_DEFAULT), 90000, 0, SYN);
	assert_int_equal(open_sessions(t), 0);
	UP(t, SL_ON, 70000, 0, SYN);
	DOWN(t, SL_ON, 80000, 70001, SYN | ACK);
	UP(t, SL_ON, 70001, 80001, ACK);
	assert_int_equal(state_of(t), FW_TCP_ESTABLISHED);
	sl_test_end(t);
}

static void test_windows(void **state)
{
	struct sl_test *t = established();

	/* I: beyond what the server allowed (1001 + 8000). */
	UP(t, SL_ON, 1001, 5001, ACK, .length = 1000, .window = 8000);
	UP(t, SL_ON, 9002, 5001, ACK, .window = 8000); /* one of slack */
	UP(t, SL_DROP(FW_BAD_WINDOW), 9003, 5001, ACK, .length = 1, .window = 8000);
	/* II: older than the server may still want. */
	UP(t, SL_DROP(FW_BAD_WINDOW), 1001 - 7000, 5001, ACK, .length = 1, .window = 8000);
	/* III: acknowledges what was never sent. */
	UP(t, SL_DROP(FW_BAD_WINDOW), 2001, 5003, ACK, .window = 8000);
	/* IV: or was acknowledged long ago. */
	UP(t, SL_DROP(FW_BAD_WINDOW), 2001, 5001 - 70000, ACK, .window = 8000);
	UP(t, SL_ON, 2001, 5001 - 60000, ACK, .window = 8000);
	/* Acknowledgements move the limit. */
	DOWN(t, SL_ON, 5001, 2001, ACK, .window = 20000);
	UP(t, SL_ON, 9003, 5001, ACK, .length = 1000, .window = 8000);
	/* Sent again: fine. */
	UP(t, SL_ON, 9003, 5001, ACK, .length = 1000, .window = 8000);
	/* Keepalive: one before the end. */
	UP(t, SL_ON, 10002, 5001, ACK, .window = 8000);
	assert_int_equal(sl_test_drops(t, "bad-window"), 4);
	sl_test_end(t);
}

static void test_zero_window_probe(void **state)
{
	struct sl_test *t = established();

	DOWN(t, SL_ON, 5001, 1001, ACK, .window = 100);
	UP(t, SL_ON, 1001, 5001, ACK, .length = 100, .window = 8000);
	UP(t, SL_ON, 1101, 5001, ACK, .length = 1, .window = 8000);
	sl_test_end(t);
}

static void test_windows_may_be_ignored(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "default: allow\ntcp-window: false\n");

	UP(t, SL_ON, 1000, 0, SYN, .window = 8000);
	DOWN(t, SL_ON, 5000, 1001, SYN | ACK, .window = 8000);
	UP(t, SL_ON, 1001, 5001, ACK, .window = 8000);
	UP(t, SL_ON, 4000000, 9000000, ACK, .length = 1000);
	sl_test_end(t);
}

/* A SYN with an option of three bytes and a NOP before it. */
static struct rte_mbuf *with_option(struct rte_mbuf *m, const uint8_t option[4])
{
	struct rte_tcp_hdr *tcp = sl_tcp(m);

	tcp->data_off = 6 << 4;
	memcpy(tcp + 1, option, 4);
	tcp->cksum = 0;
	tcp->cksum = rte_ipv4_udptcp_cksum(sl_ipv4(m), tcp);
	assert_true(sl_packet_parse(m));
	return m;
}

/* The scale that the server answers decides whether data far beyond 65535 is in the window. */
static void scaled(bool server_scales)
{
	static const uint8_t scale[4] = {1, 3, 3, 7}, nops[4] = {1, 1, 1, 1};
	struct sl_test *t = fresh();
	int expected = server_scales ? SL_ON : SL_DROP(FW_BAD_WINDOW);
	struct rte_mbuf *syn = SL_TEST_PACKET(CLIENT, TCP, .seq = 1000, .tcp_flags = SYN,
					      .length = 4, .window = 8000);
	struct rte_mbuf *answer =
		SL_TEST_PACKET(SERVER, TCP, .seq = 5000, .ack = 1001, .tcp_flags = SYN | ACK,
			       .length = 4, .window = 8000);

	assert_int_equal(sl_test_one(t, SL_INSIDE, with_option(syn, scale)), SL_ON);
	answer = with_option(answer, server_scales ? scale : nops);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, answer), SL_ON);
	UP(t, SL_ON, 1001, 5001, ACK, .window = 8000);
	DOWN(t, expected, 5001 + 500000, 1001, ACK, .length = 10);
	DOWN(t, SL_DROP(FW_BAD_WINDOW), 5001 + 8000 * 128 + 10, 1001, ACK, .length = 10);
	sl_test_end(t);
}

static void test_window_scale(void **state)
{
	scaled(true);
	scaled(false);
}

static void test_damaged_options(void **state)
{
	static const uint8_t bad[][4] = {
		{3, 0, 0, 0}, {3, 1, 0, 0}, {3, 200, 1, 1}, {1, 1, 1, 3}, {3, 3, 255, 0}};

	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		struct sl_test *t = fresh();
		struct rte_mbuf *syn =
			SL_TEST_PACKET(CLIENT, TCP, .seq = 1, .tcp_flags = SYN, .length = 4);

		assert_int_equal(sl_test_one(t, SL_INSIDE, with_option(syn, bad[i])), SL_ON);
		sl_test_end(t);
	}
}

static void test_resets(void **state)
{
	struct sl_test *t = established();

	DOWN(t, SL_DROP(FW_BAD_WINDOW), 5001 + 9000, 1001, RST | ACK);
	DOWN(t, SL_DROP(FW_BAD_WINDOW), 5001 - 9000, 0, RST);
	assert_int_equal(state_of(t), FW_TCP_ESTABLISHED);
	/* In the window but not at the next byte: the host may not believe it (RFC 5961). */
	DOWN(t, SL_ON, 5101, 1001, RST | ACK, .window = 8000);
	DOWN(t, SL_ON, 5050, 1001, RST | ACK, .window = 8000);
	assert_int_equal(state_of(t), FW_TCP_CLOSED);
	UP(t, SL_ON, 1001, 5001, ACK, .window = 8000);
	assert_int_equal(state_of(t), FW_TCP_ESTABLISHED);
	/* Exactly: it does. */
	DOWN(t, SL_ON, 5101, 1001, RST | ACK, .window = 8000);
	assert_int_equal(state_of(t), FW_TCP_CLOSED);
	UP(t, SL_ON, 1001, 5001, ACK, .window = 8000);
	assert_int_equal(state_of(t), FW_TCP_CLOSED);
	sl_test_end(t);
}

static void test_sequence_numbers_wrap(void **state)
{
	struct sl_test *t = fresh();

	UP(t, SL_ON, 0xfffffff0, 0, SYN, .window = 8000);
	DOWN(t, SL_ON, 0xffffffff, 0xfffffff1, SYN | ACK, .window = 8000);
	UP(t, SL_ON, 0xfffffff1, 0, ACK, .length = 100, .window = 8000);
	DOWN(t, SL_ON, 0, 0x55, ACK, .length = 100, .window = 8000);
	UP(t, SL_ON, 0x55, 100, ACK, .window = 8000);
	UP(t, SL_DROP(FW_BAD_WINDOW), 0x55 + 9000, 100, ACK, .length = 1, .window = 8000);
	assert_int_equal(state_of(t), FW_TCP_ESTABLISHED);
	sl_test_end(t);
}

static void test_pickup(void **state)
{
	struct sl_test *t = sl_test_new(firewall_type(), "rules: [{allow: tcp, side: inside}]\n"
							 "tcp-pickup: true\n");

	DOWN(t, SL_DROP(FW_DEFAULT), 5001, 1001, ACK);
	UP(t, SL_DROP(FW_NO_SESSION), 1001, 5001, RST | ACK);
	UP(t, SL_ON, 1001, 5001, ACK, .length = 10);
	assert_int_equal(state_of(t), FW_TCP_ESTABLISHED);
	DOWN(t, SL_ON, 5001, 1011, ACK, .length = 100);
	UP(t, SL_ON, 1011, 5101, FIN | ACK);
	assert_int_equal(state_of(t), FW_TCP_FIN_WAIT);
	sl_test_end(t);
}

static void test_handshake_in_one_burst(void **state)
{
	struct sl_test *t = fresh();

	/* What a burst brings of one direction: a SYN, and at once another. */
	sl_test_push(t, SL_INSIDE, SL_TEST_PACKET(CLIENT, TCP, .seq = 1000, .tcp_flags = SYN));
	sl_test_push(t, SL_INSIDE, SL_TEST_PACKET(CLIENT, TCP, .seq = 1000, .tcp_flags = SYN));
	sl_test_push(t, SL_INSIDE,
		     SL_TEST_PACKET(CLIENT, TCP, .seq = 1001, .ack = 1, .tcp_flags = ACK));
	sl_test_run(t);
	assert_int_equal(sl_test_count(t, SL_INSIDE, SL_ON), 2);
	assert_int_equal(sl_test_drops(t, "bad-state"), 1);
	assert_int_equal(sl_test_counter(t, "created"), 1);
	sl_test_end(t);
}

static void test_related_error_must_quote_what_was_in_flight(void **state)
{
	struct sl_test *t = established();
	struct rte_mbuf *far = SL_TEST_PACKET(CLIENT, TCP, .seq = 900000, .tcp_flags = ACK);
	struct rte_mbuf *near = SL_TEST_PACKET(CLIENT, TCP, .seq = 1001, .tcp_flags = ACK);

	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_icmp_error(far, "203.0.113.1", 3, 4)),
			 SL_DROP(FW_UNRELATED));
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_icmp_error(near, "203.0.113.1", 3, 4)),
			 SL_ON);
	sl_test_free(far);
	sl_test_free(near);
	sl_test_end(t);
}

static void test_ipv6(void **state)
{
	struct sl_test *t = fresh();

	EXPECT(t, SL_INSIDE, SL_ON, .from = "2001:db8::1", .to = "2001:db8::2", TCP, .sport = 1,
	       .dport = 2, .seq = 100, .tcp_flags = SYN);
	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_BAD_WINDOW), .from = "2001:db8::2", .to = "2001:db8::1",
	       TCP, .sport = 2, .dport = 1, .seq = 500, .ack = 100, .tcp_flags = SYN | ACK);
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = "2001:db8::2", .to = "2001:db8::1", TCP, .sport = 2,
	       .dport = 1, .seq = 500, .ack = 101, .tcp_flags = SYN | ACK);
	EXPECT(t, SL_INSIDE, SL_ON, .from = "2001:db8::1", .to = "2001:db8::2", TCP, .sport = 1,
	       .dport = 2, .seq = 101, .ack = 501, .tcp_flags = ACK, .length = 1000);
	EXPECT(t, SL_OUTSIDE, SL_ON, .from = "2001:db8::2", .to = "2001:db8::1", TCP, .sport = 2,
	       .dport = 1, .seq = 501, .ack = 1101, .tcp_flags = ACK);
	EXPECT(t, SL_OUTSIDE, SL_DROP(FW_BAD_WINDOW), .from = "2001:db8::2", .to = "2001:db8::1",
	       TCP, .sport = 2, .dport = 1, .seq = 501, .ack = 1103, .tcp_flags = ACK);
	sl_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_life),
		cmocka_unit_test(test_each_state_has_its_time),
		cmocka_unit_test(test_only_a_syn_opens),
		cmocka_unit_test(test_handshake_answers),
		cmocka_unit_test(test_both_open_at_once),
		cmocka_unit_test(test_both_close_at_once),
		cmocka_unit_test(test_time_wait_reopens_by_rule),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_zero_window_probe),
		cmocka_unit_test(test_windows_may_be_ignored),
		cmocka_unit_test(test_window_scale),
		cmocka_unit_test(test_damaged_options),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_sequence_numbers_wrap),
		cmocka_unit_test(test_pickup),
		cmocka_unit_test(test_handshake_in_one_burst),
		cmocka_unit_test(test_related_error_must_quote_what_was_in_flight),
		cmocka_unit_test(test_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
