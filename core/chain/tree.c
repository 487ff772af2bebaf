/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <core/chain/tree.h>

const struct sl_tree *sl_tree_get(const struct sl_tree *map, const char *key)
{
	for (uint32_t i = 0; map->kind == SL_TREE_MAP && i < map->count; i++)
		if (strcmp(map->items[i].key->text, key) == 0)
			return map->items[i].value;
	return NULL;
}

bool sl_tree_is_map(const struct sl_tree *tree)
{
	return tree->kind == SL_TREE_MAP || tree->empty;
}

const char *sl_tree_kind_name(const struct sl_tree *tree)
{
	if (tree->empty)
		return "an empty table";
	switch (tree->kind) {
	case SL_TREE_NULL:
		return "nothing";
	case SL_TREE_LIST:
		return "a list";
	case SL_TREE_MAP:
		return "a map";
	default:
		return "a single value";
	}
}

struct sl_place sl_tree_within(const struct sl_tree *scalar, size_t offset)
{
	struct sl_place place = scalar->place;

	if (!scalar->one_line)
		return place;
	if (!scalar->plain)
		place.column++;
	for (size_t i = 0; i < offset; i++)
		if (((unsigned char)scalar->text[i] & 0xc0) != 0x80) /* UTF-8: count characters */
			place.column++;
	return place;
}

const struct sl_tree *sl_tree_read(struct sl_store *store, const char *file, const char *bytes,
				   size_t size, struct sl_errors *errors)
{
	size_t length = strlen(file);

	if (length > 4 && strcmp(file + length - 4, ".lua") == 0)
		return sl_lua_read(store, file, bytes, size, errors);
	return sl_yaml_read(store, file, bytes, size, errors);
}
