/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/ask.h>
#include <core/control/table.h>

/* "2026-11-21T09:40:42.123456Z  applied  generation 2, user 0": what people read. */
static void print_event(const json_t *event)
{
	static const char *const first[] = {"number", "time", "event"};
	json_t *rest = json_copy((json_t *)event);
	char *cell;

	for (unsigned int i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		cell = sl_cell_text(json_object_get(event, first[i]));
		printf(i == 0 ? "%6s  " : i == 1 ? "%s  " : "%-16s", cell != NULL ? cell : "");
		free(cell);
		json_object_del(rest, first[i]);
	}
	if (json_object_size(rest) != 0) {
		cell = sl_cell_text(rest);
		printf("  %s", cell != NULL ? cell : "");
		free(cell);
	}
	putchar('\n');
	json_decref(rest);
}

static bool print_line(void *context, json_t *event, const char *text)
{
	const bool *json = context;

	if (*json)
		puts(text);
	else
		print_event(event);
	return fflush(stdout) == 0;
}

static int list(const struct sl_ask *ask, const char *path)
{
	json_t *answer = sl_ask(ask, path, NULL), *event;
	size_t i;

	json_array_foreach (json_object_get(answer, "events"), i, event) {
		if (ask->json) {
			json_dumpf(event, stdout, JSON_COMPACT);
			putchar('\n');
		} else {
			print_event(event);
		}
	}
	json_decref(answer);
	return answer != NULL ? SL_EXIT_OK : SL_EXIT_FAILED;
}

static int follow(const struct sl_ask *ask, const char *path)
{
	bool json = ask->json;
	struct sl_lines lines = {.line = print_line, .context = &json};

	return sl_ask_lines(ask, path, &lines) == 0 ? SL_EXIT_OK : SL_EXIT_FAILED;
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	const char *since = NULL;
	struct sl_ask ask = {0};
	bool follows = false;
	int option, status;
	char *path;

	while ((option = sl_verb_option(verb, argc, argv)) != -1) {
		if (option == 'f')
			follows = true;
		else if (option == 'n')
			since = optarg;
		else if (!sl_ask_option(verb, option, &ask))
			return ask.status;
	}
	if (argc > optind)
		return sl_verb_misused(verb, "`%s`: nothing was expected here", argv[optind]);
	if (since != NULL && (since[0] == '\0' || since[strspn(since, "0123456789")] != '\0'))
		return sl_verb_misused(verb, "--since %s: expected the number of an event", since);
	path = strdup(follows ? "/v1/events/follow" : "/v1/events");
	if (since != NULL)
		path = sl_client_query(path, "since", since);
	status = (follows ? follow : list)(&ask, path);
	free(path);
	return sl_verb_flush(verb, status);
}

static const struct sl_option options[] = {
	{'f', "follow", NULL, "print events as they come, until interrupted"},
	{'n', "since", "NUMBER", "from the event of that number on"},
	SL_OPT_SOCKET,
	SL_OPT_CONFIG,
	{'j', "json", NULL, "a JSON object a line"},
	SL_OPT_END,
};

const struct sl_verb sl_verb_events = {
	.name = "events",
	.summary = "Show what happened lately, or follow it",
	.help = "Events of functions, chains that were applied or refused, links, workers that do "
		"not come back. The last 1024 are kept.",
	.options = options,
	.run = run,
};
