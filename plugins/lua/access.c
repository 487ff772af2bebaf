/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the prelude calls in C: bytes beyond the first segment, all writes, and addresses as texts.
 * A write notes what it does to the checksums that cover it (RFC 1624), byte by byte, so a damaged
 * packet stays damaged, and writing to a checksum itself is the script's own affair.
 */
#include <stdio.h>
#include <string.h>

#include <sluice/lua.h>

#include "script.h"

/* Bytes of a packet in order; NULL when they do not lie in one segment. */
static uint8_t *bytes_at(const struct script_batch *batch, uint32_t i, uint32_t offset,
			 uint32_t width)
{
	struct rte_mbuf *m = batch->pkts[i];

	while (m != NULL && offset >= m->data_len) {
		offset -= m->data_len;
		m = m->next;
	}
	if (m == NULL || width > m->data_len - offset)
		return NULL;
	return rte_pktmbuf_mtod_offset(m, uint8_t *, offset);
}

static bool within_packet(const struct script_batch *batch, uint32_t i, uint32_t offset,
			  uint32_t width)
{
	return i < batch->count && offset <= batch->length[i] && width <= batch->length[i] - offset;
}

static bool read_bytes(struct script_machine *machine, uint32_t i, uint32_t offset, uint32_t width,
		       uint8_t *out)
{
	struct script_batch *batch = &machine->batch;
	const void *bytes;

	if (!within_packet(batch, i, offset, width))
		return false;
	bytes = rte_pktmbuf_read(batch->pkts[i], offset, width, out);
	if (bytes == NULL)
		return false;
	if (bytes != out)
		memcpy(out, bytes, width);
	return true;
}

/* Whether the segment with that byte is this packet's alone. */
static bool may_write(const struct script_batch *batch, uint32_t i, uint32_t offset)
{
	const struct rte_mbuf *m = batch->pkts[i];

	if (offset < m->data_len)
		return true; /* sluice/packet.h promises it */
	for (; m != NULL && offset >= m->data_len; m = m->next)
		offset -= m->data_len;
	return m != NULL && RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1;
}

static_assert(sizeof(struct sl_prefix) <= 32, "the prelude has room for that");

/* ---- Checksums ---- */

/* What of a packet its checksums cover. */
struct cover {
	uint32_t header, header_end;   /* IPv4's */
	uint32_t header_sum;           /* where that one stands */
	uint32_t pseudo, pseudo_end;   /* addresses */
	uint32_t segment, segment_end; /* transport header and payload; 0: no checksum */
	uint32_t segment_sum;
	uint32_t proto; /* the byte of the pseudo header that says the protocol; 0: none */
	bool udp;
};

static void cover_segment(struct cover *cover, const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);

	if (p->l4 == 0 || (p->flags & SL_PKT_LATER_FRAGMENT))
		return;
	switch (p->proto) {
	case IPPROTO_TCP:
		cover->segment_sum = p->l4 + offsetof(struct rte_tcp_hdr, cksum);
		break;
	case IPPROTO_UDP:
		cover->segment_sum = p->l4 + offsetof(struct rte_udp_hdr, dgram_cksum);
		cover->udp = true;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		cover->segment_sum = p->l4 + offsetof(struct rte_icmp_hdr, icmp_cksum);
		break;
	default:
		return;
	}
	cover->segment = p->l4;
	/* ICMP has no pseudo header (RFC 792); ICMPv6 does (RFC 4443 section 2.3). */
	if (p->proto == IPPROTO_ICMP)
		cover->pseudo = cover->pseudo_end = cover->proto = 0;
}

static void find_cover(struct cover *cover, const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const uint8_t *ip = sl_l3(m);

	memset(cover, 0, sizeof(*cover));
	if (p->flags & SL_PKT_MALFORMED)
		return;
	if (p->family == SL_L3_IPV4) {
		cover->header = p->l3;
		cover->header_end = p->l3 + 4u * (ip[0] & 15);
		cover->header_sum = p->l3 + offsetof(struct rte_ipv4_hdr, hdr_checksum);
		cover->pseudo = p->l3 + offsetof(struct rte_ipv4_hdr, src_addr);
		cover->pseudo_end = cover->pseudo + 8;
		cover->proto = p->l3 + offsetof(struct rte_ipv4_hdr, next_proto_id);
		cover->segment_end = p->l3 + (uint32_t)(ip[2] << 8 | ip[3]);
	} else if (p->family == SL_L3_IPV6) {
		cover->pseudo = p->l3 + 8u;
		cover->pseudo_end = cover->pseudo + 32;
		if (p->l4 == p->l3 + sizeof(struct rte_ipv6_hdr))
			cover->proto = p->l3 + offsetof(struct rte_ipv6_hdr, proto);
		cover->segment_end = p->l3 + 40u + (uint32_t)(ip[4] << 8 | ip[5]);
	} else {
		return;
	}
	cover_segment(cover, m);
}

static bool covers(uint32_t from, uint32_t to, uint32_t sum, uint32_t place)
{
	return place >= from && place < to && place - sum > 1;
}

/* Headers begin at even offsets, so a byte's place in its word is that in the packet. */
static void note(struct script_batch *batch, uint32_t i, const struct cover *cover, uint32_t place,
		 uint8_t old, uint8_t new)
{
	int32_t delta = (new - old) * ((place & 1) == 0 ? 256 : 1);

	if (covers(cover->header, cover->header_end, cover->header_sum, place))
		batch->ip_delta[i] = (batch->ip_delta[i] + delta) % 0xffff;
	if (cover->segment == 0)
		return;
	if ((place >= cover->pseudo && place < cover->pseudo_end) ||
	    covers(cover->segment, cover->segment_end, cover->segment_sum, place))
		batch->l4_delta[i] = (batch->l4_delta[i] + delta) % 0xffff;
	else if (place == cover->proto && cover->proto != 0)
		batch->l4_delta[i] = (batch->l4_delta[i] + new - old) % 0xffff;
}

static void apply(struct rte_mbuf *m, uint32_t place, int32_t delta, bool udp)
{
	uint8_t *at = rte_pktmbuf_mtod_offset(m, uint8_t *, place);
	uint16_t by = rte_cpu_to_be_16((uint16_t)((delta + 0xffff) % 0xffff)), sum;

	if (by == 0)
		return;
	memcpy(&sum, at, sizeof(sum)); /* frames may begin anywhere */
	sum = udp ? sl_checksum_apply_udp(sum, by) : sl_checksum_apply(sum, by);
	memcpy(at, &sum, sizeof(sum));
}

void sl_script_fix(struct script_batch *batch, uint32_t i)
{
	struct rte_mbuf *m = batch->pkts[i];
	struct cover cover;

	/* By the fields of before: they say where the checksums stand. */
	find_cover(&cover, m);
	if (batch->ip_delta[i] != 0 && cover.header != 0)
		apply(m, cover.header_sum, batch->ip_delta[i], false);
	if (batch->l4_delta[i] != 0 && cover.segment != 0 && cover.segment_sum + 2 <= m->data_len)
		apply(m, cover.segment_sum, batch->l4_delta[i], cover.udp);
	sl_packet_parse(m);
}

/* ---- Writes ---- */

enum { WRITTEN, OUTSIDE, SHARED, READ_ONLY };

static int write_all(struct script_batch *batch, uint32_t i, uint32_t offset, const uint8_t *bytes,
		     uint32_t length)
{
	uint8_t *first = NULL;
	struct cover cover;

	if (batch->read_only)
		return READ_ONLY;
	if (!within_packet(batch, i, offset, length))
		return OUTSIDE;
	/* Mostly all lie in the first segment, which is the packet's own (sluice/packet.h). */
	if (offset + length <= batch->first[i])
		first = batch->data[i] + offset;
	for (uint32_t at = 0; first == NULL && at < length; at++)
		if (!may_write(batch, i, offset + at))
			return SHARED;
	find_cover(&cover, batch->pkts[i]);
	for (uint32_t at = 0; at < length; at++) {
		uint8_t *byte = first != NULL ? first + at : bytes_at(batch, i, offset + at, 1);

		if (byte == NULL || *byte == bytes[at])
			continue;
		note(batch, i, &cover, offset + at, *byte, bytes[at]);
		*byte = bytes[at];
	}
	batch->dirty[i] = true;
	return WRITTEN;
}

static int write_number(struct script_machine *machine, uint32_t i, uint32_t offset, uint32_t width,
			uint64_t value)
{
	uint8_t bytes[8];

	for (uint32_t at = 0; at < width; at++)
		bytes[at] = (uint8_t)(value >> 8 * (width - 1 - at));
	return write_all(&machine->batch, i, offset, bytes, width);
}

static int write_bytes(struct script_machine *machine, uint32_t i, uint32_t offset,
		       const char *bytes, uint32_t length)
{
	machine->batch.steps -= (double)length / 4;
	return write_all(&machine->batch, i, offset, (const uint8_t *)bytes, length);
}

/* ---- Addresses ---- */

static void set_address(struct sl_addr *addr, const uint8_t *bytes, uint32_t size)
{
	memset(addr, 0, sizeof(*addr));
	addr->family = size == 4 ? SL_FAMILY_IPV4 : SL_FAMILY_IPV6;
	memcpy(addr->bytes, bytes, size == 4 ? 4 : 16);
}

/* Writes at most SL_ADDR_TEXT bytes; returns how many without the NUL. */
static int address_text(const uint8_t *bytes, uint32_t size, char *text)
{
	struct sl_addr addr;

	if (size == 6)
		return snprintf(text, SL_ADDR_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0],
				bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]);
	set_address(&addr, bytes, size);
	return (int)strlen(sl_addr_format(&addr, text));
}

/* Of a text, an address of so many bytes. */
static bool address_bytes(const char *text, uint32_t size, uint8_t *out)
{
	struct rte_ether_addr mac;
	struct sl_addr addr;

	if (size == 6) {
		if (rte_ether_unformat_addr(text, &mac) != 0)
			return false;
		memcpy(out, mac.addr_bytes, 6);
		return true;
	}
	if (sl_addr_parse(text, &addr) != 0 ||
	    addr.family != (size == 4 ? SL_FAMILY_IPV4 : SL_FAMILY_IPV6))
		return false;
	memcpy(out, addr.bytes, size);
	return true;
}

static int parse_prefix(const char *text, void *out)
{
	return sl_prefix_parse(text, out);
}

static bool within_prefix(const void *prefix, const uint8_t *address, uint32_t size)
{
	struct sl_addr addr;

	set_address(&addr, address, size);
	return sl_prefix_contains(prefix, &addr);
}

/* ---- Others ---- */

static double match_cost(uint32_t text, const char *pattern, uint32_t length)
{
	return sl_lua_match_cost(text, pattern, length);
}

/* Number of a reason, from 1 on; 0: there is no room for another. */
static int number_of_name(struct script_machine *machine, const char *name)
{
	struct script_drops *drops;
	uint32_t i;

	for (i = 1; i < machine->name_count; i++)
		if (strcmp(machine->drops[i].name, name) == 0)
			return (int)i;
	if (i >= SCRIPT_NAMES)
		return 0;
	drops = &machine->drops[i];
	snprintf(drops->name, sizeof(drops->name), "%s", name);
	__atomic_store_n(&machine->name_count, i + 1, __ATOMIC_RELEASE);
	return (int)i;
}

#define PRINTS 10 /* events a second */

/* A line for the author, as an event. */
static void print(struct script_machine *machine, const char *text, uint32_t length)
{
	char line[96] = {0};

	machine->batch.steps -= 100;
	machine->prints++;
	if (machine->node == NULL)
		return;
	if (sl_now(machine->node) - machine->printed > sl_hz()) {
		machine->printed = sl_now(machine->node);
		machine->prints_left = PRINTS;
	}
	if (machine->prints_left == 0)
		return;
	machine->prints_left--;
	memcpy(line, text, RTE_MIN((size_t)length, sizeof(line) - 1));
	sl_event(machine->node, SCRIPT_EVENT_PRINT, line, sizeof(line));
}

const struct script_calls sl_script_calls = {
	.read = read_bytes,
	.write = write_number,
	.copy = write_bytes,
	.address = address_text,
	.parse = address_bytes,
	.prefix = parse_prefix,
	.within = within_prefix,
	.cost = match_cost,
	.name = number_of_name,
	.limit = sl_limit_set,
	.print = print,
};
