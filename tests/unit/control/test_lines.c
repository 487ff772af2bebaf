/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <core/control/lines.h>

static unsigned int seen;
static json_int_t sum;

static bool count(void *context, json_t *object, const char *text)
{
	assert_int_equal(text[0], '{');
	seen++;
	sum += json_integer_value(json_object_get(object, "n"));
	return sum < 100;
}

static const char text[] =
	"{\"n\":1}\n{\"n\":20,\"long\":\"aaaaaaaaaaaaaaaaaaaa\"}\n{\"n\":3}\n{\"n\":";

static void pieces_of_any_size(void **state)
{
	for (size_t piece = 1; piece <= sizeof(text) - 1; piece++) {
		struct sl_lines lines = {.line = count};

		seen = 0;
		sum = 0;
		for (size_t at = 0; at < sizeof(text) - 1; at += piece) {
			size_t left = sizeof(text) - 1 - at;

			assert_true(sl_lines_take(&lines, text + at, left < piece ? left : piece));
		}
		assert_int_equal(seen, 3);
		assert_int_equal(sum, 24);
		assert_int_equal(lines.size, strlen("{\"n\":"));
		sl_lines_end(&lines);
	}
}

static void it_ends_when_asked(void **state)
{
	static const char more[] = "{\"n\":100}\n{\"n\":1}\n";
	struct sl_lines lines = {.line = count};

	seen = 0;
	sum = 0;
	assert_false(sl_lines_take(&lines, more, sizeof(more) - 1));
	assert_int_equal(seen, 1);
	sl_lines_end(&lines);
}

static void what_is_no_json_ends_it(void **state)
{
	struct sl_lines lines = {.line = count};

	seen = 0;
	assert_false(sl_lines_take(&lines, "hello\n", 6));
	assert_int_equal(seen, 0);
	sl_lines_end(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_any_size),
		cmocka_unit_test(it_ends_when_asked),
		cmocka_unit_test(what_is_no_json_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
