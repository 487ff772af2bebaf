/* SPDX-License-Identifier: BSD-3-Clause */
/* A plugin that misbehaves once in so many packets, when it is told to, or all the time: for tests
 * of containment. */
#include <stdlib.h>
#include <time.h>

#include <sluice/node.h>
#include <sluice/trail.h>

#include <rte_pause.h>

enum how { SEGV, DIVIDE, ABORT, LOOP, SLEEP, EDGE, LEAK, GUARD, CREDIT, LIE, KNOWS };

static const char *const hows[] = {"segv", "divide", "abort",  "loop", "sleep", "edge",
				   "leak", "guard",  "credit", "lie",  "knows", NULL};

struct config {
	uint64_t given;
	uint32_t how;
	uint64_t every;
};

static const struct sl_param params[] = {
	{.name = "how",
	 .kind = SL_ENUM,
	 .offset = offsetof(struct config, how),
	 .flags = SL_REQUIRED,
	 .names = hows,
	 .doc = "What it does."},
	{.name = "every",
	 .kind = SL_UINT,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct config, every),
	 .def = "1000000",
	 .min = 1,
	 .max = 1u << 30,
	 .doc = "At which packet of each so many; a leak: bytes each time."},
	{.name = NULL},
};

struct state {
	uint64_t packets, guarded;
	bool told; /* to misbehave at the next chance */
	struct sl_anchor anchor;
};

static int *volatile null;
static volatile int zero, hundred = 100;

static void misbehave(enum how how)
{
	switch (how) {
	case SEGV:
	case GUARD:
	case CREDIT:
	case KNOWS:
		*null = 1;
		break;
	case DIVIDE:
		hundred = hundred / zero;
		break;
	case ABORT:
		abort();
	case LOOP:
		for (;;)
			rte_pause();
	case SLEEP:
		for (;;)
			nanosleep(&(struct timespec){.tv_sec = 100}, NULL);
	default:
		break;
	}
}

static const struct config *config_of(struct sl_node *node)
{
	return __atomic_load_n((const struct config **)node->data, __ATOMIC_ACQUIRE);
}

/* Is it time? counter: of the chances that there were. */
static bool due(struct sl_node *node, uint64_t *counter)
{
	struct state *state = node->state;
	bool told = state->told;

	state->told = false;
	return ++*counter % config_of(node)->every == 0 || told;
}

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	*(const void **)sl_instance_data(instance) = config;
	return 0;
}

static int configure(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	__atomic_store_n((const void **)sl_instance_data(instance), config, __ATOMIC_RELEASE);
	sl_synchronize();
	return 0;
}

static void say(struct sl_node *node, struct rte_mbuf **pkts, uint16_t n)
{
	struct state *state = node->state;
	enum how how = (enum how)config_of(node)->how;

	for (uint16_t i = 0; sl_recording(node) && i < n; i++) {
		struct sl_trail *trail = sl_trail(node, pkts[i]);

		if (trail == NULL)
			continue;
		sl_trail_pass(trail);
		if (how == LIE) /* it does no such thing */
			sl_trail_set(trail, SL_FIELD_L4_DST, &(rte_be16_t){RTE_BE16(9)});
		if (how == GUARD || how == CREDIT)
			sl_trail_session(trail, &state->anchor, 1);
		if (how == GUARD)
			sl_trail_guard(trail);
	}
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct config *config = config_of(node);
	struct state *state = node->state;

	for (uint16_t i = 0; i < n && config->how < LEAK; i++) {
		if (!due(node, &state->packets))
			continue;
		if (config->how == EDGE)
			edge[i] = 119;
		misbehave((enum how)config->how);
	}
	say(node, pkts, n);
}

static void tick(struct sl_node *node)
{
	struct state *state = node->state;

	if (config_of(node)->how == CREDIT)
		sl_anchor_sync(node, &state->anchor);
}

static uint16_t guard(struct sl_node *node, const uint64_t *handles,
		      const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n, bool commit)
{
	struct state *state = node->state;

	for (uint16_t i = 0; i < n; i++)
		if (due(node, &state->guarded))
			misbehave(GUARD);
	return n;
}

/* It has no sessions. */
static bool knows(struct sl_node *node, const struct rte_mbuf *m)
{
	struct state *state = node->state;

	if (config_of(node)->how == KNOWS && due(node, &state->packets))
		misbehave(KNOWS);
	return false;
}

static void credit(struct sl_node *node, uint64_t handle, const struct sl_usage *usage)
{
	if (config_of(node)->how == CREDIT)
		misbehave(CREDIT);
}

static void poll(struct sl_instance *instance)
{
	const struct config *config = *(const struct config **)sl_instance_data(instance);

	if (config->how == LEAK && sl_alloc(instance, config->every) == NULL)
		return;
}

static uint32_t collect_misbehave(struct sl_node *node, const void *args, uint64_t *cursor,
				  void *records, uint32_t room)
{
	((struct state *)node->state)->told = true;
	*cursor = UINT64_MAX;
	return 0;
}

static const struct sl_command commands[] = {
	{.name = "misbehave",
	 .doc = "at the next packet",
	 .changes = true,
	 .collect = collect_misbehave},
	{.name = NULL},
};

#define COMMON                                                                        \
	.params = params, .config_size = sizeof(struct config),                       \
	.instance_size = sizeof(struct config *), .state_size = sizeof(struct state), \
	.create = create, .configure = configure, .process = process, .commands = commands

static const struct sl_node_type types[] = {
	{
		.name = "faulty",
		.doc = "Misbehaves.",
		.poll = poll,
		.poll_ms = 5,
		COMMON,
	},
	{
		.name = "fused",
		.doc = "Misbehaves, and says its decisions on trails.",
		.flags = SL_NODE_TRAILS,
		.tick = tick,
		.tick_ms = 5,
		.guard = guard,
		.credit = credit,
		COMMON,
	},
	{
		.name = "asked",
		.doc = "Misbehaves, also when it is asked what it knows.",
		.knows = knows,
		COMMON,
	},
};

SL_PLUGIN("faulty", "1", "BSD-3-Clause", "Misbehaves.", types);
