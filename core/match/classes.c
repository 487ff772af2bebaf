/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which groups, protocols and states a rule accepts, and the classes that follow: two protocols
 * (or states) are of one class when no rule tells them apart. So whatever rules say of protocol,
 * readable ports, fragments, options and side costs one byte of the key, not five fields.
 */
#include <string.h>

#include "match.h"

#define IP_ONLY                                                                                   \
	(SL_MATCH_FAMILY | SL_MATCH_SPORT | SL_MATCH_DPORT | SL_MATCH_DSCP | SL_MATCH_ICMP_TYPE | \
	 SL_MATCH_ICMP_CODE | SL_MATCH_TCP_FLAGS | SL_MATCH_FRAGMENT | SL_MATCH_OPTIONS)

static bool prefixes_in_group(const struct sl_list *list, enum sl_match_group group)
{
	for (uint32_t i = 0; i < list->count; i++) {
		uint8_t family = SL_ITEM(list, struct sl_prefix, i)->addr.family;

		if (family == SL_FAMILY_ANY ||
		    (group == SL_GROUP_IPV4 && family == SL_FAMILY_IPV4) ||
		    (group == SL_GROUP_IPV6 && family == SL_FAMILY_IPV6))
			return true;
	}
	return false;
}

static bool protos_in_group(const struct sl_list *list, enum sl_match_group group)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (group != SL_GROUP_OTHER || *SL_ITEM(list, uint32_t, i) == SL_PROTO_ANY)
			return true;
	}
	return false;
}

bool sl_match_in_group(const struct sl_match *match, enum sl_match_group group)
{
	if (group == SL_GROUP_OTHER && match->given & IP_ONLY)
		return false;
	if (match->given & SL_MATCH_FAMILY && match->family != (group == SL_GROUP_IPV6 ? 1u : 0u))
		return false;
	if (match->given & SL_MATCH_PROTO && !protos_in_group(&match->proto, group))
		return false;
	if (match->given & SL_MATCH_FROM && !prefixes_in_group(&match->from, group))
		return false;
	return !(match->given & SL_MATCH_TO) || prefixes_in_group(&match->to, group);
}

/* Keep only these protocols, and only packets whose transport header can be read. */
static void want_header(struct sl_class_set *set, const uint8_t *protos, unsigned int count)
{
	struct sl_class_set keep = {0};

	for (unsigned int i = 0; i < count; i++)
		keep.proto[protos[i] / 64] |= UINT64_C(1) << (protos[i] % 64);
	for (int i = 0; i < 4; i++)
		set->proto[i] &= keep.proto[i];
	for (unsigned int state = 0; state < SL_STATE_COUNT; state++) {
		if (!(state & SL_STATE_L4))
			set->state &= ~(UINT32_C(1) << state);
	}
}

/* A later fragment without a first, or with a transport header: the parser makes no such
 * packet, so it shall not make classes either. */
static bool state_exists(unsigned int state)
{
	return !(state & SL_STATE_LATER) || (state & SL_STATE_FRAGMENT && !(state & SL_STATE_L4));
}

static bool state_accepted(const struct sl_match *match, unsigned int state)
{
	bool fragment = state & SL_STATE_FRAGMENT, later = state & SL_STATE_LATER;

	if (match->given & SL_MATCH_SIDE && match->side != (state & SL_STATE_SIDE ? 1u : 0u))
		return false;
	if (match->given & SL_MATCH_OPTIONS && match->options != !!(state & SL_STATE_OPTIONS))
		return false;
	if (!(match->given & SL_MATCH_FRAGMENT))
		return true;
	switch (match->fragment) {
	case SL_FRAGMENT_ANY:
		return fragment;
	case SL_FRAGMENT_FIRST:
		return fragment && !later;
	case SL_FRAGMENT_LATER:
		return later;
	default:
		return !fragment;
	}
}

void sl_match_set(const struct sl_match *match, enum sl_match_group group, struct sl_class_set *set)
{
	static const uint8_t with_ports[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	static const uint8_t tcp[] = {IPPROTO_TCP};
	const uint8_t icmp[] = {group == SL_GROUP_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP};

	memset(set, 0, sizeof(*set));
	for (unsigned int state = 0; state < SL_STATE_COUNT; state++) {
		if (state_exists(state) && state_accepted(match, state))
			set->state |= UINT32_C(1) << state;
	}
	if (!(match->given & SL_MATCH_PROTO))
		memset(set->proto, 0xff, sizeof(set->proto));
	for (uint32_t i = 0; match->given & SL_MATCH_PROTO && i < match->proto.count; i++) {
		uint32_t proto = *SL_ITEM(&match->proto, uint32_t, i);

		if (proto == SL_PROTO_ANY)
			memset(set->proto, 0xff, sizeof(set->proto));
		else
			set->proto[proto / 64] |= UINT64_C(1) << (proto % 64);
	}
	if (match->given & (SL_MATCH_SPORT | SL_MATCH_DPORT))
		want_header(set, with_ports, RTE_DIM(with_ports));
	if (match->given & (SL_MATCH_ICMP_TYPE | SL_MATCH_ICMP_CODE))
		want_header(set, icmp, RTE_DIM(icmp));
	if (match->given & SL_MATCH_TCP_FLAGS)
		want_header(set, tcp, RTE_DIM(tcp));
}

/* Split the classes of n things by one more question; renumber in order of appearance. */
static uint32_t split(uint8_t *class_of, const bool *answer, unsigned int n)
{
	int16_t renamed[2][256];
	uint32_t count = 0;

	memset(renamed, -1, sizeof(renamed));
	for (unsigned int i = 0; i < n; i++) {
		int16_t *name = &renamed[answer[i]][class_of[i]];

		if (*name < 0)
			*name = (int16_t)count++;
		class_of[i] = (uint8_t)*name;
	}
	return count;
}

bool sl_classes_make(struct sl_classes *classes, const struct sl_class_set *sets, uint32_t count)
{
	uint32_t protos = 1, states = 1;
	bool answer[256];

	memset(classes, 0, sizeof(*classes));
	for (uint32_t i = 0; i < count; i++) {
		for (unsigned int proto = 0; proto < 256; proto++)
			answer[proto] = sl_class_set_proto(&sets[i], proto);
		protos = split(classes->proto, answer, 256);
		for (unsigned int state = 0; state < SL_STATE_COUNT; state++)
			answer[state] = sets[i].state >> state & 1;
		states = split(classes->state, answer, SL_STATE_COUNT);
	}
	classes->count = protos * states;
	classes->states = states;
	if (classes->count > 256)
		return false;
	for (unsigned int proto = 0; proto < 256; proto++)
		classes->proto[proto] = (uint8_t)(classes->proto[proto] * states);
	return true;
}
