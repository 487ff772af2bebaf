/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The match language: which packets a rule is about. Every plugin with rules uses it, so a
 * rule reads the same everywhere, and so does steering.
 *
 * Embed a struct sl_match in the rule's struct and name sl_match_params as an SL_TABLE
 * (inline or under a name). Then compile the rules once into a matcher and look packets up in
 * bulk; the lookup is on rte_acl and costs nearly the same for ten rules and ten thousand.
 */
#ifndef SLUICE_MATCH_H
#define SLUICE_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include <sluice/error.h>
#include <sluice/param.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_mbuf;
struct sl_instance;
struct sl_matcher;

/** Values of sl_match.fragment. */
enum sl_match_fragment {
	SL_FRAGMENT_ANY,   /**< any fragment */
	SL_FRAGMENT_FIRST, /**< the first of several */
	SL_FRAGMENT_LATER, /**< not the first: it has no ports */
	SL_FRAGMENT_NONE,  /**< a whole packet */
};

/**
 * What to match. A field that was not given matches everything, and so does an "any" in a
 * list; values of a list are alternatives; all fields given must match. A field of a protocol
 * layer that the packet does not have (ports of a later fragment, addresses of ARP, anything
 * of a malformed IP header) never matches when given.
 *
 * `tcp-flags` is a list of alternatives joined by "|"; each is a list of flags joined by ",",
 * all of which must hold: `syn`, `ack`, `fin`, `rst`, `psh`, `urg`, `ece`, `cwr`, set, or,
 * with "!" before it, clear; `none`: all eight are clear. Only TCP has flags.
 */
struct sl_match {
	uint64_t given;
	uint32_t family;          /**< `family`: SL_FAMILY_* by enum index: 0 ipv4, 1 ipv6 */
	uint32_t side;            /**< `side`: 0 inside, 1 outside: where the packet comes from */
	struct sl_list proto;     /**< `proto` of uint32_t */
	struct sl_list from;      /**< `from` of struct sl_prefix: source */
	struct sl_list to;        /**< `to` of struct sl_prefix: destination */
	struct sl_list sport;     /**< `sport` of struct sl_span; TCP, UDP or SCTP */
	struct sl_list dport;     /**< `dport` of struct sl_span */
	struct sl_list src_mac;   /**< `src-mac` of struct rte_ether_addr */
	struct sl_list dst_mac;   /**< `dst-mac` */
	struct sl_list vlan;      /**< `vlan` of struct sl_span: 1..4094; 0: untagged */
	struct sl_list dscp;      /**< `dscp` of struct sl_span: 0..63 */
	struct sl_list icmp_type; /**< `icmp-type` of struct sl_span; ICMP or ICMPv6 */
	struct sl_list icmp_code; /**< `icmp-code` of struct sl_span */
	struct sl_list ethertype; /**< `ethertype` of struct sl_span; that of the payload */
	struct sl_list mark;      /**< `mark` of struct sl_span: sl_packet()->mark */
	const char *tcp_flags;    /**< `tcp-flags`: "syn", "syn,!ack", "fin|rst": see the manual */
	uint32_t fragment;        /**< `fragment`: enum sl_match_fragment */
	bool options;             /**< `options`: IPv4 options or IPv6 extension headers */
};

/** The parameters of struct sl_match. */
SL_PUBLIC extern const struct sl_param sl_match_params[];

/** Bits of sl_match.given, in the order of sl_match_params. */
enum sl_match_field {
	SL_MATCH_FAMILY = 1 << 0,
	SL_MATCH_SIDE = 1 << 1,
	SL_MATCH_PROTO = 1 << 2,
	SL_MATCH_FROM = 1 << 3,
	SL_MATCH_TO = 1 << 4,
	SL_MATCH_SPORT = 1 << 5,
	SL_MATCH_DPORT = 1 << 6,
	SL_MATCH_SRC_MAC = 1 << 7,
	SL_MATCH_DST_MAC = 1 << 8,
	SL_MATCH_VLAN = 1 << 9,
	SL_MATCH_DSCP = 1 << 10,
	SL_MATCH_ICMP_TYPE = 1 << 11,
	SL_MATCH_ICMP_CODE = 1 << 12,
	SL_MATCH_ETHERTYPE = 1 << 13,
	SL_MATCH_MARK = 1 << 14,
	SL_MATCH_TCP_FLAGS = 1 << 15,
	SL_MATCH_FRAGMENT = 1 << 16,
	SL_MATCH_OPTIONS = 1 << 17,
};

/**
 * Check one rule for what no packet can match, such as `dport` with `proto: icmp`, or a
 * `tcp-flags` that is not in the language. Pure; for a type's check().
 * @return 0 or -EINVAL with messages that name the place
 */
SL_PUBLIC int sl_match_check(const struct sl_match *match, struct sl_errors *errors);

/** What sl_matcher_lookup() says of a packet that no rule matches. */
#define SL_NO_MATCH UINT32_MAX

/**
 * Compile rules into a matcher. The first rule that matches wins.
 *
 * @param instance  whose memory it counts against (the search tree itself is in DPDK's); NULL
 *                  for the engine's own
 * @param rules     pointers to the rules, in order; only read during the call
 * @param count     how many; 0 is allowed and matches nothing
 * @param errors    told what could not be compiled, with its place
 * @return the matcher, immutable, or NULL
 *
 * Main thread only. Free it with sl_matcher_free() when no worker can see it.
 */
SL_PUBLIC struct sl_matcher *sl_matcher_create(struct sl_instance *instance,
					       const struct sl_match *const *rules, uint32_t count,
					       struct sl_errors *errors);

/** Free a matcher; NULL is allowed. Main thread only. */
SL_PUBLIC void sl_matcher_free(struct sl_matcher *matcher);

/**
 * Find the first matching rule of each packet.
 *
 * @param side  where the packets come from: enum sl_side of the node
 * @param rule  out: index of the rule, or SL_NO_MATCH, for each packet
 * @param n     at most 256
 * Any thread.
 */
SL_PUBLIC void sl_matcher_lookup(const struct sl_matcher *matcher, unsigned int side,
				 struct rte_mbuf *const *pkts, uint32_t *rule, uint16_t n);

/**
 * Whether every packet of the flow of m, as sluice/trail.h defines one, meets the same rule as m:
 * then that rule can be said on a trail. False where a rule looks at what such packets can differ
 * in: the PSH flag of TCP, the code of ICMP. Any thread.
 */
SL_PUBLIC bool sl_matcher_by_flow(const struct sl_matcher *matcher, const struct rte_mbuf *m);

/**
 * Whether one rule matches one packet, without any matcher: slow, and the definition of what
 * the language means. The tests hold sl_matcher_lookup() against it.
 */
SL_PUBLIC bool sl_match_packet(const struct sl_match *match, unsigned int side,
			       const struct rte_mbuf *m);

#ifdef __cplusplus
}
#endif
#endif
