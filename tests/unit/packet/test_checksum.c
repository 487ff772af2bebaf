/* SPDX-License-Identifier: BSD-3-Clause */
/* Sums over packets in segments of any lengths, against one byte after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sluice/checksum.h>

#include "packets.h"

#define LONGEST 3000

static uint64_t state = 1;

static uint32_t below(uint32_t limit)
{
	state = state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((state >> 32) % limit);
}

/* In network byte order, as the words stand there. */
static uint16_t sum_of(const uint8_t *bytes, uint32_t length)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < length; i++)
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return rte_cpu_to_be_16((uint16_t)sum);
}

static void check(const struct rte_mbuf *m, const uint8_t *bytes, uint32_t offset, uint32_t length)
{
	assert_int_equal(sl_checksum_sum(m, offset, length), sum_of(bytes + offset, length));
}

/* Segments of up to `most` bytes, some of none. */
static struct rte_mbuf *split(const uint8_t *bytes, uint32_t length, uint32_t most)
{
	struct rte_mbuf *head = heap_segment(bytes, 0, 0, 0), *last = head;

	for (uint32_t at = 0, part; at < length; at += part) {
		part = RTE_MIN(below(most + 1), length - at);
		last->next = heap_segment(bytes + at, part, below(3), 0);
		last = last->next;
		head->nb_segs++;
	}
	head->pkt_len = length;
	return head;
}

static void segments_of_any_length(void **unused)
{
	static const uint32_t longest[] = {1, 2, 3, 7, 64, 1500};
	uint8_t bytes[LONGEST];

	for (unsigned int i = 0; i < 3000; i++) {
		uint32_t length = below(LONGEST + 1), offset = below(length + 1);
		/* Mostly ones: as many carries as there can be. */
		bool ones = i % 3 == 0;
		struct rte_mbuf *m;

		for (uint32_t k = 0; k < length; k++)
			bytes[k] = ones ? 0xff : (uint8_t)below(256);
		m = split(bytes, length, longest[i % RTE_DIM(longest)]);
		check(m, bytes, 0, length);
		check(m, bytes, offset, length - offset);
		check(m, bytes, offset, below(length - offset + 1));
		heap_free(m);
	}
}

/* The shortest that goes wrong when a carry is lost: 12 | ff ff 00 01. */
static void a_carry_behind_an_odd_segment(void **unused)
{
	static const uint8_t bytes[] = {0x12, 0xff, 0xff, 0x00, 0x01};
	struct rte_mbuf *m = heap_segment(bytes, 1, 0, 0);

	m->next = heap_segment(bytes + 1, 4, 0, 0);
	m->pkt_len = 5;
	check(m, bytes, 0, 5);
	heap_free(m);
}

static void what_is_not_there_counts_as_zeros(void **unused)
{
	static const uint8_t bytes[] = {0x12, 0x34, 0x56};
	struct rte_mbuf *m = heap_segment(bytes, 3, 0, 0);

	assert_int_equal(sl_checksum_sum(m, 0, 100), sum_of(bytes, 3));
	assert_int_equal(sl_checksum_sum(m, 2, 100), sum_of(bytes + 2, 1));
	assert_int_equal(sl_checksum_sum(m, 3, 1), 0);
	assert_int_equal(sl_checksum_sum(m, 100, 1), 0);
	assert_int_equal(sl_checksum_sum(m, 0, 0), 0);
	heap_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_of_any_length),
		cmocka_unit_test(a_carry_behind_an_odd_segment),
		cmocka_unit_test(what_is_not_there_counts_as_zeros),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
