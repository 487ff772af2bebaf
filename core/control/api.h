/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can be asked of a running engine, whatever carries the question. Main thread.
 *
 *	GET  /v1/status  ports  paths  nodes  vnfs  plugins  workers  memory  stats
 *	GET  /v1/history
 *	POST /v1/apply                {"file": NAME, "text": CHAIN, "dry_run": BOOLEAN}
 *	POST /v1/plugins/NAME/load    reload    unload
 *	POST /v1/rollback             {"generation": NUMBER, "dry_run": BOOLEAN}
 *	GET  /v1/vnfs/NAME
 *	GET  /v1/vnfs/NAME/COMMAND    commands that only look; arguments in the query
 *	POST /v1/vnfs/NAME/COMMAND    any command; arguments in the query or as a JSON object
 */
#ifndef CORE_CONTROL_API_H
#define CORE_CONTROL_API_H

#include <jansson.h>

#include <core/control/arguments.h>
#include <core/host/engine.h>

struct sl_api_request {
	const char *method;
	const char *path; /* decoded, without the query */
	const struct sl_arg *args;
	unsigned int arg_count;
	const char *body; /* JSON object, or NULL */
	size_t body_size;
	bool may_change; /* who asks is trusted with changes */
	uid_t who;       /* user id, (uid_t)-1: unknown */
};

/* The answer, and the HTTP status that goes with it. Errors are {"error": TEXT, "errors": [...]}.
 * NULL: out of memory. */
json_t *sl_api_answer(struct sl_engine *engine, const struct sl_api_request *request,
		      unsigned int *status);

#endif
