/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What making sessions will look at, fetched for all packets of a burst that have none: one after
 * the other would wait for memory some ten times each. In steps for all, where each finds there
 * what the one before has fetched. The port is guessed with a copy of the random numbers that will
 * choose it. Nothing is decided or changed here: a wrong guess costs time.
 */
#include <rte_prefetch.h>

#include "nat.h"

struct ahead {
	uint16_t n;
	const struct nat_key *keys[SL_BURST];
	uint64_t endpoints[SL_BURST]; /* union nat_endpoint: by which the mapping is found */
	uint32_t mapping[SL_BURST];   /* SL_NO_SLOT: it has to be made */
	uint64_t addrs[SL_BURST];     /* inside */
	uint32_t subscriber[SL_BURST];
	uint32_t address[SL_BURST];
	uint64_t random[SL_BURST]; /* before the port is chosen */
	uint32_t hash[SL_BURST];   /* of the lookup at hand */
};

static void find_mappings(const struct sl_index *index, struct ahead *a)
{
	for (uint16_t i = 0; i < a->n; i++)
		a->hash[i] = sl_index_hash(&a->endpoints[i], sizeof(a->endpoints[0]));
	sl_index_find_bulk(index, a->endpoints, a->hash, a->mapping, a->n);
}

static void find_subscribers(const struct nat_worker *w, struct ahead *a)
{
	for (uint16_t i = 0; i < a->n; i++) {
		a->addrs[i] = a->keys[i]->src;
		a->hash[i] = sl_index_hash(&a->addrs[i], sizeof(a->addrs[0]));
	}
	sl_index_find_bulk(w->subscriber_index, a->addrs, a->hash, a->subscriber, a->n);
}

/* Where the session and a mapping for it will be written: the next ones of the free lists. */
static void fetch_slots(const struct nat_worker *w, const struct ahead *a)
{
	uint32_t session = w->session_free, mapping = w->mapping_free;

	for (uint16_t i = 0; i < a->n; i++) {
		if (session != SL_NO_SLOT) {
			__builtin_prefetch(&w->flows[2 * session], 1);
			__builtin_prefetch(&w->flows[2 * session + 1], 1);
			session = w->sessions[session].next;
		}
		if (a->mapping[i] == SL_NO_SLOT && mapping != SL_NO_SLOT)
			mapping = w->mappings[mapping].next;
	}
}

static void fetch_flow(const struct nat_worker *w, const struct nat_key *key)
{
	sl_index_fetch(w->flow_index, sl_index_hash(key, sizeof(*key)));
}

/* The way back of the session, by the outside endpoint of its mapping. */
static void fetch_back(const struct nat_worker *w, const struct nat_key *key,
		       union nat_endpoint outside)
{
	struct nat_key back = {key->dst,   outside.addr, key->dport, outside.port,
			       key->proto, SL_OUTSIDE,   0};

	fetch_flow(w, &back);
	if (w->permits != NULL) {
		uint64_t permit[2] = {outside.word, key->dst};

		sl_index_fetch(w->permit_index, sl_index_hash(permit, sizeof(permit)));
	}
}

static void fetch_ports(const struct nat_worker *w, struct ahead *a)
{
	uint64_t random = w->random;

	for (uint16_t i = 0; i < a->n; i++) {
		union nat_endpoint inside = {.word = a->endpoints[i]};

		if (a->mapping[i] != SL_NO_SLOT)
			continue;
		a->address[i] = a->subscriber[i] != SL_NO_SLOT
					? w->subscribers[a->subscriber[i]].address
					: sl_nat_address_of(w, inside.addr);
		a->random[i] = random;
		sl_nat_port_fetch(w, a->subscriber[i], a->address[i], inside, &random);
	}
}

static void fetch_outbound(const struct nat_worker *w, struct ahead *a)
{
	find_mappings(w->by_inside, a);
	find_subscribers(w, a);
	fetch_ports(w, a);
	fetch_slots(w, a);
	for (uint16_t i = 0; i < a->n; i++) {
		union nat_endpoint inside = {.word = a->endpoints[i]}, outside;

		if (a->mapping[i] != SL_NO_SLOT) {
			outside = w->mappings[a->mapping[i]].outside;
		} else {
			if (!sl_nat_port_guess(w, a->subscriber[i], a->address[i], inside,
					       a->random[i], &outside))
				continue;
			sl_index_fetch(w->by_outside, sl_index_hash(&outside, sizeof(outside)));
		}
		fetch_back(w, a->keys[i], outside);
	}
}

static void fetch_inbound(const struct nat_worker *w, struct ahead *a)
{
	find_mappings(w->by_outside, a);
	fetch_slots(w, a);
	for (uint16_t i = 0; i < a->n; i++) {
		const struct nat_key *key = a->keys[i];
		struct nat_key out = {0, key->src, 0, key->sport, key->proto, SL_INSIDE, 0};

		if (a->mapping[i] == SL_NO_SLOT)
			continue;
		out.src = w->mappings[a->mapping[i]].inside.addr;
		out.sport = w->mappings[a->mapping[i]].inside.port;
		fetch_flow(w, &out);
	}
}

void sl_nat_fetch_new(const struct nat_worker *w, const struct nat_key *keys, const uint32_t *slots,
		      uint16_t n)
{
	enum sl_side side = (enum sl_side)w->node->from;
	struct ahead a;

	a.n = 0;
	if (w->layout->pool_count == 0)
		return;
	for (uint16_t i = 0; i < n; i++) {
		const struct nat_key *key = &keys[i];

		if (slots[i] != SL_NO_SLOT ||
		    (side == SL_INSIDE && (!sl_nat_is_inside(w->layout, key->src) ||
					   sl_nat_is_except(w->layout, key->dst))))
			continue;
		a.keys[a.n] = key;
		a.mapping[a.n] = a.subscriber[a.n] = SL_NO_SLOT;
		a.endpoints[a.n++] =
			(side == SL_INSIDE ? nat_endpoint(key->src, key->sport, key->proto)
					   : nat_endpoint(key->dst, key->dport, key->proto))
				.word;
	}
	if (a.n == 0)
		return;
	if (side == SL_INSIDE)
		fetch_outbound(w, &a);
	else
		fetch_inbound(w, &a);
}
