/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors (RFC 5508, section 4): they quote a packet as it was on this side, the receiver
 * knows it as it is on the other. The quoted headers are translated backwards, with their
 * checksums and the one that covers them all. No session is refreshed or ended by them.
 *
 * A quote stops anywhere: everything is measured against the end of the error first.
 */
#include "nat.h"

/* The quoted packet: offsets from the start of the frame. */
struct quote {
	uint32_t ip, l4, end;
	uint8_t proto;
	bool ports; /* ports, or an id, can be read */
};

static const void *read_bytes(const struct rte_mbuf *m, uint32_t at, uint32_t length, void *room)
{
	return rte_pktmbuf_read(m, at, length, room);
}

/* Find the quoted IPv4 header and what stands behind it. Looks only. */
static bool find_quote(const struct rte_mbuf *m, struct quote *q)
{
	const struct sl_packet *p = sl_packet(m);
	struct rte_ipv4_hdr room;
	const struct rte_ipv4_hdr *ip;
	uint32_t length;

	q->ip = p->l4 + (uint32_t)sizeof(struct rte_icmp_hdr);
	q->end = p->l3 + rte_be_to_cpu_16(sl_ipv4(m)->total_length);
	if (q->ip + sizeof(*ip) > q->end)
		return false;
	ip = (const struct rte_ipv4_hdr *)read_bytes(m, q->ip, sizeof(*ip), &room);
	if (ip == NULL || ip->version_ihl >> 4 != 4)
		return false;
	length = (ip->version_ihl & 15) * 4u;
	if (length < sizeof(*ip) || q->ip + length > q->end)
		return false;
	q->l4 = q->ip + length;
	q->proto = ip->next_proto_id;
	q->ports = (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK)) == 0 &&
		   q->l4 + 8 <= q->end;
	return true;
}

bool sl_nat_error_inner(const struct rte_mbuf *m, union nat_endpoint *src, union nat_endpoint *dst)
{
	struct rte_ipv4_hdr room;
	const struct rte_ipv4_hdr *ip;
	uint8_t l4_room[8];
	const uint8_t *l4;
	struct quote q;

	if (!find_quote(m, &q))
		return false;
	ip = (const struct rte_ipv4_hdr *)read_bytes(m, q.ip, sizeof(*ip), &room);
	*src = nat_endpoint(ip->src_addr, 0, q.proto);
	*dst = nat_endpoint(ip->dst_addr, 0, q.proto);
	if (!q.ports)
		return true;
	l4 = (const uint8_t *)read_bytes(m, q.l4, 8, l4_room);
	if (q.proto == IPPROTO_TCP || q.proto == IPPROTO_UDP) {
		memcpy(&src->port, l4, 2);
		memcpy(&dst->port, l4 + 2, 2);
	} else if (q.proto == IPPROTO_ICMP && nat_icmp_query(l4[0])) {
		memcpy(&src->port, l4 + 4, 2);
		memcpy(&dst->port, l4 + 4, 2);
	}
	return true;
}

static bool sums_to_ones(const struct rte_mbuf *m, uint32_t at, uint32_t length)
{
	return at + length <= m->pkt_len && sl_checksum_sum(m, at, length) == 0xffff;
}

/* RFC 5508 REQ-3: both checksums right, else the error is not believed. Brings what will be
 * written into the first segment. NAT_FINE, or why not. */
static enum nat_reason check_error(struct rte_mbuf *m, struct quote *q)
{
	const struct sl_packet *p = sl_packet(m);
	uint32_t written;

	if (!find_quote(m, q))
		return NAT_MALFORMED;
	if (!sums_to_ones(m, p->l4, q->end - p->l4) || !sums_to_ones(m, q->ip, q->l4 - q->ip))
		return NAT_BAD_CHECKSUM;
	written = RTE_MIN(q->end, q->l4 + (uint32_t)sizeof(struct rte_tcp_hdr));
	if (written > rte_pktmbuf_data_len(m) && rte_pktmbuf_linearize(m) != 0)
		return NAT_MALFORMED;
	return NAT_FINE;
}

/* Bring the quoted transport checksum up to date, if the quote reaches as far. */
static uint32_t change_quoted_checksum(uint8_t *l4, const struct quote *q, uint32_t delta)
{
	uint32_t at;
	uint16_t checksum;

	if (q->proto == IPPROTO_TCP)
		at = offsetof(struct rte_tcp_hdr, cksum);
	else if (q->proto == IPPROTO_UDP)
		at = offsetof(struct rte_udp_hdr, dgram_cksum);
	else if (q->proto == IPPROTO_ICMP)
		at = offsetof(struct rte_icmp_hdr, icmp_cksum);
	else
		return 0;
	if (q->l4 + at + sizeof(checksum) > q->end)
		return 0;
	memcpy(&checksum, l4 + at, sizeof(checksum));
	return nat_put16(l4 + at, q->proto == IPPROTO_UDP ? sl_checksum_apply_udp(checksum, delta)
							  : sl_checksum_apply(checksum, delta));
}

/* Ports, or the id of a query, that are there to be changed. */
static bool quotes_port(const struct quote *q, const uint8_t *l4)
{
	if (!q->ports)
		return false;
	return q->proto == IPPROTO_TCP || q->proto == IPPROTO_UDP ||
	       (q->proto == IPPROTO_ICMP && nat_icmp_query(l4[0]));
}

void sl_nat_error_write(struct rte_mbuf *m, bool source, union nat_endpoint endpoint,
			uint32_t outer)
{
	struct rte_ipv4_hdr *ip = sl_ipv4(m), *quoted;
	struct rte_icmp_hdr *icmp = sl_icmp(m);
	uint32_t delta, all, address;
	struct quote q = {0};
	uint8_t *l4;

	find_quote(m, &q);
	quoted = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, q.ip);
	l4 = rte_pktmbuf_mtod_offset(m, uint8_t *, q.l4);

	address = sl_checksum_delta32(source ? quoted->src_addr : quoted->dst_addr, endpoint.addr);
	if (source)
		quoted->src_addr = endpoint.addr;
	else
		quoted->dst_addr = endpoint.addr;
	all = address;
	all += nat_put16(&quoted->hdr_checksum, sl_checksum_apply(quoted->hdr_checksum, address));

	delta = q.proto == IPPROTO_ICMP ? 0 : address;
	if (endpoint.port != 0 && quotes_port(&q, l4)) {
		uint32_t at = q.proto == IPPROTO_ICMP ? 4 : source ? 0 : 2;
		uint32_t port = nat_put16(l4 + at, endpoint.port);

		delta += port;
		all += port;
	}
	if (q.ports)
		all += change_quoted_checksum(l4, &q, delta);
	icmp->icmp_cksum = sl_checksum_apply(icmp->icmp_cksum, all);

	delta = sl_checksum_delta32(source ? ip->dst_addr : ip->src_addr, outer);
	ip->hdr_checksum = sl_checksum_apply(ip->hdr_checksum, delta);
	if (source)
		ip->dst_addr = outer;
	else
		ip->src_addr = outer;
	sl_packet_parse(m);
}

/* The flow that the quoted packet was translated by went the other way: its twin says how it
 * looked before. Without a session the mapping alone will do (RFC 5508 REQ-4). */
static bool find_inner_outbound(const struct nat_worker *w, union nat_endpoint remote,
				union nat_endpoint inside, union nat_endpoint *outside)
{
	const struct nat_range *pair = sl_nat_range_find(&w->layout->pair_inside, inside.addr);
	struct nat_key key = {
		inside.addr, remote.addr, inside.port, remote.port, inside.proto, SL_INSIDE, 0};
	uint32_t slot;

	if (pair != NULL) {
		*outside = nat_endpoint(nat_pair_other(pair, inside.addr), 0, inside.proto);
		return true;
	}
	if (inside.proto == IPPROTO_ICMP)
		key.dport = 0;
	slot = nat_flow_find(w, &key);
	if (slot != SL_NO_SLOT) {
		*outside = nat_endpoint(w->flows[slot].src, w->flows[slot].sport, inside.proto);
		return true;
	}
	slot = sl_nat_mapping_by_inside(w, inside);
	if (slot != SL_NO_SLOT)
		*outside = w->mappings[slot].outside;
	return slot != SL_NO_SLOT;
}

static bool find_inner_inbound(const struct nat_worker *w, union nat_endpoint outside,
			       union nat_endpoint remote, union nat_endpoint *inside)
{
	const struct nat_range *pair = sl_nat_range_find(&w->layout->pair_outside, outside.addr);
	struct nat_key key = {
		remote.addr, outside.addr, remote.port, outside.port, outside.proto, SL_OUTSIDE, 0};
	uint32_t slot;

	if (pair != NULL) {
		*inside = nat_endpoint(nat_pair_other(pair, outside.addr), 0, outside.proto);
		return true;
	}
	if (outside.proto == IPPROTO_ICMP)
		key.sport = 0;
	slot = nat_flow_find(w, &key);
	if (slot != SL_NO_SLOT) {
		*inside = nat_endpoint(w->flows[slot].dst, w->flows[slot].dport, outside.proto);
		return true;
	}
	slot = sl_nat_mapping_by_outside(w, outside);
	if (slot != SL_NO_SLOT)
		*inside = w->mappings[slot].inside;
	return slot != SL_NO_SLOT;
}

uint8_t sl_nat_error_outbound(struct nat_worker *w, struct rte_mbuf *m)
{
	union nat_endpoint src = {0}, dst = {0}, outside = {0};
	const struct nat_range *pair;
	struct quote q;
	enum nat_reason reason = check_error(m, &q);
	uint32_t outer;
	bool hairpin;

	if (reason != NAT_FINE)
		return SL_DROP(reason);
	sl_nat_error_inner(m, &src, &dst);
	if (!find_inner_outbound(w, src, dst, &outside))
		return sl_nat_is_inside(w->layout, dst.addr) ? SL_DROP(NAT_NO_MAPPING)
							     : sl_nat_others(w, m);
	/* RFC 5508 REQ-5: who sent it may be a router inside, which has no outside address of
	 * its own unless by a pair. */
	pair = sl_nat_range_find(&w->layout->pair_inside, sl_ipv4(m)->src_addr);
	outer = pair != NULL ? nat_pair_other(pair, sl_ipv4(m)->src_addr) : outside.addr;
	hairpin = sl_nat_is_outside(w->layout, sl_ipv4(m)->dst_addr);
	if (hairpin && !w->nat->params->hairpinning)
		return SL_DROP(NAT_HAIRPIN_OFF);
	sl_nat_error_write(m, false, outside, outer);
	nat_count(w, NAT_ICMP_ERRORS);
	return hairpin ? sl_nat_hairpin_error(w, m) : SL_ON;
}

uint8_t sl_nat_error_inbound(struct nat_worker *w, struct rte_mbuf *m)
{
	union nat_endpoint src, dst, inside;
	struct quote q;
	enum nat_reason reason = check_error(m, &q);

	if (reason != NAT_FINE)
		return SL_DROP(reason);
	sl_nat_error_inner(m, &src, &dst);
	if (!find_inner_inbound(w, src, dst, &inside))
		return SL_DROP(NAT_NO_MAPPING);
	sl_nat_error_write(m, true, inside, inside.addr);
	nat_count(w, NAT_ICMP_ERRORS);
	return SL_ON;
}
