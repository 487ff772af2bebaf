/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Texts and the numbers that stand for them, each text once, so that a record of a worker names a
 * hop, an edge or a reason in four bytes. Main thread.
 */
#ifndef CORE_HOST_TEXTS_H
#define CORE_HOST_TEXTS_H

#include <stdint.h>

/* All zeros is empty. */
struct sl_texts {
	char **list; /* by number; 0 stands for "" */
	uint32_t count;
	uint32_t *table; /* numbers, by the hash of their text; 0: free */
	uint32_t table_size;
};

/* The number of a text, which it keeps; 0: it is empty or NULL, or there is no memory for it. */
uint32_t sl_texts_number(struct sl_texts *texts, const char *text);
/* The text of a number, "" where there is none. It stays until sl_texts_free(). */
const char *sl_texts_get(const struct sl_texts *texts, uint32_t number);
void sl_texts_free(struct sl_texts *texts);

#endif
