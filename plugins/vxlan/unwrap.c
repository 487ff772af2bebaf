/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking the outer headers off, and making a frame for the inside of what is left. */
#include "vxlan.h"

#define ETHER sizeof(struct rte_ether_hdr)

/* Whether it carries IP without Ethernet. */
static inline bool is_bare(const struct vx *vx, const struct vx_header *header)
{
	return vx->params->gpe && (header->flags & VX_FLAG_NEXT) != 0 &&
	       header->next != VX_NEXT_ETHERNET;
}

/* Let the packet end at that length: padding that the underlay added goes. */
static void cut_end(struct rte_mbuf *m, uint32_t length)
{
	struct rte_mbuf *segment = m;

	if (likely(m->pkt_len == length))
		return;
	m->pkt_len = length;
	for (; length > segment->data_len && segment->next != NULL; segment = segment->next)
		length -= segment->data_len;
	segment->data_len = (uint16_t)length;
	while (segment->next != NULL) {
		struct rte_mbuf *rest = segment->next;

		segment->next = rest->next;
		rest->next = NULL;
		m->nb_segs--;
		rte_pktmbuf_free_seg(rest);
	}
}

/* Take bytes off the front, also where they go on in further segments. */
static bool cut_front(struct rte_mbuf *m, uint16_t length)
{
	struct rte_mbuf *segment = m;

	if (likely(length <= m->data_len)) {
		rte_pktmbuf_adj(m, length);
		return true;
	}
	for (const struct rte_mbuf *s = m->next; s != NULL; s = s->next)
		if (rte_mbuf_refcnt_read(s) != 1)
			return false;
	m->pkt_len -= length;
	for (; length > 0 && segment != NULL; segment = segment->next) {
		uint16_t part = RTE_MIN(length, segment->data_len);

		segment->data_off += part;
		segment->data_len -= part;
		length -= part;
	}
	return true;
}

/* An Ethernet header before an IP packet. */
static bool add_ethernet(const struct vx *vx, struct rte_mbuf *m, const struct vx_received *outer)
{
	const struct vx_link_params *link = &vx->params->inside;
	struct rte_ether_hdr *ether;

	if (rte_pktmbuf_headroom(m) < ETHER)
		return false;
	ether = (struct rte_ether_hdr *)rte_pktmbuf_prepend(m, ETHER);
	ether->dst_addr = (link->given & 2) != 0 ? link->destination : outer->macs[0];
	ether->src_addr = (link->given & 1) != 0 ? link->source : outer->macs[1];
	ether->ether_type = outer->header.next == VX_NEXT_IPV4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4)
							       : RTE_BE16(RTE_ETHER_TYPE_IPV6);
	return true;
}

/* The tag by which frames of the tunnel are known inside. */
static bool add_tag(struct rte_mbuf *m, uint16_t vlan)
{
	struct rte_vlan_hdr tag = {.vlan_tci = rte_cpu_to_be_16(vlan)};
	uint8_t *data;

	if (rte_pktmbuf_headroom(m) < sizeof(tag))
		return false;
	data = (uint8_t *)rte_pktmbuf_prepend(m, sizeof(tag));
	memmove(data, data + sizeof(tag), 2 * sizeof(struct rte_ether_addr));
	memcpy(&tag.eth_proto, data + ETHER - 2 + sizeof(tag), sizeof(tag.eth_proto));
	data[12] = RTE_ETHER_TYPE_VLAN >> 8;
	data[13] = RTE_ETHER_TYPE_VLAN & 0xff;
	memcpy(data + ETHER, &tag, sizeof(tag));
	return sl_packet_parse(m);
}

enum { NOT_ECT, ECT_1, ECT_0, CE };

/* RFC 6040, figure 4. false: it is to be dropped. */
static inline bool combine_ecn(struct vx_worker *w, const struct rte_mbuf *m, uint8_t outer)
{
	uint8_t inner;

	outer &= 3;
	if (likely(outer == NOT_ECT || outer == ECT_0) || !sl_is_ip(m))
		return true;
	inner = sl_ip_tos(m);
	if ((inner & 3) == NOT_ECT)
		return outer != CE;
	if (outer == CE && (inner & 3) != CE) {
		sl_ip_set_tos(m, inner | CE);
		sl_count(w->node, VX_CE_MARKED, 1);
	} else if (outer == ECT_1 && (inner & 3) == ECT_0) {
		sl_ip_set_tos(m, (inner & 0xfc) | ECT_1);
	}
	return true;
}

/* Take the outer headers off and make a frame of what is left. */
enum vx_reason sl_vx_unwrap(struct vx_worker *w, struct rte_mbuf *m,
			    const struct vx_received *outer, const struct vx_tunnel *tunnel)
{
	const struct vx *vx = w->vx;
	struct sl_packet *p = sl_packet(m);
	bool bare = is_bare(vx, &outer->header);
	const struct rte_ether_addr *source;

	if (unlikely(outer->end - outer->start < (bare ? 1 : (int)ETHER)))
		return VX_SHORT;
	cut_end(m, outer->end);
	if (unlikely(!cut_front(m, outer->start)) ||
	    (unlikely(bare) && !add_ethernet(vx, m, outer)))
		return VX_NO_MEMORY;
	/* What was known is known of the outer packet. */
	p->flags &= (uint16_t)~SL_PKT_REASSEMBLED;
	p->frag_max = 0;
	m->ol_flags &= ~(uint64_t)(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	if (unlikely(!sl_packet_parse(m)))
		return VX_NO_MEMORY;
	source = &sl_ether(m)->src_addr;
	if (!bare &&
	    unlikely(rte_is_multicast_ether_addr(source) || rte_is_zero_ether_addr(source)))
		return VX_BAD_INNER;
	if (bare && (p->flags & SL_PKT_MALFORMED))
		return VX_BAD_INNER;
	if (unlikely((p->flags & SL_PKT_VLAN) && vx->params->tags == VX_STRIP))
		return VX_INNER_VLAN;
	if (unlikely(!combine_ecn(w, m, outer->tos)))
		return VX_ECN;
	if (tunnel->vlan != 0 && !add_tag(m, tunnel->vlan))
		return VX_NO_MEMORY;
	return VX_REASON_COUNT;
}
