/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets between workers and the main thread: what ports with addresses cannot decide on a
 * worker (ARP, ND, a next hop that is not known yet) goes to main over one ring, and what main
 * sends goes through a worker's inbox.
 */
#include <errno.h>
#include <limits.h>

#include <rte_errno.h>
#include <rte_ring_elem.h>

#include <core/host/private.h>
#include <core/port/l3.h>
#include <core/worker/handoff.h>
#include <core/worker/ring.h>

#define PUNTS_WAITING 2048
#define PUNT_BURST    64

struct punt {
	struct sl_port *port;
	struct rte_mbuf *m;
};

static bool punt(void *context, struct sl_port *port, struct rte_mbuf *m)
{
	const struct sl_engine *engine = context;
	struct punt one = {.port = port, .m = m};

	return rte_ring_enqueue_elem(engine->private->punted, &one, sizeof(one)) == 0;
}

static uint16_t out_of(const struct sl_generation *generation, const struct sl_port *port)
{
	for (unsigned int i = 0; i < generation->chain->port_count; i++)
		if (generation->ports[i] == port)
			return generation->plan->out[i];
	return SL_PLAN_NONE;
}

static bool inject(void *context, struct sl_port *port, uint16_t worker, uint16_t hop,
		   struct rte_mbuf *m)
{
	struct sl_engine *engine = context;
	const struct sl_generation *generation = engine->generation;
	uint16_t place;

	if (generation == NULL || engine->stopped)
		return false;
	place = sl_generation_hop(generation, hop);
	/* The number may be one of a generation that is gone, or worse, be in use again. */
	if (place == SL_PLAN_NONE || worker >= engine->worker_count ||
	    generation->plan->hops[place].port == UINT_MAX ||
	    generation->ports[generation->plan->hops[place].port] != port ||
	    !(generation->hops[place].workers & UINT64_C(1) << worker)) {
		place = out_of(generation, port);
		if (place == SL_PLAN_NONE)
			return false;
		worker = (uint16_t)__builtin_ctzll(generation->hops[place].workers);
	}
	return sl_worker_inbox(engine->workers[worker], generation->numbers[place], &m, 1) == 1;
}

int sl_punt_open(struct sl_engine *engine, struct sl_errors *errors)
{
	engine->private->punted =
		rte_ring_create_elem("sl-punted", sizeof(struct punt), PUNTS_WAITING,
				     (int)rte_socket_id(), SL_RING_TO_ONE);
	if (engine->private->punted == NULL)
		return sl_fail(errors, ENOMEM, "no memory for the packets of the main thread");
	return 0;
}

int sl_punt_join(struct sl_engine *engine, struct sl_port *port, struct sl_errors *errors)
{
	struct sl_l3_path path = {.punt = punt, .inject = inject, .context = engine};

	if (port->config->addresses.count == 0)
		return 0;
	port->l3 = sl_l3_new(port, &path, errors);
	return port->l3 == NULL ? -EINVAL : 0;
}

unsigned int sl_punt_take(struct sl_engine *engine)
{
	struct punt punts[PUNT_BURST];
	unsigned int n;

	n = rte_ring_dequeue_burst_elem(engine->private->punted, punts, sizeof(punts[0]),
					PUNT_BURST, NULL);
	for (unsigned int i = 0; i < n; i++)
		sl_l3_punted(punts[i].port->l3, punts[i].m);
	return n;
}

uint64_t sl_punt_empty(struct sl_engine *engine)
{
	struct punt one;
	uint64_t total = 0;

	if (engine->private->punted == NULL)
		return 0;
	while (rte_ring_dequeue_elem(engine->private->punted, &one, sizeof(one)) == 0) {
		rte_pktmbuf_free(one.m);
		total++;
	}
	return total;
}

void sl_punt_close(struct sl_engine *engine)
{
	sl_punt_empty(engine);
	rte_ring_free(engine->private->punted);
	engine->private->punted = NULL;
}
