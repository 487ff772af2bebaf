/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/client.h>
#include <core/control/verb.h>

static int ask(const struct sl_verb *verb, const char *socket, const char *config, bool json,
	       const char *vnf, const char *command, const json_t *arguments)
{
	struct sl_errors *errors = sl_errors_new();
	char *address = sl_verb_socket(socket, config, errors);
	char *path = sl_client_path("/v1/vnfs", vnf, command, NULL);
	json_t *answer = NULL;
	int status = SL_EXIT_FAILED;

	if (address != NULL && path != NULL)
		answer = sl_client_ask(address, path, arguments, errors);
	if (answer != NULL) {
		sl_verb_print(answer, json);
		status = SL_EXIT_OK;
	}
	sl_errors_print(errors, stderr);
	sl_errors_free(errors);
	json_decref(answer);
	free(address);
	free(path);
	return sl_verb_flush(verb, status);
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	const char *socket = NULL, *config = NULL, *wrong = NULL;
	bool json = false;
	json_t *arguments;
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
	argc -= optind;
	argv += optind;
	if (argc < 3 || strcmp(argv[0], "vnf") != 0)
		return sl_verb_misused(verb, "say which command of which VNF");
	arguments = sl_verb_arguments(argv + 3, argc - 3, &wrong);
	if (arguments == NULL)
		return sl_verb_misused(verb, "`%s`: expected NAME=VALUE", wrong);
	status = ask(verb, socket, config, json, argv[1], argv[2], arguments);
	json_decref(arguments);
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
