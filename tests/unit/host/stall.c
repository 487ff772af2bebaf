/* SPDX-License-Identifier: BSD-3-Clause */
/* A plugin that does not come back for a while at its first packet: for the watchdog's test. */
#include <sluice/node.h>

#include <rte_cycles.h>

struct config {
	uint64_t given;
	uint64_t stall; /* ns */
};

static const struct sl_param params[] = {
	{.name = "stall",
	 .kind = SL_DURATION,
	 .offset = offsetof(struct config, stall),
	 .flags = SL_REQUIRED,
	 .doc = "How long."},
	{.name = NULL},
};

struct stall {
	uint64_t ns;
};

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	((struct stall *)sl_instance_data(instance))->ns = ((const struct config *)config)->stall;
	return 0;
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	bool *done = node->state;
	uint64_t until =
		rte_rdtsc() + sl_hz() / 1000 * (((struct stall *)node->data)->ns / 1000000);

	while (!*done && rte_rdtsc() < until)
		rte_pause();
	*done = true;
}

static const struct sl_node_type types[] = {{
	.name = "stall",
	.doc = "Stalls.",
	.params = params,
	.config_size = sizeof(struct config),
	.instance_size = sizeof(struct stall),
	.state_size = sizeof(bool),
	.create = create,
	.process = process,
}};

SL_PLUGIN("stall", "1", "BSD-3-Clause", "Stalls.", types);
