/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_ether.h>

#include <core/chain/params.h>
#include <core/chain/values.h>

/* One value of each kind. */

static uint64_t number(enum sl_param_kind kind, const char *text)
{
	const struct sl_param param = {.name = "p", .kind = kind};
	uint64_t value = 0;

	assert_int_equal(sl_value_parse(&param, text, &value), 0);
	return value;
}

static void refused(enum sl_param_kind kind, const char *text)
{
	const struct sl_param param = {.name = "p", .kind = kind};
	uint64_t value[8];

	if (sl_value_parse(&param, text, value) == 0)
		fail_msg("`%s` was taken", text);
}

static void numbers(void **state)
{
	assert_int_equal(number(SL_UINT, "0"), 0);
	assert_int_equal(number(SL_UINT, "0x1F"), 31);
	assert_true(number(SL_UINT, "18446744073709551615") == UINT64_MAX);
	refused(SL_UINT, "18446744073709551616");
	refused(SL_UINT, "");
	refused(SL_UINT, "0x");
	refused(SL_UINT, "-1");
	refused(SL_UINT, "+1");
	refused(SL_UINT, "010");
	refused(SL_UINT, "1_000");
	refused(SL_UINT, "1 ");
}

static void measures(void **state)
{
	assert_int_equal(number(SL_DURATION, "300 ms"), 300000000);
	assert_int_equal(number(SL_DURATION, "1.5s"), 1500000000);
	assert_int_equal(number(SL_DURATION, "0"), 0);
	assert_true(number(SL_DURATION, "1 d") == UINT64_C(86400000000000));
	refused(SL_DURATION, "5");
	refused(SL_DURATION, "1.5 ns");
	refused(SL_DURATION, "1. s");
	refused(SL_DURATION, "5 S");
	refused(SL_DURATION, "999999999 d");
	assert_int_equal(number(SL_SIZE, "64"), 64);
	assert_int_equal(number(SL_SIZE, "16 KiB"), 16384);
	assert_int_equal(number(SL_SIZE, "0.5 kB"), 500);
	assert_true(number(SL_SIZE, "16777215 TiB") == UINT64_C(16777215) << 40);
	refused(SL_SIZE, "16777216 TiB");
	refused(SL_SIZE, "1 K");
	assert_int_equal(number(SL_BITRATE, "2.5 Gbit/s"), 2500000000);
	refused(SL_BITRATE, "10 Mb/s");
	assert_int_equal(number(SL_RATE, "100/s"), 100);
	assert_int_equal(number(SL_RATE, "5 k/s"), 5000);
	assert_int_equal(number(SL_RATE, "120/min"), 2);
	assert_int_equal(number(SL_RATE, "20/min"), 1);
	assert_int_equal(number(SL_RATE, "3601/h"), 2);
	assert_int_equal(number(SL_RATE, "0/s"), 0);
	refused(SL_RATE, "100");
}

static void rates_below_one_are_noticed(void **state)
{
	const struct sl_param param = {.name = "p", .kind = SL_RATE};

	assert_true(sl_value_rounded(&param, "20/min"));
	assert_false(sl_value_rounded(&param, "120/min"));
	assert_false(sl_value_rounded(&param, "5/s"));
}

static void ranges(void **state)
{
	const struct sl_param port = {.name = "p", .kind = SL_SPAN, .max = 65535};
	struct sl_span span;

	assert_int_equal(sl_value_parse(&port, "80", &span), 0);
	assert_int_equal(span.first, 80);
	assert_int_equal(span.last, 80);
	assert_int_equal(sl_value_parse(&port, "1024 - 65535", &span), 0);
	assert_int_equal(span.last, 65535);
	assert_int_equal(sl_value_parse(&port, "80-79", &span), -EINVAL);
	assert_int_equal(sl_value_parse(&port, "80-65536", &span), -ERANGE);
	assert_int_equal(sl_value_parse(&port, "80-", &span), -EINVAL);
	assert_int_equal(sl_value_parse(&port, "-80", &span), -EINVAL);
	assert_int_equal(sl_value_parse(&port, "1-2-3", &span), -EINVAL);
}

static void addresses(void **state)
{
	const struct sl_param addrs = {.name = "p", .kind = SL_ADDRS};
	const struct sl_param ifaddr = {.name = "p", .kind = SL_IFADDR};
	struct sl_addr_range range;
	struct sl_prefix prefix;
	char text[SL_ADDR_TEXT];

	assert_int_equal(sl_value_parse(&addrs, "192.0.2.0/30", &range), 0);
	assert_string_equal(sl_addr_format(&range.last, text), "192.0.2.3");
	assert_int_equal(sl_value_parse(&addrs, "2001:db8::/126", &range), 0);
	assert_string_equal(sl_addr_format(&range.last, text), "2001:db8::3");
	assert_int_equal(sl_value_parse(&addrs, "192.0.2.9 - 192.0.2.10", &range), 0);
	assert_int_equal(sl_value_parse(&addrs, "192.0.2.9-192.0.2.8", &range), -EINVAL);
	assert_int_equal(sl_value_parse(&addrs, "192.0.2.9-::1", &range), -EINVAL);
	assert_int_equal(sl_value_parse(&addrs, "192.0.2.1/30", &range), -ERANGE);
	assert_int_equal(sl_value_parse(&ifaddr, "192.0.2.1/30", &prefix), 0);
	assert_string_equal(sl_prefix_format(&prefix, text), "192.0.2.1/30");
	refused(SL_IFADDR, "any");
	refused(SL_ADDR, "any");
}

static void macs(void **state)
{
	const struct sl_param param = {.name = "p", .kind = SL_MAC};
	struct rte_ether_addr mac;

	assert_int_equal(sl_value_parse(&param, "02:aB:00:00:00:1f", &mac), 0);
	assert_int_equal(mac.addr_bytes[1], 0xab);
	assert_int_equal(sl_value_parse(&param, "02-00-00-00-00-01", &mac), 0);
	refused(SL_MAC, "02:00:00:00:00");
	refused(SL_MAC, "02:00:00:00:00:01:02");
	refused(SL_MAC, "2:0:0:0:0:1");
	refused(SL_MAC, "02:00:00:00:00:0g");
	refused(SL_MAC, "");
}

/* Whole tables. */

struct inner {
	uint64_t given;
	uint32_t proto;
	struct sl_list ports;
};

struct outer {
	uint64_t given;
	struct inner match; /* inline */
	bool log;
	uint64_t size;
	const char *name;
	struct inner nested;
	struct sl_list rules;
};

static const struct sl_param inner_params[] = {
	{.name = "proto", .kind = SL_PROTO, .offset = offsetof(struct inner, proto), .def = "any"},
	{.name = "ports",
	 .kind = SL_SPAN,
	 .flags = SL_LIST,
	 .offset = offsetof(struct inner, ports),
	 .def = "80, 443"},
	{.name = NULL},
};

static const struct sl_param outer_params[] = {
	{.name = "match",
	 .kind = SL_TABLE,
	 .flags = SL_INLINE,
	 .offset = offsetof(struct outer, match),
	 .fields = inner_params,
	 .size = sizeof(struct inner)},
	{.name = "log", .kind = SL_BOOL, .offset = offsetof(struct outer, log), .def = "yes"},
	{.name = "size", .kind = SL_SIZE, .offset = offsetof(struct outer, size), .def = "4 KiB"},
	{.name = "name", .kind = SL_TEXT, .offset = offsetof(struct outer, name), .max = 8},
	{.name = "nested",
	 .kind = SL_TABLE,
	 .offset = offsetof(struct outer, nested),
	 .fields = inner_params,
	 .size = sizeof(struct inner)},
	{.name = "rules",
	 .kind = SL_TABLE,
	 .flags = SL_LIST,
	 .offset = offsetof(struct outer, rules),
	 .fields = inner_params,
	 .size = sizeof(struct inner)},
	{.name = NULL},
};

struct fixture {
	struct sl_store *store;
	struct sl_errors *errors;
	struct outer config;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->store = sl_store_new(1 << 20);
	f->errors = sl_errors_new();
	sl_errors_resolve(f->errors, sl_store_find, f->store);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sl_errors_free(f->errors);
	sl_store_free(f->store);
	free(f);
	return 0;
}

static void read(struct fixture *f, const char *text)
{
	struct sl_params_reader reader = {.store = f->store, .errors = f->errors};
	const struct sl_section section = {outer_params, &f->config};
	const struct sl_tree *tree = sl_yaml_read(f->store, "f", text, strlen(text), f->errors);

	assert_non_null(tree);
	sl_store_place(f->store, &f->config, sizeof(f->config), tree->place);
	sl_params_read(&reader, tree, &section, 1, NULL, "it");
}

static void defaults_reach_every_table(void **state)
{
	struct fixture *f = *state;

	read(f, "{name: x}");
	assert_int_equal(sl_errors_count(f->errors), 0);
	assert_int_equal(f->config.given, 1 << 3);
	assert_int_equal(f->config.match.given, 0);
	assert_int_equal(f->config.match.proto, SL_PROTO_ANY);
	assert_int_equal(f->config.match.ports.count, 2);
	assert_int_equal(SL_ITEM(&f->config.match.ports, struct sl_span, 1)->first, 443);
	assert_true(f->config.log);
	assert_int_equal(f->config.size, 4096);
	assert_string_equal(f->config.name, "x");
	assert_int_equal(f->config.nested.proto, SL_PROTO_ANY);
	assert_int_equal(f->config.rules.count, 0);
}

static void given_values_and_their_bits(void **state)
{
	struct fixture *f = *state;
	const struct inner *rule;

	read(f, "proto: tcp\nlog: no\nrules:\n  - {proto: 17, ports: 53}\n  - {}\n"
		"nested: {ports: []}\n");
	assert_int_equal(sl_errors_count(f->errors), 0);
	assert_int_equal(f->config.given, 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5);
	assert_int_equal(f->config.match.given, 1);
	assert_int_equal(f->config.match.proto, 6);
	assert_false(f->config.log);
	assert_int_equal(f->config.rules.count, 2);
	rule = f->config.rules.items;
	assert_int_equal(rule[0].proto, 17);
	assert_int_equal(rule[0].ports.count, 1);
	assert_int_equal(rule[1].given, 0);
	assert_int_equal(rule[1].proto, SL_PROTO_ANY);
	assert_int_equal(f->config.nested.ports.count, 0);
	assert_int_equal(f->config.nested.given, 2);
}

static void at(struct fixture *f, const void *field, unsigned int line, unsigned int column)
{
	struct sl_place place = {0};

	assert_true(sl_store_find(f->store, field, &place));
	assert_int_equal(place.line, line);
	assert_int_equal(place.column, column);
}

static void fields_know_their_places(void **state)
{
	struct fixture *f = *state;
	const struct inner *rules;

	read(f, "proto: tcp\nname: abc\nrules:\n  - {proto: 17, ports: [53, 80-90]}\n  - {}\n");
	rules = f->config.rules.items;
	at(f, &f->config.match.proto, 1, 8);
	at(f, &f->config.name, 2, 7);
	at(f, f->config.name, 2, 7);
	at(f, f->config.name + 2, 2, 7);
	at(f, &rules[0].proto, 4, 13);
	at(f, &rules[0].ports, 4, 24);
	at(f, SL_ITEM(&rules[0].ports, struct sl_span, 1), 4, 29);
	at(f, &SL_ITEM(&rules[0].ports, struct sl_span, 1)->last, 4, 29);
	at(f, &rules[1].proto, 5, 5); /* not given: the rule */
	at(f, &f->config.size, 1, 1); /* not given: the whole */
	assert_false(sl_store_find(f->store, state, &(struct sl_place){0}));
}

static void wrong_values(void **state)
{
	struct fixture *f = *state;

	read(f, "name: much-too-long\nlog: [true]\nsize: big\nnested: 7\nrules: {proto: tpc}\n");
	assert_int_equal(sl_errors_count(f->errors), 5);
	assert_string_equal(sl_errors_get(f->errors, 0)->text,
			    "`name`: the text is 13 bytes long; expected 0 to 8");
	assert_string_equal(sl_errors_get(f->errors, 1)->text,
			    "`log`: expected `true` or `false`, found a list");
	assert_string_equal(sl_errors_get(f->errors, 3)->text,
			    "`nested`: expected a map of parameters, found a single value");
	assert_non_null(strstr(sl_errors_get(f->errors, 4)->text, "did you mean `tcp`?"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(measures),
		cmocka_unit_test(rates_below_one_are_noticed),
		cmocka_unit_test(ranges),
		cmocka_unit_test(addresses),
		cmocka_unit_test(macs),
		cmocka_unit_test_setup_teardown(defaults_reach_every_table, setup, teardown),
		cmocka_unit_test_setup_teardown(given_values_and_their_bits, setup, teardown),
		cmocka_unit_test_setup_teardown(fields_know_their_places, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_values, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
