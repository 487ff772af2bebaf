/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <core/control/ask.h>
#include <core/control/table.h>

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

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	struct sl_ask ask = {0};
	json_t *change = NULL;
	int status;

	if (!sl_ask_options(verb, argc, argv, &ask))
		return ask.status;
	if (argc - optind > 1)
		return sl_verb_misused(verb, "`%s`: one mode at a time", argv[optind + 1]);
	if (argc - optind == 1)
		change = json_pack("{s:s}", "mode", argv[optind]);
	status = sl_ask_print(verb, &ask, "/v1/fusion", change, print);
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
