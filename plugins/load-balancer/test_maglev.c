/* SPDX-License-Identifier: BSD-3-Clause */
/* Maglev's table by itself: permutations, shares, and what moves when a backend goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "maglev.c" /* NOLINT(bugprone-suspicious-include) */

#define SIZE 65537
#define MOST 1000

static uint16_t table[SIZE], other[SIZE];
static uint32_t next[MOST];
static uint64_t credit[MOST];

static void name_members(struct lb_maglev_member *members, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "10.0.%u.%u:80", i / 250, i % 250 + 1);
		members[i] = (struct lb_maglev_member){
			.identity = sl_lb_identity(name), .weight = 1, .slot = (uint16_t)i};
	}
}

static void shares(const uint16_t *from, uint32_t *share, uint32_t count)
{
	memset(share, 0, count * sizeof(*share));
	for (uint32_t i = 0; i < SIZE; i++) {
		assert_true(from[i] < count);
		share[from[i]]++;
	}
}

static void primes(void **state)
{
	assert_true(sl_lb_is_prime(2));
	assert_true(sl_lb_is_prime(251));
	assert_true(sl_lb_is_prime(65537));
	assert_false(sl_lb_is_prime(0));
	assert_false(sl_lb_is_prime(1));
	assert_false(sl_lb_is_prime(65536));
	assert_false(sl_lb_is_prime(257ull * 263));
}

/* A single backend's claims walk through the whole table: it is a permutation. */
static void one_claims_all(void **state)
{
	struct lb_maglev_member member;

	name_members(&member, 1);
	sl_lb_maglev_fill(table, SIZE, &member, 1, next, credit);
	for (uint32_t i = 0; i < SIZE; i++)
		assert_int_equal(table[i], 0);
}

static void nobody(void **state)
{
	sl_lb_maglev_fill(table, 251, NULL, 0, next, credit);
	for (uint32_t i = 0; i < 251; i++)
		assert_int_equal(table[i], LB_NOBODY);
}

/* The paper's claim: equal weights have equal shares, to within one entry. */
static void equal_shares(void **state)
{
	struct lb_maglev_member members[MOST];
	uint32_t share[MOST];

	for (uint32_t count = 2; count <= MOST; count *= 7) {
		name_members(members, count);
		sl_lb_maglev_fill(table, SIZE, members, count, next, credit);
		shares(table, share, count);
		for (uint32_t i = 0; i < count; i++)
			assert_in_range(share[i], SIZE / count, SIZE / count + 1);
	}
}

static void weighted_shares(void **state)
{
	struct lb_maglev_member members[5];
	static const uint64_t weights[5] = {1, 2, 3, 10, 16};
	uint32_t share[5];

	name_members(members, 5);
	for (uint32_t i = 0; i < 5; i++)
		members[i].weight = weights[i];
	sl_lb_maglev_fill(table, SIZE, members, 5, next, credit);
	shares(table, share, 5);
	for (uint32_t i = 0; i < 5; i++) {
		uint64_t ideal = SIZE * weights[i] / 32;

		assert_in_range(share[i], ideal - ideal / 50 - 2, ideal + ideal / 50 + 2);
	}
}

/* Entries that another backend than before has, though theirs did not go. */
static uint32_t disrupted(const uint16_t *before, const uint16_t *after, uint16_t gone)
{
	uint32_t moved = 0;

	for (uint32_t i = 0; i < SIZE; i++)
		moved += before[i] != gone && before[i] != after[i];
	return moved;
}

static void one_goes(void **state)
{
	uint32_t worst = 0;

	for (uint16_t gone = 0; gone < 10; gone++) {
		struct lb_maglev_member members[10];
		uint32_t moved;

		name_members(members, 10);
		sl_lb_maglev_fill(table, SIZE, members, 10, next, credit);
		memmove(&members[gone], &members[gone + 1], (9u - gone) * sizeof(members[0]));
		sl_lb_maglev_fill(other, SIZE, members, 9, next, credit);
		moved = disrupted(table, other, gone);
		worst = RTE_MAX(worst, moved);
		for (uint32_t i = 0; i < SIZE; i++)
			assert_int_not_equal(other[i], gone);
	}
	print_message("10 backends, one goes: beyond its own share at worst %u of %u entries move "
		      "(%.2f %%)\n",
		      worst, SIZE, 100.0 * worst / SIZE);
	assert_true(worst * 50 < SIZE);
}

/* One of ten loses half its weight, as in a slow start: about that half moves. */
static void one_shrinks(void **state)
{
	struct lb_maglev_member members[10];
	uint32_t moved = 0;

	name_members(members, 10);
	for (uint32_t i = 0; i < 10; i++)
		members[i].weight = 16;
	sl_lb_maglev_fill(table, SIZE, members, 10, next, credit);
	members[3].weight = 8;
	sl_lb_maglev_fill(other, SIZE, members, 10, next, credit);
	for (uint32_t i = 0; i < SIZE; i++)
		moved += table[i] != other[i];
	print_message("one of ten has half its weight: %u of %u entries move (%.2f %%)\n", moved,
		      SIZE, 100.0 * moved / SIZE);
	assert_true(moved * 100 < SIZE * 12ull);
}

/* The order in which they stand in the file must not matter: plan.c sorts; this is why. */
static void the_same_twice(void **state)
{
	struct lb_maglev_member members[10];

	name_members(members, 10);
	sl_lb_maglev_fill(table, SIZE, members, 10, next, credit);
	sl_lb_maglev_fill(other, SIZE, members, 10, next, credit);
	assert_memory_equal(table, other, sizeof(table));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(primes),          cmocka_unit_test(one_claims_all),
		cmocka_unit_test(nobody),          cmocka_unit_test(equal_shares),
		cmocka_unit_test(weighted_shares), cmocka_unit_test(one_goes),
		cmocka_unit_test(one_shrinks),     cmocka_unit_test(the_same_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
