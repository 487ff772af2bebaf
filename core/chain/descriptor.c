/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VNF descriptors: a named list of nodes with parameters of its own, in a file NAME.yaml.
 *
 *   vnf: edge
 *   doc: ...
 *   parameters:
 *     inside: {kind: prefix, list: true, doc: ...}
 *   nodes:
 *     - {name: fw, plugin: firewall, ...}
 *     - {name: nat, plugin: nat, inside: "${inside}"}
 *
 * A value that is `${param}` as a whole becomes what the user gave, whatever its type; within a
 * longer text its text is put in. `$$` stands for one `$`.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/definition.h>
#include <core/chain/descriptor.h>
#include <core/chain/substitute.h>

#define MAX_NODES 64

struct expansion {
	struct sl_loader *loader;
	struct sl_vnf_use *use;
	const char *name, *file;
	struct sl_arguments arguments;
};

/* The value of one parameter: what the user gave, else its default. */
static void read_argument(struct expansion *x, const struct sl_tree_item *item,
			  const struct sl_tree *with, struct sl_place use,
			  struct sl_argument *argument)
{
	struct sl_definition definition = {0};
	const struct sl_tree *def;

	argument->name = item->key->text;
	if (!sl_check_name(x->loader, item->key, "parameter") ||
	    !sl_definition_read(x->loader, item, &definition)) {
		x->arguments.failed = true;
		return;
	}
	def = sl_tree_get(item->value, "default");
	if (def != NULL && !sl_definition_check(x->loader, argument->name, &definition, def))
		x->arguments.failed = true;
	argument->value = with != NULL ? sl_tree_get(with, argument->name) : NULL;
	if (argument->value != NULL) {
		if (!sl_definition_check(x->loader, argument->name, &definition, argument->value))
			x->arguments.failed = true;
		return;
	}
	argument->value = def;
	if (def == NULL && !definition.optional) {
		x->arguments.failed = true;
		sl_fail_place(x->loader->errors, EINVAL, use,
			      "VNF `%s` lacks the parameter `%s` of `%s`: %s", x->use->name,
			      argument->name, x->name, definition.doc);
	}
}

static void read_arguments(struct expansion *x, const struct sl_tree *parameters,
			   const struct sl_tree *with, struct sl_place use)
{
	if (with != NULL && !sl_tree_is_map(with)) {
		sl_fail_place(x->loader->errors, EINVAL, with->place,
			      "`with`: expected a map of parameters, found %s",
			      sl_tree_kind_name(with));
		x->arguments.failed = true;
		return;
	}
	x->arguments.items =
		sl_store_alloc(x->loader->store, parameters != NULL ? parameters->count : 0,
			       sizeof(*x->arguments.items));
	if (x->arguments.items == NULL) {
		x->arguments.failed = true;
		return;
	}
	for (uint32_t i = 0; parameters != NULL && i < parameters->count; i++)
		read_argument(x, &parameters->items[i], with, use,
			      &x->arguments.items[x->arguments.count++]);
	for (uint32_t i = 0; with != NULL && i < with->count; i++)
		if (sl_argument_find(&x->arguments, with->items[i].key->text,
				     strlen(with->items[i].key->text)) == NULL)
			sl_argument_unknown(&x->arguments, with->items[i].key->place,
					    with->items[i].key->text);
}

static void read_node(struct expansion *x, const struct sl_tree *tree,
		      const struct sl_vnf_common *common)
{
	const struct sl_tree *name, *plugin, *node;
	struct sl_vnf_source source = {.use = common, .place = x->use->place};
	char *full;

	if (tree->kind != SL_TREE_MAP) {
		sl_fail_place(x->loader->errors, EINVAL, tree->place,
			      "expected a node, a map with `name` and `plugin`; found %s",
			      sl_tree_kind_name(tree));
		x->arguments.failed = true;
		return;
	}
	name = sl_tree_get(tree, "name");
	plugin = sl_tree_get(tree, "plugin");
	if (name == NULL || plugin == NULL || name->kind != SL_TREE_SCALAR) {
		sl_fail_place(x->loader->errors, EINVAL, tree->place,
			      "a node of a descriptor needs `name` and `plugin`");
		x->arguments.failed = true;
		return;
	}
	if (!sl_check_name(x->loader, name, "node")) {
		x->arguments.failed = true;
		return;
	}
	node = sl_substitute(&x->arguments, tree);
	full = sl_store_alloc(x->loader->store, strlen(x->use->name) + strlen(name->text) + 2, 1);
	if (node == NULL || full == NULL) {
		x->arguments.failed = true;
		return;
	}
	sprintf(full, "%s.%s", x->use->name, name->text);
	for (unsigned int i = x->use->first; i < x->loader->source_count; i++) {
		if (strcmp(x->loader->sources[i].name, full) != 0)
			continue;
		sl_fail_place(x->loader->errors, EEXIST, name->place,
			      "two nodes of the descriptor are named `%s`", name->text);
		x->arguments.failed = true;
		return;
	}
	source.name = full;
	source.tree = node;
	if (sl_tree_get(node, "plugin") == NULL || !sl_add_source(x->loader, &source))
		x->arguments.failed = true;
	else
		x->use->count++;
}

static void read_descriptor(struct expansion *x, const struct sl_tree *root,
			    const struct sl_tree *value, const struct sl_vnf_common *common)
{
	static const char *const keys[] = {"vnf", "doc", "parameters", "nodes", NULL};
	struct sl_loader *loader = x->loader;
	const struct sl_tree *vnf, *parameters, *nodes;

	if (root->kind != SL_TREE_MAP) {
		sl_fail_place(loader->errors, EINVAL, root->place,
			      "expected a VNF descriptor, a map with `vnf` and `nodes`");
		x->arguments.failed = true;
		return;
	}
	for (uint32_t i = 0; i < root->count; i++) {
		const struct sl_tree *key = root->items[i].key;
		unsigned int k = 0;

		while (keys[k] != NULL && strcmp(keys[k], key->text) != 0)
			k++;
		if (keys[k] == NULL) {
			sl_unknown_name(loader, key->place, "section", key->text, keys);
			x->arguments.failed = true;
		}
	}
	vnf = sl_tree_get(root, "vnf");
	parameters = sl_tree_get(root, "parameters");
	nodes = sl_tree_get(root, "nodes");
	if (vnf == NULL || vnf->kind != SL_TREE_SCALAR || strcmp(vnf->text, common->vnf) != 0) {
		sl_fail_place(loader->errors, EINVAL, vnf != NULL ? vnf->place : root->place,
			      "expected `vnf: %s`, as the file is named", common->vnf);
		x->arguments.failed = true;
	}
	if (parameters != NULL && parameters->kind != SL_TREE_MAP) {
		sl_fail_place(loader->errors, EINVAL, parameters->place,
			      "`parameters`: expected a map of names, found %s",
			      sl_tree_kind_name(parameters));
		x->arguments.failed = true;
		return;
	}
	if (nodes == NULL || nodes->kind != SL_TREE_LIST || nodes->count == 0 ||
	    nodes->count > MAX_NODES) {
		sl_fail_place(loader->errors, EINVAL, nodes != NULL ? nodes->place : root->place,
			      "expected `nodes`: a list of 1 to %u nodes", MAX_NODES);
		x->arguments.failed = true;
		return;
	}
	read_arguments(x, parameters, sl_tree_get(value, "with"), value->place);
	for (uint32_t i = 0; i < nodes->count && !x->arguments.failed; i++)
		read_node(x, nodes->items[i].value, common);
}

static void unknown_descriptor(struct sl_loader *loader, const struct sl_tree *name)
{
	char **known = sl_descriptor_names(loader->folders, loader->folder_count);

	if (known != NULL)
		sl_unknown_name(loader, name->place, "VNF descriptor", name->text,
				(const char *const *)known);
	else
		sl_fail(loader->errors, ENOMEM, "out of memory");
	sl_names_free(known);
}

bool sl_expand_descriptor(struct sl_loader *loader, struct sl_vnf_use *use,
			  const struct sl_tree *value, const struct sl_vnf_common *common)
{
	const struct sl_tree *name = sl_tree_get(value, "vnf");
	struct expansion x = {
		.loader = loader, .use = use, .name = name->text, .arguments = {.loader = loader}};
	unsigned int before = sl_errors_count(loader->errors);
	const struct sl_tree *root = NULL;
	char *bytes, *file;
	size_t size;

	use->count = 0;
	if (!sl_check_name(loader, name, "VNF descriptor"))
		return false;
	file = sl_descriptor_file(name->text, loader->folders, loader->folder_count);
	if (file == NULL) {
		unknown_descriptor(loader, name);
		return false;
	}
	x.file = sl_store_text(loader->store, file, strlen(file));
	bytes = sl_file_read(file, &size, loader->errors);
	if (bytes != NULL && x.file != NULL)
		root = sl_yaml_read(loader->store, file, bytes, size, loader->errors);
	free(bytes);
	free(file);
	use->descriptor = x.file;
	if (root != NULL)
		read_descriptor(&x, root, value, common);
	if (root != NULL && !x.arguments.failed && sl_errors_count(loader->errors) == before)
		return true;
	loader->source_count = use->first;
	if (x.file != NULL && sl_errors_in(loader->errors, x.file))
		sl_note_place(loader->errors, name->place,
			      "VNF `%s` uses the descriptor `%s` here; see the errors there",
			      use->name, name->text);
	return false;
}
