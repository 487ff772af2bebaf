/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/params.h>
#include <core/chain/values.h>
#include <core/plugin/load.h>

/* Names offered when a key is unknown and no known one is like it. */
#define MAX_NAMES 256

/* A parameter found by name: where its struct stands, and its bit in `given`. */
struct found {
	const struct sl_param *param;
	unsigned char *base;
	unsigned int bit;
};

static void *field_of(const struct found *found)
{
	return found->base + found->param->offset;
}

static bool is_inline(const struct sl_param *param)
{
	return param->kind == SL_TABLE && (param->flags & SL_INLINE) != 0;
}

static void mark_given(unsigned char *base, unsigned int bit)
{
	uint64_t given;

	memcpy(&given, base, sizeof(given));
	given |= UINT64_C(1) << bit;
	memcpy(base, &given, sizeof(given));
}

static uint64_t given_in(const unsigned char *base)
{
	uint64_t given;

	memcpy(&given, base, sizeof(given));
	return given;
}

/* Inline tables are searched too; what is found in one marks the table itself as given. */
static bool find(const struct sl_param *table, unsigned char *base, const char *name,
		 struct found *found)
{
	for (unsigned int i = 0; table != NULL && table[i].name != NULL; i++) {
		if (is_inline(&table[i])) {
			if (!find(table[i].fields, base + table[i].offset, name, found))
				continue;
			mark_given(base, i);
			return true;
		}
		if (strcmp(table[i].name, name) == 0) {
			*found = (struct found){&table[i], base, i};
			return true;
		}
	}
	return false;
}

static unsigned int collect_names(const struct sl_param *table, const char **names,
				  unsigned int count)
{
	for (; table != NULL && table->name != NULL && count < MAX_NAMES - 1; table++) {
		if (is_inline(table))
			count = collect_names(table->fields, names, count);
		else
			names[count++] = table->name;
	}
	return count;
}

static void unknown(struct sl_params_reader *reader, const struct sl_tree *key,
		    const struct sl_section *sections, unsigned int count, const char *const *skip,
		    const char *what)
{
	const char *names[MAX_NAMES], *near;
	char list[256] = "";
	unsigned int n = 0;
	size_t length = 0;

	for (unsigned int s = count; s-- > 0;)
		n = collect_names(sections[s].table, names, n);
	for (; skip != NULL && *skip != NULL && n < MAX_NAMES - 1; skip++)
		names[n++] = *skip;
	names[n] = NULL;
	near = sl_near_miss(key->text, names);
	if (near != NULL) {
		sl_fail_place(reader->errors, EINVAL, key->place,
			      "unknown parameter `%s` of %s; did you mean `%s`?", key->text, what,
			      near);
		return;
	}
	for (unsigned int i = 0; i < n && length < sizeof(list) - 48; i++)
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%.40s%s",
					   i > 0 ? ", " : "", names[i],
					   length > sizeof(list) - 100 && i + 1 < n ? ", ..." : "");
	if (n == 0)
		sl_fail_place(reader->errors, EINVAL, key->place,
			      "unknown parameter `%s`; %s has no parameters", key->text, what);
	else
		sl_fail_place(reader->errors, EINVAL, key->place,
			      "unknown parameter `%s` of %s; there are: %s", key->text, what, list);
}

static void wrong_value(struct sl_params_reader *reader, const struct sl_tree *value,
			const struct sl_param *param, int error)
{
	char expected[256], hint[80] = "", address[SL_ADDR_TEXT];
	const char *near = sl_value_near_miss(param, value->text);
	const char *text = value->text;
	struct sl_prefix prefix;

	if (error == -ERANGE && (param->kind == SL_PREFIX || param->kind == SL_ADDRS) &&
	    sl_prefix_parse(text, &prefix) == -ERANGE) {
		for (unsigned int bit = prefix.length; bit < 128; bit++)
			prefix.addr.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
		sl_fail_place(reader->errors, EINVAL, value->place,
			      "`%s`: `%s` has bits set past its length; the prefix is `%s`",
			      param->name, text, sl_prefix_format(&prefix, address));
		return;
	}
	sl_value_expected(param, expected, sizeof(expected));
	if (near != NULL)
		snprintf(hint, sizeof(hint), "; did you mean `%s`?", near);
	sl_fail_place(reader->errors, EINVAL, value->place, "`%s`: expected %s, not `%.60s`%s",
		      param->name, expected, text, hint);
}

static void read_table(struct sl_params_reader *reader, const struct sl_tree *map,
		       const struct sl_param *param, unsigned char *config)
{
	const struct sl_section section = {param->fields, config};
	char what[80];

	if (!sl_tree_is_map(map)) {
		sl_fail_place(reader->errors, EINVAL, map->place,
			      "`%s`: expected a map of parameters, found %s", param->name,
			      sl_tree_kind_name(map));
		return;
	}
	snprintf(what, sizeof(what), "`%.60s`", param->name);
	sl_store_place(reader->store, config, param->size, map->place);
	sl_params_read(reader, map, &section, 1, NULL, what);
}

static void read_text(struct sl_params_reader *reader, const struct sl_tree *value,
		      const struct sl_param *param, const char **field)
{
	size_t length = strlen(value->text);

	if (length < param->min || (param->max != 0 && length > param->max)) {
		sl_fail_place(reader->errors, EINVAL, value->place,
			      "`%s`: the text is %zu bytes long; expected %u to %u", param->name,
			      length, (unsigned int)param->min, (unsigned int)param->max);
		return;
	}
	*field = sl_store_text(reader->store, value->text, length);
	if (*field != NULL)
		sl_store_place(reader->store, *field, length + 1, value->place);
}

static void read_one(struct sl_params_reader *reader, const struct sl_tree *value,
		     const struct sl_param *param, void *field)
{
	int error;

	if (param->kind == SL_TABLE) {
		read_table(reader, value, param, field);
		return;
	}
	sl_store_place(reader->store, field, sl_item_size(param), value->place);
	if (value->kind != SL_TREE_SCALAR) {
		char expected[256];

		sl_value_expected(param, expected, sizeof(expected));
		sl_fail_place(reader->errors, EINVAL, value->place, "`%s`: expected %s, found %s",
			      param->name, expected, sl_tree_kind_name(value));
		return;
	}
	if (param->kind == SL_TEXT) {
		read_text(reader, value, param, field);
		return;
	}
	if (param->kind == SL_PATH) {
		if (reader->path == NULL)
			sl_fail_place(reader->errors, EINVAL, value->place,
				      "`%s`: a path cannot be named here", param->name);
		else
			reader->path(reader->path_context, value, field);
		return;
	}
	error = sl_value_parse(param, value->text, field);
	if (error != 0)
		wrong_value(reader, value, param, error);
	else if (sl_value_rounded(param, value->text))
		sl_note_place(reader->errors, value->place,
			      "`%s`: `%s` is applied as whole events a second, rounded up",
			      param->name, value->text);
}

static void read_list(struct sl_params_reader *reader, const struct sl_tree *value,
		      const struct sl_param *param, struct sl_list *list)
{
	const struct sl_tree_item lone = {NULL, value};
	const struct sl_tree_item *items = value->kind == SL_TREE_LIST ? value->items : &lone;
	uint32_t count = value->kind == SL_TREE_LIST ? value->count : 1;
	size_t size = sl_item_size(param);

	sl_store_place(reader->store, list, sizeof(*list), value->place);
	if (value->kind == SL_TREE_NULL) {
		sl_fail_place(reader->errors, EINVAL, value->place,
			      "`%s` has no value; write `[]` for an empty list", param->name);
		return;
	}
	list->items = sl_store_alloc(reader->store, count, size);
	if (list->items == NULL)
		return;
	list->count = count;
	for (uint32_t i = 0; i < count; i++)
		read_one(reader, items[i].value, param, (unsigned char *)list->items + i * size);
}

void sl_param_read(struct sl_params_reader *reader, const struct sl_tree *value,
		   const struct sl_param *param, void *field)
{
	if ((param->flags & SL_LIST) != 0)
		read_list(reader, value, param, field);
	else
		read_one(reader, value, param, field);
}

/* The default as it would be written; a list's values are separated by commas. */
static void apply_default(struct sl_params_reader *reader, const struct sl_param *param,
			  unsigned char *field)
{
	struct sl_tree *items, list = {.kind = SL_TREE_LIST};
	char *text = sl_store_text(reader->store, param->def, strlen(param->def));
	uint32_t count = 1;

	if (text == NULL)
		return;
	for (const char *c = text; (param->flags & SL_LIST) != 0 && *c != '\0'; c++)
		count += *c == ',';
	items = calloc(count, sizeof(*items));
	list.items = calloc(count, sizeof(*list.items));
	for (uint32_t i = 0; items != NULL && list.items != NULL && i < count; i++) {
		items[i].kind = SL_TREE_SCALAR;
		items[i].text = text;
		list.items[i].value = &items[i];
		if (count > 1) {
			text += strcspn(text, ",");
			*text++ = '\0';
			text += strspn(text, " ");
		}
	}
	list.count = count;
	if (items == NULL || list.items == NULL)
		sl_fail(reader->errors, ENOMEM, "out of memory");
	else
		sl_param_read(reader, (param->flags & SL_LIST) != 0 ? &list : &items[0], param,
			      field);
	free(list.items);
	free(items);
}

static void apply_defaults(struct sl_params_reader *reader, const struct sl_param *table,
			   unsigned char *base)
{
	for (unsigned int i = 0; table != NULL && table[i].name != NULL; i++) {
		bool given = (given_in(base) >> i & 1) != 0;

		if (is_inline(&table[i]) ||
		    (!given && table[i].kind == SL_TABLE && (table[i].flags & SL_LIST) == 0))
			apply_defaults(reader, table[i].fields, base + table[i].offset);
		else if (!given && table[i].def != NULL)
			apply_default(reader, &table[i], base + table[i].offset);
	}
}

static void check_one_of(struct sl_params_reader *reader, struct sl_place place,
			 const struct sl_param *table, uint64_t given, const char *what)
{
	char list[200] = "";
	unsigned int set = 0, count = 0;
	size_t length = 0;

	for (unsigned int i = 0; table[i].name != NULL; i++) {
		if ((table[i].flags & SL_ONE_OF) == 0)
			continue;
		set += given >> i & 1;
		if (length < sizeof(list))
			length += (size_t)snprintf(list + length, sizeof(list) - length, "%s`%s`",
						   count > 0 ? ", " : "", table[i].name);
		count++;
	}
	if (count > 0 && set != 1)
		sl_fail_place(reader->errors, EINVAL, place,
			      set == 0 ? "%s needs one of %s" : "%s takes only one of %s", what,
			      list);
}

static void check_given(struct sl_params_reader *reader, struct sl_place place,
			const struct sl_param *table, const unsigned char *base, const char *what)
{
	uint64_t given = given_in(base);

	for (unsigned int i = 0; table[i].name != NULL; i++) {
		char expected[256];

		if (is_inline(&table[i])) {
			check_given(reader, place, table[i].fields, base + table[i].offset, what);
			continue;
		}
		if ((table[i].flags & SL_REQUIRED) == 0 || (given >> i & 1) != 0)
			continue;
		sl_value_expected(&table[i], expected, sizeof(expected));
		sl_fail_place(reader->errors, EINVAL, place, "%s lacks `%s`: %s%s", what,
			      table[i].name, (table[i].flags & SL_LIST) != 0 ? "a list; each " : "",
			      expected);
	}
	check_one_of(reader, place, table, given, what);
}

static bool skipped(const char *const *skip, const char *name)
{
	for (; skip != NULL && *skip != NULL; skip++)
		if (strcmp(*skip, name) == 0)
			return true;
	return false;
}

static void read_key(struct sl_params_reader *reader, const struct sl_tree_item *item,
		     const struct sl_section *sections, unsigned int count, const char *const *skip,
		     const char *what)
{
	struct found found;

	if (skipped(skip, item->key->text))
		return;
	for (unsigned int s = 0; s < count; s++) {
		if (!find(sections[s].table, sections[s].config, item->key->text, &found))
			continue;
		if ((given_in(found.base) >> found.bit & 1) != 0)
			return; /* twice: told when the file was read */
		mark_given(found.base, found.bit);
		sl_param_read(reader, item->value, found.param, field_of(&found));
		return;
	}
	unknown(reader, item->key, sections, count, skip, what);
}

void sl_params_read(struct sl_params_reader *reader, const struct sl_tree *map,
		    const struct sl_section *sections, unsigned int count, const char *const *skip,
		    const char *what)
{
	for (uint32_t i = 0; map != NULL && i < map->count; i++)
		read_key(reader, &map->items[i], sections, count, skip, what);
	for (unsigned int s = 0; s < count; s++) {
		if (sections[s].table == NULL)
			continue;
		apply_defaults(reader, sections[s].table, sections[s].config);
		if (map != NULL)
			check_given(reader, map->place, sections[s].table, sections[s].config,
				    what);
	}
}
