/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/flow/drain.h>

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

#include <sluice/index.h>
#include <sluice/trail.h>

#include <core/flow/tuple.h>
#include <core/graph/hop.h>

/* Slots that a tick looks at: they are visited for what was fused. */
#define SLICE   1024u
#define TICK_MS 10

enum side { OLD, NEW };

/* Both directions, at this port. */
struct flow {
	struct sl_tuple key; /* the lower address first */
	uint64_t seen;       /* TSC */
	uint8_t side;        /* enum side */
	uint8_t fins;        /* bit per direction; ENDED */
	uint8_t pad[6];
};
#define ENDED 3

/* Slots are taken in turn. Once all are, one of the next few that is old no more makes room: the
 * one that was used the longest ago. */
#define FEW 16u

struct table {
	struct sl_index *index;
	struct flow *flows;
	struct sl_anchor *anchors; /* of each: its fused flows, both directions */
	uint32_t capacity, taken, hand;
	uint32_t tick;    /* the next slot to look at */
	uint64_t counted; /* old ones that have ended, in this round of looking */
	uint64_t gone;    /* and those that are old no more, or were forgotten */
	uint64_t over;    /* all these, when last looked */
	uint64_t seen;    /* the last packet of an old one */
	bool full;        /* no room was found since the last tick */
	/* No room for a new connection after the cut: TCP without a note may be one. */
	bool forgot;
	alignas(8) struct sl_tuple keys[SL_BURST];
	uint32_t hashes[SL_BURST];
	uint32_t slots[SL_BURST];
	uint8_t ways[SL_BURST]; /* direction: bit in `fins` */
	bool errors[SL_BURST];  /* ICMP errors about it: not of the flow itself */
};

enum counter {
	NOTED_OLD,
	NOTED_NEW,
	KNOWN,
	FULL,
	EVICTED,
};

/*
 * Keys
 */

static int compare_ends(const struct sl_tuple *key)
{
	int order = memcmp(key->source, key->destination, sizeof(key->source));

	return order != 0 ? order : memcmp(&key->sport, &key->dport, sizeof(key->sport));
}

static void make_key(struct table *table, uint16_t i, const struct rte_mbuf *m)
{
	struct sl_tuple *key = &table->keys[i];
	bool error = sl_tuple_of_quoted(key, m);

	table->errors[i] = error;
	table->ways[i] = 1;
	if (!error && !sl_tuple_of(key, m))
		key->family = 0;
	sl_tuple_add_echo(key, m, error);
	/* Fragments stay together: only the first has ports. */
	if (sl_packet(m)->flags & SL_PKT_FRAGMENT)
		key->sport = key->dport = 0;
	if (compare_ends(key) > 0) {
		sl_tuple_reverse(key);
		table->ways[i] = 2;
	}
	table->hashes[i] = sl_index_hash(key, sizeof(*key));
}

/* A slot may be gone, or have come, since the burst was looked up. */
static uint32_t find(const struct table *table, uint16_t i)
{
	uint32_t slot = table->slots[i];

	if (table->keys[i].family == 0)
		return SL_NO_SLOT;
	if (slot != SL_NO_SLOT &&
	    memcmp(&table->flows[slot].key, &table->keys[i], sizeof(table->keys[i])) == 0)
		return slot;
	return sl_index_find(table->index, &table->keys[i], table->hashes[i]);
}

static void look_up(struct table *table, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		make_key(table, i, pkts[i]);
	sl_index_find_bulk(table->index, table->keys, table->hashes, table->slots, n);
}

/*
 * The table
 */

static const struct sl_drain_config *config_of(const struct sl_node *node)
{
	return node->instance->config;
}

static bool live(const struct flow *flow, uint64_t now, uint64_t quiet)
{
	return flow->side == OLD && flow->fins != ENDED && now - flow->seen <= quiet;
}

static bool is_tcp(const struct sl_tuple *key)
{
	return key->proto == IPPROTO_TCP;
}

/* Somewhere for one more, or SL_NO_SLOT. */
static uint32_t make_room(struct sl_node *node, struct table *table)
{
	uint64_t now = sl_now(node), quiet = config_of(node)->quiet;
	uint32_t slot = SL_NO_SLOT;

	if (table->taken < table->capacity)
		return table->taken++;
	if (table->full)
		return slot;
	for (uint32_t i = 0; i < RTE_MIN(FEW, table->capacity); i++) {
		const struct flow *flow = &table->flows[table->hand];

		sl_anchor_sync(node, &table->anchors[table->hand]);
		if (!live(flow, now, quiet) &&
		    (slot == SL_NO_SLOT || flow->seen < table->flows[slot].seen))
			slot = table->hand;
		table->hand = table->hand + 1 == table->capacity ? 0 : table->hand + 1;
	}
	table->full = slot == SL_NO_SLOT;
	if (table->full)
		return slot;
	table->gone += table->flows[slot].side == OLD;
	table->forgot |= table->flows[slot].side == NEW && is_tcp(&table->flows[slot].key);
	sl_anchor_cut(node, &table->anchors[slot]);
	sl_index_remove(table->index,
			sl_index_hash(&table->flows[slot].key, sizeof(table->flows[slot].key)),
			slot);
	sl_count(node, EVICTED, 1);
	return slot;
}

static uint32_t add(struct sl_node *node, struct table *table, uint16_t i, enum side side)
{
	uint32_t slot = make_room(node, table);

	if (slot == SL_NO_SLOT) {
		sl_count(node, FULL, 1);
		table->forgot |= side == NEW && is_tcp(&table->keys[i]);
		return slot;
	}
	table->flows[slot] = (struct flow){.key = table->keys[i], .side = (uint8_t)side};
	sl_index_add(table->index, table->hashes[i], slot);
	sl_count(node, side == OLD ? NOTED_OLD : NOTED_NEW, 1);
	return slot;
}

static void renew(struct sl_node *node, struct table *table, uint32_t slot)
{
	sl_anchor_cut(node, &table->anchors[slot]);
	table->gone++;
	table->flows[slot].side = NEW;
	table->flows[slot].fins = 0;
	sl_count(node, NOTED_NEW, 1);
}

/* A packet of the flow: when it was, and whether it ends it (RFC 9293). */
static void note(struct sl_node *node, struct table *table, uint32_t slot, uint16_t i,
		 const struct rte_mbuf *m)
{
	struct flow *flow = &table->flows[slot];
	uint8_t tcp = sl_packet(m)->tcp_flags;

	if (table->errors[i])
		return;
	flow->seen = sl_now(node);
	if (flow->side == OLD)
		sl_tally(&table->seen, flow->seen - table->seen);
	if (tcp & RTE_TCP_RST_FLAG)
		flow->fins = ENDED;
	else if (tcp & RTE_TCP_FIN_FLAG)
		flow->fins |= table->ways[i];
}

static void credit(struct sl_node *node, uint64_t handle, const struct sl_usage *usage)
{
	struct table *table = node->state;
	struct flow *flow = &table->flows[handle];

	if (usage->seen > flow->seen)
		flow->seen = usage->seen;
	if (flow->side == OLD && usage->seen > table->seen)
		sl_tally(&table->seen, usage->seen - table->seen);
}

/*
 * Which way
 */

static bool is_syn(const struct rte_mbuf *m)
{
	return (sl_packet(m)->tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) ==
	       RTE_TCP_SYN_FLAG;
}

static bool known(struct sl_node *node, const struct sl_drain_config *config,
		  const struct rte_mbuf *m)
{
	const struct sl_graph *graph = sl_hop_of(node)->graph;

	for (unsigned int i = 0; i < config->asked_count; i++) {
		struct sl_hop *hop = sl_hop_by_number(graph, config->asked[i]);

		if (hop != NULL && sl_hop_knows(hop, m)) {
			sl_count(node, KNOWN, 1);
			return true;
		}
	}
	return false;
}

/* Of a packet whose flow was not noted. */
static enum side decide(struct sl_node *node, const struct sl_drain_config *config, bool cut,
			const struct rte_mbuf *m, bool error)
{
	const struct table *table = node->state;
	const struct sl_packet *packet = sl_packet(m);

	if (!cut || known(node, config, m))
		return OLD;
	if (config->sure || error || packet->proto != IPPROTO_TCP || packet->l4 == 0)
		return NEW;
	/* Also what answers a SYN: had that gone the old way, the flow were noted. Where notes are
	 * missing it is better to end what was silent all the while than what begins. */
	return packet->tcp_flags & RTE_TCP_SYN_FLAG || table->forgot ? NEW : OLD;
}

/* What is decided holds for the flow. Of one that is not noted: only if that needs no note. */
static void say(struct sl_node *node, struct table *table, uint32_t slot, bool holds,
		const struct rte_mbuf *m)
{
	struct sl_trail *trail = sl_trail(node, m);

	if (trail == NULL)
		return;
	if (slot != SL_NO_SLOT)
		sl_trail_session(trail, &table->anchors[slot], slot);
	else if (holds)
		sl_trail_pass(trail);
}

static void choose(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct sl_drain_config *config = config_of(node);
	struct table *table = node->state;
	bool cut = atomic_load_explicit(config->cut, memory_order_relaxed);

	look_up(table, pkts, n);
	for (uint16_t i = 0; i < n; i++) {
		uint32_t slot = find(table, i);
		bool error = table->errors[i];
		enum side side;

		if (slot != SL_NO_SLOT && cut && is_syn(pkts[i]) &&
		    table->flows[slot].side == OLD) {
			sl_anchor_sync(node, &table->anchors[slot]);
			if (!live(&table->flows[slot], sl_now(node), config->quiet))
				renew(node, table, slot); /* the old connection is over */
		}
		if (slot != SL_NO_SLOT) {
			side = (enum side)table->flows[slot].side;
		} else {
			side = decide(node, config, cut, pkts[i], error);
			if (!error && table->keys[i].family != 0 && (side == OLD || !config->sure))
				slot = add(node, table, i, side);
		}
		if (slot != SL_NO_SLOT)
			note(node, table, slot, i, pkts[i]);
		edge[i] = side == OLD ? SL_EDGE_FIRST : SL_ON;
		say(node, table, slot, side == NEW && config->sure, pkts[i]);
	}
}

static void take_note(struct sl_node *node, struct rte_mbuf **pkts, uint16_t n, enum side side)
{
	const struct sl_drain_config *config = config_of(node);
	struct table *table = node->state;

	look_up(table, pkts, n);
	for (uint16_t i = 0; i < n; i++) {
		uint32_t slot = find(table, i);

		/* A connection that began anew, as the other port knows. */
		if (slot != SL_NO_SLOT && side == NEW && table->flows[slot].side == OLD &&
		    !table->errors[i])
			renew(node, table, slot);
		if (slot == SL_NO_SLOT && !table->errors[i] && table->keys[i].family != 0 &&
		    (side == OLD || !config->sure))
			slot = add(node, table, i, side);
		if (slot != SL_NO_SLOT)
			note(node, table, slot, i, pkts[i]);
		say(node, table, slot, side == NEW && config->sure, pkts[i]);
	}
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	switch ((enum sl_drain_role)config_of(node)->roles[node->hop]) {
	case SL_DRAIN_CHOOSE:
		choose(node, pkts, edge, n);
		break;
	case SL_DRAIN_NOTE_OLD:
		take_note(node, pkts, n, OLD);
		break;
	case SL_DRAIN_NOTE_NEW:
		take_note(node, pkts, n, NEW);
		break;
	}
}

/* Count those that have ended, a slice at a time. */
static void tick(struct sl_node *node)
{
	struct table *table = node->state;
	uint64_t now = sl_now(node), quiet = config_of(node)->quiet;

	table->full = false;
	for (uint32_t i = 0; i < SLICE && table->tick < table->taken; i++) {
		uint32_t slot = table->tick++;
		struct flow *flow = &table->flows[slot];

		if (flow->side != OLD)
			continue;
		sl_anchor_sync(node, &table->anchors[slot]);
		if (!live(flow, now, quiet))
			table->counted++;
	}
	if (table->tick < table->taken)
		return;
	sl_tally(&table->over, table->counted + table->gone - table->over);
	table->tick = 0;
	table->counted = 0;
}

/*
 * The type
 */

void sl_drain_sum(const struct sl_instance *instance, struct sl_drain_count *sum)
{
	const struct sl_drain_config *config = instance->config;

	for (uint32_t w = 0; w < SL_MAX_WORKERS; w++) {
		const struct table *table = instance->state[w];
		const uint64_t *counters = instance->counters[w];
		uint64_t seen;

		if (table == NULL || counters == NULL)
			continue;
		seen = sl_tally_read(&table->seen);
		sum->seen = RTE_MAX(sum->seen, seen);
		sum->known += sl_tally_read(&counters[KNOWN]);
		sum->full += sl_tally_read(&counters[FULL]);
		if (!config->counts)
			continue;
		sum->noted += sl_tally_read(&counters[NOTED_OLD]);
		sum->over += sl_tally_read(&table->over);
	}
}

static int worker_init(struct sl_node *node, struct sl_errors *errors)
{
	const struct sl_drain_config *config = config_of(node);
	struct table *table = node->state;
	struct sl_index_shape shape;

	table->capacity = config->flows != 0 ? config->flows : SL_DRAIN_FLOWS;
	table->flows =
		sl_alloc_table(node->instance, (size_t)table->capacity * sizeof(struct flow));
	table->anchors =
		sl_alloc_table(node->instance, (size_t)table->capacity * sizeof(struct sl_anchor));
	if (table->flows == NULL || table->anchors == NULL)
		return sl_fail(errors, ENOMEM, "no memory to tell %u old flows from new ones",
			       table->capacity);
	shape = (struct sl_index_shape){
		.capacity = table->capacity,
		.key_size = sizeof(struct sl_tuple),
		.slots = table->flows,
		.stride = sizeof(struct flow),
		.key_offset = offsetof(struct flow, key),
	};
	table->index = sl_index_create(node->instance, &shape, errors);
	return table->index == NULL ? -ENOMEM : 0;
}

static const struct sl_name counters[] = {
	[NOTED_OLD] = {"old", "Flows noted as the old chain's."},
	[NOTED_NEW] = {"new", "Flows noted as the new chain's."},
	[KNOWN] = {"known", "Packets that a function of the old chain had a session of."},
	[FULL] = {"full", "Flows that were not noted as there was no room."},
	[EVICTED] = {"evicted", "Flows forgotten to make room for others."},
	{NULL, NULL},
};

const struct sl_node_type sl_drain_type = {
	.name = "drain",
	.doc = "Keeps flows on the old chain that began on it.",
	.flags = SL_NODE_STATEFUL | SL_NODE_TRAILS,
	.counters = counters,
	.config_size = sizeof(struct sl_drain_config),
	.state_size = sizeof(struct table),
	.worker_init = worker_init,
	.process = process,
	.tick = tick,
	.tick_ms = TICK_MS,
	.credit = credit,
};
