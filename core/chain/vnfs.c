/* SPDX-License-Identifier: BSD-3-Clause */
/* The `vnfs:` of a chain, and what they send to other paths. */
#include <errno.h>
#include <string.h>

#include <core/chain/load.h>

#define MAX_VNFS     4096
#define MAX_LCORES   1024
#define LEAST_MEMORY (64 * 1024)
#define MOST_RESTART UINT64_C(86400000000000) /* a day, ns */

static const char *const on_fault_names[] = {"drop", "bypass", "restart", NULL};

const struct sl_param sl_vnf_common_params[] = {
	[SL_VNF_PLUGIN] = {.name = "plugin",
			   .kind = SL_TEXT,
			   .flags = SL_ONE_OF,
			   .offset = offsetof(struct sl_vnf_common, plugin),
			   .doc = "The node type it is an instance of: NAME, PLUGIN/TYPE or the "
				  "path of a shared object."},
	[SL_VNF_VNF] = {.name = "vnf",
			.kind = SL_TEXT,
			.flags = SL_ONE_OF,
			.offset = offsetof(struct sl_vnf_common, vnf),
			.doc = "A ready-made VNF, by the name of its descriptor."},
	[SL_VNF_ON_FAULT] = {.name = "on-fault",
			     .kind = SL_ENUM,
			     .offset = offsetof(struct sl_vnf_common, on_fault),
			     .def = "drop",
			     .names = on_fault_names,
			     .doc = "What its packets get after it crashed or hung."},
	[SL_VNF_CORES] = {.name = "cores",
			  .kind = SL_SPAN,
			  .flags = SL_LIST,
			  .offset = offsetof(struct sl_vnf_common, cores),
			  .max = MAX_LCORES - 1,
			  .doc = "The cores it runs on, which must be workers; without it, "
				 "wherever its packets are."},
	[SL_VNF_MEMORY] = {.name = "memory",
			   .kind = SL_SIZE,
			   .offset = offsetof(struct sl_vnf_common, memory),
			   .min = LEAST_MEMORY,
			   .doc = "The most memory it may use; without it, no limit."},
	[SL_VNF_RESTART_AFTER] = {.name = "restart-after",
				  .kind = SL_DURATION,
				  .offset = offsetof(struct sl_vnf_common, restart_after),
				  .def = "100 ms",
				  .min = 1000000,
				  .max = MOST_RESTART,
				  .doc = "With `on-fault: restart`: how long after the fault; each "
					 "further time twice as long."},
	[SL_VNF_RESTART_MOST] =
		{.name = "restart-most",
		 .kind = SL_DURATION,
		 .offset = offsetof(struct sl_vnf_common, restart_most),
		 .def = "60 s",
		 .min = 1000000,
		 .max = MOST_RESTART,
		 .doc = "The longest that this becomes; an instance that has run for "
			"so long without a fault begins with `restart-after` again."},
	{.name = NULL},
};

bool sl_add_source(struct sl_loader *loader, const struct sl_vnf_source *source)
{
	if (loader->source_count == MAX_VNFS) {
		sl_fail_place(loader->errors, E2BIG, source->place,
			      "the chain has more than %u VNFs", MAX_VNFS);
		return false;
	}
	if (loader->source_count == loader->source_room) {
		unsigned int room = loader->source_room == 0 ? 16 : 2 * loader->source_room;
		struct sl_vnf_source *sources =
			sl_store_alloc(loader->store, room, sizeof(*sources));

		if (sources == NULL)
			return false;
		if (loader->source_count > 0)
			memcpy(sources, loader->sources, loader->source_count * sizeof(*sources));
		loader->sources = sources;
		loader->source_room = room;
	}
	loader->sources[loader->source_count++] = *source;
	return true;
}

/* A VNF made of the nodes of a descriptor. */
static bool name_composed(struct sl_loader *loader, struct sl_vnf_use *use,
			  const struct sl_tree *tree)
{
	static const char *const skip[] = {"with", NULL};
	struct sl_params_reader reader = {.store = loader->store, .errors = loader->errors};
	struct sl_vnf_common *common = sl_store_alloc(loader->store, 1, sizeof(*common));
	const struct sl_section part = {sl_vnf_common_params, common};
	unsigned int before = sl_errors_count(loader->errors);
	char what[64];

	if (common == NULL)
		return false;
	snprintf(what, sizeof(what), "VNF `%s`", use->name);
	sl_params_read(&reader, tree, &part, 1, skip, what);
	return sl_errors_count(loader->errors) == before &&
	       sl_expand_descriptor(loader, use, tree, common);
}

static bool name_vnf(struct sl_loader *loader, struct sl_vnf_use *use, const struct sl_tree *tree)
{
	const struct sl_vnf_source source = {.name = use->name, .tree = tree, .place = use->place};
	const struct sl_tree *plugin, *vnf;

	if (!sl_tree_is_map(tree)) {
		sl_fail_place(loader->errors, EINVAL, tree->place,
			      "VNF `%s`: expected a map with `plugin` or `vnf`, found %s",
			      use->name, sl_tree_kind_name(tree));
		return false;
	}
	plugin = sl_tree_get(tree, "plugin");
	vnf = sl_tree_get(tree, "vnf");
	if ((plugin == NULL) == (vnf == NULL)) {
		sl_fail_place(loader->errors, EINVAL, tree->place,
			      "VNF `%s` %s `plugin` (a node type) %s `vnf` (a descriptor)",
			      use->name, plugin == NULL ? "needs" : "takes only one of",
			      plugin == NULL ? "or" : "and");
		return false;
	}
	use->first = loader->source_count;
	use->count = 1;
	return plugin != NULL ? sl_add_source(loader, &source) : name_composed(loader, use, tree);
}

void sl_name_vnfs(struct sl_loader *loader)
{
	const struct sl_tree *map = sl_top_map(loader, "vnfs", false);

	if (map == NULL)
		return;
	loader->uses = sl_store_alloc(loader->store, map->count, sizeof(*loader->uses));
	if (loader->uses == NULL)
		return;
	loader->use_count = map->count;
	for (uint32_t i = 0; i < map->count; i++) {
		struct sl_vnf_use *use = &loader->uses[i];

		use->name = map->items[i].key->text;
		use->place = map->items[i].key->place;
	}
	for (uint32_t i = 0; i < map->count; i++) {
		struct sl_vnf_use *use = &loader->uses[i];

		if (sl_check_name(loader, map->items[i].key, "VNF") &&
		    name_vnf(loader, use, map->items[i].value))
			continue;
		use->broken = true;
		use->count = 0;
	}
}

/* The edges of a VNF's own while its parameters are read. */
struct edges {
	struct sl_loader *loader;
	const char *name;
	uint32_t paths[SL_MAX_ENTRIES];
	unsigned int own, count;
};

/* A path that a parameter names: each path has one edge, however often it is named. */
static bool edge_to(void *context, const struct sl_tree *name, uint32_t *edge)
{
	struct edges *edges = context;
	uint32_t path = sl_find_path(edges->loader, name);
	unsigned int i = edges->own;

	if (path == SL_NO_PATH)
		return false;
	while (i < edges->count && edges->paths[i] != path)
		i++;
	if (i == SL_MAX_ENTRIES) {
		sl_fail_place(edges->loader->errors, E2BIG, name->place,
			      "VNF `%s` names more paths than the %u that fit", edges->name,
			      SL_MAX_ENTRIES);
		return false;
	}
	if (i == edges->count)
		edges->paths[edges->count++] = path;
	*edge = SL_EDGE_FIRST + i;
	return true;
}

/* `edges: {NAME: PATH}`: where the node type's own edges lead. */
static void read_edges(struct edges *edges, const struct sl_tree *map,
		       const struct sl_node_type *type)
{
	const char *names[SL_MAX_ENTRIES + 1];

	for (; edges->own < SL_MAX_ENTRIES && type->edges != NULL &&
	       type->edges[edges->own].name != NULL;
	     edges->own++) {
		names[edges->own] = type->edges[edges->own].name;
		edges->paths[edges->own] = SL_NO_PATH;
	}
	names[edges->own] = NULL;
	edges->count = edges->own;
	if (map == NULL)
		return;
	if (!sl_tree_is_map(map)) {
		sl_fail_place(edges->loader->errors, EINVAL, map->place,
			      "`edges`: expected a map from edges to paths, found %s",
			      sl_tree_kind_name(map));
		return;
	}
	for (uint32_t i = 0; i < map->count; i++) {
		const struct sl_tree_item *item = &map->items[i];
		unsigned int e = 0;

		while (names[e] != NULL && strcmp(names[e], item->key->text) != 0)
			e++;
		if (names[e] == NULL)
			sl_unknown_name(edges->loader, item->key->place, "edge", item->key->text,
					names);
		else if (item->value->kind != SL_TREE_SCALAR)
			sl_fail_place(edges->loader->errors, EINVAL, item->value->place,
				      "edge `%s`: expected the name of a path, found %s", names[e],
				      sl_tree_kind_name(item->value));
		else
			edges->paths[e] = sl_find_path(edges->loader, item->value);
	}
}

static const struct sl_node_type *find_type(struct sl_loader *loader, const struct sl_tree *plugin)
{
	const struct sl_node_type *type = NULL;
	struct sl_errors *errors;

	if (plugin->kind != SL_TREE_SCALAR) {
		sl_fail_place(loader->errors, EINVAL, plugin->place,
			      "`plugin`: expected a name, found %s", sl_tree_kind_name(plugin));
		return NULL;
	}
	errors = sl_errors_new();
	if (errors != NULL)
		type = sl_registry_type(loader->registry, plugin->text, errors);
	else
		sl_fail(loader->errors, ENOMEM, "out of memory");
	sl_errors_move(errors, loader->errors, plugin->place);
	sl_errors_free(errors);
	return type;
}

/* Cores as a flat list, each once. */
static void read_cores(struct sl_loader *loader, const struct sl_list *spans,
		       struct sl_chain_vnf *vnf)
{
	uint8_t wanted[MAX_LCORES] = {0};
	unsigned int count = 0;
	uint32_t *cores;

	for (uint32_t i = 0; i < spans->count; i++) {
		const struct sl_span *span = SL_ITEM(spans, struct sl_span, i);

		for (uint32_t core = span->first; core <= span->last && core < MAX_LCORES; core++) {
			count += !wanted[core];
			wanted[core] = 1;
		}
	}
	cores = sl_store_alloc(loader->store, count, sizeof(*cores));
	if (cores == NULL)
		return;
	for (uint32_t core = 0; core < MAX_LCORES; core++)
		if (wanted[core])
			cores[vnf->core_count++] = core;
	vnf->cores = cores;
}

/* What a node does not say itself, the user of its descriptor may have said. */
static void merge(struct sl_vnf_common *own, const struct sl_vnf_common *use)
{
	uint64_t given = use != NULL ? use->given & ~own->given : 0;

	if ((given >> SL_VNF_ON_FAULT & 1) != 0)
		own->on_fault = use->on_fault;
	if ((given >> SL_VNF_CORES & 1) != 0)
		own->cores = use->cores;
	if ((given >> SL_VNF_MEMORY & 1) != 0)
		own->memory = use->memory;
	if ((given >> SL_VNF_RESTART_AFTER & 1) != 0)
		own->restart_after = use->restart_after;
	if ((given >> SL_VNF_RESTART_MOST & 1) != 0)
		own->restart_most = use->restart_most;
}

static void check_config(struct sl_loader *loader, const struct sl_chain_vnf *vnf)
{
	char subject[128];

	if (vnf->type->check == NULL)
		return;
	snprintf(subject, sizeof(subject), "VNF `%s`: ", vnf->name);
	sl_errors_subject(loader->errors, subject, vnf->place);
	vnf->type->check(vnf->config, loader->errors);
	sl_errors_subject(loader->errors, NULL, SL_NOWHERE);
}

static void read_config(struct sl_loader *loader, const struct sl_vnf_source *source,
			struct sl_chain_vnf *vnf)
{
	static const char *const skip[] = {"edges", NULL}, *const node_skip[] = {"edges", "name",
										 NULL};
	struct edges edges = {.loader = loader, .name = source->name};
	struct sl_params_reader reader = {.store = loader->store,
					  .errors = loader->errors,
					  .path = edge_to,
					  .path_context = &edges};
	size_t size = vnf->type->config_size > 0 ? vnf->type->config_size : sizeof(uint64_t);
	unsigned int before = sl_errors_count(loader->errors);
	struct sl_vnf_common *common = sl_store_alloc(loader->store, 1, sizeof(*common));
	void *config = sl_store_alloc(loader->store, 1, size);
	const struct sl_section parts[] = {{sl_vnf_common_params, common},
					   {vnf->type->params, config}};
	uint32_t *paths;
	char what[256];

	if (common == NULL || config == NULL)
		return;
	vnf->config = config;
	sl_store_place(loader->store, config, size, source->place);
	read_edges(&edges, sl_tree_get(source->tree, "edges"), vnf->type);
	snprintf(what, sizeof(what), "VNF `%s` (plugin %s)", source->name, vnf->type->name);
	sl_params_read(&reader, source->tree, parts, 2, source->use != NULL ? node_skip : skip,
		       what);
	merge(common, source->use);
	vnf->on_fault = common->on_fault;
	vnf->memory = common->memory;
	vnf->restart_after = common->restart_after;
	vnf->restart_most = common->restart_most;
	if (vnf->restart_most < vnf->restart_after)
		sl_fail_place(loader->errors, EINVAL, source->place,
			      "VNF `%s`: `restart-most` is less than `restart-after`",
			      source->name);
	read_cores(loader, &common->cores, vnf);
	paths = sl_store_alloc(loader->store, edges.count, sizeof(*paths));
	if (paths != NULL && edges.count > 0)
		memcpy(paths, edges.paths, edges.count * sizeof(*paths));
	vnf->edge_paths = paths;
	vnf->edge_count = edges.count;
	if (sl_errors_count(loader->errors) == before && !sl_store_failed(loader->store))
		check_config(loader, vnf);
}

void sl_read_vnfs(struct sl_loader *loader)
{
	struct sl_chain *chain = loader->chain;

	chain->vnfs = sl_store_alloc(loader->store, loader->source_count, sizeof(*chain->vnfs));
	if (chain->vnfs == NULL)
		return;
	chain->vnf_count = loader->source_count;
	for (unsigned int i = 0; i < chain->vnf_count; i++) {
		const struct sl_vnf_source *source = &loader->sources[i];
		struct sl_chain_vnf *vnf = &chain->vnfs[i];
		unsigned int before = sl_errors_count(loader->errors);

		vnf->name = source->name;
		vnf->place = source->place;
		vnf->type = find_type(loader, sl_tree_get(source->tree, "plugin"));
		if (vnf->type != NULL)
			read_config(loader, source, vnf);
		if (source->use != NULL && sl_errors_count(loader->errors) != before)
			sl_note_place(loader->errors, source->place,
				      "`%s` is a node of the VNF descriptor `%s` used here",
				      source->name, source->use->vnf);
	}
}
