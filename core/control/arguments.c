/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/params.h>
#include <core/control/arguments.h>

/* A request is 4 MiB at most, and stored twice. */
#define MOST_BYTES (16 << 20)

struct sl_arguments {
	struct sl_store *store;
	void *config;
};

static struct sl_tree *scalar(struct sl_store *store, const char *text)
{
	struct sl_tree *tree = sl_store_alloc(store, 1, sizeof(*tree));
	char *copy = sl_store_text(store, text, strlen(text));

	if (tree == NULL || copy == NULL)
		return NULL;
	*tree = (struct sl_tree){
		.kind = SL_TREE_SCALAR,
		.plain = true,
		.one_line = true,
		.text = copy,
		.weight = 1,
	};
	return tree;
}

/* All values of one name: a scalar, or a list when there are several. */
static const struct sl_tree *values(struct sl_store *store, const struct sl_arg *args,
				    unsigned int count, unsigned int first)
{
	struct sl_tree *list = sl_store_alloc(store, 1, sizeof(*list));

	if (list == NULL)
		return NULL;
	list->kind = SL_TREE_LIST;
	list->weight = 1;
	list->items = sl_store_alloc(store, count, sizeof(*list->items));
	if (list->items == NULL)
		return NULL;
	for (unsigned int i = first; i < count; i++) {
		if (strcmp(args[i].name, args[first].name) != 0)
			continue;
		list->items[list->count].value = scalar(store, args[i].value);
		if (list->items[list->count].value == NULL)
			return NULL;
		list->count++;
		list->weight++;
	}
	return list->count == 1 ? list->items[0].value : list;
}

static bool said_before(const struct sl_arg *args, unsigned int i)
{
	for (unsigned int j = 0; j < i; j++)
		if (strcmp(args[i].name, args[j].name) == 0)
			return true;
	return false;
}

static const struct sl_tree *tree_of(struct sl_store *store, const struct sl_arg *args,
				     unsigned int count)
{
	struct sl_tree *map = sl_store_alloc(store, 1, sizeof(*map));

	if (map == NULL)
		return NULL;
	map->kind = SL_TREE_MAP;
	map->weight = 1;
	map->items = sl_store_alloc(store, count + 1, sizeof(*map->items));
	if (map->items == NULL)
		return NULL;
	for (unsigned int i = 0; i < count; i++) {
		struct sl_tree_item *item = &map->items[map->count];

		if (said_before(args, i))
			continue;
		item->key = scalar(store, args[i].name);
		item->value = values(store, args, count, i);
		if (item->key == NULL || item->value == NULL)
			return NULL;
		map->count++;
		map->weight += 1 + item->value->weight;
	}
	return map;
}

struct sl_arguments *sl_arguments_read(const struct sl_param *params, size_t size,
				       const struct sl_arg *args, unsigned int count,
				       const char *const *skip, const char *what,
				       struct sl_errors *errors)
{
	static const struct sl_param none[] = {{0}};
	struct sl_arguments *arguments = calloc(1, sizeof(*arguments));
	struct sl_store *store = sl_store_new(MOST_BYTES);
	struct sl_params_reader reader = {.store = store, .errors = errors};
	struct sl_section section = {.table = params != NULL ? params : none};
	const struct sl_tree *map;
	unsigned int before = sl_errors_count(errors);

	if (arguments == NULL || store == NULL)
		goto no_memory;
	arguments->store = store;
	/* A struct without parameters still has its `given`. */
	arguments->config = sl_store_alloc(store, 1, size + sizeof(uint64_t));
	map = tree_of(store, args, count);
	if (arguments->config == NULL || map == NULL)
		goto no_memory;
	section.config = arguments->config;
	sl_params_read(&reader, map, &section, 1, skip, what);
	if (sl_store_failed(store))
		goto no_memory;
	if (sl_errors_count(errors) == before)
		return arguments;
	sl_arguments_free(arguments);
	return NULL;
no_memory:
	sl_fail(errors, ENOMEM, "%s: the arguments are too long", what);
	sl_store_free(store);
	free(arguments);
	return NULL;
}

const void *sl_arguments_struct(const struct sl_arguments *arguments)
{
	return arguments->config;
}

void sl_arguments_free(struct sl_arguments *arguments)
{
	if (arguments == NULL)
		return;
	sl_store_free(arguments->store);
	free(arguments);
}
