/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams cut at random, in any order, twice, overlapping, late; and made fragments again. */
#include "bed.h"

#define MOST_CUTS 1100

static uint8_t datagram[70000]; /* Ethernet and IP and UDP, as it was */
static uint32_t datagram_length;
static struct rte_mbuf *cuts[MOST_CUTS];
static uint32_t cut_count;

static int setup(void **state)
{
	bed_configure();
	bed_default_routes();
	bed_open(1500);
	return 0;
}

static int setup_plain(void **state)
{
	bed_configure();
	bed.config.addresses.count = 0;
	bed.config.neighbours.count = 0;
	bed_open(1500);
	return 0;
}

static int teardown(void **state)
{
	bed_close();
	return 0;
}

static void make4(uint32_t payload, uint16_t id)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(datagram + 14);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	vector_bytes(fwd4, datagram);
	for (uint32_t i = 0; i < payload; i++)
		((uint8_t *)(udp + 1))[i] = (uint8_t)rte_rand();
	ip->total_length = rte_cpu_to_be_16((uint16_t)(28 + payload));
	ip->packet_id = rte_cpu_to_be_16(id);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(8 + payload));
	udp->dgram_cksum = 0;
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
	datagram_length = 42 + payload;
}

static void make6(uint32_t payload)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(datagram + 14);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	vector_bytes(fwd6, datagram);
	for (uint32_t i = 0; i < payload; i++)
		((uint8_t *)(udp + 1))[i] = (uint8_t)rte_rand();
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(8 + payload));
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(8 + payload));
	udp->dgram_cksum = 0;
	udp->dgram_cksum = rte_ipv6_udptcp_cksum(ip, udp);
	datagram_length = 62 + payload;
}

/* A fragment with payload bytes offset..offset+length of the datagram. */
static struct rte_mbuf *cut4(uint32_t offset, uint32_t length, bool more)
{
	static uint8_t bytes[70000];
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(bytes + 14);

	memcpy(bytes, datagram, 34);
	memcpy(bytes + 34, datagram + 34 + offset, length);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(20 + length));
	ip->fragment_offset =
		rte_cpu_to_be_16((uint16_t)(offset / 8 | (more ? RTE_IPV4_HDR_MF_FLAG : 0)));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	length += 34;
	if (length < 60) { /* Ethernet pads */
		memset(bytes + length, 0xee, 60 - length);
		length = 60;
	}
	return bed_packet(bytes, length, rte_rand() % 2 ? 20 + rte_rand() % 400 : 0);
}

static struct rte_mbuf *cut6(uint32_t offset, uint32_t length, bool more)
{
	static uint8_t bytes[70000];
	uint16_t field = rte_cpu_to_be_16((uint16_t)(offset | more));

	memcpy(bytes, datagram, 54);
	bytes[20] = IPPROTO_FRAGMENT;
	bytes[18] = (uint8_t)((length + 8) >> 8);
	bytes[19] = (uint8_t)(length + 8);
	bytes[54] = IPPROTO_UDP;
	bytes[55] = 0;
	memcpy(bytes + 56, &field, 2);
	memcpy(bytes + 58, "abcd", 4);
	memcpy(bytes + 62, datagram + 54 + offset, length);
	return bed_packet(bytes, 62 + length, rte_rand() % 2 ? 20 + rte_rand() % 400 : 0);
}

/* each 0: random lengths. */
static void cut_all(bool v6, uint32_t each)
{
	uint32_t payload = datagram_length - (v6 ? 54 : 34);

	cut_count = 0;
	for (uint32_t offset = 0; offset < payload;) {
		uint32_t length = each != 0 ? each : 8 + (uint32_t)(rte_rand() % 180) * 8;

		length = RTE_MIN(length, payload - offset);
		cuts[cut_count++] = (v6 ? cut6 : cut4)(offset, length, offset + length < payload);
		offset += length;
	}
}

static void shuffle(void)
{
	for (uint32_t i = cut_count; i > 1; i--) {
		uint32_t k = (uint32_t)(rte_rand() % i);
		struct rte_mbuf *m = cuts[k];

		cuts[k] = cuts[i - 1];
		cuts[i - 1] = m;
	}
}

static void push_all(void)
{
	for (uint32_t i = 0; i < cut_count;) {
		uint16_t n =
			(uint16_t)RTE_MIN(cut_count - i, 1 + (uint32_t)(rte_rand() % SL_BURST));

		sl_graph_push(bed.graph, bed.reassemble, &cuts[i], n);
		bed_run();
		i += n;
	}
}

/* The chain got the datagram again, but for the TTL. */
static void check_whole(uint32_t frag_max)
{
	static uint8_t bytes[70000];
	struct rte_mbuf *m;

	assert_int_equal(bed.got_count[AT_CHAIN], 1);
	m = bed.got[AT_CHAIN][0];
	assert_int_equal(bed_flatten(m, bytes), datagram_length);
	check_sums(m);
	assert_true(sl_packet(m)->flags & SL_PKT_REASSEMBLED);
	assert_false(sl_packet(m)->flags & SL_PKT_FRAGMENT);
	assert_int_not_equal(sl_packet(m)->l4, 0);
	if (frag_max != 0)
		assert_int_equal(sl_packet(m)->frag_max, frag_max);
	if (bed.port.l3 != NULL) { /* l3-in counted the hop */
		if (bytes[12] == 0x08)
			memcpy(bytes + 22, datagram + 22, 4);
		else
			bytes[21] = datagram[21];
	}
	assert_memory_equal(bytes, datagram, datagram_length);
	rte_mbuf_sanity_check(m, 1);
	bed_forget();
	assert_int_equal(rte_mempool_avail_count(bed.pool), POOL_SIZE);
}

static void any_cut_in_any_order(void **state)
{
	for (unsigned int i = 0; i < 600; i++) {
		bool v6 = i % 2;
		uint32_t payload = 100 + (uint32_t)(rte_rand() % 20000);

		if (v6)
			make6(payload);
		else
			make4(payload, (uint16_t)i);
		cut_all(v6, 0);
		if (cut_count == 1) {
			rte_pktmbuf_free(cuts[0]);
			continue;
		}
		if (i % 3)
			shuffle();
		push_all();
		check_whole(0);
	}
}

static void of_64_kilobytes(void **state)
{
	make4(65507, 1);
	cut_all(false, 1480);
	assert_int_equal(cut_count, 45);
	push_all();
	check_whole(1500);
	make6(65527);
	cut_all(true, 1448);
	shuffle();
	push_all();
	check_whole(1496);
	make4(65507, 2);
	cut_all(false, 128);
	shuffle();
	push_all();
	check_whole(148);
}

/* One byte of payload beyond what IP can say: nothing may come of it. */
static void beyond_64_kilobytes(void **state)
{
	make4(65507, 1);
	cut_all(false, 1480);
	rte_pktmbuf_free(cuts[--cut_count]);
	push_all();
	bed_push(bed.reassemble, cut4(65528, 8, false));
	check_dropped(bed.reassemble, "fragment-too-long");
	check_none();
}

static void many_at_once(void **state)
{
	static struct rte_mbuf *all[64][8];

	for (unsigned int d = 0; d < 64; d++) {
		make4(8000, (uint16_t)(1000 + d));
		cut_all(false, 1480);
		assert_int_equal(cut_count, 6);
		memcpy(all[d], cuts, sizeof(all[d]));
	}
	for (unsigned int k = 0; k < 6; k++)
		for (unsigned int d = 0; d < 64; d++)
			bed_push(bed.reassemble, all[d][k]);
	assert_int_equal(bed.got_count[AT_CHAIN], 64);
	for (unsigned int d = 0; d < 64; d++)
		check_sums(bed.got[AT_CHAIN][d]);
}

static void duplicates_are_dropped_alone(void **state)
{
	make4(5000, 1);
	cut_all(false, 1480);
	bed_push(bed.reassemble, cut4(1480, 1480, true));
	bed_push(bed.reassemble, cut4(0, 1480, true));
	push_all();
	assert_int_equal(bed_drops(bed.reassemble, "fragment-duplicate"), 2);
	check_whole(1500);
}

static void overlaps_poison(void **state)
{
	static const struct {
		uint32_t offset, length;
		bool more;
	} overlap[] = {{8, 16, true},   {1472, 16, true},   {1480, 1488, true}, {1000, 8, true},
		       {2960, 8, true}, {4440, 400, false}, {5920, 8, true},    {4432, 8, true}};

	for (unsigned int i = 0; i < RTE_DIM(overlap); i++) {
		for (unsigned int v6 = 0; v6 < 2; v6++) {
			uint64_t before = bed_drops(bed.reassemble, "fragment-overlap");

			if (v6)
				make6(6000);
			else
				make4(6000, (uint16_t)i);
			cut_all(v6, 1480);
			assert_int_equal(cut_count, 5);
			/* All but the second to last, then the overlap, then what is missing. */
			for (unsigned int k = 0; k < 5; k++)
				if (k != 3)
					bed_push(bed.reassemble, cuts[k]);
			bed_push(bed.reassemble,
				 (v6 ? cut6 : cut4)(overlap[i].offset, overlap[i].length,
						    overlap[i].more));
			bed_push(bed.reassemble, cuts[3]);
			check_none();
			assert_int_equal(bed_drops(bed.reassemble, "fragment-overlap"), before + 6);
			bed_wait(61); /* its key is used again */
			bed_forget();
		}
	}
}

static void impossible_fragments(void **state)
{
	make4(6000, 1);
	bed_push(bed.reassemble, cut4(0, 100, true)); /* not a multiple of 8 */
	bed_push(bed.reassemble, cut4(16, 0, true));
	assert_int_equal(bed_drops(bed.reassemble, "bad-fragment"), 2);
	check_none();
	make6(6000);
	bed_push(bed.reassemble, cut6(0, 100, true)); /* RFC 8200 4.5: parameter problem */
	assert_int_equal(bed.got_count[AT_TX], 1);
	assert_int_equal(sl_icmp(bed.got[AT_TX][0])->icmp_type, 4);
	assert_int_equal(sl_icmp(bed.got[AT_TX][0])->icmp_code, 0);
	assert_int_equal(((uint8_t *)sl_l4(bed.got[AT_TX][0]))[7], 4);
}

static void late_ones_are_dropped_and_told(void **state)
{
	make4(6000, 1);
	cut_all(false, 1480);
	bed_push(bed.reassemble, cuts[0]);
	bed_push(bed.reassemble, cuts[2]);
	rte_pktmbuf_free(cuts[1]);
	rte_pktmbuf_free(cuts[3]);
	rte_pktmbuf_free(cuts[4]);
	make6(6000);
	bed_push(bed.reassemble, cut6(1480, 80, true)); /* without its first: nobody is told */
	bed_wait(29);
	assert_int_equal(bed_drops(bed.reassemble, "reassembly-timeout"), 0);
	bed_forget();
	bed_wait(2);
	assert_int_equal(bed_drops(bed.reassemble, "reassembly-timeout"), 2);
	assert_int_equal(bed.got_count[AT_TX], 1);
	check_sums(bed.got[AT_TX][0]);
	assert_int_equal(sl_icmp(bed.got[AT_TX][0])->icmp_type, 11);
	assert_int_equal(sl_icmp(bed.got[AT_TX][0])->icmp_code, 1);
	bed_forget();
	bed_wait(30);
	assert_int_equal(bed_drops(bed.reassemble, "reassembly-timeout"), 3);
	check_none();
}

static void too_many_fragments(void **state)
{
	make4(8000, 1);
	cut_all(false, 8);
	assert_true(cut_count > 512 && cut_count <= 1001);
	for (uint32_t i = 0; i < cut_count; i++)
		bed_push(bed.reassemble, cuts[i]);
	check_none();
	assert_int_equal(bed_drops(bed.reassemble, "too-many-fragments"), 513);
	assert_int_equal(rte_mempool_avail_count(bed.pool), POOL_SIZE);
}

/* More datagrams than there is room for: the oldest go. */
static void a_full_table_evicts_the_oldest(void **state)
{
	for (unsigned int i = 0; i < 1100; i++) {
		make4(1500, (uint16_t)i);
		bed_push(bed.reassemble, cut4(0, 800, true));
		bed.now += 1000;
	}
	assert_int_equal(bed_drops(bed.reassemble, "reassembly-evicted"), 1100 - 1024);
	make4(1500, 1099);
	bed_push(bed.reassemble, cut4(800, 708, false));
	assert_int_equal(bed.got_count[AT_CHAIN], 1);
	make4(1500, 5);
	bed_push(bed.reassemble, cut4(800, 708, false));
	assert_int_equal(bed.got_count[AT_CHAIN], 1);
}

static void no_more_fragments_than_the_pool_can_bear(void **state)
{
	struct sl_ledger ledger;

	/* 8191 packets: a quarter of them may wait. */
	for (unsigned int d = 0; d < 30; d++) {
		make4(8000, (uint16_t)d);
		for (unsigned int i = 0; i < 100; i++)
			bed_push(bed.reassemble, cut4(i * 8, 8, true));
		bed.now += 1000;
	}
	sl_graph_ledger(bed.graph, &ledger);
	assert_in_range(ledger.held, POOL_SIZE / 4 - 100, POOL_SIZE / 4);
	assert_int_equal(bed_drops(bed.reassemble, "reassembly-evicted"), 1000);
}

/* Fragments to our own address wait in l3-in when no node before has put them together. */
static void long_pings_are_answered(void **state)
{
	static uint8_t bytes[70000];
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(bytes + 14);
	struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)(ip + 1);
	uint32_t offset = 0;

	make4(60000, 77);
	memcpy(bytes, datagram, datagram_length);
	memset(icmp, 0, sizeof(*icmp));
	icmp->icmp_type = 8;
	icmp->icmp_cksum = (uint16_t)~rte_raw_cksum(icmp, 60008);
	ip->dst_addr = RTE_BE32(ADDR4(192, 0, 2, 1));
	ip->next_proto_id = IPPROTO_ICMP;
	memcpy(datagram, bytes, datagram_length);
	cut_all(false, 1480);
	for (uint32_t i = 0; i < cut_count; i++)
		bed_push(bed.in, cuts[i]);
	assert_int_equal(bed.got_count[AT_TX], 41);
	assert_int_equal(bed.got_count[AT_CHAIN], 0);
	icmp->icmp_type = 0;
	icmp->icmp_cksum = 0;
	icmp->icmp_cksum = (uint16_t)~rte_raw_cksum(icmp, 60008);
	for (uint32_t i = 0; i < bed.got_count[AT_TX]; i++) {
		struct rte_mbuf *m = bed.got[AT_TX][i];
		uint32_t n = bed_flatten(m, datagram);

		check_sums(m);
		assert_true(n <= 1514);
		assert_memory_equal(datagram + 34, bytes + 34 + offset, n - 34);
		offset += n - 34;
	}
	assert_int_equal(offset, 60008);
}

/* RFC 6946: a fragment header on a whole datagram is handled alone. */
static void a_single_fragment_waits_for_nobody(void **state)
{
	make6(500);
	bed_push(bed.reassemble, cut6(0, 508, false));
	assert_int_equal(bed.got_count[AT_CHAIN], 1);
}

/* Ports without addresses: in fragments, through the chain, out in fragments. */
static void an_l2_port_makes_fragments_again(void **state)
{
	static uint8_t bytes[70000];
	uint32_t offset = 0;
	struct rte_mbuf *m;

	make4(30000, 9);
	cut_all(false, 1400);
	shuffle();
	push_all();
	assert_int_equal(bed.got_count[AT_CHAIN], 1);
	m = bed.got[AT_CHAIN][0];
	bed.got_count[AT_CHAIN] = 0;
	bed_push(bed.fragment, m);
	assert_int_equal(bed.got_count[AT_TX], 22);
	for (uint32_t i = 0; i < bed.got_count[AT_TX]; i++) {
		uint32_t n = bed_flatten(bed.got[AT_TX][i], bytes);

		check_sums(bed.got[AT_TX][i]);
		assert_true(n <= 1434);
		assert_memory_equal(bytes, datagram, 14);
		assert_memory_equal(bytes + 34, datagram + 34 + offset, n - 34);
		offset += n - 34;
	}
	assert_int_equal(offset, 30008);
	bed_forget();
	/* Nobody can be told: what may not be cut is dropped. */
	make6(2000);
	bed_push(bed.fragment, bed_packet(datagram, datagram_length, 0));
	check_dropped(bed.fragment, "too-long");
	make4(2000, 1);
	bed_push(bed.fragment, bed_packet(datagram, datagram_length, 0));
	assert_int_equal(bed.got_count[AT_TX], 2);
	bed_forget();
	make4(1472, 1);
	bed_push(bed.fragment, bed_packet(datagram, datagram_length, 0));
	assert_int_equal(bed.got_count[AT_TX], 1);
}

/* Tags stay in front, on every fragment; datagrams of two VLANs do not mix. */
static void tagged_fragments(void **state)
{
	static uint8_t bytes[4096];
	struct rte_mbuf *m;

	make4(2000, 1);
	for (unsigned int vlan = 5; vlan < 7; vlan++) {
		for (unsigned int k = 0; k < 2; k++) {
			m = cut4(k ? 1000 : 0, k ? 1008 : 1000, k == 0);
			bed_flatten(m, bytes + 4);
			memmove(bytes, bytes + 4, 12);
			bytes[12] = 0x81;
			bytes[13] = 0;
			bytes[14] = 0;
			bytes[15] = (uint8_t)vlan;
			if (k == 0 || vlan == 6)
				bed_push(bed.reassemble, bed_packet(bytes, m->pkt_len + 4, 0));
			rte_pktmbuf_free(m);
		}
	}
	assert_int_equal(bed.got_count[AT_CHAIN], 1); /* only 6 is whole */
	m = bed.got[AT_CHAIN][0];
	bed.got_count[AT_CHAIN] = 0;
	assert_int_equal(sl_packet(m)->vlan, 6);
	bed_push(bed.fragment, m);
	assert_int_equal(bed.got_count[AT_TX], 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(sl_packet(bed.got[AT_TX][i])->vlan, 6);
		assert_true(bed.got[AT_TX][i]->pkt_len <= 14 + 4 + 1028);
		check_sums(bed.got[AT_TX][i]);
	}
}

int main(void)
{
#define CASE(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
#define PLAIN(f) cmocka_unit_test_setup_teardown(f, setup_plain, teardown)
	const struct CMUnitTest tests[] = {
		CASE(any_cut_in_any_order),
		CASE(of_64_kilobytes),
		CASE(beyond_64_kilobytes),
		CASE(many_at_once),
		CASE(duplicates_are_dropped_alone),
		CASE(overlaps_poison),
		CASE(impossible_fragments),
		CASE(late_ones_are_dropped_and_told),
		CASE(too_many_fragments),
		CASE(a_full_table_evicts_the_oldest),
		CASE(no_more_fragments_than_the_pool_can_bear),
		CASE(long_pings_are_answered),
		CASE(a_single_fragment_waits_for_nobody),
		PLAIN(an_l2_port_makes_fragments_again),
		PLAIN(tagged_fragments),
	};

	return cmocka_run_group_tests(tests, bed_group_setup, NULL);
}
