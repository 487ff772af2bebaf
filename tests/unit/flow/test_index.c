/* SPDX-License-Identifier: BSD-3-Clause */
/* The index against a plain array that says which slots are in it, under random operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <core/error/errors.h>
#include <core/flow/index.h>
#include <core/plugin/growth.h>

#define MOST 5000

struct slot {
	uint32_t before;
	uint32_t pad;
	uint8_t key[48];
};

struct world {
	struct slot *slots;
	bool *in;
	uint32_t *hashes;
	uint32_t most; /* slots there are */
	uint32_t capacity, key_size, count;
	struct sl_index *index;
	struct sl_errors *errors;
};

static uint64_t random_state = 88172645463325252ull;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 20) % limit);
}

static void key_of_number(const struct world *w, uint32_t number, uint8_t *key)
{
	memset(key, 0, 48);
	memcpy(key + w->key_size - 4, &number, 4);
	key[0] ^= (uint8_t)(number >> 3);
}

static uint32_t hash_mask; /* few bits: many collisions */

static uint32_t masked_hash(const void *key, uint32_t size)
{
	return sl_index_hash(key, size) & hash_mask;
}

static uint32_t hash_of(const struct world *w, const uint8_t *key)
{
	return masked_hash(key, w->key_size);
}

static struct world *world_new(uint32_t most, uint32_t capacity, uint32_t key_size, uint32_t mask)
{
	struct world *w = calloc(1, sizeof(*w));
	struct sl_index_shape shape = {.capacity = capacity,
				       .key_size = key_size,
				       .stride = sizeof(struct slot),
				       .key_offset = offsetof(struct slot, key)};

	hash_mask = mask;
	if (mask != UINT32_MAX)
		shape.hash = masked_hash;
	w->slots = calloc(most, sizeof(*w->slots));
	w->in = calloc(most, sizeof(*w->in));
	w->hashes = calloc(most, sizeof(*w->hashes));
	shape.slots = w->slots;
	w->most = most;
	w->capacity = capacity;
	w->key_size = key_size;
	w->errors = sl_errors_new();
	w->index = sl_index_create(NULL, &shape, w->errors);
	assert_non_null(w->index);
	for (uint32_t i = 0; i < most; i++) {
		key_of_number(w, i, w->slots[i].key);
		w->hashes[i] = hash_of(w, w->slots[i].key);
	}
	return w;
}

static void world_free(struct world *w)
{
	sl_index_free(w->index);
	sl_errors_free(w->errors);
	free(w->slots);
	free(w->in);
	free(w->hashes);
	free(w);
}

static void change(struct world *w)
{
	uint32_t slot = random_below(w->most);

	if (w->in[slot]) {
		assert_int_equal(sl_index_remove(w->index, w->hashes[slot], slot), 0);
		w->in[slot] = false;
		w->count--;
	} else if (w->count < w->capacity) {
		assert_int_equal(sl_index_remove(w->index, w->hashes[slot], slot), -ENOENT);
		if (random_below(2))
			assert_int_equal(sl_index_add(w->index, w->hashes[slot], slot), 0);
		else
			assert_int_equal(sl_index_add_new(w->index, w->hashes[slot], slot), 0);
		w->in[slot] = true;
		w->count++;
	} else {
		assert_int_equal(sl_index_add(w->index, w->hashes[slot], slot), -ENOSPC);
		assert_int_equal(sl_index_add_new(w->index, w->hashes[slot], slot), -ENOSPC);
	}
	assert_int_equal(sl_index_count(w->index), w->count);
}

/* Look n random keys up, a third of which no slot has. */
static void look(const struct world *w, uint16_t n)
{
	static uint64_t keys[256 * 6];
	uint32_t hashes[256], slots[256], number[256];

	for (uint16_t i = 0; i < n; i++) {
		uint8_t key[48];

		number[i] = random_below(w->most * 3 / 2);
		key_of_number(w, number[i], key);
		memcpy((uint8_t *)keys + i * w->key_size, key, w->key_size);
		hashes[i] = hash_of(w, key);
	}
	sl_index_find_bulk(w->index, keys, hashes, slots, n);
	for (uint16_t i = 0; i < n; i++) {
		bool in = number[i] < w->most && w->in[number[i]];

		assert_int_equal(slots[i], in ? number[i] : SL_NO_SLOT);
		assert_int_equal(
			sl_index_find(w->index, (uint8_t *)keys + i * w->key_size, hashes[i]),
			slots[i]);
	}
}

static void run(uint32_t capacity, uint32_t key_size, uint32_t mask, uint32_t changes)
{
	struct world *w = world_new(MOST, capacity, key_size, mask);

	for (uint32_t i = 0; i < changes; i++) {
		change(w);
		if (i % 64 == 0)
			look(w, (uint16_t)(1 + random_below(256)));
	}
	world_free(w);
}

static void test_oracle(void **state)
{
	for (uint32_t key_size = 8; key_size <= 48; key_size += 8)
		run(MOST, key_size, UINT32_MAX, 30000);
}

/* Fewer slots than keys: it is full most of the time. */
static void test_full(void **state)
{
	run(700, 16, UINT32_MAX, 30000);
	run(1, 8, UINT32_MAX, 2000);
}

/* All hashes the same, or nearly: chains as long as can be, yet never short of room. */
static void test_collisions(void **state)
{
	run(MOST, 40, 0, 12000);
	run(2000, 40, 0x10001, 12000);
	run(MOST, 24, 0xff00000f, 30000);
}

static void test_fill_and_empty(void **state)
{
	struct world *w = world_new(MOST, MOST, 40, 0);
	struct sl_index_stats stats;

	for (int turn = 0; turn < 2; turn++) {
		for (uint32_t i = 0; i < MOST; i++)
			assert_int_equal(sl_index_add(w->index, 0, i), 0);
		assert_int_equal(sl_index_add(w->index, 0, 0), -ENOSPC);
		sl_index_stats(w->index, &stats);
		assert_int_equal(stats.count, MOST);
		assert_int_equal(stats.overflow_used, MOST / 10 - 1);
		assert_true(stats.overflow_used <= stats.overflow_count);
		for (uint32_t i = 0; i < MOST; i++)
			assert_int_equal(sl_index_remove(w->index, 0, i * 7 % MOST), 0);
		sl_index_stats(w->index, &stats);
		assert_int_equal(stats.count, 0);
		assert_int_equal(stats.overflow_used, 0);
	}
	world_free(w);
}

/* Every key is found where a lookup of one and of many look for it, and no other slot is there. */
static void look_all(const struct world *w)
{
	for (uint32_t i = 0; i < w->most; i++)
		assert_int_equal(sl_index_find(w->index, w->slots[i].key, w->hashes[i]),
				 w->in[i] ? i : SL_NO_SLOT);
}

/* From a page to all of its size, with removals between, the main thread's part done now and
 * then; until what it holds is empty again. */
static void test_growth(void **state)
{
	struct world *w = world_new(100000, 100000, 16, UINT32_MAX);
	struct sl_index_stats stats;
	uint32_t buckets;

	sl_index_stats(w->index, &stats);
	assert_int_equal(stats.buckets, 64);
	for (uint32_t i = 0; i < 700000; i++) {
		change(w);
		if (i % 1024 == 0) {
			look(w, 256);
			sl_growth_tend();
		}
	}
	for (uint32_t i = 0; i < w->most; i++)
		if (!w->in[i])
			assert_int_equal(sl_index_add(w->index, w->hashes[i], i), 0);
	memset(w->in, true, w->most);
	look_all(w);
	sl_index_stats(w->index, &stats);
	assert_int_equal(stats.buckets, w->most / 4);
	assert_int_equal(stats.buckets, stats.bucket_most);
	/* Under any seed: about 4 in 100 at this load. */
	assert_true(stats.overflow_used <= stats.buckets / 10);
	buckets = stats.buckets;
	for (uint32_t i = 0; i < w->most; i++) {
		assert_int_equal(sl_index_remove(w->index, w->hashes[i], i), 0);
		w->in[i] = false;
	}
	look_all(w);
	sl_index_stats(w->index, &stats);
	assert_int_equal(stats.overflow_used, 0);
	assert_int_equal(stats.buckets, buckets);
	world_free(w);
}

/* Long chains come apart, and in parts that have more buckets in all than before: never too many
 * for those there are. */
static void test_growth_of_chains(void **state)
{
	static const uint32_t masks[] = {0xff000000, 0x3ff00000, 0x0000ff00, 0x80000000, 0x10080};

	for (unsigned int i = 0; i < RTE_DIM(masks); i++) {
		struct world *w = world_new(20000, 20000, 8, masks[i]);
		struct sl_index_stats stats;

		for (uint32_t slot = 0; slot < w->most; slot++) {
			assert_int_equal(sl_index_add(w->index, w->hashes[slot], slot), 0);
			w->in[slot] = true;
			if (slot % 1000 == 0)
				look(w, 64);
		}
		sl_index_stats(w->index, &stats);
		assert_int_equal(stats.buckets, stats.bucket_most);
		assert_true(stats.overflow_used <= stats.overflow_count);
		look(w, 256);
		world_free(w);
	}
}

/* Any number for any number (the finalizer of splitmix64). Numbers in a row would do better under
 * most seeds, for the hash multiplies, and far worse under some. */
static uint64_t scatter(uint64_t number)
{
	number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
	return number ^ number >> 31;
}

/* Beyond 2^16 buckets the tag has the bit that says which entries move. */
static void test_large(void **state)
{
	const uint32_t most = 1300000; /* 325,000 buckets */
	uint64_t *keys = malloc(most * sizeof(*keys));
	struct sl_index_shape shape = {
		.capacity = most, .key_size = 8, .slots = keys, .stride = 8, .key_offset = 0};
	struct sl_index *index = sl_index_create(NULL, &shape, NULL);
	struct sl_index_stats stats;

	assert_non_null(index);
	for (uint32_t i = 0; i < most; i++) {
		keys[i] = scatter(i);
		assert_int_equal(sl_index_add(index, sl_index_hash(&keys[i], 8), i), 0);
		if (i % 4096 == 0)
			sl_growth_tend();
	}
	for (uint32_t i = 0; i < most; i++)
		assert_int_equal(sl_index_find(index, &keys[i], sl_index_hash(&keys[i], 8)), i);
	sl_index_stats(index, &stats);
	assert_int_equal(stats.buckets, most / 4);
	/* Under any seed: about 4 in 100 at this load. */
	assert_true(stats.overflow_used <= stats.buckets / 10);
	sl_index_free(index);
	free(keys);
}

/* How many pages of 4 KiB are there. */
static unsigned int resident(void *memory, size_t size)
{
	unsigned char *pages = calloc(1, size / 4096);
	unsigned int count = 0;

	assert_int_equal(mincore(memory, size, pages), 0);
	for (size_t i = 0; i < size / 4096; i++)
		count += pages[i] & 1;
	free(pages);
	return count;
}

static void test_empty_is_small(void **state)
{
	static uint64_t slot;
	struct sl_index_shape shape = {
		.capacity = 4000000, .key_size = 8, .slots = &slot, .stride = 8};
	struct sl_index *index = sl_index_create(NULL, &shape, NULL);
	struct sl_index_stats stats;
	uint32_t hash = sl_index_hash(&slot, 8);

	assert_non_null(index);
	assert_int_equal(sl_index_find(index, &slot, hash), SL_NO_SLOT);
	assert_int_equal(sl_index_add(index, hash, 0), 0);
	sl_growth_tend();
	assert_int_equal(resident(index->buckets, 61 << 20), 8);
	assert_true(resident(index->overflow, 24 << 20) <= 1);
	sl_index_stats(index, &stats);
	assert_true(stats.memory < 8192);
	assert_in_range(stats.memory_most, 80 << 20, 100 << 20);
	sl_index_free(index);
}

static uint32_t longest(const struct sl_index *index)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < index->bucket_count; i++) {
		const struct sl_bucket *bucket = &index->buckets[i];
		uint32_t entries = 0;

		for (; bucket != NULL; bucket = sl_index_next(index, bucket))
			entries += SL_INDEX_WAYS -
				   (uint32_t)__builtin_popcount(sl_index_match(bucket, 0));
		most = RTE_MAX(most, entries);
	}
	return most;
}

/* The fullest bucket chain of an index of those keys. Of 4,096 random ones in 1,024 buckets it
 * has about 14. */
static uint32_t longest_of(const uint64_t (*keys)[2], uint32_t count)
{
	struct sl_index_shape shape = {
		.capacity = count, .key_size = 16, .slots = keys, .stride = 16, .key_offset = 0};
	struct sl_index *index = sl_index_create(NULL, &shape, NULL);
	uint32_t most;

	assert_non_null(index);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(sl_index_add(index, sl_index_hash(keys[i], 16), i), 0);
	most = longest(index);
	sl_index_free(index);
	return most;
}

/* Keys as traffic has them, keys with one CRC, and keys chosen for another secret. */
static void test_chosen_keys(void **state)
{
	static uint64_t keys[4096][2];
	uint32_t n = 0;

	sl_index_seed_set(1);
	for (uint64_t i = 0; n < RTE_DIM(keys); i++) {
		keys[n][0] = i;
		keys[n][1] = i * i;
		n += (sl_index_hash(keys[n], 16) & 1023) == 0;
	}
	assert_int_equal(longest_of(keys, n), n);
	for (uint64_t number = 2; number < 40; number++) {
		sl_index_seed_set(number);
		assert_in_range(longest_of(keys, n), 8, 30);
	}
	/* x^32 + ... of CRC32C, bits reflected: its multiples vanish. */
	for (uint32_t i = 0; i < n; i++) {
		uint64_t multiple = 0;

		for (int bit = 0; bit < 12; bit++)
			multiple ^= i >> bit & 1 ? UINT64_C(0x105ec76f1) << bit : 0;
		keys[i][0] = multiple;
		keys[i][1] = 7;
	}
	for (uint64_t number = 1; number < 20; number++) {
		sl_index_seed_set(number);
		assert_in_range(longest_of(keys, n), 5, 40);
	}
	/* Hosts in a row, a port each; and one host, ports in a row. */
	for (int turn = 0; turn < 2; turn++) {
		for (uint32_t i = 0; i < n; i++) {
			keys[i][0] = UINT64_C(0x0a000000) << 32 | (turn ? i : 0);
			keys[i][1] = UINT64_C(17) << 32 | (turn ? 53 : i << 16);
		}
		for (uint64_t number = 1; number < 20; number++) {
			sl_index_seed_set(number);
			assert_in_range(longest_of(keys, n), 4, 40);
		}
	}
}

/* Every bit of a key counts, of a long one too, and changes half the bits of the hash. */
static void test_hash(void **state)
{
	static uint64_t words[16];

	for (uint32_t size = 8; size <= sizeof(words); size += 8) {
		uint32_t plain = sl_index_hash(words, size), changed = 0;

		for (uint32_t bit = 0; bit < size * 8; bit++) {
			words[bit / 64] ^= UINT64_C(1) << bit % 64;
			assert_int_not_equal(sl_index_hash(words, size), plain);
			changed += (uint32_t)__builtin_popcount(sl_index_hash(words, size) ^ plain);
			words[bit / 64] ^= UINT64_C(1) << bit % 64;
		}
		assert_in_range(changed, size * 8 * 13, size * 8 * 19);
	}
}

/* A key that another slot has is found wherever in its chain that stands, and when the index is
 * full, too. */
static void test_add_new(void **state)
{
	(void)state;
	for (unsigned int few = 0; few < 2; few++) {
		struct world *w = world_new(1001, 500, 16, few ? 7 : UINT32_MAX);

		for (uint32_t slot = 0; slot < 500; slot++) {
			uint32_t twin = 500 + slot;

			assert_int_equal(sl_index_add_new(w->index, w->hashes[slot], slot), 0);
			memcpy(w->slots[twin].key, w->slots[slot].key, 48);
		}
		for (uint32_t slot = 0; slot < 500; slot++)
			assert_int_equal(sl_index_add_new(w->index, w->hashes[slot], 500 + slot),
					 -EEXIST);
		assert_int_equal(sl_index_add_new(w->index, w->hashes[1000], 1000), -ENOSPC);
		assert_int_equal(sl_index_count(w->index), 500);
		assert_int_equal(sl_index_remove(w->index, w->hashes[3], 3), 0);
		assert_int_equal(sl_index_add_new(w->index, w->hashes[3], 503), 0);
		assert_int_equal(sl_index_find(w->index, w->slots[3].key, w->hashes[3]), 503);
		world_free(w);
	}
}

/* What was added is never denied, and most that was not is. */
static void test_added(void **state)
{
	struct sl_index_added added = {{0}};
	uint32_t none[3] = {SL_NO_SLOT, 1, 2}, slots[300], wrong = 0;
	uint64_t key;

	(void)state;
	for (key = 0; key < 128; key++)
		sl_index_added_note(&added, sl_index_hash(&key, sizeof(key)));
	for (key = 0; key < 128; key++)
		assert_true(sl_index_added_maybe(&added, sl_index_hash(&key, sizeof(key))));
	for (; key < 2128; key++)
		wrong += sl_index_added_maybe(&added, sl_index_hash(&key, sizeof(key)));
	assert_true(wrong < 300);
	for (uint16_t n = 0; n < 300; n++) {
		slots[n] = n;
		assert_false(sl_index_missed(slots, n));
	}
	assert_true(sl_index_missed(none, 1));
	slots[256] = SL_NO_SLOT;
	assert_true(sl_index_missed(slots, 257));
	assert_false(sl_index_missed(slots, 256));
}

static void test_refused(void **state)
{
	static uint64_t slots[16];
	struct sl_errors *errors = sl_errors_new();
	struct sl_index_shape shape = {.capacity = 0, .key_size = 8, .slots = slots, .stride = 8};

	assert_null(sl_index_create(NULL, &shape, errors));
	shape.capacity = 2;
	shape.key_size = 12;
	assert_null(sl_index_create(NULL, &shape, errors));
	shape.key_size = 56;
	assert_null(sl_index_create(NULL, &shape, errors));
	shape.key_size = 8;
	shape.key_offset = 4;
	assert_null(sl_index_create(NULL, &shape, errors));
	assert_int_equal(sl_errors_count(errors), 4);
	sl_errors_free(errors);
	sl_index_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oracle),      cmocka_unit_test(test_full),
		cmocka_unit_test(test_collisions),  cmocka_unit_test(test_fill_and_empty),
		cmocka_unit_test(test_growth),      cmocka_unit_test(test_growth_of_chains),
		cmocka_unit_test(test_large),       cmocka_unit_test(test_empty_is_small),
		cmocka_unit_test(test_chosen_keys), cmocka_unit_test(test_hash),
		cmocka_unit_test(test_add_new),     cmocka_unit_test(test_added),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
