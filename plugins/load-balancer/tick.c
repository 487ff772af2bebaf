/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker does from time to time: sessions end, clients are forgotten, events reported. */
#include "load_balancer.h"

/* How many sessions of a table one tick looks at. */
#define MOST_SWEPT 512

/* Sessions of dead backends, which nothing else may ever come to, are ended too. */
static void sweep(struct lb_worker *w, enum lb_lane lane)
{
	struct lb_table *table = &w->tables[lane];
	uint32_t end = RTE_MIN(table->count, table->sweep + MOST_SWEPT);

	for (; table->sweep < end; table->sweep++) {
		const struct lb_flow *flow = lb_flow(table, 2 * table->sweep);

		if (table->sessions[table->sweep].used && !lb_alive(w, flow->backend, flow->epoch))
			sl_lb_session_end(w, lane, table->sweep);
	}
}

static void report_changes(struct lb_worker *w)
{
	uint32_t changes = atomic_load_explicit(&w->lb->changes, memory_order_acquire);

	if (w->states == NULL || changes == w->changes)
		return;
	w->changes = changes;
	for (uint32_t i = 0; i < LB_SLOTS; i++) {
		const struct lb_backend *b = &w->lb->backends[i];
		uint8_t state = atomic_load_explicit(&b->state, memory_order_acquire);
		struct lb_event_data data = {0};

		if (state == w->states[i])
			continue;
		data.addr = b->addr;
		data.port = b->port;
		memcpy(data.mac, &b->mac, sizeof(data.mac));
		w->states[i] = state;
		if (state != LB_CHECKING)
			sl_event(w->node, state == LB_UP ? LB_EVENT_UP : LB_EVENT_DOWN, &data,
				 sizeof(data));
	}
}

void sl_lb_tick(struct sl_node *node)
{
	struct lb_worker *w = lb_enter(node);
	uint32_t deaths = atomic_load_explicit(&w->lb->deaths, memory_order_acquire);

	for (enum lb_lane lane = LB_LANE4; lane < LB_LANES; lane++)
		sl_lb_turn(w, lane);
	if (deaths != w->deaths && w->tables[LB_LANE4].sweep >= w->tables[LB_LANE4].count &&
	    w->tables[LB_LANE6].sweep >= w->tables[LB_LANE6].count) {
		w->deaths = deaths;
		w->tables[LB_LANE4].sweep = w->tables[LB_LANE6].sweep = 0;
	}
	for (enum lb_lane lane = LB_LANE4; lane < LB_LANES; lane++)
		sweep(w, lane);
	sl_lb_sources_age(w);
	report_changes(w);
}
