/* SPDX-License-Identifier: BSD-3-Clause */
/* A Lua state with its limits: made, run, and what becomes of errors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "script.h"

/* Its bytes, each behind a comma. */
static const char prelude[] = {'\n'
#include "lua_prelude.h"
};

#define CHUNK "script"

/* ---- Errors ---- */

/* Called with the error while the stack still stands: in which line of the script was it? Errors of
 * the prelude's own functions are those of their caller. */
static int locate(lua_State *state)
{
	const char *message = lua_tostring(state, 1);
	lua_Debug at;

	if (message == NULL)
		message = "the script ended itself by `error` with something that is no text";
	if (strncmp(message, CHUNK ":", strlen(CHUNK ":")) == 0)
		return 1;
	if (strncmp(message, "prelude:", strlen("prelude:")) == 0) {
		const char *text = strstr(message, ": ");

		message = text != NULL ? text + 2 : message;
	}
	for (int level = 0; lua_getstack(state, level, &at) != 0; level++) {
		lua_getinfo(state, "Sl", &at);
		if (strcmp(at.short_src, CHUNK) == 0 && at.currentline > 0) {
			lua_pushfstring(state, CHUNK ":%d: %s", at.currentline, message);
			return 1;
		}
	}
	lua_pushstring(state, message);
	return 1;
}

/* What lua_pcall() left, taken off the stack. */
static void take_message(struct script_machine *machine, int status)
{
	const char *message = lua_tostring(machine->state, -1);

	if (sl_heap_failed(machine->heap) || status == LUA_ERRMEM)
		snprintf(machine->message, sizeof(machine->message),
			 "the script takes more than %u MiB of memory (see `memory`), or more than "
			 "a 16th of it at once",
			 (unsigned int)(machine->config->memory >> 20));
	else
		snprintf(machine->message, sizeof(machine->message), "%s",
			 message != NULL ? message : "an error without a message");
	lua_settop(machine->state, 0);
}

/* ---- Making ---- */

static void push_ways(lua_State *state, const struct script_config *config)
{
	lua_newtable(state);
	for (uint32_t i = 0; i < config->ways.count; i++) {
		const struct script_way *way = SL_ITEM(&config->ways, struct script_way, i);

		lua_pushinteger(state, (lua_Integer)way->path);
		lua_setfield(state, -2, way->name);
	}
}

static void open_library(lua_State *state, lua_CFunction open, const char *name, int results)
{
	lua_pushcfunction(state, open);
	lua_pushstring(state, name);
	lua_call(state, 1, results);
}

static void run_prelude(struct script_machine *machine)
{
	lua_State *state = machine->state;

	if (luaL_loadbuffer(state, prelude, sizeof(prelude), "=prelude") != 0)
		lua_error(state);
	open_library(state, luaopen_ffi, "ffi", 1);
	lua_pushlightuserdata(state, machine);
	lua_pushlightuserdata(state, (void *)(uintptr_t)&sl_script_calls);
	lua_pushlightuserdata(state, &machine->batch);
	lua_pushinteger(state, offsetof(struct script_batch, swapped));
	push_ways(state, machine->config);
	lua_createtable(state, 0, 2);
	lua_pushinteger(state, SL_DROP(SCRIPT_DROP));
	lua_setfield(state, -2, "drop");
	lua_pushboolean(state, machine->kind == SCRIPT_POLICY);
	lua_setfield(state, -2, "policy");
	lua_call(state, 7, 1);
}

/* The script as a function is pushed. */
static void load_script(struct script_machine *machine, const char *text, size_t size)
{
	/* "t": text only. Code that did not come through the compiler could do anything. */
	if (luaL_loadbufferx(machine->state, text, size, "=" CHUNK, "t") != 0)
		lua_error(machine->state);
}

struct opening {
	struct script_machine *machine;
	char *text; /* rewritten */
	size_t size;
};

static int open_state(lua_State *state)
{
	struct opening *opening = lua_touserdata(state, 1);
	struct script_machine *machine = opening->machine;

	open_library(state, luaopen_base, "", 0);
	open_library(state, luaopen_table, LUA_TABLIBNAME, 0);
	open_library(state, luaopen_string, LUA_STRLIBNAME, 0);
	open_library(state, luaopen_math, LUA_MATHLIBNAME, 0);
	open_library(state, luaopen_bit, LUA_BITLIBNAME, 0);
	open_library(state, luaopen_jit, LUA_JITLIBNAME, 0);
	/* Lua collects no garbage because memory is short, so it must not let much lie about. */
	lua_gc(state, LUA_GCSETPAUSE, 125);
	lua_gc(state, LUA_GCSETSTEPMUL, 1000);
	/* As it was written, so that messages are about that; then with steps counted. */
	load_script(machine, machine->config->script, strlen(machine->config->script));
	run_prelude(machine);
	load_script(machine, opening->text, opening->size);
	lua_call(state, 1, 2);
	machine->has_tick = !lua_isnil(state, -1);
	machine->tick = luaL_ref(state, LUA_REGISTRYINDEX);
	machine->run = luaL_ref(state, LUA_REGISTRYINDEX);
	lua_pushcfunction(state, locate);
	machine->handler = luaL_ref(state, LUA_REGISTRYINDEX);
	return 0;
}

static bool open_protected(struct opening *opening)
{
	struct script_machine *machine = opening->machine;
	int status;

	machine->state = lua_newstate(sl_heap_allocate, machine->heap);
	if (machine->state == NULL) {
		snprintf(machine->message, sizeof(machine->message),
			 "this LuaJIT cannot work in memory of its own (it is built without GC64)");
		return false;
	}
	sl_heap_charge(machine->heap, &machine->batch.steps);
	machine->batch.steps = (double)machine->config->steps + 100000; /* of the prelude */
	lua_pushcfunction(machine->state, locate);
	lua_pushcfunction(machine->state, open_state);
	lua_pushlightuserdata(machine->state, opening);
	status = lua_pcall(machine->state, 1, 0, 1);
	if (status != 0)
		take_message(machine, status);
	lua_settop(machine->state, 0);
	return status == 0;
}

/* "script:12: text" is about line 12 of the value. */
static void tell(const struct script_machine *machine, struct sl_errors *errors)
{
	const char *message = machine->message;
	char *end;
	unsigned long line;

	if (strncmp(message, CHUNK ":", strlen(CHUNK ":")) == 0) {
		line = strtoul(message + strlen(CHUNK ":"), &end, 10);
		if (*end == ':') {
			sl_fail_at(errors, &machine->config->script, "line %lu of the script:%s",
				   line, end + 1);
			return;
		}
	}
	sl_fail_at(errors, &machine->config->script, "%s", message);
}

static struct script_machine *allocate(struct sl_instance *instance, size_t memory)
{
	size_t head = RTE_ALIGN_CEIL(sizeof(struct script_machine), (size_t)64);
	struct script_machine *machine = instance != NULL ? sl_alloc_table(instance, head + memory)
							  : calloc(1, head + memory);

	if (machine != NULL)
		machine->region = (uint8_t *)machine + head;
	return machine;
}

struct script_machine *sl_machine_open(struct sl_instance *instance,
				       const struct script_config *config, enum script_kind kind,
				       struct sl_errors *errors)
{
	struct script_machine *machine = allocate(instance, config->memory);
	struct opening opening = {.machine = machine, .size = strlen(config->script)};
	uint32_t line;
	bool good;

	if (machine == NULL) {
		sl_fail(errors, ENOMEM, "no memory for a script; lower `memory`");
		return NULL;
	}
	machine->config = config;
	machine->kind = kind;
	machine->name_count = 1; /* 0 is no reason */
	machine->batch.read_only = kind == SCRIPT_POLICY;
	machine->heap = sl_heap_make(machine->region, config->memory);
	opening.text = sl_script_rewrite(config->script, &opening.size, machine->message,
					 sizeof(machine->message), &line);
	if (opening.text == NULL && line != 0)
		sl_fail_at(errors, &config->script, "line %u of the script: %s", line,
			   machine->message);
	else if (opening.text == NULL)
		sl_fail(errors, ENOMEM, "%s", machine->message);
	good = opening.text != NULL && open_protected(&opening);
	free(opening.text);
	if (good)
		return machine;
	if (opening.text != NULL)
		tell(machine, errors);
	sl_machine_close(instance, machine);
	return NULL;
}

void sl_machine_close(struct sl_instance *instance, struct script_machine *machine)
{
	if (machine == NULL)
		return;
	if (machine->state != NULL)
		lua_close(machine->state); /* code that was compiled is not in the region */
	if (instance != NULL)
		sl_free_table(instance, machine);
	else
		free(machine);
}

/* ---- Running ---- */

/* Events about errors: at most one a second. */
static void say_error(struct script_machine *machine, struct sl_node *node)
{
	char text[96] = {0};
	bool disabled = machine->config->errors != 0 && machine->errors >= machine->config->errors;

	if (!disabled && machine->errors > 1 && sl_now(node) - machine->said < sl_hz())
		return;
	machine->said = sl_now(node);
	memcpy(text, machine->message, sizeof(text) - 1);
	sl_event(node, SCRIPT_EVENT_ERROR, text, sizeof(text));
	if (disabled)
		sl_event(node, SCRIPT_EVENT_DISABLED, text, sizeof(text));
}

static bool call(struct script_machine *machine, struct sl_node *node, int function)
{
	lua_State *state = machine->state;
	double steps = (double)machine->config->steps;
	int status;

	machine->batch.steps = steps;
	machine->batch.side = node->from;
	machine->node = node;
	lua_rawgeti(state, LUA_REGISTRYINDEX, machine->handler);
	lua_rawgeti(state, LUA_REGISTRYINDEX, function);
	status = lua_pcall(state, 0, 0, 1);
	machine->most_steps = RTE_MAX(machine->most_steps, steps - machine->batch.steps);
	if (status == 0) {
		lua_settop(state, 0);
		/* Its steps go by the number of objects: a few large ones are ahead of them. */
		if (sl_heap_used(machine->heap) > sl_heap_size(machine->heap) / 2)
			lua_gc(state, LUA_GCCOLLECT, 0);
		return true;
	}
	take_message(machine, status);
	if (status == LUA_ERRMEM)
		lua_gc(state, LUA_GCCOLLECT, 0);
	machine->errors++;
	sl_count(node, SCRIPT_COUNT_ERRORS, 1);
	say_error(machine, node);
	machine->failed =
		machine->config->errors != 0 && machine->errors >= machine->config->errors;
	return false;
}

bool sl_machine_run(struct script_machine *machine, struct sl_node *node)
{
	return call(machine, node, machine->run);
}

void sl_machine_tick(struct script_machine *machine, struct sl_node *node)
{
	machine->batch.count = 0;
	if (machine->has_tick && !machine->failed)
		call(machine, node, machine->tick);
}

/* ---- Machines of an instance ---- */

int sl_script_create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	struct script_instance *script = sl_instance_data(instance);

	(void)errors;
	script->config = config;
	return 0;
}

int sl_script_worker_init(struct sl_node *node, enum script_kind kind, struct sl_errors *errors)
{
	const struct script_instance *script = node->data;
	struct script_machine *machine =
		sl_machine_open(node->instance, script->config, kind, errors);

	if (machine == NULL)
		return -EINVAL;
	machine->epoch = script->epoch;
	atomic_store_explicit(&((struct script_worker *)node->state)->machine, machine,
			      memory_order_release);
	return 0;
}

int sl_script_configure(struct sl_instance *instance, const struct script_config *config,
			enum script_kind kind, struct sl_errors *errors)
{
	struct script_instance *script = sl_instance_data(instance);
	uint32_t workers = sl_instance_workers(instance);
	struct script_machine **machines = calloc(workers, sizeof(struct script_machine *));
	int result = machines == NULL ? -ENOMEM : 0;

	for (uint32_t w = 0; result == 0 && w < workers; w++) {
		if (sl_instance_state(instance, w) == NULL)
			continue;
		machines[w] = sl_machine_open(instance, config, kind, errors);
		result = machines[w] == NULL ? -EINVAL : 0;
	}
	if (result == 0) {
		script->config = config;
		script->epoch++;
		for (uint32_t w = 0; w < workers; w++) {
			struct script_worker *worker = sl_instance_state(instance, w);

			if (worker == NULL || machines[w] == NULL)
				continue;
			machines[w]->epoch = script->epoch;
			machines[w] = atomic_exchange_explicit(&worker->machine, machines[w],
							       memory_order_acq_rel);
		}
		sl_unfuse(instance); /* fused flows count in the old ones' reasons */
		sl_synchronize();
	}
	for (uint32_t w = 0; machines != NULL && w < workers; w++)
		sl_machine_close(instance, machines[w]);
	free(machines);
	return result;
}

void sl_script_destroy(struct sl_instance *instance)
{
	for (uint32_t w = 0; w < sl_instance_workers(instance); w++) {
		struct script_worker *worker = sl_instance_state(instance, w);

		if (worker != NULL)
			sl_machine_close(instance, atomic_load(&worker->machine));
	}
}
