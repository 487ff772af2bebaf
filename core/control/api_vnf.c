/* SPDX-License-Identifier: BSD-3-Clause */
/* One VNF, and the commands that its type declares. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/api_table.h>
#include <core/control/command.h>
#include <core/control/report.h>
#include <core/error/errors.h>

/* Records of one answer, unless `limit` says otherwise. */
#define MOST_RECORDS 10000
/* Names that an unknown one is compared with. */
#define MOST_NAMES 256

static struct sl_instance *find_vnf(const struct sl_engine *engine, const char *name)
{
	const struct sl_generation *g = engine->generation;

	for (unsigned int i = 0; i < g->chain->vnf_count; i++)
		if (strcmp(g->vnfs[i]->name, name) == 0)
			return g->vnfs[i];
	return NULL;
}

/* A visit of a worker to run collect(). */
struct visit {
	struct sl_worker_job job;
	uint16_t hop;
	const struct sl_command *command;
	const void *args;
	uint64_t *cursor;
	void *records;
	uint32_t room, got;
	int error;
};

static void visit_run(struct sl_worker *worker, struct sl_worker_job *job)
{
	struct visit *v = (struct visit *)(void *)((char *)job - offsetof(struct visit, job));

	v->error = sl_graph_collect(sl_worker_graph_now(worker), v->hop, v->command, v->args,
				    v->cursor, v->records, v->room, &v->got);
}

/* The worker-th of the workers that run the instance, and one of its hops there. */
static struct sl_worker *worker_of(const struct sl_engine *engine,
				   const struct sl_instance *instance, uint32_t worker,
				   uint16_t *hop)
{
	const struct sl_generation *g = engine->generation;

	for (unsigned int h = 0; h < g->plan->hop_count; h++) {
		if (g->hops[h].instance != instance)
			continue;
		*hop = (uint16_t)h;
		for (unsigned int w = 0; w < engine->worker_count; w++)
			if ((g->hops[h].workers >> w & 1) && worker-- == 0)
				return engine->workers[w];
		return NULL;
	}
	return NULL;
}

static int collect(void *context, struct sl_instance *instance, uint32_t worker,
		   const struct sl_command *command, const void *args, uint64_t *cursor,
		   void *records, uint32_t room)
{
	struct visit v = {
		.job.run = visit_run,
		.command = command,
		.args = args,
		.cursor = cursor,
		.records = records,
		.room = room,
	};
	struct sl_worker *on = worker_of(context, instance, worker, &v.hop);
	int error;

	if (on == NULL) {
		/* A VNF that stands in no path has no hop and no state. */
		*cursor = UINT64_MAX;
		return 0;
	}
	error = sl_worker_run(on, &v.job);
	if (error == 0)
		error = v.error;
	if (error != 0)
		return error;
	return v.got <= room ? (int)v.got : -EPROTO;
}

/* `limit` is the API's own argument unless the command has one of that name. */
static bool own_limit(const struct sl_command *command)
{
	for (const struct sl_param *p = command->args; p != NULL && p->name != NULL; p++)
		if (strcmp(p->name, "limit") == 0)
			return false;
	return true;
}

static bool read_limit(const struct sl_arg *args, unsigned int count, uint64_t *limit)
{
	*limit = MOST_RECORDS;
	for (unsigned int i = 0; i < count; i++) {
		char *end;

		if (strcmp(args[i].name, "limit") != 0)
			continue;
		errno = 0;
		*limit = strtoull(args[i].value, &end, 10);
		if (errno != 0 || args[i].value[0] < '0' || args[i].value[0] > '9' || *end != '\0')
			return false;
	}
	return true;
}

static json_t *run_command(struct sl_api_call *call, struct sl_instance *instance,
			   const struct sl_command *command)
{
	static const char *const limit_only[] = {"limit", NULL};
	struct sl_errors *errors = sl_errors_new();
	struct sl_arguments *read;
	json_t *answer = NULL;
	uint64_t limit = MOST_RECORDS;
	char what[256];

	if (errors == NULL)
		return NULL;
	snprintf(what, sizeof(what), "command `%s`", command->name);
	if (own_limit(command) && !read_limit(call->given, call->given_count, &limit)) {
		sl_errors_free(errors);
		return sl_api_fail(call, SL_API_BAD_REQUEST, "limit", NULL,
				   "`limit` must be a number; 0: no limit");
	}
	read = sl_arguments_read(command->args, command->args_size, call->given, call->given_count,
				 own_limit(command) ? limit_only : NULL, what, errors);
	if (read != NULL)
		answer = sl_command_run(instance, command, sl_arguments_struct(read), limit,
					collect, call->engine, errors);
	sl_arguments_free(read);
	if (answer == NULL)
		answer = sl_api_fail_errors(call, -EINVAL, errors);
	sl_errors_free(errors);
	return answer;
}

/* `names` end with NULL. */
static json_t *no_such(struct sl_api_call *call, const char *of, const char *what, const char *name,
		       const char *const *names, const char *else_hint)
{
	const char *near = sl_near_miss(name, names);
	char hint[128];

	if (near != NULL)
		snprintf(hint, sizeof(hint), "did you mean `%s`?", near);
	else
		snprintf(hint, sizeof(hint), "%s", else_hint);
	return sl_api_fail(call, SL_API_NOT_FOUND, NULL, hint, "%sno %s `%s`", of, what, name);
}

static json_t *no_command(struct sl_api_call *call, const struct sl_node_type *type)
{
	const char *names[MOST_NAMES] = {NULL};
	char of[64], have[256] = "there is none";
	unsigned int n = 0;
	size_t used = 0;

	for (const struct sl_command *c = type->commands;
	     c != NULL && c->name != NULL && n < MOST_NAMES - 1 && used < sizeof(have); c++) {
		names[n++] = c->name;
		used += (size_t)snprintf(have + used, sizeof(have) - used, "%s%s",
					 used == 0 ? "there are: " : ", ", c->name);
	}
	snprintf(of, sizeof(of), "%.50s has ", type->name);
	return no_such(call, of, "command", call->names[1], names, have);
}

static json_t *no_vnf(struct sl_api_call *call)
{
	const struct sl_generation *g = call->engine->generation;
	const char *names[MOST_NAMES] = {NULL};

	for (unsigned int i = 0; i < g->chain->vnf_count && i < MOST_NAMES - 1; i++)
		names[i] = g->vnfs[i]->name;
	return no_such(call, "", "VNF", call->names[0], names, "`sluice show vnfs` lists them");
}

static json_t *command(struct sl_api_call *call)
{
	struct sl_instance *instance = find_vnf(call->engine, call->names[0]);
	const struct sl_command *command;

	if (instance == NULL)
		return no_vnf(call);
	command = sl_command_find(instance->type, call->names[1]);
	if (command == NULL)
		return no_command(call, instance->type);
	if (command->changes && strcmp(call->request->method, "POST") != 0)
		return sl_api_fail(call, SL_API_NOT_ALLOWED, NULL, NULL,
				   "`%s` changes something: use `sluice do vnf %s %s` (POST)",
				   command->name, instance->name, command->name);
	return run_command(call, instance, command);
}

static json_t *show(struct sl_api_call *call)
{
	json_t *answer = NULL, *all, *vnf;
	size_t i;

	if (find_vnf(call->engine, call->names[0]) == NULL)
		return no_vnf(call);
	all = sl_report_vnfs(call->engine);
	json_array_foreach (all, i, vnf)
		if (strcmp(json_string_value(json_object_get(vnf, "name")), call->names[0]) == 0)
			answer = json_incref(vnf);
	json_decref(all);
	return answer;
}

const struct sl_api_operation sl_api_vnf[] = {
	{
		.method = "GET",
		.path = "/v1/vnfs/{name}",
		.name = "show-vnf",
		.summary = "One VNF",
		.role = SL_ROLE_READ,
		.answer = sl_api_vnf_answer,
		.run = show,
	},
	{
		.method = "GET",
		.path = "/v1/vnfs/{name}/{command}",
		.name = "ask-vnf",
		.summary = "Run a command of a VNF that only looks",
		.doc = "Its arguments are those that the plugin declares, and `limit`: most "
		       "records of the answer (10000), 0: all.",
		.role = SL_ROLE_READ,
		.any_args = true,
		.run = command,
	},
	{
		.method = "POST",
		.path = "/v1/vnfs/{name}/{command}",
		.name = "do-vnf",
		.summary = "Run any command of a VNF",
		.doc = "Arguments as for GET, in the query or as members of a JSON object.",
		.role = SL_ROLE_ADMIN,
		.any_args = true,
		.run = command,
	},
	{.method = NULL},
};
