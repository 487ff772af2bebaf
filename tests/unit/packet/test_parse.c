/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser against vectors made with Scapy, against itself on packets split at every point,
 * and against random bytes at every length; and the symmetry of the hash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_mempool.h>

#include <core/packet/complete.h>
#include <core/packet/hash.h>
#include <core/packet/parse.h>

#include "packets.h"

#define MAX_VECTORS 128
#define MAX_BYTES   512

struct vector {
	char name[32];
	unsigned int l3, l4, payload, flags, family, proto, tcp, vlan, verdict;
	uint8_t bytes[MAX_BYTES];
	uint32_t length;
};

static struct vector vectors[MAX_VECTORS];
static unsigned int vector_count;
static struct rte_mempool *pool;

static int read_vectors(void **state)
{
	FILE *file = fopen(SL_SOURCE_DIR "/tests/unit/packet/vectors.txt", "r");
	char hex[2 * MAX_BYTES + 1];
	struct vector *v = vectors;

	if (!file)
		return -1;
	while (fscanf(file, "%31s %u %u %u %u %u %u %u %u %u %1024s", v->name, &v->l3, &v->l4,
		      &v->payload, &v->flags, &v->family, &v->proto, &v->tcp, &v->vlan, &v->verdict,
		      hex) == 11) {
		v->length = strlen(hex) / 2;
		for (uint32_t i = 0; i < v->length; i++)
			sscanf(hex + 2 * i, "%2hhx", &v->bytes[i]);
		v = &vectors[++vector_count];
	}
	fclose(file);
	return vector_count > 60 ? 0 : -1;
}

static int set_up(void **state)
{
	static const char *const args[] = {"test", "--no-huge", "-m",
					   "64",   "--no-pci",  "--no-shconf",
					   "-l",   "0",         "--log-level=error"};
	char *argv[RTE_DIM(args)];

	memcpy(argv, args, sizeof(argv));
	if (rte_eal_init(RTE_DIM(argv), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("test", 63, 0, 0, 768, SOCKET_ID_ANY);
	return pool ? read_vectors(state) : -1;
}

static const struct vector *find(const char *name)
{
	for (unsigned int i = 0; i < vector_count; i++)
		if (!strcmp(vectors[i].name, name))
			return &vectors[i];
	fail_msg("no vector %s", name);
	return NULL;
}

static void assert_fields(const struct rte_mbuf *m, const struct vector *v)
{
	const struct sl_packet *p = sl_packet(m);

	if (p->l3 != v->l3 || p->l4 != v->l4 || p->payload != v->payload || p->flags != v->flags ||
	    p->family != v->family || p->proto != v->proto || p->tcp_flags != v->tcp ||
	    p->vlan != v->vlan)
		fail_msg("%s: l3 %u l4 %u payload %u flags %#x family %u proto %u tcp %#x vlan %u",
			 v->name, p->l3, p->l4, p->payload, p->flags, p->family, p->proto,
			 p->tcp_flags, p->vlan);
}

static uint32_t hash_of(const char *name)
{
	const struct vector *v = find(name);
	struct rte_mbuf *m = heap_segment(v->bytes, v->length, 0, 0);
	uint32_t hash;

	sl_packet_parse(m);
	hash = sl_packet_hash(m);
	heap_free(m);
	return hash;
}

static void finds_headers_where_scapy_put_them(void **state)
{
	for (unsigned int i = 0; i < vector_count; i++) {
		const struct vector *v = &vectors[i];
		struct rte_mbuf *m = heap_segment(v->bytes, v->length, 0, 0);
		uint8_t why;

		if (sl_packet_parse_why(m) != v->verdict)
			fail_msg("%s: verdict %d", v->name, sl_packet_parse_why(m));
		assert_fields(m, v);
		assert_int_equal(sl_packet_parse(m), v->verdict != SL_PARSE_SHORT);
		memset(sl_packet(m), 0xff, sizeof(struct sl_packet));
		assert_int_equal(sl_packet_receive(&m, &why, 1, 7), v->verdict != SL_PARSE_OK);
		assert_int_equal(why, v->verdict);
		assert_fields(m, v);
		assert_int_equal(sl_packet(m)->port, 7);
		assert_int_equal(sl_packet(m)->mark, 0);
		heap_free(m);
	}
}

static void keeps_what_is_not_its_own(void **state)
{
	static const char *const names[] = {"udp4", "udp6", "arp", "checksum4"};

	for (unsigned int i = 0; i < RTE_DIM(names); i++) {
		const struct vector *v = find(names[i]);
		struct rte_mbuf *m = heap_segment(v->bytes, v->length, 0, 0);
		struct sl_packet *p = sl_packet(m);

		p->port = 3;
		p->mark = 4;
		p->hop = 5;
		p->rounds = 6;
		p->frag_max = 8;
		p->flags = 0xffff;
		sl_packet_parse(m);
		assert_int_equal(p->port, 3);
		assert_int_equal(p->mark, 4);
		assert_int_equal(p->hop, 5);
		assert_int_equal(p->rounds, 6);
		assert_int_equal(p->frag_max, 8);
		assert_int_equal(p->flags, v->flags | SL_PKT_MADE | SL_PKT_REASSEMBLED |
						   SL_PKT_TRAIL | SL_PKT_TRACED | SL_PKT_TIMED);
		heap_free(m);
	}
}

static void believes_the_nic_only_on_arrival(void **state)
{
	static const char *const names[] = {"checksum4", "checksum-options4"};

	for (unsigned int i = 0; i < RTE_DIM(names); i++) {
		const struct vector *v = find(names[i]);
		struct rte_mbuf *m = heap_segment(v->bytes, v->length, 0, 0);
		uint8_t why;

		m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
		sl_packet_receive(&m, &why, 1, 0);
		assert_int_equal(why, SL_PARSE_OK);
		assert_true(sl_packet(m)->l4);
		assert_int_equal(sl_packet_parse_why(m), SL_PARSE_CHECKSUM);
		heap_free(m);
	}
}

/* Append a segment of the pool's. */
static struct rte_mbuf *segment(struct rte_mbuf *head, const uint8_t *bytes, uint32_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, n), bytes, n);
	if (head)
		assert_int_equal(rte_pktmbuf_chain(head, m), 0);
	return head ? head : m;
}

static void assert_same(struct rte_mbuf *m, const struct vector *v, uint32_t hash)
{
	uint8_t room[MAX_BYTES];

	if (sl_packet_parse_why(m) != v->verdict)
		fail_msg("%s: verdict %d", v->name, sl_packet_parse_why(m));
	assert_fields(m, v);
	assert_int_equal(sl_packet_hash(m), hash);
	assert_int_equal(m->pkt_len, v->length);
	assert_memory_equal(rte_pktmbuf_read(m, 0, v->length, room), v->bytes, v->length);
	assert_true(m->data_len >= sl_packet(m)->payload);
	rte_mbuf_sanity_check(m, 1);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_mempool_avail_count(pool), 63);
}

static void gathers_headers_at_every_split(void **state)
{
	for (unsigned int i = 0; i < vector_count; i++) {
		const struct vector *v = &vectors[i];
		uint32_t hash = hash_of(v->name);

		for (uint32_t at = 0; at <= v->length; at++) {
			struct rte_mbuf *m = segment(NULL, v->bytes, at);

			assert_same(segment(m, v->bytes + at, v->length - at), v, hash);
			for (uint32_t then = at; then < v->length; then += 5) {
				m = segment(NULL, v->bytes, at);
				segment(m, v->bytes + at, then - at);
				segment(m, v->bytes + then, v->length - then);
				assert_same(m, v, hash);
			}
		}
		/* In as many pieces as there are bytes, as far as the pool goes. */
		if (v->length <= 60 && v->length > 0) {
			struct rte_mbuf *m = segment(NULL, v->bytes, 1);

			for (uint32_t at = 1; at < v->length; at++)
				segment(m, v->bytes + at, 1);
			assert_same(m, v, hash);
		}
	}
}

static void gathers_with_headroom_when_there_is_no_tailroom(void **state)
{
	const struct vector *v = find("udp4");
	struct rte_mbuf *m;

	/* The bytes stand at the very end of the segment: only head room is left. */
	m = segment(NULL, v->bytes, 0);
	m->data_off = m->buf_len;
	memcpy(rte_pktmbuf_prepend(m, 20), v->bytes, 20);
	assert_same(segment(m, v->bytes + 20, v->length - 20), v, hash_of("udp4"));

	/* No room at all: the segment ends where its bytes do. */
	m = segment(NULL, v->bytes, 0);
	m->data_off = m->buf_len = 20;
	memcpy(rte_pktmbuf_prepend(m, 20), v->bytes, 20);
	segment(m, v->bytes + 20, v->length - 20);
	assert_int_equal(sl_packet_parse_why(m), SL_PARSE_UNREADABLE);
	assert_false(sl_packet_parse(m));
	m->buf_len = rte_pktmbuf_data_room_size(pool);
	rte_pktmbuf_free(m);

	/* Shared with someone else. */
	m = segment(NULL, v->bytes, 20);
	segment(m, v->bytes + 20, v->length - 20);
	rte_mbuf_refcnt_set(m, 2);
	assert_false(sl_packet_parse(m));
	rte_mbuf_refcnt_set(m, 1);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_mempool_avail_count(pool), 63);
}

/* All that nodes rely on. */
static void assert_promises(const struct rte_mbuf *m, bool good)
{
	const struct sl_packet *p = sl_packet(m);

	if (!good) {
		assert_true(m->pkt_len < RTE_ETHER_HDR_LEN);
		return;
	}
	assert_true(p->l3 >= RTE_ETHER_HDR_LEN && p->l3 <= m->data_len);
	assert_true(p->l4 == 0 || p->l4 > p->l3);
	assert_true(p->payload >= p->l4 && p->payload <= m->data_len);
	assert_true((p->l4 == 0) == (p->payload == 0));
	if (p->flags & (SL_PKT_MALFORMED | SL_PKT_LATER_FRAGMENT))
		assert_int_equal(p->l4, 0);
	if (p->flags & SL_PKT_LATER_FRAGMENT)
		assert_true(p->flags & SL_PKT_FRAGMENT);
	if (p->flags & SL_PKT_MALFORMED)
		return;
	if (p->family == SL_L3_IPV4)
		assert_true(p->l3 + 20 <= m->data_len);
	if (p->family == SL_L3_IPV6)
		assert_true(p->l3 + 40 <= m->data_len);
	if (p->family == SL_L3_ARP)
		assert_true(p->l3 + 28 <= m->data_len);
	if (p->l4 && p->proto == IPPROTO_TCP)
		assert_true(p->payload - p->l4 >= 20);
	if (p->l4 && (p->proto == IPPROTO_UDP || p->proto == IPPROTO_ICMP))
		assert_int_equal(p->payload - p->l4, 8);
}

static void try_bytes(const uint8_t *bytes, uint32_t length)
{
	/* Exactly these bytes on the heap: a sanitizer sees a step beyond. */
	struct rte_mbuf *m = heap_segment(bytes, length, 0, 0);
	struct sl_addr source, destination;
	bool good = sl_packet_parse(m);

	assert_promises(m, good);
	if (good)
		sl_packet_addrs(m, &source, &destination);
	sl_packet_complete(&m, 1);
	heap_free(m);
}

static void survives_any_bytes(void **state)
{
	uint8_t bytes[MAX_BYTES];
	uint64_t random = 1;

	for (uint32_t length = 0; length < 200; length++) {
		for (uint32_t i = 0; i < 50; i++) {
			for (uint32_t b = 0; b < length; b++) {
				random = random * 6364136223846793005 + 1442695040888963407;
				bytes[b] = random >> 56;
			}
			try_bytes(bytes, length);
		}
	}
	/* Nearly right ones get further. */
	for (unsigned int i = 0; i < vector_count; i++) {
		const struct vector *v = &vectors[i];

		for (uint32_t length = 0; length <= v->length; length++)
			try_bytes(v->bytes, length);
		for (uint32_t at = 12; at < v->length; at++) {
			for (unsigned int bit = 0; bit < 8; bit++) {
				memcpy(bytes, v->bytes, v->length);
				bytes[at] ^= 1 << bit;
				try_bytes(bytes, v->length);
			}
			bytes[at] = 0xff;
			try_bytes(bytes, v->length);
			bytes[at] = 0;
			try_bytes(bytes, v->length);
		}
	}
}

static void hash_is_the_same_both_ways(void **state)
{
	assert_int_equal(hash_of("udp4"), hash_of("udp4-back"));
	assert_int_equal(hash_of("udp6"), hash_of("udp6-back"));
	assert_int_equal(hash_of("tcp4"), hash_of("tcp4-back"));
	assert_int_equal(hash_of("arp"), hash_of("arp-back"));
	assert_int_equal(hash_of("mpls"), hash_of("mpls-back"));
	assert_int_not_equal(hash_of("udp4"), hash_of("udp4-other"));
	assert_int_not_equal(hash_of("udp4"), hash_of("tcp4"));
}

static void hash_is_of_the_session_whatever_is_around_it(void **state)
{
	static const char *const same4[] = {"options4", "group4", "qinq4",
					    "mpls",     "error4", "padded4"};
	static const char *const same6[] = {"vlan6", "hop6", "ah6", "atomic6", "error6"};

	assert_int_equal(hash_of("tcp4"), hash_of("vlan4"));
	for (unsigned int i = 0; i < RTE_DIM(same4); i++)
		if (hash_of("udp4") != hash_of(same4[i]))
			fail_msg("%s", same4[i]);
	for (unsigned int i = 0; i < RTE_DIM(same6); i++)
		if (hash_of("udp6") != hash_of(same6[i]))
			fail_msg("%s", same6[i]);
}

static void fragments_stay_together(void **state)
{
	assert_int_equal(hash_of("frag4-first"), hash_of("frag4-later"));
	assert_int_equal(hash_of("frag4-first"), hash_of("frag4-last"));
	assert_int_equal(hash_of("frag4-first"), hash_of("frag4-back"));
	assert_int_equal(hash_of("frag6-first"), hash_of("frag6-later"));
}

/* Neighbouring sessions spread evenly over any number of workers. */
static void hash_spreads(void **state)
{
	for (uint32_t workers = 2; workers <= 16; workers++) {
		uint32_t count[16] = {0}, total = 64 * 1024;

		for (uint32_t i = 0; i < total; i++)
			count[sl_hash_ipv4(rte_cpu_to_be_32(0x0a000000 + i / 16),
					   rte_cpu_to_be_32(0xc6336401),
					   rte_cpu_to_be_16(1024 + i % 16), rte_cpu_to_be_16(443),
					   6) %
			      workers]++;
		for (uint32_t w = 0; w < workers; w++)
			assert_in_range(count[w], total / workers * 94 / 100,
					total / workers * 106 / 100);
	}
}

static uint16_t *checksum_of(struct rte_mbuf *m, bool tcp)
{
	return rte_pktmbuf_mtod_offset(m, uint16_t *, sl_packet(m)->l4 + (tcp ? 16 : 6));
}

/* Open checksums are completed to what Scapy computed; others are left alone. */
static void completes_checksums(void **state)
{
	static const char *const names[] = {"udp4", "udp6", "tcp4", "tcp6", "vlan4", "vlan6"};

	for (unsigned int i = 0; i < RTE_DIM(names); i++) {
		const struct vector *v = find(names[i]);
		bool tcp = v->proto == IPPROTO_TCP;
		struct rte_mbuf *m = heap_segment(v->bytes, v->length, 0, 0);
		uint16_t right, open;

		sl_packet_parse(m);
		right = *checksum_of(m, tcp);
		sl_packet_complete(&m, 1);
		assert_int_equal(*checksum_of(m, tcp), right);
		*checksum_of(m, tcp) = right ^ 0x1234;
		sl_packet_complete(&m, 1);
		assert_int_equal(*checksum_of(m, tcp), right ^ 0x1234);
		open = v->family == 4 ? rte_ipv4_phdr_cksum(sl_ipv4(m), 0)
				      : rte_ipv6_phdr_cksum(sl_ipv6(m), 0);
		*checksum_of(m, tcp) = open;
		sl_packet_complete(&m, 1);
		assert_int_equal(*checksum_of(m, tcp), right);
		heap_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_headers_where_scapy_put_them),
		cmocka_unit_test(keeps_what_is_not_its_own),
		cmocka_unit_test(believes_the_nic_only_on_arrival),
		cmocka_unit_test(gathers_headers_at_every_split),
		cmocka_unit_test(gathers_with_headroom_when_there_is_no_tailroom),
		cmocka_unit_test(survives_any_bytes),
		cmocka_unit_test(hash_is_the_same_both_ways),
		cmocka_unit_test(hash_is_of_the_session_whatever_is_around_it),
		cmocka_unit_test(fragments_stay_together),
		cmocka_unit_test(hash_spreads),
		cmocka_unit_test(completes_checksums),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
