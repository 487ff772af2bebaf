/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The node `l3-in`: what arrives at a port with addresses. It takes what is for us, answers
 * pings, gives ARP and ND to the main thread, counts the hop, and passes the rest on.
 */
#include <errno.h>

#include <rte_prefetch.h>

#include <sluice/trail.h>

#include <core/port/icmp.h>
#include <core/port/reassemble.h>

enum reason {
	NOT_FOR_US = SL_REASSEMBLY_REASONS,
	VLAN,
	NOT_IP,
	MALFORMED,
	GROUP_MAC,
	MARTIAN_SOURCE,
	MARTIAN_DESTINATION,
	SOURCE_ROUTE,
	BROADCAST,
	MULTICAST,
	LINK_LOCAL,
	ND_BAD,
	ND_IGNORED,
	TTL_EXPIRED,
	PUNT_FULL,
};

static const struct sl_name reasons[] = {
	SL_REASSEMBLY_REASON_NAMES,
	{"not-for-us", "Sent to another station's MAC address"},
	{"vlan-on-l3", "Tagged: a port with addresses is untagged"},
	{"not-ip", "Neither ARP, IPv4 nor IPv6"},
	{"malformed", "Its IP header is damaged"},
	{"group-mac", "A unicast address in a broadcast or multicast frame (RFC 1122 3.3.6)"},
	{"martian-source", "From an address that no host on a network has, or from our own"},
	{"martian-destination", "To an address that is never on a network"},
	{"source-route", "It wants to choose its own way (RFC 7126 4.3, RFC 5095)"},
	{"broadcast", "To a broadcast address: directed broadcasts are not forwarded (RFC 2644)"},
	{"multicast", "To a multicast group: groups are not forwarded"},
	{"link-local", "From or to a link-local address that is not ours"},
	{"nd-bad", "Neighbour discovery from beyond the link (RFC 4861 7.1)"},
	{"nd-ignored", "Router discovery or a redirect: the chain file says the routes"},
	{"ttl-expired", "Its time to live ended here"},
	{"punt-full", "The main thread was behind with ARP and ND"},
	{NULL, NULL},
};

enum counter { ECHOED = SL_ICMP_COUNTERS, PUNTED };

static const struct sl_name counters[] = {
	SL_ICMP_COUNTER_NAMES,
	{"echo-replies", "Pings to the port's own addresses answered"},
	{"punted", "ARP and neighbour discovery given to the main thread"},
	{NULL, NULL},
};

/* Of own datagrams that no node before has put together. */
#define OWN_DATAGRAMS 64
#define OWN_FRAGMENTS 1024

struct l3_in {
	struct sl_l3_port *l3;
};

struct l3_in_state {
	struct sl_reassembly *table;
};

static uint8_t punt(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m)
{
	if (!l3->path.punt(l3->path.context, l3->port, m))
		return SL_DROP(PUNT_FULL);
	sl_count(node, PUNTED, 1);
	return SL_HANDED;
}

static uint8_t answer(struct sl_node *node, struct rte_mbuf *m)
{
	sl_count(node, ECHOED, 1);
	sl_icmp_echo(m);
	return SL_BACK;
}

static uint8_t arrived_ipv4(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m,
			    bool own);
static uint8_t arrived_ipv6(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m,
			    bool own);

/* Fragments to our own addresses wait for each other, so that long pings are answered. */
static uint8_t gather(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m)
{
	struct l3_in_state *state = node->state;
	struct rte_mbuf *whole;
	uint8_t edge = sl_reassembly_take(state->table, node, m, &whole);

	if (whole != NULL)
		sl_release(node, whole,
			   sl_packet(whole)->family == SL_L3_IPV4
				   ? arrived_ipv4(node, l3, whole, true)
				   : arrived_ipv6(node, l3, whole, true));
	return edge;
}

/* IPv4 */

static bool own4(const struct sl_l3_port *l3, uint32_t addr)
{
	for (uint32_t i = 0; i < l3->own4_count; i++)
		if (l3->own4[i].prefix.addr.v4 == addr)
			return true;
	return false;
}

static bool directed_broadcast(const struct sl_l3_port *l3, uint32_t addr)
{
	for (uint32_t i = 0; i < l3->own4_count; i++) {
		uint32_t host = rte_cpu_to_be_32(
			(uint32_t)(UINT64_C(0xffffffff) >> l3->own4[i].prefix.length));
		uint32_t net = l3->own4[i].prefix.addr.v4 & ~host;

		if (l3->own4[i].broadcast != 0 && (addr == (net | host) || addr == net))
			return true;
	}
	return false;
}

/* Loose or strict source route among the options (RFC 791 3.1). */
static bool source_routed(const struct rte_ipv4_hdr *ip)
{
	const uint8_t *option = (const uint8_t *)(ip + 1);
	uint32_t length = rte_ipv4_hdr_len(ip) - (uint32_t)sizeof(*ip);

	for (uint32_t at = 0; at < length && option[at] != 0;) {
		if (option[at] == 131 || option[at] == 137)
			return true;
		if (option[at] == 1)
			at++;
		else if (at + 1 >= length || option[at + 1] < 2)
			return false;
		else
			at += option[at + 1];
	}
	return false;
}

/* The hop is counted: what is left of the packet's life. */
static uint8_t arrived_ipv4(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m,
			    bool own)
{
	struct rte_ipv4_hdr *ip = sl_ipv4(m);
	uint32_t sum;

	if (unlikely(own)) {
		if (sl_packet(m)->flags & SL_PKT_FRAGMENT)
			return gather(node, l3, m);
		if (sl_icmp_is_echo(m))
			return answer(node, m);
	}
	if (unlikely(ip->time_to_live <= 1)) {
		sl_icmp_error(node, l3, m, SL_ICMP_TTL, 0);
		return SL_DROP(TTL_EXPIRED);
	}
	ip->time_to_live--;
	/* RFC 1141: the word got smaller by 0x0100, so the sum's complement grows by it. */
	sum = ip->hdr_checksum + (uint32_t)RTE_BE16(0x0100);
	ip->hdr_checksum = (uint16_t)(sum + (sum >= 0xffff));
	return SL_ON;
}

static uint8_t receive_ipv4(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const struct rte_ipv4_hdr *ip = sl_ipv4(m);
	uint8_t source = (uint8_t)(rte_be_to_cpu_32(ip->src_addr) >> 24);
	uint8_t to = (uint8_t)(rte_be_to_cpu_32(ip->dst_addr) >> 24);

	if (unlikely(source >= 224 || source == 127 || source == 0))
		return SL_DROP(MARTIAN_SOURCE);
	if (unlikely(to >= 224)) {
		if (to < 240)
			return SL_DROP(MULTICAST);
		return SL_DROP(ip->dst_addr == UINT32_MAX ? BROADCAST : MARTIAN_DESTINATION);
	}
	if (unlikely(to == 127 || to == 0))
		return SL_DROP(MARTIAN_DESTINATION);
	if (unlikely(own4(l3, ip->src_addr)))
		return SL_DROP(MARTIAN_SOURCE);
	if (unlikely(directed_broadcast(l3, ip->dst_addr)))
		return SL_DROP(BROADCAST);
	if (unlikely(p->flags & SL_PKT_GROUP))
		return SL_DROP(GROUP_MAC);
	if (unlikely(p->flags & SL_PKT_OPTIONS) && source_routed(ip))
		return SL_DROP(SOURCE_ROUTE);
	return arrived_ipv4(node, l3, m, own4(l3, ip->dst_addr));
}

/* IPv6 */

static bool own6(const struct sl_l3_port *l3, const uint8_t *addr)
{
	for (uint32_t i = 0; i < l3->own6_count; i++)
		if (memcmp(l3->own6[i].prefix.addr.bytes, addr, 16) == 0)
			return true;
	return false;
}

static bool is_link_local(const uint8_t *addr)
{
	return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

/* :: and ::1; all of ::/8 but what maps or translates IPv4 is reserved, yet harmless. */
static bool is_reserved(const uint8_t *addr)
{
	static const uint8_t zero[15];

	return memcmp(addr, zero, 15) == 0 && addr[15] <= 1;
}

static uint8_t arrived_ipv6(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m,
			    bool own)
{
	struct rte_ipv6_hdr *ip = sl_ipv6(m);

	if (unlikely(own)) {
		if (sl_packet(m)->flags & SL_PKT_FRAGMENT)
			return gather(node, l3, m);
		if (sl_icmp_is_echo(m))
			return answer(node, m);
	}
	if (unlikely(is_link_local(sl_ip6_source(ip)) || is_link_local(sl_ip6_destination(ip)))) {
		/* RFC 4291 2.5.6: not beyond the link, so to nobody behind us. */
		if (!own)
			sl_icmp_error(node, l3, m, SL_ICMP_SCOPE, 0);
		return SL_DROP(LINK_LOCAL);
	}
	if (unlikely(ip->hop_limits <= 1)) {
		sl_icmp_error(node, l3, m, SL_ICMP_TTL, 0);
		return SL_DROP(TTL_EXPIRED);
	}
	ip->hop_limits--;
	return SL_ON;
}

/* Neighbour, router discovery and redirects (RFC 4861): 133 to 137. SL_ON: it is none. */
static uint8_t discovery(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	uint8_t type = p->l4 != 0 ? sl_icmp(m)->icmp_type : 0;

	if (type < 133 || type > 137)
		return SL_ON;
	if (type != 135 && type != 136)
		return SL_DROP(ND_IGNORED);
	/* RFC 6980: discovery in fragments is ignored. */
	if (sl_ipv6(m)->hop_limits != 255 || (p->flags & (SL_PKT_FRAGMENT | SL_PKT_REASSEMBLED)))
		return SL_DROP(ND_BAD);
	return punt(node, l3, m);
}

/* RFC 5095: a routing header of type 0 with segments left. */
static bool source_routed6(const struct rte_mbuf *m)
{
	const uint8_t *ip = sl_l3(m);
	uint32_t room = rte_pktmbuf_data_len(m) - sl_packet(m)->l3, at = 40;
	uint8_t next = ip[6];

	while (at + 8 <= room &&
	       (next == IPPROTO_HOPOPTS || next == IPPROTO_DSTOPTS || next == IPPROTO_ROUTING)) {
		if (next == IPPROTO_ROUTING && ip[at + 2] == 0 && ip[at + 3] > 0)
			return true;
		next = ip[at];
		at += (ip[at + 1] + 1) * 8u;
	}
	return false;
}

static uint8_t receive_ipv6(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const struct rte_ipv6_hdr *ip = sl_ipv6(m);
	const uint8_t *source = sl_ip6_source(ip), *to = sl_ip6_destination(ip);
	bool own;

	if (unlikely(p->proto == IPPROTO_ICMPV6)) {
		uint8_t edge = discovery(node, l3, m);

		if (edge != SL_ON)
			return edge;
	}
	if (unlikely(source[0] == 0xff || is_reserved(source)))
		return SL_DROP(MARTIAN_SOURCE);
	if (unlikely(to[0] == 0xff))
		return SL_DROP(MULTICAST);
	if (unlikely(is_reserved(to)))
		return SL_DROP(MARTIAN_DESTINATION);
	if (unlikely(own6(l3, source)))
		return SL_DROP(MARTIAN_SOURCE);
	if (unlikely(p->flags & SL_PKT_GROUP))
		return SL_DROP(GROUP_MAC);
	own = own6(l3, to);
	if (unlikely(is_link_local(to) && !own))
		return SL_DROP(LINK_LOCAL);
	if (unlikely(p->flags & SL_PKT_OPTIONS) && source_routed6(m))
		return SL_DROP(SOURCE_ROUTE);
	return arrived_ipv6(node, l3, m, own);
}

static uint8_t receive(struct sl_node *node, struct sl_l3_port *l3, struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);

	if (!(p->flags & SL_PKT_GROUP) &&
	    unlikely(!rte_is_same_ether_addr(&sl_ether(m)->dst_addr, &l3->mac)))
		return SL_DROP(NOT_FOR_US);
	if (unlikely(p->flags & SL_PKT_VLAN))
		return SL_DROP(VLAN);
	if (unlikely(p->flags & SL_PKT_MALFORMED))
		return SL_DROP(MALFORMED);
	switch (p->family) {
	case SL_L3_IPV4:
		return receive_ipv4(node, l3, m);
	case SL_L3_IPV6:
		return receive_ipv6(node, l3, m);
	case SL_L3_ARP:
		return punt(node, l3, m);
	default:
		return SL_DROP(NOT_IP);
	}
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct l3_in *self = node->data;
	struct sl_l3_port *l3 = self->l3;

	for (uint16_t i = 0; i < n; i++) {
		if (i + 4 < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + 4], void *));
		edge[i] = receive(node, l3, pkts[i]);
	}
	/* What is forwarded is so by its addresses; what is for us is never fused. */
	for (uint16_t i = 0; sl_recording(node) && i < n; i++) {
		struct sl_trail *trail = sl_trail(node, pkts[i]);

		if (trail != NULL && edge[i] == SL_ON)
			sl_trail_ttl(trail);
	}
}

static void expired(struct sl_node *node, const struct rte_mbuf *first)
{
	const struct l3_in *self = node->data;

	sl_icmp_error(node, self->l3, first, SL_ICMP_REASSEMBLY, 0);
}

static void wrong(struct sl_node *node, const struct rte_mbuf *m, uint32_t pointer)
{
	const struct l3_in *self = node->data;

	sl_icmp_error(node, self->l3, m, SL_ICMP_PARAMETER, pointer);
}

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	const struct sl_port_node_config *node_config = config;
	struct l3_in *self = sl_instance_data(instance);

	self->l3 = node_config->port->l3;
	if (self->l3 == NULL)
		return sl_fail(errors, EINVAL, "port %s has no addresses", node_config->port->name);
	return 0;
}

static int worker_init(struct sl_node *node, struct sl_errors *errors)
{
	struct l3_in_state *state = node->state;
	struct sl_reassembly_conf conf = {
		.datagrams = OWN_DATAGRAMS,
		.fragments = OWN_FRAGMENTS,
		.expired = expired,
		.wrong = wrong,
	};

	state->table = sl_reassembly_new(node->instance, &conf, errors);
	return state->table != NULL ? 0 : -ENOMEM;
}

static void destroy(struct sl_instance *instance)
{
	for (uint32_t i = 0; i < sl_instance_workers(instance); i++) {
		struct l3_in_state *state = sl_instance_state(instance, i);

		if (state != NULL)
			sl_reassembly_free(state->table);
	}
}

static void tick(struct sl_node *node)
{
	struct l3_in_state *state = node->state;

	sl_reassembly_tick(state->table, node);
}

const struct sl_node_type sl_l3_in_type = {
	.name = "l3-in",
	.doc = "Takes what a port with addresses is sent: ARP, ND, pings, and packets to forward",
	.flags = SL_NODE_HOLDS | SL_NODE_TRAILS,
	.reasons = reasons,
	.counters = counters,
	.config_size = sizeof(struct sl_port_node_config),
	.instance_size = sizeof(struct l3_in),
	.state_size = sizeof(struct l3_in_state),
	.create = create,
	.destroy = destroy,
	.worker_init = worker_init,
	.process = process,
	.tick = tick,
	.tick_ms = 100,
};
