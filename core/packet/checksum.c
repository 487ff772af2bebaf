/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include <sluice/checksum.h>

uint16_t sl_checksum_sum(const struct rte_mbuf *m, uint32_t offset, uint32_t length)
{
	uint32_t done = 0;
	uint64_t sum = 0;

	for (; length > 0 && m != NULL; m = m->next) {
		uint32_t part;
		uint16_t of_part;

		if (offset >= m->data_len) {
			offset -= m->data_len;
			continue;
		}
		part = RTE_MIN(m->data_len - offset, length);
		of_part = rte_raw_cksum(rte_pktmbuf_mtod_offset(m, const void *, offset), part);
		/* Behind an odd number of bytes, the first of each word stands where the second
		 * belongs (RFC 1071, 2 B). */
		sum += done & 1 ? rte_bswap16(of_part) : of_part;
		done += part;
		length -= part;
		offset = 0;
	}
	return sl_checksum_fold(sum);
}
