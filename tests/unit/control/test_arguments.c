/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <core/control/arguments.h>

struct args {
	uint64_t given;
	uint64_t number;
	struct sl_list from;
	const char *text;
};

static const struct sl_param params[] = {
	{.name = "number",
	 .kind = SL_UINT,
	 .offset = offsetof(struct args, number),
	 .def = "3",
	 .max = 9,
	 .doc = "a number"},
	{.name = "from",
	 .kind = SL_PREFIX,
	 .offset = offsetof(struct args, from),
	 .flags = SL_LIST,
	 .doc = "prefixes"},
	{.name = "text", .kind = SL_TEXT, .offset = offsetof(struct args, text), .doc = "a text"},
	{0},
};

static struct sl_errors *errors;

static int begin(void **state)
{
	errors = sl_errors_new();
	return 0;
}

static int end(void **state)
{
	sl_errors_free(errors);
	return 0;
}

#define READ(...) read_args((const struct sl_arg[]){__VA_ARGS__, {NULL, NULL}})

static struct sl_arguments *read_args(const struct sl_arg *args)
{
	static const char *const skip[] = {"limit", NULL};
	unsigned int count = 0;

	while (args[count].name != NULL)
		count++;
	return sl_arguments_read(params, sizeof(struct args), args, count, skip, "command `c`",
				 errors);
}

static void reads(void **state)
{
	struct sl_arguments *a = READ({"from", "10.0.0.0/8"}, {"text", "a: [b"}, {"limit", "x"},
				      {"from", "2001:db8::/32"});
	const struct args *args;

	assert_non_null(a);
	args = sl_arguments_struct(a);
	assert_int_equal(args->number, 3);
	assert_int_equal(args->given, 6);
	assert_int_equal(args->from.count, 2);
	assert_int_equal(SL_ITEM(&args->from, struct sl_prefix, 1)->length, 32);
	assert_string_equal(args->text, "a: [b");
	sl_arguments_free(a);
}

static void refuses(void **state)
{
	assert_null(READ({"number", "10"}));
	assert_non_null(strstr(sl_errors_get(errors, 0)->text, "number"));
	assert_null(READ({"nummer", "1"}));
	assert_null(READ({"number", "1"}, {"number", "2"}));
	assert_null(READ({"", ""}));
	assert_null(READ({"from", "10.0.0.1/8"}));
	assert_int_equal(sl_errors_count(errors), 5);
}

static void none(void **state)
{
	struct sl_arguments *a = sl_arguments_read(NULL, 0, NULL, 0, NULL, "command `c`", errors);

	assert_non_null(a);
	assert_non_null(sl_arguments_struct(a));
	sl_arguments_free(a);
	assert_null(sl_arguments_read(NULL, 0, &(const struct sl_arg){"a", "b"}, 1, NULL,
				      "command `c`", errors));
	assert_int_equal(sl_errors_count(errors), 1);
	sl_arguments_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads, begin, end),
		cmocka_unit_test_setup_teardown(refuses, begin, end),
		cmocka_unit_test_setup_teardown(none, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
