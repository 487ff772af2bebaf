/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IP in IP: RFC 2003 (IPv4 in IPv4), RFC 2473 (in IPv6), RFC 4213 (IPv6 in IPv4). The outer header
 * takes the traffic class of the inner one, ECN too (RFC 6040, normal mode).
 */
#include "load_balancer.h"

/* An outer IPv4 header that is never fragmented has no use for an identification (RFC 6864). */
void sl_lb_outer_init(const struct lb *lb, struct lb_backend *backend)
{
	const struct sl_addr *source = &lb->tunnel_source[backend->addr.family == SL_FAMILY_IPV6];

	memset(backend->outer, 0, sizeof(backend->outer));
	if (backend->mode != LB_TUNNEL) {
		backend->outer_length = 0;
	} else if (backend->addr.family == SL_FAMILY_IPV4) {
		struct rte_ipv4_hdr ip = {
			.version_ihl = 0x45,
			.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
			.time_to_live = lb->tunnel_ttl,
			.src_addr = source->v4,
			.dst_addr = backend->addr.v4,
		};

		backend->outer_length = sizeof(ip);
		memcpy(backend->outer, &ip, sizeof(ip));
	} else {
		backend->outer_length = 40;
		backend->outer[0] = 0x60;
		backend->outer[7] = lb->tunnel_ttl;
		memcpy(backend->outer + 8, source->bytes, 16);
		memcpy(backend->outer + 24, backend->addr.bytes, 16);
	}
}

void sl_lb_outer_make(const struct lb_backend *backend, const struct rte_mbuf *m, uint8_t *bytes)
{
	uint8_t proto = sl_packet(m)->family == SL_L3_IPV4 ? IPPROTO_IPIP : IPPROTO_IPV6;
	uint8_t class = sl_ip_tos(m);

	memcpy(bytes, backend->outer, backend->outer_length);
	if (backend->addr.family == SL_FAMILY_IPV4) {
		bytes[1] = class;
		bytes[9] = proto;
	} else {
		bytes[0] = 0x60 | class >> 4;
		bytes[1] = (uint8_t)(class << 4);
		bytes[6] = proto;
	}
}

static void put_length(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Lengths, and what of the header is not the same for all packets. */
static void finish_outer(struct lb_worker *w, const struct lb_backend *backend, uint8_t *outer,
			 uint32_t inner, bool cut)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)outer;

	if (backend->addr.family != SL_FAMILY_IPV4) {
		put_length(outer + 4, inner);
		return;
	}
	put_length(outer + 2, inner + backend->outer_length);
	if (cut) {
		ip->fragment_offset = 0;
		ip->packet_id = rte_cpu_to_be_16(++w->identification);
	}
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

/*
 * Longer than the tunnel takes. What may be fragmented is left to the port, as datagrams are that
 * were put together (RFC 2003 section 3.1, RFC 2473 section 7.2); else its sender must know.
 */
static bool let_cut(const struct lb_worker *w, const struct lb_backend *backend, struct rte_mbuf *m)
{
	struct sl_packet *p = sl_packet(m);
	uint32_t most = w->lb->mtu;

	if ((p->flags & SL_PKT_REASSEMBLED) != 0)
		most = RTE_MIN(most, p->frag_max + (uint32_t)backend->outer_length);
	else if (p->family == SL_L3_IPV6 ||
		 (sl_ipv4(m)->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)) != 0)
		return false;
	p->flags |= SL_PKT_REASSEMBLED;
	p->frag_max = (uint16_t)most;
	return true;
}

uint8_t sl_lb_tunnel(struct lb_worker *w, const struct lb_backend *backend, struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	uint32_t l3 = p->l3, inner = m->pkt_len - l3;
	uint32_t longest = w->lb->mtu - backend->outer_length;
	bool cut = (p->flags & SL_PKT_REASSEMBLED) != 0 || inner > longest;
	uint8_t outer[40], *data;

	if (inner + backend->outer_length > UINT16_MAX)
		return SL_DROP(LB_TOO_BIG);
	if (cut && !let_cut(w, backend, m)) {
		sl_lb_too_big(w, m, longest);
		return SL_DROP(LB_TOO_BIG);
	}
	sl_lb_outer_make(backend, m, outer);
	finish_outer(w, backend, outer, inner, cut);
	data = (uint8_t *)rte_pktmbuf_prepend(m, backend->outer_length);
	if (data == NULL)
		return SL_DROP(LB_NO_HEADROOM);
	memmove(data, data + backend->outer_length, l3);
	memcpy(data + l3, outer, backend->outer_length);
	put_length(data + l3 - 2, backend->addr.family == SL_FAMILY_IPV4 ? RTE_ETHER_TYPE_IPV4
									 : RTE_ETHER_TYPE_IPV6);
	return sl_packet_parse(m) ? SL_ON : SL_DROP(LB_MALFORMED);
}

/* ---- Errors about packets in tunnels (RFC 2003 section 4, RFC 2473 section 8) ---- */

/* The packet inside of the one that the error quotes. */
struct inner {
	uint8_t bytes[1232];
	uint32_t length;
	uint32_t overhead;
	uint8_t family;
};

static bool find_inner(const struct rte_mbuf *m, struct inner *inner)
{
	const struct sl_packet *p = sl_packet(m);
	uint32_t at = p->l4 + 8u, end = p->l3 + sl_ip_length(m), least;
	uint8_t room[40], proto;
	const uint8_t *quoted;

	inner->overhead = p->family == SL_L3_IPV4 ? 20 : 40;
	if (at + inner->overhead >= end || end > m->pkt_len)
		return false;
	quoted = (const uint8_t *)rte_pktmbuf_read(m, at, inner->overhead, room);
	if (quoted == NULL || quoted[0] >> 4 != (p->family == SL_L3_IPV4 ? 4 : 6) ||
	    (p->family == SL_L3_IPV4 && (quoted[0] & 15) != 5))
		return false;
	proto = quoted[p->family == SL_L3_IPV4 ? 9 : 6];
	inner->family = proto == IPPROTO_IPIP ? SL_L3_IPV4 : SL_L3_IPV6;
	if (proto != IPPROTO_IPIP && proto != IPPROTO_IPV6)
		return false;
	/* The address of its sender, and ports enough for the sender to know which it was. */
	least = inner->family == SL_L3_IPV4 ? 28 : 48;
	at += inner->overhead;
	inner->length = RTE_MIN(end - at, inner->family == SL_L3_IPV4 ? 548u : 1232u);
	if (inner->length < least)
		return false;
	quoted = (const uint8_t *)rte_pktmbuf_read(m, at, inner->length, inner->bytes);
	if (quoted == NULL)
		return false;
	if (quoted != inner->bytes)
		memcpy(inner->bytes, quoted, inner->length);
	return inner->bytes[0] >> 4 == (inner->family == SL_L3_IPV4 ? 4 : 6);
}

static uint32_t tunnel_mtu(const struct lb_worker *w, const struct rte_mbuf *m,
			   const struct inner *inner)
{
	uint32_t word, least = inner->family == SL_L3_IPV4 ? 68 : 1280;

	memcpy(&word, (const uint8_t *)sl_l4(m) + 4, sizeof(word));
	word = rte_be_to_cpu_32(word);
	if (sl_packet(m)->family == SL_L3_IPV4)
		word &= 0xffff;
	if (word <= inner->overhead || word > w->lb->mtu) /* it does not say (RFC 1191) */
		word = w->lb->mtu;
	return RTE_MAX(word - inner->overhead, least);
}

uint8_t sl_lb_tunnel_error(struct lb_worker *w, struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const struct rte_icmp_hdr *icmp = sl_icmp(m);
	struct sl_reply_error error = {.onward = true};
	const struct lb_place *place;
	const uint8_t *from;
	struct inner inner;
	bool v4, too_big;

	if (!find_inner(m, &inner))
		return SL_DROP(LB_UNRELATED);
	v4 = inner.family == SL_L3_IPV4;
	from = inner.bytes + (v4 ? 16 : 24);
	error.family = inner.family;
	error.quote = inner.bytes;
	error.length = inner.length;
	place = sl_lb_place(w->plan, inner.family, from);
	if (place == NULL || !place->vip)
		return SL_DROP(LB_UNRELATED);
	too_big = p->family == SL_L3_IPV4 ? icmp->icmp_type == 3 && icmp->icmp_code == 4
					  : icmp->icmp_type == 2;
	if (too_big) {
		error.type = v4 ? 3 : 2;
		error.code = v4 ? 4 : 0;
		error.info = tunnel_mtu(w, m, &inner);
	} else {
		error.type = v4 ? 3 : 1; /* host, or address, unreachable */
		error.code = v4 ? 1 : 3;
	}
	sl_lb_send_error(w, m, &error);
	lb_count(w, LB_ICMP_ERRORS);
	return SL_DROP(LB_TUNNEL_ERROR);
}
