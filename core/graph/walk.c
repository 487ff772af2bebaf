/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/flow/fusion.h>
#include <core/graph/frame.h>
#include <core/graph/watch.h>

#include <rte_cycles.h>
#include <rte_debug.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

/*
 * A round calls every hop that has input, in the order of their ranks. A burst whose packets
 * all take one edge moves on as a whole, by pointer; otherwise its packets are sorted into
 * frames of the hops that they go to. A hop reached against the order waits for the next round.
 */

static uint32_t contained(struct sl_graph *graph, bool timed);

/*
 * Reading the time stamp counter costs as much as all else about calling a hop, so that only
 * one walk in four on average is timed. In random intervals: those that poll several ports
 * walk for one after the other, and each must get its turn.
 */
#define TIMED_EVERY 4

uint32_t sl_graph_walk(struct sl_graph *graph, uint64_t now)
{
	uint32_t processed;

	graph->now = now;
	sl_graph_flush(graph);
	if (unlikely(graph->quarantines !=
		     atomic_load_explicit(&sl_quarantines, memory_order_relaxed)))
		sl_graph_quarantine(graph);
	if (likely(graph->untimed-- != 0)) {
		processed = contained(graph, false);
	} else {
		graph->random = graph->random * 1664525 + 1013904223;
		graph->untimed = (uint32_t)((uint64_t)graph->random * (2 * TIMED_EVERY - 1) >> 32);
		processed = contained(graph, true);
	}
	if (unlikely(graph->recording != 0))
		sl_trails_abandon(graph);
	__atomic_store_n(&graph->current, SL_GRAPH_NO_HOP, __ATOMIC_RELAXED);
	__atomic_store_n(&graph->waiting, 0, __ATOMIC_RELAXED);
	return processed;
}

static inline bool anything_pending(const struct sl_graph *graph)
{
	uint64_t any = 0;

	for (uint32_t w = 0; w < graph->words; w++)
		any |= graph->pending[w];
	return any != 0;
}

static inline uint32_t follow(struct sl_graph *graph, struct sl_hop *hop, bool timed,
			      uint64_t *then);

static inline __attribute__((always_inline)) uint32_t run(struct sl_graph *graph, bool timed);

/* Apart from what calls sigsetjmp(), which keeps nothing in registers. */
static __rte_noinline uint32_t run_timed(struct sl_graph *graph)
{
	return run(graph, true);
}

static __rte_noinline uint32_t run_untimed(struct sl_graph *graph)
{
	return run(graph, false);
}

/* A call that does not come back ends here; the rest of the walk goes on. */
static uint32_t contained(struct sl_graph *graph, bool timed)
{
	struct sl_fault_thread *thread = sl_fault_self;
	struct sl_contain contain;
	uint32_t processed;

	if (!anything_pending(graph))
		return 0;
	if (thread == NULL)
		return timed ? run_timed(graph) : run_untimed(graph);
	sl_contain_enter(thread, &contain, sl_graph_blame, graph);
	atomic_store_explicit(&thread->place, sl_graph_place, memory_order_relaxed);
	atomic_store_explicit(&thread->walking, graph, memory_order_release);
	if (sigsetjmp(contain.env, 0) != 0)
		sl_graph_recover(graph);
	sl_contain_arm(thread, &contain);
	processed = timed ? run_timed(graph) : run_untimed(graph);
	sl_contain_leave(thread, &contain);
	atomic_store_explicit(&thread->walking, NULL, memory_order_relaxed);
	return processed;
}

static inline __attribute__((always_inline)) uint32_t run(struct sl_graph *graph, bool timed)
{
	uint64_t then = timed ? rte_rdtsc() : 0;
	uint32_t processed = 0;

	while (anything_pending(graph)) {
		for (uint32_t w = 0; w < graph->words; w++) {
			uint64_t later = UINT64_MAX; /* hops after the one taken last */
			uint64_t ready;

			while ((ready = graph->pending[w] & later) != 0) {
				unsigned int bit = (unsigned int)__builtin_ctzll(ready);

				graph->pending[w] &= ~(UINT64_C(1) << bit);
				later = UINT64_MAX << bit << 1;
				processed +=
					follow(graph, &graph->hops[w * 64 + bit], timed, &then);
			}
		}
	}
	return processed;
}

static inline void call(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frame);
static inline bool all_on(const uint8_t *edge, uint16_t n);
static uint32_t settle(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frame);

/*
 * Run a hop on its input, which is taken first: the hop may lead to itself. Then, as long as a
 * burst goes on whole to the next hop in the order, and it is all that this one has to do, run
 * that, without a detour by its input and the pending bits: the chain of loads and stores there
 * would take longer than everything else here.
 */
static inline __attribute__((always_inline)) uint32_t
follow(struct sl_graph *graph, struct sl_hop *hop, bool timed, uint64_t *then)
{
	struct sl_frame *frame = hop->first;
	uint32_t processed = 0;
	bool on;

	hop->first = NULL;
	hop->last = NULL;
	do {
		struct sl_hop *next = hop->adjacent;
		uint32_t packets = frame->n;

		call(graph, hop, frame);
#ifdef SL_SANITIZED
		next = NULL; /* by settle(), which checks more */
#endif
		on = next != NULL && all_on(graph->edge, frame->n) && frame->next == NULL &&
		     next->first == NULL && graph->emission.n == 0;
		if (!on)
			packets = settle(graph, hop, frame);
		if (timed) {
			uint64_t end = rte_rdtsc(), cycles = end - *then;

			sl_tally(&hop->cycles, cycles);
			sl_tally(&hop->timed_packets, packets);
			sl_histogram_add(hop->timing, (float)cycles / (float)packets, packets,
					 cycles);
			*then = end;
		}
		processed += packets;
		hop = next;
	} while (likely(on));
	return processed;
}

static inline void call(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frame)
{
	__atomic_store_n(&graph->current, hop->node.hop, __ATOMIC_RELAXED);
	sl_tally(&hop->calls, 1);
	sl_tally(&hop->packets, frame->n);
	sl_tally(&hop->bytes, frame->bytes);
	if (unlikely(graph->recording != 0))
		sl_trails_arrive(graph, hop, frame);
	graph->inside = frame;
	hop->process(&hop->node, frame->pkts, graph->edge, frame->n);
	graph->inside = NULL;
	if (unlikely(graph->recording != 0))
		sl_trails_leave(graph, hop, frame);
}

static void deliver(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frame);
static uint64_t sum_bytes(struct rte_mbuf *const *pkts, uint16_t n);

/* Let the frame that was just processed go its ways, and so with the hop's further ones. Returns
 * how many packets they were. */
static uint32_t settle(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frame)
{
	struct sl_frame *next = frame->next;
	uint32_t packets = frame->n;

	deliver(graph, hop, frame);
	while (unlikely(next != NULL)) {
		frame = next;
		next = frame->next;
		packets += frame->n;
		call(graph, hop, frame);
		deliver(graph, hop, frame);
	}
	if (unlikely(graph->emission.n != 0))
		sl_graph_flush(graph);
	return packets;
}

/* Whether every edge is SL_ON. Those from n on always are: see struct sl_graph. */
static inline bool all_on(const uint8_t *edge, uint16_t n)
{
#if defined(__AVX512F__)
	__m512i any = _mm512_load_si512(edge);

	for (unsigned int i = 64; i < n; i += 64)
		any = _mm512_or_si512(any, _mm512_load_si512(edge + i));
	return _mm512_test_epi64_mask(any, any) == 0;
#elif defined(__AVX2__)
	__m256i any = _mm256_load_si256((const __m256i *)(const void *)edge);

	for (unsigned int i = 32; i < n; i += 32)
		any = _mm256_or_si256(any,
				      _mm256_load_si256((const __m256i *)(const void *)(edge + i)));
	return _mm256_testz_si256(any, any) != 0;
#else
	const uint64_t *eight = (const uint64_t *)(const void *)edge;
	uint64_t any = 0;

	for (unsigned int i = 0; i < n; i += 16)
		any |= eight[i / 8] | eight[i / 8 + 1];
	return any == 0;
#endif
}

/* Whether all edges equal the first: then those that differ are the ones from n on. */
static inline bool all_same(const uint8_t *edge, uint16_t n)
{
	uint8_t first = edge[0], differs = 0;

	for (uint16_t i = 0; i < n; i++)
		differs |= edge[i] ^ first;
	return differs == 0;
}

static inline void clear(uint8_t *edge, uint16_t n)
{
	for (unsigned int i = 0; i < n; i += 64)
		memset(edge + i, SL_ON, 64);
}

/* Move or sort the packets of a frame by edge[], and clear that. */
static void deliver(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frame)
{
	uint8_t edge = graph->edge[0];
	uint16_t n = frame->n;

	if (likely(hop->plain_on != NULL && all_on(graph->edge, n))) {
#ifdef SL_SANITIZED
		if (frame->bytes != sum_bytes(frame->pkts, n))
			rte_panic("%s changes the length of packets; it must say so with "
				  "SL_NODE_RESIZES\n",
				  sl_instance_name(hop->node.instance));
#endif
		sl_frame_move(graph, hop->plain_on, frame);
		return;
	}
	if (!all_same(graph->edge, n)) {
		graph->sort(graph, hop, frame->pkts, graph->edge, n);
	} else if (edge < hop->node.edge_count && hop->targets[edge] != NULL &&
		   hop->targets[edge]->rank > hop->rank) {
		clear(graph->edge, n);
		if (hop->resizes)
			frame->bytes = sum_bytes(frame->pkts, n);
		sl_frame_move(graph, hop->targets[edge], frame);
		return;
	} else {
		sl_hop_leave(graph, hop, edge, frame->pkts, n);
	}
	clear(graph->edge, n);
	sl_frame_put(graph, frame);
}

static uint64_t sum_bytes(struct rte_mbuf *const *pkts, uint16_t n)
{
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		bytes += pkts[i]->pkt_len;
	return bytes;
}

void sl_graph_flush(struct sl_graph *graph)
{
	struct sl_emission *emission = &graph->emission;
	uint16_t n = emission->n;

	if (n == 0)
		return;
	emission->n = 0;
	if (unlikely(graph->views != NULL))
		sl_watch_emitted(graph, emission->hop, emission->pkts, emission->edge, n);
	graph->sort(graph, emission->hop, emission->pkts, emission->edge, n);
}

void sl_graph_push(struct sl_graph *graph, uint16_t number, struct rte_mbuf **pkts, uint16_t n)
{
	struct sl_hop *hop = graph->by_number[number];

	sl_tally(&graph->pushed, n);
	while (n > 0) {
		uint16_t some = RTE_MIN(n, SL_BURST);
		struct sl_frame *frame = sl_frame_for(graph, hop, some);

		if (unlikely(frame == NULL)) {
			sl_hop_drop(hop, hop->own_reasons + SL_REASON_NO_FRAME, pkts, n);
			return;
		}
		sl_frame_append(frame, pkts, some);
		sl_tally(&graph->waiting, some);
		pkts += some;
		n -= some;
	}
}
