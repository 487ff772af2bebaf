/* SPDX-License-Identifier: BSD-3-Clause */
/* What generations did that are gone: no counter that is shown goes backwards. */
#include <stdlib.h>
#include <string.h>

#include <core/chain/merge.h>
#include <core/host/private.h>
#include <core/host/timing.h>

void sl_past_add_ledger(struct sl_ledger *sum, const struct sl_ledger *one)
{
	sum->pushed += one->pushed;
	sum->made += one->made;
	sum->sent += one->sent;
	sum->dropped += one->dropped;
	sum->joined += one->joined;
	sum->handed += one->handed;
	sum->held += one->held;
	sum->pending += one->pending;
}

/* What is left in a graph that nobody walks any more is freed with it; what instances that end
 * hold, by them. */
static void keep_ledgers(struct sl_engine *engine, const struct sl_generation *old)
{
	for (unsigned int w = 0; w < old->worker_count; w++) {
		struct sl_ledger ledger;

		sl_graph_ledger(old->graphs[w]->graph, &ledger);
		ledger.dropped += ledger.held + ledger.pending;
		ledger.held = ledger.pending = 0;
		sl_past_add_ledger(&engine->private->gone_workers, &ledger);
	}
}

static void add_stats(struct sl_hop_stats *sum, const struct sl_hop_stats *one)
{
	sum->calls += one->calls;
	sum->packets += one->packets;
	sum->fused += one->fused;
	sum->bytes += one->bytes;
	sum->cycles += one->cycles;
	sum->emitted += one->emitted;
	sum->drops += one->drops;
	sum->lost_events += one->lost_events;
}

static unsigned int count_names(const struct sl_name *names)
{
	unsigned int count = 0;

	while (names != NULL && names[count].name != NULL)
		count++;
	return count;
}

static const char *reason_name(const struct sl_node_type *type, unsigned int reason)
{
	unsigned int own = count_names(type->reasons);

	return reason < own ? type->reasons[reason].name : sl_graph_reasons[reason - own].name;
}

static void keep_gone(struct sl_engine *engine, const char *reason, uint64_t count)
{
	struct sl_engine_private *private = engine->private;
	struct sl_gone *grown;

	for (unsigned int i = 0; i < private->gone_count; i++)
		if (strcmp(private->gone[i].reason, reason) == 0) {
			private->gone[i].count += count;
			return;
		}
	grown = realloc(private->gone, (private->gone_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return; /* then it is shown without its reason */
	private->gone = grown;
	snprintf(grown[private->gone_count].reason, sizeof(grown->reason), "%s", reason);
	grown[private->gone_count++].count = count;
}

static bool drops_alike(const struct sl_node_type *a, const struct sl_node_type *b)
{
	return strcmp(a->name, b->name) == 0 && count_names(a->reasons) == count_names(b->reasons);
}

/* The hop of that name, whose type drops for the same reasons. What drained is added to its
 * successor; what begins to drain has none where it is not there any more. */
static struct sl_hop_past *find_past(struct sl_generation *generation, const char *name,
				     const struct sl_node_type *type)
{
	struct sl_hop_past *found = NULL;

	for (unsigned int i = 0; i < generation->plan->hop_count; i++) {
		const char *now = generation->plan->hops[i].name;
		bool exact = strcmp(now, name) == 0;

		if ((found == NULL || exact) && sl_merge_same_name(now, name) &&
		    drops_alike(sl_graph_hop_type(&generation->hops[i]), type))
			found = &generation->past[i];
		if (exact)
			break;
	}
	if (found != NULL && found->drops == NULL)
		found->drops =
			calloc(count_names(type->reasons) + SL_REASON_COUNT, sizeof(uint64_t));
	return found != NULL && found->drops != NULL ? found : NULL;
}

static void keep_hop(struct sl_engine *engine, const struct sl_generation *old, uint16_t hop)
{
	const struct sl_graph_hop *graph_hop = &old->hops[hop];
	const struct sl_node_type *type = sl_graph_hop_type(graph_hop);
	const struct sl_hop_past *before = &old->past[hop];
	struct sl_hop_past *past = find_past(engine->generation, old->plan->hops[hop].name, type);
	unsigned int reasons = count_names(type->reasons) + SL_REASON_COUNT;

	if (past != NULL) {
		add_stats(&past->stats, &before->stats);
		sl_timing_keep_hop(past, old, hop);
	}
	for (unsigned int w = 0; w < old->worker_count; w++) {
		struct sl_hop_stats stats;

		sl_graph_stats(old->graphs[w]->graph, hop, &stats);
		if (past != NULL)
			add_stats(&past->stats, &stats);
	}
	for (unsigned int r = 0; r < reasons; r++) {
		uint64_t count = before->drops != NULL ? before->drops[r] : 0;

		for (unsigned int w = 0; w < old->worker_count; w++)
			count += sl_graph_drops(old->graphs[w]->graph, hop, r);
		if (past != NULL)
			past->drops[r] += count;
		else if (count != 0)
			keep_gone(engine, reason_name(type, r), count);
	}
}

static void keep_held(struct sl_engine *engine, const struct sl_generation *old)
{
	for (unsigned int w = 0; w < old->worker_count; w++) {
		struct sl_ledger ledger;

		sl_graph_ledger(old->graphs[w]->graph, &ledger);
		if (ledger.held + ledger.pending != 0)
			keep_gone(engine, sl_graph_reasons[SL_REASON_REMOVED].name,
				  ledger.held + ledger.pending);
	}
}

unsigned int sl_engine_gone(const struct sl_engine *engine, const struct sl_gone **gone)
{
	if (gone != NULL)
		*gone = engine->private->gone;
	return engine->private->gone_count;
}

static bool goes_on(const struct sl_generation *generation, const struct sl_instance *instance)
{
	for (unsigned int i = 0; generation->vnfs[i] != NULL; i++)
		if (generation->vnfs[i] == instance)
			return true;
	return false;
}

/* One that drains goes on beside its successor, from 0: no counter of a name goes backwards. */
static void take_over(const struct sl_generation *generation, struct sl_instance *new,
		      struct sl_instance *was)
{
	sl_instance_inherit(new, was);
	if (goes_on(generation, was))
		sl_instance_begin_anew(was);
}

static void inherit(const struct sl_generation *generation, const struct sl_generation *old)
{
	for (unsigned int i = 0; generation->vnfs[i] != NULL; i++)
		for (unsigned int j = 0; old->vnfs[j] != NULL; j++) {
			struct sl_instance *new = generation->vnfs[i], *was = old->vnfs[j];

			if (new != was && sl_merge_same_name(new->name, was->name) &&
			    strcmp(new->type->name, was->type->name) == 0)
				take_over(generation, new, was);
		}
}

void sl_past_keep(struct sl_engine *engine, const struct sl_generation *old)
{
	keep_held(engine, old);
	keep_ledgers(engine, old);
	for (unsigned int h = 0; h < old->plan->hop_count; h++)
		keep_hop(engine, old, (uint16_t)h);
	sl_timing_keep_pairs(engine->generation, old);
	inherit(engine->generation, old);
}
