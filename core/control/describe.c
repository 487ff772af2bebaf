/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/chain/values.h>
#include <core/control/describe.h>
#include <core/plugin/json.h>

static void put_text(json_t *object, const char *key, const char *value)
{
	if (value != NULL)
		sl_json_text(sl_json_from(object), key, value);
}

static void put_flag(json_t *object, const char *key, bool value)
{
	if (value)
		json_object_set_new(object, key, json_true());
}

static json_t *names(const struct sl_name *list)
{
	json_t *array = json_array();

	for (const struct sl_name *n = list; n != NULL && n->name != NULL; n++) {
		json_t *object = json_object();

		put_text(object, "name", n->name);
		put_text(object, "doc", n->doc);
		json_array_append_new(array, object);
	}
	return array;
}

/* "a number from 1 to 16", "a list, each a prefix" */
static void put_form(json_t *object, const struct sl_param *param)
{
	char text[512], list[600];

	if (param->kind == SL_TABLE)
		snprintf(text, sizeof(text), "a map");
	else if (param->kind == SL_TEXT)
		snprintf(text, sizeof(text), "a text");
	else if (param->kind == SL_PATH)
		snprintf(text, sizeof(text), "the name of a path");
	else
		sl_value_expected(param, text, sizeof(text));
	snprintf(list, sizeof(list), "a list, each %s", text);
	put_text(object, "form", param->flags & SL_LIST ? list : text);
}

static void add_params(json_t *array, const struct sl_param *params)
{
	for (const struct sl_param *p = params; p != NULL && p->name != NULL; p++) {
		json_t *object;

		/* Its fields stand among these in the file; so do they here. */
		if (p->flags & SL_INLINE) {
			add_params(array, p->fields);
			continue;
		}
		object = json_object();
		put_text(object, "name", p->name);
		put_form(object, p);
		put_text(object, "default", p->def);
		put_flag(object, "required", p->flags & SL_REQUIRED);
		put_flag(object, "one_of", p->flags & SL_ONE_OF);
		put_flag(object, "live", p->flags & SL_LIVE);
		put_text(object, "doc", p->doc);
		if (p->kind == SL_TABLE) {
			json_t *fields = json_array();

			add_params(fields, p->fields);
			json_object_set_new(object, "params", fields);
		}
		json_array_append_new(array, object);
	}
}

static json_t *params_of(const struct sl_param *params)
{
	json_t *array = json_array();

	add_params(array, params);
	return array;
}

static json_t *commands_of(const struct sl_node_type *type)
{
	json_t *array = json_array();

	for (const struct sl_command *c = type->commands; c != NULL && c->name != NULL; c++) {
		json_t *object = json_object();

		put_text(object, "name", c->name);
		put_text(object, "doc", c->doc);
		put_flag(object, "changes", c->changes);
		json_object_set_new(object, "params", params_of(c->args));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *type_of(const struct sl_node_type *type)
{
	json_t *object = json_object();

	put_text(object, "name", type->name);
	put_text(object, "doc", type->doc);
	put_flag(object, "whole_datagrams", type->flags & SL_NODE_WHOLE_DATAGRAMS);
	put_flag(object, "steers", type->flags & SL_NODE_STEERS);
	put_flag(object, "holds", type->flags & SL_NODE_HOLDS);
	put_flag(object, "stateful", type->flags & SL_NODE_STATEFUL);
	json_object_set_new(object, "params", params_of(type->params));
	json_object_set_new(object, "edges", names(type->edges));
	json_object_set_new(object, "reasons", names(type->reasons));
	json_object_set_new(object, "counters", names(type->counters));
	json_object_set_new(object, "events", names(type->events));
	json_object_set_new(object, "commands", commands_of(type));
	return object;
}

json_t *sl_describe_plugin(const struct sl_loaded_plugin *loaded)
{
	const struct sl_plugin *plugin = loaded->plugin;
	json_t *object = json_object(), *types = json_array();

	put_text(object, "name", plugin->name);
	put_text(object, "version", plugin->version);
	put_text(object, "license", plugin->license);
	put_text(object, "doc", plugin->doc);
	put_text(object, "path", loaded->path);
	for (unsigned int i = 0; i < plugin->type_count; i++)
		json_array_append_new(types, type_of(&plugin->types[i]));
	json_object_set_new(object, "types", types);
	return object;
}
