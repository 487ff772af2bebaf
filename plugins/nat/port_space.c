/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports of a worker: its blocks of every pool address, made before it runs. */
#include <sys/random.h>

#include "ports.h"

/* Ports of forwards are never given out; nor are those past the end of the range. */
static void reserve(struct nat_worker *w)
{
	const struct nat_layout *l = w->layout;
	uint32_t end = l->port_first + l->block_count * l->block_size;

	for (uint32_t a = 0; a < l->pool_count; a++)
		for (uint32_t port = (uint32_t)l->port_last + 1; port < end; port++) {
			uint32_t block = (port - l->port_first) / l->block_size;
			uint32_t first = w->addresses[a].first_block;
			uint32_t bit = (block - first) / l->workers * l->block_size +
				       (port - l->port_first) % l->block_size;

			if ((a * l->block_count + block) % l->workers != w->worker)
				continue;
			for (unsigned int s = 0; s < NAT_SPACES; s++)
				nat_set_bit(w, a, (enum nat_space)s, bit);
		}
	for (uint32_t i = 0; i < l->forward_count; i++) {
		union nat_endpoint outside = l->forwards[i].outside;
		const struct nat_range *range = sl_nat_range_find(&l->pool, outside.addr);
		uint32_t address, bit;

		if (range == NULL || outside.proto == 0)
			continue;
		address = range->other + rte_be_to_cpu_32(outside.addr) - range->first;
		bit = nat_bit_of_port(w, address, rte_be_to_cpu_16(outside.port));
		if (bit != UINT32_MAX)
			nat_set_bit(w, address, nat_space_of(outside.proto), bit);
	}
}

int sl_nat_ports_init(struct nat_worker *w, struct sl_instance *instance, struct sl_errors *errors)
{
	const struct nat_layout *l = w->layout;
	size_t words;

	w->block_stride = (l->block_count + l->workers - 1) / l->workers;
	w->words = w->block_stride * (l->block_size / 64);
	if (getrandom(&w->random, sizeof(w->random), 0) != sizeof(w->random))
		w->random = (uintptr_t)w;
	w->random |= 1;
	if (l->pool_count == 0)
		return 0;
	words = (size_t)l->pool_count * NAT_SPACES * w->words;
	w->addresses =
		(struct nat_address *)sl_alloc(instance, l->pool_count * sizeof(*w->addresses));
	w->used = (uint64_t *)sl_alloc_table(instance, words * sizeof(*w->used));
	if (w->addresses == NULL || w->used == NULL)
		return sl_fail(errors, ENOMEM, "no memory for the ports of %u addresses",
			       l->pool_count);
	for (uint32_t a = 0; a < l->pool_count; a++) {
		struct nat_address *address = &w->addresses[a];
		uint32_t skew = a * l->block_count % l->workers;

		address->first_block = (w->worker + l->workers - skew) % l->workers;
		if (address->first_block < l->block_count)
			address->blocks =
				(l->block_count - 1 - address->first_block) / l->workers + 1;
		address->free_blocks = address->blocks;
		for (unsigned int s = 0; s < NAT_SPACES; s++)
			address->free[s] = address->blocks * l->block_size;
	}
	if (w->nat->params->block_size != 0) {
		size_t count = (size_t)l->pool_count * w->block_stride;

		w->blocks = (struct nat_block *)sl_alloc(instance, count * sizeof(*w->blocks));
		if (w->blocks == NULL)
			return sl_fail(errors, ENOMEM, "no memory for %zu blocks", count);
		for (size_t i = 0; i < count; i++)
			w->blocks[i].subscriber = SL_NO_SLOT;
	}
	reserve(w);
	return 0;
}
