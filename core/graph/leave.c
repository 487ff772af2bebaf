/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/graph/frame.h>
#include <core/graph/watch.h>

/* How packets leave a hop other than forward, to a hop that comes later in the order. */

static void turn_back(struct sl_graph *graph, struct sl_hop *hop, struct sl_hop *target,
		      struct rte_mbuf **pkts, uint16_t n);

void sl_hop_leave(struct sl_graph *graph, struct sl_hop *hop, uint8_t edge,
		  struct rte_mbuf **picked, uint16_t count)
{
	uint32_t reason;

	if (edge == SL_SENT && hop->own) {
		sl_tally(&graph->sent, count);
		return;
	}
	if (edge == SL_JOINED && hop->own) {
		sl_tally(&graph->joined, count);
		return;
	}
	if (edge == SL_HANDED && hop->own) {
		sl_tally(&graph->handed, count);
		return;
	}
	if (edge == SL_HELD && hop->holds) {
		sl_tally(&hop->held, count);
		return;
	}
	if (edge == SL_GONE && (hop->remote || hop->fuses || hop->quarantined))
		return;
	if (edge < hop->node.edge_count && hop->targets[edge] != NULL) {
		if (hop->targets[edge]->rank <= hop->rank) {
			turn_back(graph, hop, hop->targets[edge], picked, count);
			return;
		}
		reason = hop->own_reasons + SL_REASON_NO_FRAME;
	} else if (edge < hop->node.edge_count) {
		reason = hop->own_reasons + SL_REASON_NO_WAY;
	} else if (edge >= SL_EDGE_DROP && edge - (uint32_t)SL_EDGE_DROP < hop->own_reasons) {
		reason = edge - (uint32_t)SL_EDGE_DROP;
	} else if (hop->own) {
		reason = hop->own_reasons + SL_REASON_BAD_EDGE;
	} else {
		sl_graph_wild_edge(graph, hop, edge, picked, count);
		return;
	}
	sl_hop_drop(hop, reason, picked, count);
}

void sl_hop_drop(struct sl_hop *hop, uint32_t reason, struct rte_mbuf **pkts, uint16_t n)
{
	if (n == 0)
		return;
	sl_tally(&hop->drops[reason], n);
	if (unlikely(hop->graph->views != NULL))
		sl_watch_dropped(hop, reason, pkts, n, false);
	rte_pktmbuf_free_bulk(pkts, n);
}

/* To a hop that comes no later in the order: that, any loop does at some point. */
static void turn_back(struct sl_graph *graph, struct sl_hop *hop, struct sl_hop *target,
		      struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *lost[SL_BURST];
	uint16_t kept = 0, lost_count = 0;
	struct sl_frame *frame;

	for (uint16_t i = 0; i < n; i++) {
		struct sl_packet *packet = sl_packet(pkts[i]);

		if (packet->rounds >= graph->conf.max_rounds) {
			lost[lost_count++] = pkts[i];
			continue;
		}
		packet->rounds++;
		pkts[kept++] = pkts[i];
	}
	sl_hop_drop(hop, hop->own_reasons + SL_REASON_ROUNDS, lost, lost_count);
	if (kept == 0)
		return;
	frame = sl_frame_for(graph, target, kept);
	if (frame == NULL)
		sl_hop_drop(hop, hop->own_reasons + SL_REASON_NO_FRAME, pkts, kept);
	else
		sl_frame_append(frame, pkts, kept);
}

void sl_hop_hand_over(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct sl_hop *hop = sl_hop_of(node);
	const struct sl_graph_conf *conf = &hop->graph->conf;
	uint16_t taken = 0;

	if (conf->handoff != NULL)
		taken = conf->handoff(conf->handoff_context, hop->index, pkts, n);
	sl_hop_drop(hop, hop->own_reasons + SL_REASON_HANDOFF, pkts + taken, (uint16_t)(n - taken));
	memset(edge, SL_HANDED, taken);
	memset(edge + taken, SL_GONE, (size_t)n - taken);
}
