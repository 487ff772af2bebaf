/* SPDX-License-Identifier: BSD-3-Clause */
/* VNFs and steering of two chains: which instances go on, and with what. */
#include <stdio.h>
#include <string.h>

#include <core/host/comparison.h>
#include <core/host/private.h>

unsigned int sl_compare_find_vnf(const struct sl_chain *chain, const char *name)
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
static bool same_edges(const struct sl_comparison *w, const struct sl_chain_vnf *was,
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

static bool must_replace(const struct sl_comparison *w, const char *name)
{
	for (unsigned int i = 0; w->replace != NULL && w->replace[i] != NULL; i++)
		if (strcmp(w->replace[i], name) == 0)
			return true;
	return false;
}

static bool is_fresh(const struct sl_comparison *w, const char *name)
{
	return w->fresh != NULL && strcmp(w->fresh, name) == 0;
}

static bool in_quarantine(const struct sl_comparison *w, unsigned int from)
{
	return sl_instance_quarantined(w->running->vnfs[from]) != SL_QUARANTINE_NONE;
}

/* Why the instance cannot go on; NULL: it can. */
static const char *why_new(const struct sl_comparison *w, unsigned int number, unsigned int from)
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
static bool carries(const struct sl_comparison *w, unsigned int number, unsigned int from)
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

void sl_compare_vnf(struct sl_comparison *w, unsigned int number)
{
	const struct sl_chain_vnf *vnf = &w->new->vnfs[number];
	unsigned int from = sl_compare_find_vnf(w->old, vnf->name);
	const struct sl_chain_vnf *was = from != SL_NEW ? &w->old->vnfs[from] : NULL;
	const char *why;
	char names[128];
	bool live;

	w->diff->vnfs[number] = w->diff->carried_vnfs[number] = SL_NEW;
	if (was == NULL) {
		sl_comparison_note(w, SL_OF_VNF, SL_CHANGE_ADDED, vnf->name, "%s", vnf->type->name);
		return;
	}
	why = why_new(w, number, from);
	if (why != NULL && carries(w, number, from)) {
		w->diff->carried_vnfs[number] = from;
		sl_comparison_note(w, SL_OF_VNF, SL_CHANGE_REPLACED, vnf->name,
				   "%s; its state is carried over", why);
		return;
	}
	if (why != NULL) {
		sl_comparison_note(w, SL_OF_VNF, SL_CHANGE_REPLACED, vnf->name, "%s%s", why,
				   sessions_of(was->type));
		return;
	}
	/* The parameters of the one may be others than those of the other. */
	if (was->type != vnf->type) {
		w->diff->vnfs[number] = from;
		w->diff->configure_vnfs[number] = true;
		sl_comparison_note(w, SL_OF_VNF, SL_CHANGE_CHANGED, vnf->name,
				   "its plugin was loaded anew, and takes over its memory");
		return;
	}
	live = sl_comparison_names(vnf->type->params, was->config, vnf->config, names,
				   sizeof(names));
	if (in_quarantine(w, from) && (names[0] != '\0' || is_fresh(w, vnf->name))) {
		sl_comparison_note(w, SL_OF_VNF, SL_CHANGE_REPLACED, vnf->name,
				   "it is in quarantine%s", sessions_of(was->type));
		return;
	}
	if (names[0] == '\0' && !is_fresh(w, vnf->name)) {
		w->diff->vnfs[number] = from;
		if (same_policy(was, vnf))
			sl_comparison_note(w, SL_OF_VNF, SL_CHANGE_KEPT, vnf->name, "%s", "");
		else
			sl_comparison_note(w, SL_OF_VNF, SL_CHANGE_CHANGED, vnf->name, "%s",
					   "what happens after a fault");
		return;
	}
	if (names[0] == '\0') {
		sl_comparison_note(w, SL_OF_VNF, SL_CHANGE_REPLACED, vnf->name,
				   "a fresh instance%s", sessions_of(was->type));
		return;
	}
	if (!live || vnf->type->configure == NULL || must_replace(w, vnf->name)) {
		sl_comparison_note(w, SL_OF_VNF, SL_CHANGE_REPLACED, vnf->name,
				   "%s: cannot change in a live instance%s", names,
				   sessions_of(was->type));
		return;
	}
	w->diff->vnfs[number] = from;
	w->diff->configure_vnfs[number] = true;
	sl_comparison_note(w, SL_OF_VNF, SL_CHANGE_CHANGED, vnf->name, "%s", names);
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

unsigned int sl_compare_find_steering(const struct sl_chain *chain, const char *port)
{
	for (unsigned int i = 0; i < chain->steering_count; i++)
		if (strcmp(chain->ports[chain->steerings[i].port].name, port) == 0)
			return i;
	return SL_NEW;
}

void sl_compare_steering(struct sl_comparison *w, unsigned int number)
{
	const struct sl_chain_steering *steering = &w->new->steerings[number], *was;
	const char *port = w->new->ports[steering->port].name;
	unsigned int from = sl_compare_find_steering(w->old, port);
	bool live, same;
	char names[128];

	w->diff->steerings[number] = SL_NEW;
	if (from == SL_NEW) {
		sl_comparison_note(w, SL_OF_STEERING, SL_CHANGE_ADDED, port, "%s", "");
		return;
	}
	was = &w->old->steerings[from];
	same = sl_diff_same_entries(w->old, was->port, w->new, steering->port, false);
	if (was->type != steering->type) {
		bool keeps =
			same && same_layout(was->type, steering->type) && !must_replace(w, port);

		w->diff->steerings[number] = keeps ? from : SL_NEW;
		w->diff->configure_steerings[number] = keeps;
		sl_comparison_note(w, SL_OF_STEERING,
				   keeps ? SL_CHANGE_CHANGED : SL_CHANGE_REPLACED, port,
				   "its plugin was loaded anew");
		return;
	}
	live = sl_comparison_names(steering->type->params, was->config, steering->config, names,
				   sizeof(names));
	if (same && names[0] == '\0' && !is_fresh(w, port)) {
		w->diff->steerings[number] = from;
		sl_comparison_note(w, SL_OF_STEERING, SL_CHANGE_KEPT, port, "%s", "");
	} else if (same && live && names[0] != '\0' && steering->type->configure != NULL &&
		   !must_replace(w, port)) {
		w->diff->steerings[number] = from;
		w->diff->configure_steerings[number] = true;
		sl_comparison_note(w, SL_OF_STEERING, SL_CHANGE_CHANGED, port, "%s", names);
	} else {
		sl_comparison_note(w, SL_OF_STEERING, SL_CHANGE_REPLACED, port, "%s",
				   !same              ? "other paths meet at the port"
				   : names[0] == '\0' ? "a fresh instance"
						      : names);
	}
}
