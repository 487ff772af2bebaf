/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames: taken and given back, and put into the input of hops. */
#ifndef CORE_GRAPH_FRAME_H
#define CORE_GRAPH_FRAME_H

#include <string.h>

#include <core/graph/hop.h>

static inline struct sl_frame *sl_frame_get(struct sl_graph *graph)
{
	struct sl_frame *frame = graph->free;

	if (likely(frame != NULL))
		graph->free = frame->next;
	return frame;
}

static inline void sl_frame_put(struct sl_graph *graph, struct sl_frame *frame)
{
	frame->next = graph->free;
	graph->free = frame;
}

static inline void sl_frame_link(struct sl_graph *graph, struct sl_hop *target,
				 struct sl_frame *frame)
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
static inline struct sl_frame *sl_frame_for(struct sl_graph *graph, struct sl_hop *target,
					    uint16_t n)
{
	struct sl_frame *frame = target->last;

	if (frame != NULL && frame->n + n <= SL_BURST)
		return frame;
	frame = sl_frame_get(graph);
	if (unlikely(frame == NULL))
		return NULL;
	frame->n = 0;
	frame->bytes = 0;
	sl_frame_link(graph, target, frame);
	return frame;
}

/* Move a frame to the end of a hop's input. */
static inline void sl_frame_move(struct sl_graph *graph, struct sl_hop *target,
				 struct sl_frame *frame)
{
	struct sl_frame *last = target->last;

	if (likely(last == NULL) || last->n + frame->n > SL_BURST) {
		sl_frame_link(graph, target, frame);
		return;
	}
	/* By lines, which both have room for: no call, and few sizes to guess. */
	for (unsigned int i = 0; i < frame->n; i += SL_SLACK)
		memcpy(last->pkts + last->n + i, frame->pkts + i,
		       SL_SLACK * sizeof(frame->pkts[0]));
	last->n += frame->n;
	last->bytes += frame->bytes;
	sl_frame_put(graph, frame);
}

/* Append packets whose lengths are not known yet. */
static inline void sl_frame_append(struct sl_frame *frame, struct rte_mbuf *const *pkts, uint16_t n)
{
	struct rte_mbuf **out = frame->pkts + frame->n;
	uint64_t bytes = 0;
	uint16_t i = 0;

	for (; i + 4 <= n; i += 4) {
		memcpy(out + i, pkts + i, 4 * sizeof(pkts[0]));
		bytes += (uint64_t)pkts[i]->pkt_len + pkts[i + 1]->pkt_len;
		bytes += (uint64_t)pkts[i + 2]->pkt_len + pkts[i + 3]->pkt_len;
	}
	for (; i < n; i++) {
		out[i] = pkts[i];
		bytes += pkts[i]->pkt_len;
	}
	frame->n += n;
	frame->bytes += bytes;
}

#endif
