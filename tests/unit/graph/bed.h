/* SPDX-License-Identifier: BSD-3-Clause */
/* A test bed: packets with a number in them, node types that do as they are told, a graph. */
#ifndef TESTS_UNIT_GRAPH_BED_H
#define TESTS_UNIT_GRAPH_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_mbuf.h>

#include <core/error/errors.h>
#include <core/fault/fault.h>
#include <core/graph/hop.h>
#include <core/plugin/registry.h>

#define NOWHERE SL_GRAPH_NO_HOP
#define HERE    UINT64_C(1) /* worker 0 */
#define MOST    65536

struct bed {
	struct rte_mempool *pool;
	struct sl_errors *errors;
	struct sl_graph_hop hops[64];
	uint16_t hop_count;
	struct sl_instance *instances[64];
	struct sl_graph_conf conf;
	struct sl_graph *graph;
	/* What the sinks got, in order. */
	uint32_t got[MOST];
	uint16_t got_by[MOST];
	uint32_t got_count;
};
extern struct bed bed;

static inline uint32_t *number_of(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, uint32_t *);
}

static inline void bed_open(void)
{
	static char args[][24] = {"test", "--no-huge", "-m",
				  "256",  "--no-pci",  "--no-shconf",
				  "-l",   "0",         "--log-level=error"};
	char *argv[RTE_DIM(args) + 1] = {NULL};

	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	assert_true(rte_eal_init(RTE_DIM(args), argv) >= 0);
	bed.pool = rte_pktmbuf_pool_create("bed", 16383, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	assert_non_null(bed.pool);
}

static inline void bed_reset(void)
{
	bed.errors = sl_errors_new();
	bed.hop_count = 0;
	bed.got_count = 0;
	bed.graph = NULL;
	memset(&bed.conf, 0, sizeof(bed.conf));
	memset(bed.hops, 0, sizeof(bed.hops));
}

/* Add a hop of a new instance; its edges lead nowhere yet. */
static inline uint16_t bed_hop(const struct sl_node_type *type, const void *config, uint8_t edges)
{
	struct sl_graph_hop *hop = &bed.hops[bed.hop_count];
	struct sl_instance *instance = sl_instance_new(type, type->name, config, 0, 1, bed.errors);

	assert_non_null(instance);
	bed.instances[bed.hop_count] = instance;
	hop->name = type->name;
	hop->instance = instance;
	hop->edge_count = edges;
	hop->workers = HERE;
	for (unsigned int e = 0; e < edges; e++)
		hop->edges[e] = NOWHERE;
	return bed.hop_count++;
}

static inline void bed_compile(void)
{
	bed.conf.hops = bed.hops;
	bed.conf.hop_count = bed.hop_count;
	bed.conf.pool = bed.pool;
	bed.graph = sl_graph_new(&bed.conf, bed.errors);
	if (bed.graph == NULL)
		sl_errors_print(bed.errors, stderr);
	assert_non_null(bed.graph);
}

static inline void bed_push(uint16_t hop, uint32_t first, uint32_t n)
{
	struct rte_mbuf *pkts[SL_BURST];

	assert_true(n <= SL_BURST);
	assert_int_equal(rte_pktmbuf_alloc_bulk(bed.pool, pkts, n), 0);
	for (uint32_t i = 0; i < n; i++) {
		rte_pktmbuf_append(pkts[i], (uint16_t)(64 + (first + i) % 100));
		memset(sl_packet(pkts[i]), 0, sizeof(struct sl_packet));
		*number_of(pkts[i]) = first + i;
	}
	sl_graph_push(bed.graph, hop, pkts, (uint16_t)n);
}

/* The law, and that the pool has every packet that is not held. */
static inline struct sl_ledger bed_balance(void)
{
	struct sl_ledger l;

	sl_graph_ledger(bed.graph, &l);
	assert_int_equal(l.pushed + l.made,
			 l.sent + l.dropped + l.held + l.joined + l.handed + l.pending);
	return l;
}

static inline struct sl_hop_stats bed_stats(uint16_t hop)
{
	struct sl_hop_stats stats;

	sl_graph_stats(bed.graph, hop, &stats);
	return stats;
}

static inline uint64_t bed_drops(uint16_t hop, enum sl_graph_reason reason)
{
	return sl_graph_drops(bed.graph, hop,
			      sl_hop_of(sl_graph_node(bed.graph, hop))->own_reasons +
				      (uint32_t)reason);
}

static inline void bed_close(void)
{
	struct sl_fault fault;

	while (sl_fault_take(&fault)) /* the main thread has its packets */
		rte_pktmbuf_free_bulk(fault.packets, fault.packet_count);
	sl_graph_free(bed.graph);
	for (uint16_t i = 0; i < bed.hop_count; i++)
		sl_instance_free(bed.instances[i]);
	sl_errors_free(bed.errors);
	assert_int_equal(rte_mempool_avail_count(bed.pool), 16383);
}

#endif
