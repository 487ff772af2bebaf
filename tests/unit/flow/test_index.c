/* SPDX-License-Identifier: BSD-3-Clause */
/* The index against a plain array that says which slots are in it, under random operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/error/errors.h>
#include <sluice/index.h>

#define MOST 5000

struct slot {
	uint32_t before;
	uint32_t pad;
	uint8_t key[48];
};

struct world {
	struct slot slots[MOST];
	bool in[MOST];
	uint32_t hashes[MOST];
	uint32_t capacity, key_size, count;
	uint32_t hash_mask; /* few bits: many collisions */
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

static uint32_t hash_of(const struct world *w, const uint8_t *key)
{
	return sl_index_hash(key, w->key_size) & w->hash_mask;
}

static struct world *world_new(uint32_t capacity, uint32_t key_size, uint32_t hash_mask)
{
	struct world *w = calloc(1, sizeof(*w));
	struct sl_index_shape shape = {.capacity = capacity,
				       .key_size = key_size,
				       .slots = w->slots,
				       .stride = sizeof(struct slot),
				       .key_offset = offsetof(struct slot, key)};

	w->capacity = capacity;
	w->key_size = key_size;
	w->hash_mask = hash_mask;
	w->errors = sl_errors_new();
	w->index = sl_index_create(NULL, &shape, w->errors);
	assert_non_null(w->index);
	for (uint32_t i = 0; i < MOST; i++) {
		key_of_number(w, i, w->slots[i].key);
		w->hashes[i] = hash_of(w, w->slots[i].key);
	}
	return w;
}

static void world_free(struct world *w)
{
	sl_index_free(w->index);
	sl_errors_free(w->errors);
	free(w);
}

static void change(struct world *w)
{
	uint32_t slot = random_below(MOST);

	if (w->in[slot]) {
		assert_int_equal(sl_index_remove(w->index, w->hashes[slot], slot), 0);
		w->in[slot] = false;
		w->count--;
	} else if (w->count < w->capacity) {
		assert_int_equal(sl_index_remove(w->index, w->hashes[slot], slot), -ENOENT);
		assert_int_equal(sl_index_add(w->index, w->hashes[slot], slot), 0);
		w->in[slot] = true;
		w->count++;
	} else {
		assert_int_equal(sl_index_add(w->index, w->hashes[slot], slot), -ENOSPC);
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

		number[i] = random_below(MOST * 3 / 2);
		key_of_number(w, number[i], key);
		memcpy((uint8_t *)keys + i * w->key_size, key, w->key_size);
		hashes[i] = hash_of(w, key);
	}
	sl_index_find_bulk(w->index, keys, hashes, slots, n);
	for (uint16_t i = 0; i < n; i++) {
		bool in = number[i] < MOST && w->in[number[i]];

		assert_int_equal(slots[i], in ? number[i] : SL_NO_SLOT);
		assert_int_equal(
			sl_index_find(w->index, (uint8_t *)keys + i * w->key_size, hashes[i]),
			slots[i]);
	}
}

static void run(uint32_t capacity, uint32_t key_size, uint32_t hash_mask, uint32_t changes)
{
	struct world *w = world_new(capacity, key_size, hash_mask);

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
	struct world *w = world_new(MOST, 40, 0);
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
		cmocka_unit_test(test_oracle),     cmocka_unit_test(test_full),
		cmocka_unit_test(test_collisions), cmocka_unit_test(test_fill_and_empty),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
