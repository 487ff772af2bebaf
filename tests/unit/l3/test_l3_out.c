/* SPDX-License-Identifier: BSD-3-Clause */
/* l3-out: routes, next hops, MTU, errors that go back through the chain. */
#include "bed.h"

static int setup(void **state)
{
	bed_configure();
	bed_default_routes();
	bed_route("198.51.100.0/24", "192.0.2.10");
	bed_route("10.9.0.0/16", NULL);
	bed_open(1500);
	bed_settle();
	return 0;
}

static int teardown(void **state)
{
	bed_close();
	return 0;
}

static void reopen(uint16_t mtu, bool routes)
{
	bed_close();
	bed_configure();
	if (routes)
		bed_default_routes();
	bed_open(mtu);
	bed_settle();
}

static struct rte_mbuf *to4(uint32_t to)
{
	struct rte_mbuf *m = vector_packet(fwd4);
	struct rte_ipv4_hdr *ip = sl_ipv4(m);

	ip->dst_addr = rte_cpu_to_be_32(to);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	return m;
}

/* The last byte of the MAC it was sent to, and that the header is ours. */
static uint8_t sent_to(void)
{
	const struct rte_ether_hdr *ether;
	uint8_t last;

	assert_int_equal(bed.got_count[AT_TX], 1);
	ether = sl_ether(bed.got[AT_TX][0]);
	assert_true(rte_is_same_ether_addr(&ether->src_addr, &bed.port.mac));
	assert_int_equal(ether->ether_type, sl_packet(bed.got[AT_TX][0])->family == SL_L3_IPV4
						    ? RTE_BE16(RTE_ETHER_TYPE_IPV4)
						    : RTE_BE16(RTE_ETHER_TYPE_IPV6));
	last = ether->dst_addr.addr_bytes[5];
	bed_forget();
	return last;
}

static void next_hops(void **state)
{
	bed_push(bed.out, to4(ADDR4(203, 0, 113, 1)));
	assert_int_equal(sent_to(), 0xfe);
	bed_push(bed.out, to4(ADDR4(198, 51, 100, 1)));
	assert_int_equal(sent_to(), 0x10);
	bed_push(bed.out, to4(ADDR4(192, 0, 2, 10)));
	assert_int_equal(sent_to(), 0x10);
	bed_send(bed.out, fwd6);
	assert_int_equal(sent_to(), 0xfe);
	bed_push(bed.out, to4(ADDR4(10, 9, 8, 7))); /* on link, unknown */
	check_none();
	assert_int_equal(bed.punted_count, 1);
}

static void a_whole_burst_keeps_its_order(void **state)
{
	struct rte_mbuf *pkts[SL_BURST];

	for (unsigned int i = 0; i < SL_BURST; i++)
		pkts[i] = vector_packet(i % 3 ? fwd4 : fwd6);
	sl_graph_push(bed.graph, bed.out, pkts, SL_BURST);
	bed_run();
	assert_int_equal(bed.got_count[AT_TX], SL_BURST);
	assert_memory_equal(bed.got[AT_TX], pkts, sizeof(pkts));
}

static void never_sent(void **state)
{
	bed_push(bed.out, to4(ADDR4(192, 0, 2, 255)));
	bed_push(bed.out, to4(ADDR4(192, 0, 2, 0)));
	assert_int_equal(bed_drops(bed.out, "broadcast"), 2);
	bed_push(bed.out, to4(ADDR4(224, 0, 0, 9)));
	bed_push(bed.out, to4(ADDR4(127, 0, 0, 9)));
	bed_push(bed.out, to4(ADDR4(255, 255, 255, 255)));
	assert_int_equal(bed_drops(bed.out, "not-unicast"), 3);
	check_none();
}

static void no_route_is_told(void **state)
{
	reopen(1500, false);
	bed_send(bed.out, fwd4);
	check_only(AT_BACK, noroute4_error, 12);
	bed_send(bed.out, fwd6);
	check_only(AT_BACK, noroute6_error, 12);
	assert_int_equal(bed_drops(bed.out, "no-route"), 2);
}

static void own_address_is_a_host_without_services(void **state)
{
	bed_send(bed.out, port4);
	check_only(AT_BACK, port4_error, 12);
	bed_send(bed.out, port6);
	check_only(AT_BACK, port6_error, 12);
	bed_send(bed.out, proto4);
	check_only(AT_BACK, proto4_error, 12);
	bed_send(bed.out, proto6);
	check_only(AT_BACK, proto6_error, 12);
	bed_send(bed.out, ping4);
	check_only(AT_BACK, pong4, 12);
	bed_send(bed.out, ping6);
	check_only(AT_BACK, pong6, 12);
	bed_send(bed.out, pong6); /* an answer, sent to us by ourselves: to the peer */
	check_only(AT_TX, pong6, 0);
	assert_int_equal(bed_drops(bed.out, "own-address"), 4);
}

static void too_big_is_told(void **state)
{
	reopen(1280, true);
	bed_send(bed.out, big4);
	check_only(AT_BACK, big4_error, 12);
	bed_send(bed.out, big6);
	check_only(AT_BACK, big6_error, 12);
	assert_int_equal(bed_drops(bed.out, "too-big"), 2);
}

/* Whether fragments are what one packet was: in order, none longer than the limit. */
static void check_fragments4(const uint8_t *original, uint32_t length, uint32_t limit)
{
	const struct rte_ipv4_hdr *whole = (const struct rte_ipv4_hdr *)(original + 14);
	uint32_t header = rte_ipv4_hdr_len(whole), offset = 0;
	uint8_t bytes[70000];

	for (uint32_t i = 0; i < bed.got_count[AT_TX]; i++) {
		struct rte_mbuf *m = bed.got[AT_TX][i];
		const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(bytes + 14);
		uint32_t n = bed_flatten(m, bytes), field = rte_be_to_cpu_16(ip->fragment_offset);
		uint32_t payload = n - 14 - rte_ipv4_hdr_len(ip);

		check_sums(m);
		assert_true(n - 14 <= limit);
		assert_int_equal(n - 14, rte_be_to_cpu_16(ip->total_length));
		assert_int_equal(ip->packet_id, whole->packet_id);
		assert_int_equal((field & RTE_IPV4_HDR_OFFSET_MASK) * 8, offset);
		assert_memory_equal(bytes + 14 + rte_ipv4_hdr_len(ip),
				    original + 14 + header + offset, payload);
		offset += payload;
		assert_int_equal((field & RTE_IPV4_HDR_MF_FLAG) != 0,
				 14 + header + offset < length);
	}
	assert_int_equal(14 + header + offset, length);
}

static uint32_t make_udp4(uint8_t *bytes, uint32_t payload, uint16_t flags)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(bytes + 14);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	vector_bytes(fwd4, bytes);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(28 + payload));
	ip->fragment_offset = rte_cpu_to_be_16(flags);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	for (uint32_t i = 0; i < payload; i++)
		((uint8_t *)(udp + 1))[i] = (uint8_t)rte_rand();
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(8 + payload));
	udp->dgram_cksum = 0;
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
	return 42 + payload;
}

static void without_df_it_is_fragmented(void **state)
{
	static const uint32_t sizes[] = {1473, 1474, 1480, 2000, 2952, 2953, 8000, 30000, 65507};
	static uint8_t bytes[70000];

	for (unsigned int i = 0; i < RTE_DIM(sizes); i++) {
		uint32_t length = make_udp4(bytes, sizes[i], 0);

		bed_push(bed.out, bed_packet(bytes, length, i % 2 ? 0 : 700));
		check_fragments4(bytes, length, 1500);
		bed_forget();
	}
	make_udp4(bytes, 1472, 0);
	bed_push(bed.out, bed_packet(bytes, 42 + 1472, 0));
	assert_int_equal(bed.got_count[AT_TX], 1);
}

/* Padding behind IP is not payload. */
static void padding_is_no_payload(void **state)
{
	static uint8_t bytes[4096];

	reopen(1280, true);
	make_udp4(bytes, 1400, 0);
	bed_push(bed.out, bed_packet(bytes, 42 + 1400 + 100, 0));
	check_fragments4(bytes, 42 + 1400, 1280);
	assert_int_equal(bed.got_count[AT_TX], 2);
	bed_forget();
	make_udp4(bytes, 1000, RTE_IPV4_HDR_DF_FLAG);
	bed_push(bed.out, bed_packet(bytes, 42 + 1000 + 400, 0));
	assert_int_equal(bed.got_count[AT_TX], 1);
}

static void a_fragment_is_fragmented_again(void **state)
{
	static uint8_t bytes[4096], got[4096];
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(got + 14);

	reopen(600, true);
	make_udp4(bytes, 1000, RTE_IPV4_HDR_MF_FLAG | 100);
	bed_push(bed.out, bed_packet(bytes, 42 + 1000, 0));
	assert_int_equal(bed.got_count[AT_TX], 2);
	bed_flatten(bed.got[AT_TX][0], got);
	assert_int_equal(rte_be_to_cpu_16(ip->fragment_offset), RTE_IPV4_HDR_MF_FLAG | 100);
	bed_flatten(bed.got[AT_TX][1], got);
	assert_int_equal(rte_be_to_cpu_16(ip->fragment_offset),
			 RTE_IPV4_HDR_MF_FLAG | (100 + 576 / 8));
}

/* RFC 791: only options with the copied flag stand on later fragments. */
static void options_are_copied_where_they_must(void **state)
{
	static const uint8_t options[12] = {7, 4, 4, 0, 0x94, 4, 0, 0, 1, 1, 0, 0};
	static uint8_t bytes[4096], got[4096];
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(bytes + 14);

	make_udp4(bytes, 3000, 0);
	memmove(bytes + 46, bytes + 34, 3008);
	memcpy(bytes + 34, options, 12);
	ip->version_ihl = 0x48;
	ip->total_length = rte_cpu_to_be_16(20 + 12 + 8 + 3000);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	bed_push(bed.out, bed_packet(bytes, 14 + 20 + 12 + 3008, 0));
	check_fragments4(bytes, 14 + 20 + 12 + 3008, 1500);
	assert_int_equal(bed.got_count[AT_TX], 3);
	bed_flatten(bed.got[AT_TX][0], got);
	assert_memory_equal(got + 34, options, 12);
	bed_flatten(bed.got[AT_TX][1], got);
	assert_int_equal(got[14], 0x46);
	assert_memory_equal(got + 34, &options[4], 4);
}

static uint32_t make_udp6(uint8_t *bytes, uint32_t payload)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(bytes + 14);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	vector_bytes(fwd6, bytes);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(8 + payload));
	for (uint32_t i = 0; i < payload; i++)
		((uint8_t *)(udp + 1))[i] = (uint8_t)rte_rand();
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(8 + payload));
	udp->dgram_cksum = 0;
	udp->dgram_cksum = rte_ipv6_udptcp_cksum(ip, udp);
	return 62 + payload;
}

static void mark_reassembled(struct rte_mbuf *m, uint16_t frag_max)
{
	sl_packet(m)->flags |= SL_PKT_REASSEMBLED;
	sl_packet(m)->frag_max = frag_max;
}

static void reassembled_ipv6_leaves_in_fragments(void **state)
{
	static uint8_t bytes[70000], got[4096];
	uint32_t length = make_udp6(bytes, 20000), offset = 0, id = 0;
	struct rte_mbuf *m = bed_packet(bytes, length, 1400);

	mark_reassembled(m, 1400);
	bed_push(bed.out, m);
	assert_int_equal(bed.got_count[AT_TX], (20008 + 1351) / 1352);
	for (uint32_t i = 0; i < bed.got_count[AT_TX]; i++) {
		uint32_t n = bed_flatten(bed.got[AT_TX][i], got), field = got[56] << 8 | got[57];
		uint32_t this_id;

		memcpy(&this_id, got + 58, 4);
		assert_true(n - 14 <= 1400);
		assert_int_equal(n - 14 - 40, got[18] << 8 | got[19]);
		assert_int_equal(got[20], IPPROTO_FRAGMENT);
		assert_int_equal(got[54], IPPROTO_UDP);
		assert_int_equal(field & 0xfff8, offset);
		assert_true(i == 0 || this_id == id);
		assert_memory_equal(got + 62, bytes + 54 + offset, n - 62);
		offset += n - 62;
		assert_int_equal(field & 1, offset < length - 54);
		id = this_id;
	}
	assert_int_equal(offset, length - 54);
}

/* RFC 8200 4.5: hop-by-hop options stand on every fragment, before its header. */
static void hop_by_hop_options_stay_in_front(void **state)
{
	static uint8_t bytes[8192], got[4096];
	static const uint8_t options[8] = {IPPROTO_DSTOPTS, 0, 5, 2, 0, 0, 1, 0};
	static const uint8_t destination[8] = {IPPROTO_UDP, 0, 1, 4, 0, 0, 0, 0};
	uint32_t length = make_udp6(bytes, 3000);
	struct rte_mbuf *m;

	memmove(bytes + 70, bytes + 54, length - 54);
	memcpy(bytes + 54, options, 8);
	memcpy(bytes + 62, destination, 8);
	bytes[20] = IPPROTO_HOPOPTS;
	bytes[18] = (uint8_t)((3008 + 16) >> 8);
	bytes[19] = (uint8_t)(3008 + 16);
	m = bed_packet(bytes, length + 16, 0);
	mark_reassembled(m, 1500);
	bed_push(bed.out, m);
	assert_int_equal(bed.got_count[AT_TX], 3);
	for (uint32_t i = 0; i < 3; i++) {
		bed_flatten(bed.got[AT_TX][i], got);
		assert_int_equal(got[20], IPPROTO_HOPOPTS);
		assert_int_equal(got[54], IPPROTO_FRAGMENT);
		assert_memory_equal(got + 55, options + 1, 7);
		assert_int_equal(got[62], IPPROTO_DSTOPTS);
	}
}

static void reassembled_but_its_fragments_were_too_big(void **state)
{
	static uint8_t bytes[8192];
	struct rte_mbuf *m;

	reopen(1280, true);
	m = bed_packet(bytes, make_udp6(bytes, 4000), 0);
	mark_reassembled(m, 1500);
	bed_push(bed.out, m);
	assert_int_equal(bed.got_count[AT_BACK], 1);
	assert_int_equal(sl_icmp(bed.got[AT_BACK][0])->icmp_type, 2);
	bed_forget();
	m = bed_packet(bytes, make_udp4(bytes, 4000, RTE_IPV4_HDR_DF_FLAG), 0);
	mark_reassembled(m, 1500);
	bed_push(bed.out, m);
	assert_int_equal(bed.got_count[AT_BACK], 1);
	bed_forget();
	m = bed_packet(bytes, make_udp4(bytes, 4000, 0), 0); /* may be cut smaller */
	mark_reassembled(m, 1500);
	bed_push(bed.out, m);
	check_fragments4(bytes, 42 + 4000, 1280);
	bed_forget();
	m = bed_packet(bytes, make_udp4(bytes, 4000, RTE_IPV4_HDR_DF_FLAG), 0);
	mark_reassembled(m, 1000); /* and no larger than they were */
	bed_push(bed.out, m);
	check_fragments4(bytes, 42 + 4000, 1000);
}

static void jumbo_fragments_take_several_segments(void **state)
{
	static uint8_t bytes[70000];
	uint32_t length;

	reopen(9000, true);
	length = make_udp4(bytes, 60000, 0);
	bed_push(bed.out, bed_packet(bytes, length, 0));
	assert_int_equal(bed.got_count[AT_TX], 7);
	check_fragments4(bytes, length, 9000);
}

static void an_empty_pool_drops_the_whole(void **state)
{
	static struct rte_mbuf *taken[POOL_SIZE];
	static uint8_t bytes[8192];
	struct rte_mbuf *m = bed_packet(bytes, make_udp4(bytes, 4000, 0), 0);
	uint32_t n = rte_mempool_avail_count(bed.pool) - 1;

	assert_int_equal(rte_pktmbuf_alloc_bulk(bed.pool, taken, n), 0);
	bed_push(bed.out, m);
	rte_pktmbuf_free_bulk(taken, n);
	check_none();
	check_dropped(bed.out, "no-memory");
}

/* Many routes take rte_fib; whatever is asked, both ways say the same. */
static void many_routes_agree_with_the_list(void **state)
{
	char text[64];
	const struct sl_l3_port *l3;

	bed_close();
	bed_configure();
	bed_default_routes();
	for (unsigned int i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.0/%u", i, i % 4 * 64, 18 + i % 13 / 2);
		bed_route(text, i % 2 ? "192.0.2.10" : "192.0.2.254");
		snprintf(text, sizeof(text), "2001:db8:%x::/%u", 256 + i, 48 + i);
		bed_route(text, i % 2 ? "2001:db8::10" : "2001:db8::fe");
	}
	bed_route("10.1.64.128/26", "192.0.2.254");
	bed_route("2001:db8:101::5/128", "2001:db8::fe");
	bed_open(1500);
	l3 = bed.port.l3;
	assert_non_null(l3->routes4.fib);
	assert_non_null(l3->routes6.fib6);
	for (unsigned int i = 0; i < 20000; i++) {
		const struct sl_routes *routes = i % 2 ? &l3->routes4 : &l3->routes6;
		struct sl_addr to = {.family = i % 2 ? SL_FAMILY_IPV4 : SL_FAMILY_IPV6};
		uint64_t r = rte_rand();
		uint16_t want = SL_NEXTHOP_NONE;

		if (i % 2) {
			uint32_t near = ADDR4(10, r % 41, r >> 8 & 255, r >> 16 & 255);

			to.v4 = rte_cpu_to_be_32(r >> 63 ? (uint32_t)(r >> 24) : near);
		} else {
			uint8_t near[16] = {0x20, 1, 0xd, 0xb8, 1, (uint8_t)(r % 41)};

			memcpy(to.bytes, near, 16);
			if (r >> 63)
				to.bytes[6 + (r >> 8) % 10] = (uint8_t)(r >> 16);
		}
		for (uint32_t k = 0; k < routes->count && want == SL_NEXTHOP_NONE; k++)
			if (sl_prefix_contains(&routes->list[k].prefix, &to))
				want = routes->list[k].nexthop;
		if (sl_route_find(l3, &to) != &l3->nexthops[want])
			fail_msg("%s: %u instead of %u", sl_addr_format(&to, text),
				 (unsigned int)(sl_route_find(l3, &to) - l3->nexthops), want);
	}
	bed_settle();
	bed_push(bed.out, to4(ADDR4(10, 1, 64, 129)));
	assert_int_equal(sent_to(), 0xfe);
	bed_push(bed.out, to4(ADDR4(10, 1, 64, 1)));
	assert_int_equal(sent_to(), 0x10);
}

static void checks_of_a_configuration(void **state)
{
	struct sl_errors *errors = sl_errors_new();

	bed_close();
	bed_configure();
	bed_address("192.0.2.255/24");        /* broadcast */
	bed_address("192.0.2.1/16");          /* twice */
	bed_address("127.0.0.1/8");           /* loopback */
	bed_route("10.0.0.0/8", "10.0.0.1");  /* on no network */
	bed_route("10.0.0.0/9", "192.0.2.1"); /* ourselves */
	bed_route("::/0", "192.0.2.7");       /* other family */
	bed_route("2001:db8:5::/48", "fe80::1");
	bed_route("2001:db8:5::/48", "2001:db8::3"); /* twice */
	bed_static("198.51.100.1", 9);               /* far away */
	bed_static("192.0.2.9", 9);
	bed.neighbours[5].mac.addr_bytes[0] = 0xff; /* everybody */
	assert_int_not_equal(sl_l3_check(&bed.config, errors), 0);
	assert_int_equal(sl_errors_count(errors), 9);
	sl_errors_free(errors);
	bed_configure();
	bed_open(1500);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(next_hops),
		CASE(a_whole_burst_keeps_its_order),
		CASE(never_sent),
		CASE(no_route_is_told),
		CASE(own_address_is_a_host_without_services),
		CASE(too_big_is_told),
		CASE(without_df_it_is_fragmented),
		CASE(padding_is_no_payload),
		CASE(a_fragment_is_fragmented_again),
		CASE(options_are_copied_where_they_must),
		CASE(reassembled_ipv6_leaves_in_fragments),
		CASE(hop_by_hop_options_stay_in_front),
		CASE(reassembled_but_its_fragments_were_too_big),
		CASE(jumbo_fragments_take_several_segments),
		CASE(an_empty_pool_drops_the_whole),
		CASE(many_routes_agree_with_the_list),
		CASE(checks_of_a_configuration),
	};

	return cmocka_run_group_tests(tests, bed_group_setup, NULL);
}
