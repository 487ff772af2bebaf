/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON Schema of parameter tables, as values look once YAML was read by a standard library. */
#ifndef CORE_CHAIN_SCHEMA_H
#define CORE_CHAIN_SCHEMA_H

#include <jansson.h>

#include <sluice/param.h>

/* Schema of one value, or list, of a parameter. */
json_t *sl_schema_param(const struct sl_param *param);
/* Add a table's parameters to an object schema that has "properties" and "required". */
void sl_schema_table(json_t *object, const struct sl_param *table);
/* An object schema without further properties. */
json_t *sl_schema_object(const char *doc);
/* A string that is the name of a thing. */
json_t *sl_schema_name(const char *doc);

#endif
