/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which backend a new session gets. And, for all packets of a burst that will have one made, what
 * that will look at, fetched at once: one packet after the other would wait for memory each time.
 */
#include "load_balancer.h"

/* Ports of TCP, UDP and SCTP; 0 for others. */
static uint16_t service_port(const struct sl_packet *p, const union lb_key *key)
{
	if (lb_is_icmp(p->family, p->proto))
		return 0;
	return p->family == SL_L3_IPV4 ? key->v4.tail.dport : key->v6.tail.dport;
}

const struct lb_goal *sl_lb_goal(struct lb_worker *w, const struct rte_mbuf *m,
				 const union lb_key *key)
{
	const struct sl_packet *p = sl_packet(m);
	struct lb_goal *goal = &w->goal;
	uint16_t port = service_port(p, key);
	uint32_t size = p->family == SL_L3_IPV4 ? 4 : 16;

	if (likely(goal->family == p->family && goal->proto == p->proto && goal->port == port &&
		   memcmp(goal->addr, lb_ip_dst(m), size) == 0))
		return goal;
	*goal = (struct lb_goal){.family = p->family, .proto = p->proto, .port = port};
	memcpy(goal->addr, lb_ip_dst(m), size);
	goal->place = sl_lb_place(w->plan, p->family, goal->addr);
	if (goal->place != NULL && goal->place->vip && !lb_is_icmp(p->family, p->proto))
		goal->service = sl_lb_service(w->plan, p->family, goal->addr, p->proto, port);
	return goal;
}

/* The same on every machine, so that several balancers agree: sl_index_hash() has a secret. size: a
 * multiple of 8. */
static uint32_t table_entry(const struct lb_plan *plan, const void *key, uint32_t size)
{
	uint64_t x = 0, word;

	for (uint32_t i = 0; i < size; i += sizeof(word)) {
		memcpy(&word, (const uint8_t *)key + i, sizeof(word));
		x = (x ^ word) * 0x9e3779b97f4a7c15ull;
		x ^= x >> 29;
	}
	x *= 0xbf58476d1ce4e5b9ull;
	return (uint32_t)(((x >> 32) * plan->table_size) >> 32);
}

static uint32_t entry_of(const struct lb_worker *w, uint8_t family, const union lb_key *key)
{
	return table_entry(w->plan, key, family == SL_L3_IPV4 ? sizeof(key->v4) : sizeof(key->v6));
}

uint16_t sl_lb_choose(struct lb_worker *w, const struct lb_service *service, uint8_t family,
		      const union lb_key *key)
{
	const uint16_t *table = atomic_load_explicit(&service->table, memory_order_acquire);
	uint64_t source[2] = {0, 0};
	uint16_t backend;

	if (table == NULL)
		return LB_NOBODY;
	if (!service->by_source)
		return table[entry_of(w, family, key)];
	if (family == SL_L3_IPV4)
		memcpy(source, &key->v4.src, 4);
	else
		memcpy(source, key->v6.src, 16);
	backend = sl_lb_source_get(w, service, family, source);
	if (backend == LB_NOBODY)
		backend = table[table_entry(w->plan, source, sizeof(source))];
	sl_lb_source_set(w, service, family, source, backend);
	return backend;
}

/* ---- Ahead ---- */

/* In steps, each of which finds there what the one before has fetched. */
struct ahead {
	const struct lb_service *service;
	const uint16_t *table; /* NULL: the client's source decides, or nobody */
	const union lb_key *key;
	uint32_t entry;
};

static bool look_ahead(struct lb_worker *w, const struct rte_mbuf *m, const union lb_key *key,
		       struct ahead *ahead)
{
	const struct sl_packet *p = sl_packet(m);

	ahead->service = sl_lb_goal(w, m, key)->service;
	if (ahead->service == NULL)
		return false;
	ahead->key = key;
	ahead->table = NULL;
	if (ahead->service->by_source) {
		sl_lb_source_fetch(w, ahead->service, p->family, lb_ip_src(m));
		return true;
	}
	ahead->table = atomic_load_explicit(&ahead->service->table, memory_order_acquire);
	if (ahead->table == NULL)
		return false;
	ahead->entry = entry_of(w, p->family, key);
	rte_prefetch0(&ahead->table[ahead->entry]);
	return true;
}

void sl_lb_fetch_new(struct lb_worker *w, enum lb_lane lane, struct rte_mbuf **pkts)
{
	const struct lb_table *table = &w->tables[lane];
	const struct lb_burst *b = &w->bursts[lane];
	struct ahead ahead[SL_BURST];
	uint32_t slot = table->free;
	uint16_t count = 0;

	if (w->side != 0) /* only clients begin sessions */
		return;
	for (uint16_t i = 0; i < b->n; i++) {
		const uint64_t *key = &b->keys[i * (size_t)(table->key_size / 8)];

		if (likely(b->slot[i] != SL_NO_SLOT))
			continue;
		count += look_ahead(w, pkts[b->index[i]], (const union lb_key *)key, &ahead[count]);
	}
	for (uint16_t i = 0; i < count; i++) {
		const struct lb_backend *backend;
		union lb_key reverse;

		slot = sl_lb_fetch_slot(table, slot);
		if (ahead[i].table == NULL)
			continue;
		backend = &w->lb->backends[ahead[i].table[ahead[i].entry]];
		sl_lb_reverse(backend, lane, ahead[i].key, &reverse);
		sl_index_fetch(table->index, sl_index_hash(&reverse, table->key_size));
	}
}
