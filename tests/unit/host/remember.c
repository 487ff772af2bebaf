/* SPDX-License-Identifier: BSD-3-Clause */
/* A plugin for tests of reload. Instances of `remember` count their packets, and have `records`
 * records to tell of that; those of `stays` are handed over in place. Both refuse what they are
 * told to refuse. */
#include <errno.h>

#include <sluice/state.h>

/* Of its records, which are the same in all: 2 takes those of 1 too, 3 only its own. */
#ifndef VERSION
#define VERSION 1
#endif

struct config {
	uint64_t given;
	uint64_t records; /* that each worker tells */
	uint64_t refuse;  /* number of the record that is not taken, or adoption; 0: none */
};

static const struct sl_param params[] = {
	{.name = "records",
	 .kind = SL_UINT,
	 .offset = offsetof(struct config, records),
	 .def = "1",
	 .min = 1,
	 .max = 1000000,
	 .doc = "How much there is to tell."},
	{.name = "refuse",
	 .kind = SL_UINT,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct config, refuse),
	 .doc = "Which record is refused."},
	{.name = NULL},
};

enum { SEEN };

static const struct sl_name counters[] = {
	[SEEN] = {"seen", "Packets."},
	{NULL, NULL},
};

struct remember {
	const struct config *config;
};

struct state {
	uint64_t packets, taken;
};

struct record {
	uint64_t number;
	uint64_t packets;
};

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	((struct remember *)sl_instance_data(instance))->config = config;
	if (sl_alloc_table(instance, 3000000) == NULL)
		return -ENOMEM;
	return 0;
}

static int configure(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	__atomic_store_n(&((struct remember *)sl_instance_data(instance))->config, config,
			 __ATOMIC_RELEASE);
	sl_synchronize();
	return 0;
}

static int adopt(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	if (((const struct config *)config)->refuse != 0 &&
	    ((struct remember *)sl_instance_data(instance))->config != config)
		return sl_fail(errors, EIO, "it was told to refuse");
	return configure(instance, config, errors);
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	((struct state *)node->state)->packets += n;
	sl_count(node, SEEN, n);
}

/* The first in each pass is news always: its packets. */
static void export_state(struct sl_node *node, struct sl_export *out)
{
	const struct remember *remember = node->data;
	const struct state *state = node->state;
	uint64_t end = out->changed ? 1 : remember->config->records;

	for (uint64_t at = out->cursor; at < end; at++) {
		struct record *r = sl_export_record(out, sizeof(*r));

		if (r == NULL) {
			out->cursor = at;
			return;
		}
		r->number = at + 1;
		r->packets = state->packets;
	}
	out->cursor = UINT64_MAX;
}

static int import_state(struct sl_node *node, uint32_t version, const void *record, uint32_t size,
			struct sl_errors *errors)
{
	const struct remember *remember = node->data;
	const struct record *r = record;
	struct state *state = node->state;

	if ((version != VERSION && VERSION != 2) || size != sizeof(*r))
		return -EPROTO;
	if (r->number == remember->config->refuse)
		return sl_fail(errors, EIO, "it was told to refuse record %llu",
			       (unsigned long long)r->number);
	state->taken++;
	if (r->number == 1)
		state->packets = r->packets;
	return SL_IMPORT_TAKEN;
}

/* What no packet was needed for. */
static int show(struct sl_instance *instance, const void *args, struct sl_json *out,
		struct sl_errors *errors)
{
	uint64_t packets = 0, taken = 0;

	for (uint32_t w = 0; w < sl_instance_workers(instance); w++) {
		const struct state *state = sl_instance_state(instance, w);

		packets += __atomic_load_n(&state->packets, __ATOMIC_RELAXED);
		taken += state->taken;
	}
	sl_json_int(out, "packets", (int64_t)packets);
	sl_json_int(out, "taken", (int64_t)taken);
	return 0;
}

static const struct sl_command commands[] = {
	{.name = "memory", .doc = "What it remembers.", .show = show},
	{.name = NULL},
};

#define COMMON                                                                          \
	.flags = SL_NODE_STATEFUL, .counters = counters, .params = params,              \
	.config_size = sizeof(struct config), .instance_size = sizeof(struct remember), \
	.state_size = sizeof(struct state), .create = create, .configure = configure,   \
	.process = process, .commands = commands

static const struct sl_node_type types[] = {
	{
		.name = "remember",
		.doc = "Tells records.",
		COMMON,
		.state_version = VERSION,
		.export_state = export_state,
		.import_state = import_state,
	},
	{
		.name = "stays",
		.doc = "Is handed over.",
		COMMON,
		.layout = 7,
		.adopt = adopt,
	},
	{
		.name = "forgets",
		.doc = "Does neither.",
		COMMON,
	},
};

SL_PLUGIN("remember", "1", "BSD-3-Clause", "For tests of reload.", types);
