/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet takes its flow's action. Everything was checked before: that the headers are there, the
 * TTL and length allow it, and there is headroom.
 */
#ifndef CORE_FLOW_EXECUTE_H
#define CORE_FLOW_EXECUTE_H

#ifdef __AVX512BW__
#include <immintrin.h>
#endif

#include <core/flow/flow.h>

/* RFC 1624, equation 3, with a delta that was folded ahead. */
static inline uint16_t checksum_after(uint16_t checksum, uint16_t delta)
{
	uint32_t sum = (uint32_t)(uint16_t)~checksum + delta;

	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

static __rte_always_inline void write_l4(uint8_t *l4, uint8_t proto, uint16_t sport, uint16_t dport,
					 uint16_t delta)
{
	if (likely(proto == IPPROTO_UDP)) {
		struct rte_udp_hdr *udp = (struct rte_udp_hdr *)l4;

		udp->src_port = sport;
		udp->dst_port = dport;
		if (udp->dgram_cksum != 0) { /* RFC 768: zero is none, a computed zero ones */
			uint16_t sum = checksum_after(udp->dgram_cksum, delta);

			udp->dgram_cksum = sum != 0 ? sum : 0xffff;
		}
		return;
	}
	if (proto == IPPROTO_TCP) {
		struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)l4;

		tcp->src_port = sport;
		tcp->dst_port = dport;
		tcp->cksum = checksum_after(tcp->cksum, delta);
	} else {
		struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)l4;

		icmp->icmp_ident = sport;
		icmp->icmp_cksum = checksum_after(icmp->icmp_cksum, delta);
	}
}

/* The bytes before the network header. Nothing behind them may change. */
static inline void write_front_blocks(uint8_t *to, const struct action *action)
{
	unsigned int length = action->front_length, i = 0;

	if (unlikely(length < 16)) {
		for (; i < length; i++)
			to[i] = action->front[i];
		return;
	}
	for (; i + 16 <= length; i += 16)
		memcpy(to + i, action->front + i, 16);
	/* The last block ends where the front does. */
	memcpy(to + length - 16, action->front + length - 16, 16);
}

static inline void write_front(uint8_t *to, const struct action *action)
{
#if defined(__AVX512BW__)
	unsigned int length = action->front_length;

	for (unsigned int i = 0; i < length; i += 64) {
		unsigned int rest = length - i;
		__mmask64 mask = rest >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << rest) - 1;

		_mm512_mask_storeu_epi8(to + i, mask, _mm512_load_si512(action->front + i));
	}
#else
	write_front_blocks(to, action);
#endif
}

static inline void put16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}

static inline void push_front(const struct action *action, uint16_t entropy, struct rte_mbuf *m)
{
	struct sl_packet *p = sl_packet(m);
	uint8_t *data;

	m->data_off = (uint16_t)(m->data_off - action->shift);
	m->data_len = (uint16_t)(m->data_len + action->shift);
	m->pkt_len += (uint32_t)(int32_t)action->shift;
	data = rte_pktmbuf_mtod(m, uint8_t *);
	write_front(data, action);
	for (unsigned int i = 0; i < action->fix_count; i++)
		put16(data + action->fixes[i].at,
		      rte_cpu_to_be_16((uint16_t)(m->pkt_len - action->fixes[i].less)));
	for (unsigned int i = 0; i < action->sum_count; i++) {
		const struct sum *sum = &action->sums[i];
		uint32_t total =
			(uint32_t)sum->base + rte_cpu_to_be_16((uint16_t)(m->pkt_len - sum->less));

		put16(data + sum->at, (uint16_t) ~((total & 0xffff) + (total >> 16)));
	}
	if (action->entropy_at != SL_PUSH_NONE)
		put16(data + action->entropy_at, entropy);
	p->l3 = action->out_l3;
	p->flags = (uint16_t)((p->flags & ~SL_PKT_VLAN) | action->out_flags);
}

static inline void finish_packet(const struct action *action, struct rte_mbuf *m)
{
	if (action->flags & COURSE_MARK)
		sl_packet(m)->mark = action->mark;
	if (unlikely(action->flags & COURSE_PARSE))
		sl_packet_parse(m);
}

static __rte_always_inline void execute4(const struct action *action, const struct flow4 *flow,
					 struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(data + p->l3);
	uint32_t flags = action->flags;

	if (likely(flags & COURSE_IP)) {
		ip->time_to_live = (uint8_t)(ip->time_to_live - action->ttl_less);
		if (flags & COURSE_TOS)
			ip->type_of_service = action->tos;
		ip->hdr_checksum = checksum_after(ip->hdr_checksum, flow->ip_delta);
	}
	if (flags & COURSE_ADDRESSES) {
		memcpy((uint8_t *)ip + offsetof(struct rte_ipv4_hdr, src_addr), &flow->src, 8);
		write_l4(data + p->l4, p->proto, flow->sport, flow->dport, flow->l4_delta);
	}
	if (flags & COURSE_FRONT)
		push_front(action, flow->entropy, m);
	if (unlikely(flags & (COURSE_MARK | COURSE_PARSE)))
		finish_packet(action, m);
}

static __rte_always_inline void execute6(const struct action *action, const struct flow6 *flow,
					 struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t *ip = data + p->l3;
	uint32_t flags = action->flags;

	ip[7] = (uint8_t)(ip[7] - action->ttl_less);
	if (flags & COURSE_TOS) {
		ip[0] = (uint8_t)((ip[0] & 0xf0) | action->tos >> 4);
		ip[1] = (uint8_t)((ip[1] & 0x0f) | action->tos << 4);
	}
	if (flags & COURSE_ADDRESSES) {
		memcpy(ip + 8, flow->src, 16);
		memcpy(ip + 24, flow->dst, 16);
		write_l4(data + p->l4, p->proto, flow->sport, flow->dport, flow->l4_delta);
	}
	if (flags & COURSE_FRONT)
		push_front(action, flow->entropy, m);
	if (unlikely(flags & (COURSE_MARK | COURSE_PARSE)))
		finish_packet(action, m);
}

#endif
