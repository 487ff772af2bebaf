/* SPDX-License-Identifier: BSD-3-Clause */
/* What every entry of the API's and the verbs' tables must be like, and what is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/api_table.h>
#include <core/control/complete.h>
#include <core/control/openapi.h>
#include <core/control/verb.h>

static bool a_line(const char *text)
{
	size_t length = text != NULL ? strlen(text) : 0;

	return length > 0 && text[length - 1] != '.' && strchr(text, '\n') == NULL;
}

static void check_operation(const struct sl_api_operation *o)
{
	bool post = strcmp(o->method, "POST") == 0;
	char allowed[64];

	assert_true(post || strcmp(o->method, "GET") == 0);
	/* Who may only look can change nothing, whatever the function does. */
	assert_int_equal(o->role, post ? SL_ROLE_ADMIN : o->role);
	assert_int_not_equal(o->role, SL_ROLE_NONE);
	assert_int_equal(o->path[0], '/');
	assert_true(a_line(o->summary));
	assert_non_null(o->run);
	assert_non_null(strstr(sl_api_allowed(o->path, allowed, sizeof(allowed)), o->method));
	for (const struct sl_param *p = o->args; p != NULL && p->name != NULL; p++) {
		assert_non_null(p->doc);
		assert_true(p->offset >= sizeof(uint64_t) && p->offset < o->args_size);
	}
}

static void operations(void **state)
{
	json_t *names = json_object(), *api;
	unsigned int count = 0;

	for (unsigned int t = 0; sl_api_tables[t] != NULL; t++)
		for (const struct sl_api_operation *o = sl_api_tables[t]; o->method != NULL; o++) {
			check_operation(o);
			assert_null(json_object_get(names, o->name));
			json_object_set_new(names, o->name, json_true());
			count++;
		}
	assert_true(count > 10);
	json_decref(names);
	api = sl_openapi();
	assert_non_null(api);
	json_decref(api);
}

static void paths(void **state)
{
	static const struct {
		const char *path, *allowed;
	} cases[] = {
		{"/v1/status", "GET, HEAD"},
		{"/v1/apply", "POST"},
		{"/v1/fusion", "GET, HEAD, POST"},
		{"/v1/vnfs/a", "GET, HEAD"},
		{"/v1/vnfs/a/b", "GET, HEAD, POST"},
		{"/v1/vnfs/a/", ""},
		{"/v1/vnfs/", ""},
		{"/v1/plugins//usr/lib/load/load.so/load", "POST"},
		{"/v1/plugins/load", ""},
		{"/v1/statu", ""},
		{"/v1/statuss", ""},
		{"", ""},
	};
	char allowed[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(sl_api_allowed(cases[i].path, allowed, sizeof(allowed)),
				    cases[i].allowed);
}

static void check_options(const struct sl_verb *verb)
{
	for (const struct sl_option *o = verb->options; o != NULL && o->name != NULL; o++) {
		assert_true(a_line(o->doc));
		assert_int_not_equal(o->key, 'h');
		for (const struct sl_option *p = verb->options; p != o; p++) {
			assert_int_not_equal(o->key, p->key);
			assert_string_not_equal(o->name, p->name);
		}
	}
}

static void verbs(void **state)
{
	for (unsigned int i = 0; sl_verbs[i] != NULL; i++) {
		char *synopsis = sl_verb_synopsis(sl_verbs[i]);

		assert_true(a_line(sl_verbs[i]->summary));
		assert_ptr_equal(sl_verb_find(sl_verbs[i]->name), sl_verbs[i]);
		assert_int_equal(strncmp(synopsis, sl_verbs[i]->name, strlen(sl_verbs[i]->name)),
				 0);
		check_options(sl_verbs[i]);
		free(synopsis);
	}
}

/* The candidates, a space behind each. */
static char *complete(const char *const *words, int count)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	sl_complete(out, words, count);
	fclose(out);
	for (char *c = text; *c != '\0'; c++)
		if (*c == '\n')
			*c = ' ';
	return text;
}

static void completions(void **state)
{
	static const struct {
		const char *words[8];
		const char *expected;
	} cases[] = {
		{{"appl"}, "apply "},
		{{"fusion", ""}, "on off verify "},
		{{"fusion", "on", ""}, ""},
		{{"fusion", "--socket", "x", "o"}, "on off "},
		{{"run", "--fusion", "=", ""}, "on off verify "},
		{{"run", "--fusion", "="}, "on off verify "},
		{{"run", "--fusion", ""}, "on off verify "},
		{{"check", "a.yaml", ""}, ":files "},
		{{"apply", "a.yaml", ""}, ""},
		{{"apply", "--dry"}, "--dry-run "},
		{{"do", ""}, "vnf "},
		{{"do", "vnf", "a", "b", "c", "=", ""}, ""},
		{{"nothing", ""}, ""},
		{{"=", "=", "="}, ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int count = 0;
		char *text;

		while (count < 8 && cases[i].words[count] != NULL)
			count++;
		text = complete(cases[i].words, count);
		assert_string_equal(text, cases[i].expected);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations),
		cmocka_unit_test(paths),
		cmocka_unit_test(verbs),
		cmocka_unit_test(completions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
