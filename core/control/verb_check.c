/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>

#include <core/chain/dump.h>
#include <core/chain/plan.h>
#include <core/control/verb.h>
#include <core/host/config.h>

/* In order of the names, so that two can be compared. */
static void show(const struct sl_chain *chain, struct sl_errors *errors)
{
	json_t *model = sl_chain_dump(chain);

	if (model == NULL) {
		sl_fail(errors, ENOMEM, "out of memory");
		return;
	}
	json_dumpf(model, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(model);
}

static void check(const char *file, const struct sl_host_config *host, struct sl_registry *registry,
		  bool model, struct sl_errors *errors)
{
	struct sl_chain *chain =
		sl_chain_load(file, registry, (const char *const *)host->vnf_folders,
			      host->vnf_folder_count, errors);

	if (chain != NULL)
		sl_plan_free(sl_plan_new(chain, errors));
	if (chain != NULL && model)
		show(chain, errors);
	sl_errors_resolve(errors, NULL, NULL);
	sl_chain_free(chain);
}

static int check_all(char *const *files, int count, const char *config, bool model)
{
	int status = SL_EXIT_WRONG;
	struct sl_errors *errors = sl_errors_new();
	struct sl_host_config *host = sl_host_config_load(config, errors);
	struct sl_registry *registry = NULL;

	if (host != NULL)
		registry = sl_registry_new((const char *const *)host->plugin_folders,
					   host->plugin_folder_count);
	for (int i = 0; registry != NULL && i < count; i++)
		check(files[i], host, registry, model, errors);
	if (registry != NULL && sl_errors_count(errors) == 0)
		status = SL_EXIT_OK;
	sl_errors_print(errors, stderr);
	sl_registry_free(registry);
	sl_host_config_free(host);
	sl_errors_free(errors);
	return status;
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	const char *config = NULL;
	bool model = false;
	int option;

	while ((option = sl_verb_option(verb, argc, argv)) != -1) {
		switch (option) {
		case 'c':
			config = optarg;
			break;
		case 'm':
			model = true;
			break;
		case 'h':
			return sl_verb_usage(verb);
		default:
			return SL_EXIT_WRONG;
		}
	}
	if (optind == argc)
		return sl_verb_misused(verb, "name a chain file");
	return sl_verb_flush(verb, check_all(argv + optind, argc - optind, config, model));
}

static const struct sl_option options[] = {
	SL_OPT_CONFIG,
	{'m', "model", NULL,
	 "print what each chain says, with defaults, as JSON; two files that say the same print "
	 "the same, in YAML or Lua"},
	SL_OPT_END,
};

static const struct sl_form forms[] = {
	{"CHAIN...", NULL},
	{NULL, NULL},
};

const struct sl_verb sl_verb_check = {
	.name = "check",
	.summary = "Check chain files and report every error with its place",
	.help = "Needs no rights, devices or hugepages, and starts nothing. Silent when all "
		"is well; errors go to standard error as FILE:LINE:COLUMN: error: TEXT.",
	.options = options,
	.forms = forms,
	.run = run,
};
