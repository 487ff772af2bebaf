/* SPDX-License-Identifier: BSD-3-Clause */
/* The law of packets, over all workers, the rings between them and the main thread. */
#include <core/host/private.h>
#include <core/port/l3.h>
#include <core/worker/ring.h>

void sl_engine_main_ledger(const struct sl_engine *engine, struct sl_ledger *ledger)
{
	*ledger = engine->private->gone_main;
	for (unsigned int i = 0; engine->ports != NULL && i < engine->port_count; i++) {
		struct sl_ledger one;

		if (engine->ports[i] == NULL || engine->ports[i]->l3 == NULL)
			continue;
		sl_l3_ledger(engine->ports[i]->l3, &one);
		sl_past_add_ledger(ledger, &one);
	}
}

void sl_engine_worker_ledger(const struct sl_engine *engine, struct sl_ledger *ledger)
{
	const struct sl_generation *generation = engine->generation;

	*ledger = engine->private->gone_workers;
	for (unsigned int w = 0; generation != NULL && w < generation->worker_count; w++) {
		struct sl_ledger one;

		sl_graph_ledger(generation->graphs[w]->graph, &one);
		sl_past_add_ledger(ledger, &one);
	}
}

bool sl_engine_in_flight(const struct sl_engine *engine)
{
	struct sl_ledger ledger;

	sl_engine_worker_ledger(engine, &ledger);
	if (ledger.pending != 0 || sl_ring_count(engine->private->punted) != 0)
		return true;
	for (unsigned int w = 0; w < engine->worker_count; w++) {
		struct sl_worker_stats stats;

		sl_worker_stats(engine->workers[w], &stats);
		if (stats.inbox_in != stats.inbox_out)
			return true;
	}
	return false;
}

unsigned int sl_engine_punted(const struct sl_engine *engine)
{
	return engine->private != NULL && engine->private->punted != NULL
		       ? sl_ring_count(engine->private->punted)
		       : 0;
}

void sl_engine_totals(const struct sl_engine *engine, struct sl_totals *totals)
{
	const struct sl_leftover *left = &engine->leftover;
	struct sl_ledger workers, here;

	*totals = (struct sl_totals){0};
	if (engine->private == NULL || engine->workers == NULL)
		return;
	sl_engine_worker_ledger(engine, &workers);
	sl_engine_main_ledger(engine, &here);
	totals->made = workers.made + here.made;
	totals->tx = workers.sent + here.sent;
	totals->drops = workers.dropped + here.dropped;
	totals->joined = workers.joined + here.joined;
	totals->held = workers.held + workers.pending + here.held;
	for (unsigned int w = 0; w < engine->worker_count; w++) {
		struct sl_worker_stats stats;

		sl_worker_stats(engine->workers[w], &stats);
		totals->rx += stats.polled;
		totals->drops += stats.inbox_stale;
		if (!engine->stopped)
			totals->held += stats.inbox_in - stats.inbox_out;
	}
	if (engine->stopped) {
		totals->drops += left->inboxes + left->punted + left->graphs + left->held;
		totals->held = 0;
	} else if (engine->private->punted != NULL) {
		totals->held += sl_ring_count(engine->private->punted);
	}
}
