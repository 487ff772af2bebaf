/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules that no packet can match are mistakes: say so where they stand. */
#include "match.h"

static bool lists_proto(const struct sl_match *match, const uint32_t *wanted, unsigned int count)
{
	for (uint32_t i = 0; i < match->proto.count; i++) {
		uint32_t proto = *SL_ITEM(&match->proto, uint32_t, i);

		for (unsigned int k = 0; k < count; k++) {
			if (proto == SL_PROTO_ANY || proto == wanted[k])
				return true;
		}
	}
	return !(match->given & SL_MATCH_PROTO);
}

static int check_protocol(const struct sl_match *match, struct sl_errors *errors)
{
	static const uint32_t with_ports[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	static const uint32_t icmp[] = {IPPROTO_ICMP, IPPROTO_ICMPV6};
	static const uint32_t tcp[] = {IPPROTO_TCP};
	uint64_t given = match->given;
	int result = 0;

	if (given & SL_MATCH_SPORT && !lists_proto(match, with_ports, RTE_DIM(with_ports)))
		result = sl_fail_at(errors, &match->sport,
				    "only tcp, udp and sctp have ports; this rule never matches");
	if (given & SL_MATCH_DPORT && !lists_proto(match, with_ports, RTE_DIM(with_ports)))
		result = sl_fail_at(errors, &match->dport,
				    "only tcp, udp and sctp have ports; this rule never matches");
	if (given & SL_MATCH_ICMP_TYPE && !lists_proto(match, icmp, RTE_DIM(icmp)))
		result = sl_fail_at(errors, &match->icmp_type,
				    "only icmp and icmpv6 have types; this rule never matches");
	if (given & SL_MATCH_ICMP_CODE && !lists_proto(match, icmp, RTE_DIM(icmp)))
		result = sl_fail_at(errors, &match->icmp_code,
				    "only icmp and icmpv6 have codes; this rule never matches");
	if (given & SL_MATCH_TCP_FLAGS && !lists_proto(match, tcp, RTE_DIM(tcp)))
		result = sl_fail_at(errors, &match->tcp_flags,
				    "only tcp has flags; this rule never matches");
	return result;
}

int sl_match_check(const struct sl_match *match, struct sl_errors *errors)
{
	const uint64_t transport = SL_MATCH_SPORT | SL_MATCH_DPORT | SL_MATCH_ICMP_TYPE |
				   SL_MATCH_ICMP_CODE | SL_MATCH_TCP_FLAGS;
	struct sl_flag_test tests[SL_FLAG_TESTS];
	int result = check_protocol(match, errors);
	const char *why;

	if (match->given & SL_MATCH_TCP_FLAGS && sl_match_flags(match->tcp_flags, tests, &why) == 0)
		result = sl_fail_at(errors, &match->tcp_flags, "`tcp-flags`: %s", why);
	if (match->given & SL_MATCH_FRAGMENT && match->fragment == SL_FRAGMENT_LATER &&
	    match->given & transport)
		result = sl_fail_at(errors, &match->fragment,
				    "later fragments have no ports, flags or ICMP types; this "
				    "rule never matches");
	if (!sl_match_in_group(match, SL_GROUP_IPV4) && !sl_match_in_group(match, SL_GROUP_IPV6) &&
	    !sl_match_in_group(match, SL_GROUP_OTHER))
		result = sl_fail_at(errors,
				    match->given & SL_MATCH_TO ? (const void *)&match->to
							       : (const void *)&match->from,
				    "`from`, `to` and `family` leave no common IP version; this "
				    "rule never matches");
	return result;
}
