/* SPDX-License-Identifier: BSD-3-Clause */
/* A plugin that is wrong in the way it was compiled to be. */
#include <sluice/node.h>

#ifdef SAMPLE_missing
void sl_that_never_was(void);
#endif

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
#ifdef SAMPLE_missing
	sl_that_never_was();
#endif
}

struct config {
	uint64_t given;
	uint64_t value;
};

static const struct sl_param params[] = {
	{.name = "value",
	 .kind = SL_UINT,
#ifdef SAMPLE_bad_offset
	 .offset = sizeof(struct config),
#else
	 .offset = offsetof(struct config, value),
#endif
	 .doc = "a value"},
	{0},
};

static const struct sl_name reasons[] = {
#ifdef SAMPLE_bad_reason
	{"Not A Word", "a reason"},
#else
	{"a-reason", "a reason"},
#endif
	{0},
};

static const struct sl_node_type types[] = {
	{
		.name = "good",
		.doc = "a type",
		.params = params,
		.config_size = sizeof(struct config),
		.reasons = reasons,
#ifndef SAMPLE_no_process
		.process = process,
#endif
	},
#ifdef SAMPLE_two
	{.name = "second", .doc = "another type", .flags = SL_NODE_STEERS, .process = process},
#endif
};

#if defined(SAMPLE_no_symbol)
SL_PUBLIC extern const struct sl_node_type *const sample_types;
const struct sl_node_type *const sample_types = types;
#elif defined(SAMPLE_bad_abi) || defined(SAMPLE_bad_magic) || defined(SAMPLE_bad_size) || \
	defined(SAMPLE_bad_mbuf)
SL_PUBLIC extern const struct sl_plugin sl_plugin;
const struct sl_plugin sl_plugin = {
#ifdef SAMPLE_bad_magic
	.magic = 1,
#else
	.magic = SL_PLUGIN_MAGIC,
#endif
#ifdef SAMPLE_bad_abi
	.abi = SL_PLUGIN_ABI + 6,
#else
	.abi = SL_PLUGIN_ABI,
#endif
	.size = sizeof(struct sl_plugin),
#ifdef SAMPLE_bad_size
	.type_size = 8,
#else
	.type_size = sizeof(struct sl_node_type),
#endif
#ifdef SAMPLE_bad_mbuf
	.mbuf_size = 192,
#else
	.mbuf_size = sizeof(struct rte_mbuf),
#endif
	/* What lies behind must not be looked at. */
	.type_count = 1,
	.name = (const char *)16,
	.types = (const struct sl_node_type *)16,
};
#else
SL_PLUGIN("good", "1.0", "BSD-3-Clause", "For tests", types);
#endif
