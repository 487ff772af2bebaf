/* SPDX-License-Identifier: BSD-3-Clause */
/* The folders of VNF descriptors: which there are, and the schema of their parameters. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <core/chain/definition.h>
#include <core/chain/descriptor.h>
#include <core/chain/schema.h>

#define SUFFIX     ".yaml"
#define MAX_NAMES  1000
#define MAX_MEMORY ((size_t)64 * 1024 * 1024)

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static unsigned int list_folder(const char *path, char **names, unsigned int count)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;

	while (folder != NULL && count < MAX_NAMES && (entry = readdir(folder)) != NULL) {
		size_t length = strlen(entry->d_name);

		if (length <= strlen(SUFFIX) || entry->d_name[0] == '.' ||
		    strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		names[count] = strndup(entry->d_name, length - strlen(SUFFIX));
		if (names[count] != NULL)
			count++;
	}
	if (folder != NULL)
		closedir(folder);
	return count;
}

char **sl_descriptor_names(const char *const *folders, unsigned int count)
{
	char **names = calloc(MAX_NAMES + 1, sizeof(*names));
	unsigned int found = 0, kept = 0;

	if (names == NULL)
		return NULL;
	for (unsigned int i = 0; i < count; i++)
		found = list_folder(folders[i], names, found);
	qsort(names, found, sizeof(*names), compare_names);
	for (unsigned int i = 0; i < found; i++) {
		if (kept > 0 && strcmp(names[kept - 1], names[i]) == 0)
			free(names[i]); /* the first folder's counts */
		else
			names[kept++] = names[i];
	}
	for (unsigned int i = kept; i < found; i++)
		names[i] = NULL;
	return names;
}

char *sl_descriptor_file(const char *name, const char *const *folders, unsigned int count)
{
	char *file = NULL;

	for (unsigned int i = 0; i < count; i++) {
		if (asprintf(&file, "%s/%s" SUFFIX, folders[i], name) < 0)
			return NULL;
		if (access(file, F_OK) == 0)
			return file;
		free(file);
	}
	return NULL;
}

static void add_parameters(struct sl_loader *loader, const struct sl_tree *parameters, json_t *with)
{
	for (uint32_t i = 0; i < parameters->count; i++) {
		const struct sl_tree_item *item = &parameters->items[i];
		struct sl_definition definition = {0};
		struct sl_param param;
		json_t *schema;

		if (!sl_definition_read(loader, item, &definition))
			continue;
		if (definition.kind == SL_TABLE)
			schema = json_pack("{s:s}", "description", definition.doc);
		else if (sl_definition_param(loader->store, item->key->text, &definition, &param))
			schema = sl_schema_param(&param);
		else
			continue;
		json_object_set_new(json_object_get(with, "properties"), item->key->text, schema);
		if (!definition.optional && sl_tree_get(item->value, "default") == NULL)
			json_array_append_new(json_object_get(with, "required"),
					      json_string(item->key->text));
	}
}

char *sl_descriptor_schema(const char *name, const char *const *folders, unsigned int count,
			   json_t *with, struct sl_errors *errors)
{
	struct sl_loader loader = {.errors = errors, .store = sl_store_new(MAX_MEMORY)};
	char *file = sl_descriptor_file(name, folders, count), *bytes = NULL, *doc = NULL;
	const struct sl_tree *root = NULL, *tree;
	size_t size;

	if (file != NULL && loader.store != NULL)
		bytes = sl_file_read(file, &size, errors);
	if (bytes != NULL)
		root = sl_yaml_read(loader.store, file, bytes, size, errors);
	tree = root != NULL ? sl_tree_get(root, "parameters") : NULL;
	if (tree != NULL && tree->kind == SL_TREE_MAP)
		add_parameters(&loader, tree, with);
	tree = root != NULL ? sl_tree_get(root, "doc") : NULL;
	if (tree != NULL && tree->kind == SL_TREE_SCALAR)
		doc = strdup(tree->text);
	free(bytes);
	free(file);
	sl_store_free(loader.store);
	return doc;
}
