/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/client.h>
#include <core/control/show_fault.h>
#include <core/control/table.h>
#include <core/control/verb.h>

#define COUNT(array) (unsigned int)(sizeof(array) / sizeof((array)[0]))

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
	{"sessions [VNF [ARGUMENT=VALUE]...]",
	 "short for vnf VNF sessions; of every VNF that has any when none is named"},
	{"plugins", "loaded plugins"},
	{"workers", "load, sleeps and queues of each worker"},
	{"memory", "who uses how much"},
	{"generations", "the last ones: when each began, by whom, what it changed"},
	{"audit",
	 "the last changes that were asked for: by whom, and what came of it (for admins)"},
	{"stats", "all that counts packets"},
	{"faults", "functions that crashed, hung or otherwise misbehaved"},
	{"fault NUMBER [FILE]", "one of them: backtrace; FILE gets its packets, as pcapng"},
	{"latency", "how long packets are inside, and each hop takes: p50, p90, p99, max"},
	{NULL, NULL},
};

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
	{"vnf", "name"},      {"plugin", "plugin"},         {"type", "type"},
	{"faults", "faults"}, {"quarantine", "quarantine"}, {"workers", "workers"},
	{"memory", "memory"}, {"limit", "memory_limit"},    {"counters", "counters"},
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
static const struct sl_column fault_columns[] = {
	{"fault", "number"}, {"time", "time"}, {"vnf", "vnf"}, {"hop", "hop"},
	{"cause", "cause"},  {"call", "call"}, {"at", "at"},   {"packets", "burst"},
};
static const struct sl_column memory_columns[] = {
	{"owner", "owner"}, {"bytes", "bytes"},     {"hugepages", "hugepage_bytes"},
	{"limit", "limit"}, {"packets", "packets"}, {"free", "packets_free"},
};

static const struct sl_column generation_columns[] = {
	{"generation", "generation"}, {"time", "time"},       {"user", "user"},
	{"running", "running"},       {"summary", "summary"}, {"file", "file"},
};
static const struct sl_column audit_columns[] = {
	{"number", "number"}, {"time", "time"}, {"user", "user"},     {"command", "command"},
	{"pid", "pid"},       {"what", "what"}, {"status", "status"}, {"arguments", "arguments"},
	{"result", "result"},
};

static const struct sl_column pair_columns[] = {
	{"in", "in"},   {"out", "out"}, {"samples", "samples"}, {"mean-ns", "mean"}, {"p50", "p50"},
	{"p90", "p90"}, {"p99", "p99"}, {"p99.9", "p999"},      {"max", "max"},
};
static const struct sl_column timing_columns[] = {
	{"hop", "name"}, {"packets", "packets"}, {"mean-cycles", "mean"}, {"p50", "p50"},
	{"p90", "p90"},  {"p99", "p99"},         {"p99.9", "p999"},       {"max", "max"},
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
	{"history", generation_columns, COUNT(generation_columns)},
	{"audit", audit_columns, COUNT(audit_columns)},
	{"faults", fault_columns, COUNT(fault_columns)},
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

static void print_latency(const json_t *answer)
{
	const json_t *ports = json_object_get(answer, "ports");
	const json_t *hops = json_object_get(answer, "hops");

	printf("From port to port, in nanoseconds:\n");
	if (json_array_size(ports) != 0)
		sl_table_print(stdout, ports, pair_columns, COUNT(pair_columns));
	printf("\nIn each hop, in cycles a packet:\n");
	if (json_array_size(hops) != 0)
		sl_table_print(stdout, hops, timing_columns, COUNT(timing_columns));
}

static void print_view(const char *view, const json_t *answer)
{
	if (strcmp(view, "latency") == 0) {
		print_latency(answer);
		return;
	}
	if (strcmp(view, "paths") == 0) {
		print_paths(json_object_get(answer, "paths"));
		return;
	}
	if (strcmp(view, "fault") == 0) {
		sl_show_fault(answer);
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
	const char *file; /* for the packets of a fault */
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

/* Views that a word says, which are those of the API. */
static const struct {
	const char *word, *view;
} others[] = {
	{"generations", "history"},
	{"hops", "nodes"},
};

static int unknown(const struct sl_verb *verb, const char *view)
{
	const char *words[64] = {NULL}, *near;
	char copies[63][32];
	unsigned int n = 0;

	for (const struct sl_form *form = forms; form->words != NULL; form++) {
		if (n == 63)
			break;
		snprintf(copies[n], sizeof(copies[n]), "%.*s", (int)strcspn(form->words, " "),
			 form->words);
		words[n] = copies[n];
		n++;
	}
	near = sl_near_miss(view, words);
	return near != NULL ? sl_verb_misused(verb, "no view `%s`; did you mean `%s`?", view, near)
			    : sl_verb_misused(verb, "no view `%s`", view);
}

/* A view without arguments; its name at the API, or NULL. */
static const char *plain_view(const char *word)
{
	for (unsigned int i = 0; i < COUNT(others); i++)
		if (strcmp(others[i].word, word) == 0)
			return others[i].view;
	for (unsigned int i = 0; forms[i].words != NULL; i++)
		if (strcmp(forms[i].words, word) == 0)
			return word;
	return NULL;
}

/* 0, or an exit status after a message. */
static int understand(const struct sl_verb *verb, int argc, char **argv, struct question *q)
{
	const char *word = argc > 0 ? argv[0] : "status";

	q->view = plain_view(word);
	if (q->view != NULL) {
		if (argc > 1)
			return sl_verb_misused(verb, "`%s`: one view at a time", argv[1]);
		q->path = sl_client_path("/v1", q->view, NULL);
		return 0;
	}
	q->view = word;
	if (strcmp(word, "fault") == 0) {
		if (argc < 2 || argc > 3)
			return sl_verb_misused(verb,
					       "which fault? `sluice show faults` lists them");
		q->path = sl_client_path("/v1/faults", argv[1], NULL);
		q->file = argc == 3 ? argv[2] : NULL;
		return 0;
	}
	if (strcmp(word, "sessions") == 0) {
		if (argc < 2) {
			q->path = sl_client_path("/v1/vnfs", NULL);
			return 0;
		}
		q->path = sl_client_path("/v1/vnfs", argv[1], "sessions", NULL);
		argc -= 2;
		argv += 2;
	} else if (strcmp(word, "vnf") == 0) {
		if (argc < 2)
			return sl_verb_misused(verb, "which VNF? `sluice show vnfs` lists them");
		q->path = sl_client_path("/v1/vnfs", argv[1], argc > 2 ? argv[2] : NULL, NULL);
		argv += argc > 2 ? 3 : 2;
		argc -= argc > 2 ? 3 : 2;
	} else {
		return unknown(verb, word);
	}
	for (int i = 0; i < argc; i++)
		if (strchr(argv[i], '=') == NULL) {
			free(q->path);
			q->path = NULL;
			return sl_verb_misused(verb, "`%s`: expected NAME=VALUE", argv[i]);
		}
	q->path = with_query(q->path, argv, argc);
	return 0;
}

static bool has_sessions(const json_t *vnf)
{
	json_t *command;
	size_t i;

	json_array_foreach (json_object_get(vnf, "commands"), i, command)
		if (strcmp(json_string_value(json_object_get(command, "name")), "sessions") == 0)
			return true;
	return false;
}

/* {VNF: what its `sessions` answers} instead of the list of VNFs. */
static json_t *every_session(const char *address, json_t *vnfs, struct sl_errors *errors)
{
	json_t *all = json_object(), *vnf, *answer;
	size_t i;

	json_array_foreach (json_object_get(vnfs, "vnfs"), i, vnf) {
		const char *name = json_string_value(json_object_get(vnf, "name"));
		char *path;

		if (!has_sessions(vnf))
			continue;
		path = sl_client_path("/v1/vnfs", name, "sessions", NULL);
		answer = path != NULL ? sl_client_ask(address, path, NULL, errors) : NULL;
		if (answer != NULL)
			json_object_set_new(all, name, answer);
		free(path);
	}
	json_decref(vnfs);
	return all;
}

static void print_every_session(json_t *all)
{
	const char *name;
	json_t *answer;

	json_object_foreach (all, name, answer) {
		printf("%s:\n", name);
		sl_verb_print(answer, false);
	}
}

static int show(const struct sl_verb *verb, const struct question *q, const char *socket,
		const char *config, bool json)
{
	struct sl_errors *errors = sl_errors_new();
	char *address = sl_verb_socket(socket, config, errors);
	bool every = strcmp(q->view, "sessions") == 0 && q->path != NULL &&
		     strcmp(q->path, "/v1/vnfs") == 0;
	json_t *answer = NULL;
	int status = SL_EXIT_FAILED;

	if (address != NULL && q->path != NULL)
		answer = sl_client_ask(address, q->path, NULL, errors);
	if (answer != NULL && every)
		answer = every_session(address, answer, errors);
	if (answer != NULL) {
		if (json)
			sl_verb_print(answer, true);
		else if (every)
			print_every_session(answer);
		else
			print_view(q->view, answer);
		status = sl_errors_count(errors) == 0 ? SL_EXIT_OK : SL_EXIT_FAILED;
		if (q->file != NULL && !sl_save_fault(answer, q->file))
			status = SL_EXIT_FAILED;
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

const struct sl_verb sl_verb_show = {
	.name = "show",
	.arguments = "[VIEW]",
	.summary = "Show what a running sluice does",
	.options = options,
	.forms_title = "Views",
	.forms = forms,
	.run = run,
};
