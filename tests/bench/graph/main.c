/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-graph [RUNS [LCORE [CASE]]]: what it costs to send a packet through N nodes that do
 * nothing, or touch its header, in sluice's graph, in DPDK's, and in plain C calls; and what it
 * costs to parse it, or to find, add and remove a key in sluice's index and in DPDK's hash. No
 * I/O: packets go round. One JSON object a line on standard output; the cost of the source alone is
 * taken off and stated.
 */
#include "bench.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_debug.h>
#include <rte_eal.h>

#include <core/graph/graph.h>

struct rte_mbuf *bench_packets[BENCH_PACKETS];
uint32_t bench_salt = 1;

#define MOST_SUBJECTS 8
#define MOST_RUNS     1001

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void bench_measure(const struct bench_subject *subjects, unsigned int count, unsigned int units,
		   unsigned int runs, double *cycles)
{
	static double samples[MOST_SUBJECTS][MOST_RUNS];
	unsigned int bursts = 20000 / units + 1;

	for (unsigned int r = 0; r < runs; r++)
		for (unsigned int s = 0; s < count; s++) {
			uint64_t start;

			subjects[s].run(subjects[s].context, bursts / 8 + 1); /* warm */
			start = rte_rdtsc_precise();
			subjects[s].run(subjects[s].context, bursts);
			samples[s][r] =
				(double)(rte_rdtsc_precise() - start) / ((double)bursts * units);
		}
	for (unsigned int s = 0; s < count; s++) {
		qsort(samples[s], runs, sizeof(double), compare);
		cycles[s] = samples[s][runs / 2];
	}
}

/* Only cases whose names start with this. */
static const char *wanted = "";

static bool is_wanted(const char *name)
{
	return strncmp(name, wanted, strlen(wanted)) == 0;
}

static void bench_shape(const struct bench_shape *shape, const char *name, unsigned int runs)
{
	if (!is_wanted(name))
		return;

	const struct bench_subject subjects[] = {bench_source_alone(shape->burst),
						 bench_plain(shape), bench_sluice(shape),
						 bench_rte_graph(shape)};
	double cycles[RTE_DIM(subjects)];

	bench_measure(subjects, RTE_DIM(subjects), shape->burst, runs, cycles);
	for (unsigned int s = 1; s < RTE_DIM(subjects); s++) {
		double net = cycles[s] - cycles[0];

		printf("{\"case\": \"%s\", \"system\": \"%s\", \"burst\": %u, \"flows\": %u, "
		       "\"bytes\": 64, \"cycles\": %.2f, \"source_cycles\": %.2f, "
		       "\"mpps\": %.1f, \"runs\": %u}\n",
		       name, subjects[s].system, shape->burst, BENCH_PACKETS, net, cycles[0],
		       (double)rte_get_tsc_hz() / 1e6 / RTE_MAX(net, 0.01), runs);
	}
	fflush(stdout);
}

static void make_packets(void)
{
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create("bench", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);

	if (pool == NULL || rte_pktmbuf_alloc_bulk(pool, bench_packets, BENCH_PACKETS) != 0)
		rte_exit(EXIT_FAILURE, "no packets\n");
	for (unsigned int i = 0; i < BENCH_PACKETS; i++) {
		char *data = rte_pktmbuf_append(bench_packets[i], 64);

		memset(data, (int)i, 64);
		bench_packets[i]->hash.rss = (uint32_t)rand();
	}
}

/* How many of 2 MiB are free. */
static unsigned int hugepages(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned int count = 0;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "HugePages_Free: %u", &count) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return count;
}

#define MEMORY 512 /* MiB */

int main(int argc, char **argv)
{
	static const unsigned int nodes[] = {0, 1, 4, 8};
	static const uint16_t bursts[] = {32, 256};
	unsigned int runs = argc > 1 ? (unsigned int)atoi(argv[1]) : 101;
	bool huge = hugepages() * 2 >= MEMORY;
	static char args[][32] = {"bench-graph",
				  "--in-memory",
				  "-m",
				  RTE_STR(MEMORY),
				  "--no-pci",
				  "--log-level=error",
				  "--force-max-simd-bitwidth=512",
				  "-l",
				  "0"};
	char *eal[RTE_DIM(args) + 1] = {NULL};
	static char no_huge[] = "--no-huge";
	char name[32];

	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		eal[i] = args[i];
	if (!huge)
		eal[1] = no_huge;
	if (argc > 2)
		eal[RTE_DIM(args) - 1] = argv[2];
	if (argc > 3)
		wanted = argv[3];
	runs = RTE_MIN(RTE_MAX(runs, 1u), (unsigned int)MOST_RUNS);
	if (rte_eal_init(RTE_DIM(args), eal) < 0)
		rte_exit(EXIT_FAILURE, "EAL does not start\n");
	fprintf(stderr, "bench-graph: %s pages, sorting by %s\n", huge ? "2 MiB" : "4 KiB",
		sl_graph_scatter_name());
	make_packets();
	for (unsigned int b = 0; b < RTE_DIM(bursts); b++) {
		struct bench_shape shape = {BENCH_SPLIT, 0, bursts[b]};

		for (unsigned int n = 0; n < RTE_DIM(nodes); n++) {
			shape.nodes = nodes[n];
			shape.work = BENCH_NOTHING;
			snprintf(name, sizeof(name), "idle-nodes-%u", nodes[n]);
			bench_shape(&shape, name, runs);
			if (nodes[n] == 0)
				continue;
			shape.work = BENCH_TOUCH;
			snprintf(name, sizeof(name), "nodes-%u", nodes[n]);
			bench_shape(&shape, name, runs);
		}
		shape.work = BENCH_SPLIT;
		bench_shape(&shape, "split-merge-4", runs);
	}
	if (is_wanted("parse"))
		bench_parse(runs);
	if (is_wanted("find"))
		bench_index(runs / 4 + 1);
	if (is_wanted("index-add"))
		bench_index_add(runs);
	if (is_wanted("index-grow"))
		bench_index_grow(RTE_MIN(runs, 5u));
	return 0;
}
