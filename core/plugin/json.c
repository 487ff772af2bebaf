/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <core/plugin/json.h>

/* Takes over the value. What cannot be added (memory is out) is missing, as jansson does. */
static struct sl_json *add(struct sl_json *json, const char *key, json_t *value)
{
	json_t *to = (json_t *)(void *)json;
	int error;

	if (key != NULL)
		error = json_object_set_new(to, key, value);
	else
		error = json_array_append_new(to, value);
	return error == 0 ? sl_json_from(value) : NULL;
}

void sl_json_int(struct sl_json *json, const char *key, int64_t value)
{
	add(json, key, json_integer(value));
}

void sl_json_real(struct sl_json *json, const char *key, double value)
{
	json_t *real = json_real(value);

	/* JSON has no NaN and no infinity. */
	add(json, key, real != NULL ? real : json_null());
}

void sl_json_bool(struct sl_json *json, const char *key, bool value)
{
	add(json, key, json_boolean(value));
}

/* Bytes that are no UTF-8 must not hide the rest of the text. */
static json_t *ascii_of(const char *text)
{
	char *copy = strdup(text);
	json_t *string;

	if (copy == NULL)
		return NULL;
	for (char *c = copy; *c != '\0'; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	string = json_string(copy);
	free(copy);
	return string;
}

void sl_json_text(struct sl_json *json, const char *key, const char *value)
{
	json_t *string;

	if (value == NULL) {
		add(json, key, json_null());
		return;
	}
	string = json_string(value);
	add(json, key, string != NULL ? string : ascii_of(value));
}

void sl_json_addr(struct sl_json *json, const char *key, const struct sl_addr *value)
{
	char text[SL_ADDR_TEXT];

	sl_json_text(json, key, sl_addr_format(value, text));
}

struct sl_json *sl_json_object(struct sl_json *json, const char *key)
{
	return add(json, key, json_object());
}

struct sl_json *sl_json_array(struct sl_json *json, const char *key)
{
	return add(json, key, json_array());
}
