/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/client.h>
#include <core/control/table.h>
#include <core/control/verb.h>

#define COUNT(array) (unsigned int)(sizeof(array) / sizeof((array)[0]))

static const struct sl_column port_columns[] = {
	{"port", "name"},         {"kind", "kind"},           {"rx", "rx.packets"},
	{"rx-bytes", "rx.bytes"}, {"rx-drops", "rx.dropped"}, {"tx", "tx.packets"},
	{"tx-bytes", "tx.bytes"}, {"tx-drops", "tx.dropped"}, {"mtu", "device.mtu"},
	{"mac", "device.mac"},
};
static const struct sl_column hop_columns[] = {
	{"hop", "name"},        {"packets", "packets"},
	{"bytes", "bytes"},     {"cycles", "cycles_per_packet"},
	{"made", "made"},       {"held", "held"},
	{"dropped", "dropped"}, {"drops", "drops"},
};
static const struct sl_column vnf_columns[] = {
	{"vnf", "name"},          {"plugin", "plugin"}, {"type", "type"},
	{"workers", "workers"},   {"memory", "memory"}, {"limit", "memory_limit"},
	{"counters", "counters"},
};
static const struct sl_column plugin_columns[] = {
	{"plugin", "name"},         {"version", "version"}, {"types", "types"},
	{"instances", "instances"}, {"license", "license"}, {"path", "path"},
};
static const struct sl_column worker_columns[] = {
	{"worker", "worker"},
	{"core", "core"},
	{"busy-%", "busy_percent"},
	{"rx", "rx"},
	{"loops", "loops"},
	{"sleeps", "sleeps"},
	{"inbox-in", "inbox_in"},
	{"inbox-full", "inbox_full"},
	{"longest-gap", "longest_gap_us"},
	{"switch-gap", "switch_gap_us"},
	{"stuck", "stuck"},
};
static const struct sl_column memory_columns[] = {
	{"owner", "owner"}, {"bytes", "bytes"},     {"hugepages", "hugepage_bytes"},
	{"limit", "limit"}, {"packets", "packets"}, {"free", "packets_free"},
};

/* Views that are one table. */
static const struct {
	const char *name;
	const struct sl_column *columns;
	unsigned int count;
} tables[] = {
	{"ports", port_columns, COUNT(port_columns)},
	{"nodes", hop_columns, COUNT(hop_columns)},
	{"vnfs", vnf_columns, COUNT(vnf_columns)},
	{"plugins", plugin_columns, COUNT(plugin_columns)},
	{"workers", worker_columns, COUNT(worker_columns)},
	{"memory", memory_columns, COUNT(memory_columns)},
};

static void print_paths(const json_t *paths)
{
	json_t *path;
	size_t i;

	json_array_foreach (paths, i, path) {
		const json_t *hops = json_object_get(path, "hops");

		printf("%s%s: %s %s %s\n", i == 0 ? "" : "\n",
		       json_string_value(json_object_get(path, "name")),
		       json_string_value(json_object_get(path, "first")),
		       json_is_true(json_object_get(path, "both_ways")) ? "<->" : "->",
		       json_string_value(json_object_get(path, "last")));
		if (json_array_size(hops) != 0)
			sl_table_print(stdout, hops, hop_columns, COUNT(hop_columns));
	}
}

static void print_view(const char *view, const json_t *answer)
{
	if (strcmp(view, "paths") == 0) {
		print_paths(json_object_get(answer, "paths"));
		return;
	}
	for (unsigned int i = 0; i < COUNT(tables); i++)
		if (strcmp(tables[i].name, view) == 0) {
			sl_table_print(stdout, json_object_get(answer, view), tables[i].columns,
				       tables[i].count);
			return;
		}
	sl_verb_print(answer, false);
}

/* What is asked for: a view's name, or a path of the API. */
struct question {
	const char *view;
	char *path;
};

static char *with_query(char *path, char *const *args, int count)
{
	for (int i = 0; path != NULL && i < count; i++) {
		char *equals = strchr(args[i], '='), *name, *value, *longer = NULL;
		char *pair;

		*equals = '\0';
		name = sl_client_path("", args[i], NULL);
		value = sl_client_path("", equals + 1, NULL);
		*equals = '=';
		/* Both start with the slash of a path's segment. */
		if (name != NULL && value != NULL &&
		    asprintf(&pair, "%s=%s", name + 1, value + 1) >= 0) {
			if (asprintf(&longer, "%s%c%s", path, i == 0 ? '?' : '&', pair) < 0)
				longer = NULL;
			free(pair);
		}
		free(name);
		free(value);
		free(path);
		path = longer;
	}
	return path;
}

/* 0, or an exit status after a message. */
static int understand(const struct sl_verb *verb, int argc, char **argv, struct question *q)
{
	static const char *const views[] = {"status",  "ports",   "paths",  "nodes", "vnfs",
					    "plugins", "workers", "memory", "stats", NULL};
	const char *near;

	q->view = argc > 0 ? argv[0] : "status";
	for (unsigned int i = 0; views[i] != NULL; i++)
		if (strcmp(views[i], q->view) == 0) {
			if (argc > 1)
				return sl_verb_misused(verb, "`%s`: one view at a time", argv[1]);
			q->path = sl_client_path("/v1", q->view, NULL);
			return 0;
		}
	if (strcmp(q->view, "sessions") == 0) {
		if (argc < 2)
			return sl_verb_misused(verb, "sessions of which VNF?");
		q->path = sl_client_path("/v1/vnfs", argv[1], "sessions", NULL);
		argc -= 2;
		argv += 2;
	} else if (strcmp(q->view, "vnf") == 0) {
		if (argc < 2)
			return sl_verb_misused(verb, "which VNF? `sluice show vnfs` lists them");
		q->path = sl_client_path("/v1/vnfs", argv[1], argc > 2 ? argv[2] : NULL, NULL);
		argv += argc > 2 ? 3 : 2;
		argc -= argc > 2 ? 3 : 2;
	} else {
		near = sl_near_miss(q->view, views);
		return near != NULL ? sl_verb_misused(verb, "no view `%s`; did you mean `%s`?",
						      q->view, near)
				    : sl_verb_misused(verb, "no view `%s`", q->view);
	}
	for (int i = 0; i < argc; i++)
		if (strchr(argv[i], '=') == NULL) {
			free(q->path);
			return sl_verb_misused(verb, "`%s`: expected NAME=VALUE", argv[i]);
		}
	q->path = with_query(q->path, argv, argc);
	return 0;
}

static int show(const struct sl_verb *verb, const struct question *q, const char *socket,
		const char *config, bool json)
{
	struct sl_errors *errors = sl_errors_new();
	char *address = sl_verb_socket(socket, config, errors);
	json_t *answer = NULL;
	int status = SL_EXIT_FAILED;

	if (address != NULL && q->path != NULL)
		answer = sl_client_ask(address, q->path, NULL, errors);
	if (answer != NULL) {
		if (json)
			sl_verb_print(answer, true);
		else
			print_view(q->view, answer);
		status = SL_EXIT_OK;
	}
	sl_errors_print(errors, stderr);
	sl_errors_free(errors);
	json_decref(answer);
	free(address);
	return sl_verb_flush(verb, status);
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	const char *socket = NULL, *config = NULL;
	struct question question = {0};
	bool json = false;
	int option, status;

	while ((option = sl_verb_option(verb, argc, argv)) != -1) {
		switch (option) {
		case 's':
			socket = optarg;
			break;
		case 'c':
			config = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			return sl_verb_usage(verb);
		default:
			return SL_EXIT_WRONG;
		}
	}
	status = understand(verb, argc - optind, argv + optind, &question);
	if (status == 0)
		status = show(verb, &question, socket, config, json);
	free(question.path);
	return status;
}

static const struct sl_option options[] = {
	SL_OPT_SOCKET,
	SL_OPT_CONFIG,
	SL_OPT_JSON,
	SL_OPT_END,
};

static const struct sl_form forms[] = {
	{"status", "version, chain, time, the ledger (what is shown by default)"},
	{"ports", "packets, bytes and drops of each port, its device"},
	{"paths", "each path and hop: packets, drops by reason, cycles a packet"},
	{"nodes", "the same for all hops, the engine's own too"},
	{"vnfs", "instances, their counters and memory"},
	{"vnf VNF", "one of them, and its commands"},
	{"vnf VNF COMMAND [ARGUMENT=VALUE]...",
	 "run a command that only looks; limit=N: most records (10000)"},
	{"sessions VNF [ARGUMENT=VALUE]...", "short for vnf VNF sessions"},
	{"plugins", "loaded plugins"},
	{"workers", "load, sleeps and queues of each worker"},
	{"memory", "who uses how much"},
	{"stats", "all that counts packets"},
	{NULL, NULL},
};

const struct sl_verb sl_verb_show = {
	.name = "show",
	.arguments = "[VIEW]",
	.summary = "Show what a running sluice does",
	.options = options,
	.forms_title = "Views",
	.forms = forms,
	.run = run,
};
