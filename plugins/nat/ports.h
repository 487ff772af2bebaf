/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports as bits: per pool address and protocol, those of the blocks that this worker owns, one
 * after the other; set means taken, held or reserved.
 */
#ifndef NAT_PORTS_H
#define NAT_PORTS_H

#include "nat.h"

static inline uint64_t *nat_bitmap(const struct nat_worker *w, uint32_t address,
				   enum nat_space space)
{
	return &w->used[((size_t)address * NAT_SPACES + space) * w->words];
}

/* Host-order port of a bit, and back: UINT32_MAX when the port is not this worker's. */
static inline uint32_t nat_port_of_bit(const struct nat_worker *w, uint32_t address, uint32_t bit)
{
	const struct nat_layout *l = w->layout;
	uint32_t block = w->addresses[address].first_block + bit / l->block_size * l->workers;

	return l->port_first + block * l->block_size + bit % l->block_size;
}

static inline uint32_t nat_bit_of_port(const struct nat_worker *w, uint32_t address, uint32_t port)
{
	const struct nat_layout *l = w->layout;
	uint32_t block, first = w->addresses[address].first_block;

	if (port < l->port_first || port > l->port_last)
		return UINT32_MAX;
	block = (port - l->port_first) / l->block_size;
	if (block >= l->block_count || (address * l->block_count + block) % l->workers != w->worker)
		return UINT32_MAX;
	return (block - first) / l->workers * l->block_size +
	       (port - l->port_first) % l->block_size;
}

static inline bool nat_bit_is_set(const uint64_t *bits, uint32_t bit)
{
	return (bits[bit / 64] >> (bit % 64) & 1) != 0;
}

static inline void nat_set_bit(struct nat_worker *w, uint32_t address, enum nat_space space,
			       uint32_t bit)
{
	nat_bitmap(w, address, space)[bit / 64] |= 1ull << (bit % 64);
	w->addresses[address].free[space]--;
}

static inline struct nat_block *nat_block_at(const struct nat_worker *w, uint32_t address,
					     uint32_t bit)
{
	return &w->blocks[(size_t)address * w->block_stride + bit / w->layout->block_size];
}

/* ports.c: a port is free again, and its block when that was the last. */
void sl_nat_port_free(struct nat_worker *w, uint32_t address, enum nat_space space, uint32_t bit);
/* Give a subscriber that block, which is free. */
void sl_nat_block_assign(struct nat_worker *w, uint32_t subscriber, uint32_t block);

#endif
