/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of costs: what is found in it, between its points, and in its file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <core/forecast/costs.h>

static char folder[] = "/tmp/sluice-costs-XXXXXX";

static struct sl_cost cost(const char *of, const char *config, uint32_t bytes, double plain,
			   enum sl_cost_origin origin)
{
	struct sl_cost c = {.bytes = bytes, .origin = origin, .count = 1};

	snprintf(c.of, sizeof(c.of), "%s", of);
	snprintf(c.config, sizeof(c.config), "%s", config);
	c.points[0] = (struct sl_cost_point){1000, plain, plain / 10};
	return c;
}

static double found(const struct sl_costs *costs, const char *config, uint32_t bytes)
{
	const struct sl_cost *c = sl_costs_find(costs, "vnf/a", "", config, bytes);

	return c != NULL ? c->points[0].plain : -1;
}

static struct sl_costs *load(const char *shipped, const char *file, struct sl_errors *errors)
{
	return sl_costs_load(&shipped, shipped != NULL, file, errors);
}

/* By parameters first, then where it was measured, then by length. */
static void prefers(void **state)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_costs *costs = load(NULL, NULL, errors);
	struct sl_cost one;

	assert_true(found(costs, "x", 64) == -1);
	one = cost("vnf/a", "", 64, 1, SL_COST_SHIPPED);
	assert_true(sl_costs_put(costs, &one));
	assert_true(found(costs, "x", 64) == 1);
	one = cost("vnf/a", "y", 64, 2, SL_COST_HERE);
	assert_true(sl_costs_put(costs, &one));
	assert_true(found(costs, "x", 64) == 2);
	one = cost("vnf/a", "x", 64, 3, SL_COST_SHIPPED);
	assert_true(sl_costs_put(costs, &one));
	assert_true(found(costs, "x", 64) == 3);
	one = cost("vnf/a", "x", 1518, 4, SL_COST_SHIPPED);
	assert_true(sl_costs_put(costs, &one));
	assert_true(found(costs, "x", 64) == 3);
	assert_true(found(costs, "x", 1518) == 4);
	one.points[0].plain = 5; /* the same again */
	assert_true(sl_costs_put(costs, &one));
	assert_int_equal(costs->count, 4);
	assert_true(found(costs, "x", 1518) == 5);
	sl_costs_free(costs);
	sl_errors_free(errors);
}

static void between_points(void **state)
{
	struct sl_cost c = {.count = 3,
			    .points = {{1000, 10, 1}, {10000, 20, 2}, {1000000, 100, 4}}};

	assert_true(sl_cost_at(&c, 1, false) == 10);
	assert_true(sl_cost_at(&c, 1000, false) == 10);
	assert_true(sl_cost_at(&c, 3162.2777, false) > 14.99);
	assert_true(sl_cost_at(&c, 3162.2777, false) < 15.01);
	assert_true(sl_cost_at(&c, 10000, true) == 2);
	assert_true(sl_cost_at(&c, 100000, true) > 2.99);
	assert_true(sl_cost_at(&c, 100000, true) < 3.01);
	assert_true(sl_cost_at(&c, 1e9, false) == 100);
}

static void ports_by_length(void **state)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_costs *costs = load(NULL, NULL, errors);
	const struct sl_cost *which;
	struct sl_cost one;

	assert_true(sl_costs_port(costs, "port/p", "", 64, &which) == 0);
	assert_null(which);
	one = cost("port/p", "", 100, 50, SL_COST_SHIPPED);
	assert_true(sl_costs_put(costs, &one));
	assert_true(sl_costs_port(costs, "port/p", "", 64, &which) == 50);
	one = cost("port/p", "", 1100, 150, SL_COST_SHIPPED);
	assert_true(sl_costs_put(costs, &one));
	assert_true(sl_costs_port(costs, "port/p", "", 64, &which) == 50);
	assert_true(sl_costs_port(costs, "port/p", "", 600, &which) == 100);
	assert_true(sl_costs_port(costs, "port/p", "", 1100, &which) == 150);
	assert_non_null(which);
	sl_costs_free(costs);
	sl_errors_free(errors);
}

/* What was measured here is written, the shipped rest not; read again it is the same. */
static void goes_through_a_file(void **state)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_costs *costs = load(NULL, NULL, errors);
	struct sl_cost one = cost("vnf/a", "x", 64, 12.34, SL_COST_NOW);
	char path[128];

	snprintf(path, sizeof(path), "%s/new/costs.json", folder);
	one.fuses = true;
	one.dropped = 0.25;
	assert_true(sl_costs_put(costs, &one));
	one = cost("vnf/b", "", 64, 1, SL_COST_SHIPPED);
	assert_true(sl_costs_put(costs, &one));
	assert_int_equal(sl_costs_save(costs, path, errors), 0);
	sl_costs_free(costs);
	costs = load(NULL, path, errors);
	assert_int_equal(costs->count, 1);
	assert_int_equal(costs->list[0].origin, SL_COST_HERE);
	assert_true(costs->list[0].fuses);
	assert_true(costs->list[0].dropped == 0.25);
	assert_true(costs->list[0].points[0].plain == 12.3);
	assert_string_equal(costs->list[0].config, "x");
	sl_costs_free(costs);
	assert_int_equal(sl_errors_count(errors), 0);
	/* Nowhere to write it. */
	costs = load(NULL, NULL, errors);
	assert_true(sl_costs_save(costs, "/proc/no/costs.json", errors) < 0);
	assert_int_equal(sl_errors_count(errors), 1);
	sl_costs_free(costs);
	sl_errors_free(errors);
}

static void refused(const char *text, const char *why)
{
	struct sl_errors *errors = sl_errors_new();
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/costs.json", folder);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_null(load(folder, NULL, errors));
	assert_non_null(strstr(sl_errors_get(errors, 0)->text, why));
	sl_errors_free(errors);
	unlink(path);
}

static void damaged_files(void **state)
{
	refused("{", "remove it");
	refused("{\"costs\": [{}]}", "entry 1");
	refused("{\"costs\": [{\"of\": \"a\", \"cycles\": []}]}", "entry 1");
	refused("{\"costs\": [{\"of\": \"a\", \"cycles\": [[5, 1, 1], [5, 1, 1]]}]}", "entry 1");
	refused("{\"costs\": [{\"of\": \"a\", \"cycles\": [[0, 1, 1]]}]}", "entry 1");
	refused("{\"costs\": [{\"of\": \"a\", \"cycles\": [[1,1,1],[2,1,1],[3,1,1],[4,1,1],"
		"[5,1,1]]}]}",
		"entry 1");
}

/* Of another processor: a default, wherever it lies. */
static void other_machines(void **state)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_costs *costs;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/costs.json", folder);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs("{\"machine\": \"Z80\", \"costs\": [{\"of\": \"a\", \"cycles\": [[1, 1, 1]]}]}",
	      file);
	fclose(file);
	costs = load(folder, NULL, errors);
	assert_string_equal(costs->shipped, "Z80");
	assert_int_equal(costs->list[0].origin, SL_COST_SHIPPED);
	sl_costs_free(costs);
	unlink(path);
	sl_errors_free(errors);
}

static int begin(void **state)
{
	return mkdtemp(folder) == NULL;
}

static int end(void **state)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/new/costs.json", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/new", folder);
	rmdir(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefers),         cmocka_unit_test(between_points),
		cmocka_unit_test(ports_by_length), cmocka_unit_test(goes_through_a_file),
		cmocka_unit_test(damaged_files),   cmocka_unit_test(other_machines),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
