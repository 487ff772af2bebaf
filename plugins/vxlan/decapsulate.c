/* SPDX-License-Identifier: BSD-3-Clause */
/* What comes from outside: out of its tunnel, when it is VXLAN for us. */
#include "vxlan.h"

static bool is_to_us(const struct vx *vx, const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const uint8_t *l3 = (const uint8_t *)sl_l3(m);

	if (p->family != (vx->ipv4 ? SL_L3_IPV4 : SL_L3_IPV6) || (p->flags & SL_PKT_MALFORMED))
		return false;
	return vx->ipv4 ? memcmp(l3 + offsetof(struct rte_ipv4_hdr, dst_addr), vx->local, 4) == 0
			: memcmp(l3 + offsetof(struct rte_ipv6_hdr, dst_addr), vx->local, 16) == 0;
}

bool sl_vx_is_ours(const struct vx *vx, const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);

	return p->proto == IPPROTO_UDP && p->l4 != 0 && is_to_us(vx, m) &&
	       sl_udp(m)->dst_port == rte_cpu_to_be_16(vx->port);
}

/* An ICMP error about a packet of ours (RFC 792, RFC 4443). */
static bool is_error_about_us(const struct vx *vx, const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	uint8_t room[sizeof(struct rte_ipv6_hdr)], port_room[4], type;
	const uint8_t *quote, *ports;
	uint32_t length = sizeof(struct rte_ipv6_hdr);

	if (p->l4 == 0 || !is_to_us(vx, m) ||
	    p->proto != (vx->ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return false;
	type = sl_icmp(m)->icmp_type;
	if (vx->ipv4 ? type != 3 && type != 4 && type != 11 && type != 12 : type == 0 || type > 4)
		return false;
	quote = (const uint8_t *)rte_pktmbuf_read(m, p->l4 + 8u, vx->ipv4 ? 20 : 40, room);
	if (quote == NULL || quote[vx->ipv4 ? 9 : 6] != IPPROTO_UDP ||
	    memcmp(quote + (vx->ipv4 ? 12 : 8), vx->local, vx->address_size) != 0)
		return false;
	if (vx->ipv4)
		length = (quote[0] & 15) * 4u;
	ports = (const uint8_t *)rte_pktmbuf_read(m, p->l4 + 8u + length, 4, port_room);
	return ports != NULL && (ports[2] << 8 | ports[3]) == vx->port;
}

/* What is not VXLAN for us. Returns an edge. */
static uint8_t other(struct vx_worker *w, const struct rte_mbuf *m)
{
	if (is_error_about_us(w->vx, m))
		return SL_DROP(VX_UNDERLAY_ERROR);
	if (w->vx->params->others == VX_DROP_OTHERS)
		return SL_DROP(VX_NOT_OURS);
	sl_count(w->node, VX_PASSED, 1);
	return SL_ON;
}

static bool checksum_is_right(const struct vx *vx, const struct rte_mbuf *m, uint16_t length)
{
	const struct sl_packet *p = sl_packet(m);
	const uint8_t *addresses =
		(const uint8_t *)sl_l3(m) + (vx->ipv4 ? offsetof(struct rte_ipv4_hdr, src_addr)
						      : offsetof(struct rte_ipv6_hdr, src_addr));
	uint64_t sum;

	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	sum = sl_checksum_sum(m, p->l4, length);
	return sl_checksum_fold(sum + sl_vx_pseudo_sum(addresses, vx->address_size, length)) ==
	       0xffff;
}

/* Read and check IP, UDP and their lengths. Returns a reason, or VX_REASON_COUNT. */
static inline enum vx_reason read_outer(const struct vx *vx, const struct rte_mbuf *m,
					struct vx_received *outer)
{
	const struct sl_packet *p = sl_packet(m);
	const struct rte_udp_hdr *udp = sl_udp(m);
	const uint8_t *l3 = (const uint8_t *)sl_l3(m);
	uint16_t length = rte_be_to_cpu_16(udp->dgram_len);
	const struct vx_header *header;
	uint32_t end;

	if (unlikely(p->flags & SL_PKT_FRAGMENT))
		return VX_FRAGMENT;
	outer->source[0] = outer->source[1] = 0;
	if (vx->ipv4) {
		end = p->l3 + rte_be_to_cpu_16(sl_ipv4(m)->total_length);
		outer->tos = sl_ipv4(m)->type_of_service;
		memcpy(outer->source, l3 + offsetof(struct rte_ipv4_hdr, src_addr), 4);
	} else {
		end = p->l3 + 40u + rte_be_to_cpu_16(sl_ipv6(m)->payload_len);
		outer->tos = (uint8_t)(rte_be_to_cpu_32(sl_ipv6(m)->vtc_flow) >> 20);
		memcpy(outer->source, l3 + offsetof(struct rte_ipv6_hdr, src_addr), 16);
	}
	if (unlikely(length < sizeof(*udp) + sizeof(*header) || p->l4 + (uint32_t)length > end))
		return VX_SHORT;
	if (unlikely(udp->dgram_cksum == 0)) {
		if (!vx->ipv4 && !vx->params->zero_checksum)
			return VX_ZERO_CHECKSUM;
	} else if (vx->params->verify && !checksum_is_right(vx, m, length)) {
		return VX_BAD_CHECKSUM;
	}
	header = (const struct vx_header *)rte_pktmbuf_read(m, p->payload, sizeof(*header),
							    &outer->header);
	if (unlikely(header == NULL))
		return VX_SHORT;
	outer->header = *header;
	memcpy(outer->macs, sl_ether(m), sizeof(outer->macs));
	outer->start = p->payload + sizeof(*header);
	outer->end = (uint16_t)(p->l4 + length);
	return VX_REASON_COUNT;
}

/* RFC 7348: all flags but one are reserved and ignored. The GPE draft, section 3. */
static inline enum vx_reason check_flags(const struct vx *vx, const struct vx_header *header)
{
	if (unlikely((header->flags & VX_FLAG_VNI) == 0))
		return VX_BAD_FLAGS;
	if (likely(!vx->params->gpe))
		return VX_REASON_COUNT;
	if ((header->flags & VX_FLAG_VERSION) != 0)
		return VX_BAD_FLAGS;
	if ((header->flags & VX_FLAG_OAM) != 0)
		return VX_OAM;
	if ((header->flags & VX_FLAG_NEXT) != 0 &&
	    (header->next < VX_NEXT_IPV4 || header->next > VX_NEXT_ETHERNET))
		return VX_UNSUPPORTED_PROTOCOL;
	return VX_REASON_COUNT;
}

static bool is_peer_of(struct vx_worker *w, const struct vx_tunnel *tunnel,
		       const uint64_t address[2])
{
	uint32_t slot = sl_vx_peer_find(w, address);

	for (uint16_t i = 0; i < tunnel->peer_count; i++)
		if (tunnel->peers[i] == slot)
			return true;
	return false;
}

/* Returns a reason, or VX_REASON_COUNT and the packet is a frame of the tunnel. */
static inline enum vx_reason decapsulate(struct vx_worker *w, struct rte_mbuf *m,
					 struct vx_received *outer, uint16_t *tunnel)
{
	const struct vx *vx = w->vx;
	enum vx_reason reason = read_outer(vx, m, outer);
	const uint8_t *vni = outer->header.vni;

	if (likely(reason == VX_REASON_COUNT))
		reason = check_flags(vx, &outer->header);
	if (unlikely(reason != VX_REASON_COUNT))
		return reason;
	*tunnel = sl_vx_find_vni(vx, (uint32_t)vni[0] << 16 | (uint32_t)vni[1] << 8 | vni[2]);
	if (unlikely(*tunnel == VX_NONE))
		return VX_UNKNOWN_VNI;
	if (vx->params->accept == VX_PEERS && !is_peer_of(w, &vx->tunnels[*tunnel], outer->source))
		return VX_UNKNOWN_PEER;
	reason = sl_vx_unwrap(w, m, outer, &vx->tunnels[*tunnel]);
	if (likely(reason == VX_REASON_COUNT))
		sl_packet(m)->mark = vx->tunnels[*tunnel].vni;
	return reason;
}

/* Learn from the frames that came out, and count them. */
static void note(struct vx_worker *w, uint16_t n)
{
	struct vx_lookup *l = w->lookup;
	bool learns = w->vx->stations && w->vx->params->learn;

	if (learns) {
		for (uint16_t i = 0; i < n; i++)
			l->hashes[i] = sl_index_hash(&l->keys[i], sizeof(l->keys[i]));
		sl_index_find_bulk(w->mac_index, l->keys, l->hashes, l->slots, n);
	}
	for (uint16_t i = 0; i < n; i++) {
		struct vx_tally *tally = &w->tallies[l->tunnels[i]];
		uint32_t peer;

		if (learns)
			sl_vx_heard(w, l->keys[i], l->hashes[i], l->slots[i], l->addresses[i]);
		sl_tally(&tally->received_packets, 1);
		sl_tally(&tally->received_bytes, l->lengths[i]);
		peer = sl_vx_peer_find(w, l->addresses[i]);
		if (peer == SL_NO_SLOT)
			continue;
		w->last_peer = peer;
		sl_tally(&w->peers[peer].tally.received_packets, 1);
		sl_tally(&w->peers[peer].tally.received_bytes, l->lengths[i]);
	}
	sl_count(w->node, VX_DECAPSULATED, n);
}

void sl_vx_decapsulate(struct vx_worker *w, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct vx *vx = w->vx;
	struct vx_lookup *l = w->lookup;
	uint16_t out = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct vx_received outer;
		enum vx_reason reason;
		uint16_t tunnel;
		uint8_t way;

		if (unlikely(!sl_vx_is_ours(vx, pkts[i]))) {
			edge[i] = other(w, pkts[i]);
			continue;
		}
		reason = decapsulate(w, pkts[i], &outer, &tunnel);
		if (unlikely(reason != VX_REASON_COUNT)) {
			edge[i] = SL_DROP(reason);
			continue;
		}
		way = vx->tunnels[tunnel].edge;
		edge[i] = way == w->node->own_path ? SL_ON : way;
		l->keys[out] = vx_mac_key(&sl_ether(pkts[i])->src_addr, tunnel);
		l->addresses[out][0] = outer.source[0];
		l->addresses[out][1] = outer.source[1];
		l->tunnels[out] = tunnel;
		l->lengths[out++] = pkts[i]->pkt_len;
	}
	note(w, out);
}
