/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP and ND: asked, answered, aged, lost; what waits meanwhile. The clock is the test's. */
#include "bed.h"

#include <core/plugin/json.h>

static int setup(void **state)
{
	bed_configure();
	bed_default_routes();
	bed_open(1500);
	bed_settle();
	return 0;
}

static int teardown(void **state)
{
	bed_close();
	return 0;
}

static struct sl_neighbour *neighbour(const char *text)
{
	struct sl_addr addr;
	uint32_t i;

	assert_int_equal(sl_addr_parse(text, &addr), 0);
	i = sl_neighbour_find(bed.port.l3, &addr);
	return i == SL_NO_NEIGHBOUR ? NULL : &bed.port.l3->neighbours[i];
}

static void punt_in(enum vector vector)
{
	bed_send(bed.in, vector);
	bed_main();
}

static void answers_for_own_and_claimed(void **state)
{
	struct sl_prefix claim;

	punt_in(arp_ask_us);
	check_only(AT_TX, arp_told, 0);
	punt_in(arp_probe_us);
	check_only(AT_TX, arp_told_probe, 0);
	punt_in(nd_ask_us);
	check_only(AT_TX, nd_told, 0);
	punt_in(nd_dad_us);
	check_only(AT_TX, nd_told_dad, 0);
	punt_in(arp_ask_claim);
	punt_in(nd_ask_claim);
	check_none();
	sl_prefix_parse("192.0.2.64/27", &claim);
	assert_int_equal(sl_l3_claim(bed.port.l3, &claim), 0);
	sl_prefix_parse("2001:db8::77", &claim);
	assert_int_equal(sl_l3_claim(bed.port.l3, &claim), 0);
	bed_wait(8);
	bed_forget();
	punt_in(arp_ask_claim);
	check_only(AT_TX, arp_told_claim, 0);
	punt_in(nd_ask_claim);
	check_only(AT_TX, nd_told_claim, 0);
}

/* What the engine notes of a packet on its way does not change what the main thread makes of it. */
static void flags_of_the_engine_do_not_matter(void **state)
{
	static const uint16_t flags[] = {SL_PKT_TRAIL, SL_PKT_TRACED, SL_PKT_TIMED};

	for (unsigned int i = 0; i < RTE_DIM(flags); i++) {
		struct rte_mbuf *m = vector_packet(arp_ask_us);

		sl_packet(m)->flags |= flags[i];
		bed_push(bed.in, m);
		bed_main();
		check_only(AT_TX, arp_told, 0);
		bed_forget();
	}
}

static uint32_t count_like(enum vector vector)
{
	uint8_t want[2048], have[2048];
	uint32_t length = vector_bytes(vector, want), n = 0;

	for (uint32_t i = 0; i < bed.got_count[AT_TX]; i++)
		n += bed_flatten(bed.got[AT_TX][i], have) == length &&
		     memcmp(have, want, length) == 0;
	return n;
}

static void announces(void **state)
{
	struct sl_prefix claim;

	bed_close();
	bed_configure();
	bed_open(1500);
	bed_wait(8);
	assert_int_equal(count_like(arp_announce), 3);
	assert_int_equal(count_like(nd_announce), 3);
	assert_int_equal(bed.got_count[AT_TX], 9); /* and the link-local address */
	bed_forget();
	sl_prefix_parse("192.0.2.64/29", &claim);
	assert_int_equal(sl_l3_claim(bed.port.l3, &claim), 0);
	sl_prefix_parse("2001:db8:0:7::/64", &claim); /* too many to name them all */
	assert_int_equal(sl_l3_claim(bed.port.l3, &claim), 0);
	bed_wait(40);
	assert_int_equal(bed.got_count[AT_TX], 3 * (3 + 8 + 256));
	for (uint32_t i = 0; i < bed.got_count[AT_TX]; i++)
		check_sums(bed.got[AT_TX][i]);
}

static void resolves_ipv4(void **state)
{
	bed_send(bed.out, host4);
	bed_send(bed.out, host4);
	check_none();
	bed_main();
	check_only(AT_TX, arp_asks_20, 0);
	punt_in(arp_20_is);
	assert_int_equal(bed.got_count[AT_TX], 2);
	assert_int_equal(sl_ether(bed.got[AT_TX][1])->dst_addr.addr_bytes[5], 0x20);
	assert_int_equal(bed.injected_worker, 0);
	assert_int_equal(bed.injected_hop, bed.out);
	bed_forget();
	bed_send(bed.out, host4); /* now without main */
	assert_int_equal(bed.punted_count, 0);
	assert_int_equal(bed.got_count[AT_TX], 1);
	assert_int_equal(neighbour("192.0.2.20")->state, SL_NEIGHBOUR_REACHABLE);
}

static void resolves_ipv6(void **state)
{
	bed_send(bed.out, host6);
	bed_main();
	check_only(AT_TX, nd_asks_20, 0);
	punt_in(nd_20_is);
	assert_int_equal(bed.got_count[AT_TX], 1);
	assert_int_equal(sl_ether(bed.got[AT_TX][0])->dst_addr.addr_bytes[5], 0x20);
}

static void silence_is_host_unreachable(void **state)
{
	bed_send(bed.out, host4);
	bed_send(bed.out, host6);
	bed_main();
	bed_wait(2.5);
	assert_int_equal(count_like(arp_asks_20), 3);
	assert_int_equal(count_like(nd_asks_20), 3);
	assert_int_equal(bed.got_count[AT_BACK], 0);
	bed_wait(2);
	assert_int_equal(bed.got_count[AT_BACK], 2);
	check_is(bed.got[AT_BACK][0],
		 sl_packet(bed.got[AT_BACK][0])->family == SL_L3_IPV4 ? host4_error : host6_error,
		 12);
	check_is(bed.got[AT_BACK][1],
		 sl_packet(bed.got[AT_BACK][1])->family == SL_L3_IPV4 ? host4_error : host6_error,
		 12);
	assert_int_equal(bed_drops(bed.out, "host-unreachable"), 2);
	assert_null(neighbour("192.0.2.20"));
	bed_forget();
	bed_send(bed.out, host4); /* asked anew */
	bed_main();
	check_only(AT_TX, arp_asks_20, 0);
}

static void the_queue_has_an_end(void **state)
{
	struct sl_ledger ledger;

	for (unsigned int i = 0; i < 40; i++) {
		struct rte_mbuf *m = vector_packet(host4);

		sl_packet(m)->mark = i;
		bed_push(bed.out, m);
	}
	bed_main();
	sl_l3_ledger(bed.port.l3, &ledger);
	assert_int_equal(ledger.held, 32);
	assert_int_equal(ledger.dropped, 8);
	bed_forget();
	punt_in(arp_20_is);
	assert_int_equal(bed.got_count[AT_TX], 32);
	for (unsigned int i = 0; i < 32; i++) /* the newest, in order */
		assert_int_equal(sl_packet(bed.got[AT_TX][i])->mark, i + 8);
}

static struct rte_mbuf *on_link(uint32_t host)
{
	struct rte_mbuf *m = vector_packet(host4);

	sl_ipv4(m)->dst_addr = rte_cpu_to_be_32(host);
	sl_ipv4(m)->hdr_checksum = 0;
	sl_ipv4(m)->hdr_checksum = rte_ipv4_cksum(sl_ipv4(m));
	return m;
}

static void all_queues_together_have_an_end(void **state)
{
	struct sl_ledger ledger;

	bed_close();
	bed_configure();
	bed_route("10.0.0.0/8", NULL);
	bed_open(1500);
	bed_settle();
	for (uint32_t i = 0; i < 3000; i++) {
		bed_push(bed.out, on_link(ADDR4(10, 0, 0, 1) + i));
		bed_main();
		bed_forget();
	}
	sl_l3_ledger(bed.port.l3, &ledger);
	assert_int_equal(ledger.held, SL_L3_QUEUED);
	assert_int_equal(ledger.dropped, 3000 - SL_L3_QUEUED);
	for (unsigned int i = 0; i < 10; i++) {
		bed_wait(0.5);
		bed_forget();
	}
	sl_l3_ledger(bed.port.l3, &ledger);
	assert_int_equal(ledger.held, 0);
	assert_int_equal(bed.port.l3->neighbour_count, 4); /* the static ones */
}

/* A full table: stale ones make room, others do not. */
static void the_table_has_an_end(void **state)
{
	struct sl_l3_port *l3;
	uint32_t made = 0;

	bed_close();
	bed_configure();
	bed_route("10.0.0.0/8", NULL);
	bed_open(1500);
	bed_settle();
	l3 = bed.port.l3;
	for (uint32_t i = 0; i < 2 * SL_L3_NEIGHBOURS; i++) {
		struct sl_addr addr = {.family = SL_FAMILY_IPV4,
				       .v4 = rte_cpu_to_be_32(ADDR4(10, 0, 0, 0) + i)};
		struct rte_ether_addr mac = {{2, 1}};
		uint32_t n = sl_neighbour_make(l3, &addr);

		if (n == SL_NO_NEIGHBOUR)
			continue;
		made++;
		sl_neighbour_learn(l3, n, &mac, true);
		assert_int_equal(sl_neighbour_find(l3, &addr), n);
	}
	assert_in_range(made, SL_L3_NEIGHBOURS - 200, SL_L3_NEIGHBOURS);
	bed_wait(50); /* all are stale */
	for (uint32_t i = 0; i < 100; i++)
		bed_push(bed.out, on_link(ADDR4(10, 7, 0, 0) + i));
	bed_main();
	bed_forget();
	assert_true(l3->neighbour_count <= SL_L3_NEIGHBOURS);
	assert_true(l3->queued > 90);
	bed_wait(10);
	bed_forget();
	bed_wait(700); /* and forgotten */
	assert_int_equal(l3->neighbour_count, 4);
	for (uint32_t i = 0; i < SL_L3_SLOTS; i++) /* nothing left that searches pass by */
		if (l3->neighbours[i].state == SL_NEIGHBOUR_FREE &&
		    l3->slots[(i + 1) % SL_L3_SLOTS].live == SL_SLOT_EMPTY)
			assert_int_equal(l3->slots[i].live, SL_SLOT_EMPTY);
}

static void ages(void **state)
{
	bed_send(bed.out, host4);
	bed_main();
	punt_in(arp_20_is);
	bed_forget();
	bed_wait(50);
	assert_int_equal(neighbour("192.0.2.20")->state, SL_NEIGHBOUR_STALE);
	check_none(); /* unused: nobody asks */
	bed_send(bed.out, host4);
	assert_int_equal(bed.got_count[AT_TX], 1);
	bed_forget();
	bed_main();
	bed_wait(1);
	assert_int_equal(neighbour("192.0.2.20")->state, SL_NEIGHBOUR_DELAY);
	bed_wait(5);
	assert_int_equal(neighbour("192.0.2.20")->state, SL_NEIGHBOUR_PROBE);
	check_only(AT_TX, arp_probes_20, 0);
	punt_in(arp_20_is);
	assert_int_equal(neighbour("192.0.2.20")->state, SL_NEIGHBOUR_REACHABLE);
	/* Once more, and now it is gone. */
	bed_wait(50);
	bed_send(bed.out, host4);
	bed_forget();
	bed_wait(12);
	assert_int_equal(count_like(arp_probes_20), 3);
	assert_null(neighbour("192.0.2.20"));
	bed_forget();
	/* Unused ones are forgotten. */
	bed_send(bed.out, host4);
	bed_main();
	punt_in(arp_20_is);
	bed_forget();
	bed_wait(650);
	assert_null(neighbour("192.0.2.20"));
	assert_non_null(neighbour("192.0.2.10"));
	assert_int_equal(neighbour("192.0.2.10")->state, SL_NEIGHBOUR_STATIC);
}

static void a_gateway_is_asked_for_and_kept(void **state)
{
	bed_close();
	bed_configure();
	bed_route("0.0.0.0/0", "192.0.2.20");
	bed_open(1500);
	bed_settle();
	assert_int_equal(neighbour("192.0.2.20")->state, SL_NEIGHBOUR_NONE);
	bed_send(bed.out, fwd4);
	bed_main();
	check_only(AT_TX, arp_asks_20, 0);
	punt_in(arp_20_is);
	assert_int_equal(bed.got_count[AT_TX], 1);
	bed_forget();
	bed_wait(50);
	bed_send(bed.out, fwd4);
	bed_wait(12);
	assert_int_equal(neighbour("192.0.2.20")->state, SL_NEIGHBOUR_NONE);
	bed_forget();
	bed_send(bed.out, fwd4);
	bed_main();
	check_only(AT_TX, arp_asks_20, 0);
	bed_wait(5);
	assert_int_equal(bed.got_count[AT_BACK], 1);
	assert_int_equal(sl_icmp(bed.got[AT_BACK][0])->icmp_code, 1);
}

static void static_ones_do_not_listen(void **state)
{
	struct rte_mbuf *m = vector_packet(arp_ask_us);

	((uint8_t *)sl_l3(m))[13] = 0x66; /* the peer's address, another MAC */
	bed_push(bed.in, m);
	bed_main();
	assert_int_equal(neighbour("192.0.2.10")->mac.addr_bytes[5], 0x10);
}

static void a_move_is_believed(void **state)
{
	struct rte_mbuf *m;

	bed_send(bed.out, host4);
	bed_main();
	punt_in(arp_20_is);
	m = vector_packet(arp_20_is);
	((uint8_t *)sl_l3(m))[13] = 0x21;
	bed_push(bed.in, m);
	bed_main();
	bed_forget();
	bed_send(bed.out, host4);
	assert_int_equal(sl_ether(bed.got[AT_TX][0])->dst_addr.addr_bytes[5], 0x21);
}

static void conflicts_are_answered_now_and_then(void **state)
{
	bed_wait(10);
	punt_in(arp_conflict);
	check_only(AT_TX, arp_announce, 0);
	punt_in(arp_conflict);
	check_none();
	assert_int_equal(bed.port.l3->counters[SL_L3_CONFLICTS], 2);
	bed_wait(11);
	punt_in(arp_conflict);
	check_only(AT_TX, arp_announce, 0);
}

static void what_is_wrong_is_dropped(void **state)
{
	struct rte_mbuf *m;

	punt_in(nd_bad_sum);
	assert_int_equal(bed.port.l3->drops[SL_L3_BAD_ND], 1);
	m = vector_packet(arp_ask_us);
	((uint8_t *)sl_l3(m))[8] = 1; /* a multicast sender */
	bed_push(bed.in, m);
	bed_main();
	assert_int_equal(bed.port.l3->drops[SL_L3_BAD_ARP], 1);
	check_none();
	bed.inject_full = true;
	punt_in(arp_ask_us);
	assert_int_equal(bed.port.l3->drops[SL_L3_INJECT_FULL], 1);
	bed.inject_full = false;
	/* A packet that waits for what is ours: nobody will answer. */
	m = vector_packet(host4);
	sl_ipv4(m)->dst_addr = RTE_BE32(ADDR4(192, 0, 2, 1));
	sl_packet(m)->flags |= SL_PKT_UNRESOLVED;
	bed.strangers++;
	sl_l3_punted(bed.port.l3, m);
	assert_int_equal(bed.port.l3->drops[SL_L3_NO_WAY], 1);
	bed_balance();
}

static void shows(void **state)
{
	json_t *root = json_object();

	bed_send(bed.out, host4);
	bed_main();
	sl_l3_show(bed.port.l3, sl_json_from(root));
	assert_int_equal(json_array_size(json_object_get(root, "addresses")), 3);
	assert_int_equal(json_array_size(json_object_get(root, "neighbours")), 5);
	assert_true(json_array_size(json_object_get(root, "routes")) >= 4);
	assert_non_null(json_object_get(json_object_get(root, "drops"), "queue-full"));
	json_decref(root);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(answers_for_own_and_claimed),
		CASE(flags_of_the_engine_do_not_matter),
		CASE(announces),
		CASE(resolves_ipv4),
		CASE(resolves_ipv6),
		CASE(silence_is_host_unreachable),
		CASE(the_queue_has_an_end),
		CASE(all_queues_together_have_an_end),
		CASE(the_table_has_an_end),
		CASE(ages),
		CASE(a_gateway_is_asked_for_and_kept),
		CASE(static_ones_do_not_listen),
		CASE(a_move_is_believed),
		CASE(conflicts_are_answered_now_and_then),
		CASE(what_is_wrong_is_dropped),
		CASE(shows),
	};

	return cmocka_run_group_tests(tests, bed_group_setup, NULL);
}
