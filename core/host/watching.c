/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <core/host/private.h>
#include <core/host/texts.h>
#include <core/host/watch_points.h>
#include <core/host/watching.h>

struct sl_watching {
	struct sl_watch watch; /* first: views point to it */
	struct sl_watching *next;
	struct sl_engine *engine;
	struct sl_watch_points points;
	struct sl_watch_ring **rings; /* per worker */
	unsigned int worker_count;
	unsigned int at;       /* worker of the record that was given */
	struct sl_texts texts; /* of the records */
};

/*
 * Views
 */

static unsigned int count_reasons(const struct sl_node_type *type)
{
	unsigned int count = 0;

	while (sl_watch_reason_name(type, count) != NULL)
		count++;
	return count;
}

static void apply_point(struct sl_watching *w, const struct sl_watch_point *point,
			const struct sl_graph_hop *hop, struct sl_watch_hop *at,
			struct sl_watch_view *view)
{
	if (point->kind == SL_WATCH_AT_DROPS) {
		for (unsigned int r = 0; r < count_reasons(hop->instance->type); r++)
			if (point->which == NULL ||
			    at->reasons[r] == sl_texts_number(&w->texts, point->which))
				at->drops[r / 64] |= UINT64_C(1) << r % 64;
		return;
	}
	if (strcmp(point->hop, hop->name) != 0)
		return;
	switch (point->kind) {
	case SL_WATCH_AT_RX:
		if (w->watch.traces)
			at->begins = true;
		else
			at->in = true;
		break;
	case SL_WATCH_AT_TX:
		at->out[0] |= UINT64_C(1) << SL_ON;
		break;
	case SL_WATCH_AT_IN:
		at->in = true;
		view->inside = true;
		break;
	default:
		for (unsigned int e = 0; e < hop->edge_count; e++)
			if (point->which == NULL ||
			    at->edges[e] == sl_texts_number(&w->texts, point->which))
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
	view->sent = sl_texts_number(&w->texts, "sent");
	view->handed = sl_texts_number(&w->texts, "handed over");
	view->joined = sl_texts_number(&w->texts, "joined");
	view->held = sl_texts_number(&w->texts, "held");
	view->hop_count = (uint16_t)hops;
	text = view->texts;
	for (unsigned int h = 0; h < hops; h++) {
		const struct sl_node_type *type = g->hops[h].instance->type;
		struct sl_watch_hop *at = &view->hops[h];
		const char *reason;

		at->name = sl_texts_number(&w->texts, g->hops[h].name);
		at->edges = text;
		for (unsigned int e = 0; e < g->hops[h].edge_count; e++)
			*text++ = sl_texts_number(
				&w->texts,
				sl_watch_edge_name(chain, g->plan, &g->plan->hops[h], type, e));
		at->reasons = text;
		for (unsigned int r = 0; (reason = sl_watch_reason_name(type, r)) != NULL; r++)
			*text++ = sl_texts_number(&w->texts, reason);
		for (unsigned int p = 0; p < w->points.count; p++)
			apply_point(w, &w->points.list[p], &g->hops[h], at, view);
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
	sl_watch_points_free(&w->points);
	sl_texts_free(&w->texts);
	free((void *)(uintptr_t)w->watch.filter);
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

static int find_points(struct sl_watching *w, const struct sl_watching_conf *conf,
		       struct sl_errors *errors)
{
	const struct sl_generation *g = w->engine->generation;
	int err = 0;

	if (conf->point_count == 0)
		return sl_watch_points_add_ports(&w->points, g, conf->traces, errors);
	for (unsigned int i = 0; i < conf->point_count && err == 0; i++)
		err = sl_watch_points_add(&w->points, g, conf->points[i], conf->traces, errors);
	return err;
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
	if (find_points(w, conf, errors) != 0 || make_rings(w, errors) != 0) {
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

const char *sl_watching_text(const struct sl_watching *w, uint32_t number)
{
	return sl_texts_get(&w->texts, number);
}

uint32_t sl_watching_text_count(const struct sl_watching *w)
{
	return w->texts.count;
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
