/* SPDX-License-Identifier: BSD-3-Clause */
/* The `steering:` of a chain: which packets of a port take which path. */
#include <errno.h>
#include <string.h>

#include <core/chain/load.h>

/* Paths that can be entered at the port whose steering is read. */
struct choice {
	struct sl_loader *loader;
	const char *port;
	struct sl_chain_entry entries[SL_MAX_ENTRIES];
	unsigned int count, own_edges;
};

static bool edge_to(void *context, const struct sl_tree *name, uint32_t *edge)
{
	struct choice *choice = context;
	uint32_t path = sl_find_path(choice->loader, name);

	if (path == SL_NO_PATH)
		return false;
	for (unsigned int e = 0; e < choice->count; e++) {
		if (choice->entries[e].path != path)
			continue;
		*edge = SL_EDGE_FIRST + choice->own_edges + e;
		return true;
	}
	sl_fail_place(choice->loader->errors, EINVAL, name->place,
		      "path `%s` cannot be entered at port `%s`: it neither starts there nor ends "
		      "there both ways",
		      name->text, choice->port);
	return false;
}

/* The parameter that a bare list stands for: the first list of tables. */
static const struct sl_param *rules_param(const struct sl_node_type *type)
{
	const struct sl_param *param = type->params;

	for (; param != NULL && param->name != NULL; param++)
		if (param->kind == SL_TABLE && (param->flags & SL_LIST) != 0)
			return param;
	return NULL;
}

static const struct sl_node_type *find_type(struct sl_loader *loader, struct sl_place place)
{
	struct sl_errors *errors = sl_errors_new();
	const struct sl_node_type *type = NULL;

	if (errors != NULL)
		type = sl_registry_steering(loader->registry, errors);
	else
		sl_fail(loader->errors, ENOMEM, "out of memory");
	sl_errors_move(errors, loader->errors, place);
	sl_errors_free(errors);
	return type;
}

/* The map that a list is short for. */
static const struct sl_tree *as_map(struct sl_loader *loader, const struct sl_tree *tree,
				    const struct sl_param *param)
{
	struct sl_tree *map, *key;

	if (tree->kind != SL_TREE_LIST || param == NULL)
		return tree;
	map = sl_store_alloc(loader->store, 2, sizeof(*map));
	if (map == NULL)
		return NULL;
	key = map + 1;
	*key = (struct sl_tree){.kind = SL_TREE_SCALAR, .place = tree->place, .text = param->name};
	*map = (struct sl_tree){.kind = SL_TREE_MAP, .place = tree->place, .count = 1};
	map->items = sl_store_alloc(loader->store, 1, sizeof(*map->items));
	if (map->items == NULL)
		return NULL;
	map->items[0] = (struct sl_tree_item){key, tree};
	return map;
}

static void read_rules(struct sl_loader *loader, struct sl_chain_steering *steering,
		       const struct sl_tree *tree)
{
	struct choice choice = {.loader = loader,
				.port = loader->chain->ports[steering->port].name};
	struct sl_params_reader reader = {.store = loader->store,
					  .errors = loader->errors,
					  .path = edge_to,
					  .path_context = &choice};
	const struct sl_node_type *type = steering->type;
	size_t size = type->config_size > 0 ? type->config_size : sizeof(uint64_t);
	const struct sl_tree *map = as_map(loader, tree, rules_param(type));
	unsigned int before = sl_errors_count(loader->errors);
	void *config = sl_store_alloc(loader->store, 1, size);
	const struct sl_section part = {type->params, config};
	char what[128];

	if (config == NULL || map == NULL)
		return;
	steering->config = config;
	if (!sl_tree_is_map(map)) {
		sl_fail_place(loader->errors, EINVAL, tree->place,
			      "steering of port `%s`: expected a list of rules, found %s",
			      choice.port, sl_tree_kind_name(tree));
		return;
	}
	while (type->edges != NULL && type->edges[choice.own_edges].name != NULL)
		choice.own_edges++;
	choice.count =
		sl_chain_entries(loader->chain, steering->port, choice.entries, SL_MAX_ENTRIES);
	if (choice.count == 0) {
		sl_fail_place(loader->errors, EINVAL, steering->place,
			      "no path can be entered at port `%s`: there is nothing to steer",
			      choice.port);
		return;
	}
	if (choice.count + choice.own_edges > SL_MAX_ENTRIES) {
		sl_fail_place(loader->errors, E2BIG, steering->place,
			      "port `%s` has %u paths; steering can choose from %u", choice.port,
			      choice.count, SL_MAX_ENTRIES - choice.own_edges);
		return;
	}
	sl_store_place(loader->store, config, size, steering->place);
	snprintf(what, sizeof(what), "the steering of port `%s`", choice.port);
	sl_params_read(&reader, map, &part, 1, NULL, what);
	if (sl_errors_count(loader->errors) != before || sl_store_failed(loader->store) ||
	    type->check == NULL)
		return;
	snprintf(what, sizeof(what), "steering of port `%s`: ", choice.port);
	sl_errors_subject(loader->errors, what, steering->place);
	type->check(config, loader->errors);
	sl_errors_subject(loader->errors, NULL, SL_NOWHERE);
}

static void unknown_port(struct sl_loader *loader, const struct sl_tree *name)
{
	const struct sl_chain *chain = loader->chain;
	const char **known = sl_store_alloc(loader->store, chain->port_count + 1, sizeof(*known));

	if (known == NULL)
		return;
	for (unsigned int i = 0; i < chain->port_count; i++)
		known[i] = chain->ports[i].name;
	sl_unknown_name(loader, name->place, "port", name->text, known);
}

void sl_read_steering(struct sl_loader *loader)
{
	const struct sl_tree *map = sl_top_map(loader, "steering", false);
	struct sl_chain *chain = loader->chain;
	const struct sl_node_type *type;

	if (map == NULL || map->count == 0)
		return;
	chain->steerings = sl_store_alloc(loader->store, map->count, sizeof(*chain->steerings));
	if (chain->steerings == NULL)
		return;
	type = find_type(loader, map->place);
	for (uint32_t i = 0; i < map->count; i++) {
		struct sl_chain_steering *steering = &chain->steerings[chain->steering_count];

		steering->place = map->items[i].key->place;
		steering->type = type;
		while (steering->port < chain->port_count &&
		       strcmp(chain->ports[steering->port].name, map->items[i].key->text) != 0)
			steering->port++;
		if (steering->port == chain->port_count) {
			unknown_port(loader, map->items[i].key);
			steering->port = 0;
			continue;
		}
		chain->steering_count++;
		if (type != NULL)
			read_rules(loader, steering, map->items[i].value);
	}
}
