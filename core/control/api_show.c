/* SPDX-License-Identifier: BSD-3-Clause */
/* Views of the whole engine. */
#include <time.h>

#include <core/control/api_table.h>
#include <core/control/openapi.h>
#include <core/control/report.h>
#include <core/host/apply.h>
#include <core/plugin/json.h>

/* A list gets a name, so that every answer is an object. */
static json_t *counted(struct sl_api_call *call, const char *list,
		       json_t *(*report)(const struct sl_engine *engine,
					 const struct sl_snapshot *s))
{
	struct sl_snapshot *s = sl_snapshot_take(call->engine);
	json_t *answer;

	if (s == NULL)
		return sl_api_fail(call, SL_API_UNAVAILABLE, NULL, NULL, "out of memory");
	answer = report(call->engine, s);
	sl_snapshot_free(s);
	return list != NULL ? json_pack("{so}", list, answer) : answer;
}

static json_t *status(struct sl_api_call *call)
{
	return counted(call, NULL, sl_report_status);
}

static json_t *ports(struct sl_api_call *call)
{
	return counted(call, "ports", sl_report_ports);
}

static json_t *paths(struct sl_api_call *call)
{
	return counted(call, "paths", sl_report_paths);
}

static json_t *nodes(struct sl_api_call *call)
{
	return counted(call, "nodes", sl_report_nodes);
}

static json_t *vnfs(struct sl_api_call *call)
{
	return json_pack("{so}", "vnfs", sl_report_vnfs(call->engine));
}

static json_t *workers(struct sl_api_call *call)
{
	return json_pack("{so}", "workers", sl_report_workers(call->engine));
}

static json_t *memory(struct sl_api_call *call)
{
	return json_pack("{so}", "memory", sl_report_memory(call->engine));
}

static json_t *plugins(struct sl_api_call *call)
{
	return json_pack("{so}", "plugins", sl_report_plugins(call->engine->registry));
}

static json_t *stats(struct sl_api_call *call)
{
	return sl_report_stats(call->engine);
}

static json_t *history(struct sl_api_call *call)
{
	const struct sl_history_entry *entry;
	json_t *list = json_array();

	for (unsigned int i = 0; (entry = sl_history_get(call->engine, i)) != NULL; i++) {
		json_t *object = json_object();
		struct sl_json *out = sl_json_from(object);
		char when[32] = "";
		struct tm tm;

		if (gmtime_r(&entry->when, &tm) != NULL)
			strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
		json_object_set_new(object, "generation", json_integer((json_int_t)entry->number));
		sl_json_text(out, "time", when);
		json_object_set_new(object, "user", json_integer((json_int_t)entry->who));
		sl_json_text(out, "file", entry->file);
		sl_json_text(out, "summary", entry->summary);
		json_object_set_new(
			object, "running",
			json_boolean(entry->number == call->engine->generation->number));
		json_array_append_new(list, object);
	}
	return json_pack("{so}", "history", list);
}

static json_t *openapi(struct sl_api_call *call)
{
	return sl_openapi();
}

static const struct sl_api_member openapi_members[] = {
	{"openapi", SL_API_TEXT, "The version of OpenAPI", NULL, false},
	{"paths", SL_API_OBJECT, "What there is", NULL, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_operation sl_api_show[] = {
	{
		.method = "GET",
		.path = "/v1/openapi.json",
		.name = "show-openapi",
		.summary = "This API, described in OpenAPI",
		.role = SL_ROLE_READ,
		.answer = openapi_members,
		.run = openapi,
	},
	{
		.method = "GET",
		.path = "/v1/status",
		.name = "show-status",
		.summary = "Version, chain, time, the ledger",
		.role = SL_ROLE_READ,
		.answer = sl_api_status_answer,
		.run = status,
	},
	{
		.method = "GET",
		.path = "/v1/ports",
		.name = "show-ports",
		.summary = "Packets, bytes and drops of each port, its device",
		.role = SL_ROLE_READ,
		.answer = sl_api_ports_answer,
		.run = ports,
	},
	{
		.method = "GET",
		.path = "/v1/paths",
		.name = "show-paths",
		.summary = "Each path and its hops: packets, drops by reason, cycles",
		.role = SL_ROLE_READ,
		.answer = sl_api_paths_answer,
		.run = paths,
	},
	{
		.method = "GET",
		.path = "/v1/nodes",
		.name = "show-nodes",
		.summary = "All hops, the engine's own too",
		.role = SL_ROLE_READ,
		.answer = sl_api_nodes_answer,
		.run = nodes,
	},
	{
		.method = "GET",
		.path = "/v1/vnfs",
		.name = "show-vnfs",
		.summary = "Instances, their counters, commands and memory",
		.role = SL_ROLE_READ,
		.answer = sl_api_vnfs_answer,
		.run = vnfs,
	},
	{
		.method = "GET",
		.path = "/v1/workers",
		.name = "show-workers",
		.summary = "Load, sleeps and queues of each worker, the longest gap it took",
		.role = SL_ROLE_READ,
		.answer = sl_api_workers_answer,
		.run = workers,
	},
	{
		.method = "GET",
		.path = "/v1/memory",
		.name = "show-memory",
		.summary = "Who uses how much memory",
		.role = SL_ROLE_READ,
		.answer = sl_api_memory_answer,
		.run = memory,
	},
	{
		.method = "GET",
		.path = "/v1/plugins",
		.name = "show-plugins",
		.summary = "Plugins that are loaded, and from where",
		.role = SL_ROLE_READ,
		.answer = sl_api_plugins_answer,
		.run = plugins,
	},
	{
		.method = "GET",
		.path = "/v1/stats",
		.name = "show-stats",
		.summary = "All that counts packets",
		.role = SL_ROLE_READ,
		.answer = sl_api_stats_answer,
		.run = stats,
	},
	{
		.method = "GET",
		.path = "/v1/history",
		.name = "show-history",
		.summary = "The last generations: when each began, by whom, what it changed",
		.role = SL_ROLE_READ,
		.answer = sl_api_history_answer,
		.run = history,
	},
	{.method = NULL},
};
