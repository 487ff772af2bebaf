/* SPDX-License-Identifier: BSD-3-Clause */
/* Random rules and random packets that have a fair chance to meet. */
#ifndef TESTS_UNIT_MATCH_RANDOM_RULES_H
#define TESTS_UNIT_MATCH_RANDOM_RULES_H

#include <sluice/match.h>
#include <sluice/packet.h>

/* Which fields a rule may use: a set of enum sl_match_field. */
struct random_shape {
	uint64_t fields;
	unsigned int chance;   /* each field is used in one of so many rules */
	unsigned int max_list; /* longest list */
};

uint32_t random_next(void);
void random_seed(uint64_t seed);
/* A number below n. */
uint32_t random_below(uint32_t n);

/* Fill a rule; its lists are malloc'ed: free with random_rule_free(). */
void random_rule(struct sl_match *rule, const struct random_shape *shape);
void random_rule_free(struct sl_match *rule);

/* Write a packet into an mbuf with room and parse it: IPv4, IPv6, ARP or nonsense, tagged,
 * fragmented, with options, cut short or damaged. */
void random_packet(struct rte_mbuf *m);

#endif
