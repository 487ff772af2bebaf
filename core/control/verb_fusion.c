/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/client.h>
#include <core/control/table.h>
#include <core/control/verb.h>

static const struct sl_column columns[] = {
	{"worker", "worker"},     {"flows", "flows"},
	{"actions", "actions"},   {"hits", "hits"},
	{"misses", "misses"},     {"walked", "walked"},
	{"unfit", "unfit"},       {"refused", "refused"},
	{"no-room", "no_room"},   {"cut", "cut"},
	{"aged", "aged"},         {"evicted", "evicted"},
	{"verified", "verified"}, {"mismatches", "mismatches"},
};

static void print(const json_t *answer)
{
	printf("fusion is %s", json_string_value(json_object_get(answer, "mode")));
	if (strcmp(json_string_value(json_object_get(answer, "mode")), "on") == 0)
		printf(", one packet in %lld is verified",
		       json_integer_value(json_object_get(answer, "sample")));
	printf("\n");
	sl_table_print(stdout, json_object_get(answer, "workers"), columns,
		       sizeof(columns) / sizeof(columns[0]));
}

static int ask(const struct sl_verb *verb, const char *socket, const char *config, bool json,
	       const json_t *change)
{
	struct sl_errors *errors = sl_errors_new();
	char *address = sl_verb_socket(socket, config, errors);
	json_t *answer = NULL;
	int status = SL_EXIT_FAILED;

	if (address != NULL)
		answer = sl_client_ask(address, "/v1/fusion", change, errors);
	if (answer != NULL) {
		if (json)
			sl_verb_print(answer, true);
		else
			print(answer);
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
	json_t *change = NULL;
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
	if (argc - optind > 1)
		return sl_verb_misused(verb, "`%s`: one mode at a time", argv[optind + 1]);
	if (argc - optind == 1)
		change = json_pack("{s:s}", "mode", argv[optind]);
	status = ask(verb, socket, config, json, change);
	json_decref(change);
	return status;
}

static const struct sl_option options[] = {
	SL_OPT_SOCKET,
	SL_OPT_CONFIG,
	SL_OPT_JSON,
	SL_OPT_END,
};

static const struct sl_form forms[] = {
	{"[on|off|verify]", NULL},
	{NULL, NULL},
};

const struct sl_verb sl_verb_fusion = {
	.name = "fusion",
	.summary = "Show how flows are fused, or change the mode",
	.help = "`verify` lets every packet of a fused flow walk the graph as well and "
		"compares the two. Only root, the user that sluice runs as and admins may "
		"change the mode.",
	.options = options,
	.forms = forms,
	.run = run,
};
