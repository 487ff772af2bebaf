/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <core/error/errors.h>
#include <core/plugin/load.h>

#define SUFFIX ".so"

struct sl_registry {
	char **folders;
	unsigned int folder_count;
	struct sl_loaded_plugin **plugins; /* in the order of loading; pointers stay valid */
	unsigned int count;
};

struct sl_registry *sl_registry_new(const char *const *folders, unsigned int count)
{
	struct sl_registry *registry = calloc(1, sizeof(*registry));

	if (registry == NULL)
		return NULL;
	registry->folders = calloc(count + 1, sizeof(*registry->folders));
	if (registry->folders == NULL)
		goto fail;
	for (unsigned int i = 0; i < count; i++) {
		registry->folders[i] = strdup(folders[i]);
		if (registry->folders[i] == NULL)
			goto fail;
		registry->folder_count++;
	}
	return registry;
fail:
	sl_registry_free(registry);
	return NULL;
}

void sl_registry_free(struct sl_registry *registry)
{
	if (registry == NULL)
		return;
	for (unsigned int i = 0; i < registry->count; i++) {
		/* Code that an instance may still run stays mapped. */
		if (registry->plugins[i]->instances != 0)
			continue;
		sl_plugin_close(registry->plugins[i]);
		free(registry->plugins[i]);
	}
	free(registry->plugins);
	for (unsigned int i = 0; i < registry->folder_count; i++)
		free(registry->folders[i]);
	free(registry->folders);
	free(registry);
}

/* The same file under another name is the same plugin. One that was written anew stays the old
 * plugin until it is reloaded. */
static struct sl_loaded_plugin *find_file(const struct sl_registry *registry, const char *path)
{
	struct stat wanted;

	for (unsigned int i = 0; i < registry->count; i++)
		if (!registry->plugins[i]->superseded &&
		    strcmp(registry->plugins[i]->path, path) == 0)
			return registry->plugins[i];
	if (stat(path, &wanted) != 0)
		return NULL;
	for (unsigned int i = 0; i < registry->count; i++)
		if (!registry->plugins[i]->superseded &&
		    registry->plugins[i]->device == wanted.st_dev &&
		    registry->plugins[i]->inode == wanted.st_ino)
			return registry->plugins[i];
	return NULL;
}

static int open_file(struct sl_registry *registry, const char *path,
		     struct sl_loaded_plugin **loaded, struct sl_errors *errors)
{
	struct sl_loaded_plugin **grown;
	int error;

	grown = realloc(registry->plugins, (registry->count + 1) * sizeof(*grown));
	if (grown != NULL)
		registry->plugins = grown;
	*loaded = calloc(1, sizeof(**loaded));
	if (grown == NULL || *loaded == NULL) {
		free(*loaded);
		*loaded = NULL;
		return sl_fail(errors, ENOMEM, "plugin %s: out of memory", path);
	}
	error = sl_plugin_open(path, *loaded, errors);
	if (error != 0) {
		free(*loaded);
		*loaded = NULL;
		return error;
	}
	registry->plugins[registry->count++] = *loaded;
	return 0;
}

/* -ENOENT, without a message, when there is no such file. */
static int load_file(struct sl_registry *registry, const char *path,
		     struct sl_loaded_plugin **loaded, struct sl_errors *errors)
{
	*loaded = find_file(registry, path);
	return *loaded != NULL ? 0 : open_file(registry, path, loaded, errors);
}

struct sl_loaded_plugin *sl_registry_find(const struct sl_registry *registry, const char *name,
					  struct sl_errors *errors)
{
	const char *names[128];
	unsigned int count = 0;
	const char *near;

	for (unsigned int i = 0; i < registry->count; i++) {
		struct sl_loaded_plugin *loaded = registry->plugins[i];

		if (loaded->superseded)
			continue;
		if (strcmp(loaded->plugin->name, name) == 0 || strcmp(loaded->path, name) == 0)
			return loaded;
		if (count < 127)
			names[count++] = loaded->plugin->name;
	}
	names[count] = NULL;
	near = sl_near_miss(name, names);
	sl_fail(errors, ENOENT, "no plugin `%s` is loaded%s%s%s", name,
		near != NULL ? "; did you mean `" : "", near != NULL ? near : "",
		near != NULL ? "`?" : "");
	return NULL;
}

struct sl_loaded_plugin *sl_registry_reload(struct sl_registry *registry,
					    struct sl_loaded_plugin *old, struct sl_errors *errors)
{
	struct sl_loaded_plugin *loaded = NULL;
	int error = open_file(registry, old->path, &loaded, errors);

	if (error == -ENOENT)
		sl_fail(errors, ENOENT, "plugin %s: the file is gone", old->path);
	if (error != 0 || loaded == NULL)
		return NULL;
	if (strcmp(loaded->plugin->name, old->plugin->name) != 0) {
		sl_fail(errors, EINVAL, "plugin %s: it was `%s` and is `%s` now", old->path,
			old->plugin->name, loaded->plugin->name);
		sl_registry_unload(registry, loaded);
		return NULL;
	}
	old->superseded = true;
	return loaded;
}

void sl_registry_unload(struct sl_registry *registry, struct sl_loaded_plugin *plugin)
{
	for (unsigned int i = 0; i < registry->count; i++) {
		if (registry->plugins[i] != plugin)
			continue;
		memmove(&registry->plugins[i], &registry->plugins[i + 1],
			(registry->count - i - 1) * sizeof(struct sl_loaded_plugin *));
		registry->count--;
		sl_plugin_close(plugin);
		free(plugin);
		return;
	}
}

static void not_found(const struct sl_registry *registry, const char *name,
		      struct sl_errors *errors)
{
	char tried[1024] = "";
	size_t used = 0;
	char **names = sl_registry_names(registry);
	const char *near = names != NULL ? sl_near_miss(name, (const char *const *)names) : NULL;

	for (unsigned int i = 0; i < registry->folder_count && used < sizeof(tried); i++)
		used += (size_t)snprintf(tried + used, sizeof(tried) - used, "%s%s",
					 i == 0 ? "" : ", ", registry->folders[i]);
	if (near != NULL)
		sl_fail(errors, ENOENT,
			"no plugin `%s`; did you mean `%s`? (looked for %s" SUFFIX " in %s)", name,
			near, name, used != 0 ? tried : "no folder");
	else
		sl_fail(errors, ENOENT,
			"no plugin `%s`: there is no %s" SUFFIX " in %s; set `plugins` in the host "
			"file, or name the plugin by its path",
			name, name, used != 0 ? tried : "any folder, as none is configured");
	sl_names_free(names);
}

static bool usable_name(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strlen(name) < NAME_MAX - sizeof(SUFFIX);
}

struct sl_loaded_plugin *sl_registry_load(struct sl_registry *registry, const char *name,
					  struct sl_errors *errors)
{
	struct sl_loaded_plugin *loaded = NULL;
	char path[PATH_MAX];
	int error = -ENOENT;

	if (strchr(name, '/') != NULL) {
		if (load_file(registry, name, &loaded, errors) == -ENOENT)
			sl_fail(errors, ENOENT, "no plugin file %s", name);
		return loaded;
	}
	for (unsigned int i = 0; usable_name(name) && i < registry->folder_count; i++) {
		if (snprintf(path, sizeof(path), "%s/%s" SUFFIX, registry->folders[i], name) >=
		    (int)sizeof(path))
			continue;
		error = load_file(registry, path, &loaded, errors);
		if (error != -ENOENT)
			return loaded;
	}
	not_found(registry, name, errors);
	return NULL;
}

static int is_plugin_file(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > strlen(SUFFIX) &&
	       strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) == 0;
}

static bool has_name(char *const *names, unsigned int count, const char *name)
{
	for (unsigned int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_name(char ***names, unsigned int *count, const char *name, size_t length)
{
	char **grown = realloc(*names, (*count + 2) * sizeof(**names));
	char *copy = strndup(name, length);

	if (grown != NULL)
		*names = grown;
	if (grown == NULL || copy == NULL || has_name(grown, *count, copy)) {
		free(copy);
		return grown != NULL;
	}
	grown[(*count)++] = copy;
	grown[*count] = NULL;
	return true;
}

char **sl_registry_names(const struct sl_registry *registry)
{
	unsigned int count = 0;
	char **names = calloc(1, sizeof(*names));

	for (unsigned int i = 0; names != NULL && i < registry->folder_count; i++) {
		struct dirent **entries;
		int n = scandir(registry->folders[i], &entries, is_plugin_file, NULL);

		for (int j = 0; j < n; j++) {
			add_name(&names, &count, entries[j]->d_name,
				 strlen(entries[j]->d_name) - strlen(SUFFIX));
			free(entries[j]);
		}
		if (n >= 0)
			free(entries);
	}
	if (names != NULL)
		qsort(names, count, sizeof(*names), by_name);
	return names;
}

void sl_names_free(char **names)
{
	for (unsigned int i = 0; names != NULL && names[i] != NULL; i++)
		free(names[i]);
	free(names);
}

void sl_registry_load_all(struct sl_registry *registry, struct sl_errors *errors)
{
	char **names = sl_registry_names(registry);

	for (unsigned int i = 0; names != NULL && names[i] != NULL; i++)
		sl_registry_load(registry, names[i], errors);
	sl_names_free(names);
}

static const struct sl_node_type *find_type(const struct sl_plugin *plugin, const char *name)
{
	for (unsigned int i = 0; i < plugin->type_count; i++)
		if (strcmp(plugin->types[i].name, name) == 0)
			return &plugin->types[i];
	return NULL;
}

static void no_such_type(const struct sl_plugin *plugin, const char *type, struct sl_errors *errors)
{
	char have[512] = "";
	size_t used = 0;

	for (unsigned int i = 0; i < plugin->type_count && used < sizeof(have); i++)
		used += (size_t)snprintf(have + used, sizeof(have) - used, "%s`%s`",
					 i == 0 ? "" : ", ", plugin->types[i].name);
	sl_fail(errors, ENOENT, "plugin `%s` has no node type `%s`; it has %s", plugin->name, type,
		have);
}

/*
 * NAME            type NAME of plugin NAME; its only type when that has another name
 * PLUGIN/TYPE
 * PATH.so         its only or first type
 * PATH.so/TYPE
 */
const struct sl_node_type *sl_registry_type(struct sl_registry *registry, const char *name,
					    struct sl_errors *errors)
{
	const char *suffix = strstr(name, SUFFIX "/");
	const char *type_name = NULL;
	const struct sl_node_type *type;
	struct sl_loaded_plugin *loaded;
	char *plugin_name;

	if (suffix != NULL)
		type_name = suffix + strlen(SUFFIX "/");
	else if (name[0] != '/' && name[0] != '.' && strstr(name, SUFFIX) == NULL &&
		 strchr(name, '/') != NULL)
		type_name = strchr(name, '/') + 1;
	plugin_name =
		strndup(name, type_name != NULL ? (size_t)(type_name - 1 - name) : strlen(name));
	if (plugin_name == NULL) {
		sl_fail(errors, ENOMEM, "plugin %s: out of memory", name);
		return NULL;
	}
	loaded = sl_registry_load(registry, plugin_name, errors);
	free(plugin_name);
	if (loaded == NULL)
		return NULL;
	if (type_name == NULL) {
		type = find_type(loaded->plugin, name);
		return type != NULL ? type : &loaded->plugin->types[0];
	}
	type = find_type(loaded->plugin, type_name);
	if (type == NULL)
		no_such_type(loaded->plugin, type_name, errors);
	return type;
}

static const struct sl_node_type *loaded_steering(const struct sl_registry *registry)
{
	for (unsigned int i = 0; i < registry->count; i++) {
		const struct sl_plugin *plugin = registry->plugins[i]->plugin;

		if (registry->plugins[i]->superseded)
			continue;
		for (unsigned int j = 0; j < plugin->type_count; j++)
			if (plugin->types[j].flags & SL_NODE_STEERS)
				return &plugin->types[j];
	}
	return NULL;
}

const struct sl_node_type *sl_registry_steering(struct sl_registry *registry,
						struct sl_errors *errors)
{
	const struct sl_node_type *type = loaded_steering(registry);

	/* What else is wrong in the folders is not what was asked. */
	if (type == NULL) {
		sl_registry_load_all(registry, NULL);
		type = loaded_steering(registry);
	}
	if (type == NULL)
		sl_fail(errors, ENOENT,
			"`steering` needs a plugin that chooses paths, and none of those found "
			"does (the classifier that comes with sluice is one)");
	return type;
}

unsigned int sl_registry_count(const struct sl_registry *registry)
{
	return registry->count;
}

struct sl_loaded_plugin *sl_registry_get(const struct sl_registry *registry, unsigned int i)
{
	return i < registry->count ? registry->plugins[i] : NULL;
}

struct sl_loaded_plugin *sl_registry_owner(const struct sl_registry *registry,
					   const struct sl_node_type *type)
{
	for (unsigned int i = 0; i < registry->count; i++) {
		const struct sl_plugin *plugin = registry->plugins[i]->plugin;

		for (unsigned int j = 0; j < plugin->type_count; j++)
			if (&plugin->types[j] == type)
				return registry->plugins[i];
	}
	return NULL;
}
