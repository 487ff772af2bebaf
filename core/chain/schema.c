/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON Schema of chain files. Editors complete and check with it; what a schema cannot say
 * (that a path's VNFs exist, that two ports have two devices) is left to `sluice check`.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/descriptor.h>
#include <core/chain/load.h>
#include <core/chain/schema.h>

#define NAME "[A-Za-z][A-Za-z0-9_-]*"

/* A map from names to what a definition says. */
static json_t *named(const char *definition, const char *doc)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "type", "object", "description", doc,
			 "propertyNames", sl_schema_name(NULL), "additionalProperties",
			 json_pack("{s:s}", "$ref", definition));
}

static json_t *choices(json_t *list)
{
	return json_pack("{s:o}", "oneOf", list);
}

static json_t *ports(void)
{
	json_t *list = json_array();

	for (const struct sl_port_kind *kind = sl_port_kind_first(); kind != NULL;
	     kind = kind->next) {
		json_t *port = sl_schema_object(kind->doc);
		json_t *names = json_pack("[s]", kind->name);

		if (strcmp(kind->name, "null") == 0)
			json_array_append_new(names, json_null());
		sl_schema_table(port, sl_port_params);
		sl_schema_table(port, kind->params);
		json_object_set_new(json_object_get(port, "properties"), "kind",
				    json_pack("{s:o}", "enum", names));
		json_array_append_new(json_object_get(port, "required"), json_string("kind"));
		json_array_append_new(list, port);
	}
	return choices(list);
}

/* How a node type is named after `plugin:`. */
static json_t *plugin_names(const struct sl_plugin *plugin, const struct sl_node_type *type)
{
	json_t *names = json_array();

	if (strcmp(plugin->name, type->name) == 0 || type == &plugin->types[0])
		json_array_append_new(names, json_string(plugin->name));
	json_array_append_new(names, json_sprintf("%s/%s", plugin->name, type->name));
	return names;
}

/* What VNFs of every plugin may say, without `plugin` and `vnf`. */
static void add_common(json_t *object)
{
	json_t *properties = json_object_get(object, "properties");

	for (const struct sl_param *param = sl_vnf_common_params; param->name != NULL; param++)
		if ((param->flags & SL_ONE_OF) == 0)
			json_object_set_new(properties, param->name, sl_schema_param(param));
}

static json_t *edges(const struct sl_name *names)
{
	json_t *object = sl_schema_object("Where the node type's own edges lead.");

	for (; names != NULL && names->name != NULL; names++)
		json_object_set_new(json_object_get(object, "properties"), names->name,
				    sl_schema_name(names->doc));
	return object;
}

static json_t *vnf(const struct sl_plugin *plugin, const struct sl_node_type *type)
{
	json_t *object = sl_schema_object(type->doc);
	json_t *properties = json_object_get(object, "properties");

	add_common(object);
	sl_schema_table(object, type->params);
	json_object_set_new(properties, "plugin",
			    json_pack("{s:o}", "enum", plugin_names(plugin, type)));
	json_object_set_new(properties, "edges", edges(type->edges));
	json_array_append_new(json_object_get(object, "required"), json_string("plugin"));
	return object;
}

/* A plugin named by its file: nothing is known of its parameters. */
static json_t *vnf_by_path(void)
{
	return json_pack("{s:s, s:s, s:[s], s:{s:{s:s, s:s}}}", "type", "object", "description",
			 "A VNF of a plugin that is named by its file.", "required", "plugin",
			 "properties", "plugin", "type", "string", "pattern",
			 "^[./].*|.*[.]so(/" NAME ")?$");
}

static json_t *vnf_by_descriptor(const char *name, const char *doc, json_t *with)
{
	json_t *object = sl_schema_object(doc);
	json_t *properties = json_object_get(object, "properties");

	add_common(object);
	json_object_set_new(properties, "vnf", json_pack("{s:s}", "const", name));
	if (json_array_size(json_object_get(with, "required")) > 0)
		json_array_append_new(json_object_get(object, "required"), json_string("with"));
	json_object_set_new(properties, "with", with);
	json_array_append_new(json_object_get(object, "required"), json_string("vnf"));
	return object;
}

static json_t *vnfs(struct sl_registry *registry, const char *const *folders, unsigned int count,
		    struct sl_errors *errors)
{
	json_t *list = json_array();
	char **names = sl_descriptor_names(folders, count);

	for (unsigned int i = 0; i < sl_registry_count(registry); i++) {
		const struct sl_plugin *plugin = sl_registry_get(registry, i)->plugin;

		for (uint32_t t = 0; t < plugin->type_count; t++)
			json_array_append_new(list, vnf(plugin, &plugin->types[t]));
	}
	json_array_append_new(list, vnf_by_path());
	for (char **name = names; name != NULL && *name != NULL; name++) {
		json_t *with = sl_schema_object(NULL);
		char *doc = sl_descriptor_schema(*name, folders, count, with, errors);

		json_array_append_new(list, vnf_by_descriptor(*name, doc, with));
		free(doc);
	}
	sl_names_free(names);
	return choices(list);
}

static json_t *path(void)
{
	return json_pack("{s:[{s:s, s:s, s:s}, {s:s, s:o, s:i}]}", "anyOf", "type", "string",
			 "description",
			 "The way: `lan <-> fw <-> wan`, or with `->` for one way only.", "pattern",
			 "^\\s*" NAME "\\s*((<->\\s*" NAME "\\s*)+|(->\\s*" NAME "\\s*)+)$", "type",
			 "array", "items", sl_schema_name(NULL), "minItems", 2);
}

/* The steering type's parameters, or the bare list of its rules. */
static json_t *steering(struct sl_registry *registry, struct sl_errors *errors)
{
	const struct sl_node_type *type = sl_registry_steering(registry, errors);
	json_t *object = sl_schema_object("Which packets of the port take which path.");
	json_t *list = json_pack("[O]", object);

	sl_schema_table(object, type != NULL ? type->params : NULL);
	for (const struct sl_param *p = type != NULL ? type->params : NULL;
	     p != NULL && p->name != NULL; p++) {
		if (p->kind != SL_TABLE || (p->flags & SL_LIST) == 0)
			continue;
		json_array_append_new(
			list, json_object_get(json_object_get(object, "properties"), p->name));
		json_incref(json_object_get(json_object_get(object, "properties"), p->name));
		break;
	}
	json_decref(object);
	return json_pack("{s:o}", "anyOf", list);
}

/* A mode, or a map. */
static json_t *fusion(void)
{
	json_t *map = sl_schema_object("How flows are fused.");

	sl_schema_table(map, sl_fusion_params);
	return json_pack("{s:[o, o]}", "anyOf", sl_schema_param(&sl_fusion_params[0]), map);
}

static json_t *whole(struct sl_registry *registry, const char *const *folders, unsigned int count,
		     struct sl_errors *errors)
{
	json_t *root = sl_schema_object("A chain of sluice.");
	json_t *properties = json_object_get(root, "properties");
	json_t *definitions = json_object();

	json_object_set_new(root, "$schema",
			    json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(root, "title", json_string("sluice chain"));
	json_object_set_new(properties, "sluice",
			    json_pack("{s:i, s:s}", "const", 1, "description",
				      "The version of the chain language."));
	json_object_set_new(properties, "name", sl_schema_name("The name of the chain."));
	json_object_set_new(properties, "ports",
			    named("#/$defs/port", "Where packets enter and leave."));
	json_object_set_new(json_object_get(properties, "ports"), "minProperties", json_integer(1));
	json_object_set_new(properties, "vnfs", named("#/$defs/vnf", "The network functions."));
	json_object_set_new(properties, "paths",
			    named("#/$defs/path", "From port to port, through VNFs."));
	json_object_set_new(json_object_get(properties, "paths"), "minProperties", json_integer(1));
	json_object_set_new(properties, "steering",
			    named("#/$defs/steering", "Which packets of a port take which path."));
	json_object_set_new(properties, "fusion", fusion());
	json_object_set_new(root, "required", json_pack("[s, s, s]", "sluice", "ports", "paths"));
	json_object_set_new(definitions, "port", ports());
	json_object_set_new(definitions, "vnf", vnfs(registry, folders, count, errors));
	json_object_set_new(definitions, "path", path());
	json_object_set_new(definitions, "steering", steering(registry, errors));
	json_object_set_new(root, "$defs", definitions);
	return root;
}

int sl_chain_schema(struct sl_registry *registry, const char *const *vnf_folders,
		    unsigned int folder_count, FILE *out, struct sl_errors *errors)
{
	unsigned int before = sl_errors_count(errors);
	json_t *root;
	int failed;

	sl_registry_load_all(registry, errors);
	root = whole(registry, vnf_folders, folder_count, errors);
	failed = json_dumpf(root, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(root);
	if (failed != 0 || ferror(out))
		return sl_fail(errors, EIO, "the schema could not be written");
	return sl_errors_count(errors) == before ? 0 : -EINVAL;
}
