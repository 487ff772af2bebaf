/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path. One lookup a packet, in bulk: the key is the packet's own tuple and the side
 * it came from, what it finds says all there is to write. Packets without a flow yet, and those
 * that are no plain TCP, UDP or ICMP query, are taken one by one.
 */
#include "nat.h"

/* The second word of a key, in one go: piecewise stores would be waited for by the hash. */
static inline uint64_t key_word(uint32_t ports, uint8_t proto, uint8_t side)
{
	return ports | (uint64_t)proto << 32 | (uint64_t)side << 40;
}

static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "key_word() is for little-endian machines");

static inline bool make_key(const struct rte_mbuf *m, const struct sl_packet *p, uint8_t side,
			    struct nat_key *key)
{
	const struct rte_ipv4_hdr *ip = sl_ipv4(m);
	uint64_t words[2];
	uint32_t ports;

	if (p->family != SL_L3_IPV4 || p->l4 == 0 ||
	    (p->flags & (SL_PKT_MALFORMED | SL_PKT_FRAGMENT)) != 0)
		return false;
	memcpy(&words[0], (const uint8_t *)ip + offsetof(struct rte_ipv4_hdr, src_addr), 8);
	if (likely(p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP)) {
		memcpy(&ports, sl_l4(m), sizeof(ports));
	} else {
		if (p->proto != IPPROTO_ICMP || !nat_icmp_query(sl_icmp(m)->icmp_type))
			return false;
		ports = (uint32_t)sl_icmp(m)->icmp_ident << (side == SL_INSIDE ? 0 : 16);
	}
	words[1] = key_word(ports, p->proto, side);
	memcpy(key, words, sizeof(words));
	return true;
}

bool sl_nat_key(const struct rte_mbuf *m, enum sl_side side, struct nat_key *key)
{
	return make_key(m, sl_packet(m), (uint8_t)side, key);
}

/* Write what the flow says, and count. */
static inline void flow_write(const struct nat_worker *w, struct nat_flow *flow, struct rte_mbuf *m,
			      const struct sl_packet *p)
{
	struct rte_ipv4_hdr *ip = sl_ipv4(m);
	const uint8_t *ports = (const uint8_t *)flow + offsetof(struct nat_flow, sport);

	memcpy((uint8_t *)ip + offsetof(struct rte_ipv4_hdr, src_addr),
	       (const uint8_t *)flow + offsetof(struct nat_flow, src), 8);
	ip->hdr_checksum = nat_checksum(ip->hdr_checksum, flow->ip_delta);
	if (p->proto == IPPROTO_TCP) {
		struct rte_tcp_hdr *tcp = sl_tcp(m);

		memcpy(tcp, ports, 4);
		tcp->cksum = nat_checksum(tcp->cksum, flow->l4_delta);
	} else if (p->proto == IPPROTO_UDP) {
		struct rte_udp_hdr *udp = sl_udp(m);

		memcpy(udp, ports, 4);
		if (udp->dgram_cksum != 0) { /* RFC 768: zero is none, a computed zero ones */
			uint16_t sum = nat_checksum(udp->dgram_cksum, flow->l4_delta);

			udp->dgram_cksum = sum != 0 ? sum : 0xffff;
		}
	} else {
		struct rte_icmp_hdr *icmp = sl_icmp(m);

		icmp->icmp_ident = flow->key.side == SL_INSIDE ? flow->sport : flow->dport;
		icmp->icmp_cksum = nat_checksum(icmp->icmp_cksum, flow->l4_delta);
	}
	m->hash.rss = flow->rss;
	flow->seen = w->now;
	flow->packets++;
	flow->bytes += m->pkt_len;
}

#define TCP_EVENTS (RTE_TCP_SYN_FLAG | RTE_TCP_FIN_FLAG | RTE_TCP_RST_FLAG)

/* A packet whose flow is known, in whatever state that is. hairpin: its second half. */
static uint8_t flow_take(struct nat_worker *w, uint32_t slot, struct rte_mbuf *m, bool hairpin)
{
	struct nat_flow *flow = &w->flows[slot];
	const struct sl_packet *p = sl_packet(m);
	enum sl_side side = (enum sl_side)flow->key.side;

	w->taken = slot;
	if (side == SL_OUTSIDE && !hairpin && (flow->flags & NAT_FLOW_HAIRPIN) != 0)
		return SL_DROP(NAT_SPOOFED);
	if (p->proto == IPPROTO_TCP &&
	    ((flow->flags & NAT_FLOW_QUICK) == 0 || (p->tcp_flags & TCP_EVENTS) != 0))
		sl_nat_tcp_track(w, slot / 2, side, p->tcp_flags);
	flow_write(w, flow, m, p);
	if ((flow->flags & NAT_FLOW_HASHED) == 0) {
		/* The same for every packet of the flow. */
		sl_packet_parse(m);
		flow->rss = sl_packet_hash(m);
		flow->flags |= NAT_FLOW_HASHED;
	}
	nat_count(w, side == SL_INSIDE ? NAT_TRANSLATED_OUT : NAT_TRANSLATED_IN);
	if (side == SL_INSIDE && (flow->flags & NAT_FLOW_HAIRPIN) != 0)
		return sl_nat_hairpin(w, m);
	return SL_ON;
}

static uint8_t pass(struct nat_worker *w, const struct rte_mbuf *m)
{
	nat_count(w, NAT_PASSED);
	if (sl_recording(w->node))
		sl_nat_say_pass(w, m);
	return SL_ON;
}

uint8_t sl_nat_others(struct nat_worker *w, const struct rte_mbuf *m)
{
	return w->tuning->pass_others ? pass(w, m) : SL_DROP(NAT_NOT_OURS);
}

/* RFC 1122, section 3.2.1.3: a group or everybody on the link. */
static bool group_address(uint32_t addr)
{
	return (rte_be_to_cpu_32(addr) >> 28) >= 0xe;
}

/* Whether the packet may begin a session: TCP by a SYN, ICMP by a question. */
static enum nat_reason may_begin(const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);

	if (p->proto == IPPROTO_TCP && (p->tcp_flags & TCP_EVENTS) != RTE_TCP_SYN_FLAG)
		return NAT_NOT_SYN;
	if (p->proto == IPPROTO_ICMP && !nat_icmp_asks(sl_icmp(m)->icmp_type))
		return NAT_NO_MAPPING;
	return NAT_FINE;
}

static uint8_t pair_outbound(struct nat_worker *w, struct rte_mbuf *m, const struct nat_range *pair,
			     const struct nat_key *key)
{
	uint32_t src = sl_ipv4(m)->src_addr;
	bool hairpin = sl_nat_is_outside(w->layout, sl_ipv4(m)->dst_addr);

	if (hairpin && !w->nat->params->hairpinning)
		return SL_DROP(NAT_HAIRPIN_OFF);
	if (!sl_nat_write_address(m, true, nat_pair_other(pair, src)))
		return SL_DROP(NAT_MALFORMED);
	nat_count(w, NAT_TRANSLATED_OUT);
	if (hairpin)
		return sl_nat_hairpin(w, m);
	if (sl_recording(w->node))
		sl_nat_say_pair(w, m, key, true);
	return SL_ON;
}

/* hairpin: its second half. */
static uint8_t pair_inbound(struct nat_worker *w, struct rte_mbuf *m, const struct nat_range *pair,
			    const struct nat_key *key, bool hairpin)
{
	uint32_t dst = sl_ipv4(m)->dst_addr;

	if (!sl_nat_write_address(m, false, nat_pair_other(pair, dst)))
		return SL_DROP(NAT_MALFORMED);
	nat_count(w, NAT_TRANSLATED_IN);
	if (sl_recording(w->node) && !hairpin)
		sl_nat_say_pair(w, m, key, false);
	return SL_ON;
}

/* An inside packet of a new session. */
static uint8_t session_outbound(struct nat_worker *w, struct rte_mbuf *m, const struct nat_key *key)
{
	union nat_endpoint inside = nat_endpoint(key->src, key->sport, key->proto);
	union nat_endpoint remote = nat_endpoint(key->dst, key->dport, key->proto);
	enum nat_reason reason = may_begin(m);
	uint32_t mapping, session;

	if (!w->nat->params->hairpinning && sl_nat_is_outside(w->layout, key->dst))
		return SL_DROP(NAT_HAIRPIN_OFF);
	if (reason != NAT_FINE)
		return SL_DROP(reason);
	mapping = sl_nat_mapping_by_inside(w, inside);
	if (mapping == SL_NO_SLOT)
		reason = sl_nat_mapping_new(w, inside, &mapping);
	if (reason == NAT_FINE) {
		reason = sl_nat_session_new(w, mapping, remote, &session);
		if (reason == NAT_FINE)
			return flow_take(w, 2 * session, m, false);
		sl_nat_mapping_end_unused(w, mapping);
	}
	sl_nat_unreachable(w, m);
	return SL_DROP(reason);
}

/* The flow of a key that the burst's lookup did not find: an earlier packet may have made it. */
static uint32_t find_made(const struct nat_worker *w, const struct nat_key *key)
{
	uint32_t hash = sl_index_hash(key, sizeof(*key));

	return sl_index_added_maybe(&w->made, hash) ? sl_index_find(w->flow_index, key, hash)
						    : SL_NO_SLOT;
}

/* Any packet from inside that has no flow in the burst's lookup. */
static uint8_t outbound(struct nat_worker *w, struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const struct nat_range *pair;
	struct nat_key key;
	bool keyed = sl_nat_key(m, SL_INSIDE, &key);
	uint32_t slot = keyed ? find_made(w, &key) : SL_NO_SLOT;

	if (slot != SL_NO_SLOT)
		return flow_take(w, slot, m, false);
	if (sl_nat_is_except(w->layout, sl_ipv4(m)->dst_addr))
		return pass(w, m);
	if (p->l4 != 0 && p->proto == IPPROTO_ICMP && (p->flags & SL_PKT_FRAGMENT) == 0 &&
	    nat_icmp_error(sl_icmp(m)->icmp_type))
		return sl_nat_error_outbound(w, m);
	if (group_address(sl_ipv4(m)->dst_addr))
		return sl_nat_others(w, m);
	pair = sl_nat_range_find(&w->layout->pair_inside, sl_ipv4(m)->src_addr);
	if (pair != NULL)
		return pair_outbound(w, m, pair, keyed ? &key : NULL);
	if (!sl_nat_is_inside(w->layout, sl_ipv4(m)->src_addr))
		return sl_nat_others(w, m);
	if (keyed)
		return session_outbound(w, m, &key);
	if ((p->flags & SL_PKT_FRAGMENT) != 0)
		return SL_DROP(NAT_FRAGMENT);
	if (p->proto == IPPROTO_ICMP)
		return SL_DROP(p->l4 == 0 ? NAT_MALFORMED : NAT_UNSUPPORTED_ICMP);
	return SL_DROP(p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP
			       ? NAT_MALFORMED
			       : NAT_UNSUPPORTED_PROTOCOL);
}

/* RFC 4787 REQ-8: who may send to a mapping. Forwards are open to all. */
static bool filter_passes(const struct nat_worker *w, const struct nat_mapping *mapping,
			  uint32_t remote)
{
	switch ((enum nat_filtering)w->nat->params->filtering) {
	case NAT_FILTER_NONE:
		return true;
	case NAT_FILTER_ADDRESS:
		return mapping->forward || sl_nat_permitted(w, mapping->outside, remote);
	case NAT_FILTER_ADDRESS_PORT:
		break;
	}
	return mapping->forward; /* else there would be a session */
}

/* A packet from outside to a mapping, of a new session. */
static uint8_t session_inbound(struct nat_worker *w, struct rte_mbuf *m, const struct nat_key *key,
			       bool hairpin)
{
	union nat_endpoint outside = nat_endpoint(key->dst, key->dport, key->proto);
	union nat_endpoint remote = nat_endpoint(key->src, key->sport, key->proto);
	uint32_t mapping = sl_nat_mapping_by_outside(w, outside), session;
	enum nat_reason reason;

	if (mapping == SL_NO_SLOT)
		return SL_DROP(NAT_NO_MAPPING);
	if (!filter_passes(w, &w->mappings[mapping], key->src))
		return SL_DROP(NAT_FILTERED);
	reason = may_begin(m);
	if (reason == NAT_FINE)
		reason = sl_nat_session_new(w, mapping, remote, &session);
	if (reason != NAT_FINE)
		return SL_DROP(reason);
	return flow_take(w, 2 * session + 1, m, hairpin);
}

/* Any packet to an outside address that has no flow in the burst's lookup. */
static uint8_t inbound(struct nat_worker *w, struct rte_mbuf *m, bool hairpin)
{
	const struct sl_packet *p = sl_packet(m);
	const struct nat_range *pair;
	struct nat_key key;
	bool keyed = sl_nat_key(m, SL_OUTSIDE, &key);
	uint32_t slot = SL_NO_SLOT;

	if (keyed) /* the second half of a hairpin is looked up here */
		slot = hairpin ? nat_flow_find(w, &key) : find_made(w, &key);
	if (slot != SL_NO_SLOT)
		return flow_take(w, slot, m, hairpin);
	if (!sl_nat_is_outside(w->layout, sl_ipv4(m)->dst_addr))
		return sl_nat_is_except(w->layout, sl_ipv4(m)->src_addr) ? pass(w, m)
									 : sl_nat_others(w, m);
	if (!hairpin && sl_nat_is_outside(w->layout, sl_ipv4(m)->src_addr))
		return SL_DROP(NAT_SPOOFED);
	if (p->l4 != 0 && p->proto == IPPROTO_ICMP && (p->flags & SL_PKT_FRAGMENT) == 0 &&
	    nat_icmp_error(sl_icmp(m)->icmp_type))
		return sl_nat_error_inbound(w, m);
	pair = sl_nat_range_find(&w->layout->pair_outside, sl_ipv4(m)->dst_addr);
	if (pair != NULL)
		return pair_inbound(w, m, pair, keyed ? &key : NULL, hairpin);
	if (keyed)
		return session_inbound(w, m, &key, hairpin);
	if ((p->flags & SL_PKT_FRAGMENT) != 0)
		return SL_DROP(NAT_FRAGMENT);
	if (p->proto == IPPROTO_ICMP)
		return SL_DROP(p->l4 == 0 ? NAT_MALFORMED : NAT_UNSUPPORTED_ICMP);
	return SL_DROP(p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP
			       ? NAT_MALFORMED
			       : NAT_UNSUPPORTED_PROTOCOL);
}

uint8_t sl_nat_inbound(struct nat_worker *w, struct rte_mbuf *m)
{
	return inbound(w, m, true);
}

static uint8_t one_by_one(struct nat_worker *w, struct rte_mbuf *m, uint8_t from)
{
	const struct sl_packet *p = sl_packet(m);

	if (p->family != SL_L3_IPV4)
		return pass(w, m);
	if ((p->flags & SL_PKT_MALFORMED) != 0)
		return SL_DROP(NAT_MALFORMED);
	return from == SL_INSIDE ? outbound(w, m) : inbound(w, m, false);
}

/* Established, its hash known, no hairpin, nothing to track. */
static inline bool plain(const struct nat_flow *flow, const struct sl_packet *p)
{
	return (flow->flags & (NAT_FLOW_QUICK | NAT_FLOW_HASHED | NAT_FLOW_HAIRPIN)) ==
		       (NAT_FLOW_QUICK | NAT_FLOW_HASHED) &&
	       (p->tcp_flags & TCP_EVENTS) == 0;
}

/* The flow of a packet, after its burst: which may have ended the one that it took. */
static uint32_t flow_of(const struct nat_worker *w, const struct nat_key *key, uint32_t slot)
{
	if (slot != SL_NO_SLOT && w->sessions[slot / 2].mapping != SL_NO_SLOT &&
	    memcmp(&w->flows[slot].key, key, sizeof(*key)) == 0)
		return slot;
	return nat_flow_find(w, key);
}

/* Packets that took a flow which is plain now. */
static void say_flows(struct nat_worker *w, struct rte_mbuf **pkts, const uint8_t *edge,
		      const struct nat_key *keys, const uint32_t *slots, const uint16_t *at,
		      uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = pkts[at[i]];
		struct sl_trail *trail = edge[at[i]] == SL_ON ? sl_trail(w->node, m) : NULL;
		uint32_t slot = trail != NULL ? flow_of(w, &keys[i], slots[i]) : SL_NO_SLOT;

		if (slot != SL_NO_SLOT && plain(&w->flows[slot], sl_packet(m)))
			sl_nat_say_flow(w, trail, slot);
	}
}

void sl_nat_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct nat_worker *w = nat_enter(node);
	struct nat_key keys[SL_BURST];
	uint32_t hashes[SL_BURST], slots[SL_BURST];
	uint16_t at[SL_BURST], count = 0;
	uint64_t translated = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (likely(make_key(pkts[i], sl_packet(pkts[i]), node->from, &keys[count]))) {
			hashes[count] = sl_index_hash(&keys[count], sizeof(keys[0]));
			at[count++] = i;
		} else {
			edge[i] = one_by_one(w, pkts[i], node->from);
		}
	}
	if (count == 0)
		return;
	sl_index_find_bulk(w->flow_index, keys, hashes, slots, count);
	if (unlikely(sl_index_missed(slots, count))) {
		memset(&w->made, 0, sizeof(w->made));
		sl_nat_fetch_new(w, keys, slots, count);
	}
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = pkts[at[i]];
		const struct sl_packet *p = sl_packet(m);

		if (likely(slots[i] != SL_NO_SLOT)) {
			struct nat_flow *flow = &w->flows[slots[i]];

			if (likely(plain(flow, p))) {
				flow_write(w, flow, m, p);
				translated++;
			} else {
				edge[at[i]] = flow_take(w, slots[i], m, false);
			}
		} else {
			w->taken = SL_NO_SLOT;
			edge[at[i]] = one_by_one(w, m, node->from);
			slots[i] = w->taken;
		}
	}
	sl_count(node, node->from == SL_INSIDE ? NAT_TRANSLATED_OUT : NAT_TRANSLATED_IN,
		 translated);
	if (sl_recording(node))
		say_flows(w, pkts, edge, keys, slots, at, count);
}
