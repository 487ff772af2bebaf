/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <core/control/ask.h>

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	const char *wrong = NULL;
	struct sl_ask ask = {0};
	json_t *arguments;
	char *path;
	int status;

	if (!sl_ask_options(verb, argc, argv, &ask))
		return ask.status;
	argc -= optind;
	argv += optind;
	if (argc < 3 || strcmp(argv[0], "vnf") != 0)
		return sl_verb_misused(verb, "say which command of which VNF");
	arguments = sl_verb_arguments(argv + 3, argc - 3, &wrong);
	if (arguments == NULL)
		return sl_verb_misused(verb, "`%s`: expected NAME=VALUE", wrong);
	path = sl_client_path("/v1/vnfs", argv[1], argv[2], NULL);
	status = sl_ask_print(verb, &ask, path, arguments, NULL);
	json_decref(arguments);
	free(path);
	return status;
}

static const struct sl_option options[] = {
	SL_OPT_SOCKET,
	SL_OPT_CONFIG,
	SL_OPT_JSON,
	SL_OPT_END,
};

static const struct sl_form forms[] = {
	{"vnf VNF COMMAND [ARGUMENT=VALUE]...", NULL},
	{NULL, NULL},
};

const struct sl_verb sl_verb_do = {
	.name = "do",
	.summary = "Run a command of a VNF that may change something",
	.help = "`sluice show vnf NAME` lists the commands of a VNF. An argument given twice "
		"is a list. Only root, the user that sluice runs as and admins may change "
		"things.",
	.options = options,
	.forms = forms,
	.run = run,
};
