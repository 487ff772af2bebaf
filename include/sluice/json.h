/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What a plugin writes when it is asked to show something: members of a JSON object. The engine
 * turns them into JSON for the API and into aligned tables for people.
 */
#ifndef SLUICE_JSON_H
#define SLUICE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/address.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An object or array being written. Owned by the engine, valid during the callback. */
struct sl_json;

/** Add a member to an object, or, with key NULL, an element to an array. Main thread only. */
SL_PUBLIC void sl_json_int(struct sl_json *json, const char *key, int64_t value);
SL_PUBLIC void sl_json_real(struct sl_json *json, const char *key, double value);
SL_PUBLIC void sl_json_bool(struct sl_json *json, const char *key, bool value);
SL_PUBLIC void sl_json_text(struct sl_json *json, const char *key, const char *value);
SL_PUBLIC void sl_json_addr(struct sl_json *json, const char *key, const struct sl_addr *value);

/** Open a nested object or array; it is valid until the parent's callback returns. */
SL_PUBLIC struct sl_json *sl_json_object(struct sl_json *json, const char *key);
SL_PUBLIC struct sl_json *sl_json_array(struct sl_json *json, const char *key);

#ifdef __cplusplus
}
#endif
#endif
