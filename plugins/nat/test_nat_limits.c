/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports, limits, time, and what an operator does. */
#include "test.h"

/* RFC 4787 REQ-3 and REQ-4. */
static void ports(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);

	for (uint16_t port = 3000; port < 3100; port++)
		assert_int_equal(send_out(t, IPPROTO_UDP, HOST, port, FAR, 53) & 1, port & 1);
	sl_test_end(t);

	t = sl_test_new(type, BASE "preserve-port: true\n");
	assert_int_equal(send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 53), 5000);
	assert_int_equal(send_out(t, IPPROTO_TCP, HOST, 5001, FAR, 53), 5001);
	assert_int_not_equal(send_out(t, IPPROTO_UDP, "10.0.0.2", 5000, FAR, 53), 5000);
	assert_true(send_out(t, IPPROTO_UDP, HOST, 80, FAR, 53) >= 1024);
	sl_test_end(t);

	t = sl_test_new(type, BASE "ports: 2000-2009\n");
	for (uint16_t port = 0; port < 10; port++) {
		uint16_t got = send_out(t, IPPROTO_UDP, HOST, 3000 + 2 * port, FAR, 53);

		assert_in_range(got, 2000, 2009);
		if (port < 5)
			assert_int_equal(got & 1, 0);
	}
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 4000, FAR, 53)),
			 dropped("pool-exhausted"));
	sl_test_end(t);
}

/* RFC 4787 REQ-2: a host keeps its outside address; hosts are shared among addresses. */
static void pooling(void **state)
{
	struct sl_test *t =
		sl_test_new(type, "pool: 198.51.100.0/28\nports: 2000-2099\npooling: paired\n");
	unsigned int seen[16] = {0}, used = 0;

	for (unsigned int host = 1; host <= 60; host++) {
		char name[20];
		uint32_t addr = 0;

		snprintf(name, sizeof(name), "10.0.0.%u", host);
		for (uint16_t i = 0; i < 4; i++) {
			send_out(t, IPPROTO_UDP, name, 1000 + i, FAR, 53);
			if (i != 0)
				assert_int_equal(addr, sl_ipv4(out(t, SL_INSIDE, SL_ON))->src_addr);
			addr = sl_ipv4(out(t, SL_INSIDE, SL_ON))->src_addr;
		}
		seen[rte_be_to_cpu_32(addr) & 15]++;
	}
	for (unsigned int i = 0; i < 16; i++)
		used += seen[i] != 0;
	assert_true(used > 8);
	sl_test_end(t);

	for (unsigned int i = 0; i < 2; i++) {
		unsigned int on = 0;

		t = sl_test_new(type, i == 0 ? "pool: 198.51.100.0/31\nports: 2000-2009\n"
					     : "pool: 198.51.100.0/31\nports: 2000-2009\n"
					       "pooling: arbitrary\n");
		for (uint16_t port = 0; port < 21; port++)
			on += sl_test_one(t, SL_INSIDE,
					  packet(IPPROTO_UDP, HOST, 4000 + port, FAR, 53)) == SL_ON;
		assert_int_equal(on, i == 0 ? 10 : 20);
		sl_test_end(t);
	}
}

/* RFC 6888 REQ-4 and bulk logging. */
static void blocks(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "ports: 1024-1535\nblock-size: 64\n"
						   "blocks-per-subscriber: 2\nlog: blocks\n"
						   "unreachable: false\n");
	unsigned int block[2] = {0, 0}, last = 0;

	for (unsigned int i = 0; i < 128; i++) {
		uint16_t port = send_out(t, IPPROTO_TCP, HOST, (uint16_t)(1000 + i), FAR, 53);

		last = port / 64;
		if (i < 64) {
			assert_true(i == 0 || block[0] == last);
			block[0] = last;
		} else {
			assert_true(i == 64 || block[1] == last);
			block[1] = last;
		}
	}
	assert_int_not_equal(block[0], block[1]);
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = HOST, .to = FAR,
						    .sport = 999, .dport = 53,
						    .tcp_flags = RTE_TCP_SYN_FLAG)),
			 dropped("block-limit"));
	/* The blocks serve the other protocols too. */
	last = send_out(t, IPPROTO_UDP, HOST, 1000, FAR, 53) / 64;
	assert_true(last == block[0] || last == block[1]);
	assert_int_equal(sl_test_event_count(t), 2);
	assert_string_equal(sl_test_event_name(t, 0), "block-assigned");
	for (unsigned int i = 2; i <= 7; i++) {
		char name[20];

		snprintf(name, sizeof(name), "10.0.0.%u", i);
		send_out(t, IPPROTO_UDP, name, 1000, FAR, 53);
	}
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "10.0.0.8", 1, FAR, 53)),
			 dropped("pool-exhausted"));
	assert_int_equal(sl_test_event_count(t), 8);
	sl_test_advance(t, 130 * SECOND); /* UDP ends, blocks of those hosts are free */
	assert_int_equal(sl_test_counter(t, "blocks-released"), 6);
	sl_test_advance(t, 130 * SECOND); /* TCP that was never answered */
	assert_int_equal(sl_test_counter(t, "blocks-released"), 8);
	assert_int_equal(sl_test_event_count(t), 16);
	assert_string_equal(sl_test_event_name(t, 15), "block-released");
	send_out(t, IPPROTO_UDP, "10.0.0.8", 1, FAR, 53);
	sl_test_end(t);
}

static void limits(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "mappings-per-subscriber: 2\n"
						   "sessions-per-subscriber: 4\nsubscribers: 2\n");

	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);
	send_out(t, IPPROTO_UDP, HOST, 2, FAR, 53);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 3, FAR, 53)),
			 dropped("mapping-limit"));
	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 54);
	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 55);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 1, FAR, 56)),
			 dropped("session-limit"));
	send_out(t, IPPROTO_UDP, "10.0.0.2", 1, FAR, 53);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "10.0.0.3", 1, FAR, 53)),
			 dropped("subscriber-limit"));
	sl_test_advance(t, 121 * SECOND);
	send_out(t, IPPROTO_UDP, "10.0.0.3", 1, FAR, 53);
	sl_test_end(t);

	t = sl_test_new(type, BASE "sessions: 3\nunreachable: false\n");
	for (uint16_t port = 1; port <= 3; port++)
		send_out(t, IPPROTO_UDP, HOST, port, FAR, 53);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 4, FAR, 53)),
			 dropped("session-limit"));
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 1, FAR, 54)),
			 dropped("session-limit"));
	assert_int_equal(sl_test_counter(t, "mappings-made"), 3);
	sl_test_advance(t, 121 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 3);
	for (uint16_t port = 1; port <= 3; port++)
		send_out(t, IPPROTO_UDP, HOST, port, FAR, 54);
	sl_test_end(t);
}

/* RFC 6888 REQ-11: the host is told, at a rate. */
static void unreachable(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "ports: 2000-2000\nunreachable-rate: 1/s\n");
	const struct rte_mbuf *m;

	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);
	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < 3; j++) {
			assert_int_equal(
				sl_test_one(t, SL_INSIDE,
					    SL_TEST_PACKET(.from = HOST, .to = FAR, .sport = 2,
							   .dport = 53, .length = 900, .vlan = 7)),
				dropped("pool-exhausted"));
			assert_int_equal(sl_test_count(t, SL_INSIDE, SL_BACK), j == 0);
			if (j != 0)
				continue;
			m = out(t, SL_INSIDE, SL_BACK);
			assert_null(sl_test_wrong(sl_test_out(t, SL_INSIDE, SL_BACK, 0)));
			assert_int_equal(sl_icmp(m)->icmp_type, 3);
			assert_int_equal(sl_icmp(m)->icmp_code, 1);
			assert_int_equal(sl_ipv4(m)->dst_addr, rte_cpu_to_be_32(0x0a000001));
			assert_int_equal(sl_packet(m)->vlan, 7);
			assert_int_equal(rte_be_to_cpu_16(sl_ipv4(m)->total_length), 576);
		}
		sl_test_advance(t, 2 * SECOND);
	}
	sl_test_end(t);
}

/* RFC 4787 REQ-5 and REQ-6, RFC 5382 REQ-5, RFC 5508 REQ-2. */
static void timeouts(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);
	uint16_t port = send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);

	sl_test_advance(t, 119 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 0);
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 53, POOL, port, 0), SL_ON);
	sl_test_advance(t, 100 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 0);
	sl_test_advance(t, 80 * SECOND); /* 299 s after the last packet from inside */
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 0);
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 53, POOL, port, 0), SL_ON);
	sl_test_advance(t, 3 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 1);
	assert_int_equal(sl_test_counter(t, "mappings-ended"), 1);
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 53, POOL, port, 0), dropped("no-mapping"));

	/* From inside it stays. */
	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);
	for (int i = 0; i < 5; i++) {
		sl_test_advance(t, 110 * SECOND);
		assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 1, FAR, 53)),
				 SL_ON);
	}
	assert_int_equal(sl_test_counter(t, "sessions-made"), 2);
	sl_test_end(t);

	t = sl_test_new(type, BASE "refresh-inbound: true\n");
	port = send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);
	for (int i = 0; i < 5; i++) {
		sl_test_advance(t, 110 * SECOND);
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 53, POOL, port, 0), SL_ON);
	}
	sl_test_end(t);

	t = sl_test_new(type, BASE);
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = HOST, .to = FAR,
						    .icmp_type = 8, .icmp_id = 7)),
			 SL_ON);
	sl_test_advance(t, 59 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 0);
	sl_test_advance(t, 2 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 1);
	sl_test_end(t);
}

static uint16_t connect_tcp(struct sl_test *t)
{
	uint16_t port = send_out(t, IPPROTO_TCP, HOST, 1000, FAR, 80);

	assert_int_equal(
		send_in(t, IPPROTO_TCP, FAR, 80, POOL, port, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG),
		SL_ON);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_TCP, HOST, 1000, FAR, 80)),
			 SL_ON);
	return port;
}

static int tcp_out(struct sl_test *t, uint8_t flags)
{
	return sl_test_one(t, SL_INSIDE,
			   SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = HOST, .to = FAR,
					  .sport = 1000, .dport = 80, .tcp_flags = flags));
}

/* RFC 5382 REQ-5 and RFC 7857, section 2. */
static void tcp_timeouts(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);
	uint16_t port = send_out(t, IPPROTO_TCP, HOST, 1000, FAR, 80);

	pass_hours(t, 239); /* a SYN alone */
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 0);
	pass_hours(t, 3);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 1);

	connect_tcp(t); /* established: 2 h 4 min */
	pass_hours(t, 7430);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 1);
	pass_hours(t, 12);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 2);

	port = connect_tcp(t); /* closed by one end: still open */
	assert_int_equal(tcp_out(t, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG), SL_ON);
	pass_hours(t, 1000);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 2);
	assert_int_equal(
		send_in(t, IPPROTO_TCP, FAR, 80, POOL, port, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG),
		SL_ON);
	assert_int_equal(tcp_out(t, RTE_TCP_ACK_FLAG), SL_ON);
	pass_hours(t, 238);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 2);
	pass_hours(t, 5);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 3);

	port = connect_tcp(t); /* reset, and not believed */
	assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 80, POOL, port, RTE_TCP_RST_FLAG), SL_ON);
	assert_int_equal(tcp_out(t, RTE_TCP_ACK_FLAG), SL_ON);
	pass_hours(t, 1000);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 3);
	assert_int_equal(tcp_out(t, RTE_TCP_RST_FLAG), SL_ON); /* reset */
	pass_hours(t, 243);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 4);

	port = connect_tcp(t); /* closed, and the ports used again */
	assert_int_equal(tcp_out(t, RTE_TCP_FIN_FLAG), SL_ON);
	assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 80, POOL, port, RTE_TCP_FIN_FLAG), SL_ON);
	assert_int_equal(connect_tcp(t), port);
	pass_hours(t, 1000);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 4);
	sl_test_end(t);
}

/* RFC 6888 REQ-8 with its exceptions. */
static void port_hold(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "ports: 2000-2003\npreserve-parity: false\n"
						   "filtering: endpoint-independent\n"
						   "unreachable: false\n");

	for (uint16_t i = 0; i < 3; i++)
		send_out(t, IPPROTO_UDP, HOST, 1 + i, FAR, 53);
	sl_test_advance(t, 121 * SECOND);
	assert_int_equal(sl_test_counter(t, "mappings-ended"), 3);
	send_out(t, IPPROTO_UDP, HOST, 10, FAR, 53); /* the fourth port, the others are held */
	assert_int_equal(sl_test_counter(t, "ports-early"), 0);
	send_out(t, IPPROTO_UDP, HOST, 11, FAR, 53);
	assert_int_equal(sl_test_counter(t, "ports-early"), 3);
	sl_test_end(t);

	t = sl_test_new(type, BASE "ports: 2000-2000\npreserve-parity: false\n"
				   "filtering: endpoint-independent\nport-hold: 10 s\n");
	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);
	sl_test_advance(t, 121 * SECOND);
	sl_test_advance(t, 11 * SECOND);
	send_out(t, IPPROTO_UDP, HOST, 2, FAR, 53);
	assert_int_equal(sl_test_counter(t, "ports-early"), 0);
	sl_test_end(t);
}

static void live_changes(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);

	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);
	assert_int_equal(sl_test_configure(t, BASE "udp-unreplied-timeout: 10 s\n"
						   "mappings-per-subscriber: 1\n"),
			 0);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 2, FAR, 53)),
			 dropped("mapping-limit"));
	sl_test_advance(t, 125 * SECOND);
	send_out(t, IPPROTO_UDP, HOST, 3, FAR, 53);
	sl_test_advance(t, 11 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 2);
	assert_int_equal(sl_test_configure(t, BASE "filtering: endpoint-independent\n"),
			 -EOPNOTSUPP);
	assert_int_equal(sl_test_configure(t, "pool: 198.51.100.2\n"), -EOPNOTSUPP);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 2, FAR, 53)), SL_ON);
	sl_test_end(t);
}

static void commands(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "log: mappings\n");
	const char *text;

	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);
	send_out(t, IPPROTO_TCP, "10.0.0.2", 2, FAR, 53);
	text = sl_test_command(t, "sessions", NULL);
	assert_non_null(strstr(text, "\"inside\":\"10.0.0.1:1\""));
	assert_non_null(strstr(text, "\"state\":\"opening\""));
	text = sl_test_command(t, "sessions", "inside: 10.0.0.2\n");
	assert_null(strstr(text, "10.0.0.1:1"));
	assert_non_null(strstr(text, "10.0.0.2:2"));
	assert_non_null(strstr(sl_test_command(t, "mappings", NULL), "10.0.0.2:2"));
	assert_non_null(strstr(sl_test_command(t, "subscribers", NULL), "\"mappings\":1"));
	assert_non_null(strstr(sl_test_command(t, "pool", NULL), "\"used-udp\":1"));
	assert_non_null(strstr(sl_test_command(t, "clear", "inside: 10.0.0.2\n"), "10.0.0.2:2"));
	assert_null(strstr(sl_test_command(t, "sessions", NULL), "10.0.0.2:2"));
	assert_non_null(strstr(sl_test_command(t, "clear", NULL), "10.0.0.1:1"));
	assert_non_null(strstr(sl_test_command(t, "pool", NULL), "\"used-udp\":0"));
	assert_int_equal(sl_test_counter(t, "mappings-ended"), 2);
	assert_int_equal(sl_test_event_count(t), 4);
	assert_string_equal(sl_test_event_name(t, 0), "mapping-created");
	assert_non_null(strstr(sl_test_event_json(t, 0), "\"inside\":\"10.0.0.1:1\""));
	assert_string_equal(sl_test_event_name(t, 3), "mapping-deleted");
	sl_test_end(t);
}

static void refused(void **state)
{
	static const char *const broken[][2] = {
		{"inside: 10.0.0.0/8\n", "expected a `pool`"},
		{"pool: 2001:db8::1\n", "expected IPv4"},
		{"pool: 224.0.0.1\n", "expected IPv4 addresses of hosts"},
		{"pool: [192.0.2.1-192.0.2.9, 192.0.2.4]\n", "in the pool already"},
		{"pool: 20.0.0.0/8\n", "more than"},
		{"pool: 192.0.2.1\nblock-size: 65\n", "multiple of 64"},
		{"pool: 192.0.2.1\nports: 2000-2010\nblock-size: 64\n", "no block"},
		{"pool: 192.0.2.1\nlog: blocks\n", "without `block-size`"},
		{"one-to-one: {outside: 192.0.2.0/30, inside: 10.0.0.1}\n", "as many"},
		{"pool: 192.0.2.1\none-to-one: {outside: 192.0.2.1, inside: 10.0.0.1}\n",
		 "the pool has"},
		{"forward: {proto: icmp, outside: 192.0.2.1, port: 1, inside: 10.0.0.1}\n",
		 "expected tcp or udp"},
		{"forward: {proto: tcp, outside: 192.0.2.1, port: 1-9, inside: 10.0.0.1, "
		 "inside-port: 65530}\n",
		 "above 65535"},
		{"forward: [{proto: tcp, outside: 192.0.2.1, port: 1-9, inside: 10.0.0.1}, "
		 "{proto: [udp, tcp], outside: 192.0.2.1, port: 9, inside: 10.0.0.2}]\n",
		 "another forward"},
		{"inside: 2001:db8::/32\npool: 192.0.2.1\n", "IPv4 prefix"},
	};

	for (unsigned int i = 0; i < RTE_DIM(broken); i++) {
		const char *text = sl_test_refused(type, broken[i][0]);

		if (strstr(text, broken[i][1]) == NULL)
			fail_msg("%s: %s", broken[i][0], text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports),        cmocka_unit_test(pooling),
		cmocka_unit_test(blocks),       cmocka_unit_test(limits),
		cmocka_unit_test(unreachable),  cmocka_unit_test(timeouts),
		cmocka_unit_test(tcp_timeouts), cmocka_unit_test(port_hold),
		cmocka_unit_test(live_changes), cmocka_unit_test(commands),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
