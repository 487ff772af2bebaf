/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <core/host/private.h>
#include <core/host/watching.h>

enum point_kind { POINT_RX, POINT_TX, POINT_IN, POINT_OUT, POINT_DROPS };

struct point {
	enum point_kind kind;
	char *hop;   /* name; of RX and TX "lan:rx", "lan:tx" */
	char *which; /* the edge or reason; NULL: any */
};

struct sl_watching {
	struct sl_watch watch; /* first: views point to it */
	struct sl_watching *next;
	struct sl_engine *engine;
	struct point *points;
	unsigned int point_count;
	struct sl_watch_ring **rings; /* per worker */
	unsigned int worker_count;
	unsigned int at; /* worker of the record that was given */
	/* Texts by their numbers, and by their hash. 0: "". */
	char **texts;
	uint32_t text_count, *table, table_size;
};

/*
 * Texts
 */

static uint32_t hash(const char *text)
{
	uint32_t sum = 2166136261u; /* FNV-1a */

	for (; *text != '\0'; text++)
		sum = (sum ^ (uint8_t)*text) * 16777619u;
	return sum;
}

static uint32_t *place_of(const struct sl_watching *w, const char *text)
{
	uint32_t at = hash(text) & (w->table_size - 1);

	while (w->table[at] != 0 && strcmp(w->texts[w->table[at]], text) != 0)
		at = (at + 1) & (w->table_size - 1);
	return &w->table[at];
}

static bool grow_texts(struct sl_watching *w)
{
	uint32_t size = w->table_size != 0 ? 2 * w->table_size : 1024;
	char **texts = realloc(w->texts, size * sizeof(*texts));
	uint32_t *table = calloc(size, sizeof(*table));

	if (texts != NULL)
		w->texts = texts;
	if (texts == NULL || table == NULL) {
		free(table);
		return false;
	}
	free(w->table);
	w->table = table;
	w->table_size = size;
	for (uint32_t i = 1; i < w->text_count; i++)
		*place_of(w, w->texts[i]) = i;
	return true;
}

/* The number of a text; 0 when there is no memory for it. */
static uint32_t number_of(struct sl_watching *w, const char *text)
{
	uint32_t *place;

	if (text == NULL || text[0] == '\0')
		return 0;
	if (2 * (w->text_count + 1) >= w->table_size && !grow_texts(w))
		return 0;
	if (w->text_count == 0)
		w->texts[w->text_count++] = NULL;
	place = place_of(w, text);
	if (*place != 0)
		return *place;
	w->texts[w->text_count] = strdup(text);
	if (w->texts[w->text_count] == NULL)
		return 0;
	*place = w->text_count;
	return w->text_count++;
}

const char *sl_watching_text(const struct sl_watching *w, uint32_t number)
{
	return number > 0 && number < w->text_count ? w->texts[number] : "";
}

uint32_t sl_watching_text_count(const struct sl_watching *w)
{
	return w->text_count;
}

/*
 * Points
 */

static const struct sl_plan_hop *find_hop(const struct sl_plan *plan, const char *name,
					  size_t length)
{
	for (unsigned int i = 0; i < plan->hop_count; i++)
		if (strlen(plan->hops[i].name) == length &&
		    memcmp(plan->hops[i].name, name, length) == 0)
			return &plan->hops[i];
	return NULL;
}

static int add_point(struct sl_watching *w, enum point_kind kind, const char *hop,
		     const char *which, struct sl_errors *errors)
{
	struct point *points = realloc(w->points, (w->point_count + 1) * sizeof(*points));
	struct point point = {.kind = kind, .hop = strdup(hop)};

	if (which != NULL)
		point.which = strdup(which);
	if (points != NULL)
		w->points = points;
	if (points == NULL || point.hop == NULL || (which != NULL && point.which == NULL)) {
		free(point.hop);
		free(point.which);
		return sl_fail(errors, ENOMEM, "out of memory");
	}
	w->points[w->point_count++] = point;
	return 0;
}

/* Both ends of a port, or one. */
static int add_port(struct sl_watching *w, const char *port, bool rx, bool tx,
		    struct sl_errors *errors)
{
	char name[160];
	int err = 0;

	if (rx) {
		snprintf(name, sizeof(name), "%s:rx", port);
		err = add_point(w, POINT_RX, name, NULL, errors);
	}
	if (tx && err == 0) {
		snprintf(name, sizeof(name), "%s:tx", port);
		err = add_point(w, POINT_TX, name, NULL, errors);
	}
	return err;
}

static const char *edge_name(const struct sl_chain *chain, const struct sl_plan *plan,
			     const struct sl_plan_hop *hop, const struct sl_node_type *type,
			     unsigned int edge)
{
	unsigned int own = 0;

	if (edge < SL_EDGE_FIRST)
		return edge == SL_ON ? "on" : "back";
	while (type->edges != NULL && type->edges[own].name != NULL)
		own++;
	if (edge - SL_EDGE_FIRST < own)
		return type->edges[edge - SL_EDGE_FIRST].name;
	if (hop->kind == SL_PLAN_VNF) {
		const struct sl_chain_vnf *vnf = &chain->vnfs[hop->vnf];
		uint32_t path = edge - SL_EDGE_FIRST < vnf->edge_count
					? vnf->edge_paths[edge - SL_EDGE_FIRST]
					: SL_NO_PATH;

		if (path != SL_NO_PATH)
			return chain->paths[path].name;
	}
	/* The engine's own: by where it leads. */
	if (edge < hop->edge_count && hop->edges[edge] != SL_PLAN_NONE)
		return plan->hops[hop->edges[edge]].name;
	return "fused";
}

static const char *reason_name(const struct sl_node_type *type, unsigned int reason)
{
	unsigned int own = 0;

	while (type->reasons != NULL && type->reasons[own].name != NULL)
		own++;
	if (reason < own)
		return type->reasons[reason].name;
	return reason - own < SL_REASON_COUNT ? sl_graph_reasons[reason - own].name : NULL;
}

static bool has_reason(const struct sl_generation *g, const char *name)
{
	const char *reason;

	for (unsigned int h = 0; h < g->plan->hop_count; h++)
		for (unsigned int r = 0;
		     (reason = reason_name(g->hops[h].instance->type, r)) != NULL; r++)
			if (strcmp(reason, name) == 0)
				return true;
	return false;
}

static int no_edge(const struct sl_generation *g, const struct sl_plan_hop *hop, const char *edge,
		   struct sl_errors *errors)
{
	const struct sl_node_type *type = g->hops[hop - g->plan->hops].instance->type;
	char have[256] = "out";
	size_t used = 3;

	for (unsigned int e = 0; e < hop->edge_count && used < sizeof(have); e++)
		used += (size_t)snprintf(have + used, sizeof(have) - used, ", %s",
					 edge_name(g->chain, g->plan, hop, type, e));
	return sl_fail(errors, EINVAL, "--at %s:%s: the hop has no edge `%s`; it has: %s",
		       hop->name, edge, edge, have);
}

static int no_point(const struct sl_generation *g, const char *text, struct sl_errors *errors)
{
	const char **names = calloc(g->plan->hop_count + g->chain->port_count + 2, sizeof(*names));
	unsigned int count = 0;
	const char *near = NULL;

	if (names != NULL) {
		for (unsigned int i = 0; i < g->chain->port_count; i++)
			names[count++] = g->chain->ports[i].name;
		for (unsigned int i = 0; i < g->plan->hop_count; i++)
			names[count++] = g->plan->hops[i].name;
		names[count] = "drops";
		near = sl_near_miss(text, names);
	}
	sl_fail(errors, EINVAL,
		near != NULL ? "--at %s: no such port, hop or edge; did you mean `%s`?"
			     : "--at %s: no such port, hop or edge; `sluice show nodes` lists the "
			       "hops",
		text, near);
	free(names);
	return -EINVAL;
}

static int parse_point(struct sl_watching *w, const char *text, struct sl_errors *errors)
{
	const struct sl_generation *g = w->engine->generation;
	const char *colon = strrchr(text, ':');
	const struct sl_plan_hop *hop;

	for (unsigned int i = 0; i < g->chain->port_count; i++)
		if (strcmp(g->chain->ports[i].name, text) == 0)
			return add_port(w, text, true, !w->watch.traces, errors);
	hop = find_hop(g->plan, text, strlen(text));
	if (hop != NULL && hop->kind == SL_PLAN_RX)
		return add_point(w, POINT_RX, text, NULL, errors);
	if (w->watch.traces)
		return sl_fail(errors, EINVAL, "--at %s: there is no such port", text);
	if (hop != NULL)
		return add_point(w, hop->kind == SL_PLAN_TX ? POINT_TX : POINT_IN, text, NULL,
				 errors);
	if (strcmp(text, "drops") == 0)
		return add_point(w, POINT_DROPS, "", NULL, errors);
	if (strncmp(text, "drops:", 6) == 0) {
		if (!has_reason(g, text + 6))
			return sl_fail(errors, EINVAL,
				       "--at %s: no hop drops for such a reason; `sluice show "
				       "paths` has those that occurred",
				       text);
		return add_point(w, POINT_DROPS, "", text + 6, errors);
	}
	hop = colon != NULL ? find_hop(g->plan, text, (size_t)(colon - text)) : NULL;
	if (hop == NULL)
		return no_point(g, text, errors);
	if (strcmp(colon + 1, "out") == 0)
		return add_point(w, POINT_OUT, hop->name, NULL, errors);
	for (unsigned int e = 0; e < hop->edge_count; e++)
		if (strcmp(edge_name(g->chain, g->plan, hop,
				     g->hops[hop - g->plan->hops].instance->type, e),
			   colon + 1) == 0)
			return add_point(w, POINT_OUT, hop->name, colon + 1, errors);
	return no_edge(g, hop, colon + 1, errors);
}

static int parse_points(struct sl_watching *w, const struct sl_watching_conf *conf,
			struct sl_errors *errors)
{
	const struct sl_chain *chain = w->engine->generation->chain;
	int err = 0;

	for (unsigned int i = 0; i < conf->point_count && err == 0; i++)
		err = parse_point(w, conf->points[i], errors);
	for (unsigned int i = 0; conf->point_count == 0 && i < chain->port_count && err == 0; i++)
		err = add_port(w, chain->ports[i].name, true, !w->watch.traces, errors);
	return err;
}

/*
 * Views
 */

static unsigned int count_reasons(const struct sl_node_type *type)
{
	unsigned int count = 0;

	while (reason_name(type, count) != NULL)
		count++;
	return count;
}

static void apply_point(struct sl_watching *w, const struct point *point,
			const struct sl_graph_hop *hop, struct sl_watch_hop *at,
			struct sl_watch_view *view)
{
	if (point->kind == POINT_DROPS) {
		for (unsigned int r = 0; r < count_reasons(hop->instance->type); r++)
			if (point->which == NULL || at->reasons[r] == number_of(w, point->which))
				at->drops[r / 64] |= UINT64_C(1) << r % 64;
		return;
	}
	if (strcmp(point->hop, hop->name) != 0)
		return;
	switch (point->kind) {
	case POINT_RX:
		if (w->watch.traces)
			at->begins = true;
		else
			at->in = true;
		break;
	case POINT_TX:
		at->out[0] |= UINT64_C(1) << SL_ON;
		break;
	case POINT_IN:
		at->in = true;
		view->inside = true;
		break;
	default:
		for (unsigned int e = 0; e < hop->edge_count; e++)
			if (point->which == NULL || at->edges[e] == number_of(w, point->which))
				at->out[e / 64] |= UINT64_C(1) << e % 64;
		view->inside = true;
	}
}

/* What the points mean in the graphs of a generation. NULL: out of memory. */
static struct sl_watch_view *make_view(struct sl_watching *w, const struct sl_generation *g,
				       const struct sl_chain *chain, unsigned int worker)
{
	unsigned int hops = g->plan->hop_count, texts = 0;
	struct sl_watch_view *view = calloc(1, sizeof(*view) + hops * sizeof(view->hops[0]));
	uint32_t *text;

	for (unsigned int h = 0; h < hops; h++)
		texts += g->hops[h].edge_count + count_reasons(g->hops[h].instance->type);
	if (view == NULL || (view->texts = calloc(texts + 1, sizeof(*view->texts))) == NULL) {
		free(view);
		return NULL;
	}
	view->watch = &w->watch;
	view->ring = w->rings[worker];
	view->sent = number_of(w, "sent");
	view->handed = number_of(w, "handed over");
	view->joined = number_of(w, "joined");
	view->held = number_of(w, "held");
	view->hop_count = (uint16_t)hops;
	text = view->texts;
	for (unsigned int h = 0; h < hops; h++) {
		const struct sl_node_type *type = g->hops[h].instance->type;
		struct sl_watch_hop *at = &view->hops[h];
		const char *reason;

		at->name = number_of(w, g->hops[h].name);
		at->edges = text;
		for (unsigned int e = 0; e < g->hops[h].edge_count; e++)
			*text++ =
				number_of(w, edge_name(chain, g->plan, &g->plan->hops[h], type, e));
		at->reasons = text;
		for (unsigned int r = 0; (reason = reason_name(type, r)) != NULL; r++)
			*text++ = number_of(w, reason);
		for (unsigned int p = 0; p < w->point_count; p++)
			apply_point(w, &w->points[p], &g->hops[h], at, view);
		if (w->watch.traces) {
			memset(at->drops, 0xff, sizeof(at->drops));
			at->out[0] = at->out[1] = UINT64_MAX;
		}
	}
	return view;
}

int sl_watching_join(struct sl_engine *engine, const struct sl_generation *generation,
		     const struct sl_chain *chain, unsigned int worker)
{
	for (struct sl_watching *w = engine->private->watchings; w != NULL; w = w->next) {
		struct sl_watch_view *view = make_view(w, generation, chain, worker);

		if (view == NULL)
			return -ENOMEM;
		sl_watch_add(generation->graphs[worker]->graph, view);
	}
	return 0;
}

/* Add a view to a worker's graph, or take it out, between two of its rounds. */
struct visit {
	struct sl_worker_job job;
	struct sl_watch_view *view;
	const struct sl_watch *watch; /* to take out */
};

static void visit(struct sl_worker *worker, struct sl_worker_job *job)
{
	struct visit *v = (struct visit *)(void *)((char *)job - offsetof(struct visit, job));
	struct sl_graph *graph = sl_worker_graph_now(worker);

	if (v->watch == NULL)
		sl_watch_add(graph, v->view);
	else
		v->view = sl_watch_remove(graph, v->watch);
}

/*
 * Begin and end
 */

static struct sl_watch_ring *new_ring(void)
{
	struct sl_watch_ring *ring = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*ring));

	if (ring == NULL)
		return NULL;
	memset(ring, 0, sizeof(*ring));
	ring->size = SL_WATCHING_BYTES;
	ring->bytes = malloc(ring->size);
	if (ring->bytes == NULL) {
		free(ring);
		return NULL;
	}
	memset(ring->bytes, 0, ring->size); /* the worker shall meet no page fault */
	return ring;
}

static void watching_free(struct sl_watching *w)
{
	for (unsigned int i = 0; w->rings != NULL && i < w->worker_count; i++) {
		if (w->rings[i] != NULL)
			free(w->rings[i]->bytes);
		free(w->rings[i]);
	}
	for (unsigned int i = 0; i < w->point_count; i++) {
		free(w->points[i].hop);
		free(w->points[i].which);
	}
	for (uint32_t i = 1; i < w->text_count; i++)
		free(w->texts[i]);
	free((void *)(uintptr_t)w->watch.filter);
	free(w->texts);
	free(w->table);
	free(w->points);
	free(w->rings);
	free(w);
}

static int make_rings(struct sl_watching *w, struct sl_errors *errors)
{
	w->rings = calloc(w->engine->worker_count, sizeof(*w->rings));
	w->worker_count = w->engine->worker_count;
	for (unsigned int i = 0; w->rings != NULL && i < w->worker_count; i++) {
		w->rings[i] = new_ring();
		if (w->rings[i] == NULL)
			return sl_fail(errors, ENOMEM, "out of memory");
	}
	return w->rings != NULL ? 0 : sl_fail(errors, ENOMEM, "out of memory");
}

static int look(struct sl_watching *w, struct sl_errors *errors)
{
	const struct sl_generation *g = w->engine->generation;

	for (unsigned int i = 0; i < w->worker_count; i++) {
		struct visit v = {.job.run = visit, .view = make_view(w, g, g->chain, i)};
		int err = v.view != NULL ? sl_worker_run(w->engine->workers[i], &v.job) : -ENOMEM;

		if (err == 0)
			continue;
		sl_watch_view_free(v.view);
		return sl_fail(errors, -err, "worker %u does not answer: %s", i, strerror(-err));
	}
	return 0;
}

/* Whether no worker looks any more. */
static bool look_away(struct sl_watching *w)
{
	bool all = true;

	for (unsigned int i = 0; i < w->worker_count; i++) {
		struct visit v = {.job.run = visit, .watch = &w->watch};

		if (sl_worker_run(w->engine->workers[i], &v.job) == 0)
			sl_watch_view_free(v.view);
		else
			all = false;
	}
	return all;
}

struct sl_watching *sl_watching_begin(struct sl_engine *engine, const struct sl_watching_conf *conf,
				      struct sl_errors *errors)
{
	struct sl_watching *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		free(conf->filter);
		sl_fail(errors, ENOMEM, "out of memory");
		return NULL;
	}
	w->engine = engine;
	w->watch.traces = conf->traces;
	w->watch.filter = conf->filter;
	w->watch.snap = conf->snap;
	w->watch.limit = conf->limit;
	if (parse_points(w, conf, errors) != 0 || make_rings(w, errors) != 0) {
		watching_free(w);
		return NULL;
	}
	if (look(w, errors) != 0) {
		if (look_away(w))
			watching_free(w);
		return NULL;
	}
	w->next = engine->private->watchings;
	engine->private->watchings = w;
	return w;
}

void sl_watching_end(struct sl_watching *w)
{
	struct sl_watching **link = &w->engine->private->watchings;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	/* What a worker may still see that does not come back has to stay. */
	if (look_away(w))
		watching_free(w);
}

const struct sl_watch_record *sl_watching_next(struct sl_watching *w)
{
	const struct sl_watch_record *oldest = NULL;

	for (unsigned int i = 0; i < w->worker_count; i++) {
		const struct sl_watch_record *record = sl_watch_ring_next(w->rings[i]);

		if (record != NULL && (oldest == NULL || record->tsc < oldest->tsc)) {
			oldest = record;
			w->at = i;
		}
	}
	return oldest;
}

unsigned int sl_watching_worker(const struct sl_watching *w)
{
	return w->at;
}

void sl_watching_done(struct sl_watching *w)
{
	sl_watch_ring_done(w->rings[w->at], sl_watch_ring_next(w->rings[w->at]));
}

bool sl_watching_ready(struct sl_watching *w)
{
	return sl_watching_next(w) != NULL;
}

uint64_t sl_watching_lost(const struct sl_watching *w)
{
	uint64_t lost = 0;

	for (unsigned int i = 0; i < w->worker_count; i++)
		lost += sl_tally_read(&w->rings[i]->lost);
	return lost;
}

uint32_t sl_watching_chosen(const struct sl_watching *w)
{
	return atomic_load(&w->watch.chosen);
}

unsigned int sl_watching_count(const struct sl_engine *engine)
{
	unsigned int count = 0;

	if (engine->private == NULL)
		return 0;
	for (const struct sl_watching *w = engine->private->watchings; w != NULL; w = w->next)
		count++;
	return count;
}
