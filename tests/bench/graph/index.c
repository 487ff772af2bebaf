/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding keys that are there, in random order: sluice's index and DPDK's hash. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_debug.h>
#include <rte_hash.h>

#include <core/plugin/growth.h>
#include <sluice/index.h>

#define BURST   64 /* the most that rte_hash takes at once */
#define QUERIES (1u << 18)

/* A session as a function would keep it: the key, and what belongs to it. */
struct slot {
	uint64_t key[2];
	uint64_t data[6];
};

struct table {
	struct slot *slots;
	struct sl_index *index;
	struct rte_hash *hash;
	uint64_t (*keys)[2]; /* QUERIES of them */
	const void **pointers;
	uint32_t *hashes;
	uint32_t at;
	uint64_t sum;
};

static uint32_t hash_key(const void *key, uint32_t length, uint32_t seed)
{
	return sl_index_hash(key, length);
}

static void run_index(void *context, unsigned int bursts)
{
	struct table *table = context;
	uint32_t found[BURST];

	while (bursts-- > 0) {
		sl_index_find_bulk(table->index, table->keys[table->at], table->hashes + table->at,
				   found, BURST);
		for (unsigned int i = 0; i < BURST; i++)
			table->sum += table->slots[found[i]].data[0];
		table->at = (table->at + BURST) % QUERIES;
	}
}

static void run_hash(void *context, unsigned int bursts)
{
	struct table *table = context;
	int32_t found[BURST];

	while (bursts-- > 0) {
		rte_hash_lookup_with_hash_bulk(table->hash, table->pointers + table->at,
					       table->hashes + table->at, BURST, found);
		for (unsigned int i = 0; i < BURST; i++)
			table->sum += table->slots[found[i]].data[0];
		table->at = (table->at + BURST) % QUERIES;
	}
}

static void make(struct table *table, uint32_t count)
{
	struct sl_index_shape shape = {.capacity = count,
				       .key_size = sizeof(table->slots->key),
				       .stride = sizeof(struct slot)};
	struct rte_hash_parameters parameters = {.name = "bench",
						 .entries = count + count / 4,
						 .key_len = sizeof(table->slots->key),
						 .hash_func = hash_key,
						 .socket_id = SOCKET_ID_ANY};

	memset(table, 0, sizeof(*table));
	table->slots = aligned_alloc(64, (size_t)(count + count / 4 + 64) * sizeof(struct slot));
	table->keys = malloc(QUERIES * sizeof(table->keys[0]));
	table->pointers = malloc(QUERIES * sizeof(table->pointers[0]));
	table->hashes = malloc(QUERIES * sizeof(table->hashes[0]));
	shape.slots = table->slots;
	table->index = sl_index_create(NULL, &shape, NULL);
	table->hash = rte_hash_create(&parameters);
	if (table->index == NULL || table->hash == NULL)
		rte_exit(EXIT_FAILURE, "no tables of %u keys\n", count);
	for (uint32_t i = 0; i < count; i++) {
		struct slot *slot = &table->slots[i];

		memset(slot, 0, sizeof(*slot));
		slot->key[0] = (uint64_t)i * 0x9e3779b97f4a7c15;
		slot->key[1] = i;
		sl_index_add(table->index, sl_index_hash(slot->key, 16), i);
		if (rte_hash_add_key(table->hash, slot->key) < 0)
			rte_exit(EXIT_FAILURE, "rte_hash is full at %u keys\n", i);
		if (i % 1024 == 0)
			sl_growth_tend(); /* as the main thread does */
	}
	for (uint32_t i = 0; i < QUERIES; i++) {
		uint32_t wanted = (uint32_t)(((uint64_t)rand() << 16 ^ (uint64_t)rand()) % count);

		memcpy(table->keys[i], table->slots[wanted].key, 16);
		table->pointers[i] = table->keys[i];
		table->hashes[i] = sl_index_hash(table->keys[i], 16);
	}
}

static void destroy(struct table *table)
{
	sl_index_free(table->index);
	rte_hash_free(table->hash);
	free(table->slots);
	free(table->keys);
	free(table->pointers);
	free(table->hashes);
}

void bench_index(unsigned int runs)
{
	static const uint32_t counts[] = {1000, 10000, 100000, 1000000};

	for (unsigned int c = 0; c < RTE_DIM(counts); c++) {
		struct table table;
		const struct bench_subject subjects[] = {{"sluice", run_index, &table},
							 {"rte_hash", run_hash, &table}};
		double cycles[RTE_DIM(subjects)];

		make(&table, counts[c]);
		bench_measure(subjects, RTE_DIM(subjects), BURST, runs, cycles);
		for (unsigned int s = 0; s < RTE_DIM(subjects); s++)
			printf("{\"case\": \"find\", \"system\": \"%s\", \"flows\": %u, "
			       "\"bytes\": 16, \"cycles\": %.2f, \"source_cycles\": 0, "
			       "\"mpps\": %.1f, \"runs\": %u}\n",
			       subjects[s].system, counts[c], cycles[s],
			       (double)rte_get_tsc_hz() / 1e6 / cycles[s], runs);
		fflush(stdout);
		destroy(&table);
	}
}
