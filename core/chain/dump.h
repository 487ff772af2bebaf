/* SPDX-License-Identifier: BSD-3-Clause */
/* A checked chain as JSON: what its author wrote and what defaults made of it. */
#ifndef CORE_CHAIN_DUMP_H
#define CORE_CHAIN_DUMP_H

#include <jansson.h>

#include <core/chain/model.h>

/* Two chain files that say the same give equal dumps, in whichever language they are written.
 * Values are in base units (nanoseconds, bytes). NULL: out of memory. */
json_t *sl_chain_dump(const struct sl_chain *chain);
/* A configuration struct by its table. */
json_t *sl_config_dump(const struct sl_param *table, const void *config);

#endif
