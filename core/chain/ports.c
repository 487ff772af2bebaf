/* SPDX-License-Identifier: BSD-3-Clause */
/* The `ports:` of a chain. */
#include <errno.h>
#include <string.h>

#include <core/chain/load.h>
#include <core/port/l3.h>

#define MAX_PORTS 256
#define MAX_KINDS 64

static const struct sl_port_kind *read_kind(struct sl_loader *loader, const struct sl_tree *tree)
{
	const struct sl_tree *kind = sl_tree_get(tree, "kind");
	const char *names[MAX_KINDS + 1];
	unsigned int count = 0;

	/* `null` is a kind of port and, in YAML, nothing. */
	if (kind != NULL && kind->kind <= SL_TREE_SCALAR) {
		const struct sl_port_kind *found = sl_port_kind_find(kind->text);

		if (found != NULL)
			return found;
	}
	for (const struct sl_port_kind *k = sl_port_kind_first(); k != NULL && count < MAX_KINDS;
	     k = k->next)
		names[count++] = k->name;
	names[count] = NULL;
	if (kind == NULL)
		sl_fail_place(loader->errors, EINVAL, tree->place,
			      "the port lacks `kind`, such as `tap` or `physical`");
	else if (kind->kind != SL_TREE_SCALAR)
		sl_fail_place(loader->errors, EINVAL, kind->place,
			      "`kind`: expected a kind of port, found %s", sl_tree_kind_name(kind));
	else
		sl_unknown_name(loader, kind->place, "kind of port", kind->text, names);
	return NULL;
}

static void read_config(struct sl_loader *loader, struct sl_chain_port *port,
			const struct sl_tree *tree)
{
	static const char *const skip[] = {"kind", NULL};
	struct sl_params_reader reader = {.store = loader->store, .errors = loader->errors};
	unsigned int before = sl_errors_count(loader->errors);
	size_t size = port->kind->config_size;
	struct sl_port_config *config = sl_store_alloc(loader->store, 1, sizeof(*config));
	void *own = sl_store_alloc(loader->store, 1, size > 0 ? size : sizeof(uint64_t));
	const struct sl_section parts[] = {{sl_port_params, config}, {port->kind->params, own}};
	char what[128];

	port->config = config;
	port->kind_config = own;
	if (config == NULL || own == NULL)
		return;
	sl_store_place(loader->store, config, sizeof(*config), port->place);
	sl_store_place(loader->store, own, size > 0 ? size : sizeof(uint64_t), port->place);
	snprintf(what, sizeof(what), "port `%s` (kind %s)", port->name, port->kind->name);
	sl_params_read(&reader, tree, parts, 2, skip, what);
	if (sl_errors_count(loader->errors) != before || sl_store_failed(loader->store))
		return;
	if (config->addresses.count == 0 && config->routes.count > 0)
		sl_fail_at(loader->errors, &config->routes,
			   "`routes`: port `%s` has no `addresses`, so it does not route",
			   port->name);
	if (config->addresses.count == 0 && config->neighbours.count > 0)
		sl_fail_at(loader->errors, &config->neighbours,
			   "`neighbours`: port `%s` has no `addresses`, so it asks for none",
			   port->name);
	snprintf(what, sizeof(what), "port `%s`: ", port->name);
	sl_errors_subject(loader->errors, what, port->place);
	if (config->addresses.count > 0)
		sl_l3_check(config, loader->errors);
	if (port->kind->check != NULL)
		port->kind->check(own, loader->errors);
	sl_errors_subject(loader->errors, NULL, SL_NOWHERE);
}

/* Two ports that stand on one device, or have one address. */
static void check_pair(struct sl_loader *loader, const struct sl_chain_port *a,
		       const struct sl_chain_port *b)
{
	const char *first = a->kind->device != NULL ? a->kind->device(a->kind_config) : NULL;
	const char *second = b->kind->device != NULL ? b->kind->device(b->kind_config) : NULL;

	if (first != NULL && second != NULL && strcmp(first, second) == 0)
		sl_fail_place(loader->errors, EBUSY, b->place,
			      "port `%s` uses `%s`, which port `%s` in line %u uses already",
			      b->name, second, a->name, a->place.line);
	for (uint32_t i = 0; i < a->config->addresses.count; i++) {
		const struct sl_prefix *p = SL_ITEM(&a->config->addresses, struct sl_prefix, i);

		for (uint32_t k = 0; k < b->config->addresses.count; k++) {
			const struct sl_prefix *q =
				SL_ITEM(&b->config->addresses, struct sl_prefix, k);
			char text[SL_ADDR_TEXT];

			if (sl_addr_compare(&p->addr, &q->addr) == 0)
				sl_fail_at(loader->errors, q,
					   "`addresses`: port `%s` has the address %s already",
					   a->name, sl_addr_format(&q->addr, text));
		}
	}
}

static bool whole(const struct sl_chain_port *port)
{
	return port->kind != NULL && port->config != NULL && port->kind_config != NULL;
}

void sl_read_ports(struct sl_loader *loader)
{
	const struct sl_tree *map = sl_top_map(loader, "ports", true);
	struct sl_chain *chain = loader->chain;
	unsigned int before = sl_errors_count(loader->errors);

	if (map == NULL)
		return;
	if (map->count > MAX_PORTS) {
		sl_fail_place(loader->errors, E2BIG, map->place,
			      "the chain has %u ports; at most %u are possible", map->count,
			      MAX_PORTS);
		return;
	}
	chain->ports = sl_store_alloc(loader->store, map->count, sizeof(*chain->ports));
	if (chain->ports == NULL)
		return;
	chain->port_count = map->count;
	for (uint32_t i = 0; i < map->count; i++) {
		const struct sl_tree *tree = map->items[i].value;
		struct sl_chain_port *port = &chain->ports[i];

		port->name = map->items[i].key->text;
		port->place = map->items[i].key->place;
		sl_check_name(loader, map->items[i].key, "port");
		if (!sl_tree_is_map(tree)) {
			sl_fail_place(loader->errors, EINVAL, tree->place,
				      "port `%s`: expected a map with `kind`, found %s", port->name,
				      sl_tree_kind_name(tree));
			continue;
		}
		port->kind = read_kind(loader, tree);
		if (port->kind != NULL)
			read_config(loader, port, tree);
	}
	if (sl_errors_count(loader->errors) != before)
		return;
	for (unsigned int b = 1; b < chain->port_count; b++)
		for (unsigned int a = 0; a < b; a++)
			if (whole(&chain->ports[a]) && whole(&chain->ports[b]))
				check_pair(loader, &chain->ports[a], &chain->ports[b]);
}
