/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions carried to another instance, which stands for other code or another process. */
#include <stdlib.h>

#include <sluice/state.h>

#include "test.h"

#define OTHER "10.0.0.2"

static struct sl_test *nat(const char *yaml, uint32_t workers)
{
	return sl_test_new_with(type, yaml, &(struct sl_test_options){.workers = workers});
}

static void carry(struct sl_test *from, struct sl_test *to, bool changed, unsigned int records)
{
	struct sl_test_carried carried;

	assert_int_equal(sl_test_carry(from, to, changed, &carried), 0);
	assert_int_equal(carried.records, records);
	assert_int_equal(carried.taken, records);
	assert_int_equal(carried.voids, 0);
}

/* A TCP session in the middle of its life; its outside port. */
static uint16_t connect_tcp(struct sl_test *t, const char *host, uint16_t sport)
{
	uint16_t port = send_out(t, IPPROTO_TCP, host, sport, FAR, 80);

	assert_int_equal(
		send_in(t, IPPROTO_TCP, FAR, 80, POOL, port, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG),
		SL_ON);
	return port;
}

static void sessions_go_over(void **state)
{
	struct sl_test *old = nat(BASE, 0), *new = nat(BASE, 0);
	uint16_t udp = send_out(old, IPPROTO_UDP, HOST, 5000, FAR, 53);
	uint16_t tcp = connect_tcp(old, HOST, 5001);

	assert_int_equal(send_in(old, IPPROTO_UDP, FAR, 53, POOL, udp, 0), SL_ON);
	carry(old, new, false, 2);
	assert_non_null(strstr(sl_test_command(new, "sessions", NULL), "\"packets-in\":1"));
	/* In the middle: no SYN is needed, neither way. */
	assert_int_equal(send_in(new, IPPROTO_TCP, FAR, 80, POOL, tcp, RTE_TCP_ACK_FLAG), SL_ON);
	assert_int_equal(sl_test_one(new, SL_INSIDE, packet(IPPROTO_TCP, HOST, 5001, FAR, 80)),
			 SL_ON);
	assert_int_equal(rte_be_to_cpu_16(sl_tcp(out(new, SL_INSIDE, SL_ON))->src_port), tcp);
	assert_int_equal(send_in(new, IPPROTO_UDP, FAR, 53, POOL, udp, 0), SL_ON);
	expect_text(new, SL_OUTSIDE, SL_ON, FAR " 53 > " HOST " 5000 17");
	assert_int_equal(send_out(new, IPPROTO_UDP, HOST, 5000, FAR, 53), udp);
	/* The old one could go on as well. */
	assert_int_equal(send_out(old, IPPROTO_UDP, HOST, 5000, FAR, 53), udp);
	sl_test_end(old);
	sl_test_end(new);
}

static void only_what_changed(void **state)
{
	struct sl_test *old = nat(BASE, 0), *new = nat(BASE, 0);
	uint16_t port, other;

	for (uint16_t i = 0; i < 300; i++)
		send_out(old, IPPROTO_UDP, HOST, (uint16_t)(1000 + i), FAR, 53);
	port = connect_tcp(old, HOST, 5000);
	carry(old, new, false, 301);
	carry(old, new, true, 0);
	/* Packets of what is known are no news. */
	for (uint16_t i = 0; i < 300; i++)
		send_out(old, IPPROTO_UDP, HOST, (uint16_t)(1000 + i), FAR, 53);
	carry(old, new, true, 0);
	other = send_out(old, IPPROTO_UDP, OTHER, 7, FAR, 53);
	assert_int_equal(send_in(old, IPPROTO_TCP, FAR, 80, POOL, port, RTE_TCP_RST_FLAG), SL_ON);
	carry(old, new, true, 2);
	carry(old, new, true, 0);
	assert_int_equal(send_out(new, IPPROTO_UDP, OTHER, 7, FAR, 53), other);
	/* The reset is known: the session does not last. */
	pass_hours(new, 600);
	assert_int_equal(send_in(new, IPPROTO_TCP, FAR, 80, POOL, port, RTE_TCP_ACK_FLAG),
			 dropped("no-mapping"));
	sl_test_end(old);
	sl_test_end(new);
}

static void times_go_on(void **state)
{
	struct sl_test *old = nat(BASE "udp-timeout: 120 s\n", 0);
	struct sl_test *new = nat(BASE "udp-timeout: 120 s\n", 0);
	uint16_t port = send_out(old, IPPROTO_UDP, HOST, 5000, FAR, 53);

	assert_int_equal(send_in(old, IPPROTO_UDP, FAR, 53, POOL, port, 0), SL_ON);
	sl_test_advance(old, 100 * SECOND);
	sl_test_advance(new, 5000 * SECOND); /* another clock */
	carry(old, new, false, 1);
	sl_test_advance(new, 15 * SECOND);
	assert_int_equal(send_in(new, IPPROTO_UDP, FAR, 53, POOL, port, 0), SL_ON);
	sl_test_advance(new, 10 * SECOND);
	assert_int_equal(send_in(new, IPPROTO_UDP, FAR, 53, POOL, port, 0), dropped("no-mapping"));
	sl_test_end(old);
	sl_test_end(new);
}

/* Whatever was told before: what is told later has the port. */
static void the_later_word_holds(void **state)
{
#define ONE_PORT BASE "ports: 4000-4001\npreserve-parity: false\nudp-timeout: 120 s\n"
	struct sl_test *old = nat(ONE_PORT "port-hold: 0 s\n", 0);
	struct sl_test *new = nat(ONE_PORT "port-hold: 300 s\n", 0);
	uint16_t first = send_out(old, IPPROTO_UDP, HOST, 5000, FAR, 53);
	uint16_t second = send_out(old, IPPROTO_UDP, HOST, 5001, FAR, 53);

	carry(old, new, false, 2);
	pass_hours(old, 400);
	assert_int_not_equal(first, second);
	/* Another host has both; in the new one the first's still stand there. */
	first = send_out(old, IPPROTO_UDP, OTHER, 6000, FAR, 53);
	second = send_out(old, IPPROTO_UDP, OTHER, 6001, FAR, 53);
	carry(old, new, true, 2);
	assert_int_equal(send_in(new, IPPROTO_UDP, FAR, 53, POOL, first, 0), SL_ON);
	expect_text(new, SL_OUTSIDE, SL_ON, FAR " 53 > " OTHER " 6000 17");
	assert_int_equal(send_in(new, IPPROTO_UDP, FAR, 53, POOL, second, 0), SL_ON);
	expect_text(new, SL_OUTSIDE, SL_ON, FAR " 53 > " OTHER " 6001 17");
	assert_int_equal(sl_test_one(new, SL_INSIDE, packet(IPPROTO_UDP, HOST, 5000, FAR, 53)),
			 dropped("pool-exhausted"));
	sl_test_end(old);
	sl_test_end(new);
}

static void ports_rest(void **state)
{
	const char *yaml = BASE "ports: 4000-4001\npreserve-parity: false\nudp-timeout: 120 s\n"
				"port-hold: 1000 s\nfiltering: endpoint-independent\n";
	struct sl_test *old = nat(yaml, 0), *new = nat(yaml, 0);
	uint16_t port = send_out(old, IPPROTO_UDP, HOST, 5000, FAR, 53);

	pass_hours(old, 400);
	carry(old, new, false, 1);
	/* Only the other port is free, until nothing else is left. */
	assert_int_equal(send_out(new, IPPROTO_UDP, OTHER, 1, FAR, 53), port ^ 1);
	assert_int_equal(sl_test_counter(new, "ports-early"), 0);
	assert_int_equal(send_out(new, IPPROTO_UDP, OTHER, 2, FAR, 53), port);
	assert_int_equal(sl_test_counter(new, "ports-early"), 1);
	sl_test_end(old);
	sl_test_end(new);
}

static void blocks_keep_their_owner(void **state)
{
	const char *yaml = BASE "block-size: 64\nblocks-per-subscriber: 1\nports: 1024-1151\n"
				"udp-timeout: 120 s\nport-hold: 0 s\n";
	struct sl_test *old = nat(yaml, 0), *new = nat(yaml, 0);
	uint16_t port = send_out(old, IPPROTO_UDP, HOST, 5000, FAR, 53), next;

	send_out(old, IPPROTO_UDP, OTHER, 5000, FAR, 53);
	carry(old, new, false, 2);
	next = send_out(new, IPPROTO_UDP, HOST, 5001, FAR, 53);
	assert_int_equal(next / 64, port / 64);
	/* Both end; a third host takes the first's block, which must leave its owner there. */
	pass_hours(old, 400);
	for (uint16_t i = 0; i < 2; i++)
		send_out(old, IPPROTO_UDP, i == 0 ? "10.0.0.3" : "10.0.0.4", 9, FAR, 53);
	carry(old, new, true, 2);
	assert_int_equal(sl_test_one(new, SL_INSIDE, packet(IPPROTO_UDP, OTHER, 5000, FAR, 53)),
			 dropped("pool-exhausted"));
	sl_test_end(old);
	sl_test_end(new);
}

static void each_to_its_worker(void **state)
{
	const char *yaml = BASE "hairpinning: true\n";
	struct sl_test *old = nat(yaml, 2), *same = nat(yaml, 2), *one = nat(yaml, 1);
	struct sl_test *three = nat(yaml, 3);
	struct sl_test_carried carried;
	char host[16];
	unsigned int made = 0;

	for (unsigned int i = 1; i < 60; i++) {
		struct rte_mbuf *m;

		snprintf(host, sizeof(host), "10.0.0.%u", i);
		m = packet(IPPROTO_UDP, host, 5000, FAR, 53);
		sl_test_worker(old, type->spread(sl_test_instance(old), m, SL_INSIDE, 2));
		assert_int_equal(sl_test_one(old, SL_INSIDE, m), SL_ON);
		made++;
	}
	carry(old, same, false, made);
	carry(old, one, false, made);
	for (unsigned int i = 1; i < 60; i++) {
		uint16_t port;

		snprintf(host, sizeof(host), "10.0.0.%u", i);
		port = send_out(one, IPPROTO_UDP, host, 5000, FAR, 53);
		assert_int_equal(send_in(one, IPPROTO_UDP, FAR, 53, POOL, port, 0), SL_ON);
	}
	assert_int_equal(sl_test_counter(one, "mappings-made"), 0);
	/* With more of them a port may be another's than the host is: that cannot be. */
	assert_int_equal(sl_test_carry(old, three, false, &carried), 0);
	assert_int_equal(carried.taken + carried.voids, made);
	assert_true(carried.taken > 0 && carried.voids > 0);
	sl_test_end(old);
	sl_test_end(same);
	sl_test_end(one);
	sl_test_end(three);
}

static void forwards_and_filters(void **state)
{
	const char *yaml =
		BASE "filtering: address-dependent\nforward:\n"
		     "  - {proto: tcp, outside: 198.51.100.9, port: 443, inside: 10.0.0.7}\n";
	struct sl_test *old = nat(yaml, 0), *new = nat(yaml, 0), *without = nat(BASE, 0);
	struct sl_test_carried carried;
	uint16_t port = send_out(old, IPPROTO_UDP, HOST, 5000, FAR, 53);

	assert_int_equal(send_in(old, IPPROTO_TCP, FAR, 9, "198.51.100.9", 443, RTE_TCP_SYN_FLAG),
			 SL_ON);
	carry(old, new, false, 2);
	assert_int_equal(send_in(new, IPPROTO_TCP, FAR, 9, "198.51.100.9", 443, RTE_TCP_ACK_FLAG),
			 SL_ON);
	assert_int_equal(send_in(new, IPPROTO_UDP, FAR, 54, POOL, port, 0), SL_ON);
	assert_int_equal(send_in(new, IPPROTO_UDP, "192.0.2.77", 54, POOL, port, 0),
			 dropped("filtered"));
	/* Where there is no such forward, its session is nothing. */
	assert_int_equal(sl_test_carry(old, without, false, &carried), 0);
	assert_int_equal(carried.taken, 1);
	assert_int_equal(carried.voids, 1);
	sl_test_end(old);
	sl_test_end(new);
	sl_test_end(without);
}

static void what_does_not_fit_is_refused(void **state)
{
	struct sl_test *old = nat(BASE, 0), *small = nat(BASE "sessions: 16\n", 0);
	struct sl_test_carried carried;

	for (uint16_t i = 0; i < 20; i++)
		send_out(old, IPPROTO_UDP, HOST, (uint16_t)(1000 + i), FAR, 53);
	assert_int_equal(sl_test_carry(old, small, false, &carried), -ENOSPC);
	assert_int_equal(carried.taken, 16);
	assert_int_equal(type->import_state(sl_test_node(old, SL_INSIDE), 2, "", 0, NULL), -EPROTO);
	sl_test_end(old);
	sl_test_end(small);
}

/* Nothing that a file says can break it. */
static void broken_records(void **state)
{
	const char *yaml = BASE "block-size: 64\nsessions: 300\nudp-timeout: 120 s\n";
	struct sl_test *old = nat(yaml, 0), *new = nat(yaml, 0);
	struct sl_test_carried carried;

	for (uint16_t i = 0; i < 10; i++)
		send_out(old, IPPROTO_UDP, i < 5 ? HOST : OTHER, (uint16_t)(1000 + i), FAR, 53);
	connect_tcp(old, HOST, 1);
	sl_test_broken_records(old, new);
	pass_hours(new, 40 * 3600);
	assert_int_equal(sl_test_carry(new, old, false, &carried), 0);
	assert_int_equal(carried.records, 0); /* all ended, no port rests */
	sl_test_end(old);
	sl_test_end(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_go_over),
		cmocka_unit_test(only_what_changed),
		cmocka_unit_test(times_go_on),
		cmocka_unit_test(the_later_word_holds),
		cmocka_unit_test(ports_rest),
		cmocka_unit_test(blocks_keep_their_owner),
		cmocka_unit_test(each_to_its_worker),
		cmocka_unit_test(forwards_and_filters),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(broken_records),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
