/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors about packets of sessions. They quote a packet as it was on this side, the receiver
 * knows it as it is on the other: the quoted headers are rewritten backwards, with their checksums
 * and the one that covers them all (as RFC 5508 has it for NAT). No session is refreshed or ended
 * by them.
 *
 * A quote stops anywhere: everything is measured against the end of the error first.
 */
#include "load_balancer.h"

/* The quoted packet: offsets from the start of the frame. */
struct quote {
	uint32_t ip, l4, end;
	uint8_t family, proto;
	bool ports; /* ports, or an identifier, can be read */
};

static const uint8_t *read_at(const struct rte_mbuf *m, uint32_t at, uint32_t length, uint8_t *room)
{
	return (const uint8_t *)rte_pktmbuf_read(m, at, length, room);
}

static bool find_ipv4(struct quote *q, const uint8_t *ip)
{
	uint32_t length = (ip[0] & 15) * 4u;

	if (ip[0] >> 4 != 4 || length < sizeof(struct rte_ipv4_hdr) || q->ip + length > q->end)
		return false;
	q->l4 = q->ip + length;
	q->proto = ip[9];
	q->ports = ((ip[6] & 0x1f) | ip[7]) == 0;
	return true;
}

/* Past extension headers (RFC 8200, section 4). */
static bool find_ipv6(const struct rte_mbuf *m, struct quote *q, const uint8_t *ip)
{
	uint8_t room[8];

	if (ip[0] >> 4 != 6)
		return false;
	q->proto = ip[6];
	q->l4 = q->ip + 40;
	q->ports = true;
	for (unsigned int i = 0; i < 8; i++) {
		const uint8_t *header;

		if (q->proto != IPPROTO_HOPOPTS && q->proto != IPPROTO_ROUTING &&
		    q->proto != IPPROTO_DSTOPTS && q->proto != IPPROTO_FRAGMENT)
			return true;
		if (q->l4 + 8 > q->end)
			break;
		header = read_at(m, q->l4, 8, room);
		if (header == NULL)
			break;
		if (q->proto == IPPROTO_FRAGMENT) {
			q->ports &= header[2] == 0 && (header[3] & 0xf8) == 0;
			q->l4 += 8;
		} else {
			q->l4 += (header[1] + 1) * 8u;
		}
		q->proto = header[0];
	}
	q->ports = false;
	return q->l4 <= q->end;
}

/* Find the quoted header and what stands behind it. Looks only. */
static bool find_quote(const struct rte_mbuf *m, uint32_t at, uint8_t family, struct quote *q)
{
	uint32_t least = family == SL_L3_IPV4 ? sizeof(struct rte_ipv4_hdr) : 40;
	uint8_t room[40];
	const uint8_t *ip;

	q->ip = at;
	q->end = RTE_MIN(sl_packet(m)->l3 + sl_ip_length(m), m->pkt_len);
	q->family = family;
	if (at + least > q->end)
		return false;
	ip = read_at(m, at, least, room);
	if (ip == NULL || !(family == SL_L3_IPV4 ? find_ipv4(q, ip) : find_ipv6(m, q, ip)))
		return false;
	q->ports = q->ports && q->l4 + 8 <= q->end;
	return true;
}

static bool proto_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

bool sl_lb_quoted_key(const struct rte_mbuf *m, uint32_t at, uint8_t family, uint8_t side,
		      union lb_key *key)
{
	uint8_t room[40], l4_room[8];
	const uint8_t *ip, *l4;
	struct lb_tail tail = {.side = side};
	struct quote q;

	if (!find_quote(m, at, family, &q))
		return false;
	memset(key, 0, sizeof(*key));
	tail.proto = q.proto;
	if (q.ports && (proto_has_ports(q.proto) || lb_is_icmp(family, q.proto))) {
		l4 = read_at(m, q.l4, 8, l4_room);
		if (l4 == NULL)
			return false;
		if (proto_has_ports(q.proto))
			memcpy(&tail.sport, l4, 4);
		else
			memcpy(side == 0 ? &tail.sport : &tail.dport, l4 + 4, 2);
	}
	ip = read_at(m, q.ip, family == SL_L3_IPV4 ? 20 : 40, room);
	if (ip == NULL)
		return false;
	if (family == SL_L3_IPV4) {
		memcpy(&key->v4, ip + 12, 8);
		key->v4.tail = tail;
	} else {
		memcpy(&key->v6, ip + 8, 32);
		key->v6.tail = tail;
	}
	return true;
}

/* The key of the opposite direction, as packets of this side have it. */
static void turn_key(enum lb_lane lane, const union lb_key *key, union lb_key *turned)
{
	const struct lb_tail *tail = lane == LB_LANE4 ? &key->v4.tail : &key->v6.tail;
	struct lb_tail other = {.sport = tail->dport,
				.dport = tail->sport,
				.proto = tail->proto,
				.side = !tail->side};

	memset(turned, 0, sizeof(*turned));
	if (lane == LB_LANE4) {
		turned->v4.src = key->v4.dst;
		turned->v4.dst = key->v4.src;
		turned->v4.tail = other;
		return;
	}
	memcpy(turned->v6.src, key->v6.dst, 16);
	memcpy(turned->v6.dst, key->v6.src, 16);
	turned->v6.tail = other;
}

/* Change bytes; returns what that does to a checksum over them. `n` is even. */
static uint32_t put(uint8_t *at, const void *value, unsigned int n)
{
	uint32_t delta = 0;

	for (unsigned int i = 0; i < n; i += 2) {
		uint16_t old, new;

		memcpy(&old, at + i, 2);
		memcpy(&new, (const uint8_t *)value + i, 2);
		delta += sl_checksum_delta16(old, new);
	}
	memcpy(at, value, n);
	return delta;
}

/* Where the quoted transport checksum stands; 0: there is none. */
static uint32_t quoted_checksum(const struct quote *q)
{
	uint32_t at = 0;

	if (q->proto == IPPROTO_TCP)
		at = offsetof(struct rte_tcp_hdr, cksum);
	else if (q->proto == IPPROTO_UDP)
		at = offsetof(struct rte_udp_hdr, dgram_cksum);
	else if (q->family == SL_L3_IPV6 && q->proto == IPPROTO_ICMPV6)
		at = offsetof(struct rte_icmp_hdr, icmp_cksum);
	return at != 0 && q->ports && q->l4 + at + 2 <= q->end ? q->l4 + at : 0;
}

/* Write the quoted source or destination and the error's own other end, as the flow says. */
static bool rewrite(struct rte_mbuf *m, struct lb_flow *flow, bool source)
{
	const struct sl_packet *p = sl_packet(m);
	bool v4 = p->family == SL_L3_IPV4;
	const uint8_t *addr = lb_flow_addr(flow, lb_lane(p));
	unsigned int size = v4 ? 4 : 16;
	uint8_t *data, *outer;
	uint32_t all, delta, at;
	struct quote q;
	uint16_t sum;

	if (!find_quote(m, p->l4 + 8u, p->family, &q))
		return false;
	at = RTE_MIN(q.end, q.l4 + (uint32_t)sizeof(struct rte_tcp_hdr));
	if (at > rte_pktmbuf_data_len(m) && rte_pktmbuf_linearize(m) != 0)
		return false;
	data = rte_pktmbuf_mtod(m, uint8_t *);
	outer = source ? lb_ip_dst(m) : lb_ip_src(m);
	delta = put(data + q.ip + (v4 ? (source ? 12 : 16) : (source ? 8 : 24)), addr, size);
	all = delta;
	if (v4) {
		memcpy(&sum, data + q.ip + 10, 2);
		sum = sl_checksum_apply(sum, sl_checksum_fold(delta));
		all += put(data + q.ip + 10, &sum, 2);
	}
	if (q.ports && (q.proto == IPPROTO_TCP || q.proto == IPPROTO_UDP)) {
		uint32_t port = put(data + q.l4 + (source ? 0 : 2), &flow->port, 2);

		delta += port;
		all += port;
	}
	at = quoted_checksum(&q);
	if (at != 0) {
		memcpy(&sum, data + at, 2);
		sum = q.proto == IPPROTO_UDP ? sl_checksum_apply_udp(sum, sl_checksum_fold(delta))
					     : sl_checksum_apply(sum, sl_checksum_fold(delta));
		all += put(data + at, &sum, 2);
	}
	delta = put(outer, addr, size);
	if (v4) {
		struct rte_ipv4_hdr *ip = sl_ipv4(m);

		ip->hdr_checksum = sl_checksum_apply(ip->hdr_checksum, sl_checksum_fold(delta));
	} else {
		all += delta; /* the pseudo-header of ICMPv6 */
	}
	sl_icmp(m)->icmp_cksum = sl_checksum_apply(sl_icmp(m)->icmp_cksum, sl_checksum_fold(all));
	return sl_packet_parse(m);
}

/* About what a backend sent, as the client saw it. */
uint8_t sl_lb_error_from_client(struct lb_worker *w, struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	enum lb_lane lane = lb_lane(p);
	union lb_key quoted, key;
	struct lb_flow *flow;
	uint32_t slot = SL_NO_SLOT;

	if (sl_lb_quoted_key(m, p->l4 + 8u, p->family, 1, &quoted)) {
		turn_key(lane, &quoted, &key);
		slot = sl_lb_find(w, lane, &key);
	}
	if (slot == SL_NO_SLOT)
		return SL_DROP(LB_UNRELATED);
	flow = lb_flow(&w->tables[lane], slot);
	if (!lb_alive(w, flow->backend, flow->epoch))
		return SL_DROP(LB_UNRELATED);
	lb_count(w, LB_ICMP_ERRORS);
	if (flow->write == LB_WRITE_MAC)
		return sl_lb_write_mac(w, &w->lb->backends[flow->backend], m);
	if (flow->write == LB_WRITE_OUTER)
		return sl_lb_tunnel(w, &w->lb->backends[flow->backend], m);
	return rewrite(m, flow, true) ? SL_ON : SL_DROP(LB_MALFORMED);
}

/* About what a client sent, as the backend saw it. */
uint8_t sl_lb_error_from_backend(struct lb_worker *w, struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	enum lb_lane lane = lb_lane(p);
	union lb_key quoted, key;
	uint32_t slot = SL_NO_SLOT;

	if (sl_lb_quoted_key(m, p->l4 + 8u, p->family, 0, &quoted)) {
		turn_key(lane, &quoted, &key);
		slot = sl_lb_find(w, lane, &key);
	}
	if (slot == SL_NO_SLOT || lb_flow(&w->tables[lane], slot)->write != LB_WRITE_SOURCE) {
		lb_count(w, LB_PASSED);
		return SL_ON;
	}
	lb_count(w, LB_ICMP_ERRORS);
	return rewrite(m, lb_flow(&w->tables[lane], slot), false) ? SL_ON : SL_DROP(LB_MALFORMED);
}

/* Whether a packet belongs to a session there is, or is about one. Looks only. */
bool sl_lb_knows(struct sl_node *node, const struct rte_mbuf *m)
{
	const struct lb *lb = (const struct lb *)sl_instance_data(node->instance);
	struct lb_worker *w = (struct lb_worker *)node->state;
	const struct sl_packet *p = sl_packet(m);
	uint8_t side = node->from != lb->clients;
	union lb_key quoted, key;

	if ((p->family != SL_L3_IPV4 && p->family != SL_L3_IPV6) ||
	    (p->flags & SL_PKT_MALFORMED) != 0)
		return false;
	if (lb_is_error(m)) {
		if (!sl_lb_quoted_key(m, p->l4 + 8u, p->family, !side, &quoted))
			return false;
		turn_key(lb_lane(p), &quoted, &key);
	} else if (!sl_lb_key(m, side, &key)) {
		return false;
	}
	return sl_lb_find(w, lb_lane(p), &key) != SL_NO_SLOT;
}
