/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that lives and dies as one, and which knows where in a file each piece came from: the
 * trees of a chain file and the configuration structs read from them.
 */
#ifndef CORE_CHAIN_STORE_H
#define CORE_CHAIN_STORE_H

#include <stddef.h>

#include <core/error/errors.h>

struct sl_store;

/* limit: bytes it may hand out in all. NULL: out of memory. */
struct sl_store *sl_store_new(size_t limit);
void sl_store_free(struct sl_store *store);
/* Zeroed, aligned for anything; NULL when there is none left, which sl_store_failed() keeps. */
void *sl_store_alloc(struct sl_store *store, size_t count, size_t size);
char *sl_store_text(struct sl_store *store, const char *text, size_t length);
bool sl_store_failed(const struct sl_store *store);

/* Say that [start, start + size) came from there. Ranges nest or lie apart. */
void sl_store_place(struct sl_store *store, const void *start, size_t size, struct sl_place place);
/* Place of the innermost range around an address: a sl_place_fn, context is the store. */
bool sl_store_find(void *store, const void *field, struct sl_place *place);

#endif
