/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The chain of a test: the one in the test file, or in a file that it names, where each port is
 * one that a test can drive. What a port has in common with others (addresses, MTU, ...) stays;
 * what only its kind knows goes, and so do cores, as a test has one worker.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/params.h>
#include <core/test/build.h>
#include <core/test/case.h>
#include <core/test/port.h>

struct edit {
	struct sl_store *store;
	struct sl_errors *errors;
	bool failed;
};

/* A map with room for more. */
static struct sl_tree *new_map(struct edit *e, struct sl_place place, uint32_t room)
{
	struct sl_tree *map = sl_store_alloc(e->store, 1, sizeof(*map));

	if (map != NULL)
		map->items = sl_store_alloc(e->store, room, sizeof(*map->items));
	if (map == NULL || map->items == NULL) {
		e->failed = true;
		return NULL;
	}
	map->kind = SL_TREE_MAP;
	map->place = place;
	map->weight = 1;
	return map;
}

static const struct sl_tree *new_text(struct edit *e, struct sl_place place, const char *text)
{
	struct sl_tree *tree = sl_store_alloc(e->store, 1, sizeof(*tree));

	if (tree != NULL)
		*tree = (struct sl_tree){.kind = SL_TREE_SCALAR,
					 .place = place,
					 .text = sl_store_text(e->store, text, strlen(text)),
					 .weight = 1};
	e->failed |= tree == NULL || tree->text == NULL;
	return tree;
}

static void add(struct sl_tree *map, const struct sl_tree *key, const struct sl_tree *value)
{
	map->items[map->count++] = (struct sl_tree_item){key, value};
}

static bool in_table(const struct sl_param *table, const char *name)
{
	for (; table != NULL && table->name != NULL; table++)
		if (strcmp(table->name, name) == 0 ||
		    (table->kind == SL_TABLE && (table->flags & SL_INLINE) != 0 &&
		     in_table(table->fields, name)))
			return true;
	return false;
}

/* Does only its kind know this parameter? */
static bool is_kinds(const struct sl_tree *port, const char *name)
{
	const struct sl_tree *tree = sl_tree_get(port, "kind");
	const struct sl_port_kind *kind = NULL;

	if (strcmp(name, "kind") == 0 || strcmp(name, "cores") == 0)
		return true;
	if (tree != NULL && tree->kind == SL_TREE_SCALAR)
		kind = sl_port_kind_find(tree->text);
	return kind != NULL && !in_table(sl_port_params, name) && in_table(kind->params, name);
}

/* further: what the test says of the port, or NULL. */
static const struct sl_tree *edit_port(struct edit *e, unsigned int number,
				       const struct sl_tree *key, const struct sl_tree *port,
				       const struct sl_tree *further)
{
	uint32_t room = port->count + (further != NULL ? further->count : 0) + 2;
	struct sl_tree *map = new_map(e, port->place, room);
	char text[24];
	uint8_t mac[6];

	for (uint32_t i = 0; map != NULL && i < port->count; i++) {
		const struct sl_tree_item *item = &port->items[i];

		if (!is_kinds(port, item->key->text) &&
		    (further == NULL || sl_tree_get(further, item->key->text) == NULL))
			add(map, item->key, item->value);
	}
	for (uint32_t i = 0; map != NULL && further != NULL && i < further->count; i++)
		add(map, further->items[i].key, further->items[i].value);
	if (map == NULL)
		return port;
	add(map, new_text(e, key->place, "kind"), new_text(e, key->place, SL_TEST_PORT));
	if (sl_tree_get(map, "mac") == NULL && !e->failed) {
		sl_test_mac(number, false, mac);
		snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
			 mac[2], mac[3], mac[4], mac[5]);
		add(map, new_text(e, key->place, "mac"), new_text(e, key->place, text));
	}
	return map;
}

static const struct sl_tree *edit_ports(struct edit *e, const struct sl_tree *ports,
					const struct sl_tree *further)
{
	struct sl_tree *map = new_map(e, ports->place, ports->count);
	struct sl_tree empty = {.kind = SL_TREE_MAP};

	for (uint32_t i = 0; map != NULL && i < ports->count && !e->failed; i++) {
		const struct sl_tree_item *item = &ports->items[i];
		const struct sl_tree *more =
			further != NULL ? sl_tree_get(further, item->key->text) : NULL;
		bool good = sl_tree_is_map(item->value) || item->value->kind == SL_TREE_NULL;

		empty.place = item->value->place;
		add(map, item->key,
		    good ? edit_port(e, i, item->key,
				     item->value->kind == SL_TREE_NULL ? &empty : item->value,
				     more != NULL && more->kind == SL_TREE_MAP ? more : NULL)
			 : item->value);
	}
	for (uint32_t i = 0; further != NULL && i < further->count; i++)
		if (sl_tree_get(ports, further->items[i].key->text) == NULL)
			sl_fail_place(e->errors, ENOENT, further->items[i].key->place,
				      "the chain has no port `%s`", further->items[i].key->text);
	return map != NULL ? map : ports;
}

static const struct sl_tree *without_cores(struct edit *e, const struct sl_tree *vnfs)
{
	struct sl_tree *map = new_map(e, vnfs->place, vnfs->count);

	for (uint32_t i = 0; map != NULL && i < vnfs->count; i++) {
		const struct sl_tree *vnf = vnfs->items[i].value;
		struct sl_tree *copy;

		if (vnf->kind != SL_TREE_MAP || sl_tree_get(vnf, "cores") == NULL) {
			add(map, vnfs->items[i].key, vnf);
			continue;
		}
		copy = new_map(e, vnf->place, vnf->count);
		for (uint32_t k = 0; copy != NULL && k < vnf->count; k++)
			if (strcmp(vnf->items[k].key->text, "cores") != 0)
				add(copy, vnf->items[k].key, vnf->items[k].value);
		add(map, vnfs->items[i].key, copy != NULL ? copy : vnf);
	}
	return map != NULL ? map : vnfs;
}

static const struct sl_tree *edit_chain(struct edit *e, const struct sl_tree *chain,
					const struct sl_tree *further)
{
	struct sl_tree *map = new_map(e, chain->place, chain->count + 1);

	if (map == NULL)
		return NULL;
	for (uint32_t i = 0; i < chain->count && !e->failed; i++) {
		const struct sl_tree_item *item = &chain->items[i];
		const struct sl_tree *value = item->value;

		if (strcmp(item->key->text, "ports") == 0 && sl_tree_is_map(value))
			value = edit_ports(e, value, further);
		else if (strcmp(item->key->text, "vnfs") == 0 && value->kind == SL_TREE_MAP)
			value = without_cores(e, value);
		add(map, item->key, value);
	}
	if (sl_tree_get(chain, "sluice") == NULL && !e->failed)
		add(map, new_text(e, chain->place, "sluice"), new_text(e, chain->place, "1"));
	return map;
}

/* A file beside the test's own. */
static const struct sl_tree *read_chain(struct edit *e, const char *file,
					const struct sl_tree *name)
{
	const char *slash = strrchr(file, '/');
	const struct sl_tree *tree = NULL;
	char *path, *bytes;
	size_t size;

	if (asprintf(&path, "%.*s%s",
		     slash != NULL && name->text[0] != '/' ? (int)(slash - file + 1) : 0, file,
		     name->text) < 0)
		return NULL;
	bytes = sl_file_read(path, &size, e->errors);
	if (bytes != NULL)
		tree = sl_tree_read(e->store, path, bytes, size, e->errors);
	else
		sl_fail_place(e->errors, ENOENT, name->place, "`chain`: the file cannot be read");
	free(bytes);
	free(path);
	return tree;
}

const struct sl_tree *sl_test_chain(struct sl_store *store, const char *file,
				    const struct sl_tree *root, struct sl_errors *errors)
{
	struct edit e = {.store = store, .errors = errors};
	const struct sl_tree *chain = sl_tree_get(root, "chain"), *further;

	further = sl_tree_get(root, "ports");
	if (further != NULL && further->kind != SL_TREE_MAP) {
		sl_fail_place(errors, EINVAL, further->place,
			      "`ports`: expected a map from ports of the chain to parameters");
		return NULL;
	}
	if (chain == NULL) {
		sl_fail_place(errors, EINVAL, root->place,
			      "the test lacks `chain`: a chain, or the name of a chain file");
		return NULL;
	}
	if (chain->kind == SL_TREE_SCALAR)
		chain = read_chain(&e, file, chain);
	if (chain == NULL)
		return NULL;
	if (!sl_tree_is_map(chain)) {
		sl_fail_place(errors, EINVAL, chain->place,
			      "`chain`: expected a chain or the name of a file, found %s",
			      sl_tree_kind_name(chain));
		return NULL;
	}
	chain = edit_chain(&e, chain, further);
	if (e.failed)
		sl_fail(errors, ENOMEM, "%s: out of memory", file);
	return e.failed ? NULL : chain;
}
