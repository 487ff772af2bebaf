/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The symmetric hash. An endpoint is an address and a port in one 64-bit number; the smaller
 * of the two goes into the CRC first, so both directions of a session give the same number. (An
 * exclusive or of the two would do that too, but gives neighbouring pairs of hosts the same
 * hash.)
 */
#ifndef CORE_PACKET_HASH_H
#define CORE_PACKET_HASH_H

#include <stdint.h>
#include <string.h>

#include <rte_hash_crc.h>

/* Without the run-time choice that rte_hash_crc_8byte() makes on every call. */
static inline uint32_t sl_crc64(uint32_t crc, uint64_t data)
{
#if defined(__SSE4_2__) && defined(__x86_64__)
	return (uint32_t)__builtin_ia32_crc32di(crc, data);
#else
	return rte_hash_crc_8byte(data, crc);
#endif
}

static inline uint32_t sl_hash_endpoints(uint64_t a, uint64_t b, uint32_t proto)
{
	uint64_t low = a < b ? a : b;
	uint64_t high = a < b ? b : a;
	uint32_t crc = sl_crc64(sl_crc64(proto, low), high);

	/* A CRC mixes evenly but linearly: one multiplication keeps differences of equal keys in
	 * other CRC-based tables from lining up. */
	return (crc ^ (crc >> 15)) * 0x9e3779b1u;
}

/* Addresses and ports as they stand in the packet. */
static inline uint32_t sl_hash_ipv4(uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport,
				    uint8_t proto)
{
	return sl_hash_endpoints((uint64_t)src << 16 | sport, (uint64_t)dst << 16 | dport, proto);
}

static inline uint64_t sl_hash_fold6(const void *address, uint16_t port)
{
	uint64_t half[2];

	memcpy(half, address, sizeof(half));
	return (uint64_t)sl_crc64(sl_crc64(0x51u, half[0]), half[1]) << 16 | port;
}

static inline uint32_t sl_hash_ipv6(const void *src, const void *dst, uint16_t sport,
				    uint16_t dport, uint8_t proto)
{
	return sl_hash_endpoints(sl_hash_fold6(src, sport), sl_hash_fold6(dst, dport), proto);
}

#endif
