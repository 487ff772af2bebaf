/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <core/control/ask.h>

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	struct sl_ask ask = {0};
	json_t *body, *answer;

	if (!sl_ask_options(verb, argc, argv, &ask))
		return ask.status;
	if (argc - optind != 1)
		return sl_verb_misused(verb, argc == optind ? "which VNF?" : "one VNF at a time");
	body = json_pack("{s:s}", "vnf", argv[optind]);
	answer = sl_ask(&ask, "/v1/restart", body);
	if (answer != NULL && ask.json)
		sl_verb_print(answer, true);
	else if (answer != NULL)
		printf("%s runs as a fresh instance, in generation %lld\n", argv[optind],
		       (long long)json_integer_value(json_object_get(answer, "generation")));
	json_decref(body);
	json_decref(answer);
	return sl_verb_flush(verb, answer != NULL ? SL_EXIT_OK : SL_EXIT_FAILED);
}

static const struct sl_option options[] = {
	SL_OPT_SOCKET,
	SL_OPT_CONFIG,
	SL_OPT_JSON,
	SL_OPT_END,
};

static const struct sl_form forms[] = {
	{"VNF", NULL},
	{NULL, NULL},
};

const struct sl_verb sl_verb_restart = {
	.name = "restart",
	.summary = "Put a fresh instance in the place of a VNF's",
	.help = "Its state is lost; no packet is. What the old one did wrong, and what packets of "
		"it get since, `sluice show faults` and `sluice show vnfs` tell. A port's name "
		"stands for the instance of its steering.",
	.options = options,
	.forms = forms,
	.run = run,
};
