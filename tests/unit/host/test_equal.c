/* SPDX-License-Identifier: BSD-3-Clause */
/* Chains compared by what they say: each pair of texts differs in the parameters named, or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <core/chain/equal.h>
#include <core/chain/model.h>
#include <core/host/numbers.h>

static struct sl_registry *registry;

static struct sl_chain *load(const char *plugin, const char *params)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_chain *chain;
	char *text;

	assert_true(asprintf(&text,
			     "sluice: 1\nports: {a: {kind: 'null'}, b: {kind: 'null'}}\n"
			     "vnfs:\n  v: {plugin: %s%s}\npaths: {p: a <-> v <-> b}\n",
			     plugin, params) > 0);
	chain = sl_chain_load_bytes("c.yaml", text, strlen(text), registry, NULL, 0, errors);
	if (chain == NULL)
		sl_errors_print(errors, stderr);
	assert_non_null(chain);
	sl_errors_free(errors);
	free(text);
	return chain;
}

/* The names of what differs, in order, or "". */
static void expect(const char *plugin, const char *a, const char *b, const char *names)
{
	struct sl_chain *x = load(plugin, a), *y = load(plugin, b);
	const struct sl_param *differ[64];
	unsigned int count = sl_params_differ(x->vnfs[0].type->params, x->vnfs[0].config,
					      y->vnfs[0].config, differ, 64);
	char got[256] = "";

	for (unsigned int i = 0; i < count; i++) {
		strcat(got, i > 0 ? " " : "");
		strcat(got, differ[i]->name);
	}
	assert_string_equal(got, names);
	assert_int_equal(count == 0, sl_params_equal(x->vnfs[0].type->params, x->vnfs[0].config,
						     y->vnfs[0].config));
	sl_chain_free(x);
	sl_chain_free(y);
}

static void test_classifier(void **state)
{
	const char *one = ", rules: [{match: {proto: tcp, from: 10.0.0.0/8}, mark: 1}]";

	expect("classifier", one, one, "");
	expect("classifier", one, ", rules: [{mark: 0x1, match: {from: 10.0.0.0/8, proto: 6}}]",
	       "");
	expect("classifier", one, ", rules: [{match: {proto: tcp, from: 10.0.0.0/9}, mark: 1}]",
	       "rules");
	expect("classifier", one, ", rules: [{match: {proto: tcp, from: 10.0.0.0/8}, mark: 2}]",
	       "rules");
	expect("classifier", one, ", rules: [{match: {proto: tcp}, mark: 1}]", "rules");
	expect("classifier", one,
	       ", rules: [{match: {proto: tcp, from: 10.0.0.0/8}, mark: 1}, {match: {}, mark: 1}]",
	       "rules");
}

static void test_nat(void **state)
{
	const char *one = ", inside: 10.0.0.0/8, pool: 192.0.2.1-192.0.2.4";

	expect("nat", one, ", inside: [10.0.0.0/8], pool: [192.0.2.1-192.0.2.4]", "");
	expect("nat", one, ", inside: 10.0.0.0/8, pool: 192.0.2.1-192.0.2.5", "pool");
	expect("nat", one, ", inside: 10.0.0.0/8, pool: 192.0.2.1-192.0.2.4, udp-timeout: 200 s",
	       "udp-timeout");
}

/* Held by three, freed by the last. */
static void test_users(void **state)
{
	struct sl_chain *chain = load("nat", ", inside: 10.0.0.0/8, pool: 192.0.2.1");

	assert_ptr_equal(sl_chain_use(chain), chain);
	sl_chain_use(chain);
	sl_chain_free(chain);
	sl_chain_free(chain);
	assert_string_equal(chain->vnfs[0].name, "v");
	sl_chain_free(chain);
	sl_chain_free(NULL);
}

/* A number comes again after all others have. */
static void test_numbers(void **state)
{
	struct sl_numbers *numbers = sl_numbers_new();
	uint16_t number;

	for (uint32_t i = 0; i < UINT16_MAX; i++) {
		assert_true(sl_numbers_take(numbers, &number));
		assert_int_equal(number, i);
	}
	assert_false(sl_numbers_take(numbers, &number));
	sl_numbers_give(numbers, 7);
	sl_numbers_give(numbers, 3);
	assert_true(sl_numbers_take(numbers, &number));
	assert_int_equal(number, 7);
	sl_numbers_give(numbers, 7);
	assert_true(sl_numbers_take(numbers, &number));
	assert_int_equal(number, 3);
	sl_numbers_free(numbers);
}

int main(void)
{
	static const char *const folders[] = {SL_BUILD_DIR "/plugins"};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classifier),
		cmocka_unit_test(test_nat),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_numbers),
	};
	int failed;

	registry = sl_registry_new(folders, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sl_registry_free(registry);
	return failed;
}
