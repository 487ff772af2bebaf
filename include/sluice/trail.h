/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Trails: how a node takes part in flow fusion.
 *
 * The first packet of a flow walks the graph with a *trail* attached. Each node that the packet
 * passes says on the trail what it decided, for this packet and for all later ones of its flow.
 * The engine compiles the trail to one *action*; later packets of the flow execute that and skip
 * the nodes. A type that says its decisions has the flag SL_NODE_TRAILS. A type without it is a
 * *barrier*: actions end before it, and packets walk the graph from there on.
 *
 * A node with SL_NODE_TRAILS decides as ever, in process(); then it says so:
 *
 *	for (uint16_t i = 0; sl_recording(node) && i < n; i++) {
 *		struct sl_trail *trail = sl_trail(node, pkts[i]);
 *
 *		if (trail == NULL)
 *			continue;
 *		sl_trail_set(trail, SL_FIELD_IP_DST, &backend->address);
 *		sl_trail_count(trail, &node->counters[BALANCED], &backend->bytes);
 *		sl_trail_session(trail, &session->anchor, session_number);
 *	}
 *
 * The edge that the node gives the packet belongs to the decision: on, an edge of its own, or a
 * drop; the node need not repeat it. A node that says nothing about a packet with a trail, turns
 * it back, holds it or emits others because of it, refuses: the flow is not fused now and its next
 * packets walk the graph.
 *
 * What a decision may depend on. All packets of a flow are equal in: the port and VLAN tag they
 * came in by, both MAC addresses, the mark they had there, IP version, addresses, protocol, ports
 * (ICMP echo: type and identifier), and the whole traffic class byte. None is a fragment, has IP
 * options or extension headers, or is TCP with other flags than ACK and PSH. So a decision that
 * looks only at these, and at the node's own state and configuration, can be said. They differ in
 * everything else: TTL, length, identification, the PSH flag, sequence numbers, payload. Who
 * looks at these says so by sl_trail_ttl(), sl_trail_limit() or sl_trail_guard(), or says nothing.
 *
 * When a node changes its mind about
 *  - a session: sl_anchor_cut(), on the worker;
 *  - everything (its configuration, a backend): the engine un-fuses all flows through an instance
 *    when it was configured; sl_unfuse() does that at any other time.
 * The next packet of the flow walks the graph then.
 *
 * Nothing is lost by fusion: hops, reasons and the counters that were named are credited what
 * they would have counted (within two milliseconds); sessions get their packets, bytes and the
 * time of the last packet by credit() whenever the node asks, and before it can see that the flow
 * is gone.
 */
#ifndef SLUICE_TRAIL_H
#define SLUICE_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include <sluice/node.h>
#include <sluice/packet.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is being recorded about a packet; the engine's. Valid during the call of process(). */
struct sl_trail;

/** Whether any packet of this burst has a trail: one load. Worker, in process(). */
static inline bool sl_recording(const struct sl_node *node)
{
	return unlikely(*node->recording != 0);
}

/** The trail of a packet with SL_PKT_TRAIL. Use sl_trail(). */
SL_PUBLIC struct sl_trail *sl_trail_get(struct sl_node *node, const struct rte_mbuf *m);

/** The trail of a packet of this burst, or NULL: there is none to write on. Worker, in process().
 */
static inline struct sl_trail *sl_trail(struct sl_node *node, const struct rte_mbuf *m)
{
	if (!sl_recording(node) || (sl_packet(m)->flags & SL_PKT_TRAIL) == 0)
		return NULL;
	return sl_trail_get(node, m);
}

/* All calls below: worker, in process(), for the node whose burst the packet is in. They never
 * fail: what a trail has no room for, or what makes no sense, makes it refuse. */

/** The packet goes the way its edge says, unchanged. Any other call below says this too. */
SL_PUBLIC void sl_trail_pass(struct sl_trail *trail);

/** Do not fuse now. The same as saying nothing; for a node that has said something already. */
SL_PUBLIC void sl_trail_refuse(struct sl_trail *trail);

/** A field of the packet's current headers (after a push: of the outer ones). */
enum sl_field {
	SL_FIELD_ETH_DST, /**< 6 bytes */
	SL_FIELD_ETH_SRC, /**< 6 bytes */
	SL_FIELD_IP_SRC,  /**< 4 or 16 bytes, by the packet's family */
	SL_FIELD_IP_DST,  /**< 4 or 16 bytes */
	SL_FIELD_IP_TOS,  /**< 1 byte: type of service or traffic class */
	SL_FIELD_L4_SRC,  /**< 2 bytes, network order: source port; ICMP echo: the identifier */
	SL_FIELD_L4_DST,  /**< 2 bytes, network order: destination port */
	SL_FIELD_MARK,    /**< uint32_t: sl_packet()->mark */
};

/**
 * The node writes this value there. Checksums follow by RFC 1624: IPv4 header, TCP, UDP (not where
 * it is zero, RFC 768) and ICMP.
 */
SL_PUBLIC void sl_trail_set(struct sl_trail *trail, enum sl_field field, const void *value);

/** The node counts the TTL or hop limit of the current IP header down by one. Packets for which
 * it would become zero walk the graph. */
SL_PUBLIC void sl_trail_ttl(struct sl_trail *trail);

/** The decision holds for packets whose TTL or hop limit, as it comes to this node, is `least`
 * or more; others walk the graph. */
SL_PUBLIC void sl_trail_ttl_least(struct sl_trail *trail, uint8_t least);

/** The decision holds for packets of at most that many bytes of the current frame, from the
 * Ethernet header on (pkt_len); longer ones walk the graph. */
SL_PUBLIC void sl_trail_limit(struct sl_trail *trail, uint32_t most);

/** Where bytes are pushed or popped. */
enum sl_push_at {
	SL_PUSH_FRAME, /**< before the Ethernet header: the whole frame becomes payload */
	SL_PUSH_SHIM,  /**< behind the Ethernet header and its VLAN tags */
};

/** No such offset. */
#define SL_PUSH_NONE UINT16_MAX

/**
 * A header to push. The bytes are those of the packet at hand; what of them differs between
 * packets of a flow is named, so that the engine makes it anew for each. All offsets count from
 * the first pushed byte.
 */
struct sl_push {
	enum sl_push_at at;
	const uint8_t *bytes;
	uint16_t length; /**< of bytes: 2..96 */
	/** SHIM: EtherType of the frame from now on, network order; 0: as it was. */
	uint16_t ethertype;
	/** Network and transport header among the bytes; SL_PUSH_NONE: there is none. They become
	 * the packet's current headers. */
	uint16_t l3, l4;
	/** Fields of 16 bits, network order, that hold pkt_len after the push minus `length_less`.
	 */
	uint16_t length_at[2];
	uint16_t length_less[2];
	/** IPv4 header checksum over 20 bytes from l3 on, or SL_PUSH_NONE. */
	uint16_t checksum_at;
	/** 16 bits that are the flow's own (a UDP source port for entropy), or SL_PUSH_NONE. All
	 * else should be the same for many flows: they share it then. */
	uint16_t entropy_at;
};

/** The node puts these bytes in. A packet without that much headroom walks the graph. */
SL_PUBLIC void sl_trail_push(struct sl_trail *trail, const struct sl_push *push);

/**
 * The node takes `length` bytes out. Only bytes that are the same for the whole flow: VLAN tags, or
 * what a node before pushed; else the trail refuses (see SL_NODE_DECAPSULATES).
 * @param ethertype  SHIM: EtherType of the frame from now on, network order; 0: as it was
 */
SL_PUBLIC void sl_trail_pop(struct sl_trail *trail, enum sl_push_at at, uint16_t length,
			    uint16_t ethertype);

/**
 * Credit each fused packet to counters of this worker: 1 to *packets, its length as it comes to
 * this node to *bytes; either may be NULL. They must live as long as the instance, or until
 * sl_unfuse() and sl_synchronize(). At most 8 calls a node.
 */
SL_PUBLIC void sl_trail_count(struct sl_trail *trail, uint64_t *packets, uint64_t *bytes);

/**
 * Fused flows that belong to a session. Lies in the node's memory, one for each session (or each
 * direction of it, or each backend), zeroed at first, not moved, and cut before it is reused or
 * freed.
 */
struct sl_anchor {
	uint32_t first; /**< the engine's; 0: no flow is fused */
};

/**
 * Tie the flow to a session: the type's credit() gets `handle` with what the flow did, and
 * sl_anchor_sync() and sl_anchor_cut() reach it. At most once a node.
 */
SL_PUBLIC void sl_trail_session(struct sl_trail *trail, struct sl_anchor *anchor, uint64_t handle);

/**
 * Ask the type's guard() about each packet before the action is executed, many at a time; after
 * sl_trail_session(), with its handle. For what depends on more than the flow: sequence numbers, a
 * meter. If the node drops the packet at hand, that is no decision for the flow. Behind a node that
 * pushed or popped bytes the trail refuses: the guard would see another packet.
 */
SL_PUBLIC void sl_trail_guard(struct sl_trail *trail);

/**
 * The same, where sl_trail_session() was given one of few handles that many flows have (a meter
 * that they share): what they have in common holds it, and their packets need not look for it.
 */
SL_PUBLIC void sl_trail_guard_shared(struct sl_trail *trail);

/** Bring a session up to date: credit() is called for each of its fused flows that did
 * something. Worker: process(), tick(), collect(). */
SL_PUBLIC void sl_anchor_sync(struct sl_node *node, struct sl_anchor *anchor);

/** The same, then un-fuse its flows: their next packets walk the graph. Worker. */
SL_PUBLIC void sl_anchor_cut(struct sl_node *node, struct sl_anchor *anchor);

/**
 * Un-fuse all flows whose action came by this instance, on all workers: call it after the new
 * state can be seen. A packet that a worker takes up later walks the graph. Any thread.
 */
SL_PUBLIC void sl_unfuse(struct sl_instance *instance);

#ifdef __cplusplus
}
#endif
#endif
