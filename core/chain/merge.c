/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/chain/merge.h>

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <core/chain/store.h>

#define MAX_MEMORY (UINT64_C(64) << 20)

struct work {
	const struct sl_chain *old, *new;
	const struct sl_merge *merge;
	struct sl_chain *chain; /* that is made */
	struct sl_merged *merged;
	struct sl_store *store;
	bool *old_paths, *new_paths; /* per path: it is another in the other chain */
	bool *ports;                 /* per port of the merged chain: paths or steering there are */
};

static void *make(struct work *w, size_t count, size_t size)
{
	return sl_store_alloc(w->store, count > 0 ? count : 1, size);
}

static const char *old_name(struct work *w, const char *name)
{
	char text[256];
	int length = snprintf(text, sizeof(text), "%s%s", name, w->merged->suffix);

	return sl_store_text(w->store, text, (size_t)length);
}

/* Which of the new ones goes on from that old one. */
static unsigned int successor(const unsigned int *from, unsigned int count, unsigned int old)
{
	for (unsigned int i = 0; i < count; i++)
		if (from[i] == old)
			return i;
	return UINT_MAX;
}

/* Where each old thing is in the merged chain: the new one that it goes on as, or behind them. */
static unsigned int place(unsigned int *where, unsigned int old_count, const unsigned int *from,
			  unsigned int new_count)
{
	unsigned int count = new_count;

	for (unsigned int i = 0; i < old_count; i++) {
		where[i] = successor(from, new_count, i);
		if (where[i] == UINT_MAX)
			where[i] = count++;
	}
	return count;
}

/*
 * What differs
 */

static bool same_path(const struct work *w, const struct sl_chain_path *was,
		      const struct sl_chain_path *path)
{
	if (strcmp(was->name, path->name) != 0 || was->both_ways != path->both_ways ||
	    was->stop_count != path->stop_count || w->merged->ports[was->first] != path->first ||
	    w->merged->ports[was->last] != path->last)
		return false;
	for (unsigned int s = 0; s < path->stop_count; s++)
		if (w->merged->vnfs[was->stops[s].vnf] != path->stops[s].vnf)
			return false;
	return true;
}

static unsigned int find_path(const struct sl_chain *chain, const char *name)
{
	for (unsigned int i = 0; i < chain->path_count; i++)
		if (strcmp(chain->paths[i].name, name) == 0)
			return i;
	return UINT_MAX;
}

static void compare_paths(struct work *w)
{
	for (unsigned int p = 0; p < w->new->path_count; p++)
		w->new_paths[p] = true;
	for (unsigned int p = 0; p < w->old->path_count; p++) {
		unsigned int now = find_path(w->new, w->old->paths[p].name);
		bool same = now != UINT_MAX && same_path(w, &w->old->paths[p], &w->new->paths[now]);

		w->old_paths[p] = !same;
		if (same)
			w->new_paths[now] = false;
	}
}

static void compare_steerings(struct work *w)
{
	for (unsigned int i = 0; i < w->new->steering_count; i++)
		if (w->merge->steerings[i] == UINT_MAX)
			w->ports[w->new->steerings[i].port] = true;
	for (unsigned int i = 0; i < w->old->steering_count; i++)
		if (w->merged->steerings[i] >= w->new->steering_count)
			w->ports[w->merged->ports[w->old->steerings[i].port]] = true;
}

static void set(bool *flag, bool *more)
{
	*more |= !*flag;
	*flag = true;
}

/* Paths that packets may change between, and those that meet at a port, differ together. where: of
 * the chain's ports in the merged one. */
static void spread(struct work *w, const struct sl_chain *chain, const unsigned int *where,
		   bool *paths, bool *more)
{
	for (unsigned int p = 0; p < chain->path_count; p++) {
		const struct sl_chain_path *path = &chain->paths[p];
		bool *first = &w->ports[where != NULL ? where[path->first] : path->first];
		bool *last = &w->ports[where != NULL ? where[path->last] : path->last];

		for (unsigned int s = 0; s < path->stop_count; s++) {
			const struct sl_chain_vnf *vnf = &chain->vnfs[path->stops[s].vnf];

			for (unsigned int e = 0; e < vnf->edge_count; e++) {
				uint32_t to = vnf->edge_paths[e];

				if (to != SL_NO_PATH && paths[to])
					set(&paths[p], more);
				if (to != SL_NO_PATH && paths[p])
					set(&paths[to], more);
			}
		}
		if (*first || *last)
			set(&paths[p], more);
		if (paths[p]) {
			set(first, more);
			set(last, more);
		}
	}
}

static void find_differences(struct work *w)
{
	bool more = true;

	compare_paths(w);
	compare_steerings(w);
	while (more) {
		more = false;
		spread(w, w->new, NULL, w->new_paths, &more);
		spread(w, w->old, w->merged->ports, w->old_paths, &more);
	}
}

/*
 * What comes of it
 */

static void put_ports(struct work *w, unsigned int count)
{
	struct sl_chain_port *ports = make(w, count, sizeof(*ports));

	w->chain->ports = ports;
	if (ports == NULL)
		return;
	w->chain->port_count = count;
	for (unsigned int i = 0; i < w->new->port_count; i++) {
		ports[i] = w->new->ports[i];
		ports[i].part = w->merge->ports[i] != UINT_MAX ? SL_PART_BOTH : SL_PART_NEW;
	}
	for (unsigned int i = 0; i < w->old->port_count; i++) {
		struct sl_chain_port *port = &ports[w->merged->ports[i]];

		if (w->merged->ports[i] < w->new->port_count)
			continue;
		*port = w->old->ports[i];
		port->name = old_name(w, port->name);
		port->part = SL_PART_OLD;
	}
}

/* Where the edges of an old VNF lead in the merged chain. count: with new code it may have others.
 */
static const uint32_t *old_edges(struct work *w, const struct sl_chain_vnf *was, unsigned int count)
{
	uint32_t *edges = make(w, count, sizeof(*edges));

	for (unsigned int e = 0; edges != NULL && e < count; e++)
		edges[e] = e >= was->edge_count || was->edge_paths[e] == SL_NO_PATH
				   ? SL_NO_PATH
				   : w->merged->paths[was->edge_paths[e]];
	return edges;
}

static void put_vnfs(struct work *w, unsigned int count)
{
	struct sl_chain_vnf *vnfs = make(w, count, sizeof(*vnfs));

	w->chain->vnfs = vnfs;
	if (vnfs == NULL)
		return;
	w->chain->vnf_count = count;
	for (unsigned int i = 0; i < w->new->vnf_count; i++) {
		vnfs[i] = w->new->vnfs[i];
		vnfs[i].part = SL_PART_NEW;
	}
	for (unsigned int i = 0; i < w->old->vnf_count; i++) {
		struct sl_chain_vnf *vnf = &vnfs[w->merged->vnfs[i]];

		if (w->merged->vnfs[i] < w->new->vnf_count) {
			vnf->part = SL_PART_BOTH;
			vnf->old_edge_paths = old_edges(w, &w->old->vnfs[i], vnf->edge_count);
			continue;
		}
		*vnf = w->old->vnfs[i];
		vnf->name = old_name(w, vnf->name);
		vnf->edge_paths = old_edges(w, vnf, vnf->edge_count);
		vnf->part = SL_PART_OLD;
	}
}

static unsigned int place_paths(struct work *w)
{
	unsigned int count = w->new->path_count;

	for (unsigned int p = 0; p < w->old->path_count; p++)
		w->merged->paths[p] =
			w->old_paths[p] ? count++ : find_path(w->new, w->old->paths[p].name);
	return count;
}

static void put_old_path(struct work *w, struct sl_chain_path *path,
			 const struct sl_chain_path *was)
{
	*path = *was;
	path->name = old_name(w, was->name);
	path->first = w->merged->ports[was->first];
	path->last = w->merged->ports[was->last];
	path->part = SL_PART_OLD;
	path->stops = make(w, was->stop_count, sizeof(*path->stops));
	for (unsigned int s = 0; path->stops != NULL && s < was->stop_count; s++)
		path->stops[s] = (struct sl_chain_stop){
			.vnf = w->merged->vnfs[was->stops[s].vnf],
			.place = was->stops[s].place,
		};
}

static void put_paths(struct work *w, unsigned int count)
{
	struct sl_chain_path *paths = make(w, count, sizeof(*paths));

	w->chain->paths = paths;
	if (paths == NULL)
		return;
	w->chain->path_count = count;
	for (unsigned int p = 0; p < w->new->path_count; p++) {
		paths[p] = w->new->paths[p];
		paths[p].part = w->new_paths[p] ? SL_PART_NEW : SL_PART_BOTH;
	}
	for (unsigned int p = 0; p < w->old->path_count; p++)
		if (w->old_paths[p])
			put_old_path(w, &paths[w->merged->paths[p]], &w->old->paths[p]);
	w->merged->differs = count > w->new->path_count;
}

/* Of a port whose paths differ both are there, even if they are the same but for where they lead.
 */
static void put_steerings(struct work *w)
{
	unsigned int count = w->new->steering_count;
	struct sl_chain_steering *all = make(w, count + w->old->steering_count, sizeof(*all));

	w->chain->steerings = all;
	if (all == NULL)
		return;
	for (unsigned int i = 0; i < count; i++) {
		all[i] = w->new->steerings[i];
		all[i].part = w->ports[all[i].port] ? SL_PART_NEW : SL_PART_BOTH;
	}
	for (unsigned int i = 0; i < w->old->steering_count; i++) {
		const struct sl_chain_steering *was = &w->old->steerings[i];

		if (!w->ports[w->merged->ports[was->port]])
			continue;
		w->merged->steerings[i] = count;
		all[count] = *was;
		all[count].port = w->merged->ports[was->port];
		all[count++].part = SL_PART_OLD;
	}
	w->chain->steering_count = count;
}

static void merge(struct work *w)
{
	struct sl_merged *m = w->merged;
	unsigned int ports, vnfs;

	m->ports = make(w, w->old->port_count, sizeof(*m->ports));
	m->vnfs = make(w, w->old->vnf_count, sizeof(*m->vnfs));
	m->paths = make(w, w->old->path_count, sizeof(*m->paths));
	m->steerings = make(w, w->old->steering_count, sizeof(*m->steerings));
	w->old_paths = make(w, w->old->path_count, sizeof(bool));
	w->new_paths = make(w, w->new->path_count, sizeof(bool));
	w->ports = make(w, w->old->port_count + w->new->port_count, sizeof(bool));
	if (sl_store_failed(w->store))
		return;
	ports = place(m->ports, w->old->port_count, w->merge->ports, w->new->port_count);
	vnfs = place(m->vnfs, w->old->vnf_count, w->merge->vnfs, w->new->vnf_count);
	place(m->steerings, w->old->steering_count, w->merge->steerings, w->new->steering_count);
	find_differences(w);
	put_paths(w, place_paths(w));
	put_ports(w, ports);
	put_vnfs(w, vnfs);
	put_steerings(w);
}

struct sl_chain *sl_merge(const struct sl_merge *from, struct sl_errors *errors)
{
	struct work w = {.old = from->old,
			 .new = from->new,
			 .merge = from,
			 .store = sl_store_new(MAX_MEMORY)};
	char suffix[32];
	int length =
		snprintf(suffix, sizeof(suffix), "@%llu", (unsigned long long)from->generation);

	if (w.store == NULL)
		goto fail;
	w.chain = make(&w, 1, sizeof(*w.chain));
	w.merged = make(&w, 1, sizeof(*w.merged));
	if (w.chain == NULL || w.merged == NULL)
		goto fail;
	*w.chain = *from->new;
	w.chain->store = w.store;
	w.chain->users = 1;
	w.chain->merged = w.merged;
	w.merged->suffix = sl_store_text(w.store, suffix, (size_t)length);
	merge(&w);
	if (sl_store_failed(w.store))
		goto fail;
	w.merged->old = sl_chain_use(from->old);
	w.merged->new = sl_chain_use(from->new);
	return w.chain;
fail:
	sl_store_free(w.store);
	sl_fail(errors, ENOMEM, "out of memory");
	return NULL;
}

struct sl_chain *sl_merge_owner(struct sl_chain *chain)
{
	return chain->merged != NULL ? chain->merged->new : chain;
}

static const char *skip_suffix(const char *text)
{
	if (*text != '@')
		return text;
	do
		text++;
	while (isdigit((unsigned char)*text));
	return text;
}

bool sl_merge_same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		a = skip_suffix(a);
		b = skip_suffix(b);
		if (*a != *b)
			return false;
		if (*a == '\0')
			return true;
	}
}
