/* SPDX-License-Identifier: BSD-3-Clause */
/* Values in the host file, each kind checked as it is read. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include <core/host/config_values.h>
#include <core/host/listen.h>
#include <core/plugin/instance.h>

struct sl_place sl_config_place(const struct sl_config_reader *reader,
				const config_setting_t *setting)
{
	const char *file = config_setting_source_file(setting);

	return (struct sl_place){
		.file = file != NULL ? file : reader->file,
		.line = config_setting_source_line(setting),
	};
}

static void *field(struct sl_config_reader *reader, const struct sl_config_key *key)
{
	return (char *)reader->config + key->offset;
}

static unsigned int *count_field(struct sl_config_reader *reader, const struct sl_config_key *key)
{
	return (unsigned int *)((char *)reader->config + key->count_offset);
}

static const char *text_of(struct sl_config_reader *reader, const config_setting_t *setting)
{
	const char *text = config_setting_get_string(setting);

	if (text == NULL)
		sl_fail_place(reader->errors, EINVAL, sl_config_place(reader, setting),
			      "`%s`: expected text in quotes", config_setting_name(setting));
	return text;
}

static void set_text(const char **where, const char *text)
{
	free((char *)(uintptr_t)*where);
	*where = *text == '\0' ? NULL : strdup(text);
}

static void read_number(struct sl_config_reader *reader, const struct sl_config_key *key,
			const config_setting_t *setting)
{
	int type = config_setting_type(setting);
	long long value;

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		sl_fail_place(reader->errors, EINVAL, sl_config_place(reader, setting),
			      "`%s`: expected a whole number", key->name);
		return;
	}
	value = config_setting_get_int64(setting);
	if (type == CONFIG_TYPE_INT)
		value = config_setting_get_int(setting);
	if (value < 0 || (uint64_t)value < key->min || (uint64_t)value > key->max) {
		sl_fail_place(reader->errors, ERANGE, sl_config_place(reader, setting),
			      "`%s`: %lld is out of range; expected %llu to %llu", key->name, value,
			      (unsigned long long)key->min, (unsigned long long)key->max);
		return;
	}
	if (key->kind == SL_KEY_UINT64)
		*(uint64_t *)field(reader, key) = (uint64_t)value;
	else
		*(unsigned int *)field(reader, key) = (unsigned int)value;
}

static void read_word(struct sl_config_reader *reader, const struct sl_config_key *key,
		      const config_setting_t *setting)
{
	const char *text = text_of(reader, setting);
	const char *near;

	if (text == NULL)
		return;
	for (unsigned int i = 0; key->words[i] != NULL; i++) {
		if (strcmp(text, key->words[i]) != 0)
			continue;
		if (key->kind == SL_KEY_LEVEL)
			set_text(field(reader, key), text);
		else
			*(unsigned int *)field(reader, key) = i;
		return;
	}
	near = sl_near_miss(text, key->words);
	if (near != NULL)
		sl_fail_place(reader->errors, EINVAL, sl_config_place(reader, setting),
			      "`%s`: unknown value `%s`; did you mean `%s`?", key->name, text,
			      near);
	else
		sl_fail_place(reader->errors, EINVAL, sl_config_place(reader, setting),
			      "`%s`: unknown value `%s`; the first of those there are is `%s`",
			      key->name, text, key->words[0]);
}

static void read_mode(struct sl_config_reader *reader, const struct sl_config_key *key,
		      const config_setting_t *setting)
{
	const char *text = text_of(reader, setting);
	unsigned long mode;
	char *end;

	if (text == NULL)
		return;
	mode = strtoul(text, &end, 8);
	if (*text == '\0' || *end != '\0' || mode > 0777)
		sl_fail_place(reader->errors, EINVAL, sl_config_place(reader, setting),
			      "`%s`: `%s` is no file mode; expected octal text such as \"0660\"",
			      key->name, text);
	else
		*(uint32_t *)field(reader, key) = (uint32_t)mode;
}

static void read_account(struct sl_config_reader *reader, const struct sl_config_key *key,
			 const config_setting_t *setting)
{
	const char *text = text_of(reader, setting);
	bool known;

	if (text == NULL)
		return;
	known = key->kind == SL_KEY_USER ? getpwnam(text) != NULL : getgrnam(text) != NULL;
	if (!known)
		sl_fail_place(reader->errors, EINVAL, sl_config_place(reader, setting),
			      "`%s`: this machine has no %s `%s`", key->name,
			      key->kind == SL_KEY_USER ? "user" : "group", text);
	else
		set_text(field(reader, key), text);
}

static void read_listen(struct sl_config_reader *reader, const struct sl_config_key *key,
			const config_setting_t *setting)
{
	const char *text = text_of(reader, setting);
	union sl_listen address;

	if (text == NULL)
		return;
	if (*text != '\0' && !sl_listen_parse(text, &address))
		sl_fail_place(reader->errors, EINVAL, sl_config_place(reader, setting),
			      "`%s`: `%s`: expected an address and a port, such as "
			      "\"127.0.0.1:9469\" or \"[::1]:9469\"",
			      key->name, text);
	else
		set_text(field(reader, key), text);
}

void sl_config_free_texts(const char **texts, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		free((char *)(uintptr_t)texts[i]);
	free(texts);
}

/* A list or array of texts, or one text alone. */
static void read_texts(struct sl_config_reader *reader, const struct sl_config_key *key,
		       const config_setting_t *setting)
{
	const char ***where = field(reader, key);
	unsigned int *count = count_field(reader, key);
	bool alone = config_setting_type(setting) == CONFIG_TYPE_STRING;
	unsigned int length = alone ? 1 : (unsigned int)config_setting_length(setting);

	if (!alone && !config_setting_is_array(setting) && !config_setting_is_list(setting)) {
		sl_fail_place(reader->errors, EINVAL, sl_config_place(reader, setting),
			      "`%s`: expected a list of texts: [\"...\", \"...\"]", key->name);
		return;
	}
	sl_config_free_texts(*where, *count);
	*count = 0;
	*where = calloc(length + 1, sizeof(**where));
	for (unsigned int i = 0; i < length && *where != NULL; i++) {
		const config_setting_t *item =
			alone ? setting : config_setting_get_elem(setting, i);
		const char *text = config_setting_get_string(item);

		if (text == NULL)
			sl_fail_place(reader->errors, EINVAL, sl_config_place(reader, item),
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

static void read_cores(struct sl_config_reader *reader, const struct sl_config_key *key,
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
		sl_fail_place(reader->errors, EINVAL, sl_config_place(reader, setting),
			      "`%s`: expected 1 to %u cores: [1, 2] or \"1-3,5\"", key->name,
			      SL_MAX_WORKERS);
		return;
	}
	for (unsigned int i = 0; i < count; i++)
		for (unsigned int j = 0; j < i; j++)
			if (cores[i] == cores[j])
				sl_fail_place(
					reader->errors, EINVAL, sl_config_place(reader, setting),
					"`%s`: core %u stands there twice", key->name, cores[i]);
	memcpy(reader->config->worker_cores, cores, count * sizeof(cores[0]));
	reader->config->worker_count = count;
}

void sl_config_value(struct sl_config_reader *reader, const struct sl_config_key *key,
		     const config_setting_t *setting)
{
	switch (key->kind) {
	case SL_KEY_GROUP:
		break;
	case SL_KEY_UINT:
	case SL_KEY_UINT64:
		read_number(reader, key, setting);
		break;
	case SL_KEY_BOOL:
		if (config_setting_type(setting) == CONFIG_TYPE_BOOL)
			*(bool *)field(reader, key) = config_setting_get_bool(setting);
		else
			sl_fail_place(reader->errors, EINVAL, sl_config_place(reader, setting),
				      "`%s`: expected true or false", key->name);
		break;
	case SL_KEY_TEXT:
		if (text_of(reader, setting) != NULL)
			set_text(field(reader, key), config_setting_get_string(setting));
		break;
	case SL_KEY_TEXTS:
		read_texts(reader, key, setting);
		break;
	case SL_KEY_CORES:
		read_cores(reader, key, setting);
		break;
	case SL_KEY_WORD:
	case SL_KEY_LEVEL:
		read_word(reader, key, setting);
		break;
	case SL_KEY_MODE:
		read_mode(reader, key, setting);
		break;
	case SL_KEY_USER:
	case SL_KEY_USERS:
		read_account(reader, key, setting);
		break;
	case SL_KEY_LISTEN:
		read_listen(reader, key, setting);
		break;
	}
}
