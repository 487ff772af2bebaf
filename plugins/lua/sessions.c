/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions whose verdict is known: a table for each worker. */
#include <string.h>

#include "script.h"

/* Slots that one tick looks at, and that a packet looks at when the table is full. */
#define TICK_SLICE 4096
#define FULL_SLICE 8

int sl_policy_worker_init(struct sl_node *node, struct sl_errors *errors)
{
	const struct script_instance *script = node->data;
	struct policy_worker *worker = node->state;
	struct sl_index_shape shape = {
		.capacity = (uint32_t)script->sessions,
		.key_size = sizeof(struct policy_key),
		.stride = sizeof(struct policy_session),
		.key_offset = offsetof(struct policy_session, key),
	};

	worker->capacity = shape.capacity;
	worker->free = SL_NO_SLOT;
	shape.slots = worker->sessions = sl_alloc_table(
		node->instance, (size_t)shape.capacity * sizeof(struct policy_session));
	if (worker->sessions == NULL)
		return sl_fail(errors, ENOMEM, "no memory for %u sessions; lower `sessions`",
			       shape.capacity);
	worker->index = sl_index_create(node->instance, &shape, errors);
	if (worker->index == NULL)
		return -ENOMEM;
	return sl_script_worker_init(node, SCRIPT_POLICY, errors);
}

/* An echo's reply belongs to its request (RFC 792, RFC 4443 section 4); other types stand for
 * themselves. */
static uint8_t icmp_kind(uint8_t family, uint8_t type)
{
	if (family == SL_L3_IPV4)
		return type == 0 ? 8 : type;
	return type == 129 ? 128 : type;
}

uint8_t sl_policy_key(struct policy_key *key, const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const uint8_t *ip = sl_l3(m);
	const uint8_t *addrs = ip + (p->family == SL_L3_IPV4 ? 12 : 8);
	uint32_t size = p->family == SL_L3_IPV4 ? 4 : 16;
	uint16_t port[2] = {0, 0};
	uint8_t high;
	int order;

	memset(key, 0, sizeof(*key));
	if (sl_has_ports(m)) {
		memcpy(port, sl_l4(m), sizeof(port));
	} else if (p->l4 != 0 &&
		   p->proto == (p->family == SL_L3_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
		const struct rte_icmp_hdr *icmp = sl_icmp(m);

		key->kind = icmp_kind(p->family, icmp->icmp_type);
		if (key->kind == (p->family == SL_L3_IPV4 ? 8 : 128))
			port[0] = port[1] = icmp->icmp_ident;
	}
	order = memcmp(addrs, addrs + size, size);
	high = order > 0 || (order == 0 && port[0] > port[1]);
	memcpy(key->addr[high], addrs, size);
	memcpy(key->addr[!high], addrs + size, size);
	key->port[high] = port[0];
	key->port[!high] = port[1];
	key->vlan = p->vlan & 0xfff;
	key->proto = p->proto;
	key->family = p->family;
	return high;
}

void sl_policy_remove(struct sl_node *node, uint32_t slot)
{
	struct policy_worker *worker = node->state;
	struct policy_session *session = &worker->sessions[slot];

	sl_anchor_cut(node, &session->anchor);
	sl_index_remove(worker->index, sl_index_hash(&session->key, sizeof(session->key)), slot);
	session->seen = 0;
	session->next = worker->free;
	worker->free = slot;
	sl_count(node, SCRIPT_COUNT_ENDED, 1);
}

static void age(struct sl_node *node, uint32_t slots)
{
	const struct policy_config *config = sl_policy_config(sl_script_machine(node));
	uint64_t idle = (uint64_t)((double)config->idle * (double)sl_hz() / 1e9);
	struct policy_worker *worker = node->state;

	for (uint32_t i = 0; i < RTE_MIN(slots, worker->fresh); i++) {
		struct policy_session *session;

		if (worker->hand >= worker->fresh)
			worker->hand = 0;
		session = &worker->sessions[worker->hand];
		if (session->seen != 0 && (int64_t)(sl_now(node) - session->seen) > (int64_t)idle) {
			sl_anchor_sync(node, &session->anchor);
			if ((int64_t)(sl_now(node) - session->seen) > (int64_t)idle)
				sl_policy_remove(node, worker->hand);
		}
		worker->hand++;
	}
}

void sl_policy_age(struct sl_node *node)
{
	age(node, TICK_SLICE);
}

uint32_t sl_policy_add(struct sl_node *node, const struct policy_key *key, uint32_t hash)
{
	struct policy_worker *worker = node->state;
	struct policy_session *session;
	uint32_t slot;

	if (worker->free == SL_NO_SLOT && worker->fresh == worker->capacity)
		age(node, FULL_SLICE);
	if (worker->free != SL_NO_SLOT) {
		slot = worker->free;
		worker->free = worker->sessions[slot].next;
	} else if (worker->fresh < worker->capacity) {
		slot = worker->fresh++;
	} else {
		return SL_NO_SLOT;
	}
	session = &worker->sessions[slot];
	memset(session, 0, sizeof(*session));
	session->key = *key;
	if (sl_index_add(worker->index, hash, slot) != 0) {
		session->next = worker->free;
		worker->free = slot;
		return SL_NO_SLOT;
	}
	session->seen = sl_now(node);
	return slot;
}
