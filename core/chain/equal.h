/* SPDX-License-Identifier: BSD-3-Clause */
/* Configurations that were read by a table of parameters, compared by what they say. */
#ifndef CORE_CHAIN_EQUAL_H
#define CORE_CHAIN_EQUAL_H

#include <sluice/param.h>

/* The parameters of the table that two structs differ in, those of inline tables by themselves:
 * up to `room` of them are written. Returns how many there are. A parameter that one file gives
 * and the other leaves to its default differs, as plugins may look at `given`. */
unsigned int sl_params_differ(const struct sl_param *table, const void *a, const void *b,
			      const struct sl_param **differ, unsigned int room);
/* Whether they are the same in everything. */
bool sl_params_equal(const struct sl_param *table, const void *a, const void *b);

/* Whether two tables read the same files into the same structs. */
bool sl_params_same_form(const struct sl_param *a, const struct sl_param *b);

#endif
