/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of a worker: its share of sessions and subscribers, made before it runs. */
#include "nat.h"

struct table {
	void **items;
	size_t size;
	uint32_t count;
};

/* Make an index over a table; every key is the word or words at `offset`. */
static struct sl_index *make_index(struct sl_instance *instance, const struct table *table,
				   size_t offset, uint32_t key_size, struct sl_errors *errors)
{
	struct sl_index_shape shape = {
		.capacity = table->count,
		.key_size = key_size,
		.slots = *table->items,
		.stride = table->size,
		.key_offset = offset,
	};

	return sl_index_create(instance, &shape, errors);
}

static int make_table(struct sl_instance *instance, const struct table *table,
		      struct sl_errors *errors)
{
	*table->items = sl_alloc_table(instance, table->count * table->size);
	if (*table->items != NULL)
		return 0;
	return sl_fail(errors, ENOMEM, "no memory for a table of %u entries of %zu bytes",
		       table->count, table->size);
}

static int make_sessions(struct nat_worker *w, struct sl_instance *instance,
			 struct sl_errors *errors)
{
	struct table flows = {(void **)&w->flows, sizeof(struct nat_flow), 2 * w->session_count};
	struct table anchors = {(void **)&w->anchors, sizeof(struct sl_anchor),
				2 * w->session_count};
	struct table loose = {(void **)&w->loose, sizeof(struct sl_anchor), NAT_LOOSE};
	struct table sessions = {(void **)&w->sessions, sizeof(struct nat_session),
				 w->session_count};

	if (make_table(instance, &flows, errors) != 0 ||
	    make_table(instance, &anchors, errors) != 0 ||
	    make_table(instance, &loose, errors) != 0 ||
	    make_table(instance, &sessions, errors) != 0)
		return -ENOMEM;
	w->flow_index = make_index(instance, &flows, offsetof(struct nat_flow, key),
				   sizeof(struct nat_key), errors);
	if (w->flow_index == NULL)
		return -ENOMEM;
	w->changed = (uint64_t *)sl_alloc(instance,
					  sl_mark_words(w->session_count) * sizeof(*w->changed));
	if (w->changed == NULL)
		return sl_fail(errors, ENOMEM, "no memory for marks of %u sessions",
			       w->session_count);
	for (uint32_t i = 0; i < w->session_count; i++) {
		w->sessions[i].mapping = SL_NO_SLOT;
		w->sessions[i].next = i + 1 < w->session_count ? i + 1 : SL_NO_SLOT;
	}
	return 0;
}

static int make_mappings(struct nat_worker *w, struct sl_instance *instance,
			 struct sl_errors *errors)
{
	struct table mappings = {(void **)&w->mappings, sizeof(struct nat_mapping),
				 w->mapping_count};

	if (make_table(instance, &mappings, errors) != 0)
		return -ENOMEM;
	w->by_inside = make_index(instance, &mappings, offsetof(struct nat_mapping, inside),
				  sizeof(union nat_endpoint), errors);
	w->by_outside = make_index(instance, &mappings, offsetof(struct nat_mapping, outside),
				   sizeof(union nat_endpoint), errors);
	if (w->by_inside == NULL || w->by_outside == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->mapping_count; i++)
		w->mappings[i].next = i + 1 < w->mapping_count ? i + 1 : SL_NO_SLOT;
	return 0;
}

static int make_permits(struct nat_worker *w, struct sl_instance *instance,
			struct sl_errors *errors)
{
	struct table permits = {(void **)&w->permits, sizeof(struct nat_permit), w->session_count};

	w->permit_free = SL_NO_SLOT;
	if (!w->nat->filter_state)
		return 0;
	if (make_table(instance, &permits, errors) != 0)
		return -ENOMEM;
	w->permit_index =
		make_index(instance, &permits, offsetof(struct nat_permit, outside), 16, errors);
	if (w->permit_index == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->session_count; i++)
		w->permits[i].next = i + 1 < w->session_count ? i + 1 : SL_NO_SLOT;
	w->permit_free = 0;
	return 0;
}

static int make_subscribers(struct nat_worker *w, struct sl_instance *instance,
			    struct sl_errors *errors)
{
	struct table subscribers = {(void **)&w->subscribers, sizeof(struct nat_subscriber),
				    w->subscriber_count};

	if (make_table(instance, &subscribers, errors) != 0)
		return -ENOMEM;
	w->subscriber_index =
		make_index(instance, &subscribers, offsetof(struct nat_subscriber, key),
			   sizeof(uint64_t), errors);
	if (w->subscriber_index == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->subscriber_count; i++)
		w->subscribers[i].next = i + 1 < w->subscriber_count ? i + 1 : SL_NO_SLOT;
	return 0;
}

static int make_timers(struct nat_worker *w, struct sl_instance *instance, uint64_t now,
		       struct sl_errors *errors)
{
	size_t lists = NAT_WHEEL_SLOTS + 1;

	w->wheel = (uint32_t *)sl_alloc(instance, lists * sizeof(*w->wheel));
	if (w->wheel == NULL)
		return sl_fail(errors, ENOMEM, "no memory for timers");
	for (size_t i = 0; i < lists; i++)
		w->wheel[i] = SL_NO_SLOT;
	w->wheel_step = RTE_MAX(sl_hz() / 4, 1u);
	w->wheel_at = now / w->wheel_step;

	w->held_mask = rte_align32pow2(w->session_count) - 1;
	w->held = (struct nat_held_port *)sl_alloc_table(instance, ((size_t)w->held_mask + 1) *
									   sizeof(*w->held));
	return w->held != NULL ? 0 : sl_fail(errors, ENOMEM, "no memory for held ports");
}

/* Whether a forward's inside host is served by this worker. */
static bool serves(const struct nat_worker *w, const struct nat_forward *forward)
{
	return forward->outside.proto != 0 &&
	       nat_host_worker(w->layout, forward->inside.addr) == w->worker;
}

/* Forwards are mappings that were always there and never end. */
static void map_forwards(struct nat_worker *w)
{
	for (uint32_t i = 0; i < w->layout->forward_count; i++) {
		const struct nat_forward *forward = &w->layout->forwards[i];
		uint32_t slot = w->mapping_free;
		struct nat_mapping *mapping = &w->mappings[slot];
		uint64_t word = forward->inside.word;
		uint32_t hash = sl_index_hash(&word, sizeof(word));

		if (!serves(w, forward))
			continue;
		w->mapping_free = mapping->next;
		*mapping = (struct nat_mapping){
			.inside = forward->inside,
			.outside = forward->outside,
			.subscriber = SL_NO_SLOT,
			.created = 1,
			.forward = true,
		};
		/* Several outside ports may lead to one inside port: its own packets leave by
		 * the first. */
		if (sl_index_find(w->by_inside, &word, hash) == SL_NO_SLOT)
			mapping->by_inside = sl_index_add(w->by_inside, hash, slot) == 0;
		word = forward->outside.word;
		sl_index_add(w->by_outside, sl_index_hash(&word, sizeof(word)), slot);
		sl_nat_directory_set(w, mapping, true);
	}
}

int sl_nat_worker_init(struct sl_node *node, struct sl_errors *errors)
{
	struct nat_worker *w = (struct nat_worker *)node->state;
	struct nat *nat = (struct nat *)node->data;
	struct sl_instance *instance = node->instance;
	uint32_t workers = nat->layout->workers, forwards = 0;

	w->nat = nat;
	w->node = node;
	w->layout = nat->layout;
	w->worker = node->worker;
	w->tuning = atomic_load_explicit(&nat->tuning, memory_order_acquire);
	if (w->worker >= workers)
		return sl_fail(errors, EINVAL,
			       "worker %u of %u: its part of the port blocks is not known",
			       w->worker, workers);
	w->session_count = (uint32_t)((nat->params->sessions + workers - 1) / workers);
	w->subscriber_count = (uint32_t)((nat->params->subscribers + workers - 1) / workers);
	for (uint32_t i = 0; i < w->layout->forward_count; i++)
		forwards += serves(w, &w->layout->forwards[i]);
	w->mapping_count = w->session_count + forwards;
	if (make_sessions(w, instance, errors) != 0 || make_mappings(w, instance, errors) != 0 ||
	    make_permits(w, instance, errors) != 0 || make_subscribers(w, instance, errors) != 0 ||
	    make_timers(w, instance, node->now != NULL ? sl_now(node) : 0, errors) != 0 ||
	    sl_nat_ports_init(w, instance, errors) != 0)
		return -ENOMEM;
	map_forwards(w);
	return 0;
}
