/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbour discovery (RFC 4861): solicitations and advertisements. Routers, prefixes and
 * redirects are configuration's business here, not the link's. Main.
 */
#include <core/port/l3_state.h>

#define ND_SOLICIT   135
#define ND_ADVERTISE 136

#define NA_ROUTER    0x80000000u
#define NA_SOLICITED 0x40000000u
#define NA_OVERRIDE  0x20000000u

#define OPTION_SOURCE_MAC 1
#define OPTION_TARGET_MAC 2

/* A solicitation or an advertisement, and the one option it has from us. */
struct nd_message {
	uint8_t type, code;
	uint16_t checksum;
	uint32_t flags;
	uint8_t target[16];
	uint8_t option, option_length; /* in units of 8 bytes */
	uint8_t mac[RTE_ETHER_ADDR_LEN];
} __attribute__((packed));

#define ND_FIXED offsetof(struct nd_message, option)

static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};

static void group_mac(const uint8_t group[16], struct rte_ether_addr *mac)
{
	mac->addr_bytes[0] = mac->addr_bytes[1] = 0x33;
	memcpy(&mac->addr_bytes[2], &group[12], 4);
}

/* RFC 4291 2.7.1: ff02::1:ff00:0/104 and the last three bytes. */
static void solicited_node(const uint8_t target[16], uint8_t group[16])
{
	static const uint8_t prefix[13] = {0xff, 0x02, [11] = 1, [12] = 0xff};

	memcpy(group, prefix, 13);
	memcpy(&group[13], &target[13], 3);
}

struct nd {
	uint8_t type;
	uint32_t flags;
	const struct rte_ether_addr *to; /* NULL: the group's */
	const uint8_t *source, *destination, *target;
	bool no_option;
};

static void transmit(struct sl_l3_port *l3, const struct nd *nd)
{
	uint16_t length = nd->no_option ? ND_FIXED : sizeof(struct nd_message);
	struct rte_mbuf *m =
		sl_l3_make(l3, sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv6_hdr) + length);
	struct rte_ether_hdr *ether;
	struct rte_ipv6_hdr *ip;
	struct nd_message *message;

	if (m == NULL)
		return;
	ether = sl_ether(m);
	if (nd->to != NULL)
		ether->dst_addr = *nd->to;
	else
		group_mac(nd->destination, &ether->dst_addr);
	ether->src_addr = l3->mac;
	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
	ip = (struct rte_ipv6_hdr *)(ether + 1);
	ip->vtc_flow = RTE_BE32(6u << 28);
	ip->payload_len = rte_cpu_to_be_16(length);
	ip->proto = IPPROTO_ICMPV6;
	ip->hop_limits = 255;
	memcpy(sl_ip6_source(ip), nd->source, 16);
	memcpy(sl_ip6_destination(ip), nd->destination, 16);
	message = (struct nd_message *)(ip + 1);
	message->type = nd->type;
	message->flags = rte_cpu_to_be_32(nd->flags);
	memcpy(message->target, nd->target, 16);
	if (!nd->no_option) {
		message->option = nd->type == ND_SOLICIT ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
		message->option_length = 1;
		memcpy(message->mac, l3->mac.addr_bytes, sizeof(message->mac));
	}
	message->checksum = rte_ipv6_udptcp_cksum(ip, message);
	sl_l3_send(l3, m);
}

void sl_nd_ask(struct sl_l3_port *l3, const struct sl_addr *target,
	       const struct rte_ether_addr *unicast)
{
	const struct sl_addr *source = sl_l3_source(l3, target);
	uint8_t group[16];

	if (source == NULL)
		source = &l3->own6[l3->own6_count - 1].prefix.addr; /* the link-local one */
	l3->counters[SL_L3_ND_ASKED]++;
	solicited_node(target->bytes, group);
	transmit(l3, &(struct nd){
			     .type = ND_SOLICIT,
			     .to = unicast,
			     .source = source->bytes,
			     .destination = unicast != NULL ? target->bytes : group,
			     .target = target->bytes,
		     });
}

/* From the link-local address: a claimed address is not one of the port's. */
void sl_nd_announce(struct sl_l3_port *l3, const struct sl_addr *addr)
{
	transmit(l3, &(struct nd){
			     .type = ND_ADVERTISE,
			     .flags = NA_ROUTER | NA_OVERRIDE,
			     .source = l3->own6[l3->own6_count - 1].prefix.addr.bytes,
			     .destination = all_nodes,
			     .target = addr->bytes,
		     });
}

static bool sum_is_right(const struct rte_ipv6_hdr *ip, const void *message)
{
	uint32_t sum = rte_ipv6_phdr_cksum(ip, 0) +
		       (uint32_t)rte_raw_cksum(message, rte_be_to_cpu_16(ip->payload_len));

	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

/* RFC 4861 7.1.1, 7.1.2. Headers may stand before ND in theory; nobody sends them, and RFC 6980
 * forbids fragments. Finds the option with a MAC; false: invalid. */
static bool valid(const struct rte_mbuf *m, const struct rte_ipv6_hdr *ip,
		  const struct nd_message *message, const struct rte_ether_addr **mac)
{
	const struct sl_packet *p = sl_packet(m);
	uint32_t length = rte_be_to_cpu_16(ip->payload_len);
	uint8_t wanted = message->type == ND_SOLICIT ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
	const uint8_t *option = (const uint8_t *)message + ND_FIXED;

	*mac = NULL;
	if (ip->hop_limits != 255 || p->l4 != p->l3 + sizeof(*ip) || length < ND_FIXED ||
	    rte_pktmbuf_data_len(m) < p->l4 + length || message->code != 0 ||
	    message->target[0] == 0xff || !sum_is_right(ip, message))
		return false;
	for (uint32_t at = ND_FIXED; at < length; at += option[1] * 8u, option += option[1] * 8u) {
		if (at + 8 > length || option[1] == 0 || at + option[1] * 8u > length)
			return false;
		if (option[0] == wanted && option[1] == 1)
			*mac = (const struct rte_ether_addr *)&option[2];
	}
	return *mac == NULL || (rte_is_unicast_ether_addr(*mac) && !rte_is_zero_ether_addr(*mac));
}

static bool unspecified(const uint8_t *address)
{
	static const uint8_t zero[16];

	return memcmp(address, zero, 16) == 0;
}

/* RFC 4861 7.2.3, 7.2.4. */
static bool solicited(struct sl_l3_port *l3, struct rte_mbuf *m, struct rte_ipv6_hdr *ip,
		      const struct nd_message *message, const struct rte_ether_addr *mac)
{
	struct sl_addr source = sl_l3_addr(SL_FAMILY_IPV6, sl_ip6_source(ip));
	struct sl_addr target = sl_l3_addr(SL_FAMILY_IPV6, message->target);
	bool probe = unspecified(source.bytes); /* someone checks whether the address is free */
	uint32_t i;

	if (source.bytes[0] == 0xff ||
	    (probe && (mac != NULL || sl_ip6_destination(ip)[0] != 0xff)))
		return false;
	if (!sl_l3_answers(l3, &target) || sl_l3_answers(l3, &source))
		return true;
	if (!probe && mac != NULL && sl_route_find(l3, &source)->kind == SL_NEXTHOP_LINK) {
		i = sl_neighbour_make(l3, &source);
		if (i != SL_NO_NEIGHBOUR)
			sl_neighbour_learn(l3, i, mac, false);
	}
	l3->counters[SL_L3_ND_ANSWERED]++;
	transmit(l3, &(struct nd){
			     .type = ND_ADVERTISE,
			     .flags = NA_ROUTER | NA_OVERRIDE | (probe ? 0 : NA_SOLICITED),
			     .to = probe         ? NULL
				   : mac != NULL ? mac
						 : &sl_ether(m)->src_addr,
			     .source = target.bytes,
			     .destination = probe ? all_nodes : source.bytes,
			     .target = target.bytes,
		     });
	return true;
}

/* RFC 4861 7.2.5. */
static bool advertised(struct sl_l3_port *l3, struct rte_ipv6_hdr *ip,
		       const struct nd_message *message, const struct rte_ether_addr *mac)
{
	struct sl_addr target = sl_l3_addr(SL_FAMILY_IPV6, message->target);
	uint32_t flags = rte_be_to_cpu_32(message->flags);
	uint32_t i = sl_neighbour_find(l3, &target);
	const struct sl_neighbour *neighbour;

	if (sl_ip6_destination(ip)[0] == 0xff && (flags & NA_SOLICITED) != 0)
		return false;
	if (sl_l3_answers(l3, &target)) {
		l3->counters[SL_L3_CONFLICTS]++;
		return true;
	}
	if (i == SL_NO_NEIGHBOUR)
		return true;
	neighbour = &l3->neighbours[i];
	if (neighbour->state <= SL_NEIGHBOUR_INCOMPLETE) {
		if (mac != NULL && neighbour->state == SL_NEIGHBOUR_INCOMPLETE)
			sl_neighbour_learn(l3, i, mac, (flags & NA_SOLICITED) != 0);
		return true;
	}
	if (mac == NULL || rte_is_same_ether_addr(mac, &neighbour->mac)) {
		struct rte_ether_addr same = neighbour->mac;

		sl_neighbour_learn(l3, i, &same, (flags & NA_SOLICITED) != 0);
	} else if ((flags & NA_OVERRIDE) != 0) {
		sl_neighbour_learn(l3, i, mac, (flags & NA_SOLICITED) != 0);
	}
	return true;
}

void sl_nd_input(struct sl_l3_port *l3, struct rte_mbuf *m)
{
	struct rte_ipv6_hdr *ip = sl_ipv6(m);
	const struct rte_ether_addr *mac;
	const struct nd_message *message = sl_l4(m);
	bool good = valid(m, ip, message, &mac);

	if (good && message->type == ND_SOLICIT)
		good = solicited(l3, m, ip, message, mac);
	else if (good)
		good = advertised(l3, ip, message, mac);
	if (!good) {
		sl_l3_drop(l3, m, SL_L3_BAD_ND);
		return;
	}
	l3->joined++;
	rte_pktmbuf_free(m);
}
