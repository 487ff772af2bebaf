/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sorting a burst by out-edge: which packets take an edge, and their pointers in a row. One
 * implementation for each width of vectors; all give the same.
 */
#ifndef CORE_GRAPH_SCATTER_H
#define CORE_GRAPH_SCATTER_H

#include <stdint.h>

#include <sluice/node.h>

/* Pointers that may be written beyond those picked. */
#define SL_SCATTER_SLACK 8

/* A bit for each packet of a burst. */
#define SL_SCATTER_WORDS (SL_BURST / 64)

struct sl_scatter {
	const char *name;
	uint16_t bits; /* width of the vectors it needs */
	/* Set the bits of the edges that equal e. edge: SL_BURST bytes that may be read, 64-byte
	 * aligned; words: how many words of mask are wanted. */
	void (*match)(const uint8_t *edge, uint8_t e, uint64_t *mask, unsigned int words);
	/* Copy the pointers whose bit is set, in order. Reads and writes whole vectors. */
	void (*pick)(struct rte_mbuf **out, struct rte_mbuf *const *pkts, const uint64_t *mask,
		     unsigned int words);
};

/* The widest that the CPU has and EAL allows: 256 bits, unless --force-max-simd-bitwidth says
 * otherwise. */
const struct sl_scatter *sl_scatter_choose(void);

/* All that this CPU can run, the widest first; NULL past the last. */
const struct sl_scatter *sl_scatter_get(unsigned int i);

#endif
