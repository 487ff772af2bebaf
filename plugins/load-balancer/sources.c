/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Persistence: which backend a client has at a service. The list is in the order of last use, so
 * that the first are those to forget, by age or because there is no room.
 */
#include <errno.h>

#include "load_balancer.h"

int sl_lb_sources_init(struct lb_sources *sources, struct sl_instance *instance, uint32_t count,
		       struct sl_errors *errors)
{
	struct sl_index_shape shape = {
		.capacity = count,
		.key_size = sizeof(struct lb_source_key),
		.stride = sizeof(struct lb_source),
		.key_offset = offsetof(struct lb_source, key),
	};

	sources->slots =
		(struct lb_source *)sl_alloc_table(instance, count * sizeof(struct lb_source));
	sources->changed = (uint64_t *)sl_alloc(instance, sl_mark_words(count) * sizeof(uint64_t));
	if (sources->slots == NULL || sources->changed == NULL)
		return sl_fail(errors, ENOMEM, "no memory for %u sources", count);
	shape.slots = sources->slots;
	sources->index = sl_index_create(instance, &shape, errors);
	if (sources->index == NULL)
		return -ENOMEM;
	sources->count = count;
	sources->oldest = sources->newest = SL_NO_SLOT;
	for (uint32_t i = 0; i < count; i++)
		sources->slots[i].next = i + 1 < count ? i + 1 : SL_NO_SLOT;
	return 0;
}

static void unlink_source(struct lb_sources *s, uint32_t slot)
{
	const struct lb_source *source = &s->slots[slot];

	if (source->prev != SL_NO_SLOT)
		s->slots[source->prev].next = source->next;
	else
		s->oldest = source->next;
	if (source->next != SL_NO_SLOT)
		s->slots[source->next].prev = source->prev;
	else
		s->newest = source->prev;
}

static void link_newest(struct lb_sources *s, uint32_t slot)
{
	s->slots[slot].prev = s->newest;
	s->slots[slot].next = SL_NO_SLOT;
	if (s->newest != SL_NO_SLOT)
		s->slots[s->newest].next = slot;
	else
		s->oldest = slot;
	s->newest = slot;
}

static void forget(struct lb_sources *s, uint32_t slot)
{
	struct lb_source *source = &s->slots[slot];

	unlink_source(s, slot);
	sl_index_remove(s->index, sl_index_hash(&source->key, sizeof(source->key)), slot);
	source->key.family = 0; /* the slot is free */
	source->next = s->free;
	s->free = slot;
	s->used--;
}

static void fill_key(struct lb_source_key *key, const struct lb_service *service, uint8_t family,
		     const void *addr)
{
	*key = (struct lb_source_key){.service = service->id, .family = family};
	memcpy(key->addr, addr, family == SL_L3_IPV4 ? 4 : 16);
}

void sl_lb_source_fetch(const struct lb_worker *w, const struct lb_service *service, uint8_t family,
			const void *addr)
{
	struct lb_source_key key;

	fill_key(&key, service, family, addr);
	sl_index_fetch(w->sources.index, sl_index_hash(&key, sizeof(key)));
}

static uint32_t find(const struct lb_sources *s, const struct lb_service *service, uint8_t family,
		     const void *addr, struct lb_source_key *key)
{
	fill_key(key, service, family, addr);
	return sl_index_find(s->index, key, sl_index_hash(key, sizeof(*key)));
}

uint16_t sl_lb_source_get(struct lb_worker *w, const struct lb_service *service, uint8_t family,
			  const void *addr)
{
	struct lb_sources *s = &w->sources;
	const struct lb_source *source;
	struct lb_source_key key;
	uint32_t slot = find(s, service, family, addr, &key);

	if (slot == SL_NO_SLOT)
		return LB_NOBODY;
	source = &s->slots[slot];
	if (w->now - source->seen > w->plan->persistence_timeout ||
	    !lb_alive(w, source->backend, source->epoch) ||
	    !atomic_load_explicit(&w->lb->backends[source->backend].open, memory_order_relaxed))
		return LB_NOBODY;
	return source->backend;
}

void sl_lb_source_set(struct lb_worker *w, const struct lb_service *service, uint8_t family,
		      const void *addr, uint16_t backend)
{
	struct lb_sources *s = &w->sources;
	struct lb_source_key key;
	uint32_t slot = find(s, service, family, addr, &key);

	if (slot == SL_NO_SLOT) {
		if (s->free == SL_NO_SLOT) {
			forget(s, s->oldest);
			lb_count(w, LB_SOURCES_EVICTED);
		}
		slot = s->free;
		s->slots[slot].key = key;
		if (sl_index_add(s->index, sl_index_hash(&key, sizeof(key)), slot) != 0)
			return; /* it stays in the free list */
		s->free = s->slots[slot].next;
		s->used++;
		lb_count(w, LB_SOURCES_MADE);
	} else {
		unlink_source(s, slot);
	}
	link_newest(s, slot);
	sl_mark(s->changed, slot);
	s->slots[slot].backend = backend;
	s->slots[slot].epoch =
		atomic_load_explicit(&w->lb->backends[backend].epoch, memory_order_acquire);
	s->slots[slot].seen = w->now;
}

void sl_lb_source_seen(struct lb_worker *w, const struct lb_service *service, uint8_t family,
		       const void *addr, uint64_t seen)
{
	struct lb_source_key key;
	uint32_t slot = find(&w->sources, service, family, addr, &key);

	if (slot != SL_NO_SLOT)
		w->sources.slots[slot].seen = seen;
}

void sl_lb_sources_age(struct lb_worker *w)
{
	struct lb_sources *s = &w->sources;

	for (unsigned int i = 0; i < 64 && s->oldest != SL_NO_SLOT; i++) {
		if (w->now - s->slots[s->oldest].seen <= w->plan->persistence_timeout)
			return;
		forget(s, s->oldest);
	}
}
