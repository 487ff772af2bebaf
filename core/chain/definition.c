/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <core/chain/definition.h>

/* What `kind:` of a parameter may be: the kinds of parameter tables, and `any`. */
static const char *const kind_names[] = {[SL_BOOL] = "bool",
					 [SL_UINT] = "number",
					 [SL_DURATION] = "duration",
					 [SL_SIZE] = "size",
					 [SL_BITRATE] = "bitrate",
					 [SL_RATE] = "rate",
					 [SL_TEXT] = "text",
					 [SL_ENUM] = "word",
					 [SL_ADDR] = "address",
					 [SL_PREFIX] = "prefix",
					 [SL_IFADDR] = "interface-address",
					 [SL_ADDRS] = "addresses",
					 [SL_MAC] = "mac",
					 [SL_SPAN] = "span",
					 [SL_PROTO] = "protocol",
					 [SL_PATH] = "path",
					 [SL_TABLE] = "any",
					 NULL};

static const struct sl_param definition_params[] = {
	{.name = "kind",
	 .kind = SL_ENUM,
	 .flags = SL_REQUIRED,
	 .offset = offsetof(struct sl_definition, kind),
	 .names = kind_names},
	{.name = "list", .kind = SL_BOOL, .offset = offsetof(struct sl_definition, list)},
	{.name = "optional", .kind = SL_BOOL, .offset = offsetof(struct sl_definition, optional)},
	{.name = "words",
	 .kind = SL_TEXT,
	 .flags = SL_LIST,
	 .offset = offsetof(struct sl_definition, words)},
	{.name = "min", .kind = SL_UINT, .offset = offsetof(struct sl_definition, min)},
	{.name = "max", .kind = SL_UINT, .offset = offsetof(struct sl_definition, max)},
	{.name = "doc",
	 .kind = SL_TEXT,
	 .flags = SL_REQUIRED,
	 .offset = offsetof(struct sl_definition, doc)},
	{.name = NULL},
};
enum { WORDS = 3 }; /* its bit in `given` */

bool sl_definition_read(struct sl_loader *loader, const struct sl_tree_item *item,
			struct sl_definition *definition)
{
	static const char *const skip[] = {"default", NULL};
	struct sl_params_reader reader = {.store = loader->store, .errors = loader->errors};
	const struct sl_section part = {definition_params, definition};
	unsigned int before = sl_errors_count(loader->errors);
	char what[128];

	if (item->value->kind != SL_TREE_MAP) {
		sl_fail_place(loader->errors, EINVAL, item->value->place,
			      "parameter `%s`: expected a map with `kind` and `doc`, found %s",
			      item->key->text, sl_tree_kind_name(item->value));
		return false;
	}
	snprintf(what, sizeof(what), "parameter `%.60s`", item->key->text);
	sl_params_read(&reader, item->value, &part, 1, skip, what);
	if (sl_errors_count(loader->errors) != before)
		return false;
	if ((definition->kind == SL_ENUM) != ((definition->given >> WORDS & 1) != 0)) {
		sl_fail_place(loader->errors, EINVAL, item->value->place,
			      "parameter `%s`: `words` goes with kind `word`, and only there",
			      item->key->text);
		return false;
	}
	return true;
}

bool sl_definition_param(struct sl_store *store, const char *name,
			 const struct sl_definition *definition, struct sl_param *param)
{
	const char **words;

	*param = (struct sl_param){.name = name,
				   .kind = (enum sl_param_kind)definition->kind,
				   .flags = definition->list ? SL_LIST : 0,
				   .min = definition->min,
				   .max = definition->max,
				   .doc = definition->doc};
	if (definition->kind != SL_ENUM)
		return true;
	words = sl_store_alloc(store, definition->words.count + 1, sizeof(*words));
	if (words == NULL)
		return false;
	if (definition->words.count > 0)
		memcpy(words, definition->words.items, definition->words.count * sizeof(*words));
	param->names = words;
	return true;
}

static bool any_path(void *context, const struct sl_tree *name, uint32_t *edge)
{
	*edge = 0;
	return true; /* looked up where it is used */
}

bool sl_definition_check(struct sl_loader *loader, const char *name,
			 const struct sl_definition *definition, const struct sl_tree *value)
{
	struct sl_params_reader reader = {
		.store = loader->store, .errors = loader->errors, .path = any_path};
	unsigned int before = sl_errors_count(loader->errors);
	struct sl_param param;
	void *field;

	if (definition->kind == SL_TABLE)
		return true;
	field = sl_store_alloc(loader->store, 1, 64); /* fits a value of any kind */
	if (field == NULL || !sl_definition_param(loader->store, name, definition, &param))
		return false;
	sl_param_read(&reader, value, &param, field);
	return sl_errors_count(loader->errors) == before;
}
