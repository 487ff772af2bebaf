/* SPDX-License-Identifier: BSD-3-Clause */
/* What comes from inside: into a tunnel, to the peer that has the station, or to all of them. */
#include "vxlan.h"

/* What was decided about a frame. */
struct decision {
	const struct vx_tunnel *tunnel;
	uint32_t peer;    /* slot; SL_NO_SLOT: flooded */
	uint32_t mac;     /* slot of the station; SL_NO_SLOT: none decided it */
	uint32_t length;  /* as it came */
	uint16_t removed; /* bytes of VLAN tags, or of Ethernet, that are taken out */
	bool certain;     /* later packets of the flow go the same way, until the station moves */
};

/* Which tunnel takes it: by path and VLAN tag. */
static inline uint16_t choose_tunnel(const struct vx *vx, uint8_t path, const struct sl_packet *p)
{
	if (unlikely(p->flags & SL_PKT_VLAN)) {
		uint16_t id = p->vlan & 0xfff, tunnel;

		for (unsigned int i = 0; i < 2; i++) {
			const uint16_t *by_vlan = vx->by_vlan[i == 0 ? path : SL_ON];

			tunnel = by_vlan != NULL ? by_vlan[id] : VX_NONE;
			if (tunnel != VX_NONE)
				return tunnel;
		}
	}
	return vx->by_path[path] != VX_NONE ? vx->by_path[path] : vx->by_path[SL_ON];
}

/* Tags that do not go into the tunnel. */
static inline uint16_t removed_tags(const struct vx *vx, const struct vx_tunnel *tunnel,
				    const struct sl_packet *p)
{
	if (likely(!(p->flags & SL_PKT_VLAN)))
		return 0;
	if (vx->params->tags == VX_STRIP)
		return p->l3 - sizeof(struct rte_ether_hdr);
	return tunnel->vlan != 0 && (p->vlan & 0xfff) == tunnel->vlan ? sizeof(struct rte_vlan_hdr)
								      : 0;
}

/* RFC 7348, section 4: the source port spreads flows over equal paths. */
static inline uint16_t source_port(const struct vx *vx, const struct rte_mbuf *m)
{
	uint32_t hash = sl_packet_hash(m) * 0x9e3779b1u;

	return (uint16_t)(vx->first_source + ((uint64_t)hash * vx->source_count >> 32));
}

/* What the outer header takes over from the inner one. RFC 6040, section 4.1. */
static inline void inherit(const struct vx_params *params, const struct rte_mbuf *m,
			   struct vx_outer *outer)
{
	const struct sl_packet *p = sl_packet(m);
	uint8_t tos = 0, ttl;

	outer->tos = (uint8_t)(params->dscp << 2);
	outer->ttl = (uint8_t)params->ttl;
	if (unlikely(p->flags & SL_PKT_MALFORMED))
		return;
	if (likely(p->family == SL_L3_IPV4)) {
		tos = sl_ipv4(m)->type_of_service;
		ttl = sl_ipv4(m)->time_to_live;
	} else if (p->family == SL_L3_IPV6) {
		tos = (uint8_t)(rte_be_to_cpu_32(sl_ipv6(m)->vtc_flow) >> 20);
		ttl = sl_ipv6(m)->hop_limits;
	} else {
		return;
	}
	if (params->inherit_dscp)
		outer->tos = tos & 0xfc;
	if (params->ecn)
		outer->tos |= tos & 3;
	if (params->inherit_ttl)
		outer->ttl = ttl;
}

/* Take out bytes behind the MAC addresses, or, where IP packets are sent, the Ethernet header. */
static void remove_bytes(const struct vx *vx, struct rte_mbuf *m, uint16_t removed)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

	if (vx->params->payload == VX_ETHERNET)
		memmove(data + removed, data, 2 * sizeof(struct rte_ether_addr));
	rte_pktmbuf_adj(m, removed);
}

/* The trail's view of an encapsulation: the header as it now stands, and what of it is made anew
 * for every packet. */
static void say(struct vx_worker *w, struct sl_trail *trail, const struct rte_mbuf *m,
		const struct decision *d)
{
	const struct vx *vx = w->vx;
	const struct vx_params *p = vx->params;
	struct vx_peer *peer = &w->peers[d->peer];
	struct vx_tally *tally = &w->tallies[d->tunnel - vx->tunnels];
	uint16_t ip_length = vx->l3 + (vx->ipv4 ? offsetof(struct rte_ipv4_hdr, total_length)
						: offsetof(struct rte_ipv6_hdr, payload_len));
	const struct sl_push push = {
		.at = SL_PUSH_FRAME,
		.bytes = rte_pktmbuf_mtod(m, const uint8_t *),
		.length = vx->header_length,
		.l3 = vx->l3,
		.l4 = vx->l4,
		.length_at = {ip_length,
			      (uint16_t)(vx->l4 + offsetof(struct rte_udp_hdr, dgram_len))},
		.length_less = {vx->ipv4 ? vx->l3 : vx->l4, vx->l4},
		.checksum_at =
			vx->ipv4 ? (uint16_t)(vx->l3 + offsetof(struct rte_ipv4_hdr, hdr_checksum))
				 : SL_PUSH_NONE,
		.entropy_at = vx->l4,
	};

	/* These differ between the packets of a flow. */
	if (!d->certain || vx->checksum || p->inherit_ttl || p->payload == VX_IP ||
	    (vx->ipv4 && !p->dont_fragment) ||
	    m->data_len < vx->header_length + sizeof(struct rte_ether_hdr)) {
		sl_trail_refuse(trail);
		return;
	}
	sl_trail_limit(trail, (uint32_t)p->mtu - vx->overhead + d->removed);
	sl_trail_count(trail, &tally->sent_packets, &tally->sent_bytes);
	sl_trail_count(trail, &peer->tally.sent_packets, &peer->tally.sent_bytes);
	sl_trail_count(trail, &w->node->counters[VX_ENCAPSULATED], NULL);
	if (d->removed != 0)
		sl_trail_pop(
			trail, SL_PUSH_SHIM, d->removed,
			rte_pktmbuf_mtod_offset(m, const struct rte_ether_hdr *, vx->header_length)
				->ether_type);
	sl_trail_push(trail, &push);
	if (d->mac != SL_NO_SLOT)
		sl_trail_session(trail, &w->macs[d->mac].anchor, d->mac);
}

static inline void tally_sent(struct vx_worker *w, const struct decision *d, uint32_t peer)
{
	struct vx_tally *of_tunnel = &w->tallies[d->tunnel - w->vx->tunnels];
	struct vx_tally *of_peer = &w->peers[peer].tally;

	sl_tally(&of_tunnel->sent_packets, 1);
	sl_tally(&of_tunnel->sent_bytes, d->length);
	sl_tally(&of_peer->sent_packets, 1);
	sl_tally(&of_peer->sent_bytes, d->length);
}

/* Copies for all peers but the first, which gets the packet itself. */
static void replicate(struct vx_worker *w, const struct rte_mbuf *m, const struct decision *d,
		      const struct vx_outer *outer)
{
	for (uint16_t i = 1; i < d->tunnel->peer_count; i++) {
		uint16_t peer = d->tunnel->peers[i];
		struct rte_mbuf *copy = sl_copy(w->node, m);

		if (copy == NULL) {
			sl_count(w->node, VX_COPIES_LOST, d->tunnel->peer_count - i);
			return;
		}
		sl_packet(copy)->flags &= (uint16_t)~SL_PKT_TRAIL;
		if (!sl_vx_header_push(w, copy, &w->peers[peer], outer)) {
			sl_emit(w->node, copy, SL_DROP(VX_NO_MEMORY));
			continue;
		}
		tally_sent(w, d, peer);
		sl_count(w->node, VX_COPIES, 1);
		sl_emit(w->node, copy, SL_ON);
	}
}

/* Returns an edge. */
static inline uint8_t send_off(struct vx_worker *w, struct rte_mbuf *m, struct decision *d)
{
	const struct vx *vx = w->vx;
	bool flood = d->peer == SL_NO_SLOT;
	struct vx_outer outer = {.vni = d->tunnel->vni, .source_port = source_port(vx, m)};
	uint8_t family = sl_packet(m)->family;

	inherit(vx->params, m, &outer);
	if (unlikely(vx->params->gpe)) {
		outer.next = vx->params->payload == VX_ETHERNET ? VX_NEXT_ETHERNET
			     : family == SL_L3_IPV4             ? VX_NEXT_IPV4
								: VX_NEXT_IPV6;
		if (flood && d->tunnel->peer_count > 1)
			outer.flags = VX_FLAG_BUM;
	}
	if (unlikely(d->removed != 0))
		remove_bytes(vx, m, d->removed);
	if (unlikely(flood)) {
		d->peer = d->tunnel->peers[0];
		replicate(w, m, d, &outer);
	}
	if (unlikely(!sl_vx_header_push(w, m, &w->peers[d->peer], &outer)))
		return SL_DROP(VX_NO_MEMORY);
	tally_sent(w, d, d->peer);
	return SL_ON;
}

/* Where a frame goes whose station is known by `slot`, or by none. Returns a reason, or
 * VX_REASON_COUNT. */
static inline enum vx_reason decide(const struct vx_worker *w, const struct rte_mbuf *m,
				    uint32_t slot, struct decision *d)
{
	const struct vx *vx = w->vx;
	bool group = (sl_packet(m)->flags & SL_PKT_GROUP) != 0;

	d->mac = slot;
	if (likely(slot != SL_NO_SLOT)) {
		d->peer = w->macs[slot].peer;
		d->certain = true;
		return VX_REASON_COUNT;
	}
	if (d->tunnel->peer_count == 0)
		return group || vx->params->unknown == VX_FLOOD ? VX_NO_PEER : VX_UNKNOWN_STATION;
	if (!group && vx->stations && vx->params->unknown == VX_DROP_UNKNOWN)
		return VX_UNKNOWN_STATION;
	d->peer = SL_NO_SLOT;
	/* Where a station may yet be learned, the next packet may go elsewhere. */
	d->certain = d->tunnel->peer_count == 1 && (group || !vx->stations);
	return VX_REASON_COUNT;
}

/* One frame. Returns an edge. */
static uint8_t encapsulate(struct vx_worker *w, struct rte_mbuf *m, uint16_t tunnel, uint32_t slot)
{
	const struct vx *vx = w->vx;
	const struct sl_packet *p = sl_packet(m);
	struct decision d = {.tunnel = &vx->tunnels[tunnel], .length = m->pkt_len};
	struct sl_trail *trail = sl_trail(w->node, m);
	enum vx_reason reason;
	uint32_t room;
	uint8_t edge;

	d.removed = removed_tags(vx, d.tunnel, p);
	if (unlikely(vx->params->payload == VX_IP)) {
		if ((p->family != SL_L3_IPV4 && p->family != SL_L3_IPV6) ||
		    (p->flags & SL_PKT_MALFORMED))
			return SL_DROP(VX_NOT_IP);
		d.removed = p->l3;
	}
	reason = decide(w, m, slot, &d);
	if (unlikely(reason != VX_REASON_COUNT))
		return SL_DROP(reason);
	room = (uint32_t)vx->params->mtu - vx->overhead + d.removed;
	if (unlikely(m->pkt_len > room)) {
		sl_vx_too_big(w, m, room - p->l3);
		return SL_DROP(VX_TOO_BIG);
	}
	edge = send_off(w, m, &d);
	if (unlikely(trail != NULL) && edge == SL_ON)
		say(w, trail, m, &d);
	return edge;
}

static uint8_t no_tunnel(struct vx_worker *w, const struct rte_mbuf *m)
{
	struct sl_trail *trail = sl_trail(w->node, m);

	if (trail != NULL)
		sl_trail_pass(trail); /* all frames of the flow are dropped */
	return SL_DROP(VX_NO_TUNNEL);
}

/* The tunnel of every frame, and the keys of those whose station may be known. */
static void look_up(struct vx_worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct vx_lookup *l = w->lookup;
	uint8_t path = w->node->own_path;

	for (uint16_t i = 0; i < n; i++)
		l->tunnels[i] = choose_tunnel(w->vx, path, sl_packet(pkts[i]));
	if (!w->vx->stations) {
		memset(l->slots, 0xff, n * sizeof(l->slots[0]));
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		l->keys[i] = vx_mac_key(&sl_ether(pkts[i])->dst_addr, l->tunnels[i]);
		l->hashes[i] = sl_index_hash(&l->keys[i], sizeof(l->keys[i]));
	}
	sl_index_find_bulk(w->mac_index, l->keys, l->hashes, l->slots, n);
}

void sl_vx_encapsulate(struct vx_worker *w, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct vx_lookup *l = w->lookup;
	uint16_t sent = 0;

	look_up(w, pkts, n);
	for (uint16_t i = 0; i < n; i++) {
		if (likely(l->tunnels[i] != VX_NONE))
			edge[i] = encapsulate(w, pkts[i], l->tunnels[i], l->slots[i]);
		else
			edge[i] = no_tunnel(w, pkts[i]);
		sent += edge[i] == SL_ON;
	}
	sl_count(w->node, VX_ENCAPSULATED, sent);
}
