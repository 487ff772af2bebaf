/* SPDX-License-Identifier: BSD-3-Clause */
/* The frames of a generator: the parameters of a stream, and all its headers laid out. */
#ifndef CORE_PORT_FRAMES_H
#define CORE_PORT_FRAMES_H

#include <rte_ether.h>

#include <sluice/param.h>

enum sl_frames_protocol {
	SL_FRAMES_UDP,
	SL_FRAMES_TCP,
	SL_FRAMES_ICMP,
};

enum sl_frames_tcp {
	SL_FRAMES_ACK,
	SL_FRAMES_SYN,
	SL_FRAMES_SYN_FIRST,
};

/* One stream. */
struct sl_frames_config {
	uint64_t given;
	uint32_t family;               /* 0: IPv4, 1: IPv6 */
	uint32_t protocol;             /* enum sl_frames_protocol */
	struct sl_addr_range src, dst; /* not given: from RFC 2544's and RFC 5180's */
	struct sl_span sport, dport;
	uint64_t flows;
	uint64_t size; /* bytes of a frame without checksum */
	bool imix;
	uint64_t vlan;
	uint32_t tcp_flags; /* enum sl_frames_tcp */
	struct rte_ether_addr src_mac, dst_mac;
};

extern const struct sl_param sl_frames_params[];

/* Which of the frames to lay out, and what else they depend on. */
struct sl_frames_share {
	uint16_t queue, queues; /* a flow belongs to queue (symmetric hash % queues) */
	uint64_t seed;
	struct rte_ether_addr port_mac; /* destination where none is given */
	uint32_t room;                  /* bytes of an mbuf */
};

struct sl_frames {
	uint32_t count;
	uint32_t stride;   /* bytes of a header's place: 64 or 128 */
	uint8_t *headers;  /* whole headers with checksums; the payload is zeros */
	uint16_t *lengths; /* of each frame */
	bool syn_first;    /* sl_frames_make_syn() each before it is sent the first time */
};

int sl_frames_check(const struct sl_frames_config *stream, struct sl_errors *errors);
/* NULL with a message. Main. */
struct sl_frames *sl_frames_new(const struct sl_frames_config *streams, uint32_t stream_count,
				const struct sl_frames_share *share, struct sl_errors *errors);
void sl_frames_free(struct sl_frames *frames);
/* Make a TCP frame that carries an ACK the first of its connection; others are left alone. */
void sl_frames_make_syn(uint8_t *frame);

#endif
