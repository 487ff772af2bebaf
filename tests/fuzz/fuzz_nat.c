/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NAT's packet path. The input is a script: a byte that picks the configuration, then steps of
 * an operation byte and what it needs. Packets come from either side, are answered, quoted in
 * ICMP errors, damaged, and time passes.
 */
#include <string.h>

#include <rte_byteorder.h>

#include <tests/unit/harness.h>

#include "../../plugins/nat/nat.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SMALL "sessions: 16\nsubscribers: 8\ninside: 10.0.0.0/8\n"

static const char *const configs[] = {
	SMALL "pool: 192.0.2.1\nfiltering: endpoint-independent\nports: 1024-1039\n",
	SMALL "pool: 192.0.2.0/30\nfiltering: address-dependent\nlog: mappings\n",
	SMALL "pool: 192.0.2.1\nblock-size: 64\nblocks-per-subscriber: 2\nports: 1024-1279\n"
	      "log: blocks\nport-hold: 1 s\n",
	SMALL "pool: 192.0.2.1\none-to-one: {outside: 192.0.2.8/29, inside: 10.0.0.8/29}\n"
	      "forward: {proto: [tcp, udp], outside: 192.0.2.1, port: 80-83, inside: 10.0.0.3}\n",
	SMALL "pool: 192.0.2.1\npreserve-port: true\nothers: pass\nrefresh-inbound: true\n",
};

struct script {
	const uint8_t *at, *end;
};

static uint8_t next(struct script *s)
{
	return s->at < s->end ? *s->at++ : 0;
}

/* A frame whose addresses are likely to mean something; bytes beyond come from the script. */
static struct rte_mbuf *any_packet(struct script *s, bool inside)
{
	static const uint8_t protos[] = {6, 17, 1, 47, 136, 33, 132, 6};
	uint8_t frame[14 + 20 + 120] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45};
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + 14);
	uint8_t here = next(s), there = next(s), kind = next(s);
	uint16_t length = next(s) % 121;
	uint32_t host = rte_cpu_to_be_32(0x0a000000 | (here & 15));
	uint32_t far = rte_cpu_to_be_32((there & 32 ? 0xc0000200 : 0xcb007100) | (there & 15));

	ip->next_proto_id = protos[kind & 7];
	ip->fragment_offset = kind & 8 ? rte_cpu_to_be_16(0x2000 | (there & 1)) : 0;
	ip->time_to_live = 9;
	ip->src_addr = inside ? host : rte_cpu_to_be_32(0xcb007100 | (there & 15));
	ip->dst_addr = inside ? far : rte_cpu_to_be_32(0xc0000200 | (here & 15));
	ip->total_length = rte_cpu_to_be_16(20 + length);
	for (uint16_t i = 0; i < length; i++)
		frame[34 + i] = next(s);
	if (kind & 16 && length >= 20)
		frame[34 + 12] = 0x50; /* a TCP header that is one */
	if (kind & 32)
		ip->version_ihl = 0x46;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, (ip->version_ihl & 15) * 4u);
	if (ip->hdr_checksum == 0 && (kind & 64))
		ip->hdr_checksum = 0xffff;
	if (kind & 128 && ip->next_proto_id == 1 && length >= 8) {
		uint16_t sum;

		frame[36] = frame[37] = 0;
		sum = (uint16_t)~rte_raw_cksum(frame + 34, length);
		memcpy(frame + 36, &sum, 2);
	}
	return sl_test_exact(frame, 34 + length);
}

/* What came out last, answered by its receiver, or quoted by someone on the way. */
static struct rte_mbuf *answer(const struct rte_mbuf *sent, bool error, uint8_t how)
{
	uint8_t frame[400];
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + sl_packet(sent)->l3);
	uint16_t length = RTE_MIN(sent->data_len, (uint16_t)sizeof(frame)), port;
	uint8_t *l4 = frame + sl_packet(sent)->l4;
	uint32_t addr;

	if (sl_packet(sent)->family != SL_L3_IPV4 || sl_packet(sent)->l4 == 0)
		return NULL;
	if (error)
		return sl_test_icmp_error(sent, how & 1 ? "203.0.113.1" : "10.0.0.77",
					  how & 2 ? 3 : 11, how >> 4);
	memcpy(frame, rte_pktmbuf_mtod(sent, const void *), length);
	addr = ip->src_addr;
	ip->src_addr = ip->dst_addr;
	ip->dst_addr = addr;
	if (ip->next_proto_id == 1) {
		l4[0] = l4[0] == 8 ? 0 : l4[0];
	} else {
		memcpy(&port, l4, 2);
		memmove(l4, l4 + 2, 2);
		memcpy(l4 + 2, &port, 2);
	}
	if (ip->next_proto_id == 6)
		l4[13] = how;
	return sl_test_exact(frame, length);
}

static const struct rte_mbuf *last_out(struct sl_test *t, bool *from_inside)
{
	for (int from = 0; from < 2; from++) {
		static const uint8_t edges[] = {SL_ON, SL_BACK};

		for (int i = 0; i < 2; i++)
			if (sl_test_count(t, (enum sl_side)from, edges[i]) != 0) {
				*from_inside = from == SL_INSIDE && edges[i] == SL_ON;
				return sl_test_out(t, (enum sl_side)from, edges[i], 0);
			}
	}
	return NULL;
}

static void step(struct sl_test *t, struct script *s)
{
	uint8_t op = next(s);
	bool from_inside = (op & 8) != 0, was_inside = false;
	const struct rte_mbuf *last;
	struct rte_mbuf *m = NULL;

	switch (op & 7) {
	case 0:
		sl_test_advance(t, (uint64_t)next(s) * 1000000000);
		return;
	case 1:
		sl_test_command(t, op & 16 ? "clear" : op & 32 ? "mappings" : "sessions", NULL);
		return;
	case 2:
	case 3:
	case 4:
		last = last_out(t, &was_inside);
		if (last != NULL)
			m = answer(last, (op & 7) == 4, next(s));
		from_inside = !was_inside;
		break;
	default:
		m = any_packet(s, from_inside);
	}
	if (m == NULL)
		return;
	if (op & 64)
		types[0].spread(sl_test_instance(t), m, from_inside ? SL_INSIDE : SL_OUTSIDE, 3);
	sl_test_one(t, from_inside ? SL_INSIDE : SL_OUTSIDE, m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sl_test_options options = {.any_bytes = true};
	struct script s = {data, data + size};
	struct sl_test *t =
		sl_test_new_with(&types[0], configs[next(&s) % RTE_DIM(configs)], &options);

	for (int i = 0; i < 64 && s.at < s.end; i++)
		step(t, &s);
	sl_test_end(t);
	return 0;
}
