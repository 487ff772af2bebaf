/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/equal.h>
#include <core/host/diff.h>
#include <core/host/private.h>

const char *const sl_change_of_names[] = {
	[SL_OF_PORT] = "port", [SL_OF_VNF] = "vnf",       [SL_OF_STEERING] = "steering",
	[SL_OF_PATH] = "path", [SL_OF_FUSION] = "fusion",
};
const char *const sl_change_kind_names[] = {
	[SL_CHANGE_KEPT] = "kept",         [SL_CHANGE_CHANGED] = "changed",
	[SL_CHANGE_REPLACED] = "replaced", [SL_CHANGE_ADDED] = "added",
	[SL_CHANGE_REMOVED] = "removed",
};

/* What a comparison works with. */
struct work {
	const struct sl_generation *running;
	const struct sl_chain *old, *new;
	const char *const *replace;
	const char *fresh;
	struct sl_diff *diff;
	bool failed;
};

static struct sl_change *note(struct work *w, enum sl_change_of of, enum sl_change_kind kind,
			      const char *name, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
static struct sl_change *note(struct work *w, enum sl_change_of of, enum sl_change_kind kind,
			      const char *name, const char *format, ...)
{
	struct sl_diff *diff = w->diff;
	struct sl_change *changes =
		realloc(diff->changes, (diff->count + 1) * sizeof(*diff->changes));
	struct sl_change *change;
	va_list args;

	if (changes == NULL) {
		w->failed = true;
		return NULL;
	}
	diff->changes = changes;
	change = &changes[diff->count++];
	change->of = of;
	change->kind = kind;
	snprintf(change->name, sizeof(change->name), "%s", name);
	va_start(args, format);
	vsnprintf(change->detail, sizeof(change->detail), format, args);
	va_end(args);
	return change;
}

#define MOST_NAMED 8

/* Names of the parameters that differ, and whether all of them may change in a live instance. */
static bool name_differences(const struct sl_param *table, const void *a, const void *b, char *text,
			     size_t size)
{
	const struct sl_param *differ[64];
	unsigned int count = sl_params_differ(table, a, b, differ, RTE_DIM(differ));
	bool live = count <= RTE_DIM(differ);
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < RTE_MIN(count, (unsigned int)RTE_DIM(differ)); i++) {
		live &= (differ[i]->flags & SL_LIVE) != 0;
		if (i < MOST_NAMED && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s",
						 i > 0 ? ", " : "", differ[i]->name);
	}
	if (count > MOST_NAMED && used < size)
		snprintf(text + used, size - used, ", ...");
	return live;
}

static bool must_replace(const struct work *w, const char *name)
{
	for (unsigned int i = 0; w->replace != NULL && w->replace[i] != NULL; i++)
		if (strcmp(w->replace[i], name) == 0)
			return true;
	return false;
}

static bool is_fresh(const struct work *w, const char *name)
{
	return w->fresh != NULL && strcmp(w->fresh, name) == 0;
}

/*
 * Ports
 */

static unsigned int find_port(const struct sl_chain *chain, const char *name)
{
	for (unsigned int i = 0; i < chain->port_count; i++)
		if (strcmp(chain->ports[i].name, name) == 0)
			return i;
	return SL_NEW;
}

static const char *device_of(const struct sl_chain_port *port)
{
	return port->kind->device != NULL ? port->kind->device(port->kind_config) : NULL;
}

/* The port of the running chain that stands on the same device. */
static unsigned int holder_of(const struct sl_chain *chain, const struct sl_chain_port *port)
{
	const char *device = device_of(port);

	for (unsigned int i = 0; device != NULL && i < chain->port_count; i++) {
		const char *other = device_of(&chain->ports[i]);

		if (other != NULL && strcmp(device, other) == 0)
			return i;
	}
	return SL_NEW;
}

static void compare_port(struct work *w, unsigned int number)
{
	const struct sl_chain_port *port = &w->new->ports[number];
	unsigned int from = find_port(w->old, port->name);
	const struct sl_chain_port *was = from != SL_NEW ? &w->old->ports[from] : NULL;
	char common[96], own[96];

	assert(w->new->ports != NULL && w->old->ports != NULL); /* a chain has some */
	w->diff->ports[number] = SL_NEW;
	w->diff->outgoing[number] = SL_NEW;
	if (was != NULL && was->kind == port->kind &&
	    sl_params_equal(sl_port_params, was->config, port->config) &&
	    sl_params_equal(port->kind->params, was->kind_config, port->kind_config)) {
		w->diff->ports[number] = from;
		note(w, SL_OF_PORT, SL_CHANGE_KEPT, port->name, "%s", "");
		return;
	}
	w->diff->outgoing[number] = holder_of(w->old, port);
	w->diff->swaps[number] = w->diff->outgoing[number] != SL_NEW;
	if (was == NULL) {
		note(w, SL_OF_PORT, SL_CHANGE_ADDED, port->name, "%s%s", port->kind->name,
		     w->diff->swaps[number]
			     ? "; its device is another port's now, which is closed first"
			     : "");
		return;
	}
	if (was->kind != port->kind) {
		note(w, SL_OF_PORT, SL_CHANGE_REPLACED, port->name, "was %s, becomes %s",
		     was->kind->name, port->kind->name);
		return;
	}
	name_differences(sl_port_params, was->config, port->config, common, sizeof(common));
	name_differences(port->kind->params, was->kind_config, port->kind_config, own, sizeof(own));
	note(w, SL_OF_PORT, SL_CHANGE_REPLACED, port->name, "%s%s%s differ%s", common,
	     common[0] != '\0' && own[0] != '\0' ? ", " : "", own,
	     w->diff->swaps[number]
		     ? ": the device is closed and opened again, packets there are lost meanwhile"
		     : ": another one is opened beside it");
}

/*
 * VNFs and steering
 */

static unsigned int find_vnf(const struct sl_chain *chain, const char *name)
{
	for (unsigned int i = 0; i < chain->vnf_count; i++)
		if (strcmp(chain->vnfs[i].name, name) == 0)
			return i;
	return SL_NEW;
}

static bool same_path_name(const struct sl_chain *a, uint32_t x, const struct sl_chain *b,
			   uint32_t y)
{
	if (x == SL_NO_PATH || y == SL_NO_PATH)
		return x == y;
	return strcmp(a->paths[x].name, b->paths[y].name) == 0;
}

/* Its edges lead to paths of the same names, so that their numbers mean the same. */
static bool same_edges(const struct work *w, const struct sl_chain_vnf *was,
		       const struct sl_chain_vnf *vnf)
{
	if (was->edge_count != vnf->edge_count)
		return false;
	for (unsigned int e = 0; e < vnf->edge_count; e++)
		if (!same_path_name(w->old, was->edge_paths[e], w->new, vnf->edge_paths[e]))
			return false;
	return true;
}

static const char *sessions_of(const struct sl_node_type *type)
{
	return type->flags & SL_NODE_STATEFUL ? "; its sessions are lost" : "";
}

static bool same_names(const struct sl_name *a, const struct sl_name *b)
{
	unsigned int i = 0;

	for (; a != NULL && a[i].name != NULL; i++)
		if (b == NULL || b[i].name == NULL || strcmp(a[i].name, b[i].name) != 0)
			return false;
	return b == NULL || b[i].name == NULL;
}

/* Whether instances of the one can be the other's: see sluice/state.h. */
static bool same_layout(const struct sl_node_type *was, const struct sl_node_type *type)
{
	return was->layout != 0 && was->layout == type->layout &&
	       was->instance_size == type->instance_size && was->state_size == type->state_size &&
	       same_names(was->counters, type->counters) && strcmp(was->name, type->name) == 0;
}

static bool in_quarantine(const struct work *w, unsigned int from)
{
	return sl_instance_quarantined(w->running->vnfs[from]) != SL_QUARANTINE_NONE;
}

/* Why the instance cannot go on; NULL: it can. */
static const char *why_new(const struct work *w, unsigned int number, unsigned int from)
{
	const struct sl_chain_vnf *was = &w->old->vnfs[from], *vnf = &w->new->vnfs[number];

	if (strcmp(was->type->name, vnf->type->name) != 0)
		return "is of another type";
	if (was->type != vnf->type && (!same_layout(was->type, vnf->type) ||
				       must_replace(w, vnf->name) || in_quarantine(w, from)))
		return "its plugin was loaded anew";
	if (w->running->vnfs[from]->mask != w->diff->masks[number])
		return "runs on other workers";
	if (was->memory != vnf->memory)
		return "`memory` differs";
	if (!same_edges(w, was, vnf))
		return "its edges lead to other paths";
	return NULL;
}

/* Whether new code takes the old instance's state by export and import. */
static bool carries(const struct work *w, unsigned int number, unsigned int from)
{
	const struct sl_node_type *was = w->old->vnfs[from].type, *type = w->new->vnfs[number].type;

	/* What is left of one that crashed cannot be trusted. */
	return !in_quarantine(w, from) && was != type && strcmp(was->name, type->name) == 0 &&
	       was->export_state != NULL && type->import_state != NULL &&
	       w->running->vnfs[from]->mask == w->diff->masks[number];
}

static bool same_policy(const struct sl_chain_vnf *was, const struct sl_chain_vnf *vnf)
{
	return was->on_fault == vnf->on_fault && was->restart_after == vnf->restart_after &&
	       was->restart_most == vnf->restart_most;
}

static void compare_vnf(struct work *w, unsigned int number)
{
	const struct sl_chain_vnf *vnf = &w->new->vnfs[number];
	unsigned int from = find_vnf(w->old, vnf->name);
	const struct sl_chain_vnf *was = from != SL_NEW ? &w->old->vnfs[from] : NULL;
	const char *why;
	char names[128];
	bool live;

	w->diff->vnfs[number] = w->diff->carried_vnfs[number] = SL_NEW;
	if (was == NULL) {
		note(w, SL_OF_VNF, SL_CHANGE_ADDED, vnf->name, "%s", vnf->type->name);
		return;
	}
	why = why_new(w, number, from);
	if (why != NULL && carries(w, number, from)) {
		w->diff->carried_vnfs[number] = from;
		note(w, SL_OF_VNF, SL_CHANGE_REPLACED, vnf->name, "%s; its state is carried over",
		     why);
		return;
	}
	if (why != NULL) {
		note(w, SL_OF_VNF, SL_CHANGE_REPLACED, vnf->name, "%s%s", why,
		     sessions_of(was->type));
		return;
	}
	/* The parameters of the one may be others than those of the other. */
	if (was->type != vnf->type) {
		w->diff->vnfs[number] = from;
		w->diff->configure_vnfs[number] = true;
		note(w, SL_OF_VNF, SL_CHANGE_CHANGED, vnf->name,
		     "its plugin was loaded anew, and takes over its memory");
		return;
	}
	live = name_differences(vnf->type->params, was->config, vnf->config, names, sizeof(names));
	if (in_quarantine(w, from) && (names[0] != '\0' || is_fresh(w, vnf->name))) {
		note(w, SL_OF_VNF, SL_CHANGE_REPLACED, vnf->name, "it is in quarantine%s",
		     sessions_of(was->type));
		return;
	}
	if (names[0] == '\0' && !is_fresh(w, vnf->name)) {
		w->diff->vnfs[number] = from;
		if (same_policy(was, vnf))
			note(w, SL_OF_VNF, SL_CHANGE_KEPT, vnf->name, "%s", "");
		else
			note(w, SL_OF_VNF, SL_CHANGE_CHANGED, vnf->name, "%s",
			     "what happens after a fault");
		return;
	}
	if (names[0] == '\0') {
		note(w, SL_OF_VNF, SL_CHANGE_REPLACED, vnf->name, "a fresh instance%s",
		     sessions_of(was->type));
		return;
	}
	if (!live || vnf->type->configure == NULL || must_replace(w, vnf->name)) {
		note(w, SL_OF_VNF, SL_CHANGE_REPLACED, vnf->name,
		     "%s: cannot change in a live instance%s", names, sessions_of(was->type));
		return;
	}
	w->diff->vnfs[number] = from;
	w->diff->configure_vnfs[number] = true;
	note(w, SL_OF_VNF, SL_CHANGE_CHANGED, vnf->name, "%s", names);
}

/* Paths that can be entered at the port, in the same order: edges of steering and pins mean the
 * same. more: the new chain may have further ones. */
bool sl_diff_same_entries(const struct sl_chain *old, unsigned int was, const struct sl_chain *new,
			  unsigned int port, bool more)
{
	struct sl_chain_entry a[SL_MAX_ENTRIES], b[SL_MAX_ENTRIES];
	unsigned int count = sl_chain_entries(old, was, a, SL_MAX_ENTRIES);
	unsigned int count_new = sl_chain_entries(new, port, b, SL_MAX_ENTRIES);

	if (count > count_new || (count != count_new && !more))
		return false;
	for (unsigned int e = 0; e < RTE_MIN(count, (unsigned int)SL_MAX_ENTRIES); e++)
		if (a[e].from != b[e].from || !same_path_name(old, a[e].path, new, b[e].path))
			return false;
	return true;
}

static unsigned int find_steering(const struct sl_chain *chain, const char *port)
{
	for (unsigned int i = 0; i < chain->steering_count; i++)
		if (strcmp(chain->ports[chain->steerings[i].port].name, port) == 0)
			return i;
	return SL_NEW;
}

static void compare_steering(struct work *w, unsigned int number)
{
	const struct sl_chain_steering *steering = &w->new->steerings[number], *was;
	const char *port = w->new->ports[steering->port].name;
	unsigned int from = find_steering(w->old, port);
	bool live, same;
	char names[128];

	w->diff->steerings[number] = SL_NEW;
	if (from == SL_NEW) {
		note(w, SL_OF_STEERING, SL_CHANGE_ADDED, port, "%s", "");
		return;
	}
	was = &w->old->steerings[from];
	same = sl_diff_same_entries(w->old, was->port, w->new, steering->port, false);
	if (was->type != steering->type) {
		bool keeps =
			same && same_layout(was->type, steering->type) && !must_replace(w, port);

		w->diff->steerings[number] = keeps ? from : SL_NEW;
		w->diff->configure_steerings[number] = keeps;
		note(w, SL_OF_STEERING, keeps ? SL_CHANGE_CHANGED : SL_CHANGE_REPLACED, port,
		     "its plugin was loaded anew");
		return;
	}
	live = name_differences(steering->type->params, was->config, steering->config, names,
				sizeof(names));
	if (same && names[0] == '\0' && !is_fresh(w, port)) {
		w->diff->steerings[number] = from;
		note(w, SL_OF_STEERING, SL_CHANGE_KEPT, port, "%s", "");
	} else if (same && live && names[0] != '\0' && steering->type->configure != NULL &&
		   !must_replace(w, port)) {
		w->diff->steerings[number] = from;
		w->diff->configure_steerings[number] = true;
		note(w, SL_OF_STEERING, SL_CHANGE_CHANGED, port, "%s", names);
	} else {
		note(w, SL_OF_STEERING, SL_CHANGE_REPLACED, port, "%s",
		     !same              ? "other paths meet at the port"
		     : names[0] == '\0' ? "a fresh instance"
					: names);
	}
}

/*
 * Paths
 */

static void spell_path(const struct sl_chain *chain, const struct sl_chain_path *path, char *text,
		       size_t size)
{
	const char *arrow = path->both_ways ? "<->" : "->";
	size_t used = (size_t)snprintf(text, size, "%s %s", chain->ports[path->first].name, arrow);

	for (unsigned int s = 0; s < path->stop_count && used < size; s++)
		used += (size_t)snprintf(text + used, size - used, " %s %s",
					 chain->vnfs[path->stops[s].vnf].name, arrow);
	if (used < size)
		snprintf(text + used, size - used, " %s", chain->ports[path->last].name);
}

static const struct sl_chain_path *find_path(const struct sl_chain *chain, const char *name)
{
	for (unsigned int i = 0; i < chain->path_count; i++)
		if (strcmp(chain->paths[i].name, name) == 0)
			return &chain->paths[i];
	return NULL;
}

static void compare_path(struct work *w, const struct sl_chain_path *path)
{
	const struct sl_chain_path *was = find_path(w->old, path->name);
	char now[4096], then[4096];

	spell_path(w->new, path, now, sizeof(now));
	if (was == NULL) {
		note(w, SL_OF_PATH, SL_CHANGE_ADDED, path->name, "%s", now);
		return;
	}
	spell_path(w->old, was, then, sizeof(then));
	if (strcmp(now, then) == 0)
		note(w, SL_OF_PATH, SL_CHANGE_KEPT, path->name, "%s", "");
	else
		note(w, SL_OF_PATH, SL_CHANGE_CHANGED, path->name, "%s (was %s)", now, then);
}

/* The mode and how often it is verified change at once; tables keep their sizes. */
static void compare_fusion(struct work *w)
{
	const struct sl_chain_fusion *was = w->old->fusion, *now = w->new->fusion;

	if (was->flows != now->flows || was->idle != now->idle)
		note(w, SL_OF_FUSION, SL_CHANGE_CHANGED, "fusion", "%s",
		     "flows, idle: take effect when sluice is started anew");
	else if (was->mode != now->mode || was->sample != now->sample)
		note(w, SL_OF_FUSION, SL_CHANGE_CHANGED, "fusion", "%s", "mode, sample");
}

/*
 * All
 */

static void note_removed(struct work *w)
{
	const struct sl_chain *old = w->old, *new = w->new;

	for (unsigned int i = 0; i < old->port_count; i++)
		if (find_port(new, old->ports[i].name) == SL_NEW)
			note(w, SL_OF_PORT, SL_CHANGE_REMOVED, old->ports[i].name, "%s", "");
	for (unsigned int i = 0; i < old->vnf_count; i++)
		if (find_vnf(new, old->vnfs[i].name) == SL_NEW)
			note(w, SL_OF_VNF, SL_CHANGE_REMOVED, old->vnfs[i].name, "%s",
			     old->vnfs[i].type->flags & SL_NODE_STATEFUL ? "its sessions are lost"
									 : "");
	for (unsigned int i = 0; i < old->steering_count; i++)
		if (find_steering(new, old->ports[old->steerings[i].port].name) == SL_NEW)
			note(w, SL_OF_STEERING, SL_CHANGE_REMOVED,
			     old->ports[old->steerings[i].port].name, "%s", "");
	for (unsigned int i = 0; i < old->path_count; i++)
		if (find_path(new, old->paths[i].name) == NULL)
			note(w, SL_OF_PATH, SL_CHANGE_REMOVED, old->paths[i].name, "%s", "");
}

struct sl_diff *sl_diff_empty(const struct sl_chain *chain)
{
	struct sl_diff *diff = calloc(1, sizeof(*diff));

	if (diff == NULL)
		return NULL;
	diff->ends = diff->begins = -1;
	diff->ports = calloc(chain->port_count + 1, sizeof(*diff->ports));
	diff->swaps = calloc(chain->port_count + 1, sizeof(*diff->swaps));
	diff->outgoing = calloc(chain->port_count + 1, sizeof(*diff->outgoing));
	diff->vnfs = calloc(chain->vnf_count + 1, sizeof(*diff->vnfs));
	diff->configure_vnfs = calloc(chain->vnf_count + 1, sizeof(*diff->configure_vnfs));
	diff->carried_vnfs = calloc(chain->vnf_count + 1, sizeof(*diff->carried_vnfs));
	diff->masks = calloc(chain->vnf_count + 1, sizeof(*diff->masks));
	diff->steerings = calloc(chain->steering_count + 1, sizeof(*diff->steerings));
	diff->configure_steerings =
		calloc(chain->steering_count + 1, sizeof(*diff->configure_steerings));
	if (diff->ports != NULL && diff->swaps != NULL && diff->outgoing != NULL &&
	    diff->vnfs != NULL && diff->configure_vnfs != NULL && diff->carried_vnfs != NULL &&
	    diff->masks != NULL && diff->steerings != NULL && diff->configure_steerings != NULL)
		return diff;
	sl_diff_free(diff);
	return NULL;
}

struct sl_diff *sl_diff_new(const struct sl_engine *engine, const struct sl_chain *chain,
			    const char *const *replace, const char *fresh, struct sl_errors *errors)
{
	struct work w = {
		.running = engine->generation,
		.old = engine->generation->chain,
		.new = chain,
		.replace = replace,
		.fresh = fresh,
		.diff = sl_diff_empty(chain),
	};

	if (w.diff == NULL) {
		sl_fail(errors, ENOMEM, "out of memory");
		return NULL;
	}
	if (sl_placement_vnfs(engine, chain, w.diff->masks, errors) != 0) {
		sl_diff_free(w.diff);
		return NULL;
	}
	for (unsigned int i = 0; i < chain->port_count; i++)
		compare_port(&w, i);
	for (unsigned int i = 0; i < chain->vnf_count; i++)
		compare_vnf(&w, i);
	for (unsigned int i = 0; i < chain->steering_count; i++)
		compare_steering(&w, i);
	for (unsigned int i = 0; i < chain->path_count; i++)
		compare_path(&w, &chain->paths[i]);
	note_removed(&w);
	compare_fusion(&w);
	if (!w.failed)
		return w.diff;
	sl_fail(errors, ENOMEM, "out of memory");
	sl_diff_free(w.diff);
	return NULL;
}

void sl_diff_free(struct sl_diff *diff)
{
	if (diff == NULL)
		return;
	free(diff->changes);
	free(diff->ports);
	free(diff->swaps);
	free(diff->outgoing);
	free(diff->vnfs);
	free(diff->configure_vnfs);
	free(diff->carried_vnfs);
	free(diff->masks);
	free(diff->steerings);
	free(diff->configure_steerings);
	free(diff);
}

void sl_diff_summary(const struct sl_diff *diff, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (int of = SL_OF_PORT; of <= SL_OF_FUSION; of++)
		for (int kind = SL_CHANGE_CHANGED; kind <= SL_CHANGE_REMOVED; kind++) {
			unsigned int count = 0;

			for (unsigned int i = 0; i < diff->count; i++)
				count += diff->changes[i].of == (enum sl_change_of)of &&
					 diff->changes[i].kind == (enum sl_change_kind)kind;
			if (count != 0 && used < size)
				used += (size_t)snprintf(
					text + used, size - used, "%s%u %s%s %s",
					used > 0 ? ", " : "", count, sl_change_of_names[of],
					count > 1 && of != SL_OF_STEERING ? "s" : "",
					sl_change_kind_names[kind]);
		}
	if (used == 0)
		snprintf(text, size, "nothing changes");
}
