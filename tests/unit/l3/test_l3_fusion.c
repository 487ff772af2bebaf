/* SPDX-License-Identifier: BSD-3-Clause */
/* Fused flows and neighbours: a MAC that changed or is gone is written no more, and what fused
 * flows send keeps their neighbour in use. */
#include "bed.h"

static const struct rte_ether_addr one = {{2, 0, 0, 0, 0, 0x51}}, two = {{2, 0, 0, 0, 0, 0x52}};
static struct sl_addr host;

static int setup(void **state)
{
	bed_configure();
	bed_default_routes();
	bed.fuses = true;
	bed_open(1500);
	bed_settle();
	assert_int_equal(sl_addr_parse("192.0.2.20", &host), 0);
	return 0;
}

static int teardown(void **state)
{
	bed_close();
	return 0;
}

static struct sl_neighbour *neighbour(void)
{
	uint32_t i = sl_neighbour_find(bed.port.l3, &host);

	return i == SL_NO_NEIGHBOUR ? NULL : &bed.port.l3->neighbours[i];
}

static void learn(const struct rte_ether_addr *mac)
{
	uint32_t i = sl_neighbour_make(bed.port.l3, &host);

	assert_int_not_equal(i, SL_NO_NEIGHBOUR);
	sl_neighbour_learn(bed.port.l3, i, mac, true);
}

static void push(uint16_t length)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed.pool);
	struct rte_ether_hdr *ether;
	struct rte_ipv4_hdr *ip;
	struct rte_udp_hdr *udp;

	assert_non_null(m);
	memset(sl_packet(m), 0, sizeof(struct sl_packet));
	ether = (struct rte_ether_hdr *)(void *)rte_pktmbuf_append(m, (uint16_t)(14 + length));
	memset(ether, 0, 14u + length);
	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ip = (struct rte_ipv4_hdr *)(ether + 1);
	*ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
				    .total_length = rte_cpu_to_be_16(length),
				    .time_to_live = 9,
				    .next_proto_id = IPPROTO_UDP,
				    .src_addr = RTE_BE32(0x0a000001),
				    .dst_addr = host.v4};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp = (struct rte_udp_hdr *)(ip + 1);
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(length - 20));
	assert_true(sl_packet_parse(m));
	bed.now++;
	sl_graph_push(bed.graph, bed.fuse, &m, 1);
	bed_run();
}

static uint64_t hits(void)
{
	struct sl_fusion_stats stats;

	sl_fusion_stats(bed.fusion, &stats);
	return stats.hits;
}

/* The packet must leave for that MAC; fused: by action. */
static void goes_to(const struct rte_ether_addr *mac, bool fused)
{
	uint64_t before = hits();

	bed_forget();
	push(100);
	assert_int_equal(bed.got_count[AT_TX], 1);
	assert_true(rte_is_same_ether_addr(&sl_ether(bed.got[AT_TX][0])->dst_addr, mac));
	assert_true(rte_is_same_ether_addr(&sl_ether(bed.got[AT_TX][0])->src_addr, &bed.port.mac));
	assert_int_equal(hits() - before, fused);
}

static void another_mac(void **state)
{
	learn(&one);
	goes_to(&one, false);
	goes_to(&one, true);
	learn(&one); /* the same: nothing is un-fused */
	goes_to(&one, true);
	learn(&two);
	goes_to(&two, false);
	goes_to(&two, true);
}

/* Somebody else's change is nobody's business. */
static void other_neighbours(void **state)
{
	struct sl_addr other = host;
	uint32_t i;

	learn(&one);
	goes_to(&one, false);
	goes_to(&one, true);
	other.v4 ^= RTE_BE32(1);
	i = sl_neighbour_make(bed.port.l3, &other);
	sl_neighbour_learn(bed.port.l3, i, &one, true);
	sl_neighbour_learn(bed.port.l3, i, &two, true);
	goes_to(&one, true);
}

static void longer_ones_walk(void **state)
{
	uint64_t before;

	learn(&one);
	push(1500);
	before = hits();
	push(1500);
	assert_int_equal(hits() - before, 1);
	push(1501); /* in fragments */
	assert_int_equal(hits() - before, 1);
}

static void fused_use_is_use(void **state)
{
	learn(&one);
	goes_to(&one, false);
	goes_to(&one, true);
	bed_wait(50);
	assert_int_equal(neighbour()->state, SL_NEIGHBOUR_STALE);
	goes_to(&one, true);
	bed_wait(1);
	assert_int_equal(neighbour()->state, SL_NEIGHBOUR_DELAY);
	/* It does not answer: nothing goes to it any more. */
	bed_wait(15);
	assert_null(neighbour());
	bed_forget();
	push(100);
	assert_int_equal(bed.got_count[AT_TX], 0);
	assert_int_equal(bed.punted_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(another_mac, setup, teardown),
		cmocka_unit_test_setup_teardown(other_neighbours, setup, teardown),
		cmocka_unit_test_setup_teardown(longer_ones_walk, setup, teardown),
		cmocka_unit_test_setup_teardown(fused_use_is_use, setup, teardown),
	};

	return cmocka_run_group_tests(tests, bed_group_setup, NULL);
}
