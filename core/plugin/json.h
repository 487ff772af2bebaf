/* SPDX-License-Identifier: BSD-3-Clause */
/* struct sl_json is a jansson value; plugins do not see that. */
#ifndef CORE_PLUGIN_JSON_H
#define CORE_PLUGIN_JSON_H

#include <jansson.h>

#include <sluice/json.h>

/* The object or array as plugins write to it. It stays the caller's. */
static inline struct sl_json *sl_json_from(json_t *value)
{
	return (struct sl_json *)(void *)value;
}

#endif
