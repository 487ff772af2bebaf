/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host file. One table of keys says what may stand where; whatever else stands there is
 * reported with its line and the key it may have meant.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_common.h>

#include <core/host/config_values.h>
#include <core/host/defaults.h>
#include <core/host/log.h>
#include <core/plugin/instance.h>

#define AT(field) offsetof(struct sl_host_config, field)

static const char *const memory_words[] = {
	[SL_MEMORY_AUTO] = "auto",
	[SL_MEMORY_HUGE] = "huge",
	[SL_MEMORY_NORMAL] = "normal",
	NULL,
};

static const struct sl_config_key core_keys[] = {
	{.name = "main", .kind = SL_KEY_UINT, .offset = AT(main_core), .max = UINT16_MAX},
	{.name = "workers",
	 .kind = SL_KEY_CORES,
	 .offset = AT(worker_cores),
	 .count_offset = AT(worker_count)},
	{.name = NULL},
};

static const struct sl_config_key memory_keys[] = {
	{.name = "mode", .kind = SL_KEY_WORD, .offset = AT(memory), .words = memory_words},
	{.name = "megabytes", .kind = SL_KEY_UINT64, .offset = AT(memory_mb), .max = 1 << 24},
	{.name = "packets",
	 .kind = SL_KEY_UINT,
	 .offset = AT(packets),
	 .min = 1024,
	 .max = 1 << 26},
	{.name = "data-room",
	 .kind = SL_KEY_UINT,
	 .offset = AT(data_room),
	 .min = 1024,
	 .max = 16384},
	{.name = NULL},
};

static const struct sl_config_key idle_keys[] = {
	{.name = "performance", .kind = SL_KEY_BOOL, .offset = AT(idle.performance)},
	{.name = "pause-after",
	 .kind = SL_KEY_UINT,
	 .offset = AT(idle.pause_after),
	 .max = UINT32_MAX},
	{.name = "sleep-after",
	 .kind = SL_KEY_UINT,
	 .offset = AT(idle.sleep_after),
	 .max = UINT32_MAX},
	{.name = "sleep-us",
	 .kind = SL_KEY_UINT,
	 .offset = AT(idle.sleep_us),
	 .min = 1,
	 .max = 10000},
	{.name = NULL},
};

static const struct sl_config_key control_keys[] = {
	{.name = "socket", .kind = SL_KEY_TEXT, .offset = AT(socket)},
	{.name = "mode", .kind = SL_KEY_MODE, .offset = AT(socket_mode)},
	{.name = "group", .kind = SL_KEY_USERS, .offset = AT(socket_group)},
	{.name = "admins", .kind = SL_KEY_USERS, .offset = AT(admins)},
	{.name = "readers", .kind = SL_KEY_USERS, .offset = AT(readers)},
	{.name = NULL},
};

static const struct sl_config_key metrics_keys[] = {
	{.name = "listen", .kind = SL_KEY_LISTEN, .offset = AT(metrics)},
	{.name = NULL},
};

static const struct sl_config_key log_keys[] = {
	{.name = "level", .kind = SL_KEY_LEVEL, .offset = AT(log_level), .words = sl_log_levels},
	{.name = "file", .kind = SL_KEY_TEXT, .offset = AT(log_file)},
	{.name = NULL},
};

static const struct sl_config_key keys[] = {
	{.name = "cores", .kind = SL_KEY_GROUP, .keys = core_keys},
	{.name = "memory", .kind = SL_KEY_GROUP, .keys = memory_keys},
	{.name = "idle", .kind = SL_KEY_GROUP, .keys = idle_keys},
	{.name = "control", .kind = SL_KEY_GROUP, .keys = control_keys},
	{.name = "metrics", .kind = SL_KEY_GROUP, .keys = metrics_keys},
	{.name = "telemetry", .kind = SL_KEY_BOOL, .offset = AT(telemetry)},
	{.name = "log", .kind = SL_KEY_GROUP, .keys = log_keys},
	{.name = "burst", .kind = SL_KEY_UINT, .offset = AT(burst), .min = 1, .max = SL_BURST},
	{.name = "watchdog-ms", .kind = SL_KEY_UINT, .offset = AT(watchdog_ms), .max = 3600000},
	{.name = "plugins",
	 .kind = SL_KEY_TEXTS,
	 .offset = AT(plugin_folders),
	 .count_offset = AT(plugin_folder_count)},
	{.name = "vnfs",
	 .kind = SL_KEY_TEXTS,
	 .offset = AT(vnf_folders),
	 .count_offset = AT(vnf_folder_count)},
	{.name = "user", .kind = SL_KEY_USER, .offset = AT(user)},
	{.name = "group", .kind = SL_KEY_USERS, .offset = AT(group)},
	{.name = "eal", .kind = SL_KEY_TEXTS, .offset = AT(eal), .count_offset = AT(eal_count)},
	{.name = NULL},
};

static void read_group(struct sl_config_reader *reader, const struct sl_config_key *table,
		       const char *path, const config_setting_t *group);

static void read_key(struct sl_config_reader *reader, const struct sl_config_key *key,
		     const config_setting_t *setting)
{
	if (key->kind != SL_KEY_GROUP)
		sl_config_value(reader, key, setting);
	else if (config_setting_is_group(setting))
		read_group(reader, key->keys, key->name, setting);
	else
		sl_fail_place(reader->errors, EINVAL, sl_config_place(reader, setting),
			      "`%s`: expected a group: %s = { ... };", key->name, key->name);
}

static void unknown_key(struct sl_config_reader *reader, const struct sl_config_key *table,
			const char *path, const config_setting_t *setting)
{
	const char *names[RTE_DIM(keys) + 1] = {NULL};
	const char *name = config_setting_name(setting), *near;

	for (unsigned int i = 0; table[i].name != NULL; i++)
		names[i] = table[i].name;
	near = sl_near_miss(name, names);
	if (near != NULL)
		sl_fail_place(reader->errors, EINVAL, sl_config_place(reader, setting),
			      "unknown key `%s`%s%s; did you mean `%s`?", name,
			      path != NULL ? " in " : "", path != NULL ? path : "", near);
	else
		sl_fail_place(reader->errors, EINVAL, sl_config_place(reader, setting),
			      "unknown key `%s`%s%s", name, path != NULL ? " in " : "",
			      path != NULL ? path : "");
}

static void note_given(struct sl_config_reader *reader, const struct sl_config_key *key)
{
	if (key->offset == AT(main_core) && key->kind == SL_KEY_UINT)
		reader->main_given = true;
	else if (key->kind == SL_KEY_CORES)
		reader->workers_given = true;
	else if (key->offset == AT(socket) && key->kind == SL_KEY_TEXT)
		reader->socket_given = true;
	else if (key->kind == SL_KEY_MODE)
		reader->mode_given = true;
}

static void read_group(struct sl_config_reader *reader, const struct sl_config_key *table,
		       const char *path, const config_setting_t *group)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned int)i);
		const char *name = config_setting_name(setting);
		const struct sl_config_key *key = table;

		while (key->name != NULL && strcmp(key->name, name) != 0)
			key++;
		if (key->name == NULL) {
			unknown_key(reader, table, path, setting);
			continue;
		}
		note_given(reader, key);
		read_key(reader, key, setting);
	}
}

static void read_file(struct sl_config_reader *reader, const char *file)
{
	config_t parsed;

	config_init(&parsed);
	if (config_read_file(&parsed, file) == CONFIG_TRUE) {
		read_group(reader, keys, NULL, config_root_setting(&parsed));
	} else if (config_error_type(&parsed) == CONFIG_ERR_FILE_IO) {
		sl_fail(reader->errors, errno != 0 ? errno : EIO, "%s: cannot be read: %s", file,
			strerror(errno != 0 ? errno : EIO));
	} else {
		const char *where = config_error_file(&parsed);

		sl_fail_place(reader->errors, EINVAL,
			      (struct sl_place){.file = where != NULL ? where : file,
						.line = (unsigned int)config_error_line(&parsed)},
			      "%s", config_error_text(&parsed));
	}
	config_destroy(&parsed);
}

struct sl_host_config *sl_host_config_load(const char *file, struct sl_errors *errors)
{
	struct sl_host_config *config = sl_host_defaults_new();
	struct sl_config_reader reader = {.config = config, .file = file, .errors = errors};
	unsigned int before = sl_errors_count(errors);
	char found[PATH_MAX];

	if (config == NULL) {
		sl_fail(errors, ENOMEM, "out of memory");
		return NULL;
	}
	if (file == NULL)
		reader.file = file = sl_host_defaults_file(found, sizeof(found));
	if (file != NULL)
		read_file(&reader, file);
	if (sl_host_defaults_cores(config, reader.main_given, reader.workers_given, file, errors) !=
		    0 ||
	    sl_host_defaults_paths(config, reader.socket_given) != 0)
		sl_fail(errors, ENOMEM, "out of memory");
	if (sl_errors_count(errors) > before) {
		sl_host_config_free(config);
		return NULL;
	}
	/* Who is in neither group is told so, and may nothing. */
	if (!reader.mode_given && (config->admins != NULL || config->readers != NULL))
		config->socket_mode = 0666;
	return config;
}

void sl_host_config_free(struct sl_host_config *config)
{
	if (config == NULL)
		return;
	free(config->worker_cores);
	sl_config_free_texts(config->plugin_folders, config->plugin_folder_count);
	sl_config_free_texts(config->vnf_folders, config->vnf_folder_count);
	sl_config_free_texts(config->eal, config->eal_count);
	free((char *)(uintptr_t)config->socket);
	free((char *)(uintptr_t)config->socket_group);
	free((char *)(uintptr_t)config->metrics);
	free((char *)(uintptr_t)config->user);
	free((char *)(uintptr_t)config->group);
	free((char *)(uintptr_t)config->log_level);
	free((char *)(uintptr_t)config->log_file);
	free(config);
}
