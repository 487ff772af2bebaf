/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The outer header: built once for each peer, then copied before frames in one piece of fixed
 * size; only lengths, checksums, the source port, the VNI and what is inherited are written after.
 */
#include "vxlan.h"

#define IPV4_DF RTE_BE16(0x4000)

static void build_ipv4(const struct vx *vx, uint8_t *at, const uint64_t address[2])
{
	const struct vx_params *p = vx->params;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;

	ip->version_ihl = RTE_IPV4_VHL_DEF;
	/* RFC 6864: the identification of a datagram with DF may be anything. */
	ip->fragment_offset = p->dont_fragment ? IPV4_DF : 0;
	ip->time_to_live = p->inherit_ttl ? 0 : (uint8_t)p->ttl;
	ip->next_proto_id = IPPROTO_UDP;
	memcpy(&ip->src_addr, vx->local, 4);
	memcpy(&ip->dst_addr, address, 4);
}

static void build_ipv6(const struct vx *vx, uint8_t *at, const uint64_t address[2])
{
	const struct vx_params *p = vx->params;
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)at;

	ip->vtc_flow = RTE_BE32(0x60000000);
	ip->proto = IPPROTO_UDP;
	ip->hop_limits = p->inherit_ttl ? 0 : (uint8_t)p->ttl;
	memcpy(at + offsetof(struct rte_ipv6_hdr, src_addr), vx->local, 16);
	memcpy(at + offsetof(struct rte_ipv6_hdr, dst_addr), address, 16);
}

static uint8_t *build_ethernet(const struct vx *vx, uint8_t *at)
{
	const struct vx_link_params *link = &vx->params->underlay;
	uint16_t type = vx->ipv4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4) : RTE_BE16(RTE_ETHER_TYPE_IPV6);
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)at;
	struct rte_vlan_hdr *vlan = (struct rte_vlan_hdr *)(ether + 1);

	ether->dst_addr = link->destination;
	ether->src_addr = link->source;
	ether->ether_type = type;
	if (link->vlan != 0) {
		ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_VLAN);
		vlan->vlan_tci = rte_cpu_to_be_16((uint16_t)link->vlan);
		vlan->eth_proto = type;
	}
	return at + vx->l3;
}

void sl_vx_header_build(const struct vx *vx, struct vx_peer *peer, const uint64_t address[2])
{
	uint8_t *start = peer->header + VX_HEADER_ROOM - vx->header_length, *l3, *l4;
	struct vx_header *header;
	struct rte_udp_hdr *udp;

	l3 = build_ethernet(vx, start);
	l4 = start + vx->l4;
	if (vx->ipv4) {
		build_ipv4(vx, l3, address);
		peer->sum = rte_raw_cksum(l3, sizeof(struct rte_ipv4_hdr));
	} else {
		build_ipv6(vx, l3, address);
	}
	udp = (struct rte_udp_hdr *)l4;
	udp->dst_port = rte_cpu_to_be_16(vx->port);
	header = (struct vx_header *)(udp + 1);
	header->flags = VX_FLAG_VNI | (vx->params->gpe ? VX_FLAG_NEXT : 0);
}

/*
 * Give the first segment headroom: its data move towards its end; what has no place there goes to
 * a segment of its own behind it. The mbuf stays the head of its packet, as the graph knows it.
 */
static bool make_headroom(struct vx_worker *w, struct rte_mbuf *m, uint16_t length)
{
	uint16_t more = length - rte_pktmbuf_headroom(m), out = 0;
	struct rte_mbuf *segment;

	if (rte_pktmbuf_tailroom(m) < more) {
		out = more - rte_pktmbuf_tailroom(m);
		if (out > m->data_len)
			return false; /* a buffer smaller than the header */
		segment = sl_make(w->node, out);
		if (segment == NULL)
			return false;
		m->data_len -= out;
		memcpy(rte_pktmbuf_mtod(segment, void *),
		       rte_pktmbuf_mtod_offset(m, void *, m->data_len), out);
		segment->next = m->next;
		m->next = segment;
		m->nb_segs++;
		segment->pkt_len = out;
	}
	memmove(rte_pktmbuf_mtod_offset(m, void *, more), rte_pktmbuf_mtod(m, void *), m->data_len);
	m->data_off += more;
	return true;
}

uint32_t sl_vx_pseudo_sum(const uint8_t *addresses, uint32_t size, uint16_t length)
{
	return rte_raw_cksum(addresses, 2 * (size_t)size) + rte_cpu_to_be_16(length) +
	       RTE_BE16(IPPROTO_UDP);
}

static void sum_udp(const struct vx *vx, struct rte_mbuf *m, uint16_t length)
{
	uint16_t at = vx->ipv4 ? offsetof(struct rte_ipv4_hdr, src_addr)
			       : offsetof(struct rte_ipv6_hdr, src_addr);
	const uint8_t *addresses = rte_pktmbuf_mtod_offset(m, const uint8_t *, vx->l3 + at);
	struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, vx->l4);
	uint16_t sum = sl_checksum_sum(m, vx->l4, length), checksum;

	checksum = (uint16_t)~sl_checksum_fold(
		(uint64_t)sum + sl_vx_pseudo_sum(addresses, vx->address_size, length));
	udp->dgram_cksum = checksum != 0 ? checksum : 0xffff; /* RFC 768 */
}

static void finish_ipv4(struct vx_worker *w, uint8_t *l3, const struct vx_peer *peer,
			const struct vx_outer *outer, uint16_t length)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;
	uint64_t sum = peer->sum;

	ip->type_of_service = outer->tos;
	ip->total_length = rte_cpu_to_be_16(length);
	sum += rte_cpu_to_be_16(outer->tos) + (uint32_t)ip->total_length;
	if (unlikely(ip->fragment_offset == 0)) {
		ip->packet_id = rte_cpu_to_be_16(w->ip_id);
		w->ip_id = (uint16_t)(w->ip_id + 1);
		sum += ip->packet_id;
	}
	if (w->vx->params->inherit_ttl) {
		ip->time_to_live = outer->ttl;
		sum += rte_cpu_to_be_16((uint16_t)(outer->ttl << 8));
	}
	ip->hdr_checksum = (uint16_t)~sl_checksum_fold(sum);
}

static void finish_ipv6(struct vx_worker *w, uint8_t *l3, const struct vx_outer *outer,
			uint16_t length)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)l3;

	ip->vtc_flow = rte_cpu_to_be_32(UINT32_C(0x60000000) | (uint32_t)outer->tos << 20);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(length - sizeof(*ip)));
	if (w->vx->params->inherit_ttl)
		ip->hop_limits = outer->ttl;
}

/* It is another packet now, also for who goes by its hash. The parser needs no more than the first
 * segment: that cannot fail. */
static void know_anew(struct rte_mbuf *m)
{
	struct sl_packet *p = sl_packet(m);

	p->flags &= (uint16_t)~SL_PKT_REASSEMBLED;
	p->frag_max = 0;
	/* What the device said was of the inner packet. */
	m->ol_flags &= ~(uint64_t)(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	sl_packet_parse(m);
}

/* Copies of fixed size that reach back beyond the header, into headroom. */
#define COPY_IPV4 64
#define COPY_IPV6 80

static_assert(sizeof(struct rte_ether_hdr) + 4 + 20 + 8 + 8 <= COPY_IPV4, "IPv4 fits");
static_assert(sizeof(struct rte_ether_hdr) + 4 + 40 + 8 + 8 <= COPY_IPV6, "IPv6 fits");

static inline void copy(const struct vx *vx, uint8_t *frame, const struct vx_peer *peer,
			uint16_t headroom)
{
	const uint8_t *end = peer->header + VX_HEADER_ROOM;

	if (unlikely(headroom < COPY_IPV6))
		memcpy(frame - vx->header_length, end - vx->header_length, vx->header_length);
	else if (vx->ipv4)
		memcpy(frame - COPY_IPV4, end - COPY_IPV4, COPY_IPV4);
	else
		memcpy(frame - COPY_IPV6, end - COPY_IPV6, COPY_IPV6);
}

bool sl_vx_header_push(struct vx_worker *w, struct rte_mbuf *m, const struct vx_peer *peer,
		       const struct vx_outer *outer)
{
	const struct vx *vx = w->vx;
	struct vx_header *header;
	struct rte_udp_hdr *udp;
	uint16_t length;
	uint32_t vni;
	uint8_t *at;

	if (unlikely(rte_pktmbuf_headroom(m) < vx->header_length) &&
	    !make_headroom(w, m, vx->header_length))
		return false;
	copy(vx, rte_pktmbuf_mtod(m, uint8_t *), peer, rte_pktmbuf_headroom(m));
	at = (uint8_t *)rte_pktmbuf_prepend(m, vx->header_length);
	length = (uint16_t)(m->pkt_len - vx->l3);
	if (vx->ipv4)
		finish_ipv4(w, at + vx->l3, peer, outer, length);
	else
		finish_ipv6(w, at + vx->l3, outer, length);
	udp = (struct rte_udp_hdr *)(at + vx->l4);
	udp->src_port = rte_cpu_to_be_16(outer->source_port);
	length = (uint16_t)(m->pkt_len - vx->l4);
	udp->dgram_len = rte_cpu_to_be_16(length);
	header = (struct vx_header *)(udp + 1);
	header->flags |= outer->flags;
	header->next = outer->next;
	vni = rte_cpu_to_be_32(outer->vni << 8);
	memcpy((uint8_t *)header + offsetof(struct vx_header, vni), &vni, sizeof(vni));
	if (vx->checksum)
		sum_udp(vx, m, length);
	know_anew(m);
	return true;
}
