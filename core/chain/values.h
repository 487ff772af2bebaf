/* SPDX-License-Identifier: BSD-3-Clause */
/* One value of a chain file, by the kind of its parameter: text to C and what was expected. */
#ifndef CORE_CHAIN_VALUES_H
#define CORE_CHAIN_VALUES_H

#include <stddef.h>

#include <sluice/param.h>

/* Read text into *field. Not SL_TEXT, SL_PATH and SL_TABLE. Returns 0; -EINVAL: not of that
 * kind; -ERANGE: outside of the limits. */
int sl_value_parse(const struct sl_param *param, const char *text, void *field);
/* "a number from 1 to 16", "one of `allow`, `deny`": what a value of the parameter looks like. */
void sl_value_expected(const struct sl_param *param, char *text, size_t size);
/* The word that was probably meant, or NULL. */
const char *sl_value_near_miss(const struct sl_param *param, const char *text);
/* A value below 1/s was given for an SL_RATE. */
bool sl_value_rounded(const struct sl_param *param, const char *text);
/* Names of protocols, NULL-ended, without `any`. */
extern const char *const sl_proto_names[];

#endif
