/* SPDX-License-Identifier: BSD-3-Clause */
/* apply, rollback and history: one chain after another in a running sluice. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <core/chain/tree.h>
#include <core/control/ask.h>
#include <core/control/show_view.h>
#include <core/control/table.h>
#include <core/host/drain.h>

struct given {
	struct sl_ask ask;
	const char *drain; /* seconds; "": as long as is usual; NULL: none */
	bool dry_run;
};

enum { DRY_RUN = 256, DRAIN };

/* false: the verb ends here. */
static bool read_options(const struct sl_verb *verb, int argc, char **argv, struct given *given)
{
	int option;

	while ((option = sl_verb_option(verb, argc, argv)) != -1) {
		if (option == DRY_RUN)
			given->dry_run = true;
		else if (option == DRAIN)
			given->drain = optarg != NULL ? optarg : "";
		else if (!sl_ask_option(verb, option, &given->ask))
			return false;
	}
	return true;
}

/* What stays as it is is not worth a line. */
void sl_verb_changes(const json_t *answer)
{
	static const struct sl_column columns[] = {
		{"what", "what"}, {"name", "name"}, {"change", "change"}, {"detail", "detail"}};
	const json_t *changes = json_object_get(answer, "changes");
	json_t *change, *shown = json_array();
	size_t i, kept = 0;

	json_array_foreach (changes, i, change) {
		const char *kind = json_string_value(json_object_get(change, "change"));

		if (kind != NULL && strcmp(kind, "kept") == 0)
			kept++;
		else
			json_array_append(shown, change);
	}
	if (json_array_size(shown) != 0)
		sl_table_print(stdout, shown, columns, 4);
	json_decref(shown);
	if (!json_is_true(json_object_get(answer, "applied")))
		printf("%zu kept; not applied\n", kept);
	else
		printf("%zu kept; generation %lld runs, longest gap of a worker %lld us\n", kept,
		       (long long)json_integer_value(json_object_get(answer, "generation")),
		       (long long)json_integer_value(json_object_get(answer, "gap_us")));
}

static void print_applied(const json_t *answer)
{
	json_t *drains = json_object_get(answer, "drains");
	bool done = json_is_true(json_object_get(answer, "applied"));

	sl_verb_changes(answer);
	if (drains != NULL)
		printf(done ? "new flows take the new paths; those of generation %lld finish on "
			      "the old ones\n"
			    : "the flows of generation %lld would finish on the old paths\n",
		       (long long)json_integer_value(drains));
}

/* What is asked to drain, and does not. */
static void print_drained(const json_t *answer)
{
	print_applied(answer);
	if (json_object_get(answer, "drains") == NULL)
		printf("no path goes another way: nothing to drain\n");
}

/* Until new flows take the new paths, or it is over. */
static void wait_until_cut(const struct sl_ask *ask)
{
	for (unsigned int i = 0; i < 100; i++) {
		json_t *answer = sl_ask(ask, "/v1/status", NULL);
		const json_t *drain = json_object_get(answer, "drain");
		const char *state = json_string_value(json_object_get(drain, "state"));
		bool learning = state != NULL && strcmp(state, "learning") == 0;

		json_decref(answer);
		if (!learning)
			return;
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
}

/* SECONDS of --drain; 0: none. False: it is no number of them. */
static bool read_seconds(const char *text, unsigned int *seconds)
{
	unsigned long number;
	char *end;

	*seconds = text == NULL ? 0 : SL_DRAIN_SECONDS;
	if (text == NULL || text[0] == '\0')
		return true;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno != 0 || text[0] < '1' || text[0] > '9' || *end != '\0' || number > SL_DRAIN_MOST)
		return false;
	*seconds = (unsigned int)number;
	return true;
}

/* What to ask with; NULL with a message. */
static json_t *apply_body(const char *file, const struct given *given, unsigned int seconds)
{
	struct sl_errors *errors = sl_errors_new();
	char *text, *path;
	size_t size;
	json_t *body;

	text = sl_file_read(file, &size, errors);
	sl_errors_print(errors, stderr);
	sl_errors_free(errors);
	if (text == NULL)
		return NULL;
	/* As the running sluice would name it, which has another folder. */
	path = realpath(file, NULL);
	body = json_pack("{sssosbsi}", "file", path != NULL ? path : file, "text",
			 json_stringn(text, size), "dry_run", given->dry_run, "drain",
			 (int)seconds);
	if (body == NULL)
		fprintf(stderr, "sluice apply: %s: not UTF-8\n", file);
	free(path);
	free(text);
	return body;
}

static int run_apply(const struct sl_verb *verb, int argc, char **argv)
{
	struct given given = {0};
	unsigned int seconds;
	json_t *body, *answer;

	if (!read_options(verb, argc, argv, &given))
		return given.ask.status;
	if (argc - optind != 1)
		return sl_verb_misused(verb, "name one chain file");
	if (!read_seconds(given.drain, &seconds))
		return sl_verb_misused(verb, "--drain=%s: expected 1 to %d seconds", given.drain,
				       SL_DRAIN_MOST);
	body = apply_body(argv[optind], &given, seconds);
	if (body == NULL)
		return SL_EXIT_WRONG;
	answer = sl_ask(&given.ask, "/v1/apply", body);
	json_decref(body);
	if (given.drain != NULL && json_is_true(json_object_get(answer, "applied")))
		wait_until_cut(&given.ask);
	return sl_ask_show(verb, &given.ask, answer,
			   given.drain != NULL ? print_drained : print_applied);
}

static int run_rollback(const struct sl_verb *verb, int argc, char **argv)
{
	struct given given = {0};
	unsigned long long number = 0;
	json_t *body;
	char *end;
	int status;

	if (!read_options(verb, argc, argv, &given))
		return given.ask.status;
	if (argc - optind > 1)
		return sl_verb_misused(verb, "to one generation");
	if (argc - optind == 1) {
		errno = 0;
		number = strtoull(argv[optind], &end, 10);
		if (errno != 0 || argv[optind][0] < '1' || argv[optind][0] > '9' || *end != '\0' ||
		    number > LLONG_MAX)
			return sl_verb_misused(verb, "`%s`: expected the number of a generation",
					       argv[optind]);
	}
	body = json_pack("{sb}", "dry_run", given.dry_run);
	if (number != 0)
		json_object_set_new(body, "generation", json_integer((json_int_t)number));
	status = sl_ask_print(verb, &given.ask, "/v1/rollback", body, sl_verb_changes);
	json_decref(body);
	return status;
}

static void print_history(const json_t *answer)
{
	sl_show_view("history", answer);
}

static int run_history(const struct sl_verb *verb, int argc, char **argv)
{
	struct sl_ask ask = {0};

	if (!sl_ask_options(verb, argc, argv, &ask))
		return ask.status;
	if (argc != optind)
		return sl_verb_misused(verb, "`%s`: nothing more to say", argv[optind]);
	return sl_ask_print(verb, &ask, "/v1/history", NULL, print_history);
}

static const struct sl_option applying[] = {
	SL_OPT_SOCKET,
	SL_OPT_CONFIG,
	SL_OPT_JSON,
	{DRY_RUN, "dry-run", NULL, "only show what would be done"},
	{DRAIN, "drain", "[=SECONDS]",
	 "let old flows finish on the old paths, for 60 seconds at most unless said otherwise, "
	 "while new ones take the new"},
	SL_OPT_END,
};

static const struct sl_option changing[] = {
	SL_OPT_SOCKET, SL_OPT_CONFIG,
	SL_OPT_JSON,   {DRY_RUN, "dry-run", NULL, "only show what would be done"},
	SL_OPT_END,
};

static const struct sl_option looking[] = {
	SL_OPT_SOCKET,
	SL_OPT_CONFIG,
	SL_OPT_JSON,
	SL_OPT_END,
};

static const struct sl_form apply_forms[] = {
	{"CHAIN", NULL},
	{NULL, NULL},
};
static const struct sl_form rollback_forms[] = {
	{"[GENERATION]", NULL},
	{NULL, NULL},
};

const struct sl_verb sl_verb_apply = {
	.name = "apply",
	.summary = "Change the chain of a running sluice",
	.help = "Checks the chain, shows what differs from the one that runs, and lets the "
		"workers go over to it between two packets. VNFs and ports that stay the "
		"same keep their state; those that can take their new parameters live do so, "
		"others are replaced. After an error all is as before. Only root, the user "
		"that sluice runs as and admins may do it.\n\n"
		"With --drain what the old chain has of its own stays, beside the new one, until "
		"no old flow has been seen for half of SECONDS (at most 30), or SECONDS have "
		"passed; "
		"what is left then changes over. It returns when new flows take the new paths. "
		"Another apply ends the drain; rollback takes the old chain back as it was.",
	.options = applying,
	.forms = apply_forms,
	.run = run_apply,
};

const struct sl_verb sl_verb_rollback = {
	.name = "rollback",
	.summary = "Apply the chain of an earlier generation again",
	.help = "By default that of the generation before. `sluice history` lists those "
		"whose chains are kept. It makes a new generation, as apply does.",
	.options = changing,
	.forms = rollback_forms,
	.run = run_rollback,
};

const struct sl_verb sl_verb_history = {
	.name = "history",
	.summary = "List the generations of a running sluice",
	.help = "The last 16: when each began, by whom, and what it changed.",
	.options = looking,
	.run = run_history,
};
