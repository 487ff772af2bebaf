/* SPDX-License-Identifier: BSD-3-Clause */
/* The rig: one instance between traps, in a graph per worker. See harness.h. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mempool.h>

#include <core/error/errors.h>
#include <core/flow/flow.h>
#include <core/flow/index.h>
#include <core/graph/graph.h>
#include <core/plugin/instance.h>
#include <core/plugin/json.h>
#include <tests/unit/harness_rig.h>

#define POOL        4095
#define MOST_EDGES  (SL_EDGE_LAST + 1)
#define MOST_EVENTS 4096
#define FLOWS       65536

static struct rte_mempool *pool;
/* Rigs that live, and whether packets may be missing from the pool: an instance was freed that
 * held some. */
static unsigned int rigs;
static bool abandoned;

/* cmocka's, where the program has it. */
extern void _fail(const char *file, int line) __attribute__((weak));

void sl_test_fail(const char *format, ...)
{
	va_list args;

	fputs("harness: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	if (_fail != NULL)
		_fail(__FILE__, __LINE__);
	abort();
}

struct rte_mempool *sl_test_pool(void)
{
	return pool;
}

void sl_test_eal(void)
{
	char lcore[32];
	char *argv[] = {(char *)"test",
			(char *)"--no-huge",
			(char *)"-m",
			(char *)"256",
			(char *)"--no-pci",
			(char *)"--no-shconf",
			(char *)"--no-telemetry",
			(char *)"--log-level=error",
			(char *)"--lcores",
			lcore};

	if (pool != NULL)
		return;
	sl_index_seed_set(1); /* so that what a fuzzer found happens again */
	snprintf(lcore, sizeof(lcore), "0@%d", sched_getcpu());
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]), argv) < 0)
		sl_test_fail("EAL does not start: %s", rte_strerror(rte_errno));
	pool = rte_pktmbuf_pool_create("sl_test", POOL, 250, 0, RTE_PKTMBUF_HEADROOM + SL_TEST_ROOM,
				       SOCKET_ID_ANY);
	if (pool == NULL)
		sl_test_fail("no packet pool: %s", rte_strerror(rte_errno));
}

/* The trap: an engine's node that takes over every packet it gets. */
static void trap_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct sl_test *t = *(struct sl_test **)node->data;

	for (uint16_t i = 0; i < n; i++) {
		struct sl_test_caught *caught;

		if (t->caught_count == t->caught_room) {
			t->caught_room = t->caught_room != 0 ? t->caught_room * 2 : 256;
			t->caught = realloc(t->caught, t->caught_room * sizeof(*t->caught));
			if (t->caught == NULL)
				sl_test_fail("out of memory");
		}
		caught = &t->caught[t->caught_count++];
		caught->m = pkts[i];
		caught->from = (uint8_t)((node->hop - SL_TEST_TRAPS) / t->edge_count);
		caught->edge = (uint8_t)((node->hop - SL_TEST_TRAPS) % t->edge_count);
		edge[i] = SL_SENT;
	}
}

static const struct sl_node_type trap_type = {
	.name = "trap",
	.doc = "Catches what leaves the instance under test.",
	.instance_size = sizeof(struct sl_test *),
	.process = trap_process,
};

static bool on_event(void *context, struct sl_instance *instance, uint32_t event, const void *data,
		     uint32_t size)
{
	struct sl_test *t = context;
	struct sl_test_event *e;

	if (size > sizeof(e->data))
		sl_test_fail("an event of %u bytes; 96 are possible", size);
	if (t->event_count == MOST_EVENTS)
		return false;
	if (t->events == NULL)
		t->events = calloc(MOST_EVENTS, sizeof(*t->events));
	if (t->events == NULL)
		return false;
	e = &t->events[t->event_count++];
	e->event = event;
	e->size = size;
	if (size != 0)
		memcpy(e->data, data, size);
	return true;
}

static unsigned int word_count(const char *const *words)
{
	unsigned int n = 0;

	while (words != NULL && words[n] != NULL)
		n++;
	return n;
}

static uint8_t fusion_mode(const char *mode)
{
	if (mode == NULL)
		mode = getenv("SLUICE_FUSION");
	if (mode == NULL || strcmp(mode, "off") == 0)
		return SL_FUSION_OFF;
	if (strcmp(mode, "on") != 0 && strcmp(mode, "verify") != 0)
		sl_test_fail("fusion is on, off or verify, not %s", mode);
	return strcmp(mode, "on") == 0 ? SL_FUSION_ON : SL_FUSION_VERIFY;
}

/* Verification found that an action differs from the walk. */
static void mismatch(void *context, struct rte_mbuf *fused, struct rte_mbuf *walked)
{
	const struct sl_test *t = context;

	fprintf(stderr, "fused:  %s\n", fused != NULL ? sl_test_text(fused) : "dropped");
	if (fused != NULL)
		rte_pktmbuf_dump(stderr, fused, 200);
	fprintf(stderr, "walked: %s\n", walked != NULL ? sl_test_text(walked) : "dropped");
	if (walked != NULL)
		rte_pktmbuf_dump(stderr, walked, 200);
	sl_test_fail("%s said otherwise on its trail", t->type->name);
}

/* A fuse hop before each hop of the instance, from which actions lead to its traps. */
static void make_fuse_hops(struct sl_test *t, struct sl_graph_hop *hops, struct sl_errors *errors)
{
	t->fuse = sl_instance_new(&sl_fuse_type, "fuse", NULL, 0, t->workers, errors);
	t->entry = (uint16_t)(SL_TEST_TRAPS + 2u * t->edge_count);
	for (uint16_t from = 0; from < 2; from++) {
		struct sl_graph_hop *hop = &hops[t->entry + from];

		*hop = hops[from];
		hop->name = from == SL_INSIDE ? "fuse >" : "fuse <";
		hop->instance = t->fuse;
		hop->own_path = SL_ON;
		hop->edge_count = (uint8_t)(SL_EDGE_FIRST + t->edge_count);
		for (unsigned int e = 0; e <= SL_EDGE_LAST; e++)
			hop->edges[e] = e < SL_EDGE_FIRST || e >= hop->edge_count
						? SL_GRAPH_NO_HOP
						: (uint16_t)(SL_TEST_TRAPS + from * t->edge_count +
							     e - SL_EDGE_FIRST);
		hop->edges[SL_ON] = from;
	}
	/* Traps look at what they get: they do not just send it. */
	for (uint16_t i = SL_TEST_TRAPS; i < t->entry; i++)
		hops[i].edges[SL_ON] = i;
}

static struct sl_fusion *make_fusion(struct sl_test *t, struct sl_errors *errors)
{
	struct sl_fusion_conf conf = {
		.control = &t->control,
		.flows = FLOWS,
		.idle = SL_FUSION_IDLE_S * sl_hz(),
		.pool = pool,
		.mismatch = mismatch,
		.mismatch_context = t,
	};

	return sl_fusion_new(&conf, errors);
}

static void make_graphs(struct sl_test *t, struct sl_errors *errors)
{
	bool fuses = t->control.mode != SL_FUSION_OFF;
	unsigned int instance_hops = SL_TEST_TRAPS + 2u * t->edge_count;
	unsigned int count = instance_hops + (fuses ? 2 : 0);
	struct sl_graph_hop *hops = calloc(count, sizeof(*hops));
	char(*names)[32] = calloc(count, sizeof(*names));

	if (hops == NULL || names == NULL)
		sl_test_fail("out of memory");
	for (unsigned int i = 0; i < instance_hops; i++) {
		struct sl_graph_hop *hop = &hops[i];
		bool trap = i >= SL_TEST_TRAPS;

		snprintf(names[i], sizeof(names[i]), "%s%u", trap ? "trap" : "hop", i);
		hop->name = names[i];
		hop->instance = trap ? t->trap : t->instance;
		hop->from = (uint8_t)(trap ? (i - SL_TEST_TRAPS) / t->edge_count : i);
		hop->own_path = trap ? SL_ON : t->own_path;
		hop->edge_count = trap ? 2 : t->edge_count;
		hop->workers = t->workers == 64 ? UINT64_MAX : (1ull << t->workers) - 1;
		for (unsigned int e = 0; e <= SL_EDGE_LAST; e++)
			hop->edges[e] = trap || e >= t->edge_count
						? SL_GRAPH_NO_HOP
						: (uint16_t)(SL_TEST_TRAPS + i * t->edge_count + e);
	}
	if (fuses)
		make_fuse_hops(t, hops, errors);
	for (uint16_t w = 0; w < t->workers; w++) {
		struct sl_graph_conf conf;

		if (fuses)
			t->fusion[w] = make_fusion(t, errors);
		if (fuses && t->fusion[w] == NULL)
			break;
		conf = (struct sl_graph_conf){
			.hops = hops,
			.hop_count = (uint16_t)count,
			.worker = w,
			.pool = pool,
			.event = on_event,
			.event_context = t,
			.fusion = t->fusion[w],
		};

		t->graphs[w] = sl_graph_new(&conf, errors);
		if (t->graphs[w] == NULL)
			break;
	}
	free(hops);
	free(names);
}

/* The configuration, checked as the checker of chain files does. NULL with messages. */
static struct sl_test_config *read_config(const struct sl_node_type *type, const char *yaml,
					  const char *const *paths, struct sl_errors *errors)
{
	struct sl_test_config *config =
		sl_test_config_read(type->params, type->config_size, yaml, paths,
				    SL_EDGE_FIRST + sl_test_name_count(type->edges), errors);

	if (config != NULL && type->check != NULL &&
	    type->check(sl_test_config_struct(config), errors) != 0) {
		sl_test_config_free(config);
		return NULL;
	}
	return config;
}

static struct sl_test *make(const struct sl_node_type *type, const char *yaml,
			    const struct sl_test_options *options, struct sl_errors *errors)
{
	struct sl_test *t = calloc(1, sizeof(*t));
	const void *config = options->config;

	sl_test_eal();
	if (t == NULL)
		sl_test_fail("out of memory");
	t->type = type;
	t->workers = options->workers != 0 ? options->workers : 1;
	t->paths = options->paths;
	t->any_bytes = options->any_bytes;
	t->control.mode = fusion_mode(options->fusion);
	t->edge_count = (uint8_t)(2 + sl_test_name_count(type->edges) + word_count(options->paths));
	t->own_path = options->own_path == 0
			      ? SL_ON
			      : (uint8_t)(SL_EDGE_FIRST + sl_test_name_count(type->edges) +
					  options->own_path - 1);
	rigs++;
	if (config == NULL) {
		t->config = read_config(type, yaml, options->paths, errors);
		if (t->config == NULL)
			goto fail;
		config = sl_test_config_struct(t->config);
	}
	t->instance = sl_instance_new(type, "test", config, options->memory, t->workers, errors);
	t->trap = sl_instance_new(&trap_type, "trap", NULL, 0, t->workers, errors);
	if (t->instance == NULL || t->trap == NULL)
		goto fail;
	*(struct sl_test **)t->trap->data = t;
	make_graphs(t, errors);
	/* Graphs count the time to the first tick from when they were made. */
	t->now = rte_rdtsc() + sl_hz();
	if (t->graphs[t->workers - 1] != NULL)
		return t;
fail:
	sl_test_end(t);
	return NULL;
}

char *sl_test_messages(struct sl_errors *errors)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		sl_test_fail("out of memory");
	sl_errors_print(errors, out);
	fclose(out);
	return text;
}

struct sl_test *sl_test_new_with(const struct sl_node_type *type, const char *yaml,
				 const struct sl_test_options *options)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_test *t = make(type, yaml, options, errors);

	if (t == NULL)
		sl_test_fail("no instance of %s:\n%s", type->name, sl_test_messages(errors));
	sl_errors_free(errors);
	return t;
}

struct sl_test *sl_test_new(const struct sl_node_type *type, const char *yaml)
{
	return sl_test_new_with(type, yaml, &(struct sl_test_options){0});
}

const char *sl_test_refused(const struct sl_node_type *type, const char *yaml)
{
	static char *text;
	struct sl_errors *errors = sl_errors_new();
	struct sl_test *t = make(type, yaml, &(struct sl_test_options){0}, errors);

	if (t != NULL)
		sl_test_fail("an instance of %s was made of what should be refused:\n%s",
			     type->name, yaml);
	free(text);
	text = sl_test_messages(errors);
	if (text[0] == '\0')
		sl_test_fail("%s refused without a message:\n%s", type->name, yaml);
	sl_errors_free(errors);
	return text;
}

int sl_test_configure(struct sl_test *t, const char *yaml)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_test_config *config = read_config(t->type, yaml, t->paths, errors);
	int error;

	if (config == NULL)
		sl_test_fail("configuration refused:\n%s", sl_test_messages(errors));
	if (t->type->configure == NULL)
		sl_test_fail("%s has no configure()", t->type->name);
	error = t->type->configure(t->instance, sl_test_config_struct(config), errors);
	sl_unfuse(t->instance);
	sl_errors_free(errors);
	if (error != 0) {
		sl_test_config_free(config);
		return error;
	}
	sl_test_config_free(t->config);
	t->config = config;
	t->instance->config = sl_test_config_struct(config);
	return 0;
}

static void check_ledger(const struct sl_test *t, uint32_t w, struct sl_ledger *l)
{
	sl_graph_ledger(t->graphs[w], l);
	if (l->pushed != t->pushed[w])
		sl_test_fail("the graph says %lu packets were pushed, not %lu", l->pushed,
			     t->pushed[w]);
	if (l->pushed + l->made !=
	    l->sent + l->dropped + l->held + l->joined + l->handed + l->pending)
		sl_test_fail("the ledger does not balance: pushed %lu + made %lu, but sent %lu, "
			     "dropped %lu, held %lu, joined %lu, handed %lu, pending %lu",
			     l->pushed, l->made, l->sent, l->dropped, l->held, l->joined, l->handed,
			     l->pending);
}

void sl_test_end(struct sl_test *t)
{
	struct sl_ledger ledger;

	sl_test_clear(t);
	for (uint32_t w = 0; w < t->workers; w++) {
		if (t->graphs[w] == NULL)
			continue;
		check_ledger(t, w, &ledger);
		abandoned |= ledger.held != 0;
		sl_graph_free(t->graphs[w]);
	}
	sl_instance_free(t->instance);
	sl_instance_free(t->trap);
	sl_instance_free(t->fuse);
	for (uint32_t w = 0; w < t->workers; w++)
		sl_fusion_free(t->fusion[w]);
	sl_test_config_free(t->config);
	free(t->caught);
	free(t->events);
	free(t);
	if (--rigs == 0 && !abandoned && rte_mempool_in_use_count(pool) != 0)
		sl_test_fail("%u packet buffers were not freed", rte_mempool_in_use_count(pool));
}

struct sl_instance *sl_test_instance(const struct sl_test *t)
{
	return t->instance;
}

struct sl_node *sl_test_node(const struct sl_test *t, enum sl_side from)
{
	return sl_graph_node(t->graphs[t->worker], (uint16_t)from);
}

void sl_test_worker(struct sl_test *t, uint32_t worker)
{
	if (worker >= t->workers)
		sl_test_fail("there are %u workers", t->workers);
	t->worker = worker;
}

void sl_test_push(struct sl_test *t, enum sl_side from, struct rte_mbuf *m)
{
	t->pushed[t->worker]++;
	sl_graph_push(t->graphs[t->worker], (uint16_t)(t->entry + from), &m, 1);
}

static void check_caught(struct sl_test *t, unsigned int since)
{
	for (unsigned int i = since; i < t->caught_count; i++) {
		const struct sl_test_caught *c = &t->caught[i];
		const char *wrong = t->any_bytes ? sl_test_wrong_fields(c->m) : sl_test_wrong(c->m);

		if (wrong != NULL)
			sl_test_fail("packet %s that came from %s and left by edge %u: %s",
				     sl_test_text(c->m),
				     c->from == SL_INSIDE ? "inside" : "outside", c->edge, wrong);
	}
}

/* Flows may be recorded again at once. */
static void refresh(struct sl_test *t)
{
	struct sl_fusion *fusion = t->fusion[t->worker];

	memset(fusion->refused, 0, sizeof(fusion->refused));
}

static void walk(struct sl_test *t, bool tick)
{
	struct sl_graph *graph = t->graphs[t->worker];
	unsigned int since = t->caught_count;
	struct sl_ledger ledger;
	unsigned int rounds = 0;

	t->now++;
	if (t->fusion[t->worker] != NULL)
		refresh(t);
	if (tick)
		sl_graph_tick(graph, t->now);
	do {
		sl_graph_walk(graph, t->now);
		check_ledger(t, t->worker, &ledger);
		if (++rounds == 10000)
			sl_test_fail("packets go round without end");
	} while (ledger.pending != 0);
	if (t->fusion[t->worker] != NULL)
		sl_fusion_settle(t->fusion[t->worker]);
	check_caught(t, since);
}

void sl_test_run(struct sl_test *t)
{
	walk(t, false);
}

/* How many packets each hop dropped, by reason, before and after. */
static uint64_t hop_drops(const struct sl_test *t, uint16_t hop, uint32_t reason)
{
	return sl_graph_drops(t->graphs[t->worker], hop, reason);
}

int sl_test_one(struct sl_test *t, enum sl_side from, struct rte_mbuf *m)
{
	uint32_t reasons = sl_test_name_count(t->type->reasons) + SL_REASON_COUNT;
	uint64_t before[128 + SL_REASON_COUNT], held = sl_test_held(t);

	for (uint32_t r = 0; r < reasons; r++)
		before[r] = hop_drops(t, (uint16_t)from, r);
	sl_test_clear(t);
	sl_test_push(t, from, m);
	sl_test_run(t);
	for (unsigned int i = 0; i < t->caught_count; i++)
		if (t->caught[i].m == m)
			return t->caught[i].edge;
	for (uint32_t r = 0; r < reasons; r++)
		if (hop_drops(t, (uint16_t)from, r) != before[r])
			return SL_EDGE_DROP + (int)r;
	if (sl_test_held(t) > held)
		return SL_HELD;
	sl_test_fail("a packet is gone and no one counted it");
}

void sl_test_tick(struct sl_test *t, uint32_t times)
{
	for (uint32_t i = 0; i < times; i++) {
		t->now += sl_hz() / 1000 * t->type->tick_ms + 1000;
		walk(t, true);
	}
}

void sl_test_advance(struct sl_test *t, uint64_t nanoseconds)
{
	uint64_t ticks = (uint64_t)((double)nanoseconds * ((double)sl_hz() / 1e9));
	uint64_t period = sl_hz() / 1000 * t->type->tick_ms + 1000;
	uint64_t times = t->type->tick != NULL ? RTE_MIN(ticks / period, 1000u) : 0;
	uint64_t start = t->now;

	for (uint64_t i = 1; i <= times; i++) {
		t->now = start + ticks / times * i;
		walk(t, true);
	}
	t->now = start + ticks;
	walk(t, false);
}

uint64_t sl_test_now(const struct sl_test *t)
{
	return t->now;
}

void sl_test_same_time(struct sl_test *t, const struct sl_test *other)
{
	t->now = other->now;
}
