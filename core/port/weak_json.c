/* SPDX-License-Identifier: BSD-3-Clause */
/* Stands in until the API's writer is there. */
#include <sluice/json.h>
__attribute__((weak)) void sl_json_int(struct sl_json *json, const char *key, int64_t value)
{
}
__attribute__((weak)) void sl_json_bool(struct sl_json *json, const char *key, bool value)
{
}
__attribute__((weak)) void sl_json_text(struct sl_json *json, const char *key, const char *value)
{
}
