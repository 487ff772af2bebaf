/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/worker/spread.h>

#include <sluice/trail.h>

enum { REASON_FULL };
enum { COUNTER_KEPT, COUNTER_SENT };

static const struct sl_name reasons[] = {
	[REASON_FULL] = {"inbox-full", "the session's worker could not take it"},
	{NULL, NULL},
};

static const struct sl_name counters[] = {
	[COUNTER_KEPT] = {"kept", "packets whose session is on the worker they came in by"},
	[COUNTER_SENT] = {"sent", "packets sent to their session's worker"},
	{NULL, NULL},
};

struct spread {
	const struct sl_spread_config *config;
};

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	struct spread *spread = sl_instance_data(instance);

	spread->config = config;
	return 0;
}

/* The worker is chosen by what all packets of a flow have in common. Those that are sent say
 * nothing. */
static void say(struct sl_node *node, struct rte_mbuf **pkts, const uint8_t *edge, uint16_t n)
{
	for (uint16_t i = 0; sl_recording(node) && i < n; i++) {
		struct sl_trail *trail = edge[i] == SL_ON ? sl_trail(node, pkts[i]) : NULL;

		if (trail != NULL)
			sl_trail_count(trail, &node->counters[COUNTER_KEPT], NULL);
	}
}

static void keep_all(struct sl_node *node, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		sl_handoff_set_home(pkts[i], node->worker);
	sl_count(node, COUNTER_KEPT, n);
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct sl_spread_config *config = ((struct spread *)node->data)->config;
	struct rte_mbuf *others[SL_BURST];
	uint8_t chosen[SL_BURST], target[SL_BURST], from[SL_BURST];
	bool refused[SL_BURST];
	uint16_t sent = 0, full = 0;

	if (config->in_hardware || config->rule.mask == UINT64_C(1) << node->worker) {
		keep_all(node, pkts, n);
		say(node, pkts, edge, n);
		return;
	}
	sl_spread_choose(&config->rule, pkts, chosen, n);
	for (uint16_t i = 0; i < n; i++) {
		sl_handoff_set_home(pkts[i], chosen[i]);
		if (chosen[i] == node->worker)
			continue;
		target[sent] = chosen[i];
		from[sent] = (uint8_t)i;
		refused[sent] = false;
		edge[i] = SL_HANDED;
		others[sent++] = pkts[i];
	}
	sl_count(node, COUNTER_KEPT, n - sent);
	say(node, pkts, edge, n);
	if (sent == 0)
		return;
	/* From here on the others belong to their workers. */
	sl_handoff_send(config->handoff, config->resume, others, target, refused, sent);
	for (uint16_t i = 0; i < sent; i++) {
		if (refused[i]) {
			edge[from[i]] = SL_DROP(REASON_FULL);
			full++;
		}
	}
	sl_count(node, COUNTER_SENT, sent - full);
}

const struct sl_node_type sl_spread_type = {
	.name = "spread",
	.doc = "Brings both directions of a session to one worker.",
	.flags = SL_NODE_TRAILS,
	.reasons = reasons,
	.counters = counters,
	.config_size = sizeof(struct sl_spread_config),
	.instance_size = sizeof(struct spread),
	.create = create,
	.process = process,
};
