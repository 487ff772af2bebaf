/* SPDX-License-Identifier: BSD-3-Clause */
/* From Lua's values to a tree. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/lua_state.h>
#include <core/chain/utf8.h>

#define MAX_DEPTH  64
#define MAX_WEIGHT 2000000
#define MAX_WHOLE  9007199254740992.0 /* 2^53: whole numbers from there on are not exact */

/* One table or scalar, whose value is on top of the stack. */
struct value {
	struct sl_lua_where where;
	unsigned int depth; /* tables around it */
	int memo;           /* stack index: trees by table; false while one is built */
};

static const struct sl_tree *build(struct sl_lua *lua, const struct value *value);

static _Noreturn void too_large(struct sl_lua *lua)
{
	luaL_error(lua->state, "the chain is too large, or memory is short");
	abort(); /* the error never returns, which its declaration does not say */
}

static struct sl_tree *new_tree(struct sl_lua *lua, enum sl_tree_kind kind, struct sl_place place)
{
	struct sl_tree *tree = sl_store_alloc(lua->store, 1, sizeof(*tree));

	if (tree == NULL)
		too_large(lua);
	tree->kind = kind;
	tree->place = place;
	tree->weight = 1;
	return tree;
}

static const struct sl_tree *new_text(struct sl_lua *lua, const struct sl_lua_where *where,
				      const char *text, size_t length)
{
	struct sl_tree *tree = new_tree(lua, SL_TREE_SCALAR, where->value);

	if (strlen(text) != length)
		sl_fail_place(lua->errors, EINVAL, where->value, "a text has a zero byte in it");
	else if (sl_utf8_check(text, length) < length)
		sl_fail_place(lua->errors, EILSEQ, where->value, "a text is not UTF-8");
	tree->text = sl_store_text(lua->store, text, length);
	if (tree->text == NULL)
		too_large(lua);
	tree->plain = where->plain;
	tree->one_line = where->plain || where->quoted;
	return tree;
}

static const struct sl_tree *build_number(struct sl_lua *lua, const struct value *value)
{
	lua_Number number = lua_tonumber(lua->state, -1);
	char text[64];

	if (number == floor(number) && fabs(number) <= MAX_WHOLE)
		snprintf(text, sizeof(text), "%.0f", number == 0 ? 0.0 : number);
	else
		snprintf(text, sizeof(text), "%.14g", number);
	if (!isfinite(number) || strchr(text, 'e') != NULL)
		sl_fail_place(lua->errors, ERANGE, value->where.value,
			      "the number %s is not one that can be used; write it as a text",
			      text);
	return new_text(lua, &value->where, text, strlen(text));
}

/* Also where a table ended up without one. */
static const struct sl_tree *build_nothing(struct sl_lua *lua, const struct value *value)
{
	struct sl_tree *tree = new_tree(lua, SL_TREE_NULL, value->where.value);

	tree->text = "";
	return tree;
}

/* The key on top of the stack as a text. In Lua a name cannot have a dash: parameters, which are
 * two levels down, may be written with `_`. */
static const struct sl_tree *build_key(struct sl_lua *lua, const struct sl_lua_where *where,
				       unsigned int depth)
{
	const struct sl_lua_where key = {.value = where->key};
	char text[64];
	size_t length;
	const char *name = lua_tolstring(lua->state, -1, &length);

	if (depth != 2 && length < sizeof(text) && strchr(name, '_') != NULL) {
		memcpy(text, name, length + 1);
		for (char *c = strchr(text, '_'); c != NULL; c = strchr(c, '_'))
			*c = '-';
		name = text;
	}
	return new_text(lua, &key, name, length);
}

/* `on_fault` became `on-fault`: is that in the table too? */
static void check_other_spelling(struct sl_lua *lua, const struct sl_tree *key, int table)
{
	lua_pushstring(lua->state, key->text);
	lua_rawget(lua->state, table);
	if (!lua_isnil(lua->state, -1))
		sl_fail_place(lua->errors, EEXIST, key->place,
			      "duplicate key `%s`: it is there with `-` and with `_`", key->text);
	lua_pop(lua->state, 1);
}

/* One item of a table: its key is on top of the stack, and stays there. */
static void build_item(struct sl_lua *lua, const struct value *value, int table, int places,
		       struct sl_tree_item *item)
{
	struct value inner = {.depth = value->depth + 1, .memo = value->memo};
	bool named = lua_type(lua->state, -1) == LUA_TSTRING;

	inner.where = sl_lua_where(lua, places, value->where.value);
	if (named)
		item->key = build_key(lua, &inner.where, inner.depth);
	if (named && strcmp(item->key->text, lua_tostring(lua->state, -1)) != 0)
		check_other_spelling(lua, item->key, table);
	lua_pushvalue(lua->state, -1);
	lua_rawget(lua->state, table);
	item->value = build(lua, &inner);
	lua_pop(lua->state, 1);
	/* A statement that sets a key to a table is known by its line; the table by more. */
	if (named && inner.where.key.column == 0 && item->value->place.line == inner.where.key.line)
		((struct sl_tree *)item->key)->place = item->value->place;
}

/* A list, or names: not both, and nothing else. keys: as sl_lua_push_keys() left it. */
static bool check_keys(struct sl_lua *lua, const struct value *value, int keys, unsigned int count)
{
	lua_State *state = lua->state;
	unsigned int names = 0, numbers = 0;
	lua_Number last = 0;

	for (unsigned int i = 1; i <= count; i++) {
		int type;

		lua_rawgeti(state, keys, (int)i);
		type = lua_type(state, -1);
		names += type == LUA_TSTRING;
		numbers += type == LUA_TNUMBER && lua_tonumber(state, -1) == i;
		if (type == LUA_TNUMBER)
			last = lua_tonumber(state, -1);
		lua_pop(state, 1);
	}
	if (names == count || numbers == count)
		return true;
	if (names > 0)
		sl_fail_place(lua->errors, EINVAL, value->where.value,
			      "the table is both a list and a map of names; it can be only one");
	else if (last > count)
		sl_fail_place(
			lua->errors, EINVAL, value->where.value,
			"the list has %u values, and one with number %.14g: a value before it "
			"is nil",
			count, last);
	else
		sl_fail_place(lua->errors, EINVAL, value->where.value,
			      "the table has keys that are neither names nor places in a list");
	return false;
}

/* The items of the table on top of the stack. */
static void build_items(struct sl_lua *lua, const struct value *value, struct sl_tree *tree)
{
	lua_State *state = lua->state;
	int table = lua_gettop(state), keys = table + 1, places = table + 2;
	unsigned int count = sl_lua_push_keys(lua, table, true);
	uint64_t weight = 1;

	if (!check_keys(lua, value, keys, count))
		count = 0;
	if (count > MAX_WEIGHT)
		luaL_error(state, "the table has more than %d values", MAX_WEIGHT);
	tree->items = sl_store_alloc(lua->store, count, sizeof(*tree->items));
	if (tree->items == NULL)
		too_large(lua);
	for (unsigned int i = 0; i < count; i++) {
		lua_rawgeti(state, keys, (int)i + 1);
		if (i == 0)
			tree->kind =
				lua_type(state, -1) == LUA_TSTRING ? SL_TREE_MAP : SL_TREE_LIST;
		build_item(lua, value, table, places, &tree->items[i]);
		weight += tree->items[i].value->weight;
		lua_pop(state, 1);
	}
	lua_pop(state, 2);
	if (weight > MAX_WEIGHT)
		luaL_error(state,
			   "the chain holds more than %d values when tables that it has "
			   "several times are counted each time",
			   MAX_WEIGHT);
	tree->count = count;
	tree->weight = (uint32_t)weight;
}

static const struct sl_tree *build_table(struct sl_lua *lua, const struct value *value)
{
	lua_State *state = lua->state;
	int table = lua_gettop(state);
	struct value own = *value;
	struct sl_tree *tree;

	sl_lua_place(lua, table, &own.where.value);
	lua_pushvalue(state, table);
	lua_rawget(state, value->memo);
	if (lua_isnumber(state, -1)) {
		tree = (struct sl_tree *)(uintptr_t)lua_tonumber(state, -1);
		lua_pop(state, 1);
		return tree;
	}
	if (!lua_isnil(state, -1) || value->depth == MAX_DEPTH) {
		if (lua_isnil(state, -1))
			sl_fail_place(lua->errors, E2BIG, own.where.value,
				      "tables are nested more than %u deep", MAX_DEPTH);
		else
			sl_fail_place(lua->errors, ELOOP, own.where.value,
				      "the table stands inside itself");
		lua_pop(state, 1);
		return build_nothing(lua, value);
	}
	lua_pop(state, 1);
	luaL_checkstack(state, 20, "tables are nested too deep");
	lua_pushvalue(state, table);
	lua_pushboolean(state, 0);
	lua_rawset(state, value->memo);
	tree = new_tree(lua, SL_TREE_LIST, own.where.value);
	tree->empty = true; /* or a map: an empty table is either */
	build_items(lua, &own, tree);
	tree->empty = tree->count == 0;
	lua_pushvalue(state, table);
	lua_pushnumber(state, (lua_Number)(uintptr_t)tree); /* exact: addresses have < 53 bits */
	lua_rawset(state, value->memo);
	return tree;
}

static const struct sl_tree *build(struct sl_lua *lua, const struct value *value)
{
	lua_State *state = lua->state;
	size_t length;
	const char *text;

	switch (lua_type(state, -1)) {
	case LUA_TTABLE:
		return build_table(lua, value);
	case LUA_TSTRING:
		text = lua_tolstring(state, -1, &length);
		return new_text(lua, &value->where, text, length);
	case LUA_TNUMBER:
		return build_number(lua, value);
	case LUA_TBOOLEAN:
		text = lua_toboolean(state, -1) ? "true" : "false";
		return new_text(lua, &value->where, text, strlen(text));
	default:
		sl_fail_place(lua->errors, EINVAL, value->where.value,
			      "expected a text, a number, true, false or a table; found a %s",
			      luaL_typename(state, -1));
		return build_nothing(lua, value);
	}
}

const struct sl_tree *sl_lua_tree(struct sl_lua *lua)
{
	struct value root = {.where.value = {lua->file, (unsigned int)lua->line, 0}};
	const struct sl_tree *tree;

	lua_newtable(lua->state);
	lua_insert(lua->state, -2);
	root.memo = lua_gettop(lua->state) - 1;
	tree = build(lua, &root);
	lua_pop(lua->state, 2);
	return tree;
}
