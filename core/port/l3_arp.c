/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP (RFC 826), with announcements and defence as in RFC 5227. Main. */
#include <rte_arp.h>

#include <core/port/l3_state.h>

static const struct rte_ether_addr everyone = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

static struct rte_arp_hdr *header_of(const struct rte_mbuf *m)
{
	return (struct rte_arp_hdr *)sl_l3(m);
}

/* Who speaks to whom: the fields that differ. */
struct arp {
	uint16_t opcode;
	const struct rte_ether_addr *to; /* Ethernet destination */
	uint32_t sender, target;
	const struct rte_ether_addr *target_mac;
};

static void transmit(struct sl_l3_port *l3, const struct arp *arp)
{
	static const struct rte_ether_addr unknown;
	struct rte_mbuf *m = sl_l3_make(l3, RTE_ETHER_MIN_LEN - RTE_ETHER_CRC_LEN);
	struct rte_ether_hdr *ether;
	struct rte_arp_hdr *header;

	if (m == NULL)
		return;
	ether = sl_ether(m);
	ether->dst_addr = *arp->to;
	ether->src_addr = l3->mac;
	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_ARP);
	header = (struct rte_arp_hdr *)(ether + 1);
	header->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
	header->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	header->arp_hlen = RTE_ETHER_ADDR_LEN;
	header->arp_plen = 4;
	header->arp_opcode = rte_cpu_to_be_16(arp->opcode);
	header->arp_data.arp_sha = l3->mac;
	header->arp_data.arp_sip = arp->sender;
	header->arp_data.arp_tha = arp->target_mac != NULL ? *arp->target_mac : unknown;
	header->arp_data.arp_tip = arp->target;
	sl_l3_send(l3, m);
}

void sl_arp_ask(struct sl_l3_port *l3, const struct sl_addr *target,
		const struct rte_ether_addr *unicast)
{
	const struct sl_addr *source = sl_l3_source(l3, target);

	/* Without an address of our own, ask as a prober does (RFC 5227 2.1.1). */
	l3->counters[SL_L3_ARP_ASKED]++;
	transmit(l3, &(struct arp){
			     .opcode = RTE_ARP_OP_REQUEST,
			     .to = unicast != NULL ? unicast : &everyone,
			     .sender = source != NULL ? source->v4 : 0,
			     .target = target->v4,
		     });
}

void sl_arp_announce(struct sl_l3_port *l3, const struct sl_addr *addr)
{
	transmit(l3, &(struct arp){
			     .opcode = RTE_ARP_OP_REQUEST,
			     .to = &everyone,
			     .sender = addr->v4,
			     .target = addr->v4,
		     });
}

static bool valid(const struct rte_mbuf *m, const struct rte_arp_hdr *header)
{
	const struct rte_ether_addr *mac = &header->arp_data.arp_sha;
	uint32_t sender = rte_be_to_cpu_32(header->arp_data.arp_sip);

	if (rte_pktmbuf_data_len(m) < sl_packet(m)->l3 + sizeof(*header))
		return false;
	return header->arp_hardware == RTE_BE16(RTE_ARP_HRD_ETHER) &&
	       header->arp_protocol == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
	       header->arp_hlen == RTE_ETHER_ADDR_LEN && header->arp_plen == 4 &&
	       (header->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST) ||
		header->arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY)) &&
	       rte_is_unicast_ether_addr(mac) && !rte_is_zero_ether_addr(mac) &&
	       (sender == 0 ||
		((sender >> 24) != 0 && (sender >> 24) != 127 && (sender >> 28) < 14));
}

/* RFC 5227 2.4 (b): someone else uses our address; say once in ten seconds that it is ours. */
static void defend(struct sl_l3_port *l3, const struct sl_addr *addr)
{
	struct sl_own *own = sl_l3_own(l3, addr);

	l3->counters[SL_L3_CONFLICTS]++;
	if (own != NULL && l3->now - own->defended > sl_l3_seconds(10)) {
		own->defended = l3->now;
		sl_arp_announce(l3, addr);
	}
}

static void learn(struct sl_l3_port *l3, const struct rte_arp_hdr *header,
		  const struct sl_addr *sender, bool for_us)
{
	bool reply = header->arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY);
	uint32_t i = sl_neighbour_find(l3, sender);

	/* Only who speaks to us may take room in the table (RFC 826), and only from our link. */
	if (i == SL_NO_NEIGHBOUR && for_us && !reply &&
	    sl_route_find(l3, sender)->kind == SL_NEXTHOP_LINK)
		i = sl_neighbour_make(l3, sender);
	if (i != SL_NO_NEIGHBOUR && l3->neighbours[i].state != SL_NEIGHBOUR_FREE)
		sl_neighbour_learn(l3, i, &header->arp_data.arp_sha, reply && for_us);
}

void sl_arp_input(struct sl_l3_port *l3, struct rte_mbuf *m)
{
	const struct rte_arp_hdr *header = header_of(m);
	struct sl_addr sender, target;
	bool for_us;

	if (!valid(m, header)) {
		sl_l3_drop(l3, m, SL_L3_BAD_ARP);
		return;
	}
	sender = sl_l3_addr(SL_FAMILY_IPV4, &header->arp_data.arp_sip);
	target = sl_l3_addr(SL_FAMILY_IPV4, &header->arp_data.arp_tip);
	for_us = sl_l3_answers(l3, &target);
	if (sender.v4 != 0 && sl_l3_answers(l3, &sender)) {
		if (!rte_is_same_ether_addr(&header->arp_data.arp_sha, &l3->mac))
			defend(l3, &sender);
	} else {
		if (sender.v4 != 0)
			learn(l3, header, &sender, for_us);
		if (for_us && header->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST)) {
			l3->counters[SL_L3_ARP_ANSWERED]++;
			transmit(l3, &(struct arp){
					     .opcode = RTE_ARP_OP_REPLY,
					     .to = &header->arp_data.arp_sha,
					     .sender = target.v4,
					     .target = sender.v4,
					     .target_mac = &header->arp_data.arp_sha,
				     });
		}
	}
	l3->joined++;
	rte_pktmbuf_free(m);
}
