/* SPDX-License-Identifier: BSD-3-Clause */
/* A stream of JSON objects, a line each, as it comes in pieces. */
#ifndef CORE_CONTROL_LINES_H
#define CORE_CONTROL_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct sl_lines {
	/* An object and its text. false: no more are wanted. */
	bool (*line)(void *context, json_t *object, const char *text);
	void *context;
	char *text; /* the line that has not come to its end */
	size_t size;
};

/* The next piece. false: no more are wanted, or what comes is no JSON. */
bool sl_lines_take(struct sl_lines *lines, const char *data, size_t size);
void sl_lines_end(struct sl_lines *lines);

#endif
