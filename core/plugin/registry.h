/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plugins that are loaded, and the node types they provide. Folders are searched in order;
 * plugin NAME is NAME.so in one of them, or a path when NAME contains a slash. A file or folder
 * that others than its owner (see trust.h) may write is refused.
 */
#ifndef CORE_PLUGIN_REGISTRY_H
#define CORE_PLUGIN_REGISTRY_H

#include <stdbool.h>
#include <sys/types.h>

#include <sluice/node.h>

struct sl_registry;

struct sl_loaded_plugin {
	const struct sl_plugin *plugin;
	char *path;
	void *handle; /* of dlopen(): RTLD_NOW | RTLD_LOCAL */
	int fd; /* a copy of the file that is ours; its name refers to it while it is loaded */
	dev_t device; /* of the file, as it was then */
	ino_t inode;
	bool superseded; /* the file was loaded anew: found by nothing but its types */
	unsigned int instances;
};

struct sl_registry *sl_registry_new(const char *const *folders, unsigned int count);
/* Unloads what has no instances. */
void sl_registry_free(struct sl_registry *registry);
/* Load NAME (or find it loaded). NULL with a message that says what was tried and why not. */
struct sl_loaded_plugin *sl_registry_load(struct sl_registry *registry, const char *name,
					  struct sl_errors *errors);
/* The loaded plugin of that name or path; NULL with a message. Loads nothing. */
struct sl_loaded_plugin *sl_registry_find(const struct sl_registry *registry, const char *name,
					  struct sl_errors *errors);
/* Load the plugin's file as it is now. From then on names mean the new one, and the old one is
 * superseded. NULL with messages, and nothing changed. */
struct sl_loaded_plugin *sl_registry_reload(struct sl_registry *registry,
					    struct sl_loaded_plugin *old, struct sl_errors *errors);
/* Take a plugin out and unmap its code. It has no instances. */
void sl_registry_unload(struct sl_registry *registry, struct sl_loaded_plugin *plugin);
/* Load every plugin in the folders (for schema, completion and near misses). */
void sl_registry_load_all(struct sl_registry *registry, struct sl_errors *errors);
/* The node type that `plugin: NAME` means: the type NAME of plugin NAME, or, written
 * PLUGIN/TYPE or as a path, the only or the first type of it. NULL with a message. */
const struct sl_node_type *sl_registry_type(struct sl_registry *registry, const char *name,
					    struct sl_errors *errors);
/* The type that serves steering (SL_NODE_STEERS), found by its flag and not by its name. */
const struct sl_node_type *sl_registry_steering(struct sl_registry *registry,
						struct sl_errors *errors);
/* Names that could be loaded, NULL-ended, for near misses and completion; caller frees with
 * sl_names_free(). */
char **sl_registry_names(const struct sl_registry *registry);
void sl_names_free(char **names);
unsigned int sl_registry_count(const struct sl_registry *registry);
struct sl_loaded_plugin *sl_registry_get(const struct sl_registry *registry, unsigned int i);
/* The loaded plugin that a node type belongs to; NULL for the engine's own types. */
struct sl_loaded_plugin *sl_registry_owner(const struct sl_registry *registry,
					   const struct sl_node_type *type);

#endif
