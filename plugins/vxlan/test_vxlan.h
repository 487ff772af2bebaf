/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of VXLAN share: frames inside, packets outside. */
#ifndef VXLAN_TEST_VXLAN_H
#define VXLAN_TEST_VXLAN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_byteorder.h>

#include <tests/unit/harness.h>

#define SECOND 1000000000ull

#define US      "192.0.2.1"
#define PEER    "192.0.2.2"
#define PEER2   "192.0.2.3"
#define US6     "2001:db8::1"
#define PEER6   "2001:db8::2"
#define MAC_A   "02:00:00:00:0a:01" /* inside */
#define MAC_B   "02:00:00:00:0b:01" /* remote */
#define MAC_ALL "ff:ff:ff:ff:ff:ff"

#define BASE  "vni: 100\nlocal: 192.0.2.1\npeers: 192.0.2.2\n"
#define BASE6 "vni: 100\nlocal: \"2001:db8::1\"\npeers: \"2001:db8::2\"\n"

static const struct sl_node_type *type;

__rte_unused static int load(void **state)
{
	void *handle = dlopen(SL_BUILD_DIR "/plugins/vxlan.so", RTLD_NOW | RTLD_LOCAL);
	const struct sl_plugin *plugin;

	if (handle == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
	plugin = (const struct sl_plugin *)dlsym(handle, "sl_plugin");
	type = &plugin->types[0];
	return 0;
}

/* The edge a drop of that name has. */
__rte_unused static int dropped(const char *reason)
{
	for (int i = 0; type->reasons[i].name != NULL; i++)
		if (strcmp(type->reasons[i].name, reason) == 0)
			return SL_DROP(i);
	fail_msg("no reason %s", reason);
	return -1;
}

/* All bytes of a packet, from any segments. */
__rte_unused static uint16_t bytes_of(const struct rte_mbuf *m, uint8_t *room, uint16_t size)
{
	const void *at;

	assert_true(m->pkt_len <= size);
	at = rte_pktmbuf_read(m, 0, m->pkt_len, room);
	if (at != room)
		memcpy(room, at, m->pkt_len);
	return (uint16_t)m->pkt_len;
}

/* A UDP packet of an inside station to another. */
__rte_unused static struct rte_mbuf *frame(const char *src_mac, const char *dst_mac)
{
	return SL_TEST_PACKET(.from = "10.0.0.1", .to = "10.0.0.2", .sport = 1000, .dport = 2000,
			      .length = 40, .src_mac = src_mac, .dst_mac = dst_mac);
}

struct outer {
	const char *from, *to; /* NULL: the peer, us */
	uint32_t vni;          /* 0: 100 */
	uint8_t flags;         /* 0: 8 */
	uint8_t next;
	uint16_t port; /* 0: 4789 */
	bool no_checksum;
	uint8_t tos;
	bool zero; /* flags are 0 */
};

static inline void set_tos(struct rte_mbuf *m, uint8_t tos)
{
	if (sl_packet(m)->family == SL_L3_IPV4) {
		struct rte_ipv4_hdr *ip = sl_ipv4(m);

		ip->type_of_service = tos;
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	} else {
		sl_ipv6(m)->vtc_flow = rte_cpu_to_be_32(0x60000000 | (uint32_t)tos << 20);
	}
}

/* VXLAN with these bytes in it. */
__rte_unused static struct rte_mbuf *wrap_bytes(const uint8_t *inner, uint16_t length,
						struct outer o)
{
	uint8_t payload[4096] = {0};
	uint32_t vni = rte_cpu_to_be_32((o.vni != 0 ? o.vni : 100) << 8);
	struct rte_mbuf *m;

	payload[0] = o.zero ? 0 : o.flags != 0 ? o.flags : 8;
	payload[3] = o.next;
	memcpy(payload + 4, &vni, 4);
	memcpy(payload + 8, inner, length);
	m = SL_TEST_PACKET(.from = o.from != NULL ? o.from : PEER, .to = o.to != NULL ? o.to : US,
			   .sport = 50000, .dport = o.port != 0 ? o.port : 4789, .payload = payload,
			   .length = length + 8, .no_checksum = o.no_checksum);
	set_tos(m, o.tos);
	return m;
}

/* VXLAN with that frame in it, which is freed. */
__rte_unused static struct rte_mbuf *wrap(struct rte_mbuf *inner, struct outer o)
{
	uint8_t bytes[4000];
	uint16_t length = bytes_of(inner, bytes, sizeof(bytes));

	sl_test_free(inner);
	return wrap_bytes(bytes, length, o);
}
#define WRAP(inner, ...) wrap(inner, (struct outer){__VA_ARGS__})

__rte_unused static struct rte_mbuf *out(struct sl_test *t, enum sl_side from, uint8_t edge)
{
	assert_true(sl_test_count(t, from, edge) >= 1);
	return sl_test_out(t, from, edge, 0);
}

/* Let a station be heard behind a peer. */
__rte_unused static void hear(struct sl_test *t, const char *mac, const char *peer)
{
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, WRAP(frame(mac, MAC_A), .from = peer)), SL_ON);
}

/* Destination of the outer packet that a frame to that station becomes. */
__rte_unused static uint32_t sent_to(struct sl_test *t, const char *mac)
{
	assert_int_equal(sl_test_one(t, SL_INSIDE, frame(MAC_A, mac)), SL_ON);
	return rte_be_to_cpu_32(sl_ipv4(out(t, SL_INSIDE, SL_ON))->dst_addr);
}

#endif
