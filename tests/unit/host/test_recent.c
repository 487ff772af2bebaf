/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include <core/host/recent.h>

static void numbers_begin_with_one(void **state)
{
	struct sl_recent *recent = sl_recent_new();

	assert_null(sl_recent_get(recent, 0));
	assert_int_equal(sl_recent_next(recent), 1);
	sl_recent_add(recent, "{\"event\":\"a\"}");
	sl_recent_add(recent, "{\"event\":\"b\"}");
	assert_int_equal(sl_recent_get(recent, 0)->number, 1);
	assert_string_equal(sl_recent_get(recent, 2)->line, "{\"event\":\"b\"}");
	assert_null(sl_recent_get(recent, 3));
	assert_int_equal(sl_recent_next(recent), 3);
	sl_recent_free(recent);
}

static void the_oldest_go(void **state)
{
	struct sl_recent *recent = sl_recent_new();
	char line[32];

	for (unsigned int i = 1; i <= 3 * SL_RECENT; i++) {
		snprintf(line, sizeof(line), "{\"n\":%u}", i);
		sl_recent_add(recent, line);
	}
	/* Who asks for one that is gone gets the oldest there is. */
	assert_int_equal(sl_recent_get(recent, 5)->number, 2 * SL_RECENT + 1);
	for (uint64_t n = 2 * SL_RECENT + 1; n <= 3 * SL_RECENT; n++) {
		snprintf(line, sizeof(line), "{\"n\":%u}", (unsigned int)n);
		assert_int_equal(sl_recent_get(recent, n)->number, n);
		assert_string_equal(sl_recent_get(recent, n)->line, line);
	}
	assert_null(sl_recent_get(recent, 3 * SL_RECENT + 1));
	sl_recent_free(recent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_begin_with_one),
		cmocka_unit_test(the_oldest_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
