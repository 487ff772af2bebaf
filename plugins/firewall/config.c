/* SPDX-License-Identifier: BSD-3-Clause */
/* The firewall's parameters, and what their table cannot say. */
#include "firewall.h"

#define RULE(member) .offset = offsetof(struct fw_rule_config, member)
#define CONF(member) .offset = offsetof(struct fw_config, member)

static const char *const withs[] = {"auto", "reset", "port-unreachable", "admin-prohibited", NULL};
static const char *const defaults[] = {"deny", "reject", "allow", NULL};
static const char *const neighbours[] = {"pass", "rules", NULL};
static const char *const fulls[] = {"drop", "evict-unreplied-oldest", NULL};

static const struct sl_param rule_params[] = {
	{.name = "allow",
	 .kind = SL_PROTO,
	 .flags = SL_LIST | SL_ONE_OF,
	 RULE(allow),
	 .doc = "let through these IP protocols, or any; opens a session"},
	{.name = "drop",
	 .kind = SL_PROTO,
	 .flags = SL_LIST | SL_ONE_OF,
	 RULE(drop),
	 .doc = "drop these IP protocols, or any, without an answer"},
	{.name = "reject",
	 .kind = SL_PROTO,
	 .flags = SL_LIST | SL_ONE_OF,
	 RULE(reject),
	 .doc = "drop these IP protocols, or any, and tell the sender"},
	{.name = "match",
	 .kind = SL_TABLE,
	 .flags = SL_INLINE,
	 RULE(match),
	 .fields = sl_match_params,
	 .size = sizeof(struct sl_match),
	 .doc = "what else the packet must be"},
	{.name = "with",
	 .kind = SL_ENUM,
	 RULE(with),
	 .names = withs,
	 .def = "auto",
	 .doc = "how to reject: auto is a reset for TCP, port-unreachable for UDP, else "
		"admin-prohibited"},
	{.name = "log",
	 .kind = SL_BOOL,
	 RULE(log),
	 .doc = "report each packet that this rule decides as an event"},
	{.name = "limit",
	 .kind = SL_RATE,
	 RULE(limit),
	 .doc = "let this rule decide at most so many packets (new sessions) a second on each "
		"worker; what is above is dropped"},
	{.name = "burst",
	 .kind = SL_UINT,
	 RULE(burst),
	 .min = 1,
	 .max = 1000000,
	 .def = "5",
	 .doc = "packets that may come at once within the limit"},
	{.name = NULL},
};

#define TIMEOUT(word, index, standard, what)                                                    \
	{                                                                                       \
		.name = word, .kind = SL_DURATION, .flags = SL_LIVE, CONF(timeouts[index]),     \
		.min = 1000000000, .max = UINT64_C(20) * 86400 * 1000000000, .def = (standard), \
		.doc = (what)                                                                   \
	}

const struct sl_param sl_fw_params[] = {
	{.name = "rules",
	 .kind = SL_TABLE,
	 .flags = SL_LIST | SL_LIVE,
	 CONF(rules),
	 .fields = rule_params,
	 .size = sizeof(struct fw_rule_config),
	 .doc = "rules in order; the first that matches decides about a new session"},
	{.name = "default",
	 .kind = SL_ENUM,
	 .flags = SL_LIVE,
	 CONF(default_policy),
	 .names = defaults,
	 .def = "deny",
	 .doc = "what happens when no rule matches"},
	{.name = "log",
	 .kind = SL_BOOL,
	 .flags = SL_LIVE,
	 CONF(log),
	 .doc = "report each packet that the default policy decides as an event"},
	{.name = "neighbours",
	 .kind = SL_ENUM,
	 .flags = SL_LIVE,
	 CONF(neighbours),
	 .names = neighbours,
	 .def = "pass",
	 .doc = "ARP and IPv6 neighbour discovery: let pass, or go by the rules"},
	{.name = "sessions",
	 .kind = SL_UINT,
	 CONF(sessions),
	 .min = 16,
	 .max = 1u << 28,
	 .def = "65536",
	 .doc = "most IPv4 sessions that a worker keeps; 64 bytes each"},
	{.name = "sessions-ipv6",
	 .kind = SL_UINT,
	 CONF(sessions_ipv6),
	 .min = 16,
	 .max = 1u << 28,
	 .def = "32768",
	 .doc = "most IPv6 sessions that a worker keeps; 128 bytes each"},
	{.name = "table-full",
	 .kind = SL_ENUM,
	 .flags = SL_LIVE,
	 CONF(table_full),
	 .names = fulls,
	 .def = "evict-unreplied-oldest",
	 .doc = "when the table is full: drop what would open a session, or first end the oldest "
		"session that never saw a reply"},
	{.name = "sessions-per-source",
	 .kind = SL_UINT,
	 CONF(per_source),
	 .max = 1u << 28,
	 .def = "0",
	 .doc = "most sessions that one address may have open on a worker; 0: no limit"},
	{.name = "tcp-window",
	 .kind = SL_BOOL,
	 .flags = SL_LIVE,
	 CONF(tcp_window),
	 .def = "true",
	 .doc = "drop TCP segments outside of the window"},
	{.name = "tcp-pickup",
	 .kind = SL_BOOL,
	 .flags = SL_LIVE,
	 CONF(tcp_pickup),
	 .def = "false",
	 .doc = "let TCP connections that were open before be taken up in mid-stream, by rules"},
	{.name = "accounting",
	 .kind = SL_BOOL,
	 CONF(accounting),
	 .def = "false",
	 .doc = "count packets and bytes of each session; 32 bytes a session"},
	{.name = "reject-rate",
	 .kind = SL_RATE,
	 .flags = SL_LIVE,
	 CONF(reject_rate),
	 .def = "100/s",
	 .doc = "most answers to rejected packets a second on each worker"},
	TIMEOUT("tcp-syn", FW_TIME_TCP_SYN, "60 s", "idle time of a TCP handshake"),
	TIMEOUT("tcp-established", FW_TIME_TCP_ESTABLISHED, "2 h",
		"idle time of an open TCP connection"),
	TIMEOUT("tcp-fin", FW_TIME_TCP_FIN, "120 s", "idle time after a FIN"),
	TIMEOUT("tcp-time-wait", FW_TIME_TCP_TIME_WAIT, "60 s",
		"time that a closed TCP connection is remembered"),
	TIMEOUT("tcp-close", FW_TIME_TCP_CLOSE, "10 s", "idle time after a reset"),
	TIMEOUT("udp", FW_TIME_UDP, "30 s", "idle time of UDP until it goes both ways for good"),
	TIMEOUT("udp-stream", FW_TIME_UDP_STREAM, "180 s",
		"idle time of UDP after question, answer and another packet"),
	TIMEOUT("icmp", FW_TIME_ICMP, "30 s", "idle time of ICMP queries"),
	TIMEOUT("generic", FW_TIME_GENERIC, "600 s", "idle time of other protocols"),
	{.name = NULL},
};

enum fw_verdict sl_fw_rule_match(const struct fw_rule_config *rule, struct sl_match *match)
{
	enum fw_verdict verdict = rule->given & FW_GIVEN_ALLOW  ? FW_ALLOW
				  : rule->given & FW_GIVEN_DROP ? FW_DROP
								: FW_REJECT_IT;
	const struct sl_list *protos = verdict == FW_ALLOW  ? &rule->allow
				       : verdict == FW_DROP ? &rule->drop
							    : &rule->reject;

	*match = rule->match;
	for (uint32_t i = 0; i < protos->count; i++) {
		if (*SL_ITEM(protos, uint32_t, i) == SL_PROTO_ANY)
			return verdict; /* `proto` may still say which */
	}
	match->given |= SL_MATCH_PROTO;
	match->proto = *protos;
	return verdict;
}

static bool rejects_only_tcp(const struct sl_match *match)
{
	for (uint32_t i = 0; i < match->proto.count; i++) {
		if (*SL_ITEM(&match->proto, uint32_t, i) != IPPROTO_TCP)
			return false;
	}
	return match->given & SL_MATCH_PROTO;
}

static int check_rule(const struct fw_rule_config *rule, struct sl_errors *errors)
{
	struct sl_match match;
	enum fw_verdict verdict = sl_fw_rule_match(rule, &match);
	int result = sl_match_check(&rule->match, errors);

	if (match.given & SL_MATCH_PROTO && rule->match.given & SL_MATCH_PROTO &&
	    match.proto.items != rule->match.proto.items)
		result = sl_fail_at(errors, &rule->match.proto,
				    "the verdict says the protocol already; write it once");
	/* Errors only of the protocol that the verdict names: those of the rest are told. */
	else if (result == 0 && sl_match_check(&match, NULL) != 0)
		result = sl_fail_at(errors,
				    verdict == FW_ALLOW  ? (const void *)&rule->allow
				    : verdict == FW_DROP ? (const void *)&rule->drop
							 : (const void *)&rule->reject,
				    "packets of this protocol do not have all the fields that the "
				    "rule asks for; it never matches");
	if (rule->given & FW_GIVEN_WITH && verdict != FW_REJECT_IT)
		result = sl_fail_at(errors, &rule->with, "`with` only goes with `reject`");
	if (rule->with == FW_WITH_RESET && verdict == FW_REJECT_IT && !rejects_only_tcp(&match))
		result = sl_fail_at(errors, &rule->with,
				    "only TCP can be reset; write `reject: tcp`");
	if (rule->given & FW_GIVEN_BURST && !(rule->given & FW_GIVEN_LIMIT))
		result = sl_fail_at(errors, &rule->burst, "`burst` only goes with `limit`");
	return result;
}

int sl_fw_check(const void *data, struct sl_errors *errors)
{
	const struct fw_config *config = data;
	int result = 0;

	if (config->rules.count > UINT16_MAX - 1)
		result = sl_fail_at(errors, &config->rules, "at most 65534 rules are possible");
	for (uint32_t i = 0; i < config->rules.count; i++) {
		if (check_rule(SL_ITEM(&config->rules, struct fw_rule_config, i), errors) != 0)
			result = -EINVAL;
	}
	return result;
}
