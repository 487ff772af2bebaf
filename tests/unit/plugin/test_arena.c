/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <core/plugin/arena.h>

static bool all_zero(const void *memory, size_t size)
{
	const char *bytes = memory;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static void counts_what_is_used(void **state)
{
	struct sl_arena *arena = sl_arena_new(0);
	void *first, *second;
	uint64_t used;

	assert_int_equal(sl_arena_used(arena), 0);
	first = sl_arena_take(arena, 1000);
	assert_non_null(first);
	assert_int_equal((uintptr_t)first % 64, 0);
	assert_true(all_zero(first, 1000));
	used = sl_arena_used(arena);
	assert_in_range(used, 1000, 2000);
	memset(first, 1, 1000);
	second = sl_arena_take(arena, 0);
	assert_non_null(second);
	sl_arena_give(arena, first);
	sl_arena_give(arena, NULL);
	assert_true(sl_arena_used(arena) < used);
	sl_arena_give(arena, second);
	assert_int_equal(sl_arena_used(arena), 0);
	sl_arena_free(arena);
}

/* Memory that was used before is zeroed again. */
static void zeroes_again(void **state)
{
	struct sl_arena *arena = sl_arena_new(0);

	for (int i = 0; i < 100; i++) {
		char *memory = sl_arena_take(arena, 5000);

		assert_true(all_zero(memory, 5000));
		memset(memory, 0xff, 5000);
		sl_arena_give(arena, memory);
	}
	sl_arena_free(arena);
}

static void stops_at_the_cap(void **state)
{
	struct sl_arena *arena = sl_arena_new(64 * 1024);
	unsigned int n = 0;

	while (sl_arena_take(arena, 4096) != NULL)
		n++;
	assert_in_range(n, 8, 16);
	assert_true(sl_arena_used(arena) <= 64 * 1024);
	assert_null(sl_arena_take_table(arena, 4 << 20));
	assert_null(sl_arena_take(arena, SIZE_MAX));
	assert_null(sl_arena_take_table(arena, SIZE_MAX));
	sl_arena_free(arena);
}

static void tables_are_aligned_and_counted(void **state)
{
	struct sl_arena *arena = sl_arena_new(0);
	char *small = sl_arena_take_table(arena, 100), *large = sl_arena_take_table(arena, 5 << 20);

	assert_non_null(small);
	assert_non_null(large);
	assert_int_equal((uintptr_t)small % (2 << 20), 0);
	assert_int_equal((uintptr_t)large % (2 << 20), 0);
	assert_true(all_zero(large, 5 << 20));
	memset(large, 1, 5 << 20);
	assert_true(sl_arena_used(arena) >= (5 << 20) + 100);
	assert_true(sl_arena_huge(arena) <= sl_arena_used(arena));
	sl_arena_give_table(arena, large);
	assert_true(sl_arena_used(arena) < (5 << 20));
	/* The other goes with the arena. */
	sl_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_what_is_used),
		cmocka_unit_test(zeroes_again),
		cmocka_unit_test(stops_at_the_cap),
		cmocka_unit_test(tables_are_aligned_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
