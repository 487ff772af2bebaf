/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Label switching (RFC 3031 section 3). The TTL follows RFC 3443 section 3: `ttl` below is the
 * incoming TTL (iTTL), first that of the top label. What is taken off in the uniform model hands
 * its TTL down, in the pipe model the TTL of what it uncovers counts from then on. One less goes
 * out with the packet, whatever number of labels was taken off. A TTL is never made greater than
 * it was, so that a network of mixed models has no packets that live forever.
 */
#include <string.h>

#include "mpls.h"

static uint32_t load_entry(const struct rte_mbuf *m)
{
	uint32_t word;

	memcpy(&word, sl_l3(m), sizeof(word));
	return rte_be_to_cpu_32(word);
}

static void store_entry(const struct rte_mbuf *m, uint32_t word)
{
	word = rte_cpu_to_be_32(word);
	memcpy(sl_l3(m), &word, sizeof(word));
}

/* Take the top label off. Its entry lies in the first segment. */
static void pop(struct rte_mbuf *m)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

	memmove(data + MPLS_ENTRY, data, sl_packet(m)->l3);
	rte_pktmbuf_adj(m, MPLS_ENTRY);
}

/* See that a whole label stack entry can be read at l3; the EtherType says MPLS. */
static bool has_entry(struct rte_mbuf *m)
{
	uint32_t end = sl_packet(m)->l3 + (uint32_t)MPLS_ENTRY;

	if (likely(m->data_len >= end))
		return true;
	return m->pkt_len >= end && sl_packet_parse(m) &&
	       (sl_packet(m)->flags & SL_PKT_MALFORMED) == 0;
}

/* What the labels taken off said. */
struct taken {
	uint32_t ttl; /* iTTL */
	uint32_t tc;
	int null; /* the last one was the explicit null of this IP version; 0: it was not */
};

static void carry_diffserv(const struct mpls_set *set, const struct rte_mbuf *m, uint32_t tc)
{
	/* The DSCP says more than the class: it stays unless the class was changed. */
	if (set->tc_of_dscp[sl_ip_tos(m) >> 2] != tc)
		sl_ip_set_dscp(m, set->dscp_of_tc[tc]);
}

/* What stood below the last label is IP: which, says its first nibble. php: it is forwarded for
 * the next router, which does what is to be done with an IP packet. */
static uint8_t uncover(const struct mpls_set *set, struct rte_mbuf *m, const struct taken *taken,
		       bool php)
{
	uint8_t room, ttl;
	const uint8_t *first = rte_pktmbuf_read(m, sl_packet(m)->l3, 1, &room);
	int version = first != NULL ? *first >> 4 : 0;
	uint16_t type = version == 6 ? rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6)
				     : rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);

	if ((version != 4 && version != 6) || (taken->null != 0 && version != taken->null))
		return SL_DROP(MPLS_BAD_PAYLOAD);
	memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, sl_packet(m)->l3 - sizeof(type)), &type,
	       sizeof(type));
	if (!sl_packet_parse(m) || !sl_is_ip(m))
		return SL_DROP(MPLS_BAD_PAYLOAD);
	ttl = sl_mpls_ip_ttl(m);
	if (set->uniform_ttl) {
		ttl = (uint8_t)RTE_MIN(taken->ttl - 1, ttl);
	} else if (!php) {
		if (ttl <= 1)
			return SL_DROP(MPLS_TTL_EXPIRED);
		ttl--;
	}
	sl_mpls_set_ip_ttl(m, ttl);
	if (set->uniform_diffserv)
		carry_diffserv(set, m, taken->tc);
	return SL_ON;
}

/* Penultimate hop, with more labels below: the one uncovered is for the next router. */
static uint8_t uncover_label(const struct mpls_set *set, struct rte_mbuf *m,
			     const struct taken *taken)
{
	uint32_t word;

	if (!has_entry(m))
		return SL_DROP(MPLS_TRUNCATED);
	word = load_entry(m);
	if (set->uniform_ttl)
		word = (word & ~0xffu) | RTE_MIN(taken->ttl - 1, word & 0xff);
	if (set->uniform_diffserv)
		word = (word & ~0xe00u) | taken->tc << 9;
	store_entry(m, word);
	return SL_ON;
}

static uint8_t swap(const struct mpls_set *set, struct rte_mbuf *m, const struct mpls_entry *entry,
		    uint32_t word, const struct taken *taken)
{
	const struct mpls_push *push = &entry->push;
	uint32_t tc = push->own_tc ? push->tc : taken->tc, ttl = taken->ttl - 1;

	if (unlikely(rte_pktmbuf_headroom(m) < push->count * MPLS_ENTRY))
		return SL_DROP(MPLS_NO_ROOM);
	store_entry(m, entry->label | tc << 9 | (word & MPLS_BOTTOM) | ttl);
	sl_mpls_set_macs(m, push);
	if (push->count > 0)
		sl_mpls_push(m, push, tc << 9 | (push->own_ttl ? push->ttl : ttl), true);
	return SL_ON;
}

static uint8_t reserved_edge(uint32_t label)
{
	switch (label) {
	case MPLS_ROUTER_ALERT:
		return SL_DROP(MPLS_DROP_ROUTER_ALERT);
	case MPLS_IMPLICIT_NULL:
		return SL_DROP(MPLS_DROP_IMPLICIT_NULL);
	default:
		return SL_DROP(MPLS_RESERVED_LABEL);
	}
}

static const struct mpls_entry *find(const struct mpls_set *set, unsigned int side, uint32_t label,
				     uint32_t *number)
{
	const uint32_t *page = set->pages[side][label / MPLS_PAGE];

	if (page == NULL || page[label % MPLS_PAGE] == 0)
		return NULL;
	*number = page[label % MPLS_PAGE] - 1;
	return &set->entries[*number];
}

/* What a packet's labels came to. */
static uint8_t end_of_stack(struct sl_node *node, const struct mpls_set *set, struct rte_mbuf *m,
			    const struct taken *taken, const struct mpls_push *macs, bool php)
{
	uint8_t edge = uncover(set, m, taken, php);

	if (edge != SL_ON)
		return edge;
	if (macs != NULL)
		sl_mpls_set_macs(m, macs);
	sl_count(node, MPLS_COUNT_POPPED, 1);
	return SL_ON;
}

/* A label that ends here was taken off and another uncovered, which is looked at next. */
static uint8_t step_down(const struct mpls_set *set, struct rte_mbuf *m, uint32_t *word,
			 struct taken *taken)
{
	if (!has_entry(m))
		return SL_DROP(MPLS_TRUNCATED);
	*word = load_entry(m);
	taken->ttl = set->uniform_ttl ? RTE_MIN(taken->ttl, *word & 0xff) : *word & 0xff;
	if (!set->uniform_diffserv)
		taken->tc = *word >> 9 & 7;
	return taken->ttl <= 1 ? SL_DROP(MPLS_TTL_EXPIRED) : SL_ON;
}

uint8_t sl_mpls_switch(struct sl_node *node, const struct mpls_set *set, struct rte_mbuf *m)
{
	struct taken taken;
	uint8_t edge = SL_ON;
	uint32_t word;

	if (unlikely(!has_entry(m) || sl_packet(m)->flags & SL_PKT_MALFORMED))
		return SL_DROP(MPLS_TRUNCATED);
	word = load_entry(m);
	taken = (struct taken){.ttl = word & 0xff, .tc = word >> 9 & 7};
	if (unlikely(taken.ttl <= 1))
		return SL_DROP(MPLS_TTL_EXPIRED);
	for (unsigned int count = 0; edge == SL_ON; count++) {
		uint32_t label = word >> 12, number = 0;
		const struct mpls_entry *entry = NULL;

		if (unlikely(label < MPLS_FIRST_LABEL)) {
			if (label != MPLS_EXPLICIT_NULL_4 && label != MPLS_EXPLICIT_NULL_6)
				return reserved_edge(label);
			sl_count(node, MPLS_COUNT_NULLS, 1);
			taken.null = label == MPLS_EXPLICIT_NULL_4 ? 4 : 6;
		} else {
			entry = find(set, node->from, label, &number);
			if (unlikely(entry == NULL))
				return SL_DROP(MPLS_UNKNOWN_LABEL);
			sl_mpls_count(node, set, set->fec_count + number, m);
			taken.null = 0;
		}
		if (entry != NULL && entry->action == MPLS_SWAP) {
			edge = swap(set, m, entry, word, &taken);
			sl_count(node, MPLS_COUNT_SWAPPED, edge == SL_ON);
			return edge;
		}
		if (unlikely(count == set->max_labels))
			return SL_DROP(MPLS_TOO_DEEP);
		pop(m);
		if (word & MPLS_BOTTOM)
			return end_of_stack(node, set, m, &taken, entry ? &entry->push : NULL,
					    entry != NULL && entry->action == MPLS_PHP);
		if (entry != NULL && entry->action == MPLS_PHP) {
			edge = uncover_label(set, m, &taken);
			if (edge == SL_ON)
				sl_mpls_set_macs(m, &entry->push);
			sl_count(node, MPLS_COUNT_POPPED, edge == SL_ON);
			return edge;
		}
		edge = step_down(set, m, &word, &taken);
	}
	return edge;
}
