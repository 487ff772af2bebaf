/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which function a hop is called by: its type's, or one that stands in for it where packets go to
 * another worker or the instance is in quarantine; and in front of either, whoever looks on. Only
 * sl_hop_direct() writes it, from what the hop is at the moment: so it does not matter in which
 * order watches and quarantines come and go.
 */
#include <string.h>

#include <sluice/trail.h>

#include <core/graph/hop.h>
#include <core/graph/watch.h>
#include <core/plugin/instance.h>

static void drop_all(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct sl_hop *hop = sl_hop_of(node);

	sl_hop_drop(hop, hop->own_reasons + SL_REASON_QUARANTINE, pkts, n);
	memset(edge, SL_GONE, n);
}

static void bypass(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	for (uint16_t i = 0; sl_recording(node) && i < n; i++) {
		struct sl_trail *trail = sl_trail(node, pkts[i]);

		if (trail != NULL)
			sl_trail_pass(trail);
	}
}

static sl_process_fn what_runs(const struct sl_hop *hop)
{
	if (hop->remote)
		return sl_hop_hand_over;
	switch ((enum sl_quarantine)hop->quarantined) {
	case SL_QUARANTINE_DROP:
		return drop_all;
	case SL_QUARANTINE_BYPASS:
		return bypass;
	case SL_QUARANTINE_NONE:
		break;
	}
	return hop->type->process;
}

void sl_hop_direct(struct sl_hop *hop)
{
	hop->unwatched = what_runs(hop);
	hop->process = hop->watched ? sl_watch_process : hop->unwatched;
}

void sl_graph_quarantine(struct sl_graph *graph)
{
	graph->quarantines = atomic_load_explicit(&sl_quarantines, memory_order_acquire);
	for (uint16_t i = 0; i < graph->hop_count; i++) {
		struct sl_hop *hop = &graph->hops[i];

		if (hop->own)
			continue;
		hop->quarantined = (uint8_t)sl_instance_quarantined(hop->node.instance);
		sl_hop_direct(hop);
	}
}
