/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a script may use: memory, by an allocator that counts; steps of Lua's machine, by a hook;
 * and time, for what happens inside of one step.
 */
#include <time.h>

#if __has_include(<luajit.h>)
#include <luajit.h>
#endif

#include <core/chain/lua_state.h>

#define MAX_MEMORY ((size_t)64 * 1024 * 1024)
#define MAX_STEPS  UINT64_C(100000000)
#define MAX_TIME   UINT64_C(5000000000) /* ns */
#define STEPS      1000                 /* from hook to hook */

static uint64_t cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void *allocate(void *context, void *old, size_t old_size, size_t size)
{
	struct sl_lua *lua = context;
	void *memory;

	if (size > old_size && lua->memory + (size - old_size) > MAX_MEMORY) {
		lua->no_memory = true;
		return NULL;
	}
	memory = lua->alloc(lua->alloc_context, old, old_size, size);
	if (memory != NULL || size == 0)
		lua->memory += size - old_size;
	return memory;
}

struct sl_lua *sl_lua_of(lua_State *state)
{
	void *lua;

	lua_getallocf(state, &lua);
	return lua;
}

void sl_lua_check_time(struct sl_lua *lua)
{
	if (cpu_time() - lua->started > MAX_TIME)
		luaL_error(lua->state, "the script ran for more than %d s",
			   (int)(MAX_TIME / 1000000000));
}

static void hook(lua_State *state, lua_Debug *at)
{
	struct sl_lua *lua = sl_lua_of(state);

	if (at->event == LUA_HOOKLINE) {
		lua->line = at->currentline;
		return;
	}
	lua->steps += STEPS;
	if (lua->steps > MAX_STEPS)
		luaL_error(state, "the script took more than %d million steps; does it end?",
			   (int)(MAX_STEPS / 1000000));
	sl_lua_check_time(lua);
}

bool sl_lua_limit(struct sl_lua *lua)
{
#ifdef LUAJIT_VERSION
	/* Compiled code would not call the hook. */
	if (luaJIT_setmode(lua->state, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF) == 0)
		return false;
#endif
	/* LuaJIT's own allocator goes on: not each build can use memory from elsewhere. */
	lua->alloc = lua_getallocf(lua->state, &lua->alloc_context);
	lua_setallocf(lua->state, allocate, lua);
	lua->started = cpu_time();
	lua_sethook(lua->state, hook, LUA_MASKCOUNT | LUA_MASKLINE, STEPS);
	return true;
}

void sl_lua_unlimit(struct sl_lua *lua)
{
	if (lua->alloc != NULL)
		lua_setallocf(lua->state, lua->alloc, lua->alloc_context);
}
