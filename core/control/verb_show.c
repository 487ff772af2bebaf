/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/ask.h>
#include <core/control/show_fault.h>
#include <core/control/show_view.h>

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

/* What is asked for: a view's name, or a path of the API. */
struct question {
	const char *view;
	char *path;
	const char *file; /* for the packets of a fault */
};

static char *with_query(char *path, char *const *args, int count)
{
	for (int i = 0; i < count; i++) {
		char *equals = strchr(args[i], '=');

		*equals = '\0';
		path = sl_client_query(path, args[i], equals + 1);
		*equals = '=';
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

/* {VNF: what its `sessions` answers} instead of the list of VNFs. *status: as it was, unless one of
 * them did not answer. */
static json_t *every_session(const struct sl_ask *ask, json_t *vnfs, int *status)
{
	json_t *all = json_object(), *vnf, *answer;
	size_t i;

	json_array_foreach (json_object_get(vnfs, "vnfs"), i, vnf) {
		const char *name = json_string_value(json_object_get(vnf, "name"));
		char *path;

		if (!has_sessions(vnf))
			continue;
		path = sl_client_path("/v1/vnfs", name, "sessions", NULL);
		answer = sl_ask(ask, path, NULL);
		if (answer != NULL)
			json_object_set_new(all, name, answer);
		else
			*status = SL_EXIT_FAILED;
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

static int show(const struct sl_verb *verb, const struct question *q, const struct sl_ask *ask)
{
	bool every = strcmp(q->view, "sessions") == 0 && q->path != NULL &&
		     strcmp(q->path, "/v1/vnfs") == 0;
	json_t *answer = sl_ask(ask, q->path, NULL);
	int status = SL_EXIT_OK;

	if (answer == NULL)
		return SL_EXIT_FAILED;
	if (every)
		answer = every_session(ask, answer, &status);
	if (ask->json)
		sl_verb_print(answer, true);
	else if (every)
		print_every_session(answer);
	else
		sl_show_view(q->view, answer);
	if (q->file != NULL && !sl_save_fault(answer, q->file))
		status = SL_EXIT_FAILED;
	json_decref(answer);
	return sl_verb_flush(verb, status);
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	struct question question = {0};
	struct sl_ask ask = {0};
	int status;

	if (!sl_ask_options(verb, argc, argv, &ask))
		return ask.status;
	status = understand(verb, argc - optind, argv + optind, &question);
	if (status == 0)
		status = show(verb, &question, &ask);
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
