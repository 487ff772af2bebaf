/* SPDX-License-Identifier: BSD-3-Clause */
/* Plain C: the same functions called one after the other, on the same bursts. */
#include "bench.h"

#include <stdlib.h>

struct plain {
	struct bench_source source;
	struct bench_shape shape;
};

static __rte_noinline void nothing(struct rte_mbuf **pkts, uint16_t n)
{
	__asm__ volatile("" : : "r"(pkts), "r"(n) : "memory");
}

static __rte_noinline void touch(struct rte_mbuf **pkts, uint16_t n)
{
	bench_touch(pkts, n);
}

static void run_source(void *context, unsigned int bursts)
{
	struct plain *plain = context;
	struct rte_mbuf *pkts[BENCH_PACKETS];

	while (bursts-- > 0) {
		bench_fill(&plain->source, (void **)pkts);
		nothing(pkts, plain->source.burst);
	}
}

static void run(void *context, unsigned int bursts)
{
	struct plain *plain = context;
	struct rte_mbuf *pkts[BENCH_PACKETS];

	while (bursts-- > 0) {
		bench_fill(&plain->source, (void **)pkts);
		for (unsigned int i = 0; i < plain->shape.nodes; i++) {
			if (plain->shape.work == BENCH_TOUCH)
				touch(pkts, plain->source.burst);
			else
				nothing(pkts, plain->source.burst);
		}
		nothing(pkts, plain->source.burst); /* the sink */
	}
}

/* The least code for it: four arrays, a store each way. */
static void run_split(void *context, unsigned int bursts)
{
	struct plain *plain = context;
	struct rte_mbuf *pkts[BENCH_PACKETS], *ways[4][BENCH_PACKETS];

	while (bursts-- > 0) {
		uint16_t n[4] = {0}, all = 0;

		bench_fill(&plain->source, (void **)pkts);
		for (uint16_t i = 0; i < plain->source.burst; i++) {
			unsigned int way = bench_way(pkts[i], bench_salt);

			ways[way][n[way]++] = pkts[i];
		}
		for (unsigned int way = 0; way < 4; way++) {
			nothing(ways[way], n[way]);
			memcpy(pkts + all, ways[way], n[way] * sizeof(pkts[0]));
			all += n[way];
		}
		nothing(pkts, all);
	}
}

struct bench_subject bench_plain(const struct bench_shape *shape)
{
	struct plain *plain = calloc(1, sizeof(*plain));

	plain->shape = *shape;
	plain->source.burst = shape->burst;
	return (struct bench_subject){"plain-c", shape->work == BENCH_SPLIT ? run_split : run,
				      plain};
}

struct bench_subject bench_source_alone(uint16_t burst)
{
	struct plain *plain = calloc(1, sizeof(*plain));

	plain->source.burst = burst;
	return (struct bench_subject){"source", run_source, plain};
}
