/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host file. One table of keys says what may stand where; whatever else stands there is
 * reported with its line and the key it may have meant.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libconfig.h>
#include <rte_common.h>

#include <core/host/config.h>
#include <core/host/defaults.h>
#include <core/host/listen.h>
#include <core/host/log.h>
#include <core/plugin/instance.h>

enum key_kind {
	KEY_GROUP,  /* further keys under this one */
	KEY_UINT,   /* unsigned int */
	KEY_UINT64, /* uint64_t */
	KEY_BOOL,   /* bool */
	KEY_TEXT,   /* const char * */
	KEY_TEXTS,  /* const char ** and its count */
	KEY_CORES,  /* unsigned int * and its count */
	KEY_WORD,   /* one of words: enum */
	KEY_LEVEL,  /* one of words: const char * */
	KEY_MODE,   /* file mode in octal, as text */
	KEY_USER,   /* const char *, a user there is */
	KEY_USERS,  /* const char *, a group there is */
	KEY_LISTEN, /* const char *, an address and a port */
};

struct key {
	const char *name;
	enum key_kind kind;
	size_t offset, count_offset; /* in struct sl_host_config */
	uint64_t min, max;
	const char *const *words;
	const struct key *keys;
};

#define AT(field) offsetof(struct sl_host_config, field)

static const char *const memory_words[] = {
	[SL_MEMORY_AUTO] = "auto",
	[SL_MEMORY_HUGE] = "huge",
	[SL_MEMORY_NORMAL] = "normal",
	NULL,
};

static const struct key core_keys[] = {
	{.name = "main", .kind = KEY_UINT, .offset = AT(main_core), .max = UINT16_MAX},
	{.name = "workers",
	 .kind = KEY_CORES,
	 .offset = AT(worker_cores),
	 .count_offset = AT(worker_count)},
	{.name = NULL},
};

static const struct key memory_keys[] = {
	{.name = "mode", .kind = KEY_WORD, .offset = AT(memory), .words = memory_words},
	{.name = "megabytes", .kind = KEY_UINT64, .offset = AT(memory_mb), .max = 1 << 24},
	{.name = "packets", .kind = KEY_UINT, .offset = AT(packets), .min = 1024, .max = 1 << 26},
	{.name = "data-room", .kind = KEY_UINT, .offset = AT(data_room), .min = 1024, .max = 16384},
	{.name = NULL},
};

static const struct key idle_keys[] = {
	{.name = "performance", .kind = KEY_BOOL, .offset = AT(idle.performance)},
	{.name = "pause-after",
	 .kind = KEY_UINT,
	 .offset = AT(idle.pause_after),
	 .max = UINT32_MAX},
	{.name = "sleep-after",
	 .kind = KEY_UINT,
	 .offset = AT(idle.sleep_after),
	 .max = UINT32_MAX},
	{.name = "sleep-us", .kind = KEY_UINT, .offset = AT(idle.sleep_us), .min = 1, .max = 10000},
	{.name = NULL},
};

static const struct key control_keys[] = {
	{.name = "socket", .kind = KEY_TEXT, .offset = AT(socket)},
	{.name = "mode", .kind = KEY_MODE, .offset = AT(socket_mode)},
	{.name = "group", .kind = KEY_USERS, .offset = AT(socket_group)},
	{.name = "admins", .kind = KEY_USERS, .offset = AT(admins)},
	{.name = "readers", .kind = KEY_USERS, .offset = AT(readers)},
	{.name = NULL},
};

static const struct key metrics_keys[] = {
	{.name = "listen", .kind = KEY_LISTEN, .offset = AT(metrics)},
	{.name = NULL},
};

static const struct key log_keys[] = {
	{.name = "level", .kind = KEY_LEVEL, .offset = AT(log_level), .words = sl_log_levels},
	{.name = "file", .kind = KEY_TEXT, .offset = AT(log_file)},
	{.name = NULL},
};

static const struct key keys[] = {
	{.name = "cores", .kind = KEY_GROUP, .keys = core_keys},
	{.name = "memory", .kind = KEY_GROUP, .keys = memory_keys},
	{.name = "idle", .kind = KEY_GROUP, .keys = idle_keys},
	{.name = "control", .kind = KEY_GROUP, .keys = control_keys},
	{.name = "metrics", .kind = KEY_GROUP, .keys = metrics_keys},
	{.name = "telemetry", .kind = KEY_BOOL, .offset = AT(telemetry)},
	{.name = "log", .kind = KEY_GROUP, .keys = log_keys},
	{.name = "burst", .kind = KEY_UINT, .offset = AT(burst), .min = 1, .max = SL_BURST},
	{.name = "watchdog-ms", .kind = KEY_UINT, .offset = AT(watchdog_ms), .max = 3600000},
	{.name = "plugins",
	 .kind = KEY_TEXTS,
	 .offset = AT(plugin_folders),
	 .count_offset = AT(plugin_folder_count)},
	{.name = "vnfs",
	 .kind = KEY_TEXTS,
	 .offset = AT(vnf_folders),
	 .count_offset = AT(vnf_folder_count)},
	{.name = "user", .kind = KEY_USER, .offset = AT(user)},
	{.name = "group", .kind = KEY_USERS, .offset = AT(group)},
	{.name = "eal", .kind = KEY_TEXTS, .offset = AT(eal), .count_offset = AT(eal_count)},
	{.name = NULL},
};

struct reader {
	struct sl_host_config *config;
	const char *file;
	struct sl_errors *errors;
	bool main_given, workers_given, plugins_given, vnfs_given, socket_given, mode_given;
};

static struct sl_place place_of(const struct reader *reader, const config_setting_t *setting)
{
	const char *file = config_setting_source_file(setting);

	return (struct sl_place){
		.file = file != NULL ? file : reader->file,
		.line = config_setting_source_line(setting),
	};
}

static void *field(struct reader *reader, const struct key *key)
{
	return (char *)reader->config + key->offset;
}

static unsigned int *count_field(struct reader *reader, const struct key *key)
{
	return (unsigned int *)((char *)reader->config + key->count_offset);
}

static const char *text_of(struct reader *reader, const config_setting_t *setting)
{
	const char *text = config_setting_get_string(setting);

	if (text == NULL)
		sl_fail_place(reader->errors, EINVAL, place_of(reader, setting),
			      "`%s`: expected text in quotes", config_setting_name(setting));
	return text;
}

static void set_text(const char **where, const char *text)
{
	free((char *)(uintptr_t)*where);
	*where = *text == '\0' ? NULL : strdup(text);
}

static void read_number(struct reader *reader, const struct key *key,
			const config_setting_t *setting)
{
	int type = config_setting_type(setting);
	long long value;

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		sl_fail_place(reader->errors, EINVAL, place_of(reader, setting),
			      "`%s`: expected a whole number", key->name);
		return;
	}
	value = config_setting_get_int64(setting);
	if (type == CONFIG_TYPE_INT)
		value = config_setting_get_int(setting);
	if (value < 0 || (uint64_t)value < key->min || (uint64_t)value > key->max) {
		sl_fail_place(reader->errors, ERANGE, place_of(reader, setting),
			      "`%s`: %lld is out of range; expected %llu to %llu", key->name, value,
			      (unsigned long long)key->min, (unsigned long long)key->max);
		return;
	}
	if (key->kind == KEY_UINT64)
		*(uint64_t *)field(reader, key) = (uint64_t)value;
	else
		*(unsigned int *)field(reader, key) = (unsigned int)value;
}

static void read_word(struct reader *reader, const struct key *key, const config_setting_t *setting)
{
	const char *text = text_of(reader, setting);
	const char *near;

	if (text == NULL)
		return;
	for (unsigned int i = 0; key->words[i] != NULL; i++) {
		if (strcmp(text, key->words[i]) != 0)
			continue;
		if (key->kind == KEY_LEVEL)
			set_text(field(reader, key), text);
		else
			*(unsigned int *)field(reader, key) = i;
		return;
	}
	near = sl_near_miss(text, key->words);
	if (near != NULL)
		sl_fail_place(reader->errors, EINVAL, place_of(reader, setting),
			      "`%s`: unknown value `%s`; did you mean `%s`?", key->name, text,
			      near);
	else
		sl_fail_place(reader->errors, EINVAL, place_of(reader, setting),
			      "`%s`: unknown value `%s`; the first of those there are is `%s`",
			      key->name, text, key->words[0]);
}

static void read_mode(struct reader *reader, const struct key *key, const config_setting_t *setting)
{
	const char *text = text_of(reader, setting);
	unsigned long mode;
	char *end;

	if (text == NULL)
		return;
	mode = strtoul(text, &end, 8);
	if (*text == '\0' || *end != '\0' || mode > 0777)
		sl_fail_place(reader->errors, EINVAL, place_of(reader, setting),
			      "`%s`: `%s` is no file mode; expected octal text such as \"0660\"",
			      key->name, text);
	else
		*(uint32_t *)field(reader, key) = (uint32_t)mode;
}

static void read_account(struct reader *reader, const struct key *key,
			 const config_setting_t *setting)
{
	const char *text = text_of(reader, setting);
	bool known;

	if (text == NULL)
		return;
	known = key->kind == KEY_USER ? getpwnam(text) != NULL : getgrnam(text) != NULL;
	if (!known)
		sl_fail_place(reader->errors, EINVAL, place_of(reader, setting),
			      "`%s`: this machine has no %s `%s`", key->name,
			      key->kind == KEY_USER ? "user" : "group", text);
	else
		set_text(field(reader, key), text);
}

static void read_listen(struct reader *reader, const struct key *key,
			const config_setting_t *setting)
{
	const char *text = text_of(reader, setting);
	union sl_listen address;

	if (text == NULL)
		return;
	if (*text != '\0' && !sl_listen_parse(text, &address))
		sl_fail_place(reader->errors, EINVAL, place_of(reader, setting),
			      "`%s`: `%s`: expected an address and a port, such as "
			      "\"127.0.0.1:9469\" or \"[::1]:9469\"",
			      key->name, text);
	else
		set_text(field(reader, key), text);
}

static void free_texts(const char **texts, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		free((char *)(uintptr_t)texts[i]);
	free(texts);
}

/* A list or array of texts, or one text alone. */
static void read_texts(struct reader *reader, const struct key *key,
		       const config_setting_t *setting)
{
	const char ***where = field(reader, key);
	unsigned int *count = count_field(reader, key);
	bool alone = config_setting_type(setting) == CONFIG_TYPE_STRING;
	unsigned int length = alone ? 1 : (unsigned int)config_setting_length(setting);

	if (!alone && !config_setting_is_array(setting) && !config_setting_is_list(setting)) {
		sl_fail_place(reader->errors, EINVAL, place_of(reader, setting),
			      "`%s`: expected a list of texts: [\"...\", \"...\"]", key->name);
		return;
	}
	free_texts(*where, *count);
	*count = 0;
	*where = calloc(length + 1, sizeof(**where));
	for (unsigned int i = 0; i < length && *where != NULL; i++) {
		const config_setting_t *item =
			alone ? setting : config_setting_get_elem(setting, i);
		const char *text = config_setting_get_string(item);

		if (text == NULL)
			sl_fail_place(reader->errors, EINVAL, place_of(reader, item),
				      "`%s`: expected text in quotes", key->name);
		else
			(*where)[(*count)++] = strdup(text);
	}
}

/* "1-3,5" */
static bool parse_cores(const char *text, unsigned int *cores, unsigned int *count)
{
	do {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (end == text)
			return false;
		if (*end == '-') {
			text = end + 1;
			last = strtoul(text, &end, 10);
			if (end == text)
				return false;
		}
		if (last < first || last > UINT16_MAX)
			return false;
		for (; first <= last; first++) {
			if (*count == SL_MAX_WORKERS)
				return false;
			cores[(*count)++] = (unsigned int)first;
		}
		if (*end != ',' && *end != '\0')
			return false;
		text = end + (*end == ',');
	} while (*text != '\0');
	return true;
}

static void read_cores(struct reader *reader, const struct key *key,
		       const config_setting_t *setting)
{
	unsigned int cores[SL_MAX_WORKERS], count = 0;
	const char *text = config_setting_get_string(setting);
	bool good = true;

	if (text != NULL) {
		good = parse_cores(text, cores, &count);
	} else if (config_setting_is_array(setting) || config_setting_is_list(setting)) {
		for (int i = 0; i < config_setting_length(setting) && good; i++) {
			const config_setting_t *item =
				config_setting_get_elem(setting, (unsigned int)i);

			good = config_setting_type(item) == CONFIG_TYPE_INT &&
			       config_setting_get_int(item) >= 0 && count < SL_MAX_WORKERS;
			if (good)
				cores[count++] = (unsigned int)config_setting_get_int(item);
		}
	} else if (config_setting_type(setting) == CONFIG_TYPE_INT) {
		good = config_setting_get_int(setting) >= 0;
		cores[count++] = (unsigned int)config_setting_get_int(setting);
	} else {
		good = false;
	}
	if (!good || count == 0) {
		sl_fail_place(reader->errors, EINVAL, place_of(reader, setting),
			      "`%s`: expected 1 to %u cores: [1, 2] or \"1-3,5\"", key->name,
			      SL_MAX_WORKERS);
		return;
	}
	for (unsigned int i = 0; i < count; i++)
		for (unsigned int j = 0; j < i; j++)
			if (cores[i] == cores[j])
				sl_fail_place(reader->errors, EINVAL, place_of(reader, setting),
					      "`%s`: core %u stands there twice", key->name,
					      cores[i]);
	memcpy(reader->config->worker_cores, cores, count * sizeof(cores[0]));
	reader->config->worker_count = count;
}

static void read_group(struct reader *reader, const struct key *table, const char *path,
		       const config_setting_t *group);

static void read_key(struct reader *reader, const struct key *key, const config_setting_t *setting)
{
	switch (key->kind) {
	case KEY_GROUP:
		if (config_setting_is_group(setting))
			read_group(reader, key->keys, key->name, setting);
		else
			sl_fail_place(reader->errors, EINVAL, place_of(reader, setting),
				      "`%s`: expected a group: %s = { ... };", key->name,
				      key->name);
		break;
	case KEY_UINT:
	case KEY_UINT64:
		read_number(reader, key, setting);
		break;
	case KEY_BOOL:
		if (config_setting_type(setting) == CONFIG_TYPE_BOOL)
			*(bool *)field(reader, key) = config_setting_get_bool(setting);
		else
			sl_fail_place(reader->errors, EINVAL, place_of(reader, setting),
				      "`%s`: expected true or false", key->name);
		break;
	case KEY_TEXT:
		if (text_of(reader, setting) != NULL)
			set_text(field(reader, key), config_setting_get_string(setting));
		break;
	case KEY_TEXTS:
		read_texts(reader, key, setting);
		break;
	case KEY_CORES:
		read_cores(reader, key, setting);
		break;
	case KEY_WORD:
	case KEY_LEVEL:
		read_word(reader, key, setting);
		break;
	case KEY_MODE:
		read_mode(reader, key, setting);
		break;
	case KEY_USER:
	case KEY_USERS:
		read_account(reader, key, setting);
		break;
	case KEY_LISTEN:
		read_listen(reader, key, setting);
		break;
	}
}

static void unknown_key(struct reader *reader, const struct key *table, const char *path,
			const config_setting_t *setting)
{
	const char *names[RTE_DIM(keys) + 1] = {NULL};
	const char *name = config_setting_name(setting), *near;

	for (unsigned int i = 0; table[i].name != NULL; i++)
		names[i] = table[i].name;
	near = sl_near_miss(name, names);
	if (near != NULL)
		sl_fail_place(reader->errors, EINVAL, place_of(reader, setting),
			      "unknown key `%s`%s%s; did you mean `%s`?", name,
			      path != NULL ? " in " : "", path != NULL ? path : "", near);
	else
		sl_fail_place(reader->errors, EINVAL, place_of(reader, setting),
			      "unknown key `%s`%s%s", name, path != NULL ? " in " : "",
			      path != NULL ? path : "");
}

static void note_given(struct reader *reader, const struct key *key)
{
	if (key->offset == AT(main_core) && key->kind == KEY_UINT)
		reader->main_given = true;
	else if (key->kind == KEY_CORES)
		reader->workers_given = true;
	else if (key->offset == AT(socket) && key->kind == KEY_TEXT)
		reader->socket_given = true;
	else if (key->kind == KEY_MODE)
		reader->mode_given = true;
}

static void read_group(struct reader *reader, const struct key *table, const char *path,
		       const config_setting_t *group)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned int)i);
		const char *name = config_setting_name(setting);
		const struct key *key = table;

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

static void read_file(struct reader *reader, const char *file)
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
	struct reader reader = {.config = config, .file = file, .errors = errors};
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
	free_texts(config->plugin_folders, config->plugin_folder_count);
	free_texts(config->vnf_folders, config->vnf_folder_count);
	free_texts(config->eal, config->eal_count);
	free((char *)(uintptr_t)config->socket);
	free((char *)(uintptr_t)config->socket_group);
	free((char *)(uintptr_t)config->metrics);
	free((char *)(uintptr_t)config->user);
	free((char *)(uintptr_t)config->group);
	free((char *)(uintptr_t)config->log_level);
	free((char *)(uintptr_t)config->log_file);
	free(config);
}
