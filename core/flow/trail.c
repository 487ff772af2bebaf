/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recording. A trail holds the packet as it is known to be at each step: the bytes before the
 * network header that it came with (all of them the same for the whole flow: see struct context),
 * and what of that header and the transport header the flow's key holds. Nodes change this
 * picture as they change the packet (trail_say.c). Here: where trails begin, go on and end.
 */
#include <errno.h>
#include <stdlib.h>

#include <core/flow/flow.h>
#include <core/graph/frame.h>
#include <core/plugin/instance.h>

int sl_trails_init(struct sl_fusion *fusion, struct sl_errors *errors)
{
	fusion->trails = sl_alloc_table(NULL, MOST_TRAILS * sizeof(struct sl_trail));
	if (fusion->trails == NULL)
		return sl_fail(errors, ENOMEM, "no memory for flow fusion");
	fusion->trail_free = NONE;
	for (uint32_t i = MOST_TRAILS; i-- > 0;) {
		fusion->trails[i].fusion = fusion;
		fusion->trails[i].next = fusion->trail_free;
		fusion->trail_free = i;
	}
	return 0;
}

/* ---- Begin and end ---- */

struct sl_trail *sl_trail_begin(struct sl_fusion *fusion, struct sl_graph *graph,
				struct rte_mbuf *m, unsigned int lane, const void *key,
				const struct context *context, uint32_t hash)
{
	uint32_t number = fusion->trail_free;
	const struct sl_packet *p = sl_packet(m);
	struct sl_trail *trail;

	if (number == NONE)
		return NULL;
	trail = &fusion->trails[number];
	fusion->trail_free = trail->next;
	trail->m = m;
	trail->refused = trail->spoken = trail->verify = false;
	trail->lane = (uint8_t)lane;
	trail->hash = hash;
	trail->bare = sl_key_bare(lane, key);
	trail->context = *context;
	trail->changes = fusion->seen_changes;
	trail->step_count = trail->credit_count = trail->tie_count = 0;
	trail->came_l3 = trail->front_length = p->l3;
	memcpy(trail->front, rte_pktmbuf_mtod(m, void *), p->l3);
	trail->front_changed = trail->tos_set = trail->addresses_set = trail->mark_set = false;
	trail->l3 = trail->l4 = ORIGINAL;
	trail->family = p->family;
	trail->ttl_less = trail->ttl_least = 0;
	trail->most = UINT32_MAX;
	trail->fix_count = trail->sum_count = 0;
	trail->entropy_at = SL_PUSH_NONE;
	if (lane == LANE4) {
		memcpy(&trail->key4, key, sizeof(trail->key4));
		memcpy(trail->src, &trail->key4.src, 4);
		memcpy(trail->dst, &trail->key4.dst, 4);
		trail->sport = trail->key4.sport;
		trail->dport = trail->key4.dport;
		trail->tos = trail->key4.tos;
	} else {
		memcpy(&trail->key6, key, sizeof(trail->key6));
		memcpy(trail->src, trail->key6.src, 16);
		memcpy(trail->dst, trail->key6.dst, 16);
		trail->sport = trail->key6.sport;
		trail->dport = trail->key6.dport;
		trail->tos = trail->key6.tos;
	}
	sl_packet(m)->flags |= SL_PKT_TRAIL;
	m->hash.fdir.hi = (m->hash.fdir.hi & 0xffff) | number << 16;
	graph->recording++;
	return trail;
}

void sl_trail_end(struct sl_fusion *fusion, struct sl_graph *graph, struct sl_trail *trail)
{
	if (trail->verify && trail->expected.m != NULL)
		rte_pktmbuf_free(trail->expected.m);
	trail->verify = false;
	trail->expected.m = NULL;
	trail->m = NULL;
	trail->next = fusion->trail_free;
	fusion->trail_free = (uint32_t)(trail - fusion->trails);
	graph->recording--;
}

/* ---- Steps ---- */

static struct sl_trail *trail_of(struct sl_fusion *fusion, const struct rte_mbuf *m)
{
	uint32_t number = trail_number(m);

	if ((sl_packet(m)->flags & SL_PKT_TRAIL) == 0 || number >= MOST_TRAILS ||
	    fusion->trails[number].m != m)
		return NULL;
	return &fusion->trails[number];
}

static void refuse_flow(struct sl_fusion *fusion, const struct sl_trail *trail, uint64_t now)
{
	uint32_t at = trail->bare % REFUSE_SLOTS;

	/* Some ten milliseconds: what is not settled now may be soon. */
	fusion->refused[at].hash = trail->bare;
	fusion->refused[at].until = (uint32_t)(now >> 20) + 25;
	bump(&fusion->stats.refused, 1);
}

static void give_up(struct sl_fusion *fusion, struct sl_graph *graph, struct sl_trail *trail)
{
	if (trail->verify) {
		bump(&fusion->stats.unverified, 1);
	} else {
		refuse_flow(fusion, trail, graph->now);
	}
	sl_trail_end(fusion, graph, trail);
}

/* Whether a session was cut after it was said. */
static bool cut_since(struct sl_fusion *fusion, const struct sl_trail *trail)
{
	for (uint32_t i = 0; i < trail->tie_count; i++)
		if (fusion->cuts > trail->ties[i].cuts &&
		    *cut_slot(fusion, trail->ties[i].anchor) > trail->ties[i].cuts)
			return true;
	return false;
}

/* The packet's end of the trail: at a hop, or dropped by the one it is in. */
static void finish(struct sl_fusion *fusion, struct sl_graph *graph, struct sl_trail *trail,
		   struct sl_hop *hop, bool drop, uint8_t reason)
{
	if (trail->verify) {
		sl_verify_end(fusion, trail, drop, reason, hop);
	} else if (trail->refused || (!drop && hop->fuse_edge == 0) ||
		   trail->changes != sl_fusion_changes() || cut_since(fusion, trail)) {
		refuse_flow(fusion, trail, graph->now);
	} else {
		sl_trail_compile(fusion, trail, drop ? NULL : hop, reason, graph->now);
	}
	sl_trail_end(fusion, graph, trail);
}

/* What entering the flows of trails that end here will look at, for all of the burst at once. */
static void fetch_ends(struct sl_fusion *fusion, const struct sl_frame *frame)
{
	for (uint16_t i = 0; i < frame->n; i++) {
		const struct sl_trail *trail = trail_of(fusion, frame->pkts[i]);

		if (trail == NULL || trail->refused || trail->verify)
			continue;
		sl_index_fetch(fusion->lanes[trail->lane].index, trail->hash);
		for (uint32_t t = 0; t < trail->tie_count; t++)
			__builtin_prefetch(trail->ties[t].anchor, 1);
	}
}

/* Before a hop's process(): the trails of those packets are known by their place while it runs, for
 * afterwards a packet may be somebody else's. */
void sl_trails_arrive(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frame)
{
	struct sl_fusion *fusion = graph->conf.fusion;

	fusion->burst_count = 0;
	if (hop->barrier)
		fetch_ends(fusion, frame);
	for (uint16_t i = 0; i < frame->n; i++) {
		struct rte_mbuf *m = frame->pkts[i];
		struct sl_trail *trail;

		if ((sl_packet(m)->flags & SL_PKT_TRAIL) == 0)
			continue;
		trail = trail_of(fusion, m);
		if (trail != NULL && !hop->barrier && !hop->fuses) {
			struct step *step = &trail->steps[trail->step_count];

			trail->spoken = false;
			memset(step, 0, sizeof(*step));
			/* Before it decides: what it goes by may change while it does. */
			step->epoch = atomic_load_explicit(&hop->node.instance->fusion_epoch,
							   memory_order_acquire);
			step->longer = (int16_t)((int)trail->front_length - (int)trail->came_l3);
			fusion->burst[fusion->burst_count].place = i;
			fusion->burst[fusion->burst_count++].trail = trail;
			continue;
		}
		if (hop->fuses && trail != NULL)
			continue; /* it goes on being recorded */
		sl_packet(m)->flags &= (uint16_t)~SL_PKT_TRAIL;
		if (trail != NULL)
			finish(fusion, graph, trail, hop, false, 0);
	}
}

void sl_trails_leave(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frame)
{
	struct sl_fusion *fusion = graph->conf.fusion;

	for (uint16_t i = 0; i < fusion->burst_count; i++) {
		struct sl_trail *trail = fusion->burst[i].trail;
		uint8_t edge = graph->edge[fusion->burst[i].place];
		bool drop =
			edge >= SL_EDGE_DROP && edge - (uint32_t)SL_EDGE_DROP < hop->own_reasons;
		bool on = edge < hop->node.edge_count && edge != SL_BACK &&
			  hop->targets[edge] != NULL && hop->targets[edge]->rank > hop->rank;
		struct step *step = &trail->steps[trail->step_count];

		for (uint32_t t = 0; t < trail->tie_count; t++) {
			if (trail->ties[t].step != trail->step_count)
				continue;
			trail->ties[t].node = &hop->node;
			/* It asks about each packet, so this drop is only this packet's. */
			trail->refused |= drop && trail->ties[t].guards;
		}
		step->hop = hop;
		step->instance = hop->node.instance;
		if (trail->step_count + 1 == MOST_STEPS)
			trail->refused = true;
		else
			trail->step_count++;
		if (drop && (trail->spoken || trail->verify)) {
			finish(fusion, graph, trail, hop, true,
			       (uint8_t)(edge - (uint32_t)SL_EDGE_DROP));
			continue;
		}
		if (on && trail->spoken && !trail->refused)
			continue;
		if (on && trail->verify) {
			trail->refused |= !trail->spoken;
			continue; /* what comes out can be compared all the same */
		}
		if (edge < hop->node.edge_count) /* else it may be another thread's by now */
			sl_packet(frame->pkts[fusion->burst[i].place])->flags &=
				(uint16_t)~SL_PKT_TRAIL;
		give_up(fusion, graph, trail);
	}
	fusion->burst_count = 0;
}

void sl_trails_fault(struct sl_graph *graph)
{
	struct sl_fusion *fusion = graph->conf.fusion;

	for (uint16_t i = 0; fusion != NULL && i < fusion->burst_count; i++)
		give_up(fusion, graph, fusion->burst[i].trail);
	if (fusion != NULL)
		fusion->burst_count = 0;
}

void sl_trails_abandon(struct sl_graph *graph)
{
	struct sl_fusion *fusion = graph->conf.fusion;

	for (uint32_t i = 0; i < MOST_TRAILS && graph->recording > 0; i++)
		if (fusion->trails[i].m != NULL)
			give_up(fusion, graph, &fusion->trails[i]);
	graph->recording = 0;
}
