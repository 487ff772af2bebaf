/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets for tests: each segment is its own heap block of exactly its bytes and what stands in
 * front of them, so that a sanitizer sees any access beyond.
 */
#ifndef TESTS_PACKETS_H
#define TESTS_PACKETS_H

#include <stdlib.h>
#include <string.h>

#include <sluice/packet.h>

/* One segment of n bytes; tail: room after them. */
static inline struct rte_mbuf *heap_segment(const uint8_t *bytes, uint32_t n, uint32_t head,
					    uint32_t tail)
{
	struct rte_mbuf *m = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*m));

	memset(m, 0, sizeof(*m));
	m->buf_addr = malloc(head + n + tail);
	m->buf_len = head + n + tail;
	m->data_off = head;
	m->data_len = n;
	m->pkt_len = n;
	m->nb_segs = 1;
	m->refcnt = 1;
	if (n)
		memcpy(rte_pktmbuf_mtod(m, char *), bytes, n);
	return m;
}

static inline void heap_free(struct rte_mbuf *m)
{
	while (m) {
		struct rte_mbuf *next = m->next;

		free(m->buf_addr);
		free(m);
		m = next;
	}
}

#endif
