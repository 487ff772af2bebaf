/* SPDX-License-Identifier: BSD-3-Clause */
/* A plugin built outside of sluice's tree: counts the packets of one sender and greets. */
#include <string.h>

#include <sluice/node.h>

/* What the chain file says, filled from the table below. */
struct config {
	uint64_t given; /* bit i: the i-th parameter was written */
	struct sl_prefix from;
	const char *greeting;
};

static const struct sl_param params[] = {
	{
		.name = "from",
		.kind = SL_PREFIX,
		.offset = offsetof(struct config, from),
		.flags = SL_REQUIRED,
		.doc = "Whose packets to count",
	},
	{
		.name = "greeting",
		.kind = SL_TEXT,
		.offset = offsetof(struct config, greeting),
		.def = "Hello",
		.doc = "What `greet` says",
	},
	{0},
};

enum { COUNT_THEIRS, COUNT_OTHERS };

static const struct sl_name counters[] = {
	[COUNT_THEIRS] = {"theirs", "Packets from the addresses in `from`"},
	[COUNT_OTHERS] = {"others", "All other packets"},
	{0},
};

/* Memory of the instance, which all its workers may read. */
struct hello {
	const struct config *config;
};

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	struct hello *hello = sl_instance_data(instance);

	hello->config = config;
	return 0;
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct hello *hello = node->data;
	uint16_t theirs = 0;

	/* Every edge already says "on", so nothing more is to be decided. */
	for (uint16_t i = 0; i < n; i++) {
		struct sl_addr source, destination;

		if (sl_packet(pkts[i])->family != SL_L3_IPV4 &&
		    sl_packet(pkts[i])->family != SL_L3_IPV6)
			continue;
		sl_packet_addrs(pkts[i], &source, &destination);
		theirs += sl_prefix_contains(&hello->config->from, &source);
	}
	sl_count(node, COUNT_THEIRS, theirs);
	sl_count(node, COUNT_OTHERS, (uint64_t)n - theirs);
}

/* `sluice show vnf NAME greet` */
static int greet(struct sl_instance *instance, const void *args, struct sl_json *out,
		 struct sl_errors *errors)
{
	const struct hello *hello = sl_instance_data(instance);
	char from[SL_ADDR_TEXT];

	sl_json_text(out, "greeting", hello->config->greeting);
	sl_json_text(out, "to", sl_prefix_format(&hello->config->from, from));
	return 0;
}

static const struct sl_command commands[] = {
	{.name = "greet", .doc = "Say hello", .show = greet},
	{0},
};

static const struct sl_node_type types[] = {{
	.name = "hello",
	.doc = "Counts the packets of one sender",
	.params = params,
	.config_size = sizeof(struct config),
	.counters = counters,
	.instance_size = sizeof(struct hello),
	.create = create,
	.process = process,
	.commands = commands,
}};

SL_PLUGIN("hello", "1.0", "BSD-3-Clause", "An example of a plugin built outside of sluice", types);
