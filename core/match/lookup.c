/* SPDX-License-Identifier: BSD-3-Clause */
/* The packet path: sort a burst into groups, write one short key a packet, classify all. */
#include <string.h>

#include "match.h"

#define MAX_BURST 256

/* The packets of one group in a burst, and where their keys stand. */
struct keys {
	uint16_t n;
	uint8_t index[MAX_BURST];
	uint8_t bytes[MAX_BURST * SL_KEY_MAX] __rte_aligned(64);
};

static_assert(SL_PKT_FRAGMENT >> 1 == SL_STATE_FRAGMENT, "state bits are flag bits, shifted");
static_assert(SL_PKT_LATER_FRAGMENT >> 1 == SL_STATE_LATER, "state bits are flag bits, shifted");
static_assert(SL_PKT_OPTIONS >> 1 == SL_STATE_OPTIONS, "state bits are flag bits, shifted");

static inline unsigned int class_of(const struct sl_match_tree *tree, const struct sl_packet *p,
				    unsigned int side, unsigned int mask)
{
	unsigned int state = (p->flags >> 1 & 7) | side | (p->l4 != 0 ? SL_STATE_L4 : 0);

	return tree->classes.proto[p->proto] + tree->classes.state[state & mask];
}

/* Each column is a loop of its own: the layout is decided once a burst, not once a packet. */
#define FOR_EACH_KEY(tree, keys, word)                       \
	uint8_t *key = (keys)->bytes + (tree)->offset[word]; \
	for (uint16_t i = 0; i < (keys)->n; i++, key += (tree)->stride)

static void write_header_word(const struct sl_match_tree *tree, struct keys *keys,
			      struct rte_mbuf *const *pkts, unsigned int word, uint16_t offset)
{
	FOR_EACH_KEY(tree, keys, word)
	{
		const struct rte_mbuf *m = pkts[keys->index[i]];

		memcpy(key, rte_pktmbuf_mtod_offset(m, const uint8_t *, sl_packet(m)->l3 + offset),
		       4);
	}
}

static void write_ports(const struct sl_match_tree *tree, struct keys *keys,
			struct rte_mbuf *const *pkts)
{
	FOR_EACH_KEY(tree, keys, SL_WORD_PORTS)
	{
		const struct rte_mbuf *m = pkts[keys->index[i]];

		if (sl_has_ports(m))
			memcpy(key, sl_l4(m), 4);
		else
			memset(key, 0, 4);
	}
}

static void write_types(const struct sl_match_tree *tree, struct keys *keys,
			struct rte_mbuf *const *pkts)
{
	FOR_EACH_KEY(tree, keys, SL_WORD_TYPES)
	{
		const struct rte_mbuf *m = pkts[keys->index[i]];
		const struct sl_packet *p = sl_packet(m);

		key[0] = key[1] = 0;
		if (p->l4 != 0 && (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6))
			memcpy(key, sl_l4(m), 2);
		key[2] = p->tcp_flags;
		key[3] = sl_match_dscp(m, p);
	}
}

static void write_link(const struct sl_match_tree *tree, struct keys *keys,
		       struct rte_mbuf *const *pkts)
{
	FOR_EACH_KEY(tree, keys, SL_WORD_LINK)
	{
		const struct rte_mbuf *m = pkts[keys->index[i]];
		const struct sl_packet *p = sl_packet(m);
		rte_be16_t vlan = rte_cpu_to_be_16(sl_match_vlan(p));
		rte_be16_t type = sl_match_ethertype(m, p);

		memcpy(key, &vlan, 2);
		memcpy(key + 2, &type, 2);
	}
}

static void write_mark(const struct sl_match_tree *tree, struct keys *keys,
		       struct rte_mbuf *const *pkts)
{
	FOR_EACH_KEY(tree, keys, SL_WORD_MARK)
	{
		rte_be32_t mark = rte_cpu_to_be_32(sl_packet(pkts[keys->index[i]])->mark);

		memcpy(key, &mark, 4);
	}
}

static void write_macs(const struct sl_match_tree *tree, struct keys *keys,
		       struct rte_mbuf *const *pkts)
{
	FOR_EACH_KEY(tree, keys, SL_WORD_MACS)
	{
		memcpy(key, sl_ether(pkts[keys->index[i]]), 12);
	}
}

static void write_words(const struct sl_match_tree *tree, enum sl_match_group group,
			struct keys *keys, struct rte_mbuf *const *pkts)
{
	uint16_t source = group == SL_GROUP_IPV6 ? 8 : 12, dest = group == SL_GROUP_IPV6 ? 24 : 16;

	for (unsigned int i = 0; i < 4; i++) {
		if (tree->words & 1u << (SL_WORD_SOURCE + i))
			write_header_word(tree, keys, pkts, SL_WORD_SOURCE + i,
					  (uint16_t)(source + 4 * i));
		if (tree->words & 1u << (SL_WORD_DEST + i))
			write_header_word(tree, keys, pkts, SL_WORD_DEST + i,
					  (uint16_t)(dest + 4 * i));
	}
	if (tree->words & 1u << SL_WORD_PORTS)
		write_ports(tree, keys, pkts);
	if (tree->words & 1u << SL_WORD_TYPES)
		write_types(tree, keys, pkts);
	if (tree->words & 1u << SL_WORD_LINK)
		write_link(tree, keys, pkts);
	if (tree->words & 1u << SL_WORD_MARK)
		write_mark(tree, keys, pkts);
	if (tree->words & 1u << SL_WORD_MACS)
		write_macs(tree, keys, pkts);
}

/* What most rules look at and nothing else: addresses and ports of IPv4. In one loop. */
#define TUPLE_WORDS (1u << SL_WORD_SOURCE | 1u << SL_WORD_DEST | 1u << SL_WORD_PORTS)
#define TUPLE_SIZE  16

static void write_tuples(const struct sl_match_tree *tree, unsigned int side_bit, struct keys *keys,
			 struct rte_mbuf *const *pkts, const uint8_t **data)
{
	uint8_t *key = keys->bytes;

	for (uint16_t i = 0; i < keys->n; i++, key += TUPLE_SIZE) {
		const struct rte_mbuf *m = pkts[keys->index[i]];
		const struct sl_packet *p = sl_packet(m);
		uint32_t ports = 0;

		key[SL_KEY_CLASS] = (uint8_t)class_of(tree, p, side_bit, SL_STATE_COUNT - 1);
		memcpy(key + SL_KEY_WORDS, (const uint8_t *)sl_l3(m) + 12, 8);
		if (likely(sl_has_ports(m)))
			memcpy(&ports, sl_l4(m), 4);
		memcpy(key + SL_KEY_WORDS + 8, &ports, 4);
		data[i] = key + SL_KEY_CLASS;
	}
}

static void lookup_group(const struct sl_match_tree *tree, enum sl_match_group group,
			 unsigned int side, struct keys *keys, struct rte_mbuf *const *pkts,
			 uint32_t *rule)
{
	unsigned int side_bit = side == 0 ? 0 : SL_STATE_SIDE;
	/* Other packets have no fragments, options or transport, whatever a damaged header says. */
	unsigned int mask = group == SL_GROUP_OTHER ? SL_STATE_SIDE : SL_STATE_COUNT - 1;
	const uint8_t *data[MAX_BURST];
	uint32_t found[MAX_BURST];

	if (!tree->any_rule)
		return;
	if (likely(group == SL_GROUP_IPV4 && tree->words == TUPLE_WORDS)) {
		write_tuples(tree, side_bit, keys, pkts, data);
		goto classify;
	}
	for (uint16_t i = 0; i < keys->n; i++) {
		const struct sl_packet *p = sl_packet(pkts[keys->index[i]]);
		unsigned int class = class_of(tree, p, side_bit, mask);

		if (tree->by_class != NULL)
			rule[keys->index[i]] = tree->by_class[class];
		data[i] = keys->bytes + i * tree->stride + SL_KEY_CLASS;
		keys->bytes[i * tree->stride + SL_KEY_CLASS] = (uint8_t) class;
	}
	if (tree->by_class != NULL)
		return;
	write_words(tree, group, keys, pkts);
classify:
	if (unlikely(rte_acl_classify(tree->acl, data, found, keys->n, 1) != 0))
		return;
	/* The tree says rule + 1, or 0 for none, which becomes SL_NO_MATCH. */
	for (uint16_t i = 0; i < keys->n; i++)
		rule[keys->index[i]] = found[i] - 1;
}

void sl_matcher_lookup(const struct sl_matcher *matcher, unsigned int side,
		       struct rte_mbuf *const *pkts, uint32_t *rule, uint16_t n)
{
	uint8_t group[MAX_BURST];
	unsigned int seen = 0;
	struct keys keys;

	for (uint16_t i = 0; i < n; i++) {
		group[i] = (uint8_t)sl_match_group(sl_packet(pkts[i]));
		seen |= 1u << group[i];
		rule[i] = SL_NO_MATCH;
	}
	for (unsigned int g = 0; g < SL_GROUP_COUNT; g++) {
		if (!(seen & 1u << g))
			continue;
		keys.n = 0;
		for (uint16_t i = 0; i < n; i++) {
			keys.index[keys.n] = (uint8_t)i;
			keys.n += group[i] == g;
		}
		lookup_group(&matcher->trees[g], g, side, &keys, pkts, rule);
	}
}
