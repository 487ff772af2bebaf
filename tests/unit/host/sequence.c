/* SPDX-License-Identifier: BSD-3-Clause */
/* A plugin for tests of change under load. `sequence` looks at what a generator with `sequence`
 * wrote and counts what is missing or out of order; with a `window` it also notes the longest time
 * between two bursts in each window of that length. `fails` fails where it is told to. */
#include <errno.h>
#include <string.h>

#include <rte_cycles.h>

#include <sluice/json.h>
#include <sluice/node.h>

#define FLOWS   524288
#define QUEUE   131072 /* flows of each queue of the generator */
#define WINDOWS 4096

enum counter { SEEN, FIRST, LOST, REORDERED };

static const struct sl_name counters[] = {
	[SEEN] = {"seen", "Packets looked at."},
	[FIRST] = {"first", "Packets of a flow that was not seen before."},
	[LOST] = {"lost", "Numbers left out."},
	[REORDERED] = {"reordered", "Packets that came after a later one, or twice."},
	{NULL, NULL},
};

/* One more than the last number of each flow; 0: none yet. */
struct state {
	uint32_t next[FLOWS];
	uint64_t last, longest, window_end; /* TSC */
	uint32_t window_count;
	uint32_t windows[WINDOWS]; /* ns: the longest of each */
};

struct sequence_config {
	uint64_t given;
	uint64_t window;
};

struct sequence {
	uint64_t window; /* TSC; 0: none */
};

static const struct sl_param sequence_params[] = {
	{.name = "window",
	 .kind = SL_DURATION,
	 .offset = offsetof(struct sequence_config, window),
	 .doc = "Note the longest time between two bursts in each window of that length."},
	{.name = NULL},
};

static int sequence_create(struct sl_instance *instance, const void *config,
			   struct sl_errors *errors)
{
	struct sequence *sequence = sl_instance_data(instance);
	double seconds = (double)((const struct sequence_config *)config)->window / 1e9;

	(void)errors;
	sequence->window = (uint64_t)(seconds * (double)rte_get_tsc_hz());
	return 0;
}

static void look_at_time(struct state *state, uint64_t window)
{
	uint64_t now = rte_rdtsc();

	if (state->last != 0)
		state->longest = RTE_MAX(state->longest, now - state->last);
	state->last = now;
	if (now < state->window_end)
		return;
	/* The first one has no beginning. */
	if (state->window_end != 0 && state->window_count < WINDOWS)
		state->windows[state->window_count++] = (uint32_t)RTE_MIN(
			(double)state->longest * 1e9 / (double)rte_get_tsc_hz(), 4e9);
	state->window_end = now + window;
	state->longest = 0;
}

static uint32_t collect_gaps(struct sl_node *node, const void *args, uint64_t *cursor,
			     void *records, uint32_t room)
{
	const struct state *state = node->state;
	uint32_t *gaps = records, from = (uint32_t)*cursor;
	uint32_t count = RTE_MIN(RTE_MIN(state->window_count - from, room), 256u);

	(void)args;
	memcpy(gaps, &state->windows[from], count * sizeof(*gaps));
	*cursor = from + count < state->window_count ? from + count : UINT64_MAX;
	return count;
}

static void render_gap(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	uint32_t gap;

	(void)instance;
	memcpy(&gap, record, sizeof(gap));
	sl_json_int(out, "ns", gap);
}

static const struct sl_command sequence_commands[] = {
	{
		.name = "gaps",
		.doc = "The longest time between two bursts, of each window.",
		.record_size = sizeof(uint32_t),
		.collect = collect_gaps,
		.render = render_gap,
	},
	{.name = NULL},
};

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct state *state = node->state;
	const struct sequence *sequence = node->data;

	(void)edge;
	if (sequence->window != 0)
		look_at_time(state, sequence->window);
	for (uint16_t i = 0; i < n; i++) {
		uint32_t mark[2], *next;

		memcpy(mark, rte_pktmbuf_mtod_offset(pkts[i], void *, pkts[i]->data_len - 8), 8);
		next = &state->next[((mark[0] >> 24) * QUEUE + (mark[0] & 0xffffff)) % FLOWS];
		if (*next == 0)
			sl_count(node, FIRST, 1);
		else if (mark[1] < *next)
			sl_count(node, REORDERED, 1);
		else
			sl_count(node, LOST, mark[1] - *next);
		*next = mark[1] + 1;
	}
	sl_count(node, SEEN, n);
}

enum where {
	NOWHERE,
	IN_CREATE,
	IN_CONFIGURE,
	IN_WORKER_INIT,
	UNSUPPORTED,
	CRASH_IN_CREATE,
	CRASH_IN_WORKER_INIT,
};

static const char *const where_names[] = {"nowhere",           "create",      "configure",
					  "worker-init",       "unsupported", "create-crash",
					  "worker-init-crash", NULL};

static int *volatile null;

struct config {
	uint64_t given;
	uint32_t where;
	uint64_t value;
	uint64_t worker;
};

static const struct sl_param params[] = {
	{.name = "where",
	 .kind = SL_ENUM,
	 .flags = SL_LIVE,
	 .names = where_names,
	 .offset = offsetof(struct config, where),
	 .doc = "Where to fail."},
	{.name = "value",
	 .kind = SL_UINT,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct config, value),
	 .doc = "Means nothing."},
	{.name = "worker",
	 .kind = SL_UINT,
	 .offset = offsetof(struct config, worker),
	 .doc = "Whose worker-init fails."},
	{.name = NULL},
};

struct fails {
	uint32_t where;
	uint64_t worker;
};

/* Memory that is not given back: the arena has to. */
static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	struct fails *fails = sl_instance_data(instance);

	fails->where = ((const struct config *)config)->where;
	fails->worker = ((const struct config *)config)->worker;
	if (sl_alloc(instance, 100000) == NULL || sl_alloc_table(instance, 3000000) == NULL)
		return -ENOMEM;
	if (fails->where == CRASH_IN_CREATE)
		*null = 1;
	return fails->where == IN_CREATE ? sl_fail(errors, EIO, "it was told to fail in create")
					 : 0;
}

static int configure(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	uint32_t where = ((const struct config *)config)->where;

	(void)instance;
	if (where == UNSUPPORTED)
		return -EOPNOTSUPP;
	return where == IN_CONFIGURE ? sl_fail(errors, EIO, "it was told to fail in configure") : 0;
}

static int worker_init(struct sl_node *node, struct sl_errors *errors)
{
	const struct fails *fails = node->data;

	if (node->worker != fails->worker)
		return 0;
	if (fails->where == CRASH_IN_WORKER_INIT)
		*null = 1;
	if (fails->where == IN_WORKER_INIT)
		return sl_fail(errors, EIO, "it was told to fail in worker_init of worker %u",
			       node->worker);
	return 0;
}

static void pass(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	(void)node, (void)pkts, (void)edge, (void)n;
}

static const struct sl_node_type types[] = {
	{
		.name = "sequence",
		.doc = "Counts what is missing.",
		.flags = SL_NODE_STATEFUL,
		.counters = counters,
		.params = sequence_params,
		.config_size = sizeof(struct sequence_config),
		.instance_size = sizeof(struct sequence),
		.state_size = sizeof(struct state),
		.create = sequence_create,
		.commands = sequence_commands,
		.process = process,
	},
	{
		.name = "fails",
		.doc = "Fails.",
		.params = params,
		.config_size = sizeof(struct config),
		.instance_size = sizeof(struct fails),
		.create = create,
		.configure = configure,
		.worker_init = worker_init,
		.process = pass,
	},
};

SL_PLUGIN("sequence", "1", "BSD-3-Clause", "For tests of change under load.", types);
