/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/equal.h>
#include <core/host/comparison.h>
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

struct sl_change *sl_comparison_note(struct sl_comparison *w, enum sl_change_of of,
				     enum sl_change_kind kind, const char *name, const char *format,
				     ...)
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
bool sl_comparison_names(const struct sl_param *table, const void *a, const void *b, char *text,
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

static void compare_port(struct sl_comparison *w, unsigned int number)
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
		sl_comparison_note(w, SL_OF_PORT, SL_CHANGE_KEPT, port->name, "%s", "");
		return;
	}
	w->diff->outgoing[number] = holder_of(w->old, port);
	w->diff->swaps[number] = w->diff->outgoing[number] != SL_NEW;
	if (was == NULL) {
		sl_comparison_note(
			w, SL_OF_PORT, SL_CHANGE_ADDED, port->name, "%s%s", port->kind->name,
			w->diff->swaps[number]
				? "; its device is another port's now, which is closed first"
				: "");
		return;
	}
	if (was->kind != port->kind) {
		sl_comparison_note(w, SL_OF_PORT, SL_CHANGE_REPLACED, port->name,
				   "was %s, becomes %s", was->kind->name, port->kind->name);
		return;
	}
	sl_comparison_names(sl_port_params, was->config, port->config, common, sizeof(common));
	sl_comparison_names(port->kind->params, was->kind_config, port->kind_config, own,
			    sizeof(own));
	sl_comparison_note(w, SL_OF_PORT, SL_CHANGE_REPLACED, port->name, "%s%s%s differ%s", common,
			   common[0] != '\0' && own[0] != '\0' ? ", " : "", own,
			   w->diff->swaps[number] ? ": the device is closed and opened again, "
						    "packets there are lost meanwhile"
						  : ": another one is opened beside it");
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

static void compare_path(struct sl_comparison *w, const struct sl_chain_path *path)
{
	const struct sl_chain_path *was = find_path(w->old, path->name);
	char now[4096], then[4096];

	spell_path(w->new, path, now, sizeof(now));
	if (was == NULL) {
		sl_comparison_note(w, SL_OF_PATH, SL_CHANGE_ADDED, path->name, "%s", now);
		return;
	}
	spell_path(w->old, was, then, sizeof(then));
	if (strcmp(now, then) == 0)
		sl_comparison_note(w, SL_OF_PATH, SL_CHANGE_KEPT, path->name, "%s", "");
	else
		sl_comparison_note(w, SL_OF_PATH, SL_CHANGE_CHANGED, path->name, "%s (was %s)", now,
				   then);
}

/* The mode and how often it is verified change at once; tables keep their sizes. */
static void compare_fusion(struct sl_comparison *w)
{
	const struct sl_chain_fusion *was = w->old->fusion, *now = w->new->fusion;

	if (was->flows != now->flows || was->idle != now->idle)
		sl_comparison_note(w, SL_OF_FUSION, SL_CHANGE_CHANGED, "fusion", "%s",
				   "flows, idle: take effect when sluice is started anew");
	else if (was->mode != now->mode || was->sample != now->sample)
		sl_comparison_note(w, SL_OF_FUSION, SL_CHANGE_CHANGED, "fusion", "%s",
				   "mode, sample");
}

/*
 * All
 */

static void note_removed(struct sl_comparison *w)
{
	const struct sl_chain *old = w->old, *new = w->new;

	for (unsigned int i = 0; i < old->port_count; i++)
		if (find_port(new, old->ports[i].name) == SL_NEW)
			sl_comparison_note(w, SL_OF_PORT, SL_CHANGE_REMOVED, old->ports[i].name,
					   "%s", "");
	for (unsigned int i = 0; i < old->vnf_count; i++)
		if (sl_compare_find_vnf(new, old->vnfs[i].name) == SL_NEW)
			sl_comparison_note(w, SL_OF_VNF, SL_CHANGE_REMOVED, old->vnfs[i].name, "%s",
					   old->vnfs[i].type->flags & SL_NODE_STATEFUL
						   ? "its sessions are lost"
						   : "");
	for (unsigned int i = 0; i < old->steering_count; i++)
		if (sl_compare_find_steering(new, old->ports[old->steerings[i].port].name) ==
		    SL_NEW)
			sl_comparison_note(w, SL_OF_STEERING, SL_CHANGE_REMOVED,
					   old->ports[old->steerings[i].port].name, "%s", "");
	for (unsigned int i = 0; i < old->path_count; i++)
		if (find_path(new, old->paths[i].name) == NULL)
			sl_comparison_note(w, SL_OF_PATH, SL_CHANGE_REMOVED, old->paths[i].name,
					   "%s", "");
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
	struct sl_comparison w = {
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
		sl_compare_vnf(&w, i);
	for (unsigned int i = 0; i < chain->steering_count; i++)
		sl_compare_steering(&w, i);
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
