/* SPDX-License-Identifier: BSD-3-Clause */
/* New code for a plugin that is in use: its file is loaded anew, the chain that runs is applied
 * again, in which instances go on with the new code or others take over their state, and the old
 * code is unmapped. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <core/host/apply.h>
#include <core/host/log.h>
#include <core/host/private.h>

static const struct sl_history_entry *running(const struct sl_engine *engine)
{
	const struct sl_history_entry *entry, *last = NULL;

	for (unsigned int i = 0; (entry = sl_history_get(engine, i)) != NULL; i++)
		if (entry->number == engine->generation->number)
			last = entry;
	return last;
}

/* Apply the running chain again. fresh, copy: as in the request. */
static int apply_again(struct sl_engine *engine, const char *why, const char *fresh, bool copy,
		       uid_t who, struct sl_applied *applied, struct sl_errors *errors)
{
	const struct sl_history_entry *entry = running(engine);
	struct sl_apply_request request = {.who = who, .why = why, .fresh = fresh, .copy = copy};
	char *file, *text;
	int err;

	if (entry == NULL)
		return sl_fail(errors, ENOENT, "the chain that runs was not kept");
	/* The entry may make room for the new one. */
	file = strdup(entry->file);
	text = malloc(entry->size + 1);
	if (file != NULL && text != NULL) {
		memcpy(text, entry->text, entry->size + 1);
		request.file = file;
		request.text = text;
		request.size = entry->size;
		err = sl_engine_apply(engine, &request, applied, errors);
	} else {
		err = sl_fail(errors, ENOMEM, "out of memory");
	}
	free(file);
	free(text);
	return err;
}

int sl_engine_renew(struct sl_engine *engine, const char *name, struct sl_errors *errors)
{
	struct sl_applied applied = {0};
	int err = apply_again(engine, "", name, false, getuid(), &applied, errors);

	sl_diff_free(applied.diff);
	return err;
}

int sl_engine_reload(struct sl_engine *engine, const char *name, bool copy, uid_t who,
		     struct sl_applied *applied, struct sl_errors *errors)
{
	struct sl_loaded_plugin *old = sl_registry_find(engine->registry, name, errors), *new;
	char why[128];
	int err;

	*applied = (struct sl_applied){0};
	if (old == NULL)
		return -ENOENT;
	new = sl_registry_reload(engine->registry, old, errors);
	if (new == NULL)
		return -EINVAL;
	/* Its names mean the new plugin now. */
	snprintf(why, sizeof(why), "reload of plugin %.64s: ", name);
	err = apply_again(engine, why, NULL, copy, who, applied, errors);
	if (err != 0) {
		old->superseded = false;
		if (new->instances == 0)
			sl_registry_unload(engine->registry, new);
		return err;
	}
	if (old->instances == 0)
		sl_registry_unload(engine->registry, old);
	else /* a worker did not come back from it */
		sl_log(SL_LOG_ERROR, "plugin %s: its old code is still in use", name);
	return 0;
}

static void name_instances(const struct sl_generation *generation,
			   const struct sl_loaded_plugin *plugin, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; generation->vnfs[i] != NULL; i++)
		if (generation->vnfs[i]->plugin == plugin && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s",
						 used > 0 ? ", " : "", generation->vnfs[i]->name);
	for (unsigned int i = 0; i < generation->made_count; i++)
		if (generation->made[i]->plugin == plugin && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s",
						 used > 0 ? ", " : "", generation->made[i]->name);
}

int sl_engine_unload(struct sl_engine *engine, const char *name, struct sl_errors *errors)
{
	struct sl_loaded_plugin *plugin = sl_registry_find(engine->registry, name, errors);
	char names[512];

	if (plugin == NULL)
		return -ENOENT;
	if (plugin->instances != 0) {
		name_instances(engine->generation, plugin, names, sizeof(names));
		return sl_fail(errors, EBUSY, "plugin `%s` is in use by: %s", name,
			       names[0] != '\0' ? names : "instances that could not end");
	}
	sl_registry_unload(engine->registry, plugin);
	return 0;
}
