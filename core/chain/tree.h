/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a chain file says, before anything is known of its meaning: scalars, lists and maps,
 * each with its place. Every language of chain files becomes this.
 */
#ifndef CORE_CHAIN_TREE_H
#define CORE_CHAIN_TREE_H

#include <stdint.h>

#include <core/chain/store.h>

enum sl_tree_kind {
	SL_TREE_NULL,
	SL_TREE_SCALAR,
	SL_TREE_LIST,
	SL_TREE_MAP,
};

struct sl_tree;

struct sl_tree_item {
	const struct sl_tree *key; /* a scalar; NULL in lists */
	const struct sl_tree *value;
};

struct sl_tree {
	enum sl_tree_kind kind;
	/* Scalars: the text starts at the place, or one column after it when it is quoted, and
	 * goes on in one line. */
	bool plain, one_line;
	bool empty; /* SL_TREE_LIST: of a language in which an empty list is an empty map too */
	struct sl_place place;
	const char *text; /* scalars; no NUL inside */
	struct sl_tree_item *items;
	uint32_t count;
	uint32_t weight; /* nodes in it when each alias is counted in full */
};

/* The value of a key, or NULL. */
const struct sl_tree *sl_tree_get(const struct sl_tree *map, const char *key);
bool sl_tree_is_map(const struct sl_tree *tree);
/* "a text", "a list", ... for messages. */
const char *sl_tree_kind_name(const struct sl_tree *tree);
/* Place of the byte at that offset of a scalar's text. */
struct sl_place sl_tree_within(const struct sl_tree *scalar, size_t offset);

/* Read YAML. NULL with messages; a tree may come back although there are messages (duplicate
 * keys), so that the rest can be checked too. `file` is copied into the store. */
const struct sl_tree *sl_yaml_read(struct sl_store *store, const char *file, const char *bytes,
				   size_t size, struct sl_errors *errors);
/* Read Lua, in the same way: a script that returns a table. */
const struct sl_tree *sl_lua_read(struct sl_store *store, const char *file, const char *bytes,
				  size_t size, struct sl_errors *errors);
/* Read the language that the file's name tells: Lua when it ends with ".lua", else YAML. */
const struct sl_tree *sl_tree_read(struct sl_store *store, const char *file, const char *bytes,
				   size_t size, struct sl_errors *errors);
/* Read a whole file; the caller frees the bytes. NULL with a message. */
char *sl_file_read(const char *file, size_t *size, struct sl_errors *errors);

#endif
