/* SPDX-License-Identifier: BSD-3-Clause */
/* What a node may ask of the graph while it runs: see sluice/node.h. */
#include <core/graph/hop.h>

#include <string.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>

uint64_t sl_hz(void)
{
	return rte_get_tsc_hz();
}

struct rte_mbuf *sl_make(struct sl_node *node, uint16_t length)
{
	struct rte_mempool *pool = sl_hop_of(node)->graph->conf.pool;
	struct rte_mbuf *m = pool == NULL ? NULL : rte_pktmbuf_alloc(pool);

	if (m == NULL)
		return NULL;
	m->data_off = RTE_PKTMBUF_HEADROOM;
	if (rte_pktmbuf_append(m, length) == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memset(sl_packet(m), 0, sizeof(struct sl_packet));
	sl_packet(m)->flags = SL_PKT_MADE;
	return m;
}

struct rte_mbuf *sl_copy(struct sl_node *node, const struct rte_mbuf *m)
{
	struct rte_mempool *pool = sl_hop_of(node)->graph->conf.pool;
	struct rte_mbuf *copy = pool == NULL ? NULL : rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);

	if (copy == NULL)
		return NULL;
	*sl_packet(copy) = *sl_packet(m);
	sl_packet(copy)->flags |= SL_PKT_MADE;
	sl_packet(copy)->flags &= (uint16_t) ~(SL_PKT_TRAIL | SL_PKT_TRACED | SL_PKT_TIMED);
	return copy;
}

/* Collect packets that leave a hop besides its burst, until the call is over. */
static void collect(struct sl_hop *hop, struct rte_mbuf *m, uint8_t edge)
{
	struct sl_graph *graph = hop->graph;
	struct sl_emission *emission = &graph->emission;

	if (emission->n == SL_BURST || emission->hop != hop)
		sl_graph_flush(graph);
	emission->hop = hop;
	emission->pkts[emission->n] = m;
	emission->edge[emission->n] = edge;
	emission->n++;
	sl_tally(&graph->waiting, 1);
}

void sl_emit(struct sl_node *node, struct rte_mbuf *m, uint8_t edge)
{
	struct sl_hop *hop = sl_hop_of(node);

	/* What is no packet is found out here, where it is the node's fault. */
	(void)*(const volatile uint32_t *)&m->pkt_len;
	sl_tally(&hop->emitted, 1);
	sl_tally(&hop->graph->made, 1);
	collect(hop, m, edge);
}

/* The graph counts packets as held by their edge; here it notes where they will go on from. */
void sl_hold(struct sl_node *node, struct rte_mbuf *m)
{
	sl_packet(m)->hop = node->hop;
}

void sl_release(struct sl_node *node, struct rte_mbuf *m, uint8_t edge)
{
	struct sl_hop *hop = sl_hop_of(node);
	struct sl_graph *graph = hop->graph;
	struct sl_hop *holder = sl_hop_by_number(graph, sl_packet(m)->hop);

	if (holder == NULL && graph->other != NULL)
		holder = sl_hop_by_number(graph->other, sl_packet(m)->hop);
	if (unlikely(holder == NULL && graph->orphans > 0)) {
		sl_tally(&graph->orphans, UINT64_MAX);
		sl_hop_drop(hop, hop->own_reasons + SL_REASON_REMOVED, &m, 1);
		return;
	}
	if (holder != NULL && holder->node.instance == node->instance)
		hop = holder;
	sl_tally(&hop->held, UINT64_MAX);
	collect(hop, m, edge);
}

bool sl_event(struct sl_node *node, uint32_t event, const void *data, uint32_t size)
{
	struct sl_hop *hop = sl_hop_of(node);
	const struct sl_graph_conf *conf = &hop->graph->conf;

	if (conf->event != NULL && size <= 96 &&
	    conf->event(conf->event_context, node->instance, event, data, size))
		return true;
	sl_tally(&hop->lost_events, 1);
	return false;
}
