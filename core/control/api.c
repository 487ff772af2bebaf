/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/api.h>
#include <core/control/api_apply.h>
#include <core/control/command.h>
#include <core/control/report.h>
#include <core/flow/fusion.h>
#include <core/plugin/json.h>

#define PREFIX    "/v1/"
#define MOST_NAME 256
/* Records of one answer, unless `limit` says otherwise. */
#define MOST_RECORDS 10000

enum {
	OK = 200,
	BAD_REQUEST = 400,
	FORBIDDEN = 403,
	NOT_FOUND = 404,
	NOT_ALLOWED = 405,
	UNAVAILABLE = 503,
};

/* Views of the whole engine. */
struct view {
	const char *name;
	json_t *(*counted)(const struct sl_engine *engine, const struct sl_snapshot *s);
	json_t *(*plain)(const struct sl_engine *engine);
};

static json_t *plugins(const struct sl_engine *engine)
{
	return sl_report_plugins(engine->registry);
}

static const struct view views[] = {
	{"status", sl_report_status, NULL}, {"ports", sl_report_ports, NULL},
	{"paths", sl_report_paths, NULL},   {"nodes", sl_report_nodes, NULL},
	{"vnfs", NULL, sl_report_vnfs},     {"workers", NULL, sl_report_workers},
	{"memory", NULL, sl_report_memory}, {"plugins", NULL, plugins},
	{"stats", NULL, sl_report_stats},   {"fusion", NULL, sl_report_fusion},
	{"history", NULL, sl_api_history},
};

static json_t *failure(unsigned int *status, unsigned int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static json_t *failure(unsigned int *status, unsigned int code, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	*status = code;
	/* The request may hold any bytes. */
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
	return json_pack("{ss}", "error", text);
}

/* All messages of a failed command; the first stands for the rest. */
static json_t *failures(unsigned int *status, unsigned int code, struct sl_errors *errors)
{
	json_t *list = json_array(), *object = json_object();

	*status = code;
	for (unsigned int i = 0; i < sl_errors_count(errors); i++)
		sl_json_text(sl_json_from(list), NULL, sl_errors_get(errors, i)->text);
	json_object_set_new(object, "error",
			    json_array_size(list) != 0 ? json_incref(json_array_get(list, 0))
						       : json_string("the command failed"));
	json_object_set_new(object, "errors", list);
	return object;
}

static json_t *show_view(const struct sl_engine *engine, const struct view *view,
			 unsigned int *status)
{
	struct sl_snapshot *s = sl_snapshot_take(engine);
	json_t *answer;

	if (s == NULL)
		return failure(status, UNAVAILABLE, "out of memory");
	answer = view->counted != NULL ? view->counted(engine, s) : view->plain(engine);
	sl_snapshot_free(s);
	/* A list gets the name of the view, so that every answer is an object. */
	return json_is_array(answer) ? json_pack("{so}", view->name, answer) : answer;
}

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
};

static void visit_run(struct sl_worker *worker, struct sl_worker_job *job)
{
	struct visit *v = (struct visit *)(void *)((char *)job - offsetof(struct visit, job));
	struct sl_node *node = sl_graph_node(sl_worker_graph_now(worker), v->hop);

	v->got = v->command->collect(node, v->args, v->cursor, v->records, v->room);
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

static json_t *run_command(struct sl_engine *engine, struct sl_instance *instance,
			   const struct sl_command *command, const struct sl_arg *args,
			   unsigned int count, unsigned int *status)
{
	static const char *const limit_only[] = {"limit", NULL};
	struct sl_errors *errors = sl_errors_new();
	struct sl_arguments *read;
	json_t *answer = NULL;
	char what[MOST_NAME];
	uint64_t limit = MOST_RECORDS;

	if (errors == NULL)
		return NULL;
	snprintf(what, sizeof(what), "command `%s`", command->name);
	if (own_limit(command) && !read_limit(args, count, &limit)) {
		sl_errors_free(errors);
		return failure(status, BAD_REQUEST, "`limit` must be a number; 0: no limit");
	}
	read = sl_arguments_read(command->args, command->args_size, args, count,
				 own_limit(command) ? limit_only : NULL, what, errors);
	if (read != NULL)
		answer = sl_command_run(instance, command, sl_arguments_struct(read), limit,
					collect, engine, errors);
	sl_arguments_free(read);
	if (answer == NULL)
		answer = failures(status, BAD_REQUEST, errors);
	sl_errors_free(errors);
	return answer;
}

static json_t *no_command(const struct sl_node_type *type, const char *name, unsigned int *status)
{
	char have[256] = "";
	size_t used = 0;

	for (const struct sl_command *c = type->commands;
	     c != NULL && c->name != NULL && used < sizeof(have); c++)
		used += (size_t)snprintf(have + used, sizeof(have) - used, "%s%s",
					 used == 0 ? "" : ", ", c->name);
	return failure(status, NOT_FOUND, "%s has no command `%s`; it has: %s", type->name, name,
		       used != 0 ? have : "none");
}

static json_t *ask_command(struct sl_engine *engine, const struct sl_api_request *request,
			   struct sl_instance *instance, const char *name,
			   const struct sl_arg *args, unsigned int count, unsigned int *status)
{
	const struct sl_command *command = sl_command_find(instance->type, name);

	if (command == NULL)
		return no_command(instance->type, name, status);
	if (command->changes && strcmp(request->method, "POST") != 0)
		return failure(status, NOT_ALLOWED,
			       "`%s` changes something: use `sluice do vnf %s %s` (POST)", name,
			       instance->name, name);
	if (command->changes && !request->may_change)
		return failure(status, FORBIDDEN,
			       "`%s` changes something: only root and the user that sluice runs "
			       "as may do that",
			       name);
	return run_command(engine, instance, command, args, count, status);
}

/* Arguments of the query and of the body, if there is one. */
struct gathered {
	struct sl_arg args[SL_MAX_ARGS];
	unsigned int count;
	json_t *body;
	char *texts[SL_MAX_ARGS];
	unsigned int text_count;
};

static bool add_arg(struct gathered *g, const char *name, const char *value)
{
	if (g->count == SL_MAX_ARGS)
		return false;
	g->args[g->count++] = (struct sl_arg){name, value};
	return true;
}

static bool add_json(struct gathered *g, const char *name, const json_t *value)
{
	char *text;

	if (json_is_string(value))
		return add_arg(g, name, json_string_value(value));
	if (json_is_object(value) || json_is_array(value) || json_is_null(value))
		return false;
	text = json_dumps(value, JSON_ENCODE_ANY);
	if (text == NULL || g->text_count == SL_MAX_ARGS) {
		free(text);
		return false;
	}
	g->texts[g->text_count++] = text;
	return add_arg(g, name, text);
}

static bool gather(struct gathered *g, const struct sl_api_request *request)
{
	const char *name;
	json_t *value, *item;
	size_t i;

	for (unsigned int a = 0; a < request->arg_count; a++)
		if (!add_arg(g, request->args[a].name, request->args[a].value))
			return false;
	if (request->body == NULL || request->body_size == 0)
		return true;
	/* jansson's own limit on nesting holds; a NUL ends no text of ours early. */
	g->body = json_loadb(request->body, request->body_size, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(g->body))
		return false;
	json_object_foreach (g->body, name, value) {
		if (!json_is_array(value)) {
			if (!add_json(g, name, value))
				return false;
			continue;
		}
		json_array_foreach (value, i, item)
			if (!add_json(g, name, item))
				return false;
	}
	return true;
}

static void gathered_free(struct gathered *g)
{
	for (unsigned int i = 0; i < g->text_count; i++)
		free(g->texts[i]);
	json_decref(g->body);
}

/* /v1/vnfs/NAME or /v1/vnfs/NAME/COMMAND */
static json_t *answer_vnf(struct sl_engine *engine, const struct sl_api_request *request,
			  const char *rest, unsigned int *status)
{
	const char *slash = strchr(rest, '/');
	size_t length = slash != NULL ? (size_t)(slash - rest) : strlen(rest);
	struct gathered gathered = {0};
	struct sl_instance *instance;
	char name[MOST_NAME];
	json_t *answer, *all, *vnf;
	size_t i;

	if (length >= sizeof(name))
		return failure(status, NOT_FOUND, "no such VNF");
	memcpy(name, rest, length);
	name[length] = '\0';
	instance = find_vnf(engine, name);
	if (instance == NULL)
		return failure(status, NOT_FOUND, "no VNF `%s`; `sluice show vnfs` lists them",
			       name);
	if (slash != NULL) {
		if (gather(&gathered, request))
			answer = ask_command(engine, request, instance, slash + 1, gathered.args,
					     gathered.count, status);
		else
			answer = failure(status, BAD_REQUEST,
					 "arguments must be a JSON object of texts, numbers, "
					 "booleans or lists of them, at most %d",
					 SL_MAX_ARGS);
		gathered_free(&gathered);
		return answer;
	}
	if (strcmp(request->method, "GET") != 0)
		return failure(status, NOT_ALLOWED, "only GET");
	answer = NULL;
	all = sl_report_vnfs(engine);
	json_array_foreach (all, i, vnf)
		if (strcmp(json_string_value(json_object_get(vnf, "name")), name) == 0)
			answer = json_incref(vnf);
	json_decref(all);
	return answer;
}

/* POST {"mode": "on"}, {"sample": 100} or both. */
static json_t *change_fusion(struct sl_engine *engine, const struct sl_api_request *request,
			     unsigned int *status)
{
	json_t *body = json_loadb(request->body != NULL ? request->body : "", request->body_size,
				  JSON_REJECT_DUPLICATES, NULL);
	const json_t *mode = json_object_get(body, "mode");
	const json_t *sample = json_object_get(body, "sample");
	int number = json_is_string(mode) ? sl_fusion_mode_of(json_string_value(mode)) : -1;
	json_t *answer = NULL;

	if (!request->may_change)
		answer = failure(status, FORBIDDEN,
				 "only root and the user that sluice runs as may change fusion");
	else if (!json_is_object(body) || (mode != NULL && number < 0) ||
		 (sample != NULL && (!json_is_integer(sample) || json_integer_value(sample) < 0 ||
				     json_integer_value(sample) > 1 << 30)) ||
		 (mode == NULL && sample == NULL))
		answer = failure(status, BAD_REQUEST,
				 "expected `mode`: on, off or verify; `sample`: 0 to 2^30");
	if (answer == NULL) {
		if (mode != NULL)
			sl_engine_fuse(engine, (unsigned int)number);
		if (sample != NULL)
			atomic_store(&engine->fusion_control->sample,
				     (uint32_t)json_integer_value(sample));
		answer = sl_report_fusion(engine);
	}
	json_decref(body);
	return answer;
}

json_t *sl_api_answer(struct sl_engine *engine, const struct sl_api_request *request,
		      unsigned int *status)
{
	const char *path = request->path;
	bool get = strcmp(request->method, "GET") == 0;

	*status = OK;
	if (!get && strcmp(request->method, "POST") != 0)
		return failure(status, NOT_ALLOWED, "only GET and POST");
	if (strncmp(path, PREFIX, strlen(PREFIX)) != 0)
		return failure(status, NOT_FOUND, "no such resource; they start with " PREFIX);
	path += strlen(PREFIX);
	if (engine->generation == NULL)
		return failure(status, UNAVAILABLE, "nothing runs");
	if (strcmp(path, "apply") == 0)
		return sl_api_apply(engine, request, status);
	if (strcmp(path, "rollback") == 0)
		return sl_api_rollback(engine, request, status);
	if (strncmp(path, "plugins/", 8) == 0)
		return sl_api_plugin(engine, request, path + 8, status);
	if (strncmp(path, "vnfs/", 5) == 0)
		return answer_vnf(engine, request, path + 5, status);
	if (!get && strcmp(path, "fusion") == 0)
		return change_fusion(engine, request, status);
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (strcmp(views[i].name, path) == 0)
			return get ? show_view(engine, &views[i], status)
				   : failure(status, NOT_ALLOWED, "only GET");
	return failure(status, NOT_FOUND, "no such resource: %s", path);
}
