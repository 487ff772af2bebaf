/* SPDX-License-Identifier: BSD-3-Clause */
/* Which backend a session has, and for how long: stickiness, weights, drain, time, full tables. */
#include "test.h"

#define CLIENTS 3000

/* Open a session of each port; which backend each has. */
static void open_all(struct sl_test *t, int *host)
{
	for (uint16_t i = 0; i < CLIENTS; i++) {
		host[i] = syn(t, (uint16_t)(1000 + i));
		assert_in_range(host[i], 1, 20);
	}
}

static void establish(struct sl_test *t, uint16_t sport, int host)
{
	char backend[32];

	snprintf(backend, sizeof(backend), "10.0.0.%d", host);
	assert_int_equal(send_packet(t, SL_OUTSIDE, IPPROTO_TCP, backend, 8080, CLIENT, sport,
				     RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG),
			 SL_ON);
	assert_int_equal(ack(t, sport), host);
}

/* Backends come and go: sessions of those that stay are where they were, to a one. */
static void sticky_across_configure(void **state)
{
	struct sl_test *t = sl_test_new(type, service(1, 10, "", ""));
	static int before[CLIENTS];

	open_all(t, before);
	/* 11 comes, then 1 goes. */
	assert_int_equal(sl_test_configure(t, service(1, 11, "", "")), 0);
	for (uint16_t i = 0; i < CLIENTS; i++)
		assert_int_equal(ack(t, (uint16_t)(1000 + i)), before[i]);
	assert_int_equal(sl_test_configure(t, service(2, 11, "", "")), 0);
	for (uint16_t i = 0; i < CLIENTS; i++) {
		int now = ack(t, (uint16_t)(1000 + i));

		if (before[i] == 1)
			assert_in_range(now, 2, 11);
		else
			assert_int_equal(now, before[i]);
	}
	assert_int_equal(sl_test_all_drops(t), 0);
	sl_test_end(t);
}

/* The first packets of many clients, three of each, in one burst: one session each. */
static void bursts_of_new_sessions(void **state)
{
	static const char *const more[] = {"", "    persistence: source\n"};
	enum { FLOWS = 40, TIMES = 3 };

	for (unsigned int c = 0; c < RTE_DIM(more); c++) {
		struct sl_test *t = sl_test_new(type, service(1, 10, more[c], ""));
		uint32_t host[FLOWS] = {0};

		for (unsigned int i = 0; i < TIMES * FLOWS; i++)
			sl_test_push(t, SL_INSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = CLIENT, .to = VIP,
						    .sport = (uint16_t)(1000 + i % FLOWS),
						    .dport = 80,
						    .tcp_flags = i < FLOWS ? RTE_TCP_SYN_FLAG
									   : RTE_TCP_ACK_FLAG));
		sl_test_run(t);
		assert_int_equal(sl_test_count(t, SL_INSIDE, SL_ON), TIMES * FLOWS);
		for (unsigned int i = 0; i < TIMES * FLOWS; i++) {
			const struct rte_mbuf *m = sl_test_out(t, SL_INSIDE, SL_ON, i);

			if (i < FLOWS)
				host[i] = sl_ipv4(m)->dst_addr;
			assert_int_equal(sl_ipv4(m)->dst_addr, host[i % FLOWS]);
		}
		assert_int_equal(sl_test_counter(t, "sessions-made"), FLOWS);
		sl_test_end(t);
	}
}

/* What cannot change under sessions is left to a new instance. */
static void another_shape(void **state)
{
	struct sl_test *t = sl_test_new(type, service(1, 2, "", ""));

	assert_int_equal(sl_test_configure(t, service(1, 2, "", "sessions: 7")), -EOPNOTSUPP);
	assert_int_equal(sl_test_configure(t, service(1, 2, "    persistence: source\n", "")),
			 -EOPNOTSUPP);
	assert_int_equal(sl_test_configure(t, service(1, 2, "", "pickup: false")), 0);
	assert_int_equal(ack(t, 9), -1);
	assert_int_equal(sl_test_drops(t, "no-session"), 1);
	sl_test_end(t);
}

/* Several balancers with their backends in any order agree. */
static void order_does_not_matter(void **state)
{
	struct sl_test *a = sl_test_new(
		type, "services: {name: w, address: 192.0.2.1, port: 80, backends: [{address: "
		      "10.0.0.1}, {address: 10.0.0.2}, {address: 10.0.0.3}]}");
	struct sl_test *b = sl_test_new(
		type, "services: {name: w, address: 192.0.2.1, port: 80, backends: [{address: "
		      "10.0.0.3}, {address: 10.0.0.1}, {address: 10.0.0.2}]}");

	for (uint16_t i = 0; i < 500; i++)
		assert_int_equal(syn(a, i), syn(b, i));
	sl_test_end(a);
	sl_test_end(b);
}

static void weights(void **state)
{
	struct sl_test *t = sl_test_new(
		type,
		"services: {name: w, address: 192.0.2.1, port: 80, backends: [{address: "
		"10.0.0.1}, {address: 10.0.0.2, weight: 3}, {address: 10.0.0.3, weight: 0}]}");
	static int host[CLIENTS];
	unsigned int share[4] = {0};

	open_all(t, host);
	for (unsigned int i = 0; i < CLIENTS; i++)
		share[host[i]]++;
	print_message("weights 1, 3, 0: %u, %u, %u of %u sessions\n", share[1], share[2], share[3],
		      CLIENTS);
	assert_in_range(share[1], CLIENTS / 5, CLIENTS * 3 / 10);
	assert_int_equal(share[3], 0);
	/* By command: the third takes over, and nobody loses a session. */
	assert_non_null(sl_test_command(t, "weight", "{backend: 10.0.0.1, weight: 0}"));
	assert_non_null(sl_test_command(t, "weight", "{backend: 10.0.0.2, weight: 0}"));
	assert_non_null(sl_test_command(t, "weight", "{backend: 10.0.0.3, weight: 1}"));
	for (uint16_t i = 0; i < 100; i++) {
		assert_int_equal(ack(t, (uint16_t)(1000 + i)), host[i]);
		assert_int_equal(syn(t, (uint16_t)(20000 + i)), 3);
	}
	assert_null(sl_test_command(t, "weight", "{backend: nobody, weight: 1}"));
	assert_non_null(strstr(sl_test_command_error(), "nobody"));
	sl_test_end(t);
}

static void drained(void **state)
{
	struct sl_test *t = sl_test_new(type, service(1, 2, "", ""));
	static int host[CLIENTS];
	const char *json;

	open_all(t, host);
	json = sl_test_command(t, "drain", "{service: web, backend: \"10.0.0.1:8080\"}");
	assert_non_null(strstr(json, "draining"));
	for (uint16_t i = 0; i < CLIENTS; i++) {
		assert_int_equal(ack(t, (uint16_t)(1000 + i)), host[i]);
		assert_int_equal(syn(t, (uint16_t)(20000 + i)), 2);
	}
	/* The file still says that it is not drained; the command holds. */
	assert_int_equal(sl_test_configure(t, service(1, 2, "", "")), 0);
	assert_int_equal(syn(t, 10000), 2);
	assert_non_null(sl_test_command(t, "undrain", "backend: \"10.0.0.1:8080\""));
	open_all(t, host); /* sessions that are open keep their backend: repeated SYNs too */
	json = sl_test_command(t, "backends", NULL);
	assert_int_equal(number(json, "10.0.0.1:8080", "sessions") +
				 number(json, "10.0.0.2:8080", "sessions"),
			 2 * CLIENTS + 1);
	sl_test_end(t);
}

/* One that dies (here: is removed) loses its sessions at once; they are swept away too. */
static void removed_backends_end(void **state)
{
	struct sl_test *t = sl_test_new(type, service(1, 2, "", ""));
	static int host[CLIENTS];
	unsigned int of_two = 0;

	open_all(t, host);
	for (unsigned int i = 0; i < CLIENTS; i++)
		of_two += host[i] == 2;
	assert_int_equal(sl_test_configure(t, service(1, 1, "", "")), 0);
	/* Its answers are nobody's any more. */
	for (uint16_t i = 0; i < CLIENTS; i++) {
		if (host[i] != 2)
			continue;
		assert_int_equal(send_packet(t, SL_OUTSIDE, IPPROTO_TCP, "10.0.0.2", 8080, CLIENT,
					     (uint16_t)(1000 + i), RTE_TCP_ACK_FLAG),
				 dropped("no-session"));
		break;
	}
	sl_test_tick(t, 40);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), of_two);
	assert_int_equal(number(sl_test_command(t, "services", NULL), "web", "sessions"),
			 CLIENTS - of_two);
	/* It comes back as somebody new. */
	assert_int_equal(sl_test_configure(t, service(1, 2, "", "")), 0);
	assert_int_equal(number(sl_test_command(t, "backends", NULL), "10.0.0.2:8080", "sessions"),
			 0);
	for (uint16_t i = 0; i < CLIENTS; i++)
		if (host[i] == 1)
			assert_int_equal(ack(t, (uint16_t)(1000 + i)), 1);
	sl_test_end(t);
}

static void by_source(void **state)
{
	struct sl_test *t = sl_test_new(
		type, service(1, 10, "    persistence: source\n", "persistence-timeout: 100 s"));
	int first = syn(t, 1);

	for (uint16_t i = 2; i < 200; i++)
		assert_int_equal(syn(t, i), first);
	/* The lookup table is another now; the client keeps its backend. */
	for (unsigned int last = 11; last < 20; last++) {
		assert_int_equal(sl_test_configure(t, service(1, last, "    persistence: source\n",
							      "persistence-timeout: 100 s")),
				 0);
		assert_int_equal(syn(t, (uint16_t)(1000 + last)), first);
	}
	assert_int_equal(sl_test_counter(t, "sources-made"), 1);
	sl_test_advance(t, 101 * SECOND);
	assert_true(syn(t, 5000) > 0);
	assert_int_equal(sl_test_counter(t, "sources-made"), 2);
	sl_test_end(t);
}

static void sources_full(void **state)
{
	struct sl_test *t =
		sl_test_new(type, service(1, 10, "    persistence: source\n", "sources: 4"));
	char from[32];

	for (unsigned int i = 1; i <= 6; i++) {
		snprintf(from, sizeof(from), "198.51.100.%u", i);
		assert_true(host_of(t, from, 1, VIP, 80, RTE_TCP_SYN_FLAG) > 0);
	}
	assert_int_equal(sl_test_counter(t, "sources-evicted"), 2);
	sl_test_end(t);
}

static uint64_t ended(struct sl_test *t)
{
	return sl_test_counter(t, "sessions-ended");
}

/* Each state has its own time. */
static void timeouts(void **state)
{
	struct sl_test *t = sl_test_new(
		type, "services:\n"
		      "  - {name: w, address: 192.0.2.1, port: 80, backends: {address: 10.0.0.1, "
		      "port: 8080}}\n"
		      "  - {name: d, address: 192.0.2.1, proto: udp, backends: {address: "
		      "10.0.0.1}}\n"
		      "tcp-opening-timeout: 10 s\ntcp-established-timeout: 1000 s\n"
		      "tcp-closing-timeout: 20 s\nudp-timeout: 50 s\n");

	assert_int_equal(syn(t, 1), 1);
	sl_test_advance(t, 9 * SECOND);
	assert_int_equal(ended(t), 0);
	sl_test_advance(t, 2 * SECOND);
	assert_int_equal(ended(t), 1);

	assert_int_equal(syn(t, 2), 1);
	establish(t, 2, 1);
	assert_int_equal(send_packet(t, SL_INSIDE, IPPROTO_UDP, CLIENT, 9, VIP, 53, 0), SL_ON);
	sl_test_advance(t, 49 * SECOND);
	assert_int_equal(ended(t), 1);
	sl_test_advance(t, 2 * SECOND);
	assert_int_equal(ended(t), 2);
	sl_test_advance(t, 900 * SECOND);
	assert_int_equal(ended(t), 2);
	/* Both say FIN. */
	assert_int_equal(host_of(t, CLIENT, 2, VIP, 80, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG), 1);
	assert_int_equal(send_packet(t, SL_OUTSIDE, IPPROTO_TCP, "10.0.0.1", 8080, CLIENT, 2,
				     RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG),
			 SL_ON);
	sl_test_advance(t, 21 * SECOND);
	assert_int_equal(ended(t), 3);
	/* Reset, and its ports used again before it is gone. */
	assert_int_equal(syn(t, 3), 1);
	establish(t, 3, 1);
	assert_int_equal(host_of(t, CLIENT, 3, VIP, 80, RTE_TCP_RST_FLAG), 1);
	assert_int_equal(syn(t, 3), 1);
	assert_int_equal(ended(t), 4);
	assert_int_equal(sl_test_counter(t, "sessions-made"), 5);
	sl_test_end(t);
}

/* New sessions are refused, old ones go on; where nothing comes back, the hash will do. */
static void table_full(void **state)
{
	struct sl_test *t = sl_test_new(type, service(1, 2, "", "sessions: 3"));
	struct sl_test *d = sl_test_new(
		type, "services: {name: w, address: 192.0.2.1, port: 80, mode: direct, backends: "
		      "{mac: \"02:00:00:00:00:55\"}}\nsessions: 3");

	for (uint16_t i = 1; i <= 3; i++)
		assert_true(syn(t, i) > 0);
	assert_int_equal(syn(t, 4), -1);
	assert_int_equal(sl_test_drops(t, "table-full"), 1);
	for (uint16_t i = 1; i <= 3; i++)
		assert_true(ack(t, i) > 0);
	assert_non_null(sl_test_command(t, "clear", NULL));
	assert_true(syn(t, 4) > 0);

	for (uint16_t i = 1; i <= 5; i++)
		assert_int_equal(send_packet(d, SL_INSIDE, IPPROTO_TCP, CLIENT, i, VIP, 80,
					     RTE_TCP_SYN_FLAG),
				 SL_ON);
	assert_int_equal(sl_ether(out(d, SL_INSIDE, SL_ON))->dst_addr.addr_bytes[5], 0x55);
	assert_int_equal(sl_test_counter(d, "stateless"), 2);
	sl_test_end(t);
	sl_test_end(d);
}

/* Two services with one backend endpoint: the client's ports can be used at one of them only. */
static void tuple_in_use(void **state)
{
	struct sl_test *t = sl_test_new(
		type, "services:\n"
		      "  - {name: a, address: 192.0.2.1, port: 80, backends: {address: 10.0.0.1, "
		      "port: 8080}}\n"
		      "  - {name: b, address: 192.0.2.2, port: 80, backends: {address: 10.0.0.1, "
		      "port: 8080}}\n");

	assert_int_equal(syn(t, 1), 1);
	assert_int_equal(send_packet(t, SL_INSIDE, IPPROTO_TCP, CLIENT, 1, "192.0.2.2", 80,
				     RTE_TCP_SYN_FLAG),
			 dropped("tuple-in-use"));
	assert_int_equal(host_of(t, CLIENT, 2, "192.0.2.2", 80, RTE_TCP_SYN_FLAG), 1);
	sl_test_end(t);
}

static void commands(void **state)
{
	struct sl_test *t = sl_test_new(type, service(1, 2, "", ""));
	const char *json;

	assert_true(syn(t, 1000) > 0);
	assert_int_equal(host_of(t, "198.51.100.8", 1001, VIP, 80, RTE_TCP_SYN_FLAG) > 0, 1);
	json = sl_test_command(t, "sessions", "client: 198.51.100.8");
	assert_non_null(strstr(json, "198.51.100.8:1001"));
	assert_null(strstr(json, "198.51.100.7"));
	assert_non_null(strstr(json, "opening"));
	json = sl_test_command(t, "backends", "service: web");
	assert_int_equal(number(json, "10.0.0.1:8080", "packets-in") +
				 number(json, "10.0.0.2:8080", "packets-in"),
			 2);
	json = sl_test_command(t, "backends", "service: other");
	assert_null(strstr(json, "10.0.0.1"));
	assert_non_null(sl_test_command(t, "clear", "client: 198.51.100.8"));
	assert_int_equal(ended(t), 1);
	sl_test_end(t);
}

#define SMALL "sessions: 64\nsessions-ipv6: 64\nsources: 64"

/* No memory for a new configuration: the old one stays, with its sessions. */
static void short_of_memory(void **state)
{
	struct sl_test_options options = {.memory = 32 << 20};
	struct sl_test *t = sl_test_new_with(type, service(1, 10, "", SMALL), &options);
	struct sl_instance *instance = sl_test_instance(t);
	static void *blocks[8192];
	size_t sizes[] = {65536, 4096, 64};
	unsigned int count = 0;
	int host = syn(t, 1);

	for (size_t i = 0; i < RTE_DIM(sizes); i++)
		while (count < RTE_DIM(blocks) &&
		       (blocks[count] = sl_alloc(instance, sizes[i])) != NULL)
			count++;
	assert_in_range(count, 1, RTE_DIM(blocks) - 1);
	/* One block less in the way each time, until it fits. */
	while (sl_test_configure(t, service(1, 11, "", SMALL)) != 0) {
		assert_int_equal(ack(t, 1), host);
		assert_true(count > 0);
		sl_free(instance, blocks[--count]);
	}
	assert_int_equal(ack(t, 1), host);
	assert_non_null(strstr(sl_test_command(t, "backends", NULL), "10.0.0.11"));
	while (count > 0)
		sl_free(instance, blocks[--count]);
	sl_test_end(t);
}

static void refused(void **state)
{
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{"services: {name: a, address: 192.0.2.1, backends: {address: fd00::1}}",
		 "IP version"},
		{"services: {name: a, address: 192.0.2.1, mode: direct, backends: {address: "
		 "10.0.0.1}}",
		 "mac"},
		{"services: {name: a, address: 192.0.2.1, mode: tunnel, backends: {address: "
		 "10.0.0.1}}",
		 "tunnel-source"},
		{"services: {name: a, address: 224.0.0.1, backends: []}", "host"},
		{"services: [{name: a, address: 192.0.2.1, backends: []}, {name: b, address: "
		 "192.0.2.1, backends: []}]",
		 "another service"},
		{"services: [{name: a, address: 192.0.2.1, backends: []}, {name: a, address: "
		 "192.0.2.2, backends: []}]",
		 "this name"},
		{"services: {name: a, address: 192.0.2.1, backends: [{address: 10.0.0.1}, "
		 "{address: 10.0.0.1}]}",
		 "twice"},
		{"services: {name: a, address: 192.0.2.1, backends: []}\ntable-size: 65536",
		 "65537"},
		{"services: {name: a, address: 192.0.2.1, health: {kind: tcp}, backends: "
		 "{address: 10.0.0.1}}",
		 "port"},
		{"services: {name: a, address: 192.0.2.1, port: 80, health: {kind: http, path: "
		 "\"x y\"}, backends: {address: 10.0.0.1}}",
		 "path"},
		{"services: {name: a, address: 192.0.2.1, proto: icmp, backends: []}", "echo"},
	};

	for (size_t i = 0; i < RTE_DIM(cases); i++)
		if (strstr(sl_test_refused(type, cases[i].yaml), cases[i].says) == NULL)
			fail_msg("%s\nis refused without `%s`", cases[i].yaml, cases[i].says);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sticky_across_configure),
		cmocka_unit_test(bursts_of_new_sessions),
		cmocka_unit_test(another_shape),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(weights),
		cmocka_unit_test(drained),
		cmocka_unit_test(removed_backends_end),
		cmocka_unit_test(by_source),
		cmocka_unit_test(sources_full),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(table_full),
		cmocka_unit_test(tuple_in_use),
		cmocka_unit_test(commands),
		cmocka_unit_test(short_of_memory),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
