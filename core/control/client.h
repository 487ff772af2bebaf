/* SPDX-License-Identifier: BSD-3-Clause */
/* Asking a running sluice over its control socket. */
#ifndef CORE_CONTROL_CLIENT_H
#define CORE_CONTROL_CLIENT_H

#include <stdbool.h>

#include <jansson.h>

#include <core/error/errors.h>

/*
 * path: "/v1/status". body: sent by POST as JSON; NULL: GET. The caller keeps the body and gets
 * the answer. NULL with messages, also when the answer is an error.
 */
json_t *sl_client_ask(const char *socket, const char *path, const json_t *body,
		      struct sl_errors *errors);
/* The same, with less patience than usual. */
json_t *sl_client_ask_within(const char *socket, const char *path, const json_t *body,
			     unsigned int seconds, struct sl_errors *errors);

struct sl_client_sink {
	/* Some bytes of the answer. false: no more are wanted. */
	bool (*take)(void *context, const char *data, size_t size);
	/* SIGINT or SIGTERM came. false, or NULL: stop reading. */
	bool (*interrupted)(void *context);
	void *context;
};
/* Read an answer that goes on, to its end or until the sink wants no more. 0, or -errno with
 * messages. */
int sl_client_read(const char *socket, const char *path, const struct sl_client_sink *sink,
		   struct sl_errors *errors);
/* Add NAME=VALUE to a path's query. Frees the path; NULL (also given): out of memory. */
char *sl_client_query(char *path, const char *name, const char *value);
/* A path with names from outside in it: "/v1/vnfs" and NULL-ended segments, each escaped. The
 * caller frees. */
char *sl_client_path(const char *start, ...) __attribute__((sentinel));

#endif
