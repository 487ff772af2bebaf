/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where, and in which order, the keys of Lua tables were written. Of each table that a
 * constructor made there is a record, a list:
 *
 *	number of the constructor, keys of its `[expression] =`, then pairs of a key that a later
 *	statement set and the line of that statement
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/lua_state.h>

/* Most that a script may construct inside of one another, by recursion. */
#define MAX_MAKING 100000

static int making(lua_State *state)
{
	struct sl_lua *lua = sl_lua_of(state);

	if (lua->making_count >= MAX_MAKING)
		return luaL_error(state, "tables are nested too deep");
	lua_rawgeti(state, LUA_REGISTRYINDEX, lua->making);
	lua_pushnumber(state, luaL_checknumber(state, 1));
	lua_rawseti(state, -2, ++lua->making_count);
	lua_pushinteger(state, lua->making_count);
	return 1;
}

static int making_key(lua_State *state)
{
	struct sl_lua *lua = sl_lua_of(state);

	lua_settop(state, 1);
	if (lua->making_count < MAX_MAKING) {
		lua_rawgeti(state, LUA_REGISTRYINDEX, lua->making);
		lua_pushvalue(state, 1);
		lua_rawseti(state, -2, ++lua->making_count);
		lua_pop(state, 1);
	}
	return 1;
}

static int made(lua_State *state)
{
	struct sl_lua *lua = sl_lua_of(state);
	int first = (int)luaL_checkinteger(state, 1), length = 0;

	luaL_checktype(state, 2, LUA_TTABLE);
	lua_settop(state, 2);
	luaL_argcheck(state, first > 0 && first <= lua->making_count, 1, "not under construction");
	lua_rawgeti(state, LUA_REGISTRYINDEX, lua->records);
	lua_pushvalue(state, 2);
	lua_createtable(state, lua->making_count - first + 1, 0);
	lua_rawgeti(state, LUA_REGISTRYINDEX, lua->making);
	for (int i = first; i <= lua->making_count; i++) {
		lua_rawgeti(state, -1, i);
		lua_rawseti(state, -3, ++length);
		lua_pushnil(state);
		lua_rawseti(state, -2, i);
	}
	lua->making_count = first - 1;
	lua_pop(state, 1);
	lua_rawset(state, -3);
	lua_pushvalue(state, lua_upvalueindex(1));
	lua_setmetatable(state, 2);
	lua_pushvalue(state, 2);
	return 1;
}

/* Pushes the record of a table; false, and nothing pushed, when there is none. */
static bool push_record(struct sl_lua *lua, int table)
{
	lua_State *state = lua->state;

	lua_rawgeti(state, LUA_REGISTRYINDEX, lua->records);
	lua_pushvalue(state, table);
	lua_rawget(state, -2);
	lua_remove(state, -2);
	if (lua_istable(state, -1))
		return true;
	lua_pop(state, 1);
	return false;
}

void sl_lua_note_key(struct sl_lua *lua, int table, int key)
{
	lua_State *state = lua->state;
	lua_Debug at;
	int length;

	if (!push_record(lua, table))
		return;
	length = (int)lua_objlen(state, -1);
	lua_pushvalue(state, key);
	lua_rawseti(state, -2, length + 1);
	at.currentline = 0;
	if (lua_getstack(state, 1, &at))
		lua_getinfo(state, "l", &at);
	lua_pushinteger(state, at.currentline > 0 ? at.currentline : lua->line);
	lua_rawseti(state, -2, length + 2);
	lua_pop(state, 1);
}

/* table[key] = value, where the key was not there. */
static int set_key(lua_State *state)
{
	lua_settop(state, 3);
	luaL_checktype(state, 1, LUA_TTABLE);
	if (lua_isnil(state, 2))
		return luaL_error(state, "the key is nil");
	if (lua_type(state, 2) == LUA_TNUMBER && lua_tonumber(state, 2) != lua_tonumber(state, 2))
		return luaL_error(state, "the key is not a number");
	if (!lua_isnil(state, 3))
		sl_lua_note_key(sl_lua_of(state), 1, 2);
	lua_rawset(state, 1);
	return 0;
}

void sl_lua_push_marks(struct sl_lua *lua)
{
	lua_State *state = lua->state;

	lua_newtable(state); /* of records, which go when their tables go */
	lua_createtable(state, 0, 1);
	lua_pushliteral(state, "k");
	lua_setfield(state, -2, "__mode");
	lua_setmetatable(state, -2);
	lua->records = luaL_ref(state, LUA_REGISTRYINDEX);
	lua_newtable(state);
	lua->making = luaL_ref(state, LUA_REGISTRYINDEX);

	lua_pushcfunction(state, making);
	lua_setfield(state, -2, SL_LUA_MAKING);
	lua_pushcfunction(state, making_key);
	lua_setfield(state, -2, SL_LUA_KEY);
	lua_createtable(state, 0, 1);
	lua_pushcfunction(state, set_key);
	lua_setfield(state, -2, "__newindex");
	lua_pushcclosure(state, made, 1);
	lua_setfield(state, -2, SL_LUA_MADE);
}

/* The constructor that a record on top of the stack tells; NULL: none. */
static const struct sl_lua_table *constructor(struct sl_lua *lua)
{
	lua_Number number;

	lua_rawgeti(lua->state, -1, 1);
	number = lua_tonumber(lua->state, -1);
	lua_pop(lua->state, 1);
	return number >= 0 && number < lua->source.table_count
		       ? &lua->source.tables[(uint32_t)number]
		       : NULL;
}

bool sl_lua_place(struct sl_lua *lua, int table, struct sl_place *place)
{
	const struct sl_lua_table *made_by;

	if (!push_record(lua, table))
		return false;
	made_by = constructor(lua);
	lua_pop(lua->state, 1);
	if (made_by == NULL)
		return false;
	*place = (struct sl_place){lua->file, made_by->line, made_by->column};
	return true;
}

/* The lists under construction while keys are put in order: stack indices. */
struct order {
	struct sl_lua *lua;
	int table, keys, places;
	unsigned int count; /* of keys */
	lua_Number length;  /* of the table as a list */
	bool tell;          /* keys that one constructor has twice */
};

/* Is the value at that index of the list that the table starts with? */
static bool in_list(const struct order *order, int index)
{
	lua_State *state = order->lua->state;
	lua_Number key = lua_type(state, index) == LUA_TNUMBER ? lua_tonumber(state, index) : 0;

	return key >= 1 && key <= order->length && key == (int)key;
}

/* A text that C can take for one. */
static bool is_text(lua_State *state, int index)
{
	return lua_type(state, index) == LUA_TSTRING &&
	       strlen(lua_tostring(state, index)) == lua_objlen(state, index);
}

/* The key on top of the stack was put at `before` and now at `place`. */
static void tell_twice(struct order *order, lua_Number before, lua_Number place)
{
	const struct sl_lua *lua = order->lua;
	const struct sl_lua_field *field;

	if (!order->tell || before <= 0 || place <= 0 || !is_text(lua->state, -1))
		return;
	field = &lua->source.fields[(uint32_t)place - 1];
	sl_fail_place(lua->errors, EEXIST, (struct sl_place){lua->file, field->line, field->column},
		      "duplicate key `%s`; it is already in line %u", lua_tostring(lua->state, -1),
		      lua->source.fields[(uint32_t)before - 1].line);
}

/* The key on top of the stack was written there: a field's number + 1, or a negative line. */
static void add_key(struct order *order, lua_Number place)
{
	lua_State *state = order->lua->state;
	bool there;

	if (lua_isnil(state, -1)) {
		lua_pop(state, 1);
		return;
	}
	lua_pushvalue(state, -1);
	lua_rawget(state, order->places);
	if (!lua_isnil(state, -1)) {
		lua_Number before = lua_tonumber(state, -1);

		lua_pop(state, 1);
		tell_twice(order, before, place);
		lua_pop(state, 1);
		return;
	}
	lua_pop(state, 1);
	lua_pushvalue(state, -1);
	lua_pushnumber(state, place);
	lua_rawset(state, order->places);
	lua_pushvalue(state, -1);
	lua_rawget(state, order->table);
	there = !lua_isnil(state, -1);
	lua_pop(state, 1);
	if (there && !in_list(order, -1))
		lua_rawseti(state, order->keys, (int)++order->count);
	else
		lua_pop(state, 1);
}

static void add_fields(struct order *order, const struct sl_lua_table *made_by, int record)
{
	struct sl_lua *lua = order->lua;
	int counted = 0, keyed = 0;

	for (uint32_t i = made_by->first; i != 0; i = lua->source.fields[i - 1].next) {
		const struct sl_lua_field *field = &lua->source.fields[i - 1];

		if (field->kind == SL_LUA_NAMED)
			lua_pushstring(lua->state, field->name);
		else if (field->kind == SL_LUA_COUNTED)
			lua_pushinteger(lua->state, ++counted);
		else
			lua_rawgeti(lua->state, record, 2 + keyed++);
		add_key(order, i);
	}
}

static void add_recorded(struct order *order)
{
	struct sl_lua *lua = order->lua;
	lua_State *state = lua->state;
	const struct sl_lua_table *made_by;
	int record, length, at = 2;

	if (!push_record(lua, order->table))
		return;
	record = lua_gettop(state);
	length = (int)lua_objlen(state, record);
	made_by = constructor(lua);
	if (made_by != NULL) {
		add_fields(order, made_by, record);
		at += (int)made_by->keyed;
	}
	for (; at < length; at += 2) {
		lua_Number line;

		lua_rawgeti(state, record, at + 1);
		line = lua_tonumber(state, -1);
		lua_pop(state, 1);
		lua_rawgeti(state, record, at);
		add_key(order, -line);
	}
	lua_pop(state, 1);
}

/* "lan2" before "lan10". */
static int compare_natural(const void *a, const void *b)
{
	const char *p = *(const char *const *)a, *q = *(const char *const *)b;

	for (; *p != '\0' && *q != '\0'; p++, q++) {
		size_t m = strspn(p, "0123456789"), n = strspn(q, "0123456789");

		if (m > 0 && n > 0 && m != n)
			return m < n ? -1 : 1;
		if (*p != *q)
			break;
	}
	return (unsigned char)*p - (unsigned char)*q;
}

static bool has_place(const struct order *order, int key)
{
	lua_State *state = order->lua->state;
	bool has;

	lua_pushvalue(state, key);
	lua_rawget(state, order->places);
	has = !lua_isnil(state, -1);
	lua_pop(state, 1);
	return has;
}

/* What no record knows: texts in their natural order, then the rest. */
static void add_unknown(struct order *order)
{
	lua_State *state = order->lua->state;
	size_t count = 0, texts = 0;
	const char **names;
	int key;

	for (lua_pushnil(state); lua_next(state, order->table) != 0; lua_pop(state, 1))
		count += is_text(state, -2);
	names = lua_newuserdata(state, (count + 1) * sizeof(*names));
	key = lua_gettop(state) + 1;
	for (lua_pushnil(state); lua_next(state, order->table) != 0; lua_pop(state, 1))
		if (is_text(state, key) && !has_place(order, key) && texts < count)
			names[texts++] = lua_tostring(state, key);
	qsort(names, texts, sizeof(*names), compare_natural);
	for (size_t i = 0; i < texts; i++) {
		lua_pushstring(state, names[i]);
		lua_rawseti(state, order->keys, (int)++order->count);
	}
	for (lua_pushnil(state); lua_next(state, order->table) != 0; lua_pop(state, 1)) {
		if (is_text(state, key) || in_list(order, key) || has_place(order, key))
			continue;
		lua_pushvalue(state, key);
		lua_rawseti(state, order->keys, (int)++order->count);
	}
	lua_pop(state, 1);
}

unsigned int sl_lua_push_keys(struct sl_lua *lua, int table, bool tell)
{
	struct order order = {.lua = lua, .table = table, .tell = tell};
	lua_State *state = lua->state;
	int length = (int)lua_objlen(state, table);

	luaL_checkstack(state, 20, "tables are nested too deep");
	lua_newtable(state);
	order.keys = lua_gettop(state);
	lua_newtable(state);
	order.places = lua_gettop(state);
	order.length = length;
	for (int i = 1; i <= length; i++) {
		lua_rawgeti(state, table, i);
		if (!lua_isnil(state, -1)) {
			lua_pushinteger(state, i);
			lua_rawseti(state, order.keys, (int)++order.count);
		}
		lua_pop(state, 1);
	}
	add_recorded(&order);
	add_unknown(&order);
	return order.count;
}

struct sl_lua_where sl_lua_where(struct sl_lua *lua, int places, struct sl_place around)
{
	struct sl_lua_where where = {.key = around, .value = around};
	const struct sl_lua_field *field;
	lua_Number place;

	lua_pushvalue(lua->state, -1);
	lua_rawget(lua->state, places);
	place = lua_tonumber(lua->state, -1);
	lua_pop(lua->state, 1);
	if (place < 0)
		where.key = where.value = (struct sl_place){lua->file, (unsigned int)-place, 0};
	if (place <= 0 || place > lua->source.field_count)
		return where;
	field = &lua->source.fields[(uint32_t)place - 1];
	where.key = (struct sl_place){lua->file, field->line, field->column};
	where.value = (struct sl_place){lua->file, field->value_line, field->value_column};
	where.quoted = field->quoted;
	where.plain = field->plain;
	return where;
}
