/* SPDX-License-Identifier: BSD-3-Clause */
/* The parameters of a stream; the order is that of the bits in frames.c. */
#include <core/port/frames.h>

static const char *const families[] = {"ipv4", "ipv6", NULL};
static const char *const protocols[] = {"udp", "tcp", "icmp", NULL};
static const char *const tcp_flags[] = {"ack", "syn", "syn-first", NULL};

const struct sl_param sl_frames_params[] = {
	{
		.name = "family",
		.kind = SL_ENUM,
		.offset = offsetof(struct sl_frames_config, family),
		.def = "ipv4",
		.names = families,
		.doc = "IP version of the packets",
	},
	{
		.name = "protocol",
		.kind = SL_ENUM,
		.offset = offsetof(struct sl_frames_config, protocol),
		.def = "udp",
		.names = protocols,
		.doc = "Transport protocol; `icmp` sends echo requests of either family",
	},
	{
		.name = "src",
		.kind = SL_ADDRS,
		.offset = offsetof(struct sl_frames_config, src),
		.doc = "Source addresses; default 198.18.0.0/16 or 2001:2::/112",
	},
	{
		.name = "dst",
		.kind = SL_ADDRS,
		.offset = offsetof(struct sl_frames_config, dst),
		.doc = "Destination addresses; default 198.19.0.0/16 or 2001:2:0:1::/112",
	},
	{
		.name = "sport",
		.kind = SL_SPAN,
		.offset = offsetof(struct sl_frames_config, sport),
		.def = "1024-65535",
		.max = 65535,
		.doc = "Source ports; identifiers of echo requests",
	},
	{
		.name = "dport",
		.kind = SL_SPAN,
		.offset = offsetof(struct sl_frames_config, dport),
		.def = "53",
		.max = 65535,
		.doc = "Destination ports",
	},
	{
		.name = "flows",
		.kind = SL_UINT,
		.offset = offsetof(struct sl_frames_config, flows),
		.def = "1",
		.min = 1,
		.max = 16 << 20,
		.doc = "Different flows; each takes 64 or 128 bytes of memory",
	},
	{
		.name = "size",
		.kind = SL_UINT,
		.offset = offsetof(struct sl_frames_config, size),
		.def = "64",
		.min = 42,
		.max = 9216,
		.doc = "Bytes of a frame from the Ethernet header on, without checksum",
	},
	{
		.name = "imix",
		.kind = SL_BOOL,
		.offset = offsetof(struct sl_frames_config, imix),
		.def = "false",
		.doc = "Frames of 64, 590 and 1514 bytes, 7 : 4 : 1, instead of one size",
	},
	{
		.name = "vlan",
		.kind = SL_UINT,
		.offset = offsetof(struct sl_frames_config, vlan),
		.max = 4094,
		.doc = "VLAN tag of the frames; 0: none",
	},
	{
		.name = "tcp-flags",
		.kind = SL_ENUM,
		.offset = offsetof(struct sl_frames_config, tcp_flags),
		.def = "ack",
		.names = tcp_flags,
		.doc = "TCP packets carry ACK, or SYN, or SYN the first time and then ACK",
	},
	{
		.name = "src-mac",
		.kind = SL_MAC,
		.offset = offsetof(struct sl_frames_config, src_mac),
		.def = "02:00:00:00:00:fe",
		.doc = "Source MAC address",
	},
	{
		.name = "dst-mac",
		.kind = SL_MAC,
		.offset = offsetof(struct sl_frames_config, dst_mac),
		.doc = "Destination MAC address; default that of the port, as if sent to it",
	},
	{.name = NULL},
};
