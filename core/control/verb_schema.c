/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <core/chain/model.h>
#include <core/control/metrics.h>
#include <core/control/openapi.h>
#include <core/control/verb.h>
#include <core/host/config.h>

enum { API = 256, METRICS };

static int print_schema(const struct sl_verb *verb, const char *config)
{
	int status = SL_EXIT_FAILED;
	struct sl_errors *errors = sl_errors_new();
	struct sl_host_config *host = sl_host_config_load(config, errors);
	struct sl_registry *registry = NULL;

	if (host != NULL)
		registry = sl_registry_new((const char *const *)host->plugin_folders,
					   host->plugin_folder_count);
	if (registry != NULL) {
		/* A plugin that does not load is told of and left out. */
		sl_registry_load_all(registry, errors);
		if (sl_chain_schema(registry, (const char *const *)host->vnf_folders,
				    host->vnf_folder_count, stdout, errors) == 0 &&
		    sl_errors_count(errors) == 0)
			status = SL_EXIT_OK;
	}
	sl_errors_print(errors, stderr);
	sl_registry_free(registry);
	sl_host_config_free(host);
	sl_errors_free(errors);
	return sl_verb_flush(verb, status);
}

static int print_json(const struct sl_verb *verb, json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
	return sl_verb_flush(verb, SL_EXIT_OK);
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	const char *config = NULL;
	bool api = false, metrics = false;
	int option;

	while ((option = sl_verb_option(verb, argc, argv)) != -1) {
		switch (option) {
		case 'c':
			config = optarg;
			break;
		case API:
			api = true;
			break;
		case METRICS:
			metrics = true;
			break;
		case 'h':
			return sl_verb_usage(verb);
		default:
			return SL_EXIT_WRONG;
		}
	}
	if (optind != argc)
		return sl_verb_misused(verb, "it takes no arguments");
	if (api || metrics)
		return print_json(verb, api ? sl_openapi() : sl_metrics_list());
	return print_schema(verb, config);
}

static const struct sl_option options[] = {
	SL_OPT_CONFIG,
	{API, "api", NULL, "print the OpenAPI description of the control API instead"},
	{METRICS, "metrics", NULL, "print a list of all metrics instead"},
	SL_OPT_END,
};

const struct sl_verb sl_verb_schema = {
	.name = "schema",
	.summary = "Print the JSON Schema of chain files, for editors and validators",
	.help = "Made from the parameter tables of all plugins and port kinds (draft "
		"2020-12).",
	.options = options,
	.run = run,
};
