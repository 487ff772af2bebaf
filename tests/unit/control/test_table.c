/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include <core/control/table.h>

static char *text;
static size_t size;

static FILE *begin(void)
{
	free(text);
	return open_memstream(&text, &size);
}

static void aligns(void **state)
{
	static const struct sl_column columns[] = {
		{"name", "name"}, {"rx", "rx.packets"}, {"drops", "drops"}};
	json_t *rows = json_pack("[{s:s, s:{s:i}, s:{}}, {s:s, s:{s:i}, s:{s:i, s:i}}]", "name",
				 "a", "rx", "packets", 5, "drops", "name", "löng", "rx", "packets",
				 1234, "drops", "x", 1, "y", 2);
	FILE *out = begin();

	sl_table_print(out, rows, columns, 3);
	fclose(out);
	assert_string_equal(text, "NAME    RX  DROPS\n"
				  "a        5  -\n"
				  "löng  1234  x 1, y 2\n");
	json_decref(rows);
}

/* Columns of records are found by themselves; a record may lack some. */
static void finds_columns(void **state)
{
	json_t *rows = json_pack("[{s:b, s:n, s:f}, {s:b, s:f, s:[s, s]}]", "on", 1, "none", "real",
				 48012.4, "on", 0, "real", 1.5, "list", "a", "b");
	FILE *out = begin();

	sl_table_print(out, rows, NULL, 0);
	fclose(out);
	assert_string_equal(text, "ON   NONE   REAL  LIST\n"
				  "yes  -     48012  -\n"
				  "no   -       1.5  a, b\n");
	json_decref(rows);
	rows = json_array();
	out = begin();
	sl_table_print(out, rows, NULL, 0);
	fclose(out);
	assert_string_equal(text, "none\n");
	json_decref(rows);
}

/* What a terminal would act upon is not passed on. */
static void hides_controls(void **state)
{
	json_t *object = json_pack("{s:s, s:[{s:i}]}", "text", "a\x1b[31m\n", "rows", "n", 1);
	FILE *out = begin();

	sl_object_print(out, object);
	fclose(out);
	assert_string_equal(text, "text: a?[31m?\n\nrows:\nN\n1\n");
	json_decref(object);
}

static void expect_cell(json_t *value, const char *expected)
{
	char *cell = sl_cell_text(value);

	assert_string_equal(cell, expected);
	free(cell);
	json_decref(value);
}

/* Four digits of what is no whole number; large ones have no exponent. */
static void numbers(void **state)
{
	expect_cell(json_integer(123456789), "123456789");
	expect_cell(json_real(0), "0");
	expect_cell(json_real(0.25), "0.25");
	expect_cell(json_real(33.333333), "33.33");
	expect_cell(json_real(999.96), "1000");
	expect_cell(json_real(51217.6), "51218");
	expect_cell(json_real(-51217.6), "-51218");
	expect_cell(json_real(1e9), "1000000000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligns),
		cmocka_unit_test(numbers),
		cmocka_unit_test(finds_columns),
		cmocka_unit_test(hides_controls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
