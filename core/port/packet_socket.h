/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets by Linux packet sockets (packet(7)): received from a ring that the kernel writes, a
 * copy and no system call each; sent with one system call a burst.
 */
#ifndef CORE_PORT_PACKET_SOCKET_H
#define CORE_PORT_PACKET_SOCKET_H

#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <core/port/port.h>

/* VLAN tags that a frame may have beside its MTU. */
#define SL_PACKET_SOCKET_TAGS 8

/* What all sockets of a port have in common. */
struct sl_packet_socket_conf {
	int interface;     /* index */
	uint32_t mtu;      /* frames that are longer, with two tags, are not received */
	uint32_t frames;   /* of a receive ring, a multiple of 16 */
	bool bypass_qdisc; /* when sending */
};

/* Counters: written by the worker, read by main. */
struct sl_packet_rx {
	int fd;
	bool complete_checksums;
	uint8_t *ring;
	uint32_t frames, frame_size;
	uint32_t next;
	uint32_t longest; /* frame, tags included */
	uint64_t packets, bytes;
	uint64_t too_long;  /* dropped */
	uint64_t no_buffer; /* times that the pool was empty; the packets wait in the ring */
	uint64_t missed;    /* did not fit the ring; main adds up what the kernel tells */
	struct rte_mempool *pool;
} __rte_cache_aligned;

struct sl_packet_tx {
	int fd;
	_Atomic int error; /* errno of the last packet that was not sent; 0: none ever */
	uint64_t packets, bytes;
	uint64_t too_long; /* for the interface, whose MTU was made less: taken and dropped */
	struct mmsghdr messages[SL_BURST];
	struct iovec parts[4 * SL_BURST];
} __rte_cache_aligned;

/* Nothing is received until sl_packet_rx_let(). Main. */
int sl_packet_rx_open(struct sl_packet_rx *rx, const struct sl_packet_socket_conf *conf,
		      struct sl_errors *errors);
int sl_packet_rx_let(struct sl_packet_rx *rx, bool let);
void sl_packet_rx_close(struct sl_packet_rx *rx);
/* Receive on several sockets what one would: a flow always on the same, fragments as they are. */
int sl_packet_rx_share(struct sl_packet_rx *rx, uint16_t count, struct sl_errors *errors);
/* Bring `missed` up to date. */
void sl_packet_rx_count_missed(struct sl_packet_rx *rx);

int sl_packet_tx_open(struct sl_packet_tx *tx, const struct sl_packet_socket_conf *conf,
		      struct sl_errors *errors);
void sl_packet_tx_close(struct sl_packet_tx *tx);

/* Worker. */
uint16_t sl_packet_rx_burst(struct sl_packet_rx *rx, struct rte_mbuf **pkts, uint16_t n);
/* Frees what was sent, and returns how many; the rest are the caller's. */
uint16_t sl_packet_tx_burst(struct sl_packet_tx *tx, struct rte_mbuf **pkts, uint16_t n);

#endif
