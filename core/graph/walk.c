/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/graph/hop.h>

#include <string.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

/*
 * A round calls every hop that has input, in the order of their ranks. A burst whose packets
 * all take one edge moves on as a whole, by pointer; otherwise its packets are sorted into
 * frames of the hops that they go to. A hop reached against the order waits for the next round.
 */

static inline uint32_t call_hop(struct sl_graph *graph, struct sl_hop *hop);

static inline bool anything_pending(const struct sl_graph *graph)
{
	uint64_t any = 0;

	for (uint32_t w = 0; w < graph->words; w++)
		any |= graph->pending[w];
	return any != 0;
}

uint32_t sl_graph_walk(struct sl_graph *graph, uint64_t now)
{
	uint32_t processed = 0;
	uint64_t then;

	graph->now = now;
	sl_graph_flush(graph);
	then = rte_rdtsc();
	while (anything_pending(graph)) {
		for (uint32_t w = 0; w < graph->words; w++) {
			uint64_t later = UINT64_MAX; /* hops after the one called last */
			uint64_t ready;

			while ((ready = graph->pending[w] & later) != 0) {
				unsigned int bit = (unsigned int)__builtin_ctzll(ready);
				struct sl_hop *hop = &graph->hops[w * 64 + bit];
				uint64_t end;

				graph->pending[w] &= ~(UINT64_C(1) << bit);
				later = UINT64_MAX << bit << 1;
				__atomic_store_n(&graph->current, hop->node.hop, __ATOMIC_RELAXED);
				processed += call_hop(graph, hop);
				end = rte_rdtsc();
				sl_tally(&hop->cycles, end - then);
				then = end;
			}
		}
	}
	__atomic_store_n(&graph->current, SL_GRAPH_NO_HOP, __ATOMIC_RELAXED);
	__atomic_store_n(&graph->waiting, 0, __ATOMIC_RELAXED);
	return processed;
}

static void deliver(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frame);
static inline void move(struct sl_graph *graph, struct sl_hop *target, struct sl_frame *frame);
static inline bool all_on(const uint8_t *edge, uint16_t n);
static uint64_t sum_bytes(struct rte_mbuf *const *pkts, uint16_t n);

/* Run a hop on all its input. The input is taken first: the hop may lead to itself. */
static inline uint32_t call_hop(struct sl_graph *graph, struct sl_hop *hop)
{
	struct sl_frame *frame = hop->first, *next;
	uint32_t packets = 0;

	hop->first = NULL;
	hop->last = NULL;
	do {
		uint16_t n = frame->n;

		next = frame->next;
		packets += n;
		sl_tally(&hop->calls, 1);
		sl_tally(&hop->packets, n);
		sl_tally(&hop->bytes, frame->bytes);
		hop->process(&hop->node, frame->pkts, graph->edge, n);
		if (unlikely(hop->plain_on == NULL || !all_on(graph->edge, n)))
			deliver(graph, hop, frame);
		else
			move(graph, hop->plain_on, frame);
	} while (unlikely((frame = next) != NULL));
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

/* Whether all of the first n edges equal the first one. */
static bool all_same(const uint8_t *edge, uint16_t n)
{
	return memcmp(edge, edge + 1, n - 1u) == 0;
}

static uint64_t sum_bytes(struct rte_mbuf *const *pkts, uint16_t n)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < n; i++)
		sum += pkts[i]->pkt_len;
	return sum;
}

/*
 * Frames.
 */

static inline struct sl_frame *frame_get(struct sl_graph *graph)
{
	struct sl_frame *frame = graph->free;

	if (likely(frame != NULL))
		graph->free = frame->next;
	return frame;
}

static inline void frame_put(struct sl_graph *graph, struct sl_frame *frame)
{
	frame->next = graph->free;
	graph->free = frame;
}

static inline void link_frame(struct sl_graph *graph, struct sl_hop *target, struct sl_frame *frame)
{
	frame->next = NULL;
	if (target->last == NULL)
		target->first = frame;
	else
		target->last->next = frame;
	target->last = frame;
	graph->pending[target->rank / 64] |= UINT64_C(1) << target->rank % 64;
}

/* The frame at the end of a hop's input, with room for n more. NULL: there is none. Two frames
 * that follow each other hold more than one frame's worth: that bounds their number. */
static inline struct sl_frame *frame_for(struct sl_graph *graph, struct sl_hop *target, uint16_t n)
{
	struct sl_frame *frame = target->last;

	if (frame != NULL && frame->n + n <= SL_BURST)
		return frame;
	frame = frame_get(graph);
	if (unlikely(frame == NULL))
		return NULL;
	frame->n = 0;
	frame->bytes = 0;
	link_frame(graph, target, frame);
	return frame;
}

/* Move a frame to the end of a hop's input. */
static inline void move(struct sl_graph *graph, struct sl_hop *target, struct sl_frame *frame)
{
	struct sl_frame *last = target->last;

	if (likely(last == NULL) || last->n + frame->n > SL_BURST) {
		link_frame(graph, target, frame);
		return;
	}
	memcpy(last->pkts + last->n, frame->pkts, frame->n * sizeof(frame->pkts[0]));
	last->n += frame->n;
	last->bytes += frame->bytes;
	frame_put(graph, frame);
}

/*
 * The ways out other than whole bursts going on.
 */

static void sort(struct sl_graph *graph, struct sl_hop *hop, struct rte_mbuf *const *pkts,
		 const uint8_t *edge, uint16_t n);

/* What became of a frame, of which edge[] tells; clears edge[]. */
static void deliver(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frame)
{
	uint16_t n = frame->n;
	uint8_t edge = graph->edge[0];
	struct sl_hop *target;

	if (edge < hop->node.edge_count && all_same(graph->edge, n)) {
		target = hop->targets[edge];
		if (target != NULL && target->rank > hop->rank) {
			memset(graph->edge, SL_ON, n);
			if (hop->resizes)
				frame->bytes = sum_bytes(frame->pkts, n);
			move(graph, target, frame);
			return;
		}
	}
	sort(graph, hop, frame->pkts, graph->edge, n);
	memset(graph->edge, SL_ON, n);
	frame_put(graph, frame);
}

static void take(struct sl_graph *graph, struct sl_hop *hop, uint8_t edge,
		 struct rte_mbuf *const *pkts, const uint64_t *mask, uint16_t count,
		 unsigned int words);

/* Each edge that occurs, in the order of its first packet. */
static void sort(struct sl_graph *graph, struct sl_hop *hop, struct rte_mbuf *const *pkts,
		 const uint8_t *edge, uint16_t n)
{
	const struct sl_scatter *scatter = graph->scatter;
	unsigned int words = (n + 63u) / 64;
	uint64_t left[SL_SCATTER_WORDS];
	uint64_t mask[SL_SCATTER_WORDS];

	for (unsigned int w = 0; w < words; w++)
		left[w] = UINT64_MAX;
	left[words - 1] >>= (64 - n % 64u) % 64;
	for (unsigned int w = 0; w < words; w++) {
		while (left[w] != 0) {
			uint8_t e = edge[w * 64 + (unsigned int)__builtin_ctzll(left[w])];
			unsigned int count = 0;

			scatter->match(edge, e, mask, words);
			for (unsigned int i = 0; i < words; i++) {
				mask[i] &= left[i];
				left[i] &= ~mask[i];
				count += (unsigned int)__builtin_popcountll(mask[i]);
			}
			take(graph, hop, e, pkts, mask, (uint16_t)count, words);
		}
	}
}

static void drop(struct sl_hop *hop, uint32_t reason, struct rte_mbuf **pkts, uint16_t n)
{
	if (n == 0)
		return;
	sl_tally(&hop->drops[reason], n);
	rte_pktmbuf_free_bulk(pkts, n);
}

/* Packets that turn back in the order, or reach a hop when frames are out: one by one. */
static void turn(struct sl_graph *graph, struct sl_hop *hop, struct sl_hop *target,
		 struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *lost[SL_BURST];
	uint16_t kept = 0, lost_count = 0;
	struct sl_frame *frame;

	for (uint16_t i = 0; i < n; i++) {
		uint8_t *rounds = &sl_packet(pkts[i])->rounds;

		if (*rounds >= graph->conf.max_rounds)
			lost[lost_count++] = pkts[i];
		else
			pkts[kept++] = pkts[i];
		*rounds += 1;
	}
	drop(hop, hop->own_reasons + SL_REASON_ROUNDS, lost, lost_count);
	if (kept == 0)
		return;
	frame = frame_for(graph, target, kept);
	if (frame == NULL) {
		drop(hop, hop->own_reasons + SL_REASON_NO_FRAME, pkts, kept);
		return;
	}
	memcpy(frame->pkts + frame->n, pkts, kept * sizeof(pkts[0]));
	frame->n += kept;
	frame->bytes += sum_bytes(pkts, kept);
}

static void leave(struct sl_graph *graph, struct sl_hop *hop, uint8_t edge,
		  struct rte_mbuf *const *pkts, const uint64_t *mask, uint16_t count,
		  unsigned int words);

/* The packets of a burst that took one edge: count bits of mask. */
static void take(struct sl_graph *graph, struct sl_hop *hop, uint8_t edge,
		 struct rte_mbuf *const *pkts, const uint64_t *mask, uint16_t count,
		 unsigned int words)
{
	struct sl_hop *target = edge < hop->node.edge_count ? hop->targets[edge] : NULL;
	struct sl_frame *frame;

	if (target == NULL || target->rank <= hop->rank) {
		leave(graph, hop, edge, pkts, mask, count, words);
		return;
	}
	frame = frame_for(graph, target, count);
	if (unlikely(frame == NULL)) {
		leave(graph, hop, edge, pkts, mask, count, words);
		return;
	}
	graph->scatter->pick(frame->pkts + frame->n, pkts, mask, words);
	frame->bytes += sum_bytes(frame->pkts + frame->n, count);
	frame->n += count;
}

/* An edge of hops that run elsewhere: what could not be handed over was dropped already. */
#define GONE 127

/* Those that do not simply go forward. */
static void leave(struct sl_graph *graph, struct sl_hop *hop, uint8_t edge,
		  struct rte_mbuf *const *pkts, const uint64_t *mask, uint16_t count,
		  unsigned int words)
{
	struct rte_mbuf *picked[SL_BURST + SL_SCATTER_SLACK];
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
	if (edge == GONE && hop->remote)
		return;
	graph->scatter->pick(picked, pkts, mask, words);
	if (edge < hop->node.edge_count && hop->targets[edge] != NULL) {
		if (hop->targets[edge]->rank <= hop->rank) {
			turn(graph, hop, hop->targets[edge], picked, count);
			return;
		}
		reason = hop->own_reasons + SL_REASON_NO_FRAME;
	} else if (edge < hop->node.edge_count) {
		reason = hop->own_reasons + SL_REASON_NO_WAY;
	} else if (edge >= SL_EDGE_DROP && edge - SL_EDGE_DROP < (int)hop->own_reasons) {
		reason = edge - SL_EDGE_DROP;
	} else {
		reason = hop->own_reasons + SL_REASON_BAD_EDGE;
	}
	drop(hop, reason, picked, count);
}

/*
 * Packets that come in otherwise.
 */

void sl_graph_push(struct sl_graph *graph, uint16_t hop_number, struct rte_mbuf **pkts, uint16_t n)
{
	struct sl_hop *hop = graph->by_number[hop_number];

	sl_tally(&graph->pushed, n);
	while (n > 0) {
		uint16_t some = RTE_MIN(n, SL_BURST);
		struct sl_frame *frame = frame_for(graph, hop, some);

		if (unlikely(frame == NULL)) {
			drop(hop, hop->own_reasons + SL_REASON_NO_FRAME, pkts, n);
			return;
		}
		memcpy(frame->pkts + frame->n, pkts, some * sizeof(pkts[0]));
		frame->bytes += sum_bytes(pkts, some);
		frame->n += some;
		sl_tally(&graph->waiting, some);
		pkts += some;
		n -= some;
	}
}

void sl_graph_flush(struct sl_graph *graph)
{
	struct sl_emission *emission = &graph->emission;
	uint16_t n = emission->n;

	if (n == 0)
		return;
	emission->n = 0;
	sort(graph, emission->hop, emission->pkts, emission->edge, n);
}

void sl_graph_hand_over(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct sl_hop *hop = sl_hop_of(node);
	const struct sl_graph_conf *conf = &hop->graph->conf;
	uint16_t taken = 0;

	if (conf->handoff != NULL)
		taken = conf->handoff(conf->handoff_context, node->hop, pkts, n);
	drop(hop, hop->own_reasons + SL_REASON_HANDOFF, pkts + taken, (uint16_t)(n - taken));
	memset(edge, SL_HANDED, taken);
	memset(edge + taken, GONE, (size_t)n - taken);
}
