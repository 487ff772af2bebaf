/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/flow/pin.h>

#include <errno.h>
#include <stdalign.h>
#include <string.h>

#include <sluice/index.h>
#include <sluice/trail.h>

#include <core/flow/tuple.h>

#define DEFAULT_SESSIONS 65536

/* The tuple of what comes back, and the path it takes. */
struct pin {
	struct sl_tuple key;
	uint32_t last; /* burst that used it last */
	uint8_t rank;
	uint8_t pad[3];
};

/* Tuples of a burst, and the pins there are of them. */
struct lookup {
	alignas(8) struct sl_tuple keys[SL_BURST];
	uint32_t hashes[SL_BURST];
	uint32_t slots[SL_BURST];
};

/* A worker's table. Slots are taken in turn. Once all are, the one that was used the longest ago
 * among the next few makes room, and those few are passed over: near enough the oldest. */
#define FEW 16u

/* When a burst was looked up: what fused flows did is known by its time. */
struct moment {
	uint64_t time;
	uint32_t burst;
};
#define MOMENTS 64u /* of a second each, or longer */

struct table {
	struct sl_index *index;
	struct pin *pins;
	struct sl_anchor *anchors; /* of each pin: the fused flows of both directions */
	uint32_t capacity;
	uint32_t taken;
	uint32_t hand;
	uint32_t burst;  /* counts those looked up */
	uint32_t moment; /* counts those noted */
	struct moment moments[MOMENTS];
	struct lookup lookup;
};

enum counter {
	PINNED,
	EVICTED,
	FOUND,
	UNKNOWN,
};

static bool tuple_back(struct sl_tuple *tuple, const struct rte_mbuf *m)
{
	return sl_tuple_of_quoted(tuple, m) || sl_tuple_of(tuple, m);
}

static bool tuple_gone(struct sl_tuple *tuple, const struct rte_mbuf *m)
{
	if (!sl_tuple_of(tuple, m))
		return false;
	sl_tuple_reverse(tuple);
	return true;
}

static void look_up(struct table *table, uint64_t now, struct rte_mbuf **pkts, uint16_t n,
		    bool (*tuple)(struct sl_tuple *tuple, const struct rte_mbuf *m))
{
	struct lookup *lookup = &table->lookup;

	for (uint16_t i = 0; i < n; i++) {
		if (!tuple(&lookup->keys[i], pkts[i]))
			lookup->keys[i].family = 0;
		lookup->hashes[i] = sl_index_hash(&lookup->keys[i], sizeof(lookup->keys[i]));
	}
	table->burst++;
	if (unlikely(now - table->moments[table->moment % MOMENTS].time >= sl_hz()))
		table->moments[++table->moment % MOMENTS] =
			(struct moment){.time = now, .burst = table->burst};
	sl_index_find_bulk(table->index, lookup->keys, lookup->hashes, lookup->slots, n);
}

/* Fused flows of a session: they hold as long as the pin and its rank; what they do refreshes it. A
 * session that is not known yet may be at any time: nothing is said. */
static void say(struct sl_node *node, struct sl_trail *trail, uint32_t slot)
{
	struct table *table = node->state;

	if (trail != NULL)
		sl_trail_session(trail, &table->anchors[slot], slot);
}

/* The burst that was looked up at that time or last before it, as far as is known. */
static uint32_t burst_at(const struct table *table, uint64_t time)
{
	uint32_t burst = table->burst;

	for (uint32_t i = 0; i < MOMENTS; i++) {
		const struct moment *moment = &table->moments[(table->moment - i) % MOMENTS];

		if (moment->time <= time)
			break;
		burst = moment->burst;
	}
	return burst;
}

static void credit(struct sl_node *node, uint64_t handle, const struct sl_usage *usage)
{
	struct table *table = node->state;
	struct pin *pin = &table->pins[handle];
	uint32_t burst = burst_at(table, usage->seen);

	if (table->burst - burst < table->burst - pin->last)
		pin->last = burst;
}

static void unpin(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct table *table = node->state;
	const struct lookup *lookup = &table->lookup;
	uint16_t found = 0;

	look_up(table, sl_now(node), pkts, n, tuple_back);
	for (uint16_t i = 0; i < n; i++) {
		edge[i] = SL_ON;
		if (lookup->slots[i] != SL_NO_SLOT) {
			struct pin *pin = &table->pins[lookup->slots[i]];

			pin->last = table->burst;
			edge[i] = (uint8_t)(SL_EDGE_FIRST + pin->rank);
			found++;
		}
	}
	sl_count(node, FOUND, found);
	sl_count(node, UNKNOWN, n - found);
	for (uint16_t i = 0; sl_recording(node) && i < n; i++) {
		struct sl_trail *trail =
			lookup->slots[i] != SL_NO_SLOT ? sl_trail(node, pkts[i]) : NULL;

		if (trail != NULL) {
			sl_trail_count(trail, &node->counters[FOUND], NULL);
			say(node, trail, lookup->slots[i]);
		}
	}
}

/* Somewhere for one more: a slot that was never used, or that of a pin that makes room. */
static uint32_t make_room(struct sl_node *node, struct table *table)
{
	uint32_t slot = table->hand;

	if (table->taken < table->capacity)
		return table->taken++;
	for (uint32_t i = 0; i < RTE_MIN(FEW, table->capacity); i++) {
		sl_anchor_sync(node, &table->anchors[table->hand]);
		if (table->burst - table->pins[table->hand].last >
		    table->burst - table->pins[slot].last)
			slot = table->hand;
		table->hand = table->hand + 1 == table->capacity ? 0 : table->hand + 1;
	}
	sl_anchor_cut(node, &table->anchors[slot]);
	sl_index_remove(table->index,
			sl_index_hash(&table->pins[slot].key, sizeof(table->pins[slot].key)), slot);
	sl_count(node, EVICTED, 1);
	return slot;
}

static void pin(struct sl_node *node, struct rte_mbuf **pkts, uint16_t n, uint8_t rank)
{
	struct table *table = node->state;
	const struct lookup *lookup = &table->lookup;

	look_up(table, sl_now(node), pkts, n, tuple_gone);
	for (uint16_t i = 0; i < n; i++) {
		uint32_t slot = lookup->slots[i];

		if (lookup->keys[i].family == 0)
			continue;
		/* Not in the burst's lookup: perhaps since added, or evicted, by this burst. */
		if (slot == SL_NO_SLOT ||
		    memcmp(&table->pins[slot].key, &lookup->keys[i], sizeof(lookup->keys[i])) != 0)
			slot = sl_index_find(table->index, &lookup->keys[i], lookup->hashes[i]);
		if (slot == SL_NO_SLOT) {
			slot = make_room(node, table);
			table->pins[slot].key = lookup->keys[i];
			sl_index_add(table->index, lookup->hashes[i], slot);
			sl_count(node, PINNED, 1);
			table->pins[slot].rank = rank;
		}
		if (unlikely(table->pins[slot].rank != rank)) {
			sl_anchor_cut(node, &table->anchors[slot]);
			table->pins[slot].rank = rank;
		}
		table->pins[slot].last = table->burst;
		say(node, sl_trail(node, pkts[i]), slot);
	}
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct sl_pin_config *config =
		__atomic_load_n((const struct sl_pin_config **)node->data, __ATOMIC_ACQUIRE);
	uint8_t role = config->roles[node->hop];

	if (role == SL_PIN_LOOK_UP)
		unpin(node, pkts, edge, n);
	else
		pin(node, pkts, n, role);
}

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	*(const struct sl_pin_config **)sl_instance_data(instance) = config;
	return 0;
}

/* The hops are others; sessions stay where they are. */
static int configure(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	__atomic_store_n((const struct sl_pin_config **)sl_instance_data(instance), config,
			 __ATOMIC_RELEASE);
	return 0;
}

static int worker_init(struct sl_node *node, struct sl_errors *errors)
{
	const struct sl_pin_config *config = *(const struct sl_pin_config **)node->data;
	struct table *table = node->state;
	struct sl_index_shape shape;

	table->capacity = config->sessions != 0 ? config->sessions : DEFAULT_SESSIONS;
	table->pins = sl_alloc_table(node->instance, (size_t)table->capacity * sizeof(struct pin));
	table->anchors =
		sl_alloc_table(node->instance, (size_t)table->capacity * sizeof(struct sl_anchor));
	if (table->pins == NULL || table->anchors == NULL)
		return sl_fail(errors, ENOMEM, "no memory to remember the paths of %u sessions",
			       table->capacity);
	shape = (struct sl_index_shape){
		.capacity = table->capacity,
		.key_size = sizeof(struct sl_tuple),
		.slots = table->pins,
		.stride = sizeof(struct pin),
		.key_offset = offsetof(struct pin, key),
	};
	table->index = sl_index_create(node->instance, &shape, errors);
	return table->index == NULL ? -ENOMEM : 0;
}

static const struct sl_name counters[] = {
	[PINNED] = {"pinned", "Sessions whose path was noted."},
	[EVICTED] = {"evicted", "Sessions forgotten to make room for others."},
	[FOUND] = {"found", "Packets that took the path of their session."},
	[UNKNOWN] = {"unknown",
		     "Packets of no session that is known: went on by the port's own path."},
	{NULL, NULL},
};

const struct sl_node_type sl_pin_type = {
	.name = "pin",
	.doc = "Keeps a session on the path that it came out by.",
	.flags = SL_NODE_STATEFUL | SL_NODE_TRAILS,
	.counters = counters,
	.config_size = sizeof(struct sl_pin_config),
	.instance_size = sizeof(struct sl_pin_config *),
	.state_size = sizeof(struct table),
	.create = create,
	.configure = configure,
	.worker_init = worker_init,
	.process = process,
	.credit = credit,
};
