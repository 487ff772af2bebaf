/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON for people: aligned columns and "name: value" lines. */
#ifndef CORE_CONTROL_TABLE_H
#define CORE_CONTROL_TABLE_H

#include <stdio.h>

#include <jansson.h>

/* One column: where in a row's object its value is ("rx.packets"), and its title. */
struct sl_column {
	const char *title;
	const char *key;
};

/* Rows are objects. columns NULL: one for each key that a row has, in order. */
void sl_table_print(FILE *out, const json_t *rows, const struct sl_column *columns,
		    unsigned int count);
/* An object as lines; lists of objects in it as tables below. */
void sl_object_print(FILE *out, const json_t *object);
/* A value in one cell; the caller frees. */
char *sl_cell_text(const json_t *value);

#endif
