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

/* How l3 nodes reach the main thread and come back. Set once by the engine before use. */
struct sl_l3_path {
	/* Worker -> main. false: the ring was full, the packet is still the caller's. */
	bool (*punt)(void *context, struct sl_port *port, struct rte_mbuf *m);
	/* Main -> a worker that runs the hop, to leave by the port. false: full. */
	bool (*inject)(void *context, struct sl_port *port, struct rte_mbuf *m);
	void *context;
};

struct sl_l3_port *sl_l3_new(struct sl_port *port, const struct sl_l3_path *path,
			     struct sl_errors *errors);
void sl_l3_free(struct sl_l3_port *l3);
/* Addresses that instances of the chain answer for on this port. Main. */
int sl_l3_claim(struct sl_l3_port *l3, const struct sl_prefix *prefix);
/* A punted packet: takes it over. Main. */
void sl_l3_punted(struct sl_l3_port *l3, struct rte_mbuf *m);
/* Resolve, retry, age; announce addresses after start. Call about every 10 ms. Main. */
void sl_l3_tick(struct sl_l3_port *l3, uint64_t now);
/* Neighbours and routes as JSON. Main. */
void sl_l3_show(const struct sl_l3_port *l3, struct sl_json *out);
/* What the main thread holds, dropped, made of this port's packets, for the ledger. */
struct sl_ledger;
void sl_l3_ledger(const struct sl_l3_port *l3, struct sl_ledger *ledger);

#endif
