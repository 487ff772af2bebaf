/* SPDX-License-Identifier: BSD-3-Clause */
/* Mappings, and which remote addresses they have sent to. */
#include "nat.h"

static uint32_t hash_of(union nat_endpoint endpoint)
{
	return sl_index_hash(&endpoint, sizeof(endpoint));
}

uint32_t sl_nat_mapping_by_inside(const struct nat_worker *w, union nat_endpoint inside)
{
	return sl_index_find(w->by_inside, &inside, hash_of(inside));
}

uint32_t sl_nat_mapping_by_outside(const struct nat_worker *w, union nat_endpoint outside)
{
	return sl_index_find(w->by_outside, &outside, hash_of(outside));
}

static void mapping_event(struct nat_worker *w, enum nat_event event, const struct nat_mapping *m)
{
	struct nat_event_data data = {
		.subscriber = m->inside.addr, .inside = m->inside, .outside = m->outside};

	if (w->tuning->log == NAT_LOG_MAPPINGS)
		sl_event(w->node, event, &data, sizeof(data));
}

/* Take a slot and put the mapping into both indexes. */
static enum nat_reason mapping_add(struct nat_worker *w, union nat_endpoint inside,
				   union nat_endpoint outside, uint32_t address,
				   uint32_t subscriber, uint32_t *slot)
{
	struct nat_mapping *m;

	*slot = w->mapping_free;
	if (*slot == SL_NO_SLOT)
		return NAT_SESSION_LIMIT;
	m = &w->mappings[*slot];
	w->mapping_free = m->next;
	*m = (struct nat_mapping){
		.inside = inside,
		.outside = outside,
		.subscriber = subscriber,
		.address = address,
		.created = RTE_MAX(w->now, 1u),
		.by_inside = true,
	};
	if (sl_index_add(w->by_inside, hash_of(inside), *slot) == 0) {
		if (sl_index_add(w->by_outside, hash_of(outside), *slot) == 0)
			return NAT_FINE;
		sl_index_remove(w->by_inside, hash_of(inside), *slot);
	}
	m->created = 0;
	m->next = w->mapping_free;
	w->mapping_free = *slot;
	return NAT_SESSION_LIMIT;
}

enum nat_reason sl_nat_mapping_new(struct nat_worker *w, union nat_endpoint inside, uint32_t *slot)
{
	union nat_endpoint outside;
	uint32_t subscriber, address;
	enum nat_reason reason = sl_nat_subscriber_get(w, inside.addr, &subscriber);
	struct nat_subscriber *sub;

	if (reason != NAT_FINE)
		return reason;
	sub = &w->subscribers[subscriber];
	if (sub->mappings >= w->tuning->mappings_per_subscriber)
		return NAT_MAPPING_LIMIT;
	sub->mappings++; /* before ports are freed early: that may end subscribers */
	reason = sl_nat_port_take(w, subscriber, inside, &outside, &address);
	if (reason == NAT_FINE) {
		reason = mapping_add(w, inside, outside, address, subscriber, slot);
		if (reason == NAT_FINE) {
			nat_count(w, NAT_MAPPINGS_MADE);
			mapping_event(w, NAT_EVENT_MAPPING_CREATED, &w->mappings[*slot]);
			sl_nat_directory_set(w, &w->mappings[*slot], true);
			return NAT_FINE;
		}
		sl_nat_port_release(w, address, outside);
	}
	sub->mappings--;
	sl_nat_subscriber_put(w, subscriber);
	return reason;
}

void sl_nat_mapping_end_unused(struct nat_worker *w, uint32_t slot)
{
	struct nat_mapping *m = &w->mappings[slot];
	uint32_t subscriber = m->subscriber;

	if (m->forward || m->sessions != 0)
		return;
	mapping_event(w, NAT_EVENT_MAPPING_DELETED, m);
	nat_count(w, NAT_MAPPINGS_ENDED);
	sl_nat_directory_set(w, m, false);
	sl_index_remove(w->by_inside, hash_of(m->inside), slot);
	sl_index_remove(w->by_outside, hash_of(m->outside), slot);
	sl_nat_port_release(w, m->address, m->outside);
	w->subscribers[subscriber].mappings--;
	sl_nat_subscriber_put(w, subscriber);
	m->created = 0;
	m->next = w->mapping_free;
	w->mapping_free = slot;
}

/* ---- Mappings that were made by other code ---- */

void sl_nat_mapping_clear(struct nat_worker *w, uint32_t mapping)
{
	for (uint32_t i = 0; i < w->session_count && w->mappings[mapping].sessions != 0; i++)
		if (w->sessions[i].mapping == mapping)
			sl_nat_session_end(w, i);
}

/* Its inside endpoint had another port, or its port another endpoint. False: a forward's. */
static bool make_way(struct nat_worker *w, union nat_endpoint inside, union nat_endpoint outside)
{
	uint32_t slots[2] = {sl_nat_mapping_by_inside(w, inside),
			     sl_nat_mapping_by_outside(w, outside)};

	for (unsigned int i = 0; i < 2; i++) {
		struct nat_mapping *m = &w->mappings[slots[i]];

		if (slots[i] == SL_NO_SLOT || m->created == 0)
			continue;
		if (m->forward)
			return false;
		sl_nat_mapping_clear(w, slots[i]);
	}
	return true;
}

enum nat_reason sl_nat_mapping_claim(struct nat_worker *w, union nat_endpoint inside,
				     union nat_endpoint outside, uint64_t created, uint32_t *slot)
{
	uint32_t subscriber, address, bit;
	struct nat_subscriber *sub;
	enum nat_reason reason;

	*slot = sl_nat_mapping_by_inside(w, inside);
	if (*slot != SL_NO_SLOT && w->mappings[*slot].outside.word == outside.word)
		return NAT_FINE;
	if (!sl_nat_port_place(w, outside, &address, &bit) || !make_way(w, inside, outside))
		return NAT_NOT_OURS;
	reason = sl_nat_subscriber_get(w, inside.addr, &subscriber);
	if (reason != NAT_FINE)
		return reason;
	sub = &w->subscribers[subscriber];
	if (sub->mappings == 0)
		sub->address = address;
	sub->mappings++;
	reason = sl_nat_port_claim(w, subscriber, outside, &address);
	if (reason == NAT_FINE) {
		reason = mapping_add(w, inside, outside, address, subscriber, slot);
		if (reason == NAT_FINE) {
			w->mappings[*slot].created = created;
			sl_nat_directory_set(w, &w->mappings[*slot], true);
			return NAT_FINE;
		}
		sl_nat_port_release(w, address, outside);
	}
	sub->mappings--;
	sl_nat_subscriber_put(w, subscriber);
	return reason;
}

/* ---- Permits: the remote addresses a mapping has sent to ---- */

static uint32_t permit_find(const struct nat_worker *w, union nat_endpoint outside, uint32_t remote)
{
	uint64_t key[2] = {outside.word, remote};

	return sl_index_find(w->permit_index, key, sl_index_hash(key, sizeof(key)));
}

bool sl_nat_permitted(const struct nat_worker *w, union nat_endpoint outside, uint32_t remote)
{
	return permit_find(w, outside, remote) != SL_NO_SLOT;
}

uint32_t sl_nat_permit_get(struct nat_worker *w, union nat_endpoint outside, uint32_t remote)
{
	uint32_t slot = permit_find(w, outside, remote);
	struct nat_permit *permit;

	if (slot == SL_NO_SLOT) {
		slot = w->permit_free; /* there are as many as sessions */
		permit = &w->permits[slot];
		w->permit_free = permit->next;
		*permit = (struct nat_permit){.outside = outside, .remote = remote};
		sl_index_add(w->permit_index, sl_index_hash(permit, 16), slot);
	}
	w->permits[slot].sessions++;
	return slot;
}

void sl_nat_permit_put(struct nat_worker *w, uint32_t slot)
{
	struct nat_permit *permit = &w->permits[slot];

	if (--permit->sessions != 0)
		return;
	sl_index_remove(w->permit_index, sl_index_hash(permit, 16), slot);
	permit->next = w->permit_free;
	w->permit_free = slot;
}
