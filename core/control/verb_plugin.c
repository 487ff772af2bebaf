/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/ask.h>
#include <core/control/describe.h>
#include <core/control/report.h>
#include <core/control/table.h>
#include <core/control/text.h>
#include <core/host/config.h>

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static void print_doc(const char *doc, unsigned int indent)
{
	sl_text_print(stdout, doc, indent, 94, "");
}

static void print_params(const json_t *params, int indent)
{
	json_t *param;
	size_t i;

	json_array_foreach (params, i, param) {
		const char *def = text_of(param, "default");

		printf("%*s%s: %s", indent, "", text_of(param, "name"), text_of(param, "form"));
		if (json_is_true(json_object_get(param, "required")))
			printf(", required");
		if (json_is_true(json_object_get(param, "one_of")))
			printf(", exactly one of those so marked");
		if (def[0] != '\0')
			printf(", default `%s`", def);
		putchar('\n');
		if (text_of(param, "doc")[0] != '\0')
			print_doc(text_of(param, "doc"), (unsigned int)indent + 4);
		print_params(json_object_get(param, "params"), indent + 4);
	}
}

static void print_names(const char *title, const json_t *names)
{
	json_t *name;
	size_t i;

	if (json_array_size(names) == 0)
		return;
	printf("\n  %s:\n", title);
	json_array_foreach (names, i, name) {
		printf("    %s%s\n", text_of(name, "name"),
		       json_is_true(json_object_get(name, "changes")) ? " (changes something)"
								      : "");
		print_doc(text_of(name, "doc"), 8);
		print_params(json_object_get(name, "params"), 8);
	}
}

static void print_type(const json_t *type)
{
	printf("\nnode type %s\n", text_of(type, "name"));
	print_doc(text_of(type, "doc"), 2);
	if (json_is_true(json_object_get(type, "stateful")))
		puts("  Both directions of a session go to the same worker.");
	if (json_is_true(json_object_get(type, "whole_datagrams")))
		puts("  Fragments are put together before it and made again after it.");
	if (json_is_true(json_object_get(type, "steers")))
		puts("  Serves `steering`.");
	if (json_array_size(json_object_get(type, "params")) != 0) {
		puts("\n  parameters:");
		print_params(json_object_get(type, "params"), 4);
	}
	print_names("edges", json_object_get(type, "edges"));
	print_names("drop reasons", json_object_get(type, "reasons"));
	print_names("counters", json_object_get(type, "counters"));
	print_names("events", json_object_get(type, "events"));
	print_names("commands", json_object_get(type, "commands"));
}

static void print_plugin(const json_t *plugin)
{
	json_t *type;
	size_t i;

	printf("%s %s (%s), %s\n", text_of(plugin, "name"), text_of(plugin, "version"),
	       text_of(plugin, "license"), text_of(plugin, "path"));
	print_doc(text_of(plugin, "doc"), 2);
	json_array_foreach (json_object_get(plugin, "types"), i, type)
		print_type(type);
}

static void list(struct sl_registry *registry, bool json, struct sl_errors *errors)
{
	static const struct sl_column columns[] = {{"plugin", "name"},
						   {"version", "version"},
						   {"types", "types"},
						   {"path", "path"},
						   {"doc", "doc"}};
	json_t *plugins;

	sl_registry_load_all(registry, errors);
	plugins = sl_report_plugins(registry);
	if (json)
		sl_verb_print(plugins, true);
	else
		sl_table_print(stdout, plugins, columns, 5);
	json_decref(plugins);
}

static void show(struct sl_registry *registry, const char *name, bool json,
		 struct sl_errors *errors)
{
	const struct sl_loaded_plugin *loaded = sl_registry_load(registry, name, errors);
	json_t *plugin;

	if (loaded == NULL)
		return;
	plugin = sl_describe_plugin(loaded);
	if (json)
		sl_verb_print(plugin, true);
	else
		print_plugin(plugin);
	json_decref(plugin);
}

/* name NULL: list. */
static int look(const struct sl_verb *verb, const char *name, const char *config, bool json)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_host_config *host = sl_host_config_load(config, errors);
	struct sl_registry *registry = NULL;
	int status;

	if (host != NULL)
		registry = sl_registry_new((const char *const *)host->plugin_folders,
					   host->plugin_folder_count);
	if (registry != NULL && name == NULL)
		list(registry, json, errors);
	else if (registry != NULL)
		show(registry, name, json, errors);
	status = registry == NULL || sl_errors_count(errors) != 0 ? SL_EXIT_WRONG : SL_EXIT_OK;
	sl_errors_print(errors, stderr);
	sl_registry_free(registry);
	sl_host_config_free(host);
	sl_errors_free(errors);
	return sl_verb_flush(verb, status);
}

/* Options without a letter. */
enum { COPY = 256 };

/* Of a running sluice: load, reload or unload. */
static int change(const struct sl_verb *verb, const char *what, const char *name,
		  const struct sl_ask *ask, bool copy)
{
	char *path = sl_client_path("/v1/plugins", name, what, NULL);
	json_t *body = copy ? json_pack("{s:b}", "copy", 1) : json_object();
	json_t *answer = sl_ask(ask, path, body);

	if (answer != NULL && ask->json)
		sl_verb_print(answer, true);
	else if (answer != NULL && strcmp(what, "reload") == 0)
		sl_verb_changes(answer);
	json_decref(answer);
	json_decref(body);
	free(path);
	return sl_verb_flush(verb, answer != NULL ? SL_EXIT_OK : SL_EXIT_FAILED);
}

static bool changes(const char *what)
{
	return strcmp(what, "load") == 0 || strcmp(what, "reload") == 0 ||
	       strcmp(what, "unload") == 0;
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	struct sl_ask ask = {0};
	bool copy = false;
	int option;

	while ((option = sl_verb_option(verb, argc, argv)) != -1) {
		if (option == COPY)
			copy = true;
		else if (!sl_ask_option(verb, option, &ask))
			return ask.status;
	}
	argc -= optind;
	argv += optind;
	if (argc == 1 && strcmp(argv[0], "list") == 0)
		return look(verb, NULL, ask.config, ask.json);
	if (argc == 2 && strcmp(argv[0], "show") == 0)
		return look(verb, argv[1], ask.config, ask.json);
	if (copy && (argc != 2 || strcmp(argv[0], "reload") != 0))
		return sl_verb_misused(verb, "`--copy` only goes with `reload`");
	if (argc == 2 && changes(argv[0]))
		return change(verb, argv[0], argv[1], &ask, copy);
	return sl_verb_misused(verb, "say `list`, or `show`, `load`, `reload` or `unload` and a "
				     "plugin's name or path");
}

static const struct sl_option options[] = {
	SL_OPT_SOCKET, SL_OPT_CONFIG,
	SL_OPT_JSON,   {COPY, "copy", NULL, "reload: carry state over record by record"},
	SL_OPT_END,
};

static const struct sl_form forms[] = {
	{"list", "the plugins in the configured folders"},
	{"show PLUGIN", "what one declares: parameters, drop reasons, counters, events and "
			"commands of each node type"},
	{"load PLUGIN", "make a running sluice load one, before a chain names it"},
	{"reload PLUGIN",
	 "load its file as it is now and put the new code under the running chain"},
	{"unload PLUGIN", "unmap one that nothing uses"},
	{NULL, NULL},
};

const struct sl_verb sl_verb_plugin = {
	.name = "plugin",
	.arguments = "list | show PLUGIN | load|reload|unload PLUGIN",
	.summary = "List plugins, show what one declares, or change those of a running sluice",
	.help = "A plugin is named by its name, or by the path of its file. `list` and "
		"`show` read the files: no sluice needs to run, and no rights are "
		"needed.\n\n`reload` keeps sessions: the "
		"new code goes on with the memory of the old where both say the same layout, and "
		"takes its state over record by record otherwise, or with `--copy`. After an error "
		"the old code runs on.",
	.options = options,
	.forms_title = "Actions",
	.forms = forms,
	.run = run,
};
