/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of the API. Everything that knows what can be asked reads it: the dispatcher, the
 * OpenAPI description, the reference page and the tests.
 *
 * To add an operation: write its function, describe it in a table of its file
 *
 *	const struct sl_api_operation sl_api_apply[] = {
 *		{
 *			.method = "POST",
 *			.path = "/v1/rollback",
 *			.name = "rollback",
 *			.summary = "Apply the chain of an earlier generation again",
 *			.role = SL_ROLE_ADMIN,
 *			.args = rollback_args,
 *			.args_size = sizeof(struct rollback_args),
 *			.answer = applied,
 *			.run = rollback,
 *		},
 *		{.method = NULL},
 *	};
 *
 * and, when the table is new, name it in api_table.c.
 */
#ifndef CORE_CONTROL_API_TABLE_H
#define CORE_CONTROL_API_TABLE_H

#include <core/control/api.h>

enum {
	SL_API_OK = 200,
	SL_API_BAD_REQUEST = 400,
	SL_API_FORBIDDEN = 403,
	SL_API_NOT_FOUND = 404,
	SL_API_NOT_ALLOWED = 405,
	SL_API_CONFLICT = 409,
	SL_API_TOO_LONG = 413,
	SL_API_WRONG_TYPE = 415,
	SL_API_HEADERS_TOO_LONG = 431,
	SL_API_UNAVAILABLE = 503,
};

/* What an answer's member holds. */
enum sl_api_kind {
	SL_API_TEXT,
	SL_API_NUMBER, /* whole, from 0 on */
	SL_API_SIGNED, /* whole */
	SL_API_REAL,
	SL_API_FLAG,
	SL_API_TEXTS,  /* a list of them */
	SL_API_COUNTS, /* an object: numbers by name, those that are not 0 */
	SL_API_OBJECT, /* of `members`; NULL: whatever the thing itself has to say */
	SL_API_LIST,   /* of objects of `members` */
};

/* A member of an answer's object. A table ends with one without a name. */
struct sl_api_member {
	const char *name;
	enum sl_api_kind kind;
	const char *doc; /* one sentence, its unit */
	const struct sl_api_member *members;
	bool optional; /* it is not always there */
};

/* Most names in a path. */
#define SL_API_NAMES 4

struct sl_api_operation;

struct sl_api_call {
	struct sl_engine *engine; /* it has a generation */
	const struct sl_api_request *request;
	const struct sl_api_operation *operation;
	char *names[SL_API_NAMES];  /* what stands for each "{...}" of the path */
	const void *args;           /* the struct that operation->args fills */
	const struct sl_arg *given; /* any_args: what was given */
	unsigned int given_count;
	unsigned int status; /* of the answer; 200 when run() is called */
};

struct sl_api_operation {
	const char *method;  /* GET for what looks, POST for what changes */
	const char *path;    /* "/v1/vnfs/{name}"; all but the last name may hold slashes */
	const char *name;    /* of the operation, unique: "show-vnf" */
	const char *summary; /* one line, without a full stop */
	const char *doc;     /* further sentences, or NULL */
	enum sl_role role;   /* who may; what POST is asked for is kept in the audit log */
	/* Arguments: GET has them in its query, POST as members of a JSON object. */
	const struct sl_param *args;
	size_t args_size; /* of the struct they fill */
	bool any_args;    /* others are checked by run(); they may stand in a POST's query, too */
	const struct sl_api_member *answer;
	/* What the answer is when it is no JSON ("text/plain"); NULL: JSON. */
	const char *type;
	/* The answer; NULL: out of memory. */
	json_t *(*run)(struct sl_api_call *call);
};

/* Answers of several operations: api_answers.c. */
extern const struct sl_api_member sl_api_ports_answer[], sl_api_paths_answer[],
	sl_api_nodes_answer[], sl_api_vnfs_answer[], sl_api_vnf_answer[], sl_api_workers_answer[],
	sl_api_memory_answer[], sl_api_plugins_answer[], sl_api_status_answer[],
	sl_api_stats_answer[], sl_api_fusion_answer[], sl_api_history_answer[],
	sl_api_applied_answer[];

/* All tables, NULL-ended, each ending with an operation without a method. */
extern const struct sl_api_operation *const sl_api_tables[];
extern const struct sl_api_operation sl_api_faults[];

/* Tables. */
extern const struct sl_api_operation sl_api_state[];
extern const struct sl_api_operation sl_api_show[], sl_api_vnf[], sl_api_apply[], sl_api_plugin[],
	sl_api_fusion[], sl_api_events[], sl_api_audit[], sl_api_capture[], sl_api_trace[],
	sl_api_metrics[];

/*
 * An answer that says what is wrong: {"error": TEXT, "where": TEXT, "hint": TEXT}. where: what of
 * the request; NULL: its method and path. hint: what to do about it, or NULL.
 */
json_t *sl_api_fail(struct sl_api_call *call, unsigned int status, const char *where,
		    const char *hint, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The same from messages, all of which are in "errors" with their places; err, which a function
 * returned (-EBUSY: conflict, -ENOENT: not found, ...), says with which status. */
json_t *sl_api_fail_errors(struct sl_api_call *call, int err, struct sl_errors *errors);

#endif
