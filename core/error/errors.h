/* SPDX-License-Identifier: BSD-3-Clause */
/* The sink behind struct sl_errors: collects problems, sorts them by place, prints them once. */
#ifndef CORE_ERROR_ERRORS_H
#define CORE_ERROR_ERRORS_H

#include <stdbool.h>
#include <stdio.h>

#include <sluice/error.h>

/* A place in a file; line and column count from 1, 0 means unknown. */
struct sl_place {
	const char *file; /* the sink keeps its own copy; NULL: no place */
	unsigned int line;
	unsigned int column;
};

struct sl_error {
	int code; /* positive errno */
	struct sl_place place;
	char *text;
};

/* Tells the place of a configuration field, for sl_fail_at(). Returns false when unknown. */
typedef bool (*sl_place_fn)(void *context, const void *field, struct sl_place *place);

struct sl_errors *sl_errors_new(void);
void sl_errors_free(struct sl_errors *errors);
void sl_errors_resolve(struct sl_errors *errors, sl_place_fn resolve, void *context);
/* Every later error without a place starts with this ("port wan: ") and has the place of what it
 * speaks of, which may be none; NULL ends it. */
void sl_errors_subject(struct sl_errors *errors, const char *subject, struct sl_place place);
/* No place. */
#define SL_NOWHERE ((struct sl_place){0})
int sl_fail_place(struct sl_errors *errors, int code, struct sl_place place, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));
/* Something that is no error but worth saying. Notes are printed and not counted. */
void sl_note_place(struct sl_errors *errors, struct sl_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Errors, without notes. */
unsigned int sl_errors_count(const struct sl_errors *errors);
/* The i-th in order of file, line, column; those without a place come last. */
const struct sl_error *sl_errors_get(struct sl_errors *errors, unsigned int i);
/* "FILE:LINE:COLUMN: error: TEXT" (or "note:") each, in that order. */
void sl_errors_print(struct sl_errors *errors, FILE *out);
/* Nearest of the words to an unknown one, or NULL when none is near (edit distance). */
const char *sl_near_miss(const char *word, const char *const *words);

#endif
