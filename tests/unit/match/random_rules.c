/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "random_rules.h"

static uint64_t state = 1;

void random_seed(uint64_t seed)
{
	state = seed * 2654435761u + 1;
}

uint32_t random_next(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) ^ (uint32_t)(state >> 11);
}

uint32_t random_below(uint32_t n)
{
	return (uint32_t)((uint64_t)random_next() * n >> 32);
}

/* Few distinct values, so that rules and packets meet. */
static void random_addr(struct sl_addr *addr, bool v6)
{
	memset(addr, 0, sizeof(*addr));
	addr->family = v6 ? SL_FAMILY_IPV6 : SL_FAMILY_IPV4;
	if (v6) {
		addr->bytes[0] = 0x20;
		addr->bytes[1] = 0x01;
		addr->bytes[5] = (uint8_t)random_below(3);
		addr->bytes[9] = (uint8_t)random_below(2);
		addr->bytes[15] = (uint8_t)random_below(4);
	} else {
		addr->bytes[0] = 10;
		addr->bytes[1] = (uint8_t)random_below(3);
		addr->bytes[2] = (uint8_t)random_below(256);
		addr->bytes[3] = (uint8_t)random_below(4);
	}
}

static void random_prefix(struct sl_prefix *prefix)
{
	unsigned int choice = random_below(16);
	unsigned int bits;

	memset(prefix, 0, sizeof(*prefix));
	if (choice == 0)
		return; /* any */
	random_addr(&prefix->addr, choice < 7);
	bits = choice < 7 ? 128 : 32;
	prefix->length = (uint8_t)(random_below(4) == 0 ? bits : random_below(bits + 1));
	for (unsigned int i = 0; i < 128; i++) {
		if (i >= prefix->length)
			prefix->addr.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	}
}

static uint32_t *random_proto(uint32_t *proto)
{
	static const uint32_t some[] = {6, 17, 132, 1, 58, 47, 6, 17, SL_PROTO_ANY};

	*proto = some[random_below(RTE_DIM(some))];
	return proto;
}

static void random_span(struct sl_span *span, uint32_t low, uint32_t max)
{
	uint32_t a = low + random_below(RTE_MIN(max - low, 12u) + 1);

	switch (random_below(4)) {
	case 0:
		*span = (struct sl_span){a, max};
		return;
	case 1:
		*span = (struct sl_span){a, a};
		return;
	case 2:
		*span = (struct sl_span){random_below(a + 1), a};
		return;
	default:
		*span = (struct sl_span){a, RTE_MIN(max, a + random_below(300))};
	}
}

static void *list_new(struct sl_list *list, const struct random_shape *shape, size_t size)
{
	list->count = 1 + random_below(shape->max_list);
	list->items = calloc(list->count, size);
	assert(list->items != NULL);
	return list->items;
}

static void spans_new(struct sl_list *list, const struct random_shape *shape, uint32_t low,
		      uint32_t max)
{
	struct sl_span *spans = list_new(list, shape, sizeof(*spans));

	for (uint32_t i = 0; i < list->count; i++)
		random_span(&spans[i], low, max);
}

static void macs_new(struct sl_list *list, const struct random_shape *shape)
{
	struct rte_ether_addr *macs = list_new(list, shape, sizeof(*macs));

	for (uint32_t i = 0; i < list->count; i++) {
		macs[i].addr_bytes[0] = 2;
		macs[i].addr_bytes[5] = (uint8_t)random_below(3);
	}
}

static void prefixes_new(struct sl_list *list, const struct random_shape *shape)
{
	struct sl_prefix *prefixes = list_new(list, shape, sizeof(*prefixes));

	for (uint32_t i = 0; i < list->count; i++)
		random_prefix(&prefixes[i]);
}

static const char *const flag_texts[] = {"syn",  "syn,!ack",         "fin|rst",
					 "none", "ack , !syn | rst", "!ack"};

void random_rule(struct sl_match *rule, const struct random_shape *shape)
{
	memset(rule, 0, sizeof(*rule));
	for (unsigned int bit = 0; bit < 18; bit++) {
		if (shape->fields & 1u << bit && random_below(shape->chance) == 0)
			rule->given |= 1u << bit;
	}
	rule->family = random_below(2);
	rule->side = random_below(2);
	if (rule->given & SL_MATCH_PROTO) {
		uint32_t *protos = list_new(&rule->proto, shape, sizeof(*protos));

		for (uint32_t i = 0; i < rule->proto.count; i++)
			random_proto(&protos[i]);
	}
	if (rule->given & SL_MATCH_FROM)
		prefixes_new(&rule->from, shape);
	if (rule->given & SL_MATCH_TO)
		prefixes_new(&rule->to, shape);
	if (rule->given & SL_MATCH_SPORT)
		spans_new(&rule->sport, shape, 250, 65535);
	if (rule->given & SL_MATCH_DPORT)
		spans_new(&rule->dport, shape, 250, 65535);
	if (rule->given & SL_MATCH_SRC_MAC)
		macs_new(&rule->src_mac, shape);
	if (rule->given & SL_MATCH_DST_MAC)
		macs_new(&rule->dst_mac, shape);
	if (rule->given & SL_MATCH_VLAN)
		spans_new(&rule->vlan, shape, 0, 4094);
	if (rule->given & SL_MATCH_DSCP)
		spans_new(&rule->dscp, shape, 0, 63);
	if (rule->given & SL_MATCH_ICMP_TYPE)
		spans_new(&rule->icmp_type, shape, 0, 255);
	if (rule->given & SL_MATCH_ICMP_CODE)
		spans_new(&rule->icmp_code, shape, 0, 255);
	if (rule->given & SL_MATCH_ETHERTYPE)
		spans_new(&rule->ethertype, shape, 0x7fe, 65535);
	if (rule->given & SL_MATCH_MARK)
		spans_new(&rule->mark, shape, 65530, UINT32_MAX);
	rule->tcp_flags = flag_texts[random_below(RTE_DIM(flag_texts))];
	rule->fragment = random_below(4);
	rule->options = random_below(2);
}

void random_rule_free(struct sl_match *rule)
{
	struct sl_list *lists[] = {
		&rule->proto,     &rule->from,      &rule->to,   &rule->sport, &rule->dport,
		&rule->src_mac,   &rule->dst_mac,   &rule->vlan, &rule->dscp,  &rule->icmp_type,
		&rule->icmp_code, &rule->ethertype, &rule->mark};

	for (size_t i = 0; i < RTE_DIM(lists); i++)
		free(lists[i]->items);
}

/* ---- Packets ---- */

static uint8_t *put(uint8_t *at, const void *bytes, size_t n)
{
	memcpy(at, bytes, n);
	return at + n;
}

static uint8_t *put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *put_transport(uint8_t *at, uint8_t proto)
{
	uint8_t header[20] = {0};

	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
		header[0] = (uint8_t)random_below(14);
		header[1] = (uint8_t)random_below(4);
		return put(at, header, 8);
	}
	put16(header, 240 + random_below(40));
	put16(header + 2, 240 + random_below(40));
	header[12] = 0x50;
	header[13] = (uint8_t)(random_below(2) ? random_next() : random_below(32));
	if (proto == IPPROTO_UDP)
		put16(header + 4, 8);
	return put(at, header, proto == IPPROTO_TCP ? 20 : proto == IPPROTO_UDP ? 8 : 12);
}

static uint8_t *put_ipv4(uint8_t *at, uint8_t proto)
{
	unsigned int words = random_below(5) == 0 ? 6 : 5;
	uint8_t *ip = at, *end;
	struct sl_addr addr;

	memset(ip, 0, 24);
	ip[0] = (uint8_t)(0x40 | words);
	ip[1] = (uint8_t)(random_below(16) << 2);
	if (random_below(5) == 0) /* first, middle or last fragment */
		put16(ip + 6, random_below(2) ? 0x2000 : (0x2000 * random_below(2)) | 4);
	ip[8] = 64;
	ip[9] = proto;
	random_addr(&addr, false);
	memcpy(ip + 12, addr.bytes, 4);
	random_addr(&addr, false);
	memcpy(ip + 16, addr.bytes, 4);
	if (words == 6)
		memset(ip + 20, 1, 4); /* NOP */
	end = put_transport(ip + 4 * words, proto);
	put16(ip + 2, (unsigned int)(end - ip));
	put16(ip + 10, 0);
	memcpy(ip + 10, &(uint16_t){(uint16_t)~rte_raw_cksum(ip, 4 * words)}, 2);
	if (random_below(30) == 0)
		ip[random_below(20)] ^= 0x10;
	return end;
}

static uint8_t *put_ipv6(uint8_t *at, uint8_t proto)
{
	uint8_t *ip = at, *next = ip + 6, *end = ip + 40;
	struct sl_addr addr;

	memset(ip, 0, 64);
	put16(ip, 0x6000 | random_below(16) << 6);
	ip[7] = 64;
	random_addr(&addr, true);
	memcpy(ip + 8, addr.bytes, 16);
	random_addr(&addr, true);
	memcpy(ip + 24, addr.bytes, 16);
	if (random_below(5) == 0) { /* hop-by-hop options: PadN */
		*next = IPPROTO_HOPOPTS;
		next = end;
		end = put(end, (uint8_t[]){0, 0, 1, 4, 0, 0, 0, 0}, 8);
	}
	if (random_below(5) == 0) { /* fragment header */
		*next = IPPROTO_FRAGMENT;
		next = end;
		end = put(end, (uint8_t[]){0, 0, 0, random_below(2) ? 1 : 9, 0, 0, 0, 1}, 8);
	}
	*next = proto;
	end = put_transport(end, proto);
	put16(ip + 4, (unsigned int)(end - ip - 40));
	if (random_below(30) == 0)
		ip[random_below(40)] ^= 0x10;
	return end;
}

void random_packet(struct rte_mbuf *m)
{
	static const uint8_t protos[] = {6, 6, 17, 17, 132, 1, 58, 47, 89};
	uint8_t proto = protos[random_below(RTE_DIM(protos))];
	uint8_t bytes[256], *at = bytes;
	unsigned int kind = random_below(10);

	memset(bytes, 0, sizeof(bytes));
	bytes[0] = bytes[6] = 2;
	bytes[5] = (uint8_t)random_below(3);
	bytes[11] = (uint8_t)random_below(3);
	at += 12;
	for (unsigned int tags = random_below(4) == 0 ? 1 + random_below(2) : 0; tags > 0; tags--) {
		at = put16(at, RTE_ETHER_TYPE_VLAN);
		at = put16(at, random_below(8) << 13 | random_below(16));
	}
	if (kind < 5)
		at = put_ipv4(put16(at, RTE_ETHER_TYPE_IPV4), proto);
	else if (kind < 8)
		at = put_ipv6(put16(at, RTE_ETHER_TYPE_IPV6), proto);
	else if (kind == 8)
		at = put16(at, RTE_ETHER_TYPE_ARP) + 28;
	else
		at = put16(at, 0x7f8 + random_below(24)) + random_below(30);
	if (random_below(12) == 0) /* cut short */
		at = bytes + 14 + random_below((uint32_t)(at - bytes) - 13);
	rte_pktmbuf_reset(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)(at - bytes)), bytes, (size_t)(at - bytes));
	memset(sl_packet(m), 0, sizeof(struct sl_packet));
	sl_packet(m)->mark = random_below(3) == 0 ? 65525 + random_below(30) : 0;
	if (!sl_packet_parse(m))
		abort();
}
