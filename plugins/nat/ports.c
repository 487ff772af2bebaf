/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which outside port a mapping gets. A subscriber (an inside address) is paired with one pool
 * address (RFC 4787 REQ-2). Ports are bits: per pool address and protocol, those of the blocks
 * that this worker owns, one after the other; set means taken, held or reserved.
 *
 * With blocks, a subscriber takes ports out of whole blocks that are its own (RFC 6888 REQ-4),
 * so that a log of blocks says who had a port. Without, blocks only divide ports among workers.
 */
#include <rte_prefetch.h>

#include "ports.h"

#define EVERY_PORT UINT64_MAX
#define EVEN_BITS  0x5555555555555555ull
/* How many held ports an exhausted pool takes back at once. */
#define EARLY_PORTS 64

/* A random free bit among `count` words from `from` on, of those in the mask. */
static uint32_t find_bit(uint64_t *random, const uint64_t *bits, uint32_t from, uint32_t count,
			 uint64_t mask)
{
	uint32_t start = nat_random(random) % count, turn = nat_random(random) % 64;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t word = from + (start + i < count ? start + i : start + i - count);
		uint64_t open = ~bits[word] & mask;

		if (open == 0)
			continue;
		if (turn != 0)
			open = open >> turn | open << (64 - turn);
		return word * 64 + ((unsigned int)__builtin_ctzll(open) + turn) % 64;
	}
	return UINT32_MAX;
}

void sl_nat_block_place(const struct nat_worker *w, uint32_t block, uint32_t *address,
			uint16_t *first)
{
	*address = block / w->block_stride;
	*first = (uint16_t)nat_port_of_bit(w, *address,
					   block % w->block_stride * w->layout->block_size);
}

static void block_event(struct nat_worker *w, enum nat_event event, uint32_t block)
{
	struct nat_event_data data = {0};
	uint32_t address;

	if (w->tuning->log != NAT_LOG_BLOCKS)
		return;
	sl_nat_block_place(w, block, &address, &data.first);
	data.last = (uint16_t)(data.first + w->layout->block_size - 1);
	data.outside = nat_endpoint(sl_nat_pool_address(w->layout, address), 0, 0);
	data.subscriber = (uint32_t)w->subscribers[w->blocks[block].subscriber].key;
	sl_event(w->node, event, &data, sizeof(data));
}

void sl_nat_block_assign(struct nat_worker *w, uint32_t subscriber, uint32_t block)
{
	struct nat_subscriber *sub = &w->subscribers[subscriber];

	w->blocks[block] = (struct nat_block){subscriber, sub->first_block, 0};
	sub->first_block = block;
	sub->blocks++;
	w->addresses[block / w->block_stride].free_blocks--;
	nat_count(w, NAT_BLOCKS_MADE);
	block_event(w, NAT_EVENT_BLOCK_ASSIGNED, block);
}

/* Give the subscriber a free block of the address, at random. */
static bool block_new(struct nat_worker *w, uint32_t subscriber, uint32_t address)
{
	const struct nat_address *a = &w->addresses[address];
	uint32_t first = address * w->block_stride, start;

	if (a->free_blocks == 0)
		return false;
	start = nat_random(&w->random) % a->blocks;
	for (uint32_t i = 0; i < a->blocks; i++) {
		uint32_t block = first + (start + i) % a->blocks;

		if (w->blocks[block].subscriber != SL_NO_SLOT)
			continue;
		sl_nat_block_assign(w, subscriber, block);
		return true;
	}
	return false;
}

static void block_end(struct nat_worker *w, uint32_t block)
{
	uint32_t subscriber = w->blocks[block].subscriber;
	struct nat_subscriber *sub = &w->subscribers[subscriber];
	uint32_t *link = &sub->first_block;

	block_event(w, NAT_EVENT_BLOCK_RELEASED, block);
	nat_count(w, NAT_BLOCKS_ENDED);
	while (*link != block)
		link = &w->blocks[*link].next;
	*link = w->blocks[block].next;
	sub->blocks--;
	w->blocks[block].subscriber = SL_NO_SLOT;
	w->addresses[block / w->block_stride].free_blocks++;
	sl_nat_subscriber_put(w, subscriber);
}

/* A free bit in the subscriber's blocks on that address. */
static uint32_t find_in_blocks(const struct nat_worker *w, const struct nat_subscriber *sub,
			       uint32_t address, enum nat_space space, uint64_t mask,
			       uint64_t *random)
{
	uint32_t words = w->layout->block_size / 64;

	for (uint32_t b = sub->first_block; b != SL_NO_SLOT; b = w->blocks[b].next) {
		uint32_t bit;

		if (b / w->block_stride != address)
			continue;
		bit = find_bit(random, nat_bitmap(w, address, space), b % w->block_stride * words,
			       words, mask);
		if (bit != UINT32_MAX)
			return bit;
	}
	return UINT32_MAX;
}

/* The same port as inside, when it is free and may be used. */
static uint32_t find_same(const struct nat_worker *w, uint32_t subscriber, uint32_t address,
			  enum nat_space space, uint16_t port)
{
	uint32_t bit = nat_bit_of_port(w, address, rte_be_to_cpu_16(port));

	if (bit == UINT32_MAX || nat_bit_is_set(nat_bitmap(w, address, space), bit))
		return UINT32_MAX;
	if (nat_with_blocks(w) && nat_block_at(w, address, bit)->subscriber != subscriber)
		return UINT32_MAX;
	return bit;
}

/* Bits of ports with the parity that is wanted. */
static uint64_t parity_mask(const struct nat_worker *w, union nat_endpoint inside)
{
	uint32_t odd = (rte_be_to_cpu_16(inside.port) ^ w->layout->port_first) & 1;

	if (inside.proto != IPPROTO_UDP || !w->nat->params->preserve_parity)
		return EVERY_PORT;
	return EVEN_BITS << odd;
}

static enum nat_reason find_port(struct nat_worker *w, uint32_t subscriber, uint32_t address,
				 union nat_endpoint inside, uint32_t *bit)
{
	const struct nat_params *params = w->nat->params;
	struct nat_subscriber *sub = &w->subscribers[subscriber];
	struct nat_address *a = &w->addresses[address];
	enum nat_space space = nat_space_of(inside.proto);
	uint64_t mask = parity_mask(w, inside);
	bool more = sub->blocks < params->blocks_per_subscriber;

	if (a->free[space] == 0)
		return NAT_POOL_EXHAUSTED;
	if (params->preserve_port) {
		*bit = find_same(w, subscriber, address, space, inside.port);
		if (*bit != UINT32_MAX)
			return NAT_FINE;
	}
	if (!nat_with_blocks(w)) {
		uint32_t words = a->blocks * (w->layout->block_size / 64);

		*bit = find_bit(&w->random, nat_bitmap(w, address, space), 0, words, mask);
		if (*bit == UINT32_MAX && mask != EVERY_PORT)
			*bit = find_bit(&w->random, nat_bitmap(w, address, space), 0, words,
					EVERY_PORT);
		return *bit != UINT32_MAX ? NAT_FINE : NAT_POOL_EXHAUSTED;
	}
	*bit = find_in_blocks(w, sub, address, space, mask, &w->random);
	if (*bit == UINT32_MAX && more && block_new(w, subscriber, address))
		*bit = find_in_blocks(w, sub, address, space, mask, &w->random);
	if (*bit == UINT32_MAX && mask != EVERY_PORT)
		*bit = find_in_blocks(w, sub, address, space, EVERY_PORT, &w->random);
	return *bit != UINT32_MAX ? NAT_FINE : more ? NAT_POOL_EXHAUSTED : NAT_BLOCK_LIMIT;
}

/* Look on the paired address, then among held ports, then, if allowed, on other addresses. */
static enum nat_reason find_address_port(struct nat_worker *w, uint32_t subscriber,
					 union nat_endpoint inside, uint32_t *address,
					 uint32_t *bit)
{
	uint32_t paired = w->subscribers[subscriber].address;
	uint32_t probes = RTE_MIN(w->layout->pool_count, (uint32_t)NAT_MOST_PROBES);
	enum nat_reason reason = find_port(w, subscriber, paired, inside, bit);

	*address = paired;
	if (reason != NAT_FINE && w->held_head != w->held_tail) {
		sl_nat_ports_unhold(w, EARLY_PORTS, true);
		reason = find_port(w, subscriber, paired, inside, bit);
	}
	if (w->nat->params->pooling == 0)
		return reason;
	for (uint32_t i = 1; reason == NAT_POOL_EXHAUSTED && i < probes; i++) {
		*address = (paired + i) % w->layout->pool_count;
		reason = find_port(w, subscriber, *address, inside, bit);
	}
	return reason;
}

enum nat_reason sl_nat_port_take(struct nat_worker *w, uint32_t subscriber,
				 union nat_endpoint inside, union nat_endpoint *outside,
				 uint32_t *address)
{
	uint32_t bit = UINT32_MAX;
	enum nat_reason reason = find_address_port(w, subscriber, inside, address, &bit);
	uint16_t port;

	if (reason != NAT_FINE)
		return reason;
	nat_set_bit(w, *address, nat_space_of(inside.proto), bit);
	if (nat_with_blocks(w))
		nat_block_at(w, *address, bit)->used++;
	port = (uint16_t)nat_port_of_bit(w, *address, bit);
	*outside = nat_endpoint(sl_nat_pool_address(w->layout, *address), rte_cpu_to_be_16(port),
				inside.proto);
	return NAT_FINE;
}

/* ---- Ahead ---- */

static uint32_t words_of(const struct nat_worker *w, uint32_t address)
{
	return w->addresses[address].blocks * (w->layout->block_size / 64);
}

void sl_nat_port_fetch(const struct nat_worker *w, uint32_t subscriber, uint32_t address,
		       union nat_endpoint inside, uint64_t *random)
{
	const uint64_t *bits = nat_bitmap(w, address, nat_space_of(inside.proto));
	uint32_t words = words_of(w, address), word = UINT32_MAX;

	if (w->nat->params->preserve_port) {
		uint32_t bit = nat_bit_of_port(w, address, rte_be_to_cpu_16(inside.port));

		word = bit != UINT32_MAX ? bit / 64 : word;
	} else if (nat_with_blocks(w)) {
		uint32_t block = subscriber != SL_NO_SLOT ? w->subscribers[subscriber].first_block
							  : SL_NO_SLOT;

		if (block != SL_NO_SLOT && block / w->block_stride == address)
			word = block % w->block_stride * (w->layout->block_size / 64);
	} else if (words != 0) { /* as find_bit() draws */
		word = nat_random(random) % words;
		nat_random(random);
	}
	if (word != UINT32_MAX)
		rte_prefetch0(&bits[word]);
}

bool sl_nat_port_guess(const struct nat_worker *w, uint32_t subscriber, uint32_t address,
		       union nat_endpoint inside, uint64_t random, union nat_endpoint *outside)
{
	enum nat_space space = nat_space_of(inside.proto);
	uint64_t mask = parity_mask(w, inside);
	uint32_t words = words_of(w, address), bit = UINT32_MAX;
	uint16_t port;

	if (w->nat->params->preserve_port)
		bit = find_same(w, subscriber, address, space, inside.port);
	if (bit == UINT32_MAX && nat_with_blocks(w) && subscriber != SL_NO_SLOT)
		bit = find_in_blocks(w, &w->subscribers[subscriber], address, space, mask, &random);
	if (bit == UINT32_MAX && !nat_with_blocks(w) && words != 0)
		bit = find_bit(&random, nat_bitmap(w, address, space), 0, words, mask);
	if (bit == UINT32_MAX)
		return false;
	port = (uint16_t)nat_port_of_bit(w, address, bit);
	*outside = nat_endpoint(sl_nat_pool_address(w->layout, address), rte_cpu_to_be_16(port),
				inside.proto);
	return true;
}

/* ---- Given back ---- */

void sl_nat_port_free(struct nat_worker *w, uint32_t address, enum nat_space space, uint32_t bit)
{
	nat_bitmap(w, address, space)[bit / 64] &= ~(1ull << (bit % 64));
	w->addresses[address].free[space]++;
	if (nat_with_blocks(w) && --nat_block_at(w, address, bit)->used == 0)
		block_end(w, address * w->block_stride + bit / w->layout->block_size);
}

void sl_nat_ports_unhold(struct nat_worker *w, uint32_t most, bool early)
{
	while (most-- > 0 && w->held_head != w->held_tail) {
		struct nat_held_port held = w->held[w->held_head & w->held_mask];

		if (!early && held.until > w->now)
			return;
		w->held_head++;
		if (held.space == NAT_SPACES) /* it was claimed meanwhile */
			continue;
		if (held.until > w->now)
			nat_count(w, NAT_PORTS_EARLY);
		sl_nat_port_free(w, held.address, (enum nat_space)held.space, held.bit);
	}
}

/*
 * RFC 6888 REQ-8 lets a port rest, but for TCP, whose sessions are tracked to their end (a), and
 * unless anyone may send to it: filtering by remote address keeps strays out (c).
 */
void sl_nat_port_release(struct nat_worker *w, uint32_t address, union nat_endpoint outside)
{
	enum nat_space space = nat_space_of(outside.proto);
	uint32_t bit = nat_bit_of_port(w, address, rte_be_to_cpu_16(outside.port));
	bool rests = space != NAT_SPACE_TCP && w->tuning->port_hold != 0 &&
		     w->nat->params->filtering == NAT_FILTER_NONE &&
		     w->held_tail - w->held_head <= w->held_mask;

	if (!rests) {
		sl_nat_port_free(w, address, space, bit);
		return;
	}
	w->held[w->held_tail++ & w->held_mask] = (struct nat_held_port){
		.until = w->now + w->tuning->port_hold,
		.address = address,
		.bit = (uint16_t)bit,
		.space = (uint8_t)space,
	};
}
