/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <dlfcn.h>

#include <tests/unit/harness.h>

enum { NO_RULE, RULE }; /* drop reasons */

static const struct sl_node_type *type(const char *name)
{
	static const struct sl_plugin *plugin;

	if (plugin == NULL) {
		void *handle = dlopen(SL_BUILD_DIR "/plugins/classifier.so", RTLD_NOW | RTLD_LOCAL);

		assert_non_null(handle);
		plugin = dlsym(handle, "sl_plugin");
		assert_non_null(plugin);
	}
	for (uint32_t i = 0; i < plugin->type_count; i++) {
		if (strcmp(plugin->types[i].name, name) == 0)
			return &plugin->types[i];
	}
	fail();
	return NULL;
}

static const struct sl_test_options paths = {.paths = (const char *[]){"web", "bulk", NULL}};

#define TCP(port) \
	SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .proto = IPPROTO_TCP, .dport = (port))

static void test_steering(void **state)
{
	struct sl_test *t = sl_test_new_with(type("steering"),
					     "rules:\n"
					     "- {match: {proto: tcp, dport: 80}, path: bulk}\n"
					     "- {match: {proto: tcp, dport: 81}, drop: true}\n"
					     "- {match: {proto: tcp}, path: web}\n",
					     &paths);
	const char *json;

	assert_int_equal(sl_test_one(t, SL_INSIDE, TCP(80)), SL_EDGE_FIRST + 1);
	assert_int_equal(sl_test_one(t, SL_INSIDE, TCP(81)), SL_DROP(RULE));
	assert_int_equal(sl_test_one(t, SL_INSIDE, TCP(82)), SL_EDGE_FIRST);
	assert_int_equal(
		sl_test_one(t, SL_INSIDE,
			    SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .dport = 80)),
		SL_DROP(NO_RULE));
	assert_int_equal(sl_test_counter(t, "matched"), 3);
	assert_int_equal(sl_test_counter(t, "unmatched"), 1);
	json = sl_test_command(t, "rules", NULL);
	assert_non_null(json);
	assert_non_null(strstr(json, "\"packets\""));
	sl_test_end(t);
}

static void test_a_rule_without_match_matches_all(void **state)
{
	struct sl_test *t = sl_test_new_with(type("steering"), "rules: [{path: bulk}]\n", &paths);
	uint8_t arp[42] = {[12] = 8, [13] = 6};

	assert_int_equal(sl_test_one(t, SL_INSIDE, TCP(1)), SL_EDGE_FIRST + 1);
	assert_int_equal(sl_test_one(t, SL_INSIDE, sl_test_bytes(arp, sizeof(arp))),
			 SL_EDGE_FIRST + 1);
	sl_test_end(t);
}

static void test_marks_and_dscp(void **state)
{
	struct sl_test *t =
		sl_test_new(type("classifier"), "rules:\n"
						"- {match: {dport: 5, mark: 9}, drop: true}\n"
						"- {match: {dport: 5}, mark: 77, dscp: 46}\n");
	struct rte_mbuf *m;

	assert_int_equal(sl_test_one(t, SL_INSIDE, TCP(5)), SL_ON);
	m = sl_test_out(t, SL_INSIDE, SL_ON, 0);
	assert_null(sl_test_wrong(m)); /* with its checksum */
	assert_int_equal(sl_packet(m)->mark, 77);
	assert_int_equal(sl_ipv4(m)->type_of_service, 46 << 2);
	assert_int_equal(
		sl_test_one(t, SL_INSIDE,
			    SL_TEST_PACKET(.from = "2001:db8::1", .to = "2001:db8::2", .dport = 5)),
		SL_ON);
	m = sl_test_out(t, SL_INSIDE, SL_ON, 0);
	assert_int_equal(rte_be_to_cpu_32(sl_ipv6(m)->vtc_flow) >> 20, 0x600 | 46 << 2);
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.from = "10.0.0.1", .to = "10.0.0.2",
						    .dport = 5, .mark = 9)),
			 SL_DROP(RULE));
	/* In a path, what no rule matches goes on. */
	assert_int_equal(sl_test_one(t, SL_INSIDE, TCP(6)), SL_ON);
	sl_test_end(t);
}

static void test_other_path_from_within_a_path(void **state)
{
	struct sl_test *t = sl_test_new_with(type("classifier"),
					     "rules: [{match: {dport: 5}, path: bulk}]\n", &paths);
	int edge = sl_test_one(t, SL_INSIDE, TCP(5));

	assert_true(edge >= SL_EDGE_FIRST && edge < SL_EDGE_LAST);
	sl_test_end(t);
}

static void test_change_while_it_runs(void **state)
{
	struct sl_test *t =
		sl_test_new(type("classifier"), "rules: [{match: {dport: 5}, drop: true}]");

	assert_int_equal(sl_test_one(t, SL_INSIDE, TCP(5)), SL_DROP(RULE));
	assert_int_equal(sl_test_configure(t, "rules: [{match: {dport: 6}, drop: true}]"), 0);
	assert_int_equal(sl_test_one(t, SL_INSIDE, TCP(5)), SL_ON);
	assert_int_equal(sl_test_one(t, SL_INSIDE, TCP(6)), SL_DROP(RULE));
	sl_test_end(t);
}

static void test_bad_rules(void **state)
{
	assert_non_null(strstr(sl_test_refused(type("steering"), "rules: [{mark: 3}]"), "path"));
	assert_non_null(strstr(sl_test_refused(type("classifier"), "rules: [{match: {dport: 3}}]"),
			       "must say"));
	assert_non_null(
		strstr(sl_test_refused(type("classifier"), "rules: [{drop: true, mark: 3}]"),
		       "cannot also"));
	assert_non_null(
		sl_test_refused(type("classifier"), "rules: [{match: {dprt: 3}, mark: 1}]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steering),
		cmocka_unit_test(test_a_rule_without_match_matches_all),
		cmocka_unit_test(test_marks_and_dscp),
		cmocka_unit_test(test_other_path_from_within_a_path),
		cmocka_unit_test(test_change_while_it_runs),
		cmocka_unit_test(test_bad_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
