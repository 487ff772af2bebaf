/* SPDX-License-Identifier: BSD-3-Clause */
/* The exposition format: what is written, and that the table of metrics keeps its rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include <core/control/exposition.h>
#include <core/control/metrics.h>
#include <core/host/listen.h>

static char *text;
static size_t size;

static FILE *begin(void)
{
	free(text);
	return open_memstream(&text, &size);
}

static void escapes(void **state)
{
	const struct sl_label labels[] = {
		{"a", "back\\slash \"quoted\"\nline"}, {"none", NULL}, {"empty", ""}};
	FILE *out = begin();

	sl_exposition_family(out, "m", "gauge", "A \"help\"\nof \\ lines");
	sl_exposition_sample(out, "m", labels, 3, 0.25);
	fclose(out);
	assert_string_equal(text, "# HELP m A \"help\"\\nof \\\\ lines\n"
				  "# TYPE m gauge\n"
				  "m{a=\"back\\\\slash \\\"quoted\\\"\\nline\",empty=\"\"} 0.25\n");
}

static void writes_numbers(void **state)
{
	FILE *out = begin();

	sl_exposition_sample(out, "m", NULL, 0, 1732182000);
	sl_exposition_sample(out, "m", NULL, 0, 1e300);
	sl_exposition_sample(out, "m", NULL, 0, -HUGE_VAL);
	sl_exposition_count(out, "m", NULL, 0, UINT64_MAX);
	fclose(out);
	assert_string_equal(text, "m 1732182000\nm 1e+300\nm -Inf\nm 18446744073709551615\n");
}

static void accumulates(void **state)
{
	static const double bounds[] = {1, 100, 1000};
	const struct sl_label label = {"hop", "x"};
	static struct sl_histogram histogram;
	FILE *out = begin();

	sl_histogram_add(&histogram, 4, 3, 12);
	sl_histogram_add(&histogram, 1000, 2, 2000);
	sl_histogram_add(&histogram, 1e9f, 1, 1000000000);
	/* In tenths. */
	sl_exposition_histogram(out, "m", &label, 1, &histogram, 0.1, bounds, 3);
	fclose(out);
	assert_string_equal(text, "m_bucket{hop=\"x\",le=\"1\"} 3\n"
				  "m_bucket{hop=\"x\",le=\"100\"} 5\n"
				  "m_bucket{hop=\"x\",le=\"1000\"} 5\n"
				  "m_bucket{hop=\"x\",le=\"+Inf\"} 6\n"
				  "m_sum{hop=\"x\"} 100000201.2\n"
				  "m_count{hop=\"x\"} 6\n");
}

static bool is_name(const char *name)
{
	return name[0] != '\0' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static bool ends_with(const char *name, const char *end)
{
	return strlen(name) > strlen(end) && strcmp(name + strlen(name) - strlen(end), end) == 0;
}

/* https://prometheus.io/docs/practices/naming/ */
static void keeps_the_rules(void **state)
{
	for (const struct sl_metric *m = sl_metrics; m->name != NULL; m++) {
		bool counter = strcmp(m->type, "counter") == 0;

		assert_true(is_name(m->name) && strncmp(m->name, "sluice_", 7) == 0);
		assert_int_equal(ends_with(m->name, "_total"), counter);
		assert_true(counter || strcmp(m->type, "gauge") == 0 ||
			    strcmp(m->type, "histogram") == 0);
		assert_true(strlen(m->help) > 10 && ends_with(m->help, "."));
		for (unsigned int i = 0; i < SL_METRIC_LABELS && m->labels[i].name != NULL; i++)
			assert_true(is_name(m->labels[i].name) &&
				    strcmp(m->labels[i].name, "le") != 0);
		for (const struct sl_metric *other = sl_metrics; other != m; other++)
			assert_string_not_equal(other->name, m->name);
	}
}

static void reads_addresses(void **state)
{
	static const char *const good[] = {"127.0.0.1:9469", "[::1]:9469", "[::]:0",
					   "0.0.0.0:65535"};
	static const char *const bad[] = {
		"",
		":9469",
		"localhost:1",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:65536",
		"127.0.0.1:+1",
		"::1:80",
		"[::1]",
		"[::1]:",
		"[]:1",
		"1.2.3.4:1x",
		"[1.2.3.4]:1",
		"[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]:1"};
	union sl_listen address;
	char back[SL_LISTEN_TEXT];

	for (unsigned int i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(sl_listen_parse(good[i], &address));
		sl_listen_format(&address, back);
		assert_string_equal(back, good[i]);
	}
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(sl_listen_parse(bad[i], &address));
}

static int end(void **state)
{
	free(text);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes),         cmocka_unit_test(writes_numbers),
		cmocka_unit_test(accumulates),     cmocka_unit_test(keeps_the_rules),
		cmocka_unit_test(reads_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
