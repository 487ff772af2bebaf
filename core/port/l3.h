/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port with addresses: its routes, its neighbours, and the slow path on the main thread.
 * Workers read tables that only the main thread writes; ARP, ND and packets that wait for a
 * neighbour go to the main thread over a ring.
 */
#ifndef CORE_PORT_L3_H
#define CORE_PORT_L3_H

#include <core/port/port.h>

struct sl_l3_port;
struct sl_ledger;

/* "Whichever": a worker that runs the port's own out hop (sl_plan.out), and that hop. */
#define SL_L3_ANY UINT16_MAX

/* How l3 nodes reach the main thread and come back. Set once by the engine before use. */
struct sl_l3_path {
	/* Worker -> main. false: the ring was full, the packet is still the caller's. */
	bool (*punt)(void *context, struct sl_port *port, struct rte_mbuf *m);
	/* Main -> that hop of that worker, from where the packet was punted, or SL_L3_ANY for
	 * both; the hop may be of a generation that is gone, then take SL_L3_ANY's.
	 * false: full, or nowhere to go; the packet is still the caller's. */
	bool (*inject)(void *context, struct sl_port *port, uint16_t worker, uint16_t hop,
		       struct rte_mbuf *m);
	void *context;
};

/* What the table of parameters cannot say about addresses, routes and neighbours. Pure. */
int sl_l3_check(const struct sl_port_config *config, struct sl_errors *errors);

/* path is copied. pool: of the port, for ARP, ND and what else main makes. */
struct sl_l3_port *sl_l3_new(struct sl_port *port, const struct sl_l3_path *path,
			     struct sl_errors *errors);
/* No worker may see it any more. Frees what it holds. NULL is allowed. */
void sl_l3_free(struct sl_l3_port *l3);
/* Addresses that instances of the chain answer for on this port. Main. */
int sl_l3_claim(struct sl_l3_port *l3, const struct sl_prefix *prefix);
/* Give up claims that keep() says no to. Main. */
void sl_l3_claims_keep(struct sl_l3_port *l3,
		       bool (*keep)(void *context, const struct sl_prefix *prefix), void *context);
/* A punted packet: takes it over. Main. */
void sl_l3_punted(struct sl_l3_port *l3, struct rte_mbuf *m);
/* Resolve, retry, age; announce addresses after start. Call about every 10 ms. Main. */
void sl_l3_tick(struct sl_l3_port *l3, uint64_t now);
/* Addresses, routes, neighbours and counters as JSON. Main. */
void sl_l3_show(const struct sl_l3_port *l3, struct sl_json *out);
/* What the main thread did with this port's packets, for the ledger: pushed (taken by
 * sl_l3_punted()) + made == handed (injected) + dropped + joined (control packets that have
 * done their work) + held (wait for a neighbour). Main. */
void sl_l3_ledger(const struct sl_l3_port *l3, struct sl_ledger *ledger);

#endif
