/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changing what is in a table: adding and removing keys in random order, and growing from nothing
 * to four million keys; sluice's index and DPDK's hash, given the same hashes.
 */
#include "bench.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_debug.h>
#include <rte_hash.h>

#include <core/plugin/growth.h>
#include <sluice/index.h>

#define BATCH 256 /* added or removed between two looks at the clock */
#define MOST  (4u << 20)
#define STEP  1024u /* adds between two looks of the main thread: a millisecond's */

struct keys {
	uint64_t (*keys)[2];
	uint32_t *hashes;
	uint32_t count;
};

struct system {
	const char *name;
	/* Made for so many keys. Both end the program when they cannot. */
	void *(*make)(const struct keys *keys);
	void (*add)(void *table, const struct keys *keys, uint32_t at);
	void (*remove)(void *table, const struct keys *keys, uint32_t at);
	void (*destroy)(void *table);
};

static void *index_make(const struct keys *keys)
{
	struct sl_index_shape shape = {
		.capacity = keys->count, .key_size = 16, .slots = keys->keys, .stride = 16};
	struct sl_index *index = sl_index_create(NULL, &shape, NULL);

	if (index == NULL)
		rte_exit(EXIT_FAILURE, "no index of %u keys\n", keys->count);
	return index;
}

static void index_add(void *table, const struct keys *keys, uint32_t at)
{
	sl_index_add(table, keys->hashes[at], at);
}

static void index_remove(void *table, const struct keys *keys, uint32_t at)
{
	sl_index_remove(table, keys->hashes[at], at);
}

static void index_destroy(void *table)
{
	sl_index_free(table);
}

static uint32_t hash_key(const void *key, uint32_t length, uint32_t seed)
{
	return sl_index_hash(key, length);
}

static void *hash_make(const struct keys *keys)
{
	struct rte_hash_parameters parameters = {.name = "bench-change",
						 .entries = keys->count + keys->count / 4,
						 .key_len = 16,
						 .hash_func = hash_key,
						 .socket_id = SOCKET_ID_ANY};
	struct rte_hash *hash = rte_hash_create(&parameters);

	if (hash == NULL)
		rte_exit(EXIT_FAILURE, "no rte_hash of %u keys\n", keys->count);
	return hash;
}

static void hash_add(void *table, const struct keys *keys, uint32_t at)
{
	if (rte_hash_add_key_with_hash_data(table, keys->keys[at], keys->hashes[at],
					    (void *)(uintptr_t)at) != 0)
		rte_exit(EXIT_FAILURE, "rte_hash is full\n");
}

static void hash_remove(void *table, const struct keys *keys, uint32_t at)
{
	rte_hash_del_key_with_hash(table, keys->keys[at], keys->hashes[at]);
}

static void hash_destroy(void *table)
{
	rte_hash_free(table);
}

static const struct system systems[] = {
	{"sluice", index_make, index_add, index_remove, index_destroy},
	{"rte_hash", hash_make, hash_add, hash_remove, hash_destroy},
};

static struct keys make_keys(uint32_t count)
{
	struct keys keys = {.count = count};
	uint64_t x = 88172645463325252;

	keys.keys = aligned_alloc(64, (size_t)count * sizeof(keys.keys[0]));
	keys.hashes = malloc((size_t)count * sizeof(keys.hashes[0]));
	if (keys.keys == NULL || keys.hashes == NULL)
		rte_exit(EXIT_FAILURE, "no memory for %u keys\n", count);
	for (uint32_t i = 0; i < count; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		keys.keys[i][0] = x;
		keys.keys[i][1] = i;
		keys.hashes[i] = sl_index_hash(keys.keys[i], 16);
	}
	return keys;
}

static void free_keys(struct keys *keys)
{
	free(keys->keys);
	free(keys->hashes);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(const char *name, const char *system, uint32_t flows, double cycles,
		  unsigned int runs, const char *more)
{
	printf("{\"case\": \"%s\", \"system\": \"%s\", \"flows\": %u, \"bytes\": 16, "
	       "\"cycles\": %.2f, \"source_cycles\": 0, \"mpps\": %.2f, \"runs\": %u%s}\n",
	       name, system, flows, cycles, (double)rte_get_tsc_hz() / 1e6 / cycles, runs, more);
	fflush(stdout);
}

/*
 * One key in eight is out, always those that went the longest ago; some go, and the oldest come
 * back, so that nothing of theirs is in the first caches. The stride spreads them over the table,
 * and comes by every key once.
 */
static uint32_t key_at(const struct keys *keys, uint64_t turn)
{
	return (uint32_t)(turn % keys->count * 514229 % keys->count);
}

static void change(const struct system *system, void *table, const struct keys *keys,
		   uint64_t *turn, double cycles[2])
{
	uint64_t start = rte_rdtsc_precise(), between;

	for (unsigned int i = 0; i < BATCH; i++)
		system->remove(table, keys, key_at(keys, *turn + keys->count / 8 + i));
	between = rte_rdtsc_precise();
	for (unsigned int i = 0; i < BATCH; i++)
		system->add(table, keys, key_at(keys, *turn + i));
	cycles[0] = (double)(rte_rdtsc_precise() - between) / BATCH;
	cycles[1] = (double)(between - start) / BATCH;
	*turn += BATCH;
}

void bench_index_add(unsigned int runs)
{
	static const uint32_t counts[] = {1000, 10000, 100000, 1000000};
	static double samples[RTE_DIM(systems)][2][1 << 16];

	runs = RTE_MIN(runs * 64, (unsigned int)RTE_DIM(samples[0][0]));
	for (unsigned int c = 0; c < RTE_DIM(counts); c++) {
		struct keys keys = make_keys(counts[c]);
		void *tables[RTE_DIM(systems)];
		uint64_t turns[RTE_DIM(systems)] = {0};

		for (unsigned int s = 0; s < RTE_DIM(systems); s++) {
			tables[s] = systems[s].make(&keys);
			for (uint32_t i = keys.count / 8; i < keys.count; i++) {
				systems[s].add(tables[s], &keys, key_at(&keys, i));
				if (i % 1024 == 0)
					sl_growth_tend();
			}
		}
		for (unsigned int r = 0; r < runs; r++)
			for (unsigned int s = 0; s < RTE_DIM(systems); s++) {
				double cycles[2];

				change(&systems[s], tables[s], &keys, &turns[s], cycles);
				samples[s][0][r] = cycles[0];
				samples[s][1][r] = cycles[1];
			}
		for (unsigned int s = 0; s < RTE_DIM(systems); s++) {
			for (unsigned int way = 0; way < 2; way++) {
				qsort(samples[s][way], runs, sizeof(double), compare);
				print(way == 0 ? "index-add" : "index-remove", systems[s].name,
				      counts[c], samples[s][way][runs / 2], runs, "");
			}
			systems[s].destroy(tables[s]);
		}
		free_keys(&keys);
	}
}

/*
 * Growths in which every `step` adds are timed; of each the smallest time counts, as the same adds
 * do the same in each growth, and what disturbs them does not come back. In sluice's engine the
 * main thread brings pages in meanwhile; here that is done between two adds, or (helped: false)
 * never.
 */
static void grow(const struct system *system, const struct keys *keys, uint32_t *best,
		 uint32_t step, bool helped)
{
	void *table = system->make(keys);

	for (uint32_t i = 0; i < keys->count; i += step) {
		uint64_t start = rte_rdtsc_precise();
		uint32_t cycles;

		for (uint32_t j = i; j < i + step; j++)
			system->add(table, keys, j);
		cycles = (uint32_t)(rte_rdtsc_precise() - start);
		best[i / step] = RTE_MIN(best[i / step], cycles);
		if (helped && i % STEP == 0)
			sl_growth_tend();
	}
	system->destroy(table);
}

/* Reading the clock, which is in every time above. */
static double clock_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < 1000; i++) {
		uint64_t start = rte_rdtsc_precise();

		least = RTE_MIN(least, rte_rdtsc_precise() - start);
	}
	return (double)least;
}

void bench_index_grow(unsigned int runs)
{
	/* "alone": the worker brings its pages in by itself. */
	static const struct variant {
		const char *name;
		const struct system *system;
		bool helped;
	} variants[] = {
		{"sluice", &systems[0], true},
		{"sluice-alone", &systems[0], false},
		{"rte_hash", &systems[1], false},
	};
	struct keys keys = make_keys(MOST);
	uint32_t *best = malloc(MOST * sizeof(*best));
	double cost = clock_cost();

	if (best == NULL)
		rte_exit(EXIT_FAILURE, "no memory for %u times\n", MOST);
	for (unsigned int v = 0; v < RTE_DIM(variants); v++) {
		double sum = 0, worst = 0;
		char more[64];

		memset(best, 0xff, MOST * sizeof(*best));
		for (unsigned int r = 0; r < runs; r++)
			grow(variants[v].system, &keys, best, 1, variants[v].helped);
		for (uint32_t i = 0; i < keys.count; i++)
			worst = RTE_MAX(worst, best[i] - cost);
		memset(best, 0xff, MOST * sizeof(*best));
		for (unsigned int r = 0; r < runs; r++)
			grow(variants[v].system, &keys, best, STEP, variants[v].helped);
		for (uint32_t i = 0; i < keys.count / STEP; i++)
			sum += best[i] - cost;
		snprintf(more, sizeof(more), ", \"worst\": %.0f", worst);
		print("index-grow", variants[v].name, keys.count, sum / keys.count, runs, more);
	}
	free(best);
	free_keys(&keys);
}
