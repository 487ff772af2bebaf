/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers of hops (sl_graph_conf.numbers). One that is given back is the last to be given out
 * again: what still carries it, such as a packet that waits for a neighbour, is long gone then.
 */
#ifndef CORE_HOST_NUMBERS_H
#define CORE_HOST_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

struct sl_numbers;

/* NULL: out of memory. */
struct sl_numbers *sl_numbers_new(void);
void sl_numbers_free(struct sl_numbers *numbers);
/* False: all are in use. */
bool sl_numbers_take(struct sl_numbers *numbers, uint16_t *number);
void sl_numbers_give(struct sl_numbers *numbers, uint16_t number);

#endif
