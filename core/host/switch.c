/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From one generation to the next, while packets flow. A worker changes over between two rounds
 * of its loop, each when it comes to it; nobody waits for anybody but the main thread. In
 * between, workers of both generations send each other packets, so that it takes three steps, each
 * complete once every worker has turned to it:
 *
 *  meet      polls go into the old graph; the new one serves what is sent to hops that only it has
 *  succeed   polls go into the new graph; the old one serves what is sent to hops that only it has
 *  forget    once nothing is on its way to those, the old one ends
 *
 * Hops that are the same in both generations have one number (struct sl_graph_conf), so packets for
 * them go to whichever graph is polled into. A flow stays in order: what was polled before the
 * change is walked, by each worker, before what was polled after it.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>

#include <core/flow/fusion.h>
#include <core/host/log.h>
#include <core/host/private.h>
#include <core/plugin/growth.h>

/* How long a worker may take to come back to its loop. */
#define TURN_MS 3000
/* And the old generation to be rid of its packets, even if they never stop coming. */
#define EMPTY_MS 1000
/* And all flows to leave the tables. */
#define SWEEP_MS 20000

static void nap(void)
{
	sl_workers_watch();
	/* New instances fill their tables now. */
	sl_growth_tend();
	/* Short: workers may share the core, and packets wait for nobody. */
	nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
}

static uint64_t in_ms(uint64_t ms)
{
	return rte_rdtsc() + rte_get_tsc_hz() / 1000 * ms;
}

static bool all_turned(const struct sl_engine *engine, unsigned int *late)
{
	uint64_t give_up = in_ms(TURN_MS);

	for (unsigned int w = 0; w < engine->worker_count; w++)
		while (!sl_worker_has_turned(engine->workers[w])) {
			if (rte_rdtsc() > give_up) {
				*late = w;
				return false;
			}
			nap();
		}
	return true;
}

/* Temporary views, two of each worker. */
struct views {
	struct views *next;
	struct sl_worker_graph *meet, *succeed;
	unsigned int count;
};

static void views_free(struct views *views)
{
	if (views == NULL)
		return;
	for (unsigned int w = 0; views->succeed != NULL && w < views->count; w++)
		free(views->succeed[w].polls);
	free(views->meet);
	free(views->succeed);
	free(views);
}

/* A worker that may come back yet keeps what it would look at. */
static void strand(struct sl_engine *engine, struct views *views)
{
	views->next = engine->private->stranded;
	engine->private->stranded = views;
}

static bool polled_before(const struct sl_worker_graph *was, const struct sl_poll *poll)
{
	for (unsigned int i = 0; i < was->poll_count; i++)
		if (was->polls[i].port == poll->port && was->polls[i].queue == poll->queue)
			return true;
	return false;
}

static bool polled_by_any(const struct sl_generation *old, const struct sl_poll *poll)
{
	for (unsigned int w = 0; w < old->worker_count; w++)
		if (polled_before(old->graphs[w], poll))
			return true;
	return false;
}

/* A queue that moves to another worker is polled by neither until all have turned: two must not
 * at the same time. */
static int choose_polls(struct sl_worker_graph *view, const struct sl_worker_graph *was,
			const struct sl_generation *old)
{
	const struct sl_poll *all = view->polls;
	unsigned int count = view->poll_count;

	view->polls = calloc(count + 1, sizeof(*view->polls));
	view->poll_count = 0;
	if (view->polls == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++)
		if (polled_before(was, &all[i]) || !polled_by_any(old, &all[i]))
			view->polls[view->poll_count++] = all[i];
	return 0;
}

static struct views *make_views(const struct sl_generation *old, const struct sl_generation *next,
				struct sl_carry *carry, struct sl_errors *errors)
{
	struct views *views = calloc(1, sizeof(*views));

	if (views == NULL)
		goto fail;
	views->meet = calloc(next->worker_count, sizeof(*views->meet));
	views->succeed = calloc(next->worker_count, sizeof(*views->succeed));
	if (views->meet == NULL || views->succeed == NULL)
		goto fail;
	for (unsigned int w = 0; w < next->worker_count; w++) {
		views->meet[w] = *old->graphs[w];
		views->meet[w].newer = next->graphs[w]->graph;
		views->succeed[w] = *next->graphs[w];
		views->succeed[w].older = old->graphs[w]->graph;
		views->succeed[w].before = sl_carry_last;
		views->succeed[w].before_context = carry;
		views->count++;
		if (choose_polls(&views->succeed[w], old->graphs[w], old) != 0)
			goto fail;
	}
	return views;
fail:
	views_free(views);
	sl_fail(errors, ENOMEM, "out of memory");
	return NULL;
}

/*
 * When is nothing on its way to hops that only the old generation has? Its graphs get nothing from
 * ports any more, only from inboxes, and inboxes are first in, first out. So: look what they did,
 * wait until every inbox is past what lay in it then, look again. If they did nothing meanwhile,
 * there is nothing left that they could have sent, or that is being sent to them.
 */

static uint64_t activity(const struct sl_generation *generation, uint64_t *pending)
{
	uint64_t sum = 0;

	*pending = 0;
	for (unsigned int w = 0; w < generation->worker_count; w++) {
		struct sl_ledger ledger;

		sl_graph_ledger(generation->graphs[w]->graph, &ledger);
		sum += ledger.pushed + ledger.made + ledger.sent + ledger.dropped + ledger.joined +
		       ledger.handed;
		*pending += ledger.pending;
	}
	return sum;
}

/* Every inbox is past what lay in it, and every worker has been round. */
static bool pass(const struct sl_engine *engine, uint64_t give_up)
{
	struct sl_worker_stats then[SL_MAX_WORKERS], now;

	for (unsigned int w = 0; w < engine->worker_count; w++)
		sl_worker_stats(engine->workers[w], &then[w]);
	for (unsigned int w = 0; w < engine->worker_count; w++)
		for (;;) {
			sl_worker_stats(engine->workers[w], &now);
			if (now.inbox_out >= then[w].inbox_in && now.loops >= then[w].loops + 2)
				break;
			if (rte_rdtsc() > give_up)
				return false;
			nap();
		}
	return true;
}

static bool wait_empty(const struct sl_engine *engine, const struct sl_generation *old)
{
	uint64_t give_up = in_ms(EMPTY_MS);

	for (;;) {
		uint64_t pending, before = activity(old, &pending);

		if (!pass(engine, give_up))
			return false;
		if (activity(old, &pending) == before && pending == 0)
			return true;
		if (rte_rdtsc() > give_up)
			return false;
	}
}

/* Each worker un-fused all its flows when it turned. They are taken out of its table bit by bit,
 * and refer to hops and instances of the old generation until then. */
static bool wait_swept(const struct sl_engine *engine)
{
	uint64_t since = sl_fusion_changes(), give_up = in_ms(SWEEP_MS);

	for (unsigned int w = 0; engine->fusion != NULL && w < engine->worker_count; w++)
		while (!sl_fusion_swept(engine->fusion[w], since)) {
			if (rte_rdtsc() > give_up)
				return false;
			nap();
		}
	return true;
}

static void publish(const struct sl_engine *engine, struct sl_worker_graph *views)
{
	for (unsigned int w = 0; w < engine->worker_count; w++)
		sl_worker_publish(engine->workers[w], &views[w]);
}

static void publish_generation(const struct sl_engine *engine,
			       const struct sl_generation *generation)
{
	for (unsigned int w = 0; w < engine->worker_count; w++)
		sl_worker_publish(engine->workers[w], generation->graphs[w]);
}

/* Back to the running generation: nobody has polled into the next one yet. */
static int take_back(struct sl_engine *engine, struct views *views, unsigned int late, bool *seen,
		     struct sl_errors *errors)
{
	unsigned int still;

	publish_generation(engine, engine->generation);
	*seen = !all_turned(engine, &still);
	if (*seen)
		strand(engine, views);
	else
		views_free(views);
	return sl_fail(errors, ETIMEDOUT,
		       "worker %u does not come back to its loop; nothing was changed", late);
}

int sl_switch(struct sl_engine *engine, struct sl_generation *next, struct sl_carry *carry,
	      struct sl_generation **old, bool *seen, struct sl_errors *errors)
{
	struct sl_generation *running = engine->generation;
	struct views *views = make_views(running, next, carry, errors);
	unsigned int late = 0;
	bool turned;

	*seen = false;
	*old = NULL;
	if (views == NULL)
		return -ENOMEM;
	publish(engine, views->meet);
	if (!all_turned(engine, &late))
		return take_back(engine, views, late, seen, errors);
	publish(engine, views->succeed);
	turned = all_turned(engine, &late);
	engine->generation = next;
	engine->private->generations = next->number;
	sl_synchronize();
	if (turned && !wait_empty(engine, running))
		sl_log(SL_LOG_WARNING,
		       "generation %llu still has packets after %d ms; they are dropped",
		       (unsigned long long)running->number, EMPTY_MS);
	turned = turned && wait_swept(engine);
	publish_generation(engine, next);
	turned = all_turned(engine, &late) && turned;
	if (turned) {
		views_free(views);
		*old = running;
	} else {
		strand(engine, views);
		sl_log(SL_LOG_ERROR,
		       "a worker does not come back, or flows do not end; generation %llu stays in "
		       "memory",
		       (unsigned long long)running->number);
	}
	return 0;
}
