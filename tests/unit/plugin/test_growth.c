/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that grows: zero where it comes in, kept where it is, counted, and gone with its owner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <core/plugin/arena.h>
#include <core/plugin/growth.h>
#include <core/plugin/instance.h>

#define MIB ((size_t)1 << 20)

static struct sl_instance *owner(uint64_t cap)
{
	static struct sl_instance instance;

	instance.arena = sl_arena_new(cap);
	return &instance;
}

static void counts_and_ends(void **state)
{
	struct sl_instance *instance = owner(10 * MIB);
	struct sl_growth *growth = sl_growth_new(instance, 6 * MIB, SL_GROWTH_HUGE);

	assert_non_null(growth);
	/* 512 KiB, and three pieces of 2 MiB. */
	assert_int_equal(sl_arena_used(instance->arena), 6 * MIB + MIB / 2);
	assert_null(sl_growth_new(instance, 4 * MIB, SL_GROWTH_SMALL));
	assert_null(sl_growth_new(instance, SIZE_MAX, SL_GROWTH_SMALL));
	assert_null(sl_growth_new(instance, 0, SL_GROWTH_SMALL));
	assert_int_equal(sl_arena_used(instance->arena), 6 * MIB + MIB / 2);
	sl_growth_free(growth);
	sl_growth_free(NULL);
	assert_int_equal(sl_arena_used(instance->arena), 0);
	assert_int_equal(sl_arena_huge(instance->arena), 0);
	assert_non_null(sl_growth_new(instance, 5 * MIB, SL_GROWTH_SMALL));
	assert_non_null(sl_growth_new(instance, MIB / 2, SL_GROWTH_HUGE));
	assert_non_null(sl_growth_new(instance, 4 * MIB, SL_GROWTH_HUGE));
	assert_int_equal(sl_arena_used(instance->arena), 10 * MIB);
	sl_arena_free(instance->arena); /* with all */
	sl_growth_tend();
}

/* Use it up to there, in steps; look that what comes is zero. */
static void use(struct sl_growth *growth, size_t from, size_t to)
{
	uint64_t *words = sl_growth_memory(growth);

	for (size_t at = from / 8; at < to / 8; at += 8) {
		while (!sl_growth_reach(growth, (at + 8) * 8))
			sched_yield();
		for (size_t i = at; i < at + 8; i++) {
			if (words[i] != 0)
				abort(); /* perhaps on a thread of its own */
			words[i] = i + 1;
		}
	}
}

static void assert_used(struct sl_growth *growth, size_t to)
{
	const uint64_t *words = sl_growth_memory(growth);

	for (size_t i = 0; i < to / 8; i++)
		assert_int_equal(words[i], i + 1);
}

/* The main thread is ahead of the worker: some pages, then as far again as it is, by 2 MiB. */
static void is_ahead(void **state)
{
	struct sl_instance *instance = owner(0);
	struct sl_growth *growth = sl_growth_new(instance, 10 * MIB, SL_GROWTH_HUGE);
	size_t most = 10 * MIB + MIB / 2;

	sl_growth_tend();
	assert_int_equal(sl_growth_present(growth), 32 * 1024);
	for (size_t end = 64 * 1024; end <= most; end += 64 * 1024) {
		use(growth, end - 64 * 1024, end);
		sl_growth_tend();
		assert_true(sl_growth_present(growth) >=
			    (end + 64 * 1024 < most ? end + 64 * 1024 : most));
		assert_true(sl_growth_present(growth) <= end + 4 * MIB);
	}
	assert_int_equal(sl_growth_present(growth), most);
	assert_used(growth, most);
	sl_arena_free(instance->arena);
}

/* Nobody is ahead of it, or only much later. */
static void alone(void **state)
{
	struct sl_instance *instance = owner(0);
	struct sl_growth *growth = sl_growth_new(instance, 9 * MIB, SL_GROWTH_HUGE);
	struct sl_growth *small = sl_growth_new(instance, 9 * MIB, SL_GROWTH_SMALL);

	use(growth, 0, 3 * MIB);
	use(small, 0, 9 * MIB);
	sl_growth_tend();
	use(growth, 3 * MIB, 9 * MIB);
	sl_growth_tend();
	assert_used(growth, 9 * MIB);
	assert_used(small, 9 * MIB);
	assert_true(sl_growth_present(growth) >= 9 * MIB);
	assert_int_equal(sl_growth_present(small), 9 * MIB);
	sl_arena_free(instance->arena);
}

static void *worker(void *context)
{
	struct sl_growth *growth = context;

	use(growth, 0, 40 * MIB);
	return NULL;
}

/* Both at once, whoever comes first to a piece. */
static void together(void **state)
{
	struct sl_instance *instance = owner(0);

	for (int turn = 0; turn < 4; turn++) {
		struct sl_growth *growth = sl_growth_new(instance, 40 * MIB, SL_GROWTH_HUGE);
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, worker, growth), 0);
		while (sl_growth_present(growth) < 40 * MIB)
			sl_growth_tend();
		pthread_join(thread, NULL);
		assert_used(growth, 40 * MIB);
		sl_growth_free(growth);
		assert_int_equal(sl_arena_used(instance->arena), 0);
	}
	sl_arena_free(instance->arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_and_ends),
		cmocka_unit_test(is_ahead),
		cmocka_unit_test(alone),
		cmocka_unit_test(together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
