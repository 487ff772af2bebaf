/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <core/chain/load.h>
#include <core/chain/plan.h>

static const char *const plugin_folders[] = {SL_BUILD_DIR "/plugins"};
static const char *const vnf_folders[] = {SL_SOURCE_DIR "/vnfs"};
static struct sl_registry *registry;

#define HEAD                    \
	"sluice: 1\n"           \
	"ports:\n"              \
	"  lan: {kind: sink}\n" \
	"  wan: {kind: sink}\n"

static struct sl_chain *load(const char *text, struct sl_errors *errors)
{
	return sl_chain_load_bytes("t.yaml", text, strlen(text), registry, vnf_folders, 1, errors);
}

static struct sl_chain *good(const char *text, struct sl_errors *errors)
{
	struct sl_chain *chain = load(text, errors);

	sl_errors_print(errors, stderr);
	assert_non_null(chain);
	return chain;
}

/* The whole of what is printed. */
static void bad(const char *text, const char *expected)
{
	struct sl_errors *errors = sl_errors_new();
	char *printed = NULL;
	size_t size;
	FILE *out;

	assert_null(load(text, errors));
	out = open_memstream(&printed, &size);
	sl_errors_print(errors, out);
	fclose(out);
	assert_string_equal(printed, expected);
	free(printed);
	sl_errors_free(errors);
}

static void paths_both_ways_and_one_way(void **state)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_chain *chain =
		good(HEAD "vnfs:\n"
			  "  a: {plugin: classifier, rules: [{mark: 1}]}\n"
			  "  b: {plugin: classifier, rules: [{drop: true}]}\n"
			  "paths:\n"
			  "  web: lan<->a <-> b<->wan\n"
			  "  return: [wan, b, lan]\n"
			  "steering: {lan: [{path: web}], wan: [{path: return}]}\n",
		     errors);

	assert_string_equal(chain->name, "t");
	assert_int_equal(chain->port_count, 2);
	assert_int_equal(chain->vnf_count, 2);
	assert_int_equal(chain->path_count, 2);
	assert_int_equal(chain->steering_count, 2);
	assert_true(chain->paths[0].both_ways);
	assert_int_equal(chain->paths[0].stop_count, 2);
	assert_int_equal(chain->paths[0].stops[1].vnf, 1);
	assert_int_equal(chain->paths[0].stops[1].place.line, 9);
	assert_int_equal(chain->paths[0].stops[1].place.column, 20);
	assert_int_equal(chain->paths[1].first, 1);
	sl_chain_free(chain);
	sl_errors_free(errors);
}

static void every_error_at_once(void **state)
{
	bad(HEAD "vnfs:\n"
		 "  a: {plugin: classifier, ruels: [{mark: 1}]}\n"
		 "paths:\n"
		 "  web: lan <-> b <-> wan\n"
		 "steerign: {}\n",
	    "t.yaml:6:6: error: VNF `a` (plugin classifier) lacks `rules`: a list; each a map\n"
	    "t.yaml:6:27: error: unknown parameter `ruels` of VNF `a` (plugin classifier); did you "
	    "mean `rules`?\n"
	    "t.yaml:8:16: error: unknown VNF `b`; there are: `a`\n"
	    "t.yaml:9:1: error: unknown section `steerign`; did you mean `steering`?\n");
}

static void descriptors_become_their_nodes(void **state)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_chain *chain =
		good(HEAD "vnfs:\n"
			  "  gw: {vnf: home-gateway, on-fault: bypass, cores: [3, 1-2],\n"
			  "       with: {inside: 10.0.0.0/8, outside: 192.0.2.1, sessions: 2048}}\n"
			  "paths:\n"
			  "  home: lan <-> gw <-> wan\n",
		     errors);

	assert_int_equal(chain->vnf_count, 2);
	assert_string_equal(chain->vnfs[0].name, "gw.fw");
	assert_string_equal(chain->vnfs[1].name, "gw.nat");
	assert_int_equal(chain->paths[0].stop_count, 2);
	assert_int_equal(chain->vnfs[1].on_fault, SL_ON_FAULT_BYPASS);
	assert_int_equal(chain->vnfs[0].core_count, 3);
	assert_int_equal(chain->vnfs[0].cores[0], 1);
	sl_chain_free(chain);
	sl_errors_free(errors);
}

static void vnfs_name_paths(void **state)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_chain *chain = good(
		HEAD "vnfs:\n"
		     "  a: {plugin: classifier, rules: [{path: two}, {path: one}, {path: two}]}\n"
		     "paths:\n"
		     "  one: lan <-> a <-> wan\n"
		     "  two: lan <-> a <-> wan\n",
		errors);

	assert_int_equal(chain->vnfs[0].edge_count, 2);
	assert_int_equal(chain->vnfs[0].edge_paths[0], 1);
	assert_int_equal(chain->vnfs[0].edge_paths[1], 0);
	sl_chain_free(chain);
	sl_errors_free(errors);
}

/* Whatever piece of memory is missing, there is a message and no chain. */
static void memory_may_run_out_anywhere(void **state)
{
	static const char text[] = HEAD
		"vnfs:\n"
		"  gw: {vnf: edge-firewall, with: {inside: [10.0.0.0/8, 192.168.0.0/16]}}\n"
		"  a: {plugin: classifier, rules: [{path: two}, {match: {dport: 80}, mark: 1}]}\n"
		"paths:\n"
		"  one: lan <-> a <-> gw <-> wan\n"
		"  two: [lan, a, wan]\n"
		"steering: {lan: [{path: one}]}\n";
	struct sl_chain *chain = NULL;

	for (size_t memory = 0; chain == NULL; memory += 160) {
		struct sl_errors *errors = sl_errors_new();

		assert_true(memory < 1 << 20);

		chain = sl_chain_load_within(memory, "t.yaml", text, strlen(text), registry,
					     vnf_folders, 1, errors);
		assert_int_equal(chain == NULL, sl_errors_count(errors) > 0);
		sl_errors_free(errors);
	}
	sl_chain_free(chain);
}

static void a_file_that_is_not_there(void **state)
{
	struct sl_errors *errors = sl_errors_new();

	assert_null(sl_chain_load("/nonexistent/x.yaml", registry, vnf_folders, 1, errors));
	assert_string_equal(sl_errors_get(errors, 0)->text,
			    "/nonexistent/x.yaml: cannot open it: No such file or directory");
	assert_null(sl_chain_load("/", registry, vnf_folders, 1, errors));
	assert_int_equal(sl_errors_count(errors), 2);
	sl_errors_free(errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_both_ways_and_one_way),
		cmocka_unit_test(every_error_at_once),
		cmocka_unit_test(descriptors_become_their_nodes),
		cmocka_unit_test(vnfs_name_paths),
		cmocka_unit_test(memory_may_run_out_anywhere),
		cmocka_unit_test(a_file_that_is_not_there),
	};
	int failed;

	registry = sl_registry_new(plugin_folders, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sl_registry_free(registry);
	return failed;
}
