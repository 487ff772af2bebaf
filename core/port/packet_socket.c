/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel hides two things of a packet beside its bytes, and both are put back: the VLAN tag
 * that it took out, and the checksum that the sender left open. The header that the kernel would
 * give a virtual machine tells where that checksum is (PACKET_VNET_HDR).
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <string.h>

#include <rte_hash_crc.h>
#include <rte_ip.h>
#include <rte_prefetch.h>

#include <sluice/checksum.h>

#include <core/port/packet_socket.h>
#include <core/port/sink.h>

#define MACS (2 * RTE_ETHER_ADDR_LEN)
/* Where an SCTP header has its checksum, a CRC32c (RFC 9260 6.8); TCP's is at 16, UDP's at 6. */
#define SCTP_CHECKSUM 8

/*
 * Receive
 */

/* Append bytes to a packet, in further segments where they do not fit. false: no memory. */
static bool append(struct rte_mempool *pool, struct rte_mbuf *m, const uint8_t *bytes,
		   uint32_t length)
{
	struct rte_mbuf *last = m;

	for (;;) {
		uint16_t part = RTE_MIN(length, rte_pktmbuf_tailroom(last));

		memcpy(rte_pktmbuf_mtod_offset(last, char *, last->data_len), bytes, part);
		last->data_len += part;
		m->pkt_len += part;
		bytes += part;
		length -= part;
		if (likely(length == 0))
			return true;
		last->next = rte_pktmbuf_alloc(pool);
		if (!last->next)
			return false;
		last = last->next;
		m->nb_segs++;
	}
}

/* The tag that the kernel took out, as it stood between the addresses and the EtherType. */
static struct rte_vlan_hdr tag_of(const struct tpacket2_hdr *header)
{
	uint16_t tpid = header->tp_status & TP_STATUS_VLAN_TPID_VALID ? header->tp_vlan_tpid
								      : RTE_ETHER_TYPE_VLAN;

	return (struct rte_vlan_hdr){rte_cpu_to_be_16(tpid), rte_cpu_to_be_16(header->tp_vlan_tci)};
}

static void complete_sctp(struct rte_mbuf *m, uint32_t start)
{
	rte_le32_t crc;

	if (m->nb_segs > 1)
		return;
	crc = rte_cpu_to_le_32(~rte_hash_crc(rte_pktmbuf_mtod_offset(m, uint8_t *, start),
					     m->pkt_len - start, UINT32_MAX));
	memcpy(rte_pktmbuf_mtod_offset(m, char *, start + SCTP_CHECKSUM), &crc, sizeof(crc));
}

/* The field holds the sum of the pseudo header, or zero where there is none. */
static void complete(struct rte_mbuf *m, uint32_t start, uint32_t offset)
{
	uint16_t sum;

	if (unlikely(start + offset + 4 > m->data_len))
		return;
	if (unlikely(offset == SCTP_CHECKSUM)) {
		complete_sctp(m, start);
		return;
	}
	sum = (uint16_t)~sl_checksum_sum(m, start, m->pkt_len - start);
	if (sum == 0)
		sum = 0xffff; /* "none" in UDP; the same number in TCP */
	memcpy(rte_pktmbuf_mtod_offset(m, char *, start + offset), &sum, sizeof(sum));
}

static bool copy(const struct sl_packet_rx *rx, struct rte_mbuf *m,
		 const struct tpacket2_hdr *header, const uint8_t *bytes)
{
	struct rte_vlan_hdr tag;
	uint32_t length = header->tp_snaplen, macs = RTE_MIN(length, (uint32_t)MACS);

	if (likely(!(header->tp_status & TP_STATUS_VLAN_VALID)))
		return append(rx->pool, m, bytes, length);
	tag = tag_of(header);
	return append(rx->pool, m, bytes, macs) &&
	       append(rx->pool, m, (const uint8_t *)&tag, sizeof(tag)) &&
	       append(rx->pool, m, bytes + macs, length - macs);
}

static struct rte_mbuf *take(const struct sl_packet_rx *rx, const struct tpacket2_hdr *header)
{
	const uint8_t *bytes = (const uint8_t *)header + header->tp_mac;
	struct rte_mbuf *m = rte_pktmbuf_alloc(rx->pool);
	struct virtio_net_hdr offload;

	if (unlikely(!m))
		return NULL;
	if (unlikely(!copy(rx, m, header, bytes))) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(&offload, bytes - sizeof(offload), sizeof(offload));
	if (offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && rx->complete_checksums)
		complete(m, offload.csum_start + (m->pkt_len - header->tp_snaplen),
			 offload.csum_offset);
	return m;
}

uint16_t sl_packet_rx_burst(struct sl_packet_rx *rx, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t count = 0;
	uint64_t bytes = 0;

	for (uint32_t looked_at = 0; count < n && looked_at < rx->frames; looked_at++) {
		struct tpacket2_hdr *header =
			(void *)(rx->ring + (size_t)rx->next * rx->frame_size);
		uint32_t next = rx->next + 1 == rx->frames ? 0 : rx->next + 1;

		if (!(__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		rte_prefetch0(rx->ring + (size_t)next * rx->frame_size);
		rte_prefetch0(rx->ring + (size_t)next * rx->frame_size + RTE_CACHE_LINE_SIZE);
		if (unlikely(header->tp_len > rx->longest || header->tp_snaplen < header->tp_len)) {
			rx->too_long++;
		} else {
			pkts[count] = take(rx, header);
			if (unlikely(!pkts[count])) {
				rx->no_buffer++;
				break;
			}
			bytes += pkts[count++]->pkt_len;
		}
		__atomic_store_n(&header->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		rx->next = next;
	}
	rx->packets += count;
	rx->bytes += bytes;
	return count;
}

/*
 * Send
 */

/* Describe packets to the kernel; returns how many fit. */
static uint16_t describe(struct sl_packet_tx *tx, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t used = 0;
	uint16_t i;

	for (i = 0; i < n && used + pkts[i]->nb_segs <= RTE_DIM(tx->parts); i++) {
		tx->messages[i].msg_hdr.msg_iov = &tx->parts[used];
		tx->messages[i].msg_hdr.msg_iovlen = pkts[i]->nb_segs;
		for (const struct rte_mbuf *m = pkts[i]; m; m = m->next)
			tx->parts[used++] =
				(struct iovec){rte_pktmbuf_mtod(m, void *), m->data_len};
	}
	return i;
}

uint16_t sl_packet_tx_burst(struct sl_packet_tx *tx, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t bytes = 0;
	uint16_t count = describe(tx, pkts, RTE_MIN(n, SL_BURST));
	int sent = sendmmsg(tx->fd, tx->messages, count, MSG_DONTWAIT);

	if (unlikely(sent <= 0)) {
		atomic_store_explicit(&tx->error, errno, memory_order_relaxed);
		if (errno != EMSGSIZE)
			return 0;
		/* This one never, the ones behind it perhaps. */
		tx->too_long++;
		sl_sink_free(pkts, 1);
		return 1;
	}
	for (int i = 0; i < sent; i++)
		bytes += pkts[i]->pkt_len;
	tx->packets += sent;
	tx->bytes += bytes;
	sl_sink_free(pkts, sent);
	return sent;
}
