/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include <core/control/client.h>
#include <core/control/verb.h>

static int ask(const struct sl_verb *verb, const char *socket, const char *config, bool json,
	       const char *vnf)
{
	struct sl_errors *errors = sl_errors_new();
	char *address = sl_verb_socket(socket, config, errors);
	json_t *body = json_pack("{s:s}", "vnf", vnf), *answer = NULL;
	int status = SL_EXIT_FAILED;

	if (address != NULL)
		answer = sl_client_ask(address, "/v1/restart", body, errors);
	if (answer != NULL) {
		if (json)
			sl_verb_print(answer, true);
		else
			printf("%s runs as a fresh instance, in generation %lld\n", vnf,
			       (long long)json_integer_value(
				       json_object_get(answer, "generation")));
		status = SL_EXIT_OK;
	}
	sl_errors_print(errors, stderr);
	sl_errors_free(errors);
	json_decref(answer);
	json_decref(body);
	free(address);
	return sl_verb_flush(verb, status);
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	const char *socket = NULL, *config = NULL;
	bool json = false;
	int option;

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
	if (argc - optind != 1)
		return sl_verb_misused(verb, argc == optind ? "which VNF?" : "one VNF at a time");
	return ask(verb, socket, config, json, argv[optind]);
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
