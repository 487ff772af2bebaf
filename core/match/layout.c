/* SPDX-License-Identifier: BSD-3-Clause */
/* The layout of a tree's key: which words does any rule of the group look at? */
#include "build.h"

static uint32_t address_words(const struct sl_list *list, enum sl_match_group group,
			      unsigned int first)
{
	uint8_t family = group == SL_GROUP_IPV6 ? SL_FAMILY_IPV6 : SL_FAMILY_IPV4;
	uint32_t words = 0;

	/* `any` among prefixes brings a rule here; there are no addresses to look at. */
	if (group == SL_GROUP_OTHER)
		return 0;
	for (uint32_t i = 0; i < list->count; i++) {
		const struct sl_prefix *prefix = SL_ITEM(list, struct sl_prefix, i);

		for (unsigned int w = 0; prefix->addr.family == family && w * 32 < prefix->length;
		     w++)
			words |= 1u << (first + w);
	}
	return words;
}

static uint32_t rule_words(const struct sl_match *match, enum sl_match_group group)
{
	uint64_t given = match->given;
	uint32_t words = 0;

	if (given & SL_MATCH_FROM)
		words |= address_words(&match->from, group, SL_WORD_SOURCE);
	if (given & SL_MATCH_TO)
		words |= address_words(&match->to, group, SL_WORD_DEST);
	if (given & (SL_MATCH_SPORT | SL_MATCH_DPORT))
		words |= 1u << SL_WORD_PORTS;
	if (given & (SL_MATCH_ICMP_TYPE | SL_MATCH_ICMP_CODE | SL_MATCH_TCP_FLAGS | SL_MATCH_DSCP))
		words |= 1u << SL_WORD_TYPES;
	if (given & (SL_MATCH_VLAN | SL_MATCH_ETHERTYPE))
		words |= 1u << SL_WORD_LINK;
	if (given & SL_MATCH_MARK)
		words |= 1u << SL_WORD_MARK;
	if (given & (SL_MATCH_SRC_MAC | SL_MATCH_DST_MAC))
		words |= 7u << SL_WORD_MACS;
	return words;
}

static void add_field(struct sl_match_build *build, uint8_t type, uint8_t size, unsigned int input,
		      unsigned int offset)
{
	unsigned int i = build->config.num_fields++;

	build->config.defs[i] = (struct rte_acl_field_def){
		.type = type,
		.size = size,
		.field_index = (uint8_t)i,
		.input_index = (uint8_t)input,
		.offset = offset - SL_KEY_CLASS,
	};
}

static void add_word(struct sl_match_build *build, unsigned int word, unsigned int input,
		     unsigned int offset)
{
	const uint8_t mask = RTE_ACL_FIELD_TYPE_MASK, range = RTE_ACL_FIELD_TYPE_RANGE;

	build->field_of[word] = build->config.num_fields;
	switch (word) {
	case SL_WORD_PORTS:
	case SL_WORD_LINK:
		add_field(build, range, 2, input, offset);
		add_field(build, range, 2, input, offset + 2);
		return;
	case SL_WORD_TYPES:
		add_field(build, range, 1, input, offset);
		add_field(build, range, 1, input, offset + 1);
		add_field(build, RTE_ACL_FIELD_TYPE_BITMASK, 1, input, offset + 2);
		add_field(build, range, 1, input, offset + 3);
		return;
	case SL_WORD_MARK:
		add_field(build, range, 4, input, offset);
		return;
	case SL_WORD_MACS + 1:
		add_field(build, mask, 2, input, offset);
		add_field(build, mask, 2, input, offset + 2);
		return;
	default:
		add_field(build, mask, 4, input, offset);
		return;
	}
}

void sl_match_lay_out(struct sl_match_build *build)
{
	struct sl_match_tree *tree = build->tree;
	unsigned int offset = SL_KEY_WORDS, input = 1;

	for (uint32_t i = 0; i < build->count; i++) {
		if (sl_match_in_group(build->rules[i], build->group))
			tree->words |= rule_words(build->rules[i], build->group);
	}
	add_field(build, RTE_ACL_FIELD_TYPE_RANGE, 1, 0, SL_KEY_CLASS);
	for (unsigned int word = 0; word < SL_WORD_COUNT; word++) {
		if (!(tree->words & 1u << word))
			continue;
		tree->offset[word] = (uint8_t)offset;
		add_word(build, word, input++, offset);
		offset += 4;
	}
	tree->stride = (uint8_t)offset;
}
