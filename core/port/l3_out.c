/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The node `l3-out`: what leaves by a port with addresses. Route, next hop, MTU, Ethernet
 * header. What has no way turns back with an ICMP error through the chain, so that a NAT on the
 * way translates it; what waits for a neighbour goes to the main thread.
 */
#include <errno.h>

#include <rte_prefetch.h>

#include <sluice/trail.h>

#include <core/port/fragment.h>
#include <core/port/icmp.h>

enum reason {
	VLAN,
	NOT_IP,
	MALFORMED,
	NO_ROUTE,
	NOT_UNICAST,
	BROADCAST,
	OWN_ADDRESS,
	UNREACHABLE,
	PUNT_FULL,
	TOO_BIG,
	CANNOT_FRAGMENT,
	NO_MEMORY,
};

static const struct sl_name reasons[] = {
	[VLAN] = {"vlan-on-l3", "Tagged: a port with addresses is untagged"},
	[NOT_IP] = {"not-ip", "Neither IPv4 nor IPv6"},
	[MALFORMED] = {"malformed", "Its IP header is damaged"},
	[NO_ROUTE] = {"no-route", "No route of the port leads to its destination"},
	[NOT_UNICAST] = {"not-unicast", "To a multicast, loopback or reserved address"},
	[BROADCAST] = {"broadcast", "To a broadcast address of a network on the link"},
	[OWN_ADDRESS] = {"own-address", "To the port's own address: nobody listens there"},
	[UNREACHABLE] = {"host-unreachable", "Its next hop did not answer ARP or ND"},
	[PUNT_FULL] = {"punt-full", "The main thread was behind with unresolved packets"},
	[TOO_BIG] = {"too-big", "Longer than the MTU, and may not be fragmented"},
	[CANNOT_FRAGMENT] = {"cannot-fragment", "Its headers leave no room for payload"},
	[NO_MEMORY] = {"no-memory", "The packet pool was empty"},
	{NULL, NULL},
};

enum counter { ECHOED = SL_ICMP_COUNTERS, WAITING, FRAGMENTED };

static const struct sl_name counters[] = {
	SL_ICMP_COUNTER_NAMES,
	{"echo-replies", "Pings to the port's own addresses answered"},
	{"unresolved", "Packets given to the main thread to wait for a neighbour"},
	{"fragmented", "Packets sent in fragments"},
	{NULL, NULL},
};

struct l3_out {
	struct sl_l3_port *l3;
};

/* The packets of a burst that need a route. */
struct lookup {
	uint16_t n4, n6;
	uint16_t index4[SL_BURST], index6[SL_BURST];
	uint16_t nexthop4[SL_BURST], nexthop6[SL_BURST];
	uint32_t to4[SL_BURST];
	uint8_t to6[SL_BURST][16];
};

/* Our own address, through the chain: as a host that runs no service. */
static uint8_t own_address(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m)
{
	uint8_t proto = sl_packet(m)->proto;

	if (sl_icmp_is_echo(m)) {
		sl_count(node, ECHOED, 1);
		sl_icmp_echo(m);
		return SL_BACK;
	}
	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP)
		sl_icmp_error(node, l3, m, SL_ICMP_PORT, 0);
	else if (proto != IPPROTO_ICMP && proto != IPPROTO_ICMPV6)
		sl_icmp_error(node, l3, m, SL_ICMP_PROTOCOL, offsetof(struct rte_ipv6_hdr, proto));
	return SL_DROP(OWN_ADDRESS);
}

static uint8_t resolve(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m)
{
	struct sl_packet *p = sl_packet(m);

	/* Where it comes back to when the neighbour answers, or does not. The outer VLAN's field
	 * is only a device's, and free here. */
	p->hop = node->hop;
	m->vlan_tci_outer = node->worker;
	p->flags |= SL_PKT_UNRESOLVED;
	if (!l3->path.punt(l3->path.context, l3->port, m)) {
		p->flags &= (uint16_t)~SL_PKT_UNRESOLVED;
		return SL_DROP(PUNT_FULL);
	}
	sl_count(node, WAITING, 1);
	return SL_HANDED;
}

/*
 * Longer than the MTU, or put together from fragments. Those go again in fragments no longer
 * than they came, unless one of them was itself too long and may not be cut by a router.
 */
static uint8_t cut(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	bool joined = (p->flags & SL_PKT_REASSEMBLED) != 0;
	bool ours = (p->flags & SL_PKT_MADE) != 0;
	bool whole = p->family == SL_L3_IPV6 ||
		     (sl_ipv4(m)->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)) != 0;
	uint32_t limit = joined ? RTE_MIN(l3->mtu, p->frag_max) : l3->mtu;

	if (sl_ip_length(m) <= limit)
		return SL_ON;
	if (whole && !ours && (!joined || p->frag_max > l3->mtu)) {
		sl_icmp_error(node, l3, m, SL_ICMP_TOO_BIG, l3->mtu);
		return SL_DROP(TOO_BIG);
	}
	switch (sl_fragment(node, m, limit)) {
	case SL_FRAGMENT_OK:
		sl_count(node, FRAGMENTED, 1);
		return SL_HELD;
	case SL_FRAGMENT_NO_MEMORY:
		return SL_DROP(NO_MEMORY);
	case SL_FRAGMENT_NO_ROOM:
		break;
	}
	return SL_DROP(CANNOT_FRAGMENT);
}

static uint8_t no_way(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m,
		      enum sl_nexthop_kind kind)
{
	switch (kind) {
	case SL_NEXTHOP_OWN:
		return own_address(node, l3, m);
	case SL_NEXTHOP_BROADCAST:
		return SL_DROP(BROADCAST);
	case SL_NEXTHOP_NEVER:
		return SL_DROP(NOT_UNICAST);
	default:
		sl_icmp_error(node, l3, m, SL_ICMP_NO_ROUTE, 0);
		return SL_DROP(NO_ROUTE);
	}
}

/* Inline, so that a key is made only for a destination on the link. */
static __rte_always_inline uint8_t forward(struct sl_node *node, struct sl_l3_port *l3,
					   struct rte_mbuf *m, uint16_t number,
					   const union sl_l3_key *key)
{
	const struct sl_nexthop *nexthop = &l3->nexthops[number];
	struct sl_packet *p = sl_packet(m);
	uint32_t slot;

	if (likely(nexthop->kind == SL_NEXTHOP_GATEWAY)) {
		slot = nexthop->neighbour;
		key = NULL;
	} else if (likely(nexthop->kind == SL_NEXTHOP_LINK)) {
		slot = sl_slot_find(l3, key);
	} else {
		return no_way(node, l3, m, nexthop->kind);
	}
	if (unlikely(slot == SL_NO_NEIGHBOUR ||
		     !sl_slot_header(&l3->slots[slot], key, sl_ether(m))))
		return resolve(node, l3, m);
	p->flags &= (uint16_t)~SL_PKT_GROUP; /* a neighbour's address is none */
	if (unlikely((p->flags & SL_PKT_REASSEMBLED) != 0 || sl_ip_length(m) > l3->mtu))
		return cut(node, l3, m);
	return SL_ON;
}

/* What needs no route gets its edge. */
static bool wants_route(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m,
			uint8_t *edge)
{
	struct sl_packet *p = sl_packet(m);

	if (unlikely(p->flags & (SL_PKT_READY | SL_PKT_UNREACHABLE))) {
		if (p->flags & SL_PKT_UNREACHABLE) {
			sl_icmp_error(node, l3, m, SL_ICMP_HOST, 0);
			*edge = SL_DROP(UNREACHABLE);
		}
		p->flags &= (uint16_t) ~(SL_PKT_READY | SL_PKT_UNREACHABLE);
		return false;
	}
	if (unlikely(p->flags & (SL_PKT_VLAN | SL_PKT_MALFORMED))) {
		*edge = p->flags & SL_PKT_VLAN ? SL_DROP(VLAN) : SL_DROP(MALFORMED);
		return false;
	}
	if (likely(p->family == SL_L3_IPV4 || p->family == SL_L3_IPV6))
		return true;
	*edge = SL_DROP(NOT_IP);
	return false;
}

/*
 * Say the way of a packet that has its Ethernet header: route and length, and the neighbour until
 * main un-fuses what came by us. Main must know of it before the header is read for the last
 * time: see slot_unfuse().
 */
static void say_way(struct sl_trail *trail, struct sl_l3_port *l3, const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *ether = sl_ether(m);
	const struct sl_nexthop *nexthop;
	struct sl_neighbour_slot *slot;
	struct rte_ether_hdr header;
	struct sl_addr from, to;
	union sl_l3_key key;
	uint32_t at;

	sl_packet_addrs(m, &from, &to);
	nexthop = sl_route_find(l3, &to);
	key = sl_l3_key(nexthop->kind == SL_NEXTHOP_GATEWAY ? &nexthop->gateway : &to);
	at = sl_slot_find(l3, &key);
	if (at == SL_NO_NEIGHBOUR)
		return;
	slot = &l3->slots[at];
	atomic_store_explicit(&slot->fused, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (!sl_slot_header(slot, &key, &header) || memcmp(&header, ether, sizeof(header)) != 0)
		return;
	sl_trail_set(trail, SL_FIELD_ETH_DST, &header.dst_addr);
	sl_trail_set(trail, SL_FIELD_ETH_SRC, &header.src_addr);
	sl_trail_limit(trail, l3->mtu + sl_packet(m)->l3);
	sl_trail_count(trail, &slot->sent, NULL);
}

static void say(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf **pkts,
		const uint8_t *edge, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct sl_trail *trail = edge[i] == SL_ON ? sl_trail(node, pkts[i]) : NULL;

		if (trail != NULL && !(sl_packet(pkts[i])->flags & SL_PKT_REASSEMBLED))
			say_way(trail, l3, pkts[i]);
	}
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct l3_out *self = node->data;
	struct sl_l3_port *l3 = self->l3;
	struct lookup found;

	found.n4 = found.n6 = 0;
	for (uint16_t i = 0; i < n; i++) {
		if (i + 4 < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + 4], void *));
		if (!wants_route(node, l3, pkts[i], &edge[i]))
			continue;
		if (likely(sl_packet(pkts[i])->family == SL_L3_IPV4)) {
			found.to4[found.n4] = sl_ipv4(pkts[i])->dst_addr;
			found.index4[found.n4++] = i;
		} else {
			memcpy(found.to6[found.n6], sl_ip6_destination(sl_ipv6(pkts[i])), 16);
			found.index6[found.n6++] = i;
		}
	}
	if (found.n4 > 0)
		sl_routes_find4(&l3->routes4, found.to4, found.nexthop4, found.n4);
	for (uint16_t i = 0; i < found.n4; i++) {
		union sl_l3_key key = sl_l3_key4(found.to4[i]);
		uint16_t at = found.index4[i];

		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): sl_routes_find4() set it */
		edge[at] = forward(node, l3, pkts[at], found.nexthop4[i], &key);
	}
	if (found.n6 > 0)
		sl_routes_find6(&l3->routes6, found.to6, found.nexthop6, found.n6);
	for (uint16_t i = 0; i < found.n6; i++) {
		union sl_l3_key key;
		uint16_t at = found.index6[i];

		memcpy(key.bytes, found.to6[i], 16);
		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): sl_routes_find6() set it */
		edge[at] = forward(node, l3, pkts[at], found.nexthop6[i], &key);
	}
	if (sl_recording(node))
		say(node, l3, pkts, edge, n);
}

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	const struct sl_port_node_config *node_config = config;
	struct l3_out *self = sl_instance_data(instance);

	self->l3 = node_config->port->l3;
	if (self->l3 == NULL)
		return sl_fail(errors, EINVAL, "port %s has no addresses", node_config->port->name);
	if (sl_l3_out_made(self->l3, instance) != 0)
		return sl_fail(errors, ENOMEM, "port %s: no memory", node_config->port->name);
	return 0;
}

static void destroy(struct sl_instance *instance)
{
	const struct l3_out *self = sl_instance_data(instance);

	sl_l3_out_ends(self->l3, instance);
}

const struct sl_node_type sl_l3_out_type = {
	.name = "l3-out",
	.doc = "Sends by a port with addresses: route, next hop, MTU",
	.flags = SL_NODE_HOLDS | SL_NODE_TRAILS,
	.reasons = reasons,
	.counters = counters,
	.config_size = sizeof(struct sl_port_node_config),
	.instance_size = sizeof(struct l3_out),
	.create = create,
	.destroy = destroy,
	.process = process,
};
