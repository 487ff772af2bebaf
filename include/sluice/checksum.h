/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Internet checksums (RFC 1071): summed up over a packet's segments, and brought up to date after
 * a header changed (RFC 1624, equation 3). All values are as they stand in the packet (network
 * byte order); ones' complement sums do not mind the byte order as long as it is one.
 */
#ifndef SLUICE_CHECKSUM_H
#define SLUICE_CHECKSUM_H

#include <stdint.h>

#include <sluice/error.h>

struct rte_mbuf;

#ifdef __cplusplus
extern "C" {
#endif

/** Fold a sum of 16-bit words to 16 bits. */
static inline uint16_t sl_checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/**
 * What a change of fields does to any checksum that covers them: add up one delta per field,
 * then apply the total once with sl_checksum_apply(). Deltas may be computed ahead, when a
 * session is made.
 */
static inline uint32_t sl_checksum_delta16(uint16_t from, uint16_t to)
{
	return (uint32_t)(uint16_t)~from + to;
}

static inline uint32_t sl_checksum_delta32(uint32_t from, uint32_t to)
{
	return sl_checksum_delta16((uint16_t)from, (uint16_t)to) +
	       sl_checksum_delta16((uint16_t)(from >> 16), (uint16_t)(to >> 16));
}

/** Add the delta of a 16-byte field, such as an IPv6 address. */
static inline uint32_t sl_checksum_delta128(const uint32_t from[4], const uint32_t to[4])
{
	uint64_t sum = 0;

	for (int i = 0; i < 4; i++)
		sum += sl_checksum_delta32(from[i], to[i]);
	return sl_checksum_fold(sum);
}

/** The checksum after the change: HC' = ~(~HC + delta). */
static inline uint16_t sl_checksum_apply(uint16_t checksum, uint32_t delta)
{
	return (uint16_t)~sl_checksum_fold((uint64_t)(uint16_t)~checksum + delta);
}

/**
 * The same for UDP (RFC 768): zero means that there is no checksum and stays zero; a computed
 * zero is sent as 0xffff.
 */
static inline uint16_t sl_checksum_apply_udp(uint16_t checksum, uint32_t delta)
{
	uint16_t changed;

	if (checksum == 0)
		return 0;
	changed = sl_checksum_apply(checksum, delta);
	return changed == 0 ? 0xffff : changed;
}

/**
 * Ones' complement sum of bytes of a packet, whatever segments they lie in; the complement of it
 * is their checksum. Right for segments of odd length too, where rte_raw_cksum_mbuf() of
 * DPDK 22.11 loses carries. Any thread that has the packet.
 * @param offset of the first byte, from the start of the packet's data
 * @param length in bytes; what of them lies behind the packet's end counts as zeros
 * @return the sum, folded to 16 bits
 */
SL_PUBLIC uint16_t sl_checksum_sum(const struct rte_mbuf *m, uint32_t offset, uint32_t length);

#ifdef __cplusplus
}
#endif
#endif
