/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugins of a running engine. */
#include <errno.h>

#include <core/control/api_apply.h>

/* Takes the messages over. */
static json_t *answer(struct sl_api_call *call, int err, struct sl_errors *errors)
{
	json_t *object = err == 0 ? json_pack("{ss}", "plugin", call->names[0])
				  : sl_api_fail_errors(call, err, errors);

	sl_errors_free(errors);
	return object;
}

static json_t *load(struct sl_api_call *call)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_registry *registry = call->engine->registry;

	if (errors == NULL)
		return NULL;
	return answer(call,
		      sl_registry_load(registry, call->names[0], errors) != NULL ? 0 : -EINVAL,
		      errors);
}

static json_t *unload(struct sl_api_call *call)
{
	struct sl_errors *errors = sl_errors_new();

	if (errors == NULL)
		return NULL;
	return answer(call, sl_engine_unload(call->engine, call->names[0], errors), errors);
}

struct reload_args {
	uint64_t given;
	bool copy;
};

static const struct sl_param reload_args[] = {
	{.name = "copy",
	 .kind = SL_BOOL,
	 .offset = offsetof(struct reload_args, copy),
	 .doc = "Carry state over record by record, also where the new code could take over the "
		"memory of the old as it is."},
	{.name = NULL},
};

static json_t *reload(struct sl_api_call *call)
{
	const struct reload_args *args = call->args;
	struct sl_errors *errors = sl_errors_new();
	struct sl_applied applied;
	json_t *object;
	int err;

	if (errors == NULL)
		return NULL;
	err = sl_engine_reload(call->engine, call->names[0], args->copy, call->request->peer.uid,
			       &applied, errors);
	object = sl_api_applied(call, err, false, &applied, errors);
	sl_errors_free(errors);
	return object;
}

static const struct sl_api_member members[] = {
	{"plugin", SL_API_TEXT, "As it was named", NULL, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_operation sl_api_plugin[] = {
	{
		.method = "POST",
		.path = "/v1/plugins/{name}/load",
		.name = "load-plugin",
		.summary = "Load a plugin, by name or by its file",
		.role = SL_ROLE_ADMIN,
		.answer = members,
		.run = load,
	},
	{
		.method = "POST",
		.path = "/v1/plugins/{name}/reload",
		.name = "reload-plugin",
		.summary = "Load a plugin's file anew and put the new code under the chain",
		.role = SL_ROLE_ADMIN,
		.answer = sl_api_applied_answer,
		.args = reload_args,
		.args_size = sizeof(struct reload_args),
		.run = reload,
	},
	{
		.method = "POST",
		.path = "/v1/plugins/{name}/unload",
		.name = "unload-plugin",
		.summary = "Unmap a plugin that nothing uses",
		.role = SL_ROLE_ADMIN,
		.answer = members,
		.run = unload,
	},
	{.method = NULL},
};
