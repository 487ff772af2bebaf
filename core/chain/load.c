/* SPDX-License-Identifier: BSD-3-Clause */
/* From a chain file to the model: top level, names, and the order in which sections are read. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/load.h>
#include <core/chain/merge.h>
#include <core/chain/plan.h>

/* All memory of a chain: trees, configuration, places. */
#define MAX_MEMORY ((size_t)256 * 1024 * 1024)

/* The version of the chain language. */
#define VERSION "1"

/* Words of YAML and of the chain language: as names they would be read as something else. */
static const char *const reserved[] = {"any", "all",  "none",  "drop", "back", "on", "off", "yes",
				       "no",  "true", "false", "null", "y",    "n",  NULL};

static const char *const sections[] = {"sluice", "name",     "ports",  "vnfs",
				       "paths",  "steering", "fusion", NULL};

void sl_errors_move(struct sl_errors *from, struct sl_errors *to, struct sl_place place)
{
	for (unsigned int i = 0; i < sl_errors_count(from); i++) {
		const struct sl_error *error = sl_errors_get(from, i);

		sl_fail_place(to, error->code, error->place.file != NULL ? error->place : place,
			      "%s", error->text);
	}
}

bool sl_errors_in(struct sl_errors *errors, const char *file)
{
	for (unsigned int i = 0; i < sl_errors_count(errors); i++) {
		const char *other = sl_errors_get(errors, i)->place.file;

		if (other != NULL && strcmp(other, file) == 0)
			return true;
	}
	return false;
}

void sl_unknown_name(struct sl_loader *loader, struct sl_place place, const char *what,
		     const char *name, const char *const *known)
{
	const char *near = sl_near_miss(name, known);
	char list[200] = "";
	size_t length = 0;

	if (near != NULL) {
		sl_fail_place(loader->errors, ENOENT, place, "unknown %s `%s`; did you mean `%s`?",
			      what, name, near);
		return;
	}
	for (unsigned int i = 0; known[i] != NULL && length < sizeof(list) - 60; i++)
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s`%.*s`",
					   i > 0 ? ", " : "", SL_MAX_NAME, known[i]);
	sl_fail_place(loader->errors, ENOENT, place, "unknown %s `%s`; there %s%s", what, name,
		      known[0] == NULL ? "is none" : "are: ", list);
}

static bool is_word(const char *text)
{
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && *text != '-' && *text != '_')
			return false;
	return true;
}

bool sl_check_name(struct sl_loader *loader, const struct sl_tree *name, const char *what)
{
	const char *text = name->text;

	if (!isalpha((unsigned char)text[0]) || !is_word(text) || strlen(text) > SL_MAX_NAME ||
	    text[strlen(text) - 1] == '-') {
		sl_fail_place(loader->errors, EINVAL, name->place,
			      "`%.80s` cannot be the name of a %s: expected a letter and then "
			      "letters, digits, `-` or `_`, at most %u, the last no `-`",
			      text, what, SL_MAX_NAME);
		return false;
	}
	for (unsigned int i = 0; reserved[i] != NULL; i++) {
		if (strcasecmp(reserved[i], text) != 0)
			continue;
		sl_fail_place(loader->errors, EINVAL, name->place,
			      "`%s` cannot be the name of a %s: the word is reserved", text, what);
		return false;
	}
	return true;
}

const struct sl_tree *sl_top_map(struct sl_loader *loader, const char *name, bool required)
{
	const struct sl_tree *tree = sl_tree_get(loader->root, name);

	if (tree == NULL) {
		if (required)
			sl_fail_place(loader->errors, EINVAL, loader->root->place,
				      "the chain lacks `%s`: a map of names", name);
		return NULL;
	}
	if (!sl_tree_is_map(tree) || (required && tree->count == 0)) {
		sl_fail_place(loader->errors, EINVAL, tree->place,
			      "`%s`: expected a map of names%s, found %s", name,
			      required ? ", at least one" : "",
			      tree->count == 0 && sl_tree_is_map(tree) ? "an empty one"
								       : sl_tree_kind_name(tree));
		return NULL;
	}
	return tree;
}

static void check_version(struct sl_loader *loader)
{
	const struct sl_tree *version = sl_tree_get(loader->root, "sluice");

	if (version == NULL)
		sl_fail_place(loader->errors, EINVAL, loader->root->place,
			      "the chain lacks `sluice: " VERSION
			      "`, the version of the chain language");
	else if (version->kind != SL_TREE_SCALAR || strcmp(version->text, VERSION) != 0)
		sl_fail_place(loader->errors, EINVAL, version->place,
			      "`sluice`: expected " VERSION
			      ", the version of the chain language that this program reads, "
			      "not `%.40s`",
			      version->kind == SL_TREE_SCALAR ? version->text
							      : sl_tree_kind_name(version));
}

/* What the file says, or the file's name without folder and suffix. */
static void read_name(struct sl_loader *loader)
{
	const struct sl_tree *name = sl_tree_get(loader->root, "name");
	const char *slash = strrchr(loader->chain->file, '/');
	const char *base = slash != NULL ? slash + 1 : loader->chain->file;
	char *text;

	if (name != NULL) {
		if (name->kind != SL_TREE_SCALAR)
			sl_fail_place(loader->errors, EINVAL, name->place,
				      "`name`: expected a name, found %s", sl_tree_kind_name(name));
		else if (sl_check_name(loader, name, "chain"))
			loader->chain->name = name->text;
		return;
	}
	text = sl_store_text(loader->store, base, strcspn(base, "."));
	for (char *c = text; c != NULL && *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			*c = '-';
	loader->chain->name = text;
}

static void check_sections(struct sl_loader *loader)
{
	for (uint32_t i = 0; i < loader->root->count; i++) {
		const struct sl_tree *key = loader->root->items[i].key;
		unsigned int s = 0;

		while (sections[s] != NULL && strcmp(sections[s], key->text) != 0)
			s++;
		if (sections[s] == NULL)
			sl_unknown_name(loader, key->place, "section", key->text, sections);
	}
}

/* One name for one thing, so that tables, counters and commands are clear. */
static void check_collisions(struct sl_loader *loader)
{
	static const char *const kinds[] = {"ports", "vnfs", "paths"};
	static const char *const words[] = {"port", "VNF", "path"};

	for (unsigned int a = 0; a < 3; a++) {
		const struct sl_tree *first = sl_tree_get(loader->root, kinds[a]);

		for (unsigned int b = a + 1; first != NULL && b < 3; b++) {
			const struct sl_tree *second = sl_tree_get(loader->root, kinds[b]);

			for (uint32_t i = 0;
			     second != NULL && i < second->count && second->kind == SL_TREE_MAP;
			     i++) {
				const char *name = second->items[i].key->text;

				if (sl_tree_get(first, name) != NULL)
					sl_fail_place(
						loader->errors, EEXIST, second->items[i].key->place,
						"%s `%s` has the name of a %s; choose another",
						words[b], name, words[a]);
			}
		}
	}
}

/* What only shows when all is known: paths that start at one port without steering. */
static void check_plan(struct sl_loader *loader)
{
	sl_plan_free(sl_plan_new(loader->chain, loader->errors));
}

static void load(struct sl_loader *loader)
{
	if (!sl_tree_is_map(loader->root)) {
		sl_fail_place(loader->errors, EINVAL, loader->root->place,
			      "expected a chain, a map that starts with `sluice: " VERSION
			      "`; found %s",
			      sl_tree_kind_name(loader->root));
		return;
	}
	check_version(loader);
	check_sections(loader);
	read_name(loader);
	check_collisions(loader);
	sl_read_ports(loader);
	sl_name_vnfs(loader);
	sl_read_paths(loader);
	sl_read_vnfs(loader);
	sl_read_steering(loader);
	sl_read_fusion(loader);
	if (sl_errors_count(loader->errors) == loader->errors_before &&
	    !sl_store_failed(loader->store))
		check_plan(loader);
}

/* The store becomes the chain's, or is freed. The root may be NULL, which was told. */
static struct sl_chain *load_root(struct sl_loader *loader, const char *file)
{
	struct sl_errors *errors = loader->errors;

	if (loader->store != NULL)
		loader->chain = sl_store_alloc(loader->store, 1, sizeof(*loader->chain));
	if (loader->chain != NULL) {
		loader->chain->store = loader->store;
		loader->chain->users = 1;
		loader->chain->file = sl_store_text(loader->store, file, strlen(file));
		sl_errors_resolve(errors, sl_store_find, loader->store);
	}
	if (loader->root != NULL && loader->chain != NULL && loader->chain->file != NULL)
		load(loader);
	if (loader->store == NULL || sl_store_failed(loader->store))
		sl_fail(errors, ENOMEM, "%s: out of memory while reading it, or it is too large",
			file);
	if (sl_errors_count(errors) == loader->errors_before)
		return loader->chain;
	sl_errors_resolve(errors, NULL, NULL);
	sl_store_free(loader->store);
	return NULL;
}

struct sl_chain *sl_chain_load_within(size_t memory, const char *file, const char *bytes,
				      size_t size, struct sl_registry *registry,
				      const char *const *vnf_folders, unsigned int folder_count,
				      struct sl_errors *errors)
{
	struct sl_loader loader = {.store = sl_store_new(memory),
				   .errors = errors,
				   .errors_before = sl_errors_count(errors),
				   .registry = registry,
				   .folders = vnf_folders,
				   .folder_count = folder_count};

	if (loader.store != NULL)
		loader.root = sl_tree_read(loader.store, file, bytes, size, errors);
	return load_root(&loader, file);
}

struct sl_chain *sl_chain_load_tree(struct sl_store *store, const struct sl_tree *root,
				    const char *file, struct sl_registry *registry,
				    const char *const *vnf_folders, unsigned int folder_count,
				    struct sl_errors *errors)
{
	struct sl_loader loader = {.store = store,
				   .errors = errors,
				   .errors_before = sl_errors_count(errors),
				   .registry = registry,
				   .root = root,
				   .folders = vnf_folders,
				   .folder_count = folder_count};

	return load_root(&loader, file);
}

struct sl_chain *sl_chain_load_bytes(const char *file, const char *bytes, size_t size,
				     struct sl_registry *registry, const char *const *vnf_folders,
				     unsigned int folder_count, struct sl_errors *errors)
{
	return sl_chain_load_within(MAX_MEMORY, file, bytes, size, registry, vnf_folders,
				    folder_count, errors);
}

struct sl_chain *sl_chain_load(const char *file, struct sl_registry *registry,
			       const char *const *vnf_folders, unsigned int folder_count,
			       struct sl_errors *errors)
{
	struct sl_chain *chain;
	size_t size;
	char *bytes = sl_file_read(file, &size, errors);

	if (bytes == NULL)
		return NULL;
	chain = sl_chain_load_bytes(file, bytes, size, registry, vnf_folders, folder_count, errors);
	free(bytes);
	return chain;
}

struct sl_chain *sl_chain_use(struct sl_chain *chain)
{
	chain->users++;
	return chain;
}

void sl_chain_free(struct sl_chain *chain)
{
	if (chain == NULL || --chain->users > 0)
		return;
	if (chain->merged != NULL) {
		sl_chain_free(chain->merged->old);
		sl_chain_free(chain->merged->new);
	}
	sl_store_free(chain->store);
}

bool sl_chain_place(void *chain, const void *field, struct sl_place *place)
{
	return sl_store_find(((struct sl_chain *)chain)->store, field, place);
}
