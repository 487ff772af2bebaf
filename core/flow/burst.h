/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of a burst: which of its packets could be of a fused flow, and of which. */
#ifndef CORE_FLOW_BURST_H
#define CORE_FLOW_BURST_H

#include <core/flow/flow.h>

struct candidates {
	uint16_t n;
	uint8_t place[SL_BURST];
	bool walks[SL_BURST]; /* it can change state: never by action */
	uint32_t hash[SL_BURST];
	uint32_t slot[SL_BURST];
};

/* Packets whose flows ask a guard, in their order; asked when so many wait, or their lane ends. */
#define MOST_QUESTIONS 64
#define FEW_QUESTIONS  4

struct questions {
	uint8_t at[MOST_QUESTIONS]; /* among the candidates */
	uint8_t place[MOST_QUESTIONS];
	struct rte_mbuf *pkts[MOST_QUESTIONS];
	void *flows[MOST_QUESTIONS];
	struct course *courses[MOST_QUESTIONS];
	const struct tie *ties[MOST_QUESTIONS]; /* of each flow; not where they share the handle */
	uint64_t handles[MOST_QUESTIONS];
	uint8_t edge[MOST_QUESTIONS];
};

struct burst {
	struct candidates lanes[LANES];
	struct key4 keys4[SL_BURST];
	struct key6 keys6[SL_BURST];
	struct context contexts[SL_BURST]; /* by place */
	struct questions questions;
};

#define TCP_PLAIN (RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG)

#define UNFIT_FLAGS                                                                               \
	(SL_PKT_MALFORMED | SL_PKT_FRAGMENT | SL_PKT_OPTIONS | SL_PKT_REASSEMBLED | SL_PKT_MADE | \
	 SL_PKT_TRAIL)

/*
 * The number of the packet's context, which is noted too. Three words in registers: written piece
 * by piece and read back as vectors they would cost as much as all else here. NO_TAGS: the tags are
 * not of the kind that a flow can have.
 */
#define NO_TAGS UINT32_MAX

static __rte_always_inline uint32_t read_context(struct sl_fusion *fusion, uint64_t entry,
						 const struct rte_mbuf *m,
						 const struct sl_packet *p, struct context *context)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct context *last = &fusion->last_context;
	uint64_t macs, place = (uint64_t)SL_NO_VLAN << 32;
	uint32_t more;

	memcpy(&macs, frame, 8);
	memcpy(&more, frame + 8, 4);
	if (unlikely(p->l3 != RTE_ETHER_HDR_LEN)) {
		/* One tag, all of it in the key but the drop eligibility. */
		if (p->l3 != RTE_ETHER_HDR_LEN + 4 || (p->vlan & 0x1000) != 0 ||
		    (p->flags & SL_PKT_VLAN) == 0 ||
		    sl_ether(m)->ether_type != RTE_BE16(RTE_ETHER_TYPE_VLAN))
			return NO_TAGS;
		place = (uint64_t)p->vlan << 32;
	}
	place |= more | (uint64_t)p->port << 48;
	entry = p->mark | entry << 32;
	context->macs = macs;
	context->place = place;
	context->entry = entry;
	/* Most packets come from where the one before came from. */
	if (likely(((macs ^ last->macs) | (place ^ last->place) | (entry ^ last->entry)) == 0))
		return fusion->last_number;
	return sl_context_find(fusion, context);
}

/* The ports, or what stands for them. False: the packet has none. */
static __rte_always_inline bool read_ports(const struct rte_mbuf *m, const struct sl_packet *p,
					   uint32_t *ports, bool *walks)
{
	const uint8_t *l4 = sl_l4(m);

	*walks = false;
	if (likely(p->proto == IPPROTO_UDP)) {
		memcpy(ports, l4, 4);
		return true;
	}
	if (p->proto == IPPROTO_TCP) {
		memcpy(ports, l4, 4);
		*walks = (p->tcp_flags & ~TCP_PLAIN) != 0 || (p->tcp_flags & RTE_TCP_ACK_FLAG) == 0;
		return true;
	}
	if (p->proto == IPPROTO_ICMP && p->family == SL_L3_IPV4) {
		uint16_t id, type = l4[0];

		if ((type != 0 && type != 8) || l4[1] != 0)
			return false;
		memcpy(&id, l4 + 4, 2);
		*ports = id | (uint32_t)type << 16;
		return true;
	}
	return false;
}

static __rte_always_inline void gather(struct sl_fusion *fusion, struct sl_node *node,
				       struct rte_mbuf **pkts, uint16_t n, struct burst *burst)
{
	struct candidates *four = &burst->lanes[LANE4], *six = &burst->lanes[LANE6];

	four->n = six->n = 0;
	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		const struct sl_packet *p = sl_packet(m);
		struct candidates *lane;
		uint32_t ports, number;
		bool walks;

		if (unlikely((p->flags & UNFIT_FLAGS) != 0 || p->l4 == 0) ||
		    unlikely(!read_ports(m, p, &ports, &walks)))
			continue;
		number = read_context(fusion, node->hop, m, p, &burst->contexts[i]);
		if (unlikely(number == NO_TAGS))
			continue;
		if (likely(p->family == SL_L3_IPV4)) {
			const struct rte_ipv4_hdr *ip = sl_ipv4(m);
			uint64_t *words = (uint64_t *)&burst->keys4[four->n];

			/* The checksum has two zeros; nodes do not keep the odd one. */
			walks |= ip->hdr_checksum == 0xffff;
			lane = four;
			memcpy(&words[0], &ip->src_addr, 8);
			words[1] = ports | (uint64_t)p->proto << 32 |
				   (uint64_t)ip->type_of_service << 40 | (uint64_t)number << 48;
			lane->hash[lane->n] = sl_index_hash(words, sizeof(struct key4));
		} else if (p->family == SL_L3_IPV6) {
			const uint8_t *ip = sl_l3(m);
			uint64_t *words = (uint64_t *)&burst->keys6[six->n];
			uint8_t tos = (uint8_t)(ip[0] << 4 | ip[1] >> 4);

			lane = six;
			memcpy(words, ip + 8, 32);
			words[4] = ports | (uint64_t)p->proto << 32 | (uint64_t)tos << 40 |
				   (uint64_t)number << 48;
			lane->hash[lane->n] = sl_index_hash(words, sizeof(struct key6));
		} else {
			continue;
		}
		/* Who is traced shall be seen at every hop. */
		lane->walks[lane->n] = walks | ((p->flags & SL_PKT_TRACED) != 0);
		lane->place[lane->n++] = (uint8_t)i;
	}
}

static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "gather() writes keys in words");

#endif
