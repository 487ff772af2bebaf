/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/client.h>
#include <core/control/lines.h>
#include <core/control/table.h>
#include <core/control/verb.h>

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

static bool take(void *context, const char *data, size_t size)
{
	return sl_lines_take(context, data, size);
}

static int list(const char *socket, const char *path, bool json, struct sl_errors *errors)
{
	json_t *answer = sl_client_ask(socket, path, NULL, errors), *event;
	size_t i;

	json_array_foreach (json_object_get(answer, "events"), i, event) {
		if (json) {
			json_dumpf(event, stdout, JSON_COMPACT);
			putchar('\n');
		} else {
			print_event(event);
		}
	}
	json_decref(answer);
	return answer != NULL ? SL_EXIT_OK : SL_EXIT_FAILED;
}

static int follow(const char *socket, const char *path, bool json, struct sl_errors *errors)
{
	struct sl_lines lines = {.line = print_line, .context = &json};
	struct sl_client_sink sink = {.take = take, .context = &lines};
	int err = sl_client_read(socket, path, &sink, errors);

	sl_lines_end(&lines);
	return err == 0 ? SL_EXIT_OK : SL_EXIT_FAILED;
}

static int ask(const struct sl_verb *verb, const char *socket, const char *config, bool json,
	       bool follows, const char *since)
{
	struct sl_errors *errors = sl_errors_new();
	char *address = sl_verb_socket(socket, config, errors), *path;
	int status = SL_EXIT_FAILED;

	if (asprintf(&path, "/v1/events%s%s%s", follows ? "/follow" : "",
		     since != NULL ? "?since=" : "", since != NULL ? since : "") < 0)
		path = NULL;
	if (address != NULL && path != NULL)
		status = (follows ? follow : list)(address, path, json, errors);
	sl_errors_print(errors, stderr);
	sl_errors_free(errors);
	free(address);
	free(path);
	return sl_verb_flush(verb, status);
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	const char *socket = NULL, *config = NULL, *since = NULL;
	bool json = false, follows = false;
	int option;

	while ((option = sl_verb_option(verb, argc, argv)) != -1) {
		switch (option) {
		case 'f':
			follows = true;
			break;
		case 'n':
			since = optarg;
			break;
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
	if (argc > optind)
		return sl_verb_misused(verb, "`%s`: nothing was expected here", argv[optind]);
	if (since != NULL && (since[0] == '\0' || since[strspn(since, "0123456789")] != '\0'))
		return sl_verb_misused(verb, "--since %s: expected the number of an event", since);
	return ask(verb, socket, config, json, follows, since);
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
