/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The matcher against the linear definition, on rules and packets that the input makes; and the
 * language of `tcp-flags` on any text.
 */
#include <stdlib.h>

#include "script.h"

#include <core/match/match.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RULES   4
#define PACKETS 32

/* What the lists of a rule point at. */
struct items {
	struct sl_span spans[8];
	struct sl_prefix prefixes[4];
	uint32_t protos[2];
	struct rte_ether_addr macs[2];
	char flags[16];
};

static void span(struct script *s, struct sl_list *list, struct sl_span *item, uint32_t max)
{
	uint32_t low = RTE_MIN((uint32_t)script_byte(s), max);

	*item = (struct sl_span){low, RTE_MIN(max, low + script_byte(s))};
	*list = (struct sl_list){item, 1};
}

static void prefix(struct script *s, struct sl_list *list, struct sl_prefix *items)
{
	for (int i = 0; i < 2; i++) {
		uint8_t how = script_byte(s);
		bool v6 = how & 64;
		const char *addr = v6 ? script_addrs6[how & 3] : script_addrs4[how & 3];

		memset(&items[i], 0, sizeof(items[i]));
		if (how & 128)
			continue; /* any */
		sl_addr_parse(addr, &items[i].addr);
		items[i].length = script_byte(s) % (v6 ? 129 : 33);
		for (unsigned int bit = items[i].length; bit < 128; bit++)
			items[i].addr.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	}
	*list = (struct sl_list){items, 1 + (script_byte(s) & 1)};
}

static void rule(struct script *s, struct sl_match *match, struct items *items)
{
	memset(match, 0, sizeof(*match));
	match->given = script_byte(s) | script_byte(s) << 8 | (script_byte(s) & 3) << 16;
	match->given &= script_byte(s) | script_byte(s) << 8 | (script_byte(s) & 3) << 16;
	match->family = script_byte(s) & 1;
	match->side = script_byte(s) & 1;
	for (int i = 0; i < 2; i++)
		items->protos[i] = script_byte(s) + (script_byte(s) == 255 ? 1u : 0u);
	match->proto = (struct sl_list){items->protos, 2};
	prefix(s, &match->from, items->prefixes);
	prefix(s, &match->to, items->prefixes + 2);
	span(s, &match->sport, &items->spans[0], 65535);
	span(s, &match->dport, &items->spans[1], 65535);
	span(s, &match->vlan, &items->spans[2], 4094);
	span(s, &match->dscp, &items->spans[3], 63);
	span(s, &match->icmp_type, &items->spans[4], 255);
	span(s, &match->icmp_code, &items->spans[5], 255);
	span(s, &match->ethertype, &items->spans[6], 65535);
	span(s, &match->mark, &items->spans[7], UINT32_MAX);
	items->macs[0] = (struct rte_ether_addr){{2, 0, 0, 0, 0, 1}};
	items->macs[1] = (struct rte_ether_addr){{2, 0, 0, 0, 0, script_byte(s)}};
	match->src_mac = (struct sl_list){items->macs, 2};
	match->dst_mac = (struct sl_list){items->macs + 1, 1};
	for (int i = 0; i < 8; i++)
		items->flags[i] = (char)script_byte(s);
	items->flags[8] = '\0';
	match->tcp_flags = script_byte(s) & 1 ? "syn,!ack|rst" : items->flags;
	match->fragment = script_byte(s) & 3;
	match->options = script_byte(s) & 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, data + size};
	struct sl_match rules[RULES];
	struct items items[RULES];
	const struct sl_match *list[RULES];
	struct rte_mbuf *packets[PACKETS];
	uint32_t found[PACKETS], count = script_byte(&s) % (RULES + 1);
	unsigned int side = script_byte(&s) & 1;
	struct sl_matcher *matcher;
	uint16_t n = 0;

	sl_test_eal();
	for (uint32_t i = 0; i < count; i++) {
		rule(&s, &rules[i], &items[i]);
		list[i] = &rules[i];
		sl_match_check(&rules[i], NULL);
	}
	matcher = sl_matcher_create(NULL, list, count, NULL);
	if (matcher == NULL)
		return 0; /* flags that are not in the language */
	while (n < PACKETS && !script_over(&s)) {
		packets[n] = script_packet(&s, script_byte(&s));
		n += packets[n] != NULL;
	}
	if (n > 0)
		sl_matcher_lookup(matcher, side, packets, found, n);
	for (uint16_t i = 0; i < n; i++) {
		uint32_t first = 0;

		while (first < count && !sl_match_packet(&rules[first], side, packets[i]))
			first++;
		if (found[i] != (first < count ? first : SL_NO_MATCH))
			abort();
		sl_test_free(packets[i]);
	}
	sl_matcher_free(matcher);
	return 0;
}
