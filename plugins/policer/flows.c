/* SPDX-License-Identifier: BSD-3-Clause */
/* Meters of flows, sources and destinations: a table for each worker. */
#include <string.h>

#include "policer.h"

/* Slots that one tick looks at, and that a packet looks at when the table is full. */
#define TICK_SLICE 1024
#define FULL_SLICE 8

int sl_pol_worker_init(struct sl_node *node, struct sl_errors *errors)
{
	const struct policer *policer = node->data;
	struct pol_worker *worker = node->state;
	struct sl_index_shape shape = {
		.capacity = (uint32_t)policer->flows,
		.key_size = sizeof(struct pol_key),
		.stride = sizeof(struct pol_flow),
		.key_offset = offsetof(struct pol_flow, key),
	};

	worker->capacity = shape.capacity;
	worker->free = SL_NO_SLOT;
	shape.slots = worker->flows =
		sl_alloc_table(node->instance, (size_t)shape.capacity * sizeof(struct pol_flow));
	worker->changed =
		sl_alloc(node->instance, sl_mark_words(shape.capacity) * sizeof(*worker->changed));
	if (worker->flows == NULL || worker->changed == NULL)
		return sl_fail(errors, ENOMEM, "no memory for %u flows; lower `flows`",
			       shape.capacity);
	worker->index = sl_index_create(node->instance, &shape, errors);
	return worker->index == NULL ? -ENOMEM : 0;
}

static void put_addrs(const struct rte_mbuf *m, uint8_t *source, uint8_t *destination)
{
	const uint8_t *ip = sl_l3(m);

	if (sl_packet(m)->family == SL_L3_IPV4) {
		memcpy(source, ip + 12, 4);
		memcpy(destination, ip + 16, 4);
	} else {
		memcpy(source, ip + 8, 16);
		memcpy(destination, ip + 24, 16);
	}
}

/* What is no IP shares a key, and so do fragments of a pair of addresses and a protocol: only the
 * first has ports. */
void sl_pol_key(struct pol_key *key, const struct pol_set *set, uint32_t number, unsigned int side,
		const struct rte_mbuf *m)
{
	const struct pol_policy *policy = &set->policies[number];
	const struct sl_packet *p = sl_packet(m);
	/* Symmetric: as packets from inside have it. */
	bool swap = policy->symmetric && side == SL_OUTSIDE;

	memset(key, 0, sizeof(*key));
	key->policy = (uint16_t)number;
	key->generation = set->generation;
	key->side = policy->symmetric ? POL_BOTH_SIDES : (uint8_t)side;
	key->vlan = p->vlan & 0xfff;
	if (!sl_is_ip(m))
		return;
	key->family = p->family;
	put_addrs(m, swap ? key->destination : key->source, swap ? key->source : key->destination);
	if (policy->per == POL_SOURCE) {
		memset(key->destination, 0, sizeof(key->destination));
	} else if (policy->per == POL_DESTINATION) {
		memset(key->source, 0, sizeof(key->source));
	} else {
		key->proto = p->proto;
		if (sl_has_ports(m) && !(p->flags & SL_PKT_FRAGMENT)) {
			const uint8_t *ports = sl_l4(m);

			memcpy(swap ? &key->dport : &key->sport, ports, 2);
			memcpy(swap ? &key->sport : &key->dport, ports + 2, 2);
		}
	}
}

static void end(struct sl_node *node, struct pol_flow *flow)
{
	struct pol_worker *worker = node->state;
	uint32_t slot = (uint32_t)(flow - worker->flows);

	sl_anchor_cut(node, &flow->anchor);
	sl_index_remove(worker->index, sl_index_hash(&flow->key, sizeof(flow->key)), slot);
	flow->seen = 0;
	flow->next = worker->free;
	worker->free = slot;
	sl_count(node, POL_COUNT_FLOWS_ENDED, 1);
}

/* Age so many slots, on from where the last call ended. */
static void age(struct sl_node *node, const struct pol_set *set, uint32_t slots)
{
	struct pol_worker *worker = node->state;

	for (uint32_t i = 0; i < RTE_MIN(slots, worker->fresh); i++) {
		struct pol_flow *flow;

		if (worker->hand >= worker->fresh)
			worker->hand = 0;
		flow = &worker->flows[worker->hand++];
		if (flow->seen == 0)
			continue;
		/* Those of another configuration meter nothing any more. */
		if (flow->key.generation != set->generation ||
		    (int64_t)(sl_now(node) - flow->seen) >
			    (int64_t)set->policies[flow->key.policy].idle)
			end(node, flow);
	}
}

void sl_pol_tick(struct sl_node *node)
{
	age(node, sl_pol_set(node), TICK_SLICE);
}

uint32_t sl_pol_flow_add(struct sl_node *node, const struct pol_set *set, const struct pol_key *key,
			 uint32_t hash)
{
	struct pol_worker *worker = node->state;
	struct pol_flow *flow;
	uint32_t slot;

	if (worker->free == SL_NO_SLOT && worker->fresh == worker->capacity)
		age(node, set, FULL_SLICE);
	if (worker->free != SL_NO_SLOT) {
		slot = worker->free;
		worker->free = worker->flows[slot].next;
	} else if (worker->fresh < worker->capacity) {
		slot = worker->fresh++;
	} else {
		return SL_NO_SLOT;
	}
	flow = &worker->flows[slot];
	flow->key = *key;
	flow->seen = sl_now(node);
	memset(&flow->count, 0, sizeof(flow->count));
	sl_pol_meter_reset(&flow->meter, &set->policies[key->policy].profile, sl_now(node));
	if (sl_index_add(worker->index, hash, slot) != 0) {
		flow->seen = 0;
		flow->next = worker->free;
		worker->free = slot;
		return SL_NO_SLOT;
	}
	sl_mark(worker->changed, slot);
	sl_count(node, POL_COUNT_FLOWS_MADE, 1);
	return slot;
}
