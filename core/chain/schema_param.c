/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <core/chain/schema.h>
#include <core/chain/values.h>

#define ADDRESS "[0-9A-Fa-f:.]+"
#define NUMBER  "(0x[0-9A-Fa-f]+|[0-9]+)"
#define MEASURE "^[0-9]+([.][0-9]+)? *"

json_t *sl_schema_object(const char *doc)
{
	json_t *object = json_pack("{s:s, s:b, s:{}, s:[]}", "type", "object",
				   "additionalProperties", 0, "properties", "required");

	if (doc != NULL)
		json_object_set_new(object, "description", json_string(doc));
	return object;
}

json_t *sl_schema_name(const char *doc)
{
	json_t *name = json_pack("{s:s, s:s}", "type", "string", "pattern",
				 "^[A-Za-z]([A-Za-z0-9_-]{0,38}[A-Za-z0-9_])?$");

	if (doc != NULL)
		json_object_set_new(name, "description", json_string(doc));
	return name;
}

static json_t *pattern(const char *text)
{
	return json_pack("{s:s, s:s}", "type", "string", "pattern", text);
}

static json_t *integer(const struct sl_param *param)
{
	json_t *schema = json_pack("{s:s, s:I}", "type", "integer", "minimum",
				   (json_int_t)(param->min <= INT64_MAX ? param->min : INT64_MAX));

	if (param->max != 0 && param->max <= INT64_MAX)
		json_object_set_new(schema, "maximum", json_integer((json_int_t)param->max));
	return schema;
}

/* A number that a text stands for, or a text of that pattern. */
static json_t *number_or(json_t *number, const char *text)
{
	return json_pack("{s:[o, o]}", "anyOf", number, pattern(text));
}

/* Words, and what YAML makes of those that it reads as something else. */
static json_t *words(const char *const *names)
{
	json_t *list = json_array();
	bool yes = false, no = false, nothing = false;

	for (; *names != NULL; names++) {
		json_array_append_new(list, json_string(*names));
		yes |= strcmp(*names, "on") == 0 || strcmp(*names, "yes") == 0 ||
		       strcmp(*names, "true") == 0;
		no |= strcmp(*names, "off") == 0 || strcmp(*names, "no") == 0 ||
		      strcmp(*names, "false") == 0;
		nothing |= strcmp(*names, "null") == 0;
	}
	if (yes)
		json_array_append_new(list, json_true());
	if (no)
		json_array_append_new(list, json_false());
	if (nothing)
		json_array_append_new(list, json_null());
	return json_pack("{s:o}", "enum", list);
}

static json_t *protocol(void)
{
	json_t *names = json_array();

	for (const char *const *name = sl_proto_names; *name != NULL; name++)
		json_array_append_new(names, json_string(*name));
	json_array_append_new(names, json_string("any"));
	return json_pack("{s:[{s:o}, {s:s, s:i, s:i}]}", "anyOf", "enum", names, "type", "integer",
			 "minimum", 0, "maximum", 255);
}

static json_t *value(const struct sl_param *param)
{
	json_t *table;

	switch (param->kind) {
	case SL_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case SL_UINT:
		return integer(param);
	case SL_DURATION:
		return number_or(json_pack("{s:i}", "const", 0), MEASURE "(ns|us|ms|s|min|h|d)$");
	case SL_SIZE:
		return number_or(integer(param), MEASURE "([kMGT]B|[KMGT]iB|B)?$");
	case SL_BITRATE:
		return number_or(json_pack("{s:i}", "const", 0), MEASURE "[kMGT]?bit/s$");
	case SL_RATE:
		return number_or(json_pack("{s:i}", "const", 0), MEASURE "([kM]?/s|/min|/h)$");
	case SL_TEXT:
		return json_pack("{s:[s, s]}", "type", "string", "number");
	case SL_ENUM:
		return words(param->names);
	case SL_ADDR:
		return pattern("^" ADDRESS "$");
	case SL_PREFIX:
		return pattern("^(any|" ADDRESS "(/[0-9]{1,3})?)$");
	case SL_IFADDR:
		return pattern("^" ADDRESS "(/[0-9]{1,3})?$");
	case SL_ADDRS:
		return pattern("^" ADDRESS "(/[0-9]{1,3}| *- *" ADDRESS ")?$");
	case SL_MAC:
		return pattern("^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$");
	case SL_SPAN:
		return number_or(integer(param), "^" NUMBER "( *- *" NUMBER ")?$");
	case SL_PROTO:
		return protocol();
	case SL_PATH:
		return sl_schema_name(NULL);
	case SL_TABLE:
		table = sl_schema_object(NULL);
		sl_schema_table(table, param->fields);
		return table;
	}
	return json_object();
}

/* The default as JSON: a number or truth value where YAML would make one of it. */
static json_t *default_of(const struct sl_param *param)
{
	char *end;
	long long number = strtoll(param->def, &end, 10);

	if (param->kind == SL_BOOL)
		return json_boolean(param->def[0] == 't' || param->def[0] == 'y' ||
				    strcmp(param->def, "on") == 0);
	if (*end == '\0' && end != param->def && param->kind != SL_TEXT)
		return json_integer(number);
	return json_string(param->def);
}

json_t *sl_schema_param(const struct sl_param *param)
{
	json_t *schema = value(param);

	if ((param->flags & SL_LIST) != 0)
		schema = json_pack("{s:[O, {s:s, s:o}]}", "anyOf", schema, "type", "array", "items",
				   schema);
	if (param->doc != NULL)
		json_object_set_new(schema, "description", json_string(param->doc));
	if (param->def != NULL)
		json_object_set_new(schema, "default", default_of(param));
	return schema;
}

/* Exactly one of the parameters with SL_ONE_OF. */
static void add_one_of(json_t *object, const struct sl_param *table)
{
	json_t *choices = json_array(), *all;

	for (; table->name != NULL; table++)
		if ((table->flags & SL_ONE_OF) != 0)
			json_array_append_new(choices,
					      json_pack("{s:[s]}", "required", table->name));
	if (json_array_size(choices) == 0) {
		json_decref(choices);
		return;
	}
	all = json_object_get(object, "allOf");
	if (all == NULL) {
		all = json_array();
		json_object_set_new(object, "allOf", all);
	}
	json_array_append_new(all, json_pack("{s:o}", "oneOf", choices));
}

void sl_schema_table(json_t *object, const struct sl_param *table)
{
	json_t *properties = json_object_get(object, "properties");

	if (table == NULL)
		return;
	add_one_of(object, table);
	for (; table->name != NULL; table++) {
		if (table->kind == SL_TABLE && (table->flags & SL_INLINE) != 0) {
			sl_schema_table(object, table->fields);
			continue;
		}
		json_object_set_new(properties, table->name, sl_schema_param(table));
		if ((table->flags & SL_REQUIRED) != 0)
			json_array_append_new(json_object_get(object, "required"),
					      json_string(table->name));
	}
}
