/* SPDX-License-Identifier: BSD-3-Clause */
/* The model: sums over a path, with costs that are made up so that each can be told from the sum.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <core/forecast/forecast.h>

static struct sl_registry *registry;
static struct sl_errors *errors;

static void put(struct sl_costs *costs, const char *of, const char *way, double plain, double fused,
		bool fuses)
{
	struct sl_cost cost = {.bytes = 64, .fuses = fuses, .count = 1};

	snprintf(cost.of, sizeof(cost.of), "%s", of);
	snprintf(cost.way, sizeof(cost.way), "%s", way);
	cost.points[0] = (struct sl_cost_point){1000, plain, fused};
	assert_true(sl_costs_put(costs, &cost));
}

static struct sl_costs *table(bool spreads)
{
	struct sl_costs *costs = sl_costs_load(NULL, 0, NULL, errors);

	put(costs, "port/generator", "rx", 1, 0, false);
	costs->list[0].spreads = spreads;
	put(costs, "port/sink", "tx", 2, 0, false);
	put(costs, "engine/rx", "", 10, 0, false);
	put(costs, "engine/fuse", "", 0, 40, false);
	put(costs, "engine/spread", "", 5, 0, false);
	put(costs, "engine/handoff", "", 7, 0, false);
	put(costs, "vnf/classifier", "forward", 100, 3, true);
	put(costs, "vnf/classifier", "backward", 101, 4, true);
	put(costs, "vnf/policer", "forward", 1000, 30, true);
	put(costs, "vnf/vxlan", "forward", 300, 6, true);
	put(costs, "vnf/vxlan", "backward", 200, 200, false);
	return costs;
}

/* cycles, mpps and limit of the only path, of each mode. */
struct sums {
	double unfused, fused, mpps;
	char limit[64];
};

static struct sums predict_with(const char *text, struct sl_costs *costs, unsigned int workers,
				const char *way)
{
	static const unsigned int cores[] = {1, 2, 3, 4};
	struct sl_chain *chain =
		sl_chain_load_bytes("chain", text, strlen(text), registry, NULL, 0, errors);
	struct sl_plan *plan = chain != NULL ? sl_plan_new(chain, errors) : NULL;
	struct sl_forecast_conf conf = {
		.chain = chain,
		.plan = plan,
		.costs = costs,
		.flows = {1000},
		.flow_count = 1,
		.bytes = 64,
		.cores = cores,
		.workers = workers,
		.hz = 1e9,
	};
	struct sums sums = {0};
	json_t *all, *path, *load;
	size_t i;

	sl_errors_print(errors, stderr);
	assert_non_null(plan);
	all = sl_forecast(&conf);
	json_array_foreach (json_object_get(all, "paths"), i, path) {
		if (strcmp(json_string_value(json_object_get(path, "way")), way) != 0)
			continue;
		load = json_array_get(json_object_get(path, "loads"), 0);
		sums.unfused = json_number_value(
			json_object_get(json_object_get(load, "unfused"), "cycles"));
		sums.fused = json_number_value(
			json_object_get(json_object_get(load, "fused"), "cycles"));
		sums.mpps = json_number_value(
			json_object_get(json_object_get(load, "unfused"), "mpps"));
		snprintf(sums.limit, sizeof(sums.limit), "%s",
			 json_string_value(
				 json_object_get(json_object_get(load, "unfused"), "limit")));
	}
	json_decref(all);
	sl_plan_free(plan);
	sl_chain_free(chain);
	sl_costs_free(costs);
	return sums;
}

static struct sums predict(const char *text, unsigned int workers)
{
	return predict_with(text, table(true), workers, "forward");
}

#define PORTS   "sluice: 1\nports: {in: {kind: generator}, out: {kind: sink}}\n"
#define CLASSES "{plugin: classifier, rules: [{mark: 1}]}"

static void no_functions(void **state)
{
	struct sums s = predict(PORTS "paths: {p: in -> out}\n", 1);

	assert_true(s.unfused == 1 + 10 + 2);
	assert_true(s.fused == s.unfused);
}

static void sums_up(void **state)
{
	struct sums s =
		predict(PORTS "vnfs: {a: " CLASSES ", b: {plugin: policer, rate: 1 Gbit/s}}\n"
			      "paths: {p: in -> a -> b -> out}\n",
			1);

	assert_true(s.unfused == 1 + 10 + 100 + 1000 + 2);
	assert_true(s.fused == 1 + 10 + 40 + 3 + 30 + 2);
	assert_true(fabs(s.mpps - 1e3 / s.unfused) < 0.01);
}

/* One that leaves nothing on a trail of its own accord: the whole flow walks, and was looked up. */
static void refusal(void **state)
{
	struct sl_costs *costs = table(true);
	struct sums s;

	put(costs, "vnf/policer", "forward", 1000, 30, false);
	s = predict_with(PORTS "vnfs: {a: " CLASSES ", b: {plugin: policer, rate: 1 Gbit/s}}\n"
			       "paths: {p: in -> a -> b -> out}\n",
			 costs, 1, "forward");
	assert_true(s.fused == 1 + 10 + 40 + 100 + 1000 + 2);
}

/* A function on a core of its own ends the action; handing over costs both. */
static void placed(void **state)
{
	struct sums s = predict(PORTS "vnfs: {a: " CLASSES ", b: {plugin: policer, rate: 1 Gbit/s, "
				      "cores: [2]}}\npaths: {p: in -> a -> b -> out}\n",
				2);

	assert_true(s.unfused == 1 + 10 + 100 + 2 + 1000 + 4 * 7);
	assert_true(s.fused == 1 + 10 + 40 + 3 + 1000 + 2 + 4 * 7);
	assert_string_equal(s.limit, "b");
	assert_true(fabs(s.mpps - 1e3 / 1014) < 0.01);
}

/* Where the device spreads flows, workers share evenly; else one polls for all. */
static void workers(void **state)
{
	const char *text = PORTS "vnfs: {a: " CLASSES "}\npaths: {p: in -> a -> out}\n";
	struct sums s = predict(text, 4);

	assert_true(s.unfused == 113);
	assert_true(fabs(s.mpps - 4e3 / 113) < 0.01);
	assert_string_equal(s.limit, "every worker");
	s = predict_with(text, table(false), 4, "forward");
	/* The poller: receiving, spreading, and a quarter of the rest. */
	assert_true(fabs(s.mpps - 1e3 / (1 + 10 + 5 + 102.0 / 4)) < 0.01);
	assert_string_equal(s.limit, "the worker that polls the port");
}

/* Packets from a tunnel are looked up twice: outside, where it comes to nothing, and inside. */
static void tunnels(void **state)
{
	struct sl_costs *costs = table(true);
	struct sums s;

	put(costs, "port/sink", "rx", 1, 0, false);
	put(costs, "port/generator", "tx", 2, 0, false);
	s = predict_with(PORTS "vnfs: {a: " CLASSES
			       ", vx: {plugin: vxlan, vni: 1, local: 192.0.2.1, "
			       "peers: [192.0.2.2], underlay: {source: '02:00:00:00:00:01', "
			       "destination: '02:00:00:00:00:02'}}}\n"
			       "paths: {p: in <-> a <-> vx <-> out}\n",
			 costs, 1, "backward");
	/* The engine's hops for fragments are not in the table. */
	assert_true(s.unfused == 1 + 10 + 200 + 101 + 2);
	assert_true(s.fused == 1 + 10 + 40 + 200 + 40 + 4 + 2);
}

static int begin(void **state)
{
	static const char *const folders[] = {SL_BUILD_DIR "/plugins"};

	errors = sl_errors_new();
	registry = sl_registry_new(folders, 1);
	return registry == NULL;
}

static int end(void **state)
{
	sl_registry_free(registry);
	sl_errors_free(errors);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_functions), cmocka_unit_test(sums_up),
		cmocka_unit_test(refusal),      cmocka_unit_test(placed),
		cmocka_unit_test(workers),      cmocka_unit_test(tunnels),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
