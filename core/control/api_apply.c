/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that change the chain as a whole: apply and rollback. */
#include <stddef.h>
#include <string.h>

#include <rte_cycles.h>

#include <core/control/api_apply.h>
#include <core/host/drain.h>
#include <core/plugin/json.h>

struct apply_args {
	uint64_t given;
	const char *file, *text;
	bool dry_run;
	uint64_t drain;
};

static const struct sl_param apply_args[] = {
	{.name = "file",
	 .kind = SL_TEXT,
	 .offset = offsetof(struct apply_args, file),
	 .def = "chain.yaml",
	 .doc = "The name of the chain's file, for messages; *.lua is Lua"},
	{.name = "text",
	 .kind = SL_TEXT,
	 .flags = SL_REQUIRED,
	 .offset = offsetof(struct apply_args, text),
	 .doc = "What stands in it"},
	{.name = "dry_run",
	 .kind = SL_BOOL,
	 .offset = offsetof(struct apply_args, dry_run),
	 .def = "false",
	 .doc = "Only say what would be done"},
	{.name = "drain",
	 .kind = SL_UINT,
	 .offset = offsetof(struct apply_args, drain),
	 .def = "0",
	 .max = SL_DRAIN_MOST,
	 .doc = "Seconds that old flows have to finish on the old paths, while new flows take the "
		"new "
		"ones; 0: all change over at once"},
	{0},
};

struct rollback_args {
	uint64_t given;
	uint64_t generation;
	bool dry_run;
};

static const struct sl_param rollback_args[] = {
	{.name = "generation",
	 .kind = SL_UINT,
	 .offset = offsetof(struct rollback_args, generation),
	 .min = 1,
	 .max = INT64_MAX,
	 .doc = "Whose chain; by default that of the one before"},
	{.name = "dry_run",
	 .kind = SL_BOOL,
	 .offset = offsetof(struct rollback_args, dry_run),
	 .def = "false",
	 .doc = "Only say what would be done"},
	{0},
};

static json_t *changes_of(const struct sl_diff *diff)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < diff->count; i++) {
		const struct sl_change *change = &diff->changes[i];
		json_t *object = json_object();
		struct sl_json *out = sl_json_from(object);

		sl_json_text(out, "what", sl_change_of_names[change->of]);
		sl_json_text(out, "name", change->name);
		sl_json_text(out, "change", sl_change_kind_names[change->kind]);
		sl_json_text(out, "detail", change->detail);
		json_array_append_new(list, object);
	}
	return list;
}

json_t *sl_api_applied(struct sl_api_call *call, int err, bool dry_run, struct sl_applied *applied,
		       struct sl_errors *errors)
{
	double us = (double)rte_get_tsc_hz() / 1e6;
	json_t *object;

	if (err != 0)
		return sl_api_fail_errors(call, err, errors);
	object = json_object();
	json_object_set_new(object, "generation", json_integer((json_int_t)applied->generation));
	json_object_set_new(object, "applied", json_boolean(!dry_run));
	json_object_set_new(object, "changes", changes_of(applied->diff));
	if (!dry_run) {
		json_object_set_new(object, "took_us",
				    json_integer((json_int_t)((double)applied->took / us)));
		json_object_set_new(object, "gap_us",
				    json_integer((json_int_t)((double)applied->gap / us)));
		json_object_set_new(
			object, "own_gap_us",
			json_real((double)(applied->own_gap - applied->own_gap % 100) / 1000));
		json_object_set_new(object, "carried", json_integer((json_int_t)applied->carried));
		json_object_set_new(object, "lost", json_integer((json_int_t)applied->lost));
	}
	if (applied->drains != 0)
		json_object_set_new(object, "drains", json_integer((json_int_t)applied->drains));
	sl_diff_free(applied->diff);
	return object;
}

static json_t *apply(struct sl_api_call *call)
{
	const struct apply_args *args = call->args;
	const struct sl_apply_request what = {
		.file = args->file,
		.text = args->text,
		.size = strlen(args->text),
		.why = "",
		.who = call->request->peer.uid,
		.dry_run = args->dry_run,
		.drain = (unsigned int)args->drain,
	};
	struct sl_errors *errors = sl_errors_new();
	struct sl_applied applied;
	json_t *answer;

	if (errors == NULL)
		return NULL;
	answer = sl_api_applied(call, sl_engine_apply(call->engine, &what, &applied, errors),
				args->dry_run, &applied, errors);
	sl_errors_free(errors);
	return answer;
}

static json_t *rollback(struct sl_api_call *call)
{
	const struct rollback_args *args = call->args;
	struct sl_errors *errors = sl_errors_new();
	struct sl_applied applied;
	json_t *answer;
	int err;

	if (errors == NULL)
		return NULL;
	err = sl_engine_rollback(call->engine, args->generation, call->request->peer.uid,
				 args->dry_run, &applied, errors);
	answer = sl_api_applied(call, err, args->dry_run, &applied, errors);
	sl_errors_free(errors);
	return answer;
}

const struct sl_api_operation sl_api_apply[] = {
	{
		.method = "POST",
		.path = "/v1/apply",
		.name = "apply",
		.summary = "Change the chain",
		.role = SL_ROLE_ADMIN,
		.args = apply_args,
		.args_size = sizeof(struct apply_args),
		.answer = sl_api_applied_answer,
		.run = apply,
	},
	{
		.method = "POST",
		.path = "/v1/rollback",
		.name = "rollback",
		.summary = "Apply the chain of an earlier generation again",
		.role = SL_ROLE_ADMIN,
		.args = rollback_args,
		.args_size = sizeof(struct rollback_args),
		.answer = sl_api_applied_answer,
		.run = rollback,
	},
	{.method = NULL},
};
