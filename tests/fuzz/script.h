/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A fuzzer's input read as a script: bytes are taken one after the other, zeros when none are
 * left. Packets come from a small world, so that they meet: few addresses and ports, sequence
 * numbers near each other, and now and then damage.
 */
#ifndef TESTS_FUZZ_SCRIPT_H
#define TESTS_FUZZ_SCRIPT_H

#include <string.h>

#include <tests/unit/harness.h>

struct script {
	const uint8_t *at, *end;
};

static inline uint8_t script_byte(struct script *s)
{
	return s->at < s->end ? *s->at++ : 0;
}

static inline bool script_over(const struct script *s)
{
	return s->at == s->end;
}

static const char *const script_addrs4[] = {"10.0.0.1", "10.0.0.2", "192.0.2.9", "224.0.0.5"};
static const char *const script_addrs6[] = {"2001:db8::1", "2001:db8::2", "2001:db8:1::9",
					    "ff02::1"};

/* Bytes as they come, as a frame. NULL: too few. */
static inline struct rte_mbuf *script_raw(struct script *s)
{
	uint8_t bytes[256], length = script_byte(s);

	for (unsigned int i = 0; i < length; i++)
		bytes[i] = script_byte(s);
	return length < 14 ? NULL : sl_test_exact(bytes, length);
}

static inline struct rte_mbuf *script_built(struct script *s)
{
	static const uint8_t protos[] = {6, 6, 6, 17, 17, 1, 132, 47};
	uint8_t kind = script_byte(s), who = script_byte(s), what = script_byte(s);
	bool v6 = kind & 8;
	const char *const *addrs = v6 ? script_addrs6 : script_addrs4;
	struct sl_test_packet packet = {
		.from = addrs[who & 3],
		.to = addrs[who >> 2 & 3],
		.proto = protos[kind & 7],
		.sport = 1 + (who >> 4 & 1),
		.dport = 1 + (who >> 5 & 1),
		.tcp_flags = what,
		.tcp_null = what == 0,
		.icmp_type = what & 31,
		.icmp_id = who >> 6,
		.vlan = kind & 16 ? 5 : 0,
		.mark = kind & 32 ? 7 : 0,
		.length = kind & 64 ? script_byte(s) : 0,
		.window = (uint16_t)(script_byte(s) << 8),
		.ttl = v6 && what & 128 ? 255 : 64,
		.dscp = who & 63,
	};

	if (packet.proto == 1 && v6) {
		packet.proto = IPPROTO_ICMPV6;
		packet.icmp_type |= 128;
	}
	packet.seq = 1000 + (int8_t)script_byte(s) * (what & 64 ? 5000u : 1u);
	packet.ack = 1000 + (int8_t)script_byte(s) * (what & 64 ? 5000u : 1u);
	return sl_test_packet(&packet);
}

/* The same packet with bytes changed and cut, its lengths and sums as they then are. */
static inline struct rte_mbuf *script_damaged(struct script *s)
{
	struct rte_mbuf *m = script_built(s);
	uint8_t bytes[512];
	uint16_t length = RTE_MIN(rte_pktmbuf_data_len(m), (uint16_t)sizeof(bytes));

	memcpy(bytes, rte_pktmbuf_mtod(m, const void *), length);
	sl_test_free(m);
	for (unsigned int n = script_byte(s) & 3; n > 0; n--)
		bytes[(14 + script_byte(s)) % length] ^= script_byte(s);
	length = (uint16_t)RTE_MAX(14, length - (script_byte(s) & 63));
	return sl_test_exact(bytes, length);
}

/* An ICMP error about some packet, perhaps damaged inside. */
static inline struct rte_mbuf *script_error(struct script *s)
{
	struct rte_mbuf *about = script_built(s), *error;
	uint8_t how = script_byte(s);
	bool v6 = sl_packet(about)->family == SL_L3_IPV6;

	error = sl_test_icmp_error(about, v6 ? "2001:db8:2::1" : "203.0.113.1",
				   v6 ? 1 + (how & 3) : (how & 1 ? 3 : 11), how >> 4);
	sl_test_free(about);
	if (how & 8) {
		uint8_t bytes[700];
		uint16_t length = RTE_MIN(rte_pktmbuf_data_len(error), (uint16_t)sizeof(bytes));

		memcpy(bytes, rte_pktmbuf_mtod(error, const void *), length);
		sl_test_free(error);
		bytes[(42 + script_byte(s)) % length] ^= script_byte(s);
		error = sl_test_exact(bytes, length);
	}
	return error;
}

static inline struct rte_mbuf *script_packet(struct script *s, uint8_t how)
{
	switch (how & 7) {
	case 0:
		return script_raw(s);
	case 1:
	case 2:
		return script_damaged(s);
	case 3:
		return script_error(s);
	default:
		return script_built(s);
	}
}

#endif
