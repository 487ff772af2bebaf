/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the Lua front end share while one file is read. */
#ifndef CORE_CHAIN_LUA_STATE_H
#define CORE_CHAIN_LUA_STATE_H

#include <lauxlib.h>
#include <lua.h>

#include <core/chain/lua_source.h>
#include <core/chain/tree.h>

/* Lua's name of the file; its messages start with it. */
#define SL_LUA_CHUNK "chain"

struct sl_lua {
	lua_State *state;
	struct sl_store *store;
	struct sl_errors *errors;
	const char *file; /* in the store */
	struct sl_lua_source source;
	bool marked; /* the copy with marks runs, not the text itself */
	int line;    /* the last one that ran */
	int records; /* registry: of each table, where its keys were written (lua_places.c) */
	int making;  /* registry: tables under construction and the keys they have so far */
	int making_count;
	unsigned int prints;
	/* Limits. */
	lua_Alloc alloc; /* Lua's own */
	void *alloc_context;
	size_t memory;
	uint64_t steps;
	uint64_t started;   /* ns of CPU time of this thread */
	unsigned int depth; /* of C functions that call back */
	bool no_memory;
};

/* The reader of a state. */
struct sl_lua *sl_lua_of(lua_State *state);

/* lua_limits.c: memory, steps, time. */
bool sl_lua_limit(struct sl_lua *lua);
void sl_lua_unlimit(struct sl_lua *lua);
/* Raises an error when the script had more CPU time than it may. */
void sl_lua_check_time(struct sl_lua *lua);

/* lua_sandbox.c: the table of all that a script can see is pushed. */
void sl_lua_push_globals(struct sl_lua *lua);

/* lua_places.c */
void sl_lua_push_marks(struct sl_lua *lua); /* adds its functions to the table on top */
/* A table's keys in the order in which they were written are pushed as a list, then a table that
 * knows where; returns their number. tell: report keys that a constructor has twice. */
unsigned int sl_lua_push_keys(struct sl_lua *lua, int table, bool tell);
/* Where a table was written; false: unknown. */
bool sl_lua_place(struct sl_lua *lua, int table, struct sl_place *place);
struct sl_lua_where {
	struct sl_place key, value;
	bool quoted, plain; /* the value is one literal */
};
/* Where a key of it was, by what sl_lua_push_keys() pushed; the key is on top of the stack. */
struct sl_lua_where sl_lua_where(struct sl_lua *lua, int places, struct sl_place around);
/* A key was set by a statement in the line that runs. */
void sl_lua_note_key(struct sl_lua *lua, int table, int key);

/* lua_tree.c: the value at the top of the stack as a tree. */
const struct sl_tree *sl_lua_tree(struct sl_lua *lua);

#endif
