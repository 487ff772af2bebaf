/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An index against a plain array that says which slots are in it, under operations that the input
 * names: capacity, size of key, how many bits of the hash are left, then adds, removals and lookups
 * of one and of many.
 */
#include <stdlib.h>

#include "script.h"

#include <core/flow/index.h>
#include <core/plugin/growth.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SLOTS 4096u
#define WORDS 6

static uint32_t hash_mask;

static uint32_t masked_hash(const void *key, uint32_t size)
{
	return sl_index_hash(key, size) & hash_mask;
}

struct world {
	uint64_t keys[SLOTS][WORDS]; /* the key is the first words of a slot */
	bool in[SLOTS];
	uint32_t capacity, key_size, count;
	struct sl_index *index;
};

static uint32_t hash_of(const struct world *w, uint32_t slot)
{
	return masked_hash(w->keys[slot], w->key_size);
}

static void demand(bool is)
{
	if (!is)
		abort();
}

static void add(struct world *w, uint32_t slot)
{
	if (w->in[slot])
		return;
	demand(sl_index_add(w->index, hash_of(w, slot), slot) ==
	       (w->count < w->capacity ? 0 : -ENOSPC));
	w->in[slot] = w->count < w->capacity;
	w->count += w->in[slot];
}

static void take_out(struct world *w, uint32_t slot)
{
	demand(sl_index_remove(w->index, hash_of(w, slot), slot) == (w->in[slot] ? 0 : -ENOENT));
	w->count -= w->in[slot];
	w->in[slot] = false;
}

static void look(const struct world *w, uint32_t first, uint32_t n)
{
	uint64_t keys[256 * WORDS];
	uint32_t hashes[256], found[256];

	for (uint32_t i = 0; i < n; i++) {
		memcpy((uint8_t *)keys + i * w->key_size, w->keys[(first + i) % SLOTS],
		       w->key_size);
		hashes[i] = hash_of(w, (first + i) % SLOTS);
	}
	sl_index_find_bulk(w->index, keys, hashes, found, (uint16_t)n);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t slot = (first + i) % SLOTS;

		demand(found[i] == (w->in[slot] ? slot : SL_NO_SLOT));
		demand(sl_index_find(w->index, w->keys[slot], hashes[i]) == found[i]);
	}
}

static void play(struct world *w, struct script *s)
{
	while (!script_over(s)) {
		uint8_t what = script_byte(s);
		uint32_t first = script_byte(s) << 4 | (script_byte(s) & 15);
		uint32_t n = 1 + script_byte(s) * (what & 8 ? 4u : 1u);

		switch (what & 7) {
		case 0:
		case 1:
		case 2:
			for (uint32_t i = 0; i < n; i++)
				add(w, (first + i) % SLOTS);
			break;
		case 3:
		case 4:
			for (uint32_t i = 0; i < n; i++)
				take_out(w, (first + i * 3) % SLOTS);
			break;
		case 5:
			sl_growth_tend();
			break;
		default:
			look(w, first, RTE_MIN(n, 256u));
		}
		demand(sl_index_count(w->index) == w->count);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct script s = {data, data + RTE_MIN(size, (size_t)192)};
	struct sl_index_shape shape = {.slots = w.keys, .stride = sizeof(w.keys[0])};
	struct sl_index_stats stats;

	sl_index_seed_set(script_byte(&s));
	w.key_size = 8 + 8 * (script_byte(&s) % WORDS);
	w.capacity = 1 + (script_byte(&s) << 4 | (script_byte(&s) & 15));
	/* Some bits at both ends, all, or none. */
	hash_mask = UINT32_MAX << (script_byte(&s) & 31);
	hash_mask |= (UINT32_C(1) << (script_byte(&s) & 31)) - 1;
	hash_mask &= script_byte(&s) & 1 ? UINT32_MAX : UINT32_C(0x00ff0fff);
	if (script_byte(&s) == 255)
		hash_mask = 0;
	shape.capacity = w.capacity;
	shape.key_size = w.key_size;
	shape.hash = masked_hash;
	w.count = 0;
	memset(w.in, 0, sizeof(w.in));
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		w.keys[slot][w.key_size / 8 - 1] = slot * UINT64_C(0x100000001);
	w.index = sl_index_create(NULL, &shape, NULL);
	demand(w.index != NULL);
	play(&w, &s);
	for (uint32_t slot = 0; slot < SLOTS; slot += 64)
		look(&w, slot, 64);
	sl_index_stats(w.index, &stats);
	demand(stats.buckets <= stats.bucket_most && stats.overflow_used <= stats.overflow_count);
	sl_index_free(w.index);
	return 0;
}
