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
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <core/chain/load.h>
#include <core/chain/values.h>

#define MAX_NODES  64
#define MAX_TEXT   (64 * 1024)
#define MAX_WEIGHT 2000000

/* What `kind:` of a parameter may be: the kinds of parameter tables, and `any`. */
static const char *const kind_names[] = {[SL_BOOL] = "bool",
					 [SL_UINT] = "number",
					 [SL_DURATION] = "duration",
					 [SL_SIZE] = "size",
					 [SL_BITRATE] = "bitrate",
					 [SL_RATE] = "rate",
					 [SL_TEXT] = "text",
					 [SL_ENUM] = "word",
					 [SL_ADDR] = "address",
					 [SL_PREFIX] = "prefix",
					 [SL_IFADDR] = "interface-address",
					 [SL_ADDRS] = "addresses",
					 [SL_MAC] = "mac",
					 [SL_SPAN] = "span",
					 [SL_PROTO] = "protocol",
					 [SL_PATH] = "path",
					 [SL_TABLE] = "any",
					 NULL};

struct definition {
	uint64_t given;
	uint32_t kind; /* enum sl_param_kind; SL_TABLE: any */
	bool list, optional;
	struct sl_list words; /* of const char * */
	uint64_t min, max;
	const char *doc;
};

static const struct sl_param definition_params[] = {
	{.name = "kind",
	 .kind = SL_ENUM,
	 .flags = SL_REQUIRED,
	 .offset = offsetof(struct definition, kind),
	 .names = kind_names},
	{.name = "list", .kind = SL_BOOL, .offset = offsetof(struct definition, list)},
	{.name = "optional", .kind = SL_BOOL, .offset = offsetof(struct definition, optional)},
	{.name = "words",
	 .kind = SL_TEXT,
	 .flags = SL_LIST,
	 .offset = offsetof(struct definition, words)},
	{.name = "min", .kind = SL_UINT, .offset = offsetof(struct definition, min)},
	{.name = "max", .kind = SL_UINT, .offset = offsetof(struct definition, max)},
	{.name = "doc",
	 .kind = SL_TEXT,
	 .flags = SL_REQUIRED,
	 .offset = offsetof(struct definition, doc)},
	{.name = NULL},
};
enum { WORDS = 3 }; /* its bit in `given` */

/* A parameter and the value it has in this use. */
struct argument {
	const char *name;
	const struct sl_tree *value; /* NULL: optional and not given */
};

struct expansion {
	struct sl_loader *loader;
	struct sl_vnf_use *use;
	const char *file;
	struct argument *arguments;
	uint32_t argument_count;
	uint64_t weight; /* of all that was put in */
	bool failed;
};

static const struct argument *find_argument(const struct expansion *x, const char *name,
					    size_t length)
{
	for (uint32_t i = 0; i < x->argument_count; i++)
		if (strlen(x->arguments[i].name) == length &&
		    memcmp(x->arguments[i].name, name, length) == 0)
			return &x->arguments[i];
	return NULL;
}

static void unknown_parameter(struct expansion *x, struct sl_place place, const char *name)
{
	const char **known =
		sl_store_alloc(x->loader->store, x->argument_count + 1, sizeof(*known));

	x->failed = true;
	if (known == NULL)
		return;
	for (uint32_t i = 0; i < x->argument_count; i++)
		known[i] = x->arguments[i].name;
	sl_unknown_name(x->loader, place, "parameter of the descriptor", name, known);
}

/* Length of "${name}" at the start of the text; 0 when there is none. */
static size_t reference(const char *text)
{
	const char *end;

	if (text[0] != '$' || text[1] != '{')
		return 0;
	end = strchr(text, '}');
	return end != NULL ? (size_t)(end - text) + 1 : 0;
}

static const struct argument *referred(struct expansion *x, const struct sl_tree *tree,
				       const char *text, size_t length)
{
	const struct argument *argument = find_argument(x, text + 2, length - 3);
	char *name;

	if (argument != NULL)
		return argument;
	name = sl_store_text(x->loader->store, text + 2, length - 3);
	if (name != NULL)
		unknown_parameter(x, tree->place, name);
	x->failed = true;
	return NULL;
}

/* A text with references in it. */
static const struct sl_tree *put_text(struct expansion *x, const struct sl_tree *tree)
{
	struct sl_tree *copy;
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	if (strchr(tree->text, '$') == NULL)
		return tree;
	out = open_memstream(&text, &size);
	if (out == NULL) {
		x->failed = true;
		return NULL;
	}
	for (const char *at = tree->text; *at != '\0' && !x->failed;) {
		size_t length = reference(at);
		const struct argument *argument;

		if (length == 0) {
			at += at[0] == '$' && at[1] == '$';
			putc(*at++, out);
			continue;
		}
		argument = referred(x, tree, at, length);
		at += length;
		if (argument == NULL || argument->value == NULL)
			continue;
		if (argument->value->kind != SL_TREE_SCALAR) {
			sl_fail_place(x->loader->errors, EINVAL, tree->place,
				      "`${%s}` is %s and cannot be put into a text", argument->name,
				      sl_tree_kind_name(argument->value));
			x->failed = true;
			continue;
		}
		fputs(argument->value->text, out);
		if (ftell(out) > MAX_TEXT) {
			sl_fail_place(x->loader->errors, E2BIG, tree->place,
				      "the text is longer than %u bytes", MAX_TEXT);
			x->failed = true;
		}
	}
	copy = sl_store_alloc(x->loader->store, 1, sizeof(*copy));
	if (fclose(out) != 0 || copy == NULL) {
		free(text);
		x->failed = true;
		return NULL;
	}
	*copy = *tree;
	copy->one_line = false; /* columns no longer fit */
	copy->text = sl_store_text(x->loader->store, text, size);
	free(text);
	x->failed |= copy->text == NULL;
	return copy;
}

static const struct sl_tree *put(struct expansion *x, const struct sl_tree *tree);

static bool is_reference(const struct sl_tree *tree)
{
	size_t length = tree->kind == SL_TREE_SCALAR ? reference(tree->text) : 0;

	return length > 0 && tree->text[length] == '\0';
}

/* Items with references put in. What refers to a parameter that was not given is left out; a
 * list put into a list becomes part of it. */
static const struct sl_tree *put_items(struct expansion *x, const struct sl_tree *tree)
{
	struct sl_tree *copy = sl_store_alloc(x->loader->store, 1, sizeof(*copy));
	uint32_t room = tree->count, count = 0;
	const struct sl_tree **values;

	values = sl_store_alloc(x->loader->store, tree->count, sizeof(*values));
	if (copy == NULL || values == NULL) {
		x->failed = true;
		return NULL;
	}
	for (uint32_t i = 0; i < tree->count && !x->failed; i++) {
		values[i] = put(x, tree->items[i].value);
		if (values[i] != NULL && tree->kind == SL_TREE_LIST &&
		    is_reference(tree->items[i].value) && values[i]->kind == SL_TREE_LIST)
			room += values[i]->count;
	}
	*copy = *tree;
	copy->items = sl_store_alloc(x->loader->store, room, sizeof(*copy->items));
	if (copy->items == NULL || x->failed) {
		x->failed = true;
		return NULL;
	}
	for (uint32_t i = 0; i < tree->count; i++) {
		const struct sl_tree *value = values[i];

		if (value == NULL)
			continue;
		if (tree->kind == SL_TREE_LIST && is_reference(tree->items[i].value) &&
		    value->kind == SL_TREE_LIST) {
			for (uint32_t k = 0; k < value->count; k++)
				copy->items[count++] = value->items[k];
		} else {
			copy->items[count++] = (struct sl_tree_item){tree->items[i].key, value};
		}
	}
	copy->count = count;
	return copy;
}

/* NULL: failed, or the whole value is a parameter that was not given. */
static const struct sl_tree *put(struct expansion *x, const struct sl_tree *tree)
{
	const struct argument *argument;

	if (x->failed)
		return NULL;
	if (is_reference(tree)) {
		argument = referred(x, tree, tree->text, strlen(tree->text));
		if (argument == NULL || argument->value == NULL)
			return NULL;
		x->weight += argument->value->weight;
		if (x->weight > MAX_WEIGHT) {
			sl_fail_place(x->loader->errors, E2BIG, tree->place,
				      "with its parameters put in, the descriptor holds more than "
				      "%u values",
				      MAX_WEIGHT);
			x->failed = true;
			return NULL;
		}
		return argument->value;
	}
	if (tree->kind == SL_TREE_SCALAR)
		return put_text(x, tree);
	if (tree->kind == SL_TREE_NULL)
		return tree;
	return put_items(x, tree);
}

static bool any_path(void *context, const struct sl_tree *name, uint32_t *edge)
{
	*edge = 0;
	return true; /* looked up where it is used */
}

/* Whether a value is of the parameter's kind; reports it when not. */
static bool check_value(struct expansion *x, const char *name, const struct definition *definition,
			const struct sl_tree *value)
{
	struct sl_params_reader reader = {
		.store = x->loader->store, .errors = x->loader->errors, .path = any_path};
	struct sl_param param = {.name = name,
				 .kind = (enum sl_param_kind)definition->kind,
				 .flags = definition->list ? SL_LIST : 0,
				 .min = definition->min,
				 .max = definition->max};
	unsigned int before = sl_errors_count(x->loader->errors);
	const char **words = NULL;
	void *field;

	if (definition->kind == SL_TABLE)
		return true;
	if (definition->kind == SL_ENUM) {
		words = sl_store_alloc(x->loader->store, definition->words.count + 1,
				       sizeof(*words));
		if (words == NULL)
			return false;
		if (definition->words.count > 0)
			memcpy(words, definition->words.items,
			       definition->words.count * sizeof(*words));
		param.names = words;
	}
	field = sl_store_alloc(x->loader->store, 1, 64);
	if (field == NULL)
		return false;
	sl_param_read(&reader, value, &param, field);
	return sl_errors_count(x->loader->errors) == before;
}

static bool read_definition(struct expansion *x, const struct sl_tree_item *item,
			    struct definition *definition)
{
	static const char *const skip[] = {"default", NULL};
	struct sl_params_reader reader = {.store = x->loader->store, .errors = x->loader->errors};
	const struct sl_section part = {definition_params, definition};
	unsigned int before = sl_errors_count(x->loader->errors);
	char what[128];

	if (item->value->kind != SL_TREE_MAP) {
		sl_fail_place(x->loader->errors, EINVAL, item->value->place,
			      "parameter `%s`: expected a map with `kind` and `doc`, found %s",
			      item->key->text, sl_tree_kind_name(item->value));
		return false;
	}
	snprintf(what, sizeof(what), "parameter `%.60s`", item->key->text);
	sl_params_read(&reader, item->value, &part, 1, skip, what);
	if (sl_errors_count(x->loader->errors) != before)
		return false;
	if ((definition->kind == SL_ENUM) != ((definition->given >> WORDS & 1) != 0)) {
		sl_fail_place(x->loader->errors, EINVAL, item->value->place,
			      "parameter `%s`: `words` goes with kind `word`, and only there",
			      item->key->text);
		return false;
	}
	return true;
}

/* The value of one parameter: what the user gave, else its default. */
static void read_argument(struct expansion *x, const struct sl_tree_item *item,
			  const struct sl_tree *with, struct sl_place use,
			  struct argument *argument)
{
	struct definition definition = {0};
	const struct sl_tree *def;

	argument->name = item->key->text;
	if (!sl_check_name(x->loader, item->key, "parameter") ||
	    !read_definition(x, item, &definition)) {
		x->failed = true;
		return;
	}
	def = sl_tree_get(item->value, "default");
	if (def != NULL && !check_value(x, argument->name, &definition, def))
		x->failed = true;
	argument->value = with != NULL ? sl_tree_get(with, argument->name) : NULL;
	if (argument->value != NULL) {
		if (!check_value(x, argument->name, &definition, argument->value))
			x->failed = true;
		return;
	}
	argument->value = def;
	if (def == NULL && !definition.optional) {
		x->failed = true;
		sl_fail_place(x->loader->errors, EINVAL, use,
			      "VNF `%s` lacks the parameter `%s` of `%s`: %s", x->use->name,
			      argument->name, x->file, definition.doc);
	}
}

static void read_arguments(struct expansion *x, const struct sl_tree *parameters,
			   const struct sl_tree *with, struct sl_place use)
{
	if (with != NULL && with->kind != SL_TREE_MAP) {
		sl_fail_place(x->loader->errors, EINVAL, with->place,
			      "`with`: expected a map of parameters, found %s",
			      sl_tree_kind_name(with));
		x->failed = true;
		return;
	}
	x->arguments = sl_store_alloc(x->loader->store, parameters != NULL ? parameters->count : 0,
				      sizeof(*x->arguments));
	if (x->arguments == NULL) {
		x->failed = true;
		return;
	}
	for (uint32_t i = 0; parameters != NULL && i < parameters->count; i++)
		read_argument(x, &parameters->items[i], with, use,
			      &x->arguments[x->argument_count++]);
	for (uint32_t i = 0; with != NULL && i < with->count; i++)
		if (find_argument(x, with->items[i].key->text, strlen(with->items[i].key->text)) ==
		    NULL)
			unknown_parameter(x, with->items[i].key->place, with->items[i].key->text);
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
		x->failed = true;
		return;
	}
	name = sl_tree_get(tree, "name");
	plugin = sl_tree_get(tree, "plugin");
	if (name == NULL || plugin == NULL || name->kind != SL_TREE_SCALAR) {
		sl_fail_place(x->loader->errors, EINVAL, tree->place,
			      "a node of a descriptor needs `name` and `plugin`");
		x->failed = true;
		return;
	}
	if (!sl_check_name(x->loader, name, "node")) {
		x->failed = true;
		return;
	}
	node = put(x, tree);
	full = sl_store_alloc(x->loader->store, strlen(x->use->name) + strlen(name->text) + 2, 1);
	if (node == NULL || full == NULL) {
		x->failed = true;
		return;
	}
	sprintf(full, "%s.%s", x->use->name, name->text);
	for (unsigned int i = x->use->first; i < x->loader->source_count; i++) {
		if (strcmp(x->loader->sources[i].name, full) != 0)
			continue;
		sl_fail_place(x->loader->errors, EEXIST, name->place,
			      "two nodes of the descriptor are named `%s`", name->text);
		x->failed = true;
		return;
	}
	source.name = full;
	source.tree = node;
	if (sl_tree_get(node, "plugin") == NULL || !sl_add_source(x->loader, &source))
		x->failed = true;
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
		x->failed = true;
		return;
	}
	for (uint32_t i = 0; i < root->count; i++) {
		const struct sl_tree *key = root->items[i].key;
		unsigned int k = 0;

		while (keys[k] != NULL && strcmp(keys[k], key->text) != 0)
			k++;
		if (keys[k] == NULL) {
			sl_unknown_name(loader, key->place, "section", key->text, keys);
			x->failed = true;
		}
	}
	vnf = sl_tree_get(root, "vnf");
	parameters = sl_tree_get(root, "parameters");
	nodes = sl_tree_get(root, "nodes");
	if (vnf == NULL || vnf->kind != SL_TREE_SCALAR || strcmp(vnf->text, common->vnf) != 0) {
		sl_fail_place(loader->errors, EINVAL, vnf != NULL ? vnf->place : root->place,
			      "expected `vnf: %s`, as the file is named", common->vnf);
		x->failed = true;
	}
	if (parameters != NULL && parameters->kind != SL_TREE_MAP) {
		sl_fail_place(loader->errors, EINVAL, parameters->place,
			      "`parameters`: expected a map of names, found %s",
			      sl_tree_kind_name(parameters));
		x->failed = true;
		return;
	}
	if (nodes == NULL || nodes->kind != SL_TREE_LIST || nodes->count == 0 ||
	    nodes->count > MAX_NODES) {
		sl_fail_place(loader->errors, EINVAL, nodes != NULL ? nodes->place : root->place,
			      "expected `nodes`: a list of 1 to %u nodes", MAX_NODES);
		x->failed = true;
		return;
	}
	read_arguments(x, parameters, sl_tree_get(value, "with"), value->place);
	for (uint32_t i = 0; i < nodes->count && !x->failed; i++)
		read_node(x, nodes->items[i].value, common);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of the descriptors there are, for near misses: up to 100. */
static void unknown_descriptor(struct sl_loader *loader, const struct sl_tree *name)
{
	const char *known[101];
	unsigned int count = 0;

	for (unsigned int i = 0; i < loader->folder_count; i++) {
		DIR *folder = opendir(loader->folders[i]);
		const struct dirent *entry;

		while (folder != NULL && count < 100 && (entry = readdir(folder)) != NULL) {
			size_t length = strlen(entry->d_name);

			if (length <= 5 || strcmp(entry->d_name + length - 5, ".yaml") != 0)
				continue;
			known[count] = sl_store_text(loader->store, entry->d_name, length - 5);
			if (known[count] != NULL)
				count++;
		}
		if (folder != NULL)
			closedir(folder);
	}
	qsort(known, count, sizeof(known[0]), compare_names);
	known[count] = NULL;
	sl_unknown_name(loader, name->place, "VNF descriptor", name->text, known);
}

/* The file of a descriptor; NULL when it is in none of the folders. */
static char *find_file(struct sl_loader *loader, const char *name)
{
	char *file = NULL;

	for (unsigned int i = 0; i < loader->folder_count; i++) {
		if (asprintf(&file, "%s/%s.yaml", loader->folders[i], name) < 0)
			return NULL;
		if (access(file, F_OK) == 0)
			return file;
		free(file);
		file = NULL;
	}
	return NULL;
}

bool sl_expand_descriptor(struct sl_loader *loader, struct sl_vnf_use *use,
			  const struct sl_tree *value, const struct sl_vnf_common *common)
{
	const struct sl_tree *name = sl_tree_get(value, "vnf");
	struct expansion x = {.loader = loader, .use = use};
	unsigned int before = sl_errors_count(loader->errors);
	const struct sl_tree *root = NULL;
	char *bytes, *file;
	size_t size;

	use->count = 0;
	if (!sl_check_name(loader, name, "VNF descriptor"))
		return false;
	file = find_file(loader, name->text);
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
	if (root != NULL && !x.failed && sl_errors_count(loader->errors) == before)
		return true;
	loader->source_count = use->first;
	sl_note_place(loader->errors, name->place, "VNF `%s` uses the descriptor `%s` here",
		      use->name, x.file != NULL ? x.file : name->text);
	return false;
}
