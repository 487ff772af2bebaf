/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <string.h>

#include <core/chain/schema.h>
#include <core/control/api_table.h>
#include <core/control/openapi.h>

/*
 * Schemas
 */

/* OpenAPI 3.0 has JSON Schema as it was before 2020: no `const`, one type, no empty `required`. */
static void older_object(json_t *schema)
{
	json_t *is = json_object_get(schema, "const"), *type = json_object_get(schema, "type");
	json_t *required = json_object_get(schema, "required");

	if (is != NULL) {
		json_object_set_new(schema, "enum", json_pack("[O]", is));
		json_object_del(schema, "const");
	}
	if (json_is_array(type))
		json_object_set(schema, "type", json_array_get(type, 0));
	if (json_is_array(required) && json_array_size(required) == 0)
		json_object_del(schema, "required");
}

static json_t *older(json_t *schema)
{
	const char *name;
	json_t *inner;
	size_t i;

	if (json_is_object(schema)) {
		older_object(schema);
		json_object_foreach (schema, name, inner)
			older(inner);
	}
	json_array_foreach (schema, i, inner)
		older(inner);
	return schema;
}

static json_t *of_members(const struct sl_api_member *members);

static json_t *of_kind(const struct sl_api_member *member)
{
	switch (member->kind) {
	case SL_API_TEXT:
		return json_pack("{ss, sb}", "type", "string", "nullable", 1);
	case SL_API_NUMBER:
		return json_pack("{ss, si}", "type", "integer", "minimum", 0);
	case SL_API_SIGNED:
		return json_pack("{ss}", "type", "integer");
	case SL_API_REAL:
		return json_pack("{ss}", "type", "number");
	case SL_API_FLAG:
		return json_pack("{ss}", "type", "boolean");
	case SL_API_TEXTS:
		return json_pack("{ss, s{ss}}", "type", "array", "items", "type", "string");
	case SL_API_COUNTS:
		return json_pack("{ss, s{ss}}", "type", "object", "additionalProperties", "type",
				 "integer");
	case SL_API_LIST:
		return json_pack("{ss, so}", "type", "array", "items", of_members(member->members));
	case SL_API_OBJECT:
		break;
	}
	return of_members(member->members);
}

/* There may be more in an answer than the table says: clients must not mind. */
static json_t *of_members(const struct sl_api_member *members)
{
	json_t *properties, *required;

	if (members == NULL)
		return json_pack("{ss}", "type", "object");
	properties = json_object();
	required = json_array();
	for (; members->name != NULL; members++) {
		json_t *schema = of_kind(members);

		if (members->doc != NULL)
			json_object_set_new(schema, "description", json_string(members->doc));
		json_object_set_new(properties, members->name, schema);
		if (!members->optional)
			json_array_append_new(required, json_string(members->name));
	}
	return json_pack("{ss, so, so}", "type", "object", "properties", properties, "required",
			 required);
}

static json_t *as_json(json_t *schema)
{
	return json_pack("{s{so}}", "application/json", "schema", schema);
}

/*
 * Operations
 */

static void add_names(json_t *parameters, const char *path)
{
	const char *open = path, *close;

	while ((open = strchr(open, '{')) != NULL) {
		close = strchr(++open, '}');
		json_array_append_new(parameters,
				      json_pack("{ss%, ss, sb, s{ss}}", "name", open,
						(size_t)(close - open), "in", "path", "required", 1,
						"schema", "type", "string"));
	}
}

static void add_query(json_t *parameters, const struct sl_api_operation *o)
{
	for (const struct sl_param *p = o->args; p != NULL && p->name != NULL; p++)
		json_array_append_new(parameters,
				      json_pack("{ss, ss, ss?, sb, so}", "name", p->name, "in",
						"query", "description", p->doc, "required",
						(p->flags & SL_REQUIRED) != 0, "schema",
						sl_schema_param(p)));
	if (o->any_args)
		json_array_append_new(parameters,
				      json_pack("{ss, ss, ss, ss, sb, s{ss, s{ss}}}", "name",
						"arguments", "in", "query", "description",
						"Any number of them: NAME=VALUE", "style", "form",
						"explode", 1, "schema", "type", "object",
						"additionalProperties", "type", "string"));
}

static json_t *body(const struct sl_api_operation *o)
{
	json_t *schema;
	bool required;

	if (o->any_args)
		return json_pack("{so}", "content", as_json(json_pack("{ss}", "type", "object")));
	schema = sl_schema_object(NULL);
	sl_schema_table(schema, o->args);
	required = json_array_size(json_object_get(schema, "required")) != 0;
	return json_pack("{sb, so}", "required", required, "content", as_json(schema));
}

static void add_error(json_t *responses, unsigned int status)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", status);
	json_object_set_new(
		responses, text,
		json_pack("{so}", "$ref", json_sprintf("#/components/responses/%u", status)));
}

static json_t *responses(const struct sl_api_operation *o)
{
	json_t *all = json_object(), *content;

	if (o->type != NULL)
		content = json_pack("{s{s{ss}}}", o->type, "schema", "type", "string");
	else
		content = as_json(of_members(o->answer));
	json_object_set_new(all, "200",
			    json_pack("{ss, so}", "description", "Done", "content", content));
	add_error(all, SL_API_BAD_REQUEST);
	add_error(all, SL_API_FORBIDDEN);
	add_error(all, SL_API_UNAVAILABLE);
	if (strchr(o->path, '{') != NULL)
		add_error(all, SL_API_NOT_FOUND);
	if (strcmp(o->method, "POST") == 0) {
		add_error(all, SL_API_CONFLICT);
		add_error(all, SL_API_TOO_LONG);
		add_error(all, SL_API_WRONG_TYPE);
	}
	return all;
}

static json_t *of_operation(const struct sl_api_operation *o)
{
	static const char *const roles[] = {
		[SL_ROLE_NONE] = "none", [SL_ROLE_READ] = "reader", [SL_ROLE_ADMIN] = "admin"};
	json_t *object = json_pack("{ss, ss, ss?, ss}", "operationId", o->name, "summary",
				   o->summary, "description", o->doc, "x-role", roles[o->role]);
	json_t *parameters = json_array();

	if (o->doc == NULL)
		json_object_del(object, "description");
	add_names(parameters, o->path);
	if (strcmp(o->method, "GET") == 0 || o->any_args)
		add_query(parameters, o);
	json_object_set_new(object, "parameters", parameters);
	if (strcmp(o->method, "POST") == 0 && (o->args != NULL || o->any_args))
		json_object_set_new(object, "requestBody", body(o));
	json_object_set_new(object, "responses", responses(o));
	return object;
}

static json_t *paths(void)
{
	json_t *all = json_object();

	for (unsigned int t = 0; sl_api_tables[t] != NULL; t++)
		for (const struct sl_api_operation *o = sl_api_tables[t]; o->method != NULL; o++) {
			json_t *path = json_object_get(all, o->path);
			char method[8];
			size_t i = 0;

			for (; o->method[i] != '\0' && i < sizeof(method) - 1; i++)
				method[i] = (char)tolower(o->method[i]);
			method[i] = '\0';
			if (path == NULL) {
				path = json_object();
				json_object_set_new(all, o->path, path);
			}
			json_object_set_new(path, method, of_operation(o));
		}
	return all;
}

static json_t *components(void)
{
	static const struct {
		unsigned int status;
		const char *doc;
	} errors[] = {
		{SL_API_BAD_REQUEST, "What was given is wrong; nothing was done"},
		{SL_API_FORBIDDEN, "Who asks may not do this; nothing was done"},
		{SL_API_NOT_FOUND, "There is nothing of that name"},
		{SL_API_CONFLICT, "Something stands against it that runs; nothing was done"},
		{SL_API_TOO_LONG, "The body is longer than 4 MiB, or there are too many arguments"},
		{SL_API_WRONG_TYPE, "The body is no JSON"},
		{SL_API_UNAVAILABLE, "It cannot be done now; nothing was done"},
	};
	static const struct sl_api_member members[] = {
		{"error", SL_API_TEXT, "What is wrong", NULL, false},
		{"where", SL_API_TEXT, "Of what was sent: a place in a chain, or the request", NULL,
		 false},
		{"hint", SL_API_TEXT, "What to do about it", NULL, true},
		{"errors", SL_API_TEXTS, "All that is wrong, with its place", NULL, true},
		{NULL, SL_API_TEXT, NULL, NULL, false},
	};
	json_t *list = json_object();

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		char status[8];

		snprintf(status, sizeof(status), "%u", errors[i].status);
		json_object_set_new(list, status,
				    json_pack("{ss, so}", "description", errors[i].doc, "content",
					      as_json(json_pack("{ss}", "$ref",
								"#/components/schemas/error"))));
	}
	return json_pack("{s{so}, so}", "schemas", "error", of_members(members), "responses", list);
}

json_t *sl_openapi(void)
{
	return older(json_pack(
		"{ss, s{ss, ss, ss, s{ss}}, s[{ss, ss}], so, so}", "openapi", "3.0.3", "info",
		"title", "sluice", "version", SL_VERSION, "description",
		"The control API of a running sluice: JSON over HTTP on a Unix socket. `x-role` "
		"says "
		"who may: readers look, admins change.",
		"license", "name", "BSD-3-Clause", "servers", "url", "http://sluice", "description",
		"Over the control socket; the name of the host has no meaning", "paths", paths(),
		"components", components()));
}
