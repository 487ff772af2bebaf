/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <core/error/errors.h>

static char *printed(struct sl_errors *errors)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	sl_errors_print(errors, out);
	fclose(out);
	return text;
}

static void sorted_by_place(void **state)
{
	struct sl_errors *errors = sl_errors_new();
	char *text;

	assert_int_equal(sl_fail(errors, ENOMEM, "no %s", "memory"), -ENOMEM);
	sl_fail_place(errors, EINVAL, (struct sl_place){"b.yaml", 1, 1}, "fifth");
	sl_fail_place(errors, EINVAL, (struct sl_place){"a.yaml", 10, 2}, "third");
	sl_fail_place(errors, EINVAL, (struct sl_place){"a.yaml", 10, 2}, "third");
	sl_fail_place(errors, EINVAL, (struct sl_place){"a.yaml", 2, 30}, "second");
	sl_fail_place(errors, EINVAL, (struct sl_place){"a.yaml", 2, 3}, "first");
	sl_note_place(errors, (struct sl_place){"a.yaml", 11, 0}, "fourth");
	assert_int_equal(sl_errors_count(errors), 5);
	assert_string_equal(sl_errors_get(errors, 0)->text, "first");
	assert_int_equal(sl_errors_get(errors, 4)->code, ENOMEM);
	assert_null(sl_errors_get(errors, 5));
	text = printed(errors);
	assert_string_equal(text, "a.yaml:2:3: error: first\n"
				  "a.yaml:2:30: error: second\n"
				  "a.yaml:10:2: error: third\n"
				  "a.yaml:11: note: fourth\n"
				  "b.yaml:1:1: error: fifth\n"
				  "error: no memory\n");
	free(text);
	sl_errors_free(errors);
}

static bool resolve(void *context, const void *field, struct sl_place *place)
{
	if (field != context)
		return false;
	*place = (struct sl_place){"c.yaml", 4, 5};
	return true;
}

static void fields_have_places(void **state)
{
	struct sl_errors *errors = sl_errors_new();
	int known, unknown;
	char *text;

	sl_errors_resolve(errors, resolve, &known);
	sl_errors_subject(errors, "port wan: ", SL_NOWHERE);
	assert_int_equal(sl_fail_at(errors, &known, "too big"), -EINVAL);
	assert_int_equal(sl_fail_at(errors, &unknown, "odd"), -EINVAL);
	/* As a whole, it has the place that it is itself at. */
	sl_errors_subject(errors, "VNF nat: ", (struct sl_place){"c.yaml", 9, 3});
	sl_fail(errors, EINVAL, "no pool");
	sl_errors_subject(errors, NULL, SL_NOWHERE);
	sl_fail(errors, EIO, "plain");
	text = printed(errors);
	assert_string_equal(text, "c.yaml:4:5: error: too big\n"
				  "c.yaml:9:3: error: VNF nat: no pool\n"
				  "error: port wan: odd\n"
				  "error: plain\n");
	free(text);
	sl_errors_free(errors);
}

static void no_sink_is_allowed(void **state)
{
	assert_int_equal(sl_fail(NULL, EIO, "lost"), -EIO);
	assert_int_equal(sl_fail_at(NULL, state, "lost"), -EINVAL);
	assert_int_equal(sl_errors_count(NULL), 0);
	sl_errors_free(NULL);
}

static void control_bytes_are_escaped(void **state)
{
	struct sl_errors *errors = sl_errors_new();
	char *text;

	sl_fail(errors, EINVAL, "unknown `\033[31m\xc2\x9b\x7f\xc3\xa9`");
	text = printed(errors);
	assert_string_equal(text, "error: unknown `\\x1b[31m\\u009b\\x7f\xc3\xa9`\n");
	free(text);
	sl_errors_free(errors);
}

static void a_flood_is_bounded(void **state)
{
	struct sl_errors *errors = sl_errors_new();

	for (unsigned int i = 1; i <= 5000; i++)
		sl_fail_place(errors, EINVAL, (struct sl_place){"a", i, 1}, "bad");
	assert_in_range(sl_errors_count(errors), 1000, 1100);
	assert_string_equal(sl_errors_get(errors, sl_errors_count(errors) - 1)->text,
			    "there are more errors than can be listed");
	sl_errors_free(errors);
}

static void near_misses(void **state)
{
	static const char *const words[] = {"default",    "rules", "inside", "pool",
					    "port-block", "tcp",   NULL};

	assert_string_equal(sl_near_miss("defualt", words), "default");
	assert_string_equal(sl_near_miss("defalt", words), "default");
	assert_string_equal(sl_near_miss("Rules", words), "rules");
	assert_string_equal(sl_near_miss("rule", words), "rules");
	assert_string_equal(sl_near_miss("port_block", words), "port-block");
	assert_string_equal(sl_near_miss("pol", words), "pool");
	assert_null(sl_near_miss("udp6", words));
	assert_null(sl_near_miss("x", words));
	assert_null(sl_near_miss("", words));
	assert_null(sl_near_miss("something-else-entirely", words));
	assert_null(sl_near_miss("default", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorted_by_place),    cmocka_unit_test(fields_have_places),
		cmocka_unit_test(no_sink_is_allowed), cmocka_unit_test(control_bytes_are_escaped),
		cmocka_unit_test(a_flood_is_bounded), cmocka_unit_test(near_misses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
