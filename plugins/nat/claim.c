/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports that somebody had in other code, and has again. What is found in the way was told earlier
 * and has ended since: it goes. That is rare, so tables are walked for it.
 */
#include "ports.h"

bool sl_nat_port_place(const struct nat_worker *w, union nat_endpoint outside, uint32_t *address,
		       uint32_t *bit)
{
	const struct nat_range *range = sl_nat_range_find(&w->layout->pool, outside.addr);

	if (range == NULL)
		return false;
	*address = range->other + rte_be_to_cpu_32(outside.addr) - range->first;
	*bit = nat_bit_of_port(w, *address, rte_be_to_cpu_16(outside.port));
	return *bit != UINT32_MAX;
}

static bool is_held(const struct nat_held_port *held, uint32_t address, enum nat_space space,
		    uint32_t bit)
{
	return held->space == space && held->address == address && held->bit == bit;
}

/* It rests no more, but stays taken. False: it did not rest. */
static bool take_held(struct nat_worker *w, uint32_t address, enum nat_space space, uint32_t bit)
{
	for (uint32_t i = w->held_head; i != w->held_tail; i++) {
		struct nat_held_port *held = &w->held[i & w->held_mask];

		if (is_held(held, address, space, bit)) {
			held->space = NAT_SPACES;
			return true;
		}
	}
	return false;
}

/* End the sessions in a block, and let none of its ports rest: it is free then. */
static void empty_block(struct nat_worker *w, uint32_t block)
{
	uint32_t address = block / w->block_stride, size = w->layout->block_size;
	uint32_t first = block % w->block_stride * size, at, bit;

	for (uint32_t i = 0; i < w->session_count; i++) {
		const struct nat_session *s = &w->sessions[i];

		if (s->mapping != SL_NO_SLOT && !w->mappings[s->mapping].forward &&
		    sl_nat_port_place(w, w->mappings[s->mapping].outside, &at, &bit) &&
		    at == address && bit - first < size)
			sl_nat_session_end(w, i);
	}
	for (uint32_t i = w->held_head; i != w->held_tail; i++) {
		struct nat_held_port *held = &w->held[i & w->held_mask];
		enum nat_space space = (enum nat_space)held->space;

		if (space != NAT_SPACES && held->address == address && held->bit - first < size) {
			held->space = NAT_SPACES;
			sl_nat_port_free(w, address, space, held->bit);
		}
	}
}

/* The block of a port is the subscriber's from now on. */
static void claim_block(struct nat_worker *w, uint32_t subscriber, uint32_t address, uint32_t bit)
{
	struct nat_block *block = nat_block_at(w, address, bit);
	uint32_t number = (uint32_t)(block - w->blocks);

	if (block->subscriber == subscriber)
		return;
	if (block->subscriber != SL_NO_SLOT)
		empty_block(w, number);
	sl_nat_block_assign(w, subscriber, number);
}

enum nat_reason sl_nat_port_claim(struct nat_worker *w, uint32_t subscriber,
				  union nat_endpoint outside, uint32_t *address)
{
	enum nat_space space = nat_space_of(outside.proto);
	uint32_t bit;

	if (!sl_nat_port_place(w, outside, address, &bit))
		return NAT_POOL_EXHAUSTED;
	if (nat_with_blocks(w))
		claim_block(w, subscriber, *address, bit);
	if (nat_bit_is_set(nat_bitmap(w, *address, space), bit))
		return take_held(w, *address, space, bit) ? NAT_FINE : NAT_POOL_EXHAUSTED;
	nat_set_bit(w, *address, space, bit);
	if (nat_with_blocks(w))
		nat_block_at(w, *address, bit)->used++;
	return NAT_FINE;
}

bool sl_nat_port_rest(struct nat_worker *w, union nat_endpoint outside, uint64_t until)
{
	enum nat_space space = nat_space_of(outside.proto);
	uint32_t address, bit;

	if (!sl_nat_port_place(w, outside, &address, &bit))
		return false;
	/* A block that is nobody's has no ports that rest, and the ring may be full. */
	if (nat_bit_is_set(nat_bitmap(w, address, space), bit) ||
	    w->held_tail - w->held_head > w->held_mask ||
	    (nat_with_blocks(w) && nat_block_at(w, address, bit)->subscriber == SL_NO_SLOT))
		return true;
	nat_set_bit(w, address, space, bit);
	if (nat_with_blocks(w))
		nat_block_at(w, address, bit)->used++;
	w->held[w->held_tail++ & w->held_mask] = (struct nat_held_port){
		.until = until,
		.address = address,
		.bit = (uint16_t)bit,
		.space = (uint8_t)space,
	};
	return true;
}
