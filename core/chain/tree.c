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

const char *sl_tree_kind_name(const struct sl_tree *tree)
{
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
