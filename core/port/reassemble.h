/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's table of datagrams that arrive in fragments (RFC 791, RFC 8200 4.5, RFC 5722). The
 * nodes that use it hold the fragments; what is whole leaves as one packet of many segments.
 */
#ifndef CORE_PORT_REASSEMBLE_H
#define CORE_PORT_REASSEMBLE_H

#include <core/port/port.h>

struct sl_reassembly;

/* The reasons of a table, for the `reasons` of a type that has one, in this order. */
enum sl_reassembly_reason {
	SL_REASSEMBLY_BAD,
	SL_REASSEMBLY_LONG,
	SL_REASSEMBLY_MANY,
	SL_REASSEMBLY_OVERLAP,
	SL_REASSEMBLY_DUPLICATE,
	SL_REASSEMBLY_FULL,
	SL_REASSEMBLY_EVICTED,
	SL_REASSEMBLY_TIMEOUT,
	SL_REASSEMBLY_REASONS,
};
#define SL_REASSEMBLY_REASON_NAMES                                                           \
	{"bad-fragment", "A fragment whose length or place is impossible"},                  \
		{"fragment-too-long", "A fragment that reaches beyond 65535 bytes"},         \
		{"too-many-fragments", "Its datagram came in more fragments than are kept"}, \
		{"fragment-overlap", "Fragments of its datagram overlapped (RFC 5722)"},     \
		{"fragment-duplicate", "The fragment was there already"},                    \
		{"reassembly-full", "No room for the fragment"},                             \
		{"reassembly-evicted", "It was the oldest when others needed the room"},     \
	{                                                                                    \
		"reassembly-timeout", "The rest of the datagram did not come in time"        \
	}

struct sl_reassembly_conf {
	uint32_t datagrams; /* at once; a power of two */
	uint32_t fragments; /* of all of them */
	uint8_t reason;     /* the type's first reason of the table's */
	/* A datagram timed out whose first fragment is there; NULL: nobody is told. */
	void (*expired)(struct sl_node *node, const struct rte_mbuf *first);
	/* An IPv6 fragment is wrong: where in its header (RFC 8200 4.5). May be NULL. */
	void (*wrong)(struct sl_node *node, const struct rte_mbuf *m, uint32_t pointer);
};

/* Memory is the instance's. NULL with a message. */
struct sl_reassembly *sl_reassembly_new(struct sl_instance *instance,
					const struct sl_reassembly_conf *conf,
					struct sl_errors *errors);
/* Free the packets it holds, from destroy(); its memory goes with the instance. */
void sl_reassembly_free(struct sl_reassembly *table);
/*
 * Take a fragment. Returns the edge for it: SL_HELD or SL_DROP(). When it completes its
 * datagram, *whole is that, parsed, held by the node, which must sl_release() it now; else NULL.
 */
uint8_t sl_reassembly_take(struct sl_reassembly *table, struct sl_node *node, struct rte_mbuf *m,
			   struct rte_mbuf **whole);
/* Let go of what is too old. From tick(). */
void sl_reassembly_tick(struct sl_reassembly *table, struct sl_node *node);

#endif
