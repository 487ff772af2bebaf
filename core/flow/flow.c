/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows: made, tied to sessions, brought up to date, ended. A flow that was not used for a while
 * ends; when the table is full, the first one found that was idle for a second makes room, and if
 * there is none the newcomer is not fused.
 */
#include <errno.h>

#include <rte_cycles.h>

#include <core/flow/flow.h>

/* Flows looked at for one that may be evicted. */
#define EVICT_PROBES 8
/* Flows that one tick, a millisecond, looks at. */
#define AGE_SLICE 64
/* How long a round of the worker looks for stale flows: packets wait meanwhile. */
#define SWEEP_US 4
/* Slots and ties that are fetched ahead of those looked at. */
#define SWEEP_AHEAD 8
/* Slots and ties never used before that are fetched ahead of the one that is taken. */
#define FRESH_AHEAD 8

static int lane_init(struct lane *lane, uint32_t capacity, uint32_t stride, uint32_t key_size,
		     struct sl_errors *errors)
{
	struct sl_index_shape shape = {
		.capacity = capacity, .key_size = key_size, .stride = stride, .key_offset = 0};

	lane->stride = stride;
	lane->key_size = key_size;
	lane->capacity = capacity;
	lane->free = NONE;
	lane->growth = sl_growth_new(NULL, (size_t)capacity * stride, SL_GROWTH_HUGE);
	if (lane->growth == NULL)
		return sl_fail(errors, ENOMEM, "no memory for %u fused flows", capacity);
	lane->slots = sl_growth_memory(lane->growth);
	shape.slots = lane->slots;
	lane->index = sl_index_create(NULL, &shape, errors);
	return lane->index != NULL ? 0 : -ENOMEM;
}

int sl_flows_init(struct sl_fusion *fusion, struct sl_errors *errors)
{
	uint32_t flows = fusion->conf.flows;

	if (lane_init(&fusion->lanes[LANE4], flows, sizeof(struct flow4), sizeof(struct key4),
		      errors) != 0 ||
	    lane_init(&fusion->lanes[LANE6], flows, sizeof(struct flow6), sizeof(struct key6),
		      errors) != 0)
		return -ENOMEM;
	/* Address space only: as many as all flows could have. */
	fusion->tie_capacity = RTE_MIN(flows, UINT32_C(1) << 28) * MOST_TIES;
	fusion->tie_free = 0;
	fusion->tie_growth = sl_growth_new(NULL, (size_t)fusion->tie_capacity * sizeof(struct tie),
					   SL_GROWTH_HUGE);
	if (fusion->tie_growth == NULL)
		return sl_fail(errors, ENOMEM, "no memory for %u fused flows", flows);
	fusion->ties = sl_growth_memory(fusion->tie_growth);
	return 0;
}

static bool evict(struct sl_fusion *fusion, unsigned int number, uint64_t now)
{
	struct lane *lane = &fusion->lanes[number];

	for (unsigned int i = 0; i < EVICT_PROBES; i++) {
		uint32_t slot = lane->hand;

		lane->hand = lane->hand + 1 < lane->fresh ? lane->hand + 1 : 0;
		if (flow_usage(lane, slot)->course == NONE)
			continue;
		if (now - flow_usage(lane, slot)->seen < rte_get_tsc_hz())
			continue;
		sl_flow_end(fusion, slot | (number == LANE6 ? FLOW6 : 0));
		bump(&fusion->stats.evicted, 1);
		return true;
	}
	return false;
}

uint32_t sl_flow_add(struct sl_fusion *fusion, unsigned int number, const void *key, uint32_t hash,
		     uint64_t now)
{
	struct lane *lane = &fusion->lanes[number];
	struct usage *usage;
	uint32_t slot;

	if (lane->free == NONE && lane->fresh == lane->capacity)
		evict(fusion, number, now);
	slot = lane->free;
	if (slot == NONE) {
		slot = lane->fresh;
		if (slot == lane->capacity ||
		    !sl_growth_reach(lane->growth, ((size_t)slot + 1) * lane->stride))
			return NONE;
	}
	usage = flow_usage(lane, slot);
	memcpy(flow_slot(lane, slot), key, lane->key_size);
	if (sl_index_add(lane->index, hash, slot) != 0)
		return NONE;
	if (slot == lane->free) {
		lane->free = *flow_ties(lane, slot);
		if (lane->free != NONE)
			__builtin_prefetch(flow_slot(lane, lane->free), 1);
	} else {
		lane->fresh++;
		__builtin_prefetch(flow_slot(lane, slot + FRESH_AHEAD), 1);
	}
	*usage = (struct usage){.seen = now, .course = NONE};
	*flow_ties(lane, slot) = 0;
	*flow_round(lane, slot) = 0;
	bump(&fusion->stats.flows, 1);
	return slot;
}

/* ---- Ties ---- */

bool sl_flow_tie(struct sl_fusion *fusion, uint32_t flow, const struct trail_tie *wanted)
{
	const struct lane *lane = &fusion->lanes[flow & FLOW6 ? LANE6 : LANE4];
	uint32_t *ties = flow_ties(lane, flow & ~FLOW6), number = fusion->tie_free;
	struct tie *tie;
	uint8_t guards = 0;

	if (wanted->guards)
		guards = (uint8_t)(1 + (*ties != 0 ? tie_at(fusion, *ties)->guards : 0));
	if (number != 0) {
		tie = tie_at(fusion, number);
		fusion->tie_free = tie->next;
		if (tie->next != 0)
			__builtin_prefetch(tie_at(fusion, tie->next), 1);
	} else {
		if (fusion->tie_fresh == fusion->tie_capacity ||
		    !sl_growth_reach(fusion->tie_growth,
				     ((size_t)fusion->tie_fresh + 1) * sizeof(*tie)))
			return false;
		number = ++fusion->tie_fresh;
		tie = tie_at(fusion, number);
		__builtin_prefetch(tie_at(fusion, number + FRESH_AHEAD), 1);
	}
	*tie = (struct tie){
		.next_of_flow = *ties,
		.flow = flow,
		.next = wanted->anchor->first,
		.anchor = wanted->anchor,
		.node = wanted->node,
		.handle = wanted->handle,
		.longer = wanted->longer,
		.step = wanted->step,
		.guards = guards,
	};
	if (tie->next != 0)
		tie_at(fusion, tie->next)->prev = number;
	wanted->anchor->first = number;
	*ties = number;
	return true;
}

static void untie(struct sl_fusion *fusion, uint32_t number)
{
	struct tie *tie = tie_at(fusion, number);

	if (tie->prev != 0)
		tie_at(fusion, tie->prev)->next = tie->next;
	else
		tie->anchor->first = tie->next;
	if (tie->next != 0)
		tie_at(fusion, tie->next)->prev = tie->prev;
	tie->next = fusion->tie_free;
	fusion->tie_free = number;
}

/* ---- Sync and end ---- */

void sl_flow_sync(struct sl_fusion *fusion, uint32_t flow)
{
	const struct lane *lane = &fusion->lanes[flow & FLOW6 ? LANE6 : LANE4];
	struct usage *usage = flow_usage(lane, flow & ~FLOW6);
	uint32_t packets = usage->packets;
	uint64_t bytes = usage->bytes;

	if (packets == 0)
		return;
	usage->packets = 0;
	usage->bytes = 0;
	for (uint32_t i = *flow_ties(lane, flow & ~FLOW6); i != 0;) {
		const struct tie *tie = tie_at(fusion, i);
		struct sl_usage said = {
			.packets = packets,
			.bytes = bytes + packets * (uint64_t)(int64_t)tie->longer,
			.seen = usage->seen,
		};

		sl_hop_credit(sl_hop_of(tie->node), tie->handle, &said);
		i = tie->next_of_flow;
	}
}

void sl_flow_end(struct sl_fusion *fusion, uint32_t flow)
{
	struct lane *lane = &fusion->lanes[flow & FLOW6 ? LANE6 : LANE4];
	uint32_t slot = flow & ~FLOW6, *ties = flow_ties(lane, slot);
	struct usage *usage = flow_usage(lane, slot);
	const struct key4 *key4 = flow_slot(lane, slot);
	const struct key6 *key6 = flow_slot(lane, slot);

	sl_flow_sync(fusion, flow);
	for (uint32_t i = *ties; i != 0;) {
		uint32_t next = tie_at(fusion, i)->next_of_flow;

		untie(fusion, i);
		i = next;
	}
	sl_index_remove(lane->index, sl_index_hash(flow_slot(lane, slot), lane->key_size), slot);
	if (usage->course != NONE)
		sl_course_put(fusion, usage->course);
	sl_context_put(fusion, flow & FLOW6 ? key6->context : key4->context);
	usage->course = NONE;
	*ties = lane->free;
	lane->free = slot;
	bump(&fusion->stats.flows, UINT64_MAX);
}

void sl_anchor_sync(struct sl_node *node, struct sl_anchor *anchor)
{
	struct sl_fusion *fusion;

	if (likely(anchor->first == 0))
		return;
	fusion = fusion_of(node);
	for (uint32_t i = anchor->first; i != 0; i = tie_at(fusion, i)->next)
		sl_flow_sync(fusion, tie_at(fusion, i)->flow);
}

void sl_anchor_cut(struct sl_node *node, struct sl_anchor *anchor)
{
	struct sl_fusion *fusion;

	/* What a trail says of it that has not come to its end is no longer true. */
	if (sl_recording(node)) {
		fusion = fusion_of(node);
		*cut_slot(fusion, anchor) = ++fusion->cuts;
	}
	if (likely(anchor->first == 0))
		return;
	fusion = fusion_of(node);
	while (anchor->first != 0) {
		sl_flow_end(fusion, tie_at(fusion, anchor->first)->flow);
		bump(&fusion->stats.cut, 1);
	}
}

/* ---- Ageing ---- */

/* What ending a flow will touch: its line first, then its tie and where the index has it. */
static void fetch_flow(const struct sl_fusion *fusion, const struct lane *lane, uint32_t slot)
{
	uint32_t next = slot - SWEEP_AHEAD / 2, tie;

	if (slot < SWEEP_AHEAD)
		return;
	__builtin_prefetch(flow_slot(lane, slot - SWEEP_AHEAD), 1);
	tie = *flow_ties(lane, next);
	if (flow_usage(lane, next)->course != NONE && tie != 0)
		__builtin_prefetch(tie_at(fusion, tie), 1);
}

/* Until then. Whether it came to the end. */
static bool sweep(struct sl_fusion *fusion, unsigned int number, uint64_t until)
{
	struct lane *lane = &fusion->lanes[number];

	while (lane->swept > 0) {
		uint32_t slot = --lane->swept;
		const struct usage *usage = flow_usage(lane, slot);

		fetch_flow(fusion, lane, slot);
		if (usage->course != NONE && !course_at(fusion, usage->course)->valid)
			sl_flow_end(fusion, slot | (number == LANE6 ? FLOW6 : 0));
		if (slot % 4 == 0 && rte_rdtsc() > until)
			break;
	}
	return lane->swept == 0;
}

bool sl_flows_sweep(struct sl_fusion *fusion)
{
	uint64_t until = rte_rdtsc() + rte_get_tsc_hz() / 1000000 * SWEEP_US;

	if (!sweep(fusion, LANE4, until) || !sweep(fusion, LANE6, until))
		return true;
	atomic_store_explicit(&fusion->swept_changes, fusion->sweeping, memory_order_release);
	fusion->sweeping = 0;
	return false;
}

static void age(struct sl_fusion *fusion, unsigned int number, uint64_t now)
{
	struct lane *lane = &fusion->lanes[number];
	/* All of them eight times in the time a flow may be idle. */
	uint64_t ticks = fusion->conf.idle / (rte_get_tsc_hz() / 1000) / 8 + 1;
	uint32_t slice = (uint32_t)(lane->fresh / ticks) + 1;

	slice = RTE_MIN(RTE_MIN(slice, lane->fresh), 4u * AGE_SLICE);
	for (uint32_t i = 0; i < slice; i++) {
		uint32_t slot = lane->hand;
		const struct usage *usage = flow_usage(lane, slot);

		lane->hand = lane->hand + 1 < lane->fresh ? lane->hand + 1 : 0;
		rte_prefetch0(flow_usage(lane, lane->hand));
		if (usage->course == NONE)
			continue;
		if (now > usage->seen && now - usage->seen > fusion->conf.idle) {
			sl_flow_end(fusion, slot | (number == LANE6 ? FLOW6 : 0));
			bump(&fusion->stats.aged, 1);
		} else if (usage->packets > UINT32_MAX / 2) {
			sl_flow_sync(fusion, slot | (number == LANE6 ? FLOW6 : 0));
		}
	}
}

void sl_flows_age(struct sl_fusion *fusion, uint64_t now)
{
	for (unsigned int lane = 0; lane < LANES; lane++)
		age(fusion, lane, now);
}
