/* SPDX-License-Identifier: BSD-3-Clause */
/* The inbox: packets that other threads send to a worker, each with the hop it goes on at. */
#include <rte_mbuf.h>

#include <core/worker/lcore.h>

uint16_t sl_worker_inbox(struct sl_worker *worker, uint16_t hop, struct rte_mbuf **pkts, uint16_t n)
{
	unsigned int taken;

	for (uint16_t i = 0; i < n; i++)
		sl_packet(pkts[i])->hop = hop;
	taken = rte_ring_enqueue_burst(worker->inbox, (void **)pkts, n, NULL);
	if (taken < n)
		__atomic_fetch_add(&worker->inbox_full, n - taken, __ATOMIC_RELAXED);
	return (uint16_t)taken;
}

/* The graph that has the hop of that number; NULL: it is no more. */
static struct sl_graph *graph_of(const struct sl_worker_graph *running, uint16_t number)
{
	if (likely(sl_graph_has(running->graph, number)))
		return running->graph;
	if (running->older != NULL && sl_graph_has(running->older, number))
		return running->older;
	if (running->newer != NULL && sl_graph_has(running->newer, number))
		return running->newer;
	return NULL;
}

uint32_t sl_worker_inbox_take(struct sl_worker *worker, const struct sl_worker_graph *running)
{
	struct rte_mbuf *pkts[SL_BURST];
	unsigned int n;

	n = rte_ring_dequeue_burst(worker->inbox, (void **)pkts, SL_BURST, NULL);
	if (n == 0)
		return 0;
	for (unsigned int i = 0; i < n; i++)
		rte_prefetch0(sl_packet(pkts[i]));
	for (unsigned int first = 0, end; first < n; first = end) {
		uint16_t hop = sl_packet(pkts[first])->hop;
		struct sl_graph *graph = graph_of(running, hop);

		for (end = first + 1; end < n && sl_packet(pkts[end])->hop == hop; end++)
			;
		if (likely(graph != NULL)) {
			sl_graph_push(graph, hop, &pkts[first], (uint16_t)(end - first));
		} else {
			rte_pktmbuf_free_bulk(&pkts[first], end - first);
			sl_stat_add(&worker->stats.inbox_stale, end - first);
		}
	}
	sl_stat_add(&worker->stats.inbox_out, n);
	return n;
}

uint64_t sl_worker_empty_inbox(struct sl_worker *worker)
{
	struct rte_mbuf *pkts[SL_BURST];
	uint64_t total = 0;
	unsigned int n;

	while ((n = rte_ring_dequeue_burst(worker->inbox, (void **)pkts, SL_BURST, NULL)) > 0) {
		rte_pktmbuf_free_bulk(pkts, n);
		total += n;
	}
	return total;
}

uint32_t sl_worker_inbox_size(const struct sl_worker *worker)
{
	return rte_ring_get_capacity(worker->inbox);
}
