/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the tables of a Lua text are written. Lua itself forgets it, so the text is scanned, and
 * a copy is made in which each table constructor says which one it is:
 *
 *	{a = 1, [k] = 2}    becomes    (__sluice_made(__sluice_making(7), {a = 1, [__sluice_key(k)]
 *= 2}))
 *
 * Lines stay lines, so what Lua says of lines holds.
 */
#ifndef CORE_CHAIN_LUA_SOURCE_H
#define CORE_CHAIN_LUA_SOURCE_H

#include <stdint.h>

#include <core/chain/store.h>

/* One field of a table constructor. */
struct sl_lua_field {
	enum sl_lua_field_kind {
		SL_LUA_NAMED,   /* name = value, ["name"] = value */
		SL_LUA_KEYED,   /* [expression] = value */
		SL_LUA_COUNTED, /* value */
	} kind;
	const char *name;      /* SL_LUA_NAMED */
	uint32_t line, column; /* of the key, or of the value that has none */
	uint32_t value_line, value_column;
	bool quoted, plain; /* the value is one literal in quotes, or one without */
	uint32_t next;      /* of the same table: number + 1; 0: it is the last */
};

struct sl_lua_table {
	uint32_t line, column;
	uint32_t first, last; /* fields: number + 1; 0: none */
	uint32_t keyed;       /* how many fields are SL_LUA_KEYED */
};

struct sl_lua_source {
	char *text; /* the copy; NULL when it could not be made, which does no harm */
	size_t size;
	struct sl_lua_table *tables;
	uint32_t table_count;
	struct sl_lua_field *fields;
	uint32_t field_count;
	struct sl_store *store; /* of the names */
};

/* The names of the three functions. */
#define SL_LUA_MAKING "__sluice_making"
#define SL_LUA_MADE   "__sluice_made"
#define SL_LUA_KEY    "__sluice_key"

/* Scan a text. 0, or a negative errno with a message: it holds what no chain file may. file: in
 * the store. */
int sl_lua_scan(struct sl_lua_source *source, struct sl_store *store, const char *file,
		const char *bytes, size_t size, struct sl_errors *errors);
void sl_lua_source_free(struct sl_lua_source *source);

#endif
