/* SPDX-License-Identifier: BSD-3-Clause */
/* The parameters of both types. A script is compiled, and its main part run, to check it. */
#include <string.h>

#include "script.h"

static const char *const failed_names[] = {"drop", "pass", NULL};

static const struct sl_param way_params[] = {
	{.name = "name",
	 .kind = SL_TEXT,
	 .flags = SL_REQUIRED,
	 .offset = offsetof(struct script_way, name),
	 .doc = "what the script calls it"},
	{.name = "path",
	 .kind = SL_PATH,
	 .flags = SL_REQUIRED,
	 .offset = offsetof(struct script_way, path),
	 .doc = "the path that `packet:go(name)` leads to"},
	{.name = NULL},
};

const struct sl_param sl_script_params[] = {
	{.name = "script",
	 .kind = SL_TEXT,
	 .flags = SL_REQUIRED | SL_LIVE,
	 .offset = offsetof(struct script_config, script),
	 .doc = "the Lua script itself"},
	{.name = "ways",
	 .kind = SL_TABLE,
	 .flags = SL_LIST | SL_LIVE,
	 .offset = offsetof(struct script_config, ways),
	 .fields = way_params,
	 .size = sizeof(struct script_way),
	 .doc = "paths that the script may send packets to"},
	{.name = "steps",
	 .kind = SL_UINT,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct script_config, steps),
	 .def = "2000000",
	 .min = 1000,
	 .max = 1000000000,
	 .doc = "most loops and calls of functions in one call by sluice, before it is stopped"},
	{.name = "memory",
	 .kind = SL_SIZE,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct script_config, memory),
	 .def = "16 MiB",
	 .min = 4 << 20,
	 .max = 1 << 30,
	 .doc = "memory of the script, on each worker"},
	{.name = "errors",
	 .kind = SL_UINT,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct script_config, errors),
	 .def = "100",
	 .max = UINT32_MAX,
	 .doc = "after so many errors a worker runs the script no more; 0: it always goes on"},
	{.name = "when-disabled",
	 .kind = SL_ENUM,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct script_config, failed),
	 .names = failed_names,
	 .def = "drop",
	 .doc = "what becomes of packets after that"},
	{.name = NULL},
};

const struct sl_param sl_policy_params[] = {
	{.name = "policy",
	 .kind = SL_TABLE,
	 .flags = SL_INLINE | SL_LIVE,
	 .offset = offsetof(struct policy_config, script),
	 .fields = sl_script_params,
	 .size = sizeof(struct script_config),
	 .doc = "the script"},
	{.name = "sessions",
	 .kind = SL_UINT,
	 .offset = offsetof(struct policy_config, sessions),
	 .def = "65536",
	 .min = 1,
	 .max = 1 << 26,
	 .doc = "most sessions whose verdict is kept, a worker"},
	{.name = "idle",
	 .kind = SL_DURATION,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct policy_config, idle),
	 .def = "2 min",
	 .min = 1000000,
	 .max = UINT64_C(30) * 86400 * 1000000000,
	 .doc = "a verdict is forgotten after that long without a packet"},
	{.name = "table-full",
	 .kind = SL_ENUM,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct policy_config, full),
	 .names = failed_names,
	 .def = "drop",
	 .doc = "what becomes of packets of sessions that find no room"},
	{.name = NULL},
};

static int check(const struct script_config *config, enum script_kind kind,
		 struct sl_errors *errors)
{
	struct script_machine *machine;

	for (uint32_t i = 0; i < config->ways.count; i++) {
		const struct script_way *way = SL_ITEM(&config->ways, struct script_way, i);

		for (uint32_t j = 0; j < i; j++)
			if (strcmp(SL_ITEM(&config->ways, struct script_way, j)->name, way->name) ==
			    0)
				return sl_fail_at(errors, &way->name, "there is a way `%s` already",
						  way->name);
	}
	machine = sl_machine_open(NULL, config, kind, errors);
	if (machine == NULL)
		return -EINVAL;
	sl_machine_close(NULL, machine);
	return 0;
}

int sl_script_check(const void *config, struct sl_errors *errors)
{
	return check(config, SCRIPT_NODE, errors);
}

int sl_policy_check(const void *config, struct sl_errors *errors)
{
	return check(&((const struct policy_config *)config)->script, SCRIPT_POLICY, errors);
}
