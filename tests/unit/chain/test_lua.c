/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <core/chain/load.h>
#include <core/chain/lua_source.h>
#include <sluice/lua.h>

static const char *const plugin_folders[] = {SL_BUILD_DIR "/plugins"};
static struct sl_registry *registry;

static void expect_copy(const char *text, const char *copy)
{
	struct sl_store *store = sl_store_new(1 << 20);
	struct sl_errors *errors = sl_errors_new();
	struct sl_lua_source source;

	assert_int_equal(sl_lua_scan(&source, store, "t.lua", text, strlen(text), errors), 0);
	if (copy == NULL) {
		assert_null(source.text);
	} else {
		assert_non_null(source.text);
		assert_int_equal(source.size, strlen(copy));
		assert_memory_equal(source.text, copy, source.size);
	}
	sl_lua_source_free(&source);
	sl_errors_free(errors);
	sl_store_free(store);
}

#define MADE(n) "(__sluice_made(__sluice_making(" #n "),"

static void tables_are_marked(void **state)
{
	expect_copy("", "");
	expect_copy("return {}", "return " MADE(0) "{}))");
	expect_copy("f{1, {2}}", "f" MADE(0) "{1, " MADE(1) "{2}))}))");
	expect_copy("t = {[k] = {}}", "t = " MADE(0) "{[__sluice_key(k)] = " MADE(1) "{}))}))");
	expect_copy("t = {['k'] = 1}", "t = " MADE(0) "{['k'] = 1}))");
	expect_copy("t = {['k' .. 1] = 1}", "t = " MADE(0) "{[__sluice_key('k' .. 1)] = 1}))");
	expect_copy("t = {[{}] = 1}", "t = " MADE(0) "{[__sluice_key(" MADE(1) "{})))] = 1}))");
	expect_copy("t = {a[1], b = c[2]}", "t = " MADE(0) "{a[1], b = c[2]}))");
}

static void what_is_no_table_is_left(void **state)
{
	static const char *const texts[] = {
		"-- {\n--[[ { ]] x = '{' y = \"\\\"{\" z = [[{]]",
		"--[==[ {\n]] ]==] w = [=[ { ]] ]=]",
		"x = 'a\\\n{' y = 'a\\z\n  {'",
		"#!/usr/bin/env luajit {\nx = a[b[1]]",
		"x = 1 --{",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_copy(texts[i], texts[i]);
	/* There a parenthesis could be taken for a call of what is above. */
	expect_copy("x = f\n{1}", "x = f\n{1}");
}

static void what_is_no_lua_has_no_copy(void **state)
{
	static const char *const texts[] = {"{",        "}",      "{]",        "({)}", "end",
					    "function", "x = 'a", "[[",        "--[[", "{[",
					    "{[1",      "{a =",   "['x'] = 1}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_copy(texts[i], NULL);
}

/* Fields are told from what stands inside of them, and where they stand is right. */
static void fields_have_places(void **state)
{
	static const char text[] = "t = {\r\n"
				   "  a = 'x',  [ \"b-c\" ] = f(1, 2);\n"
				   "\t\xc3\xa4, function() local x, y = 1; return x, {1} end,\n"
				   "  [k] = true, a == b, 5 }";
	static const struct {
		enum sl_lua_field_kind kind;
		const char *name;
		uint32_t line, column, value_line, value_column;
		bool quoted, plain;
	} fields[] = {
		{SL_LUA_NAMED, "a", 2, 3, 2, 7, true, false},
		{SL_LUA_NAMED, "b-c", 2, 13, 2, 25, false, false},
		{SL_LUA_COUNTED, NULL, 3, 2, 3, 2, false, false},
		{SL_LUA_COUNTED, NULL, 3, 5, 3, 5, false, false},
		{SL_LUA_KEYED, NULL, 4, 3, 4, 9, false, true},
		{SL_LUA_COUNTED, NULL, 4, 15, 4, 15, false, false},
		{SL_LUA_COUNTED, NULL, 4, 23, 4, 23, false, true},
	};
	struct sl_store *store = sl_store_new(1 << 20);
	struct sl_errors *errors = sl_errors_new();
	struct sl_lua_source source;
	uint32_t at;

	assert_int_equal(sl_lua_scan(&source, store, "t.lua", text, strlen(text), errors), 0);
	assert_int_equal(source.table_count, 2);
	assert_int_equal(source.tables[0].line, 1);
	assert_int_equal(source.tables[0].column, 5);
	assert_int_equal(source.tables[0].keyed, 1);
	at = source.tables[0].first;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct sl_lua_field *field = &source.fields[at - 1];

		assert_int_not_equal(at, 0);
		assert_int_equal(field->kind, fields[i].kind);
		if (fields[i].name != NULL)
			assert_string_equal(field->name, fields[i].name);
		assert_int_equal(field->line, fields[i].line);
		assert_int_equal(field->column, fields[i].column);
		assert_int_equal(field->value_line, fields[i].value_line);
		assert_int_equal(field->value_column, fields[i].value_column);
		assert_int_equal(field->quoted, fields[i].quoted);
		assert_int_equal(field->plain, fields[i].plain);
		at = field->next;
	}
	assert_int_equal(at, 0);
	sl_lua_source_free(&source);
	sl_errors_free(errors);
	sl_store_free(store);
}

#define CHAIN                                                                            \
	"local ports = {lan = {kind = 'sink'}}\n"                                        \
	"ports.wan = {kind = 'sink'}\n"                                                  \
	"local rules = {}\n"                                                             \
	"for i = 1, 9 do rules[i] = {allow = 'tcp', dport = {i, '100-200'}} end\n"       \
	"return {sluice = 1, ports = ports, vnfs = {fw = {plugin = 'firewall', rules = " \
	"rules}},\n"                                                                     \
	"  paths = {p = 'lan <-> fw <-> wan'}}\n"

/* Each amount of memory ends in a chain, or in messages. */
static void too_little_memory_is_told(void **state)
{
	unsigned int good = 0;

	for (size_t memory = 0; memory < 64 * 1024; memory += memory < 4096 ? 16 : 512) {
		struct sl_errors *errors = sl_errors_new();
		struct sl_chain *chain = sl_chain_load_within(memory, "t.lua", CHAIN, strlen(CHAIN),
							      registry, NULL, 0, errors);

		assert_true((chain != NULL) == (sl_errors_count(errors) == 0));
		good += chain != NULL;
		sl_errors_resolve(errors, NULL, NULL);
		sl_chain_free(chain);
		sl_errors_free(errors);
	}
	assert_true(good > 0);
}

static int setup(void **state)
{
	registry = sl_registry_new(plugin_folders, 1);
	return registry == NULL;
}

static int teardown(void **state)
{
	sl_registry_free(registry);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_marked),
		cmocka_unit_test(what_is_no_table_is_left),
		cmocka_unit_test(what_is_no_lua_has_no_copy),
		cmocka_unit_test(fields_have_places),
		cmocka_unit_test(too_little_memory_is_told),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
