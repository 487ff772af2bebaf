/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can be asked of a running engine, whatever carries the question. Main thread. What there
 * is stands in tables: see core/control/api_table.h.
 */
#ifndef CORE_CONTROL_API_H
#define CORE_CONTROL_API_H

#include <jansson.h>

#include <core/control/arguments.h>
#include <core/control/audit.h>
#include <core/host/engine.h>

/* An answer that goes on until its source ends or nobody listens. Main thread. */
struct sl_api_source {
	const char *type; /* of content */
	/* Whether read() has something, or is at its end. */
	bool (*ready)(void *context);
	/* Up to `room` (1 or more) bytes; 0: none now; -1: that was all. */
	ssize_t (*read)(void *context, char *out, size_t room);
	void (*close)(void *context);
	void *context;
};

struct sl_api_request {
	const char *method; /* "GET", "HEAD", "POST" */
	const char *path;   /* decoded, without the query */
	const struct sl_arg *args;
	unsigned int arg_count;
	const char *body; /* JSON object, or NULL */
	size_t body_size;
	struct sl_peer peer;
	struct sl_audit *audit; /* where changes are kept; NULL: nowhere */
	/* Where a source may be put, with read() set, in place of an answer. NULL: too many are
	 * being read already. */
	struct sl_api_source *source;
	/* Where it may be said that the connection becomes one of core/host/hand_over.h, in place
	 * of an answer. NULL: it cannot. */
	bool *upgrade;
};

/* The answer, and the HTTP status that goes with it. Errors: see sl_api_fail(). NULL: out of
 * memory. */
json_t *sl_api_answer(struct sl_engine *engine, const struct sl_api_request *request,
		      unsigned int *status);
/* The methods that there are for a path: "GET, HEAD, POST"; "": no such path. */
const char *sl_api_allowed(const char *path, char *out, size_t size);

#endif
