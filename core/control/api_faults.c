/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults of plugins, and fresh instances. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/api_table.h>
#include <core/control/report.h>
#include <core/host/faults.h>

static const struct sl_api_member fault_members[] = {
	{"number", SL_API_NUMBER, "From 1 on, since sluice started", NULL, false},
	{"time", SL_API_TEXT, "When it was, in UTC", NULL, false},
	{"vnf", SL_API_TEXT, "The instance, or the port whose steering it is", NULL, false},
	{"type", SL_API_TEXT, "Its node type", NULL, false},
	{"hop", SL_API_TEXT, "The hop whose packets it had, or nothing", NULL, false},
	{"kind", SL_API_TEXT, "signal, stuck, edge or memory", NULL, false},
	{"cause", SL_API_TEXT, "What happened, in words", NULL, false},
	{"call", SL_API_TEXT, "Which of the type's functions was called", NULL, false},
	{"worker", SL_API_NUMBER, "On which worker; nothing: on the main thread", NULL, true},
	{"signal", SL_API_TEXT, "Its name", NULL, true},
	{"address", SL_API_TEXT, "That could not be accessed, or of the instruction", NULL, true},
	{"at", SL_API_TEXT, "Function and file with offsets", NULL, true},
	{"backtrace", SL_API_TEXTS, "The same, with all callers", NULL, false},
	{"burst", SL_API_NUMBER, "Packets that the call had, which were dropped", NULL, false},
	{"packets", SL_API_NUMBER, "How many of them are kept", NULL, false},
	{"capture", SL_API_TEXT, "Those, as the bytes of a pcapng file, in hexadecimal digits",
	 NULL, true},
	{.name = NULL},
};

static const struct sl_api_member faults_members[] = {
	{"faults", SL_API_LIST, "The last 32, the oldest first", fault_members, false},
	{"count", SL_API_NUMBER, "All there have been", NULL, false},
	{.name = NULL},
};

static json_t *show_faults(struct sl_api_call *call)
{
	return json_pack("{s:o, s:I}", "faults", sl_report_faults(call->engine), "count",
			 (json_int_t)sl_faults_count(call->engine));
}

static json_t *show_fault(struct sl_api_call *call)
{
	char *end;
	uint64_t number = strtoull(call->names[0], &end, 10);
	json_t *answer = NULL;

	if (*end == '\0' && call->names[0][0] >= '0' && call->names[0][0] <= '9')
		answer = sl_report_fault(call->engine, number);
	if (answer != NULL)
		return answer;
	return sl_api_fail(call, SL_API_NOT_FOUND, NULL, "`sluice show faults` lists them",
			   "no fault `%s` is kept", call->names[0]);
}

enum { GIVEN_VNF };

struct restart_args {
	uint64_t given;
	const char *vnf;
};

static const struct sl_param restart_args[] = {
	[GIVEN_VNF] = {.name = "vnf",
		       .kind = SL_TEXT,
		       .flags = SL_REQUIRED,
		       .offset = offsetof(struct restart_args, vnf),
		       .doc = "The VNF, or a port for its steering"},
	{.name = NULL},
};

static const struct sl_api_member restart_members[] = {
	{"vnf", SL_API_TEXT, "Whose instance is a fresh one now", NULL, false},
	{"generation", SL_API_NUMBER, "That runs now", NULL, false},
	{.name = NULL},
};

/* *part: of the merged chain, while one drains. */
static bool is_known(const struct sl_chain *chain, const char *name, enum sl_part *part)
{
	*part = SL_PART_BOTH;
	for (unsigned int i = 0; i < chain->vnf_count; i++)
		if (strcmp(chain->vnfs[i].name, name) == 0) {
			*part = chain->vnfs[i].part;
			return true;
		}
	for (unsigned int i = 0; i < chain->steering_count; i++)
		if (strcmp(chain->ports[chain->steerings[i].port].name, name) == 0)
			return true;
	return false;
}

static json_t *restart(struct sl_api_call *call)
{
	const struct restart_args *args = call->args;
	struct sl_errors *errors;
	enum sl_part part;
	json_t *answer;
	int err;

	if (!is_known(call->engine->generation->chain, args->vnf, &part))
		return sl_api_fail(call, SL_API_NOT_FOUND, "vnf", "`sluice show vnfs` lists them",
				   "no VNF `%s`, and no port of that name has steering", args->vnf);
	if (part == SL_PART_OLD)
		return sl_api_fail(call, SL_API_CONFLICT, "vnf",
				   "it ends with the drain; `sluice rollback` keeps it",
				   "`%s` drains: it gets no new packets, and no fresh instance",
				   args->vnf);
	errors = sl_errors_new();
	if (errors == NULL)
		return NULL;
	err = sl_faults_restart(call->engine, args->vnf, errors);
	if (err == 0)
		answer = json_pack("{s:s, s:I}", "vnf", args->vnf, "generation",
				   (json_int_t)call->engine->generation->number);
	else
		answer = sl_api_fail_errors(call, err, errors);
	sl_errors_free(errors);
	return answer;
}

const struct sl_api_operation sl_api_faults[] = {
	{
		.method = "GET",
		.path = "/v1/faults",
		.name = "show-faults",
		.summary = "The last faults of plugins",
		.role = SL_ROLE_READ,
		.answer = faults_members,
		.run = show_faults,
	},
	{
		.method = "GET",
		.path = "/v1/faults/{number}",
		.name = "show-fault",
		.summary = "One of them, with packets of its burst",
		.role = SL_ROLE_READ,
		.answer = fault_members,
		.run = show_fault,
	},
	{
		.method = "POST",
		.path = "/v1/restart",
		.name = "restart",
		.summary = "Put a fresh instance in the place of a VNF's",
		.doc = "Its state is lost; no packet is.",
		.role = SL_ROLE_ADMIN,
		.args = restart_args,
		.args_size = sizeof(struct restart_args),
		.answer = restart_members,
		.run = restart,
	},
	{.method = NULL},
};
