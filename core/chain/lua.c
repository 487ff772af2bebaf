/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A chain written in Lua: a script that returns the table which a YAML file would be. It runs in
 * a state of its own with little to see (lua_sandbox.c) and little to use up (lua_limits.c), as
 * its author need not be the operator. LuaJIT and Lua 5.1.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/lua_state.h>
#include <core/chain/utf8.h>

#define MAX_FILE   (1024 * 1024)
#define MAX_CALLS  6 /* shown of those that led to an error */
#define MAX_DETAIL 400

/* Lines of the functions that were running when an error came, the innermost first. */
struct script {
	struct sl_lua *lua;
	const char *bytes;
	size_t size;
	int lines[MAX_CALLS];
	unsigned int line_count;
	const struct sl_tree *root;
};

static struct sl_place place_of(const struct sl_lua *lua, int line)
{
	return (struct sl_place){lua->file, line > 0 ? (unsigned int)line : 1, 0};
}

/* "chain:12: text" is an error in line 12, which is returned. */
static int report(const struct sl_lua *lua, const char *message, const char *prefix)
{
	int line = lua->line;

	if (strncmp(message, SL_LUA_CHUNK ":", strlen(SL_LUA_CHUNK ":")) == 0) {
		char *end;
		long number = strtol(message + strlen(SL_LUA_CHUNK ":"), &end, 10);

		if (*end == ':') {
			line = (int)number;
			message = end + 1 + strspn(end + 1, " ");
		}
	}
	if (strcmp(message, "stack overflow") == 0)
		prefix = "functions call each other too deep: ";
	sl_fail_place(lua->errors, EINVAL, place_of(lua, line), "%s%.*s", prefix, MAX_DETAIL,
		      message);
	return line;
}

/* Called with the error while the stack still stands. */
static int remember_calls(lua_State *state)
{
	struct script *script = lua_touserdata(state, lua_upvalueindex(1));
	lua_Debug at;

	for (int level = 1; script->line_count < MAX_CALLS && lua_getstack(state, level, &at) != 0;
	     level++) {
		lua_getinfo(state, "l", &at);
		if (at.currentline > 0)
			script->lines[script->line_count++] = at.currentline;
	}
	lua_settop(state, 1);
	return 1;
}

/* What lua_pcall() left on the stack. */
static void report_stop(struct script *script, int status)
{
	struct sl_lua *lua = script->lua;
	const char *message = lua_tostring(lua->state, -1);
	int line;

	if (lua->no_memory)
		message = "the script takes more than 64 MiB of memory";
	else if (status == LUA_ERRMEM)
		message = "out of memory; the script may take 64 MiB";
	else if (message == NULL)
		message = "the script ended itself by `error` with something that is no text";
	line = report(lua, message, "");
	for (unsigned int i = 1; i < script->line_count; i++)
		if (script->lines[i] != script->lines[i - 1] && script->lines[i] != line)
			sl_note_place(lua->errors, place_of(lua, script->lines[i]),
				      "called from here");
}

/* Pushes the script as a function; false: told. */
static bool compile(struct script *script)
{
	struct sl_lua *lua = script->lua;
	const struct sl_lua_source *source = &lua->source;

	/* First as it is, so that messages are about what the author wrote. */
	if (luaL_loadbuffer(lua->state, script->bytes, script->size, "=" SL_LUA_CHUNK) != 0) {
		const char *message = lua_tostring(lua->state, -1);

		report(lua, message != NULL ? message : "out of memory",
		       message != NULL && !lua->no_memory ? "not Lua: " : "");
		return false;
	}
	if (source->text == NULL)
		return true;
	if (luaL_loadbuffer(lua->state, source->text, source->size, "=" SL_LUA_CHUNK) == 0)
		lua_remove(lua->state, -2);
	else
		lua_pop(lua->state, 1); /* the marks were too much: places are less exact */
	return true;
}

static void check_result(struct script *script, int count)
{
	struct sl_lua *lua = script->lua;

	if (count == 1 && lua_istable(lua->state, -1))
		script->root = sl_lua_tree(lua);
	else if (count == 0 || lua_isnil(lua->state, -count))
		report(lua, "the script returns nothing; end it with `return {...}`, the chain",
		       "");
	else if (count > 1)
		report(lua, "the script returns more than one value; expected one table, the chain",
		       "");
	else
		sl_fail_place(lua->errors, EINVAL, place_of(lua, lua->line),
			      "the script returns a %s; expected a table, the chain",
			      luaL_typename(lua->state, -1));
}

/* Protected: whatever fails in here ends here. */
static int run(lua_State *state)
{
	struct script *script = lua_touserdata(state, 1);
	struct sl_lua *lua = script->lua;
	int status, handler, base;

	lua_pushlightuserdata(state, script);
	lua_pushcclosure(state, remember_calls, 1);
	handler = lua_gettop(state);
	if (!compile(script))
		return 0;
	sl_lua_push_globals(lua);
	lua_setfenv(state, -2);
	base = lua_gettop(state) - 1;
	status = lua_pcall(state, 0, LUA_MULTRET, handler);
	if (status != 0)
		report_stop(script, status);
	else
		check_result(script, lua_gettop(state) - base);
	return 0;
}

static void run_in_state(struct script *script)
{
	struct sl_lua *lua = script->lua;

	lua->state = luaL_newstate();
	if (lua->state == NULL) {
		sl_fail(lua->errors, ENOMEM, "%s: out of memory", lua->file);
		return;
	}
	if (!sl_lua_limit(lua))
		sl_fail(lua->errors, ENOTSUP,
			"%s: this LuaJIT cannot be kept from compiling, so scripts have no limits",
			lua->file);
	else if (lua_cpcall(lua->state, run, script) != 0)
		report_stop(script, LUA_ERRRUN);
	sl_lua_unlimit(lua);
	lua_close(lua->state);
}

const struct sl_tree *sl_lua_read(struct sl_store *store, const char *file, const char *bytes,
				  size_t size, struct sl_errors *errors)
{
	struct sl_lua lua = {.store = store, .errors = errors};
	struct script script = {.lua = &lua, .bytes = bytes, .size = size};
	unsigned int before = sl_errors_count(errors);

	lua.file = sl_store_text(store, file, strlen(file));
	if (lua.file == NULL)
		return NULL;
	if (size > MAX_FILE) {
		sl_fail(errors, E2BIG, "%s: larger than 1 MiB", file);
		return NULL;
	}
	if (sl_lua_scan(&lua.source, store, lua.file, bytes, size, errors) == 0)
		run_in_state(&script);
	sl_lua_source_free(&lua.source);
	return sl_errors_count(errors) == before ? script.root : NULL;
}
