/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Subscribers: inside addresses that have mappings or blocks. Each is paired with one address of
 * the pool (RFC 4787 REQ-2).
 */
#include "nat.h"

/* The pool address that a new subscriber is paired with: the same one each time it comes back,
 * as long as that has room. */
uint32_t sl_nat_address_of(const struct nat_worker *w, uint32_t addr)
{
	uint32_t count = w->layout->pool_count, start = nat_mix(addr ^ 0x5bd1e995) % count;
	uint32_t best = start;

	for (uint32_t i = 0; i < RTE_MIN(count, (uint32_t)NAT_MOST_PROBES); i++) {
		uint32_t at = (start + i) % count;
		const struct nat_address *a = &w->addresses[at];

		if (nat_with_blocks(w) ? a->free_blocks != 0
				       : a->free[NAT_SPACE_TCP] != 0 && a->free[NAT_SPACE_UDP] != 0)
			return at;
		if (w->addresses[best].blocks == 0)
			best = at;
	}
	return best;
}

enum nat_reason sl_nat_subscriber_get(struct nat_worker *w, uint32_t addr, uint32_t *slot)
{
	uint64_t key = addr;
	uint32_t hash = sl_index_hash(&key, sizeof(key));
	struct nat_subscriber *sub;

	*slot = sl_index_find(w->subscriber_index, &key, hash);
	if (*slot != SL_NO_SLOT)
		return NAT_FINE;
	if (w->layout->pool_count == 0)
		return NAT_POOL_EXHAUSTED;
	if (w->subscriber_free == SL_NO_SLOT)
		return NAT_SUBSCRIBER_LIMIT;
	*slot = w->subscriber_free;
	sub = &w->subscribers[*slot];
	w->subscriber_free = sub->next;
	*sub = (struct nat_subscriber){
		.key = key,
		.address = sl_nat_address_of(w, addr),
		.first_block = SL_NO_SLOT,
		.created = RTE_MAX(w->now, 1u),
	};
	if (sl_index_add(w->subscriber_index, hash, *slot) == 0)
		return NAT_FINE;
	sub->created = 0;
	sub->next = w->subscriber_free;
	w->subscriber_free = *slot;
	return NAT_SUBSCRIBER_LIMIT;
}

void sl_nat_subscriber_put(struct nat_worker *w, uint32_t slot)
{
	struct nat_subscriber *sub = &w->subscribers[slot];

	if (sub->mappings != 0 || sub->blocks != 0)
		return;
	sl_index_remove(w->subscriber_index, sl_index_hash(&sub->key, sizeof(sub->key)), slot);
	sub->created = 0;
	sub->next = w->subscriber_free;
	w->subscriber_free = slot;
}
