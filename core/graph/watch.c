/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <pcap/bpf.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>

#include <core/graph/hop.h>
#include <core/graph/watch.h>

/* A packet that was not seen for so long is taken to be gone. */
#define LOST_AFTER_S 2

/*
 * Notes
 */

#define MOST_READ 65792u /* the longest reassembled datagram with its Ethernet header and tags */

static bool matches(const struct sl_watch *watch, const struct rte_mbuf *m)
{
	/* Headers stand in the first segment, but a filter may look behind them. */
	static __thread uint8_t joined[MOST_READ];
	uint32_t length = RTE_MIN(m->pkt_len, MOST_READ);
	const void *bytes;

	if (watch->filter == NULL)
		return true;
	bytes = rte_pktmbuf_read(m, 0, length, joined);
	return bytes != NULL && bpf_filter(watch->filter, bytes, m->pkt_len, length) != 0;
}

static struct sl_watch_record *note(struct sl_watch_view *view, const struct sl_hop *hop,
				    const struct rte_mbuf *m, enum sl_watch_what what, uint32_t how,
				    uint32_t packet)
{
	uint32_t captured = RTE_MIN(m->pkt_len, view->watch->snap), at = 0;
	struct sl_watch_record *record = sl_watch_ring_reserve(view->ring, captured);

	if (record == NULL)
		return NULL;
	record->captured = captured;
	record->tsc = rte_rdtsc();
	record->hop = view->hops[hop->index].name;
	record->how = how;
	record->packet = packet;
	record->length = m->pkt_len;
	record->what = (uint8_t)what;
	record->fused = 0;
	for (; at < captured; m = m->next) {
		uint32_t some = RTE_MIN((uint32_t)m->data_len, captured - at);

		memcpy(record->bytes + at, rte_pktmbuf_mtod(m, const void *), some);
		at += some;
	}
	return record;
}

/* The text of an edge; 0: it is a drop, which is noted when it is dropped. */
static uint32_t way_of(const struct sl_watch_view *view, const struct sl_hop *hop, uint8_t edge)
{
	if (edge < hop->node.edge_count)
		return view->hops[hop->index].edges[edge];
	switch (edge) {
	case SL_SENT:
		return hop->own ? view->sent : 0;
	case SL_HANDED:
		return hop->own ? view->handed : 0;
	case SL_JOINED:
		return hop->own ? view->joined : 0;
	case SL_HELD:
		return hop->holds ? view->held : 0;
	default:
		return 0;
	}
}

/* Whether the packet can still be read once the hop has been called. */
static bool is_ours(uint8_t edge)
{
	return edge < SL_HANDED || edge >= SL_EDGE_DROP;
}

static bool wants(const struct sl_watch_hop *at, uint8_t edge)
{
	/* Packets that were sent left as if by SL_ON: it has no other way. */
	uint8_t bit = edge == SL_SENT || edge == SL_HANDED ? (uint8_t)SL_ON : edge;

	return bit <= SL_EDGE_LAST && (at->out[bit / 64] >> bit % 64 & 1);
}

/*
 * Traced packets
 */

static struct sl_watch_slot *find(struct sl_watch *watch, const struct rte_mbuf *m)
{
	for (unsigned int i = 0; i < SL_WATCH_SLOTS; i++)
		if (atomic_load_explicit(&watch->slots[i].m, memory_order_relaxed) == m)
			return &watch->slots[i];
	return NULL;
}

/* The number of a packet; 0: it is not traced. */
static uint32_t number_of(struct sl_watch *watch, const struct rte_mbuf *m, uint64_t now)
{
	struct sl_watch_slot *slot;

	if ((sl_packet(m)->flags & SL_PKT_TRACED) == 0)
		return 0;
	slot = find(watch, m);
	if (slot == NULL)
		return 0;
	atomic_store_explicit(&slot->seen, now, memory_order_relaxed);
	return slot->number;
}

static void forget(struct sl_watch *watch, const struct rte_mbuf *m)
{
	struct sl_watch_slot *slot = find(watch, m);

	if (slot != NULL)
		atomic_store_explicit(&slot->m, NULL, memory_order_release);
}

/* Choose a packet, if there is room. Returns its number or 0. */
static uint32_t choose(struct sl_watch *watch, const struct rte_mbuf *m, uint64_t now)
{
	uint64_t old = now - LOST_AFTER_S * rte_get_tsc_hz();

	/* The buffer of a packet whose end was not seen. */
	forget(watch, m);
	for (unsigned int i = 0; i < SL_WATCH_SLOTS; i++) {
		struct sl_watch_slot *slot = &watch->slots[i];
		const struct rte_mbuf *there = atomic_load(&slot->m);
		uint32_t number;

		if (there != NULL && (int64_t)(atomic_load(&slot->seen) - old) > 0)
			continue;
		if (!atomic_compare_exchange_strong(&slot->m, &there, m))
			continue;
		number = atomic_fetch_add(&watch->chosen, 1) + 1;
		if (number > watch->limit) {
			atomic_fetch_sub(&watch->chosen, 1);
			atomic_store(&slot->m, NULL);
			return 0;
		}
		slot->number = number;
		atomic_store_explicit(&slot->seen, now, memory_order_relaxed);
		return number;
	}
	return 0;
}

/*
 * A call of a hop that is looked at
 */

static void trace_before(struct sl_watch_view *view, struct sl_hop *hop, struct rte_mbuf **pkts,
			 uint16_t n)
{
	const struct sl_watch_hop *at = &view->hops[hop->index];
	struct sl_watch *watch = view->watch;
	uint64_t now = hop->graph->now;
	bool keeps = hop->own || hop->holds;

	for (uint16_t i = 0; i < n; i++) {
		uint32_t number;

		view->pending[i] = NULL;
		if (at->begins) {
			if (atomic_load_explicit(&watch->chosen, memory_order_relaxed) >=
				    watch->limit ||
			    !matches(watch, pkts[i]))
				continue;
			number = choose(watch, pkts[i], now);
			if (number != 0)
				note(view, hop, pkts[i], SL_WATCH_IN, 0, number);
		} else {
			number = number_of(watch, pkts[i], now);
		}
		if (number != 0 && keeps)
			view->pending[i] = note(view, hop, pkts[i], SL_WATCH_VOID, 0, number);
	}
}

static void capture_before(struct sl_watch_view *view, struct sl_hop *hop, struct rte_mbuf **pkts,
			   uint16_t n)
{
	const struct sl_watch_hop *at = &view->hops[hop->index];
	bool keeps = (at->out[0] | at->out[1]) != 0 && (hop->own || hop->holds);

	for (uint16_t i = 0; i < n; i++) {
		view->pending[i] = NULL;
		if ((!at->in && !keeps) || !matches(view->watch, pkts[i]))
			continue;
		if (at->in)
			note(view, hop, pkts[i], SL_WATCH_IN, 0, 0);
		if (keeps)
			view->pending[i] = note(view, hop, pkts[i], SL_WATCH_VOID, 0, 0);
	}
}

/* What became of packets that are no longer ours stands in what was noted before. */
static bool settle(struct sl_watch_view *view, const struct sl_hop *hop, uint16_t i, uint8_t edge)
{
	struct sl_watch_record *pending = view->pending[i];

	if (is_ours(edge))
		return false;
	if (pending != NULL && edge != SL_GONE) {
		pending->what = SL_WATCH_OUT;
		pending->how = way_of(view, hop, edge);
	}
	return true;
}

static void trace_after(struct sl_watch_view *view, struct sl_hop *hop, struct rte_mbuf **pkts,
			const uint8_t *edge, uint16_t n)
{
	bool begins = view->hops[hop->index].begins;

	for (uint16_t i = 0; i < n; i++) {
		uint32_t number;

		if (settle(view, hop, i, edge[i])) {
			if (edge[i] == SL_SENT || edge[i] == SL_JOINED)
				forget(view->watch, pkts[i]);
			continue;
		}
		/* Only now: what a packet was before it was parsed, the parser does not keep. */
		if (begins && view->pending[i] != NULL)
			sl_packet(pkts[i])->flags |= SL_PKT_TRACED;
		if (edge[i] >= SL_EDGE_DROP)
			continue;
		number = number_of(view->watch, pkts[i], hop->graph->now);
		if (number != 0)
			note(view, hop, pkts[i], SL_WATCH_OUT, way_of(view, hop, edge[i]), number);
	}
}

static void capture_after(struct sl_watch_view *view, struct sl_hop *hop, struct rte_mbuf **pkts,
			  const uint8_t *edge, uint16_t n)
{
	const struct sl_watch_hop *at = &view->hops[hop->index];

	if ((at->out[0] | at->out[1]) == 0)
		return;
	for (uint16_t i = 0; i < n; i++) {
		if (!wants(at, edge[i]))
			continue;
		if (!settle(view, hop, i, edge[i]) && matches(view->watch, pkts[i]))
			note(view, hop, pkts[i], SL_WATCH_OUT, way_of(view, hop, edge[i]), 0);
	}
}

void sl_watch_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct sl_hop *hop = sl_hop_of(node);
	struct sl_watch_view *views = hop->graph->views;

	for (struct sl_watch_view *view = views; view != NULL; view = view->next) {
		view->ring->open = true;
		if (view->watch->traces)
			trace_before(view, hop, pkts, n);
		else
			capture_before(view, hop, pkts, n);
	}
	hop->unwatched(node, pkts, edge, n);
	for (struct sl_watch_view *view = views; view != NULL; view = view->next) {
		if (view->watch->traces)
			trace_after(view, hop, pkts, edge, n);
		else
			capture_after(view, hop, pkts, edge, n);
		view->ring->open = false;
		sl_watch_ring_publish(view->ring);
	}
}

void sl_watch_fault(struct sl_graph *graph)
{
	for (struct sl_watch_view *view = graph->views; view != NULL; view = view->next) {
		view->ring->open = false;
		sl_watch_ring_publish(view->ring);
	}
}

void sl_watch_dropped(struct sl_hop *hop, uint32_t reason, struct rte_mbuf *const *pkts, uint16_t n,
		      bool fused)
{
	for (struct sl_watch_view *view = hop->graph->views; view != NULL; view = view->next) {
		const struct sl_watch_hop *at = &view->hops[hop->index];
		uint32_t how = at->reasons[reason];

		if ((at->drops[reason / 64] >> reason % 64 & 1) == 0)
			continue;
		for (uint16_t i = 0; i < n; i++) {
			struct sl_watch_record *record;
			uint32_t number = 0;

			if (view->watch->traces) {
				number = number_of(view->watch, pkts[i], hop->graph->now);
				if (number == 0)
					continue;
				forget(view->watch, pkts[i]);
			} else if (!matches(view->watch, pkts[i])) {
				continue;
			}
			record = note(view, hop, pkts[i], SL_WATCH_DROP, how, number);
			if (record != NULL)
				record->fused = fused;
		}
		sl_watch_ring_publish(view->ring);
	}
}

void sl_watch_emitted(struct sl_graph *graph, struct sl_hop *hop, struct rte_mbuf *const *pkts,
		      const uint8_t *edge, uint16_t n)
{
	for (struct sl_watch_view *view = graph->views; view != NULL; view = view->next) {
		const struct sl_watch_hop *at = &view->hops[hop->index];

		for (uint16_t i = 0; i < n; i++) {
			uint32_t number = 0;

			if (edge[i] >= SL_HANDED)
				continue; /* a drop; it can be nothing else */
			if (view->watch->traces)
				number = number_of(view->watch, pkts[i], graph->now);
			else if (!wants(at, edge[i]) || !matches(view->watch, pkts[i]))
				continue;
			if (number != 0 || !view->watch->traces)
				note(view, hop, pkts[i], SL_WATCH_OUT, way_of(view, hop, edge[i]),
				     number);
		}
		sl_watch_ring_publish(view->ring);
	}
}

/*
 * Views of a graph
 */

static bool looks(const struct sl_watch_view *view, const struct sl_hop *hop)
{
	const struct sl_watch_hop *at = &view->hops[hop->index];

	return at->in || at->begins || (at->out[0] | at->out[1]) != 0;
}

/* Let hops be called by way of sl_watch_process() where some view looks, and only there. */
static void direct(struct sl_graph *graph)
{
	graph->watched_inside = false;
	for (const struct sl_watch_view *view = graph->views; view != NULL; view = view->next)
		graph->watched_inside |= view->inside;
	for (uint16_t i = 0; i < graph->hop_count; i++) {
		struct sl_hop *hop = &graph->hops[i];

		hop->watched = false;
		for (const struct sl_watch_view *v = graph->views; v != NULL; v = v->next)
			hop->watched |= looks(v, hop);
		sl_hop_direct(hop);
	}
}

void sl_watch_add(struct sl_graph *graph, struct sl_watch_view *view)
{
	view->next = graph->views;
	graph->views = view;
	direct(graph);
}

struct sl_watch_view *sl_watch_remove(struct sl_graph *graph, const struct sl_watch *watch)
{
	struct sl_watch_view **link = &graph->views, *view;

	while (*link != NULL && (*link)->watch != watch)
		link = &(*link)->next;
	view = *link;
	if (view == NULL)
		return NULL;
	*link = view->next;
	direct(graph);
	return view;
}

void sl_watch_view_free(struct sl_watch_view *view)
{
	if (view != NULL)
		free(view->texts);
	free(view);
}
