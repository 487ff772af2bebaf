/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_prefetch.h>

#include <sluice/checksum.h>
#include <core/packet/complete.h>

#define VLAN_TAG 4

/* Where a packet's transport header is, and what its pseudo header sums up to. */
struct found {
	uint32_t l4;
	uint32_t length; /* of transport header and payload */
	uint32_t field;  /* offset of the checksum */
	uint16_t pseudo;
};

static uint64_t sum16(const uint8_t *bytes, uint32_t count)
{
	uint64_t sum = 0;
	uint16_t word;

	for (uint32_t i = 0; i < count; i++) {
		memcpy(&word, bytes + 2 * i, 2);
		sum += word;
	}
	return sum;
}

static inline uint16_t load16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, 2);
	return value;
}

/* Fragments, options and extension headers are left alone: the kernel completes those itself. */
static bool find(const struct rte_mbuf *m, struct found *f)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *), *ip;
	uint32_t l3 = RTE_ETHER_HDR_LEN, room = m->data_len;
	uint64_t sum;
	uint8_t proto;

	if (room < l3 + VLAN_TAG + sizeof(struct rte_ipv4_hdr))
		return false;
	if (load16(data + 12) == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN))
		l3 += VLAN_TAG;
	ip = data + l3;
	if (load16(ip - 2) == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4)) {
		if (ip[0] != RTE_IPV4_VHL_DEF || load16(ip + 6) & rte_cpu_to_be_16(0x3fff))
			return false;
		f->l4 = l3 + sizeof(struct rte_ipv4_hdr);
		f->length = rte_be_to_cpu_16(load16(ip + 2)) - sizeof(struct rte_ipv4_hdr);
		proto = ip[9];
		sum = sum16(ip + 12, 4);
	} else if (load16(ip - 2) == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6)) {
		f->l4 = l3 + sizeof(struct rte_ipv6_hdr);
		if (room < f->l4)
			return false;
		f->length = rte_be_to_cpu_16(load16(ip + 4));
		proto = ip[6];
		sum = sum16(ip + 8, 16);
	} else {
		return false;
	}
	f->field = f->l4 + (proto == IPPROTO_TCP ? 16 : 6);
	if ((proto != IPPROTO_TCP && proto != IPPROTO_UDP) || f->length > UINT16_MAX ||
	    f->field + 2 > room || f->l4 + f->length > m->pkt_len ||
	    f->field + 2 > f->l4 + f->length)
		return false;
	f->pseudo = sl_checksum_fold(sum + rte_cpu_to_be_16(f->length) + rte_cpu_to_be_16(proto));
	return true;
}

static void complete(struct rte_mbuf *m, const struct found *f)
{
	uint16_t sum = (uint16_t)~sl_checksum_sum(m, f->l4, f->length);

	if (sum == 0)
		sum = 0xffff; /* "none" in UDP; the same number in TCP */
	memcpy(rte_pktmbuf_mtod_offset(m, char *, f->field), &sum, 2);
}

void sl_packet_complete(struct rte_mbuf **pkts, uint16_t n)
{
	struct found f;

	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (uint16_t i = 0; i < n; i++)
		if (find(pkts[i], &f) &&
		    load16(rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, f.field)) == f.pseudo)
			complete(pkts[i], &f);
}
