/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a script can see: Lua's functions over values, and no more. Nothing reaches files,
 * programs, the clock, chance or code made at run time, so a script gives the same chain each
 * time. Functions that could be long at work in one step have limits here.
 */
#include <string.h>

#include <lualib.h>
#include <sluice/lua.h>

#include <core/chain/lua_state.h>

/* C functions that call the script back use the C stack. */
#define MAX_CALLBACKS 100
/* Most that matching a pattern may cost, in steps, if it is the worst of its kind. */
#define MAX_MATCHING 1e9
#define MAX_PRINTS   100

struct library {
	const char *name;
	lua_CFunction open;
	const char *const *functions;
};

static const char *const base_functions[] = {"assert",   "error", "ipairs", "select", "tonumber",
					     "tostring", "type",  "unpack", NULL};
static const char *const string_functions[] = {"byte", "char",  "find",    "format", "gmatch",
					       "gsub", "len",   "lower",   "match",  "rep",
					       "sub",  "upper", "reverse", NULL};
static const char *const table_functions[] = {"concat", "insert", "remove", "sort", NULL};
static const char *const math_functions[] = {"abs", "acos",  "asin", "atan",  "atan2", "ceil",
					     "cos", "deg",   "exp",  "floor", "fmod",  "huge",
					     "log", "log10", "max",  "min",   "modf",  "pi",
					     "pow", "rad",   "sin",  "sqrt",  "tan",   NULL};

static const struct library libraries[] = {
	{"string", luaopen_string, string_functions},
	{"table", luaopen_table, table_functions},
	{"math", luaopen_math, math_functions},
};

/* Names that a script may expect of Lua. */
static const char *const refused[] = {
	"_G",      "bit",      "collectgarbage", "coroutine", "debug",        "dofile",
	"ffi",     "gcinfo",   "getfenv",        "io",        "getmetatable", "jit",
	"load",    "loadfile", "loadstring",     "module",    "newproxy",     "os",
	"package", "pcall",    "rawequal",       "rawget",    "rawset",       "require",
	"setfenv", "utf8",     "setmetatable",   "xpcall",    "rawlen",       NULL};

static bool among(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

/* A name that is not in the table: the table is the first argument, its name the upvalue. */
static int unknown_name(lua_State *state)
{
	const char *library = lua_tostring(state, lua_upvalueindex(1));
	const char *name = lua_type(state, 2) == LUA_TSTRING ? lua_tostring(state, 2) : "?";
	const char *names[256], *near;
	unsigned int count = 0;

	luaL_checktype(state, 1, LUA_TTABLE);
	if (library[0] == '\0' && among(name, refused))
		return luaL_error(state,
				  "`%s` is not there: a chain file describes a chain, and reaches "
				  "nothing else",
				  name);
	for (lua_pushnil(state); lua_next(state, 1) != 0; lua_pop(state, 1))
		if (lua_type(state, -2) == LUA_TSTRING && count < 255 &&
		    lua_tostring(state, -2)[0] != '_')
			names[count++] = lua_tostring(state, -2);
	names[count] = NULL;
	near = sl_near_miss(name, names);
	if (near == NULL)
		return luaL_error(state, "unknown name `%s%s`", library, name);
	return luaL_error(state, "unknown name `%s%s`; did you mean `%s%s`?", library, name,
			  library, near);
}

/* The table on top of the stack tells of names that are not in it. */
static void make_strict(lua_State *state, const char *prefix)
{
	lua_createtable(state, 0, 1);
	lua_pushstring(state, prefix);
	lua_pushcclosure(state, unknown_name, 1);
	lua_setfield(state, -2, "__index");
	lua_setmetatable(state, -2);
}

/* The original is the upvalue. */
static int call_original(lua_State *state)
{
	struct sl_lua *lua = sl_lua_of(state);

	if (++lua->depth > MAX_CALLBACKS)
		return luaL_error(state, "functions call back more than %d deep", MAX_CALLBACKS);
	lua_pushvalue(state, lua_upvalueindex(1));
	lua_insert(state, 1);
	lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
	lua->depth--;
	sl_lua_check_time(lua);
	return lua_gettop(state);
}

/* string.find, match, gmatch, gsub: (text, pattern, ...). find: a fourth argument says that the
 * pattern is none. */
static int match(lua_State *state)
{
	size_t length, pattern_length;
	const char *pattern;
	double cost;

	luaL_checklstring(state, 1, &length);
	pattern = luaL_checklstring(state, 2, &pattern_length);
	cost = lua_type(state, 4) == LUA_TBOOLEAN
		       ? (double)length * (double)pattern_length
		       : sl_lua_match_cost(length, pattern, pattern_length);
	if (cost > MAX_MATCHING)
		return luaL_error(state,
				  "matching a pattern of %d bytes in a text of %d bytes could take "
				  "too long",
				  (int)pattern_length, (int)length);
	return call_original(state);
}

/* A line for the author, as a note. */
static int print(lua_State *state)
{
	struct sl_lua *lua = sl_lua_of(state);
	struct sl_place place = {lua->file, (unsigned int)lua->line, 0};
	int count = lua_gettop(state);
	size_t length;
	const char *text;

	if (++lua->prints > MAX_PRINTS)
		return luaL_error(state, "the script prints more than %d lines", MAX_PRINTS);
	lua_pushliteral(state, "");
	for (int i = 1; i <= count; i++) {
		lua_pushstring(state, i > 1 ? " " : "");
		lua_getfield(state, LUA_REGISTRYINDEX, "tostring");
		lua_pushvalue(state, i);
		lua_call(state, 1, 1);
		lua_concat(state, 3);
	}
	text = lua_tolstring(state, -1, &length);
	sl_note_place(lua->errors, place, "%.*s", (int)(length < 400 ? length : 400), text);
	return 0;
}

static int next_pair(lua_State *state)
{
	lua_Integer i = lua_tointeger(state, lua_upvalueindex(3));

	for (;;) {
		lua_rawgeti(state, lua_upvalueindex(2), (int)++i);
		if (lua_isnil(state, -1))
			return 1;
		lua_pushvalue(state, -1);
		lua_rawget(state, lua_upvalueindex(1));
		if (!lua_isnil(state, -1))
			break; /* it is still there */
		lua_pop(state, 2);
	}
	lua_pushinteger(state, i);
	lua_replace(state, lua_upvalueindex(3));
	return 2;
}

/* In the order in which the keys were written; Lua's own order is another one each time. */
static int pairs(lua_State *state)
{
	luaL_checktype(state, 1, LUA_TTABLE);
	lua_settop(state, 1);
	sl_lua_push_keys(sl_lua_of(state), 1, false);
	lua_pop(state, 1);
	lua_pushinteger(state, 0);
	lua_pushcclosure(state, next_pair, 3);
	return 1;
}

/* Only to see whether a table is empty: to go on from a key would be in Lua's order. */
static int next(lua_State *state)
{
	luaL_checktype(state, 1, LUA_TTABLE);
	if (!lua_isnoneornil(state, 2))
		return luaL_error(state, "`next` takes no key here; `pairs` goes through a table");
	lua_settop(state, 1);
	lua_pushnil(state);
	if (lua_next(state, 1) != 0)
		return 2;
	lua_pushnil(state);
	return 1;
}

/* table.insert(list, value) and (list, position, value). */
static int insert(lua_State *state)
{
	int count = lua_gettop(state), length;

	luaL_checktype(state, 1, LUA_TTABLE);
	length = (int)lua_objlen(state, 1);
	if (count == 3) {
		lua_Integer at = luaL_checkinteger(state, 2);

		luaL_argcheck(state, at >= 1 && at <= length + 1, 2, "not a place of the list");
		return call_original(state);
	}
	if (count != 2)
		return luaL_error(state,
				  "table.insert takes a list, perhaps a position, and a value");
	lua_pushinteger(state, length + 1);
	if (!lua_isnil(state, 2))
		sl_lua_note_key(sl_lua_of(state), 1, 3);
	lua_pop(state, 1);
	lua_rawseti(state, 1, length + 1);
	return 0;
}

/* The function on top of the stack becomes the upvalue of another. */
static void wrap(lua_State *state, const char *name)
{
	static const char *const matching[] = {"find", "match", "gmatch", "gsub", NULL};

	if (among(name, matching))
		lua_pushcclosure(state, match, 1);
	else if (strcmp(name, "sort") == 0)
		lua_pushcclosure(state, call_original, 1);
	else if (strcmp(name, "insert") == 0)
		lua_pushcclosure(state, insert, 1);
}

/* A copy of a library with these functions only goes into the table on top of the stack. */
static void add_library(lua_State *state, const struct library *library)
{
	char prefix[16];

	lua_pushcfunction(state, library->open);
	lua_pushstring(state, library->name);
	lua_call(state, 1, 0);
	lua_newtable(state);
	lua_getfield(state, LUA_GLOBALSINDEX, library->name);
	for (const char *const *name = library->functions; *name != NULL; name++) {
		lua_getfield(state, -1, *name);
		wrap(state, *name);
		lua_setfield(state, -3, *name);
	}
	lua_pop(state, 1);
	snprintf(prefix, sizeof(prefix), "%s.", library->name);
	make_strict(state, prefix);
	lua_setfield(state, -2, library->name);
}

/* ("text"):upper() */
static void set_methods_of_texts(lua_State *state)
{
	lua_pushliteral(state, "");
	if (lua_getmetatable(state, -1) != 0) {
		lua_getfield(state, -3, "string");
		lua_setfield(state, -2, "__index");
		lua_pop(state, 1);
	}
	lua_pop(state, 1);
}

void sl_lua_push_globals(struct sl_lua *lua)
{
	lua_State *state = lua->state;

	lua_pushcfunction(state, luaopen_base);
	lua_pushliteral(state, "");
	lua_call(state, 1, 0);
	lua_getfield(state, LUA_GLOBALSINDEX, "tostring");
	lua_setfield(state, LUA_REGISTRYINDEX, "tostring");
	lua_newtable(state);
	for (const char *const *name = base_functions; *name != NULL; name++) {
		lua_getfield(state, LUA_GLOBALSINDEX, *name);
		lua_setfield(state, -2, *name);
	}
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
		add_library(state, &libraries[i]);
	set_methods_of_texts(state);
	lua_pushcfunction(state, print);
	lua_setfield(state, -2, "print");
	lua_pushcfunction(state, pairs);
	lua_setfield(state, -2, "pairs");
	lua_pushcfunction(state, next);
	lua_setfield(state, -2, "next");
	sl_lua_push_marks(lua);
	make_strict(state, "");
}
