/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of scripts share. */
#ifndef PLUGINS_LUA_TEST_H
#define PLUGINS_LUA_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <dlfcn.h>

#include <tests/unit/harness.h>

enum { NODE, POLICY };
enum { DROP, ERROR, DISABLED, TABLE_FULL, BAD, OVER_RATE }; /* drop reasons */

static inline const struct sl_node_type *type(int which)
{
	static const struct sl_plugin *plugin;

	if (plugin == NULL) {
		void *handle = dlopen(SL_BUILD_DIR "/plugins/lua.so", RTLD_NOW | RTLD_LOCAL);

		assert_non_null(handle);
		plugin = dlsym(handle, "sl_plugin");
		assert_non_null(plugin);
	}
	return &plugin->types[which];
}

/* Parameters with this script, whose lines are indented for YAML; more: further parameters. */
static inline const char *yaml(const char *script, const char *more)
{
	static char text[40000];
	size_t at = (size_t)snprintf(text, sizeof(text), "%sscript: |\n  ", more);

	for (; *script != '\0'; script++) {
		assert_true(at + 4 < sizeof(text));
		text[at++] = *script;
		if (*script == '\n') {
			text[at++] = ' ';
			text[at++] = ' ';
		}
	}
	text[at++] = '\n';
	text[at] = '\0';
	return text;
}

static inline struct sl_test *node(const char *script, const char *more)
{
	return sl_test_new(type(NODE), yaml(script, more));
}

/* A script whose process() does this to each `packet`. */
static inline const char *each(const char *body)
{
	static char text[30000];

	snprintf(text, sizeof(text),
		 "function process(batch)\nfor _, packet in ipairs(batch) do\n%s\nend\nend", body);
	return text;
}

static inline struct sl_test *per_packet(const char *body, const char *more)
{
	return node(each(body), more);
}

static inline void has(const char *text, const char *part)
{
	if (text == NULL || strstr(text, part) == NULL)
		fail_msg("`%s` is not in `%s`", part, text != NULL ? text : "(nothing)");
}

#endif
