/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/graph/hop.h>

#include <errno.h>
#include <stdlib.h>

/*
 * Reverse postorder of a depth-first search: topological where there is no cycle, and each path
 * in one piece, so that a burst stays in the cache as it goes along. SL_BACK is left out: it
 * turns round by meaning, and the hop it leads to runs in the next round at the latest.
 */

struct step {
	uint16_t hop;
	uint16_t edges; /* still to be followed */
};

struct search {
	const struct sl_graph_hop *hops;
	uint16_t count;
	uint32_t *rank;
	uint32_t next; /* ranks are given from the last to the first */
	struct step *steps;
	bool *seen;
};

static bool follows(const struct sl_graph_hop *hop, unsigned int edge, uint16_t count)
{
	return edge != SL_BACK && edge < hop->edge_count && hop->edges[edge] < count;
}

/* Edges from the last to SL_ON: what is visited last comes next in the order. */
static void visit(struct search *search, uint16_t root)
{
	uint32_t depth = 0;

	if (search->seen[root])
		return;
	search->seen[root] = true;
	search->steps[depth++] = (struct step){root, search->hops[root].edge_count};
	while (depth > 0) {
		struct step *step = &search->steps[depth - 1];
		const struct sl_graph_hop *hop = &search->hops[step->hop];
		uint16_t target;

		if (step->edges == 0) {
			search->rank[step->hop] = --search->next;
			depth--;
			continue;
		}
		step->edges--;
		if (!follows(hop, step->edges, search->count))
			continue;
		target = hop->edges[step->edges];
		if (search->seen[target])
			continue;
		search->seen[target] = true;
		search->steps[depth++] = (struct step){target, search->hops[target].edge_count};
	}
}

int sl_graph_order(const struct sl_graph_hop *hops, uint16_t count, uint32_t *rank)
{
	struct search search = {.hops = hops, .count = count, .rank = rank, .next = count};
	bool *entered = calloc(count, sizeof(*entered));
	int result = -ENOMEM;

	search.steps = calloc(count, sizeof(*search.steps));
	search.seen = calloc(count, sizeof(*search.seen));
	if (entered == NULL || search.steps == NULL || search.seen == NULL)
		goto out;
	for (uint16_t i = 0; i < count; i++)
		for (unsigned int e = 0; e < hops[i].edge_count; e++)
			if (follows(&hops[i], e, count))
				entered[hops[i].edges[e]] = true;
	for (uint32_t i = count; i-- > 0;)
		if (!entered[i])
			visit(&search, (uint16_t)i);
	for (uint32_t i = count; i-- > 0;) /* cycles that nothing leads into */
		visit(&search, (uint16_t)i);
	result = 0;
out:
	free(entered);
	free(search.steps);
	free(search.seen);
	return result;
}
