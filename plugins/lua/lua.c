/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `lua`: a script decides about every packet, for prototypes. `lua/policy` (policy.c): a script
 * decides about every session, once.
 */
#include <string.h>

#include "script.h"

static const struct sl_name reasons[] = {
	[SCRIPT_DROP] = {"script", "the script said so; `drops` tells its reasons"},
	[SCRIPT_ERROR] = {"script-error", "the script failed on this batch, or on this flow"},
	[SCRIPT_DISABLED] = {"script-disabled", "the script failed too often and runs no more"},
	[SCRIPT_TABLE_FULL] = {"table-full", "no room for its session, and `table-full` is drop"},
	[SCRIPT_BAD] = {"malformed", "its headers are damaged, or it is a fragment that found no "
				     "others"},
	[SCRIPT_OVER_RATE] = {"over-rate", "above what the script lets its session have"},
	{NULL, NULL},
};

static const struct sl_name counters[] = {
	[SCRIPT_COUNT_PACKETS] = {"packets", "packets that the script, or its verdict, passed"},
	[SCRIPT_COUNT_DROPPED] = {"dropped", "packets that it dropped"},
	[SCRIPT_COUNT_ERRORS] = {"errors", "calls of the script that failed"},
	{NULL, NULL},
};

static const struct sl_name policy_counters[] = {
	[SCRIPT_COUNT_PACKETS] = {"packets", "packets that the script, or its verdict, passed"},
	[SCRIPT_COUNT_DROPPED] = {"dropped", "packets that it dropped"},
	[SCRIPT_COUNT_ERRORS] = {"errors", "calls of the script that failed"},
	[SCRIPT_COUNT_DECIDED] = {"decided", "verdicts of the script"},
	[SCRIPT_COUNT_ENDED] = {"ended", "sessions that ended, idle or removed"},
	[SCRIPT_COUNT_OTHER] = {"other", "packets that are no IP, which pass"},
	[SCRIPT_COUNT_OVER_RATE] = {"over-rate", "packets above the limit of their session"},
	{NULL, NULL},
};

static const struct sl_name events[] = {
	[SCRIPT_EVENT_ERROR] = {"script-error", "the script failed; at most one a second"},
	[SCRIPT_EVENT_PRINT] = {"script-print", "the script called print()"},
	[SCRIPT_EVENT_DISABLED] = {"script-disabled", "it failed too often and runs no more"},
	{NULL, NULL},
};

/* ---- Every packet ---- */

static void drop_all(uint8_t *edge, uint16_t n, uint8_t reason)
{
	memset(edge, SL_DROP(reason), n);
}

/* What the script decided about packet i; returns whether it goes on. */
static bool act(struct sl_node *node, struct script_machine *machine, uint16_t i, uint8_t *edge)
{
	struct script_batch *batch = &machine->batch;

	*edge = batch->edge[i];
	if (*edge == SL_DROP(SCRIPT_DROP)) {
		sl_tally(&machine->drops[batch->reason[i]].packets, 1);
		return false;
	}
	/* The path that it stands in already. */
	if (*edge >= SL_EDGE_FIRST && *edge == node->own_path)
		*edge = SL_ON;
	if (batch->dirty[i])
		sl_script_fix(batch, i);
	return true;
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct script_machine *machine = sl_script_machine(node);
	struct script_batch *batch = &machine->batch;
	uint16_t passed = 0;

	if (machine->failed) {
		if (machine->config->failed == SCRIPT_FAILED_DROP)
			drop_all(edge, n, SCRIPT_DISABLED);
		return;
	}
	batch->count = n;
	for (uint16_t i = 0; i < n; i++)
		sl_script_show(batch, i, pkts[i]);
	if (!sl_machine_run(machine, node)) {
		drop_all(edge, n, SCRIPT_ERROR);
		return;
	}
	for (uint16_t i = 0; i < n; i++)
		passed += act(node, machine, i, &edge[i]);
	sl_count(node, SCRIPT_COUNT_PACKETS, passed);
	sl_count(node, SCRIPT_COUNT_DROPPED, n - passed);
}

static void tick(struct sl_node *node)
{
	sl_machine_tick(sl_script_machine(node), node);
}

static int worker_init(struct sl_node *node, struct sl_errors *errors)
{
	return sl_script_worker_init(node, SCRIPT_NODE, errors);
}

static int configure(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	return sl_script_configure(instance, config, SCRIPT_NODE, errors);
}

/* ---- Every session ---- */

static int policy_create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	const struct policy_config *policy = config;

	((struct script_instance *)sl_instance_data(instance))->sessions = policy->sessions;
	return sl_script_create(instance, &policy->script, errors);
}

static int policy_configure(struct sl_instance *instance, const void *config,
			    struct sl_errors *errors)
{
	const struct policy_config *policy = config;

	if (policy->sessions != ((struct script_instance *)sl_instance_data(instance))->sessions)
		return sl_fail(errors, ENOTSUP, "`sessions` cannot change while it runs");
	return sl_script_configure(instance, &policy->script, SCRIPT_POLICY, errors);
}

#define COMMON                                                                                 \
	.reasons = reasons, .events = events, .instance_size = sizeof(struct script_instance), \
	.destroy = sl_script_destroy, .tick_ms = 100, .render_event = sl_script_render_event

static const struct sl_node_type types[] = {
	{.name = "lua",
	 .doc = "runs a script on every packet, for prototypes",
	 .flags = SL_NODE_WHOLE_DATAGRAMS,
	 .counters = counters,
	 .params = sl_script_params,
	 .config_size = sizeof(struct script_config),
	 .state_size = sizeof(struct script_worker),
	 .check = sl_script_check,
	 .create = sl_script_create,
	 .configure = configure,
	 .worker_init = worker_init,
	 .process = process,
	 .tick = tick,
	 .commands = sl_script_commands,
	 COMMON},
	{.name = "policy",
	 .doc = "asks a script about the first packet of every session",
	 .flags = SL_NODE_WHOLE_DATAGRAMS | SL_NODE_STATEFUL | SL_NODE_TRAILS,
	 .counters = policy_counters,
	 .params = sl_policy_params,
	 .config_size = sizeof(struct policy_config),
	 .state_size = sizeof(struct policy_worker),
	 .check = sl_policy_check,
	 .create = policy_create,
	 .configure = policy_configure,
	 .worker_init = sl_policy_worker_init,
	 .process = sl_policy_process,
	 .tick = sl_policy_tick,
	 .credit = sl_policy_credit,
	 .guard = sl_policy_guard,
	 .commands = sl_policy_commands,
	 COMMON},
};

SL_PLUGIN("lua", "1.0", "BSD-3-Clause", "Lua scripts on packets and on sessions", types);
