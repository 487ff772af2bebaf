/* SPDX-License-Identifier: BSD-3-Clause */
/* Kind `af-packet`: an interface of the kernel's by a packet socket. Works with any interface. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>

#include <core/port/ethdev.h>
#include <core/port/interface.h>

struct af_packet_config {
	uint64_t given;
	const char *interface;
	uint64_t frames;
	bool bypass_qdisc;
	bool complete_checksums;
};

/* Frames of the rings: the kernel puts its header and the packet into each. */
#define FRAME_SIZE 2048
#define BLOCK_SIZE (16 * FRAME_SIZE)

static int check(const void *config, struct sl_errors *errors)
{
	const struct af_packet_config *c = config;
	int rc = sl_ethdev_check_text(&c->interface, errors);

	if (c->frames % (BLOCK_SIZE / FRAME_SIZE))
		rc = sl_fail_at(errors, &c->frames, "must be a multiple of %d",
				BLOCK_SIZE / FRAME_SIZE);
	return rc;
}

static const char *device(const void *config)
{
	return ((const struct af_packet_config *)config)->interface;
}

static int af_packet_open(struct sl_port *port, struct sl_errors *errors)
{
	const struct af_packet_config *c = port->kind_config;
	char name[SL_ETHDEV_NAME], devargs[256];
	uint16_t pairs = RTE_MIN(RTE_MAX(port->rx_queues, port->tx_queues), 16);
	uint32_t longest =
		FRAME_SIZE - TPACKET2_HDRLEN + sizeof(struct sockaddr_ll) - RTE_ETHER_HDR_LEN;
	struct sl_ethdev_spec spec = {
		.devargs = devargs,
		.pairs = pairs,
		.peer_spreads = true,
		.interface = c->interface,
		.complete_checksums = c->complete_checksums,
	};

	if (sl_need_capability(CAP_NET_RAW, "a packet socket", errors) < 0)
		return -EPERM;
	if (sl_interface_find(c->interface, errors) < 0)
		return -ENODEV;
	if (port->mtu > longest)
		return sl_fail(errors, EINVAL, "an af-packet port takes an mtu of at most %u",
			       longest);
	snprintf(devargs, sizeof(devargs),
		 "%s,iface=%s,qpairs=%u,blocksz=%u,framesz=%u,framecnt=%u,qdisc_bypass=%u",
		 sl_ethdev_name(port, "net_af_packet", name), c->interface, pairs, BLOCK_SIZE,
		 FRAME_SIZE, (unsigned int)c->frames, c->bypass_qdisc);
	return sl_ethdev_open(port, &spec, errors);
}

static const struct sl_param params[] = {
	{
		.name = "interface",
		.kind = SL_TEXT,
		.flags = SL_REQUIRED,
		.offset = offsetof(struct af_packet_config, interface),
		.doc = "Name of the interface in the kernel",
	},
	{
		.name = "frames",
		.kind = SL_UINT,
		.offset = offsetof(struct af_packet_config, frames),
		.def = "1024",
		.min = 64,
		.max = 65536,
		.doc = "Packets in the rings of each queue; each takes 2 KiB, both ways",
	},
	{
		.name = "bypass-qdisc",
		.kind = SL_BOOL,
		.offset = offsetof(struct af_packet_config, bypass_qdisc),
		.def = "true",
		.doc = "Send past the kernel's queueing discipline: faster, no shaping by tc",
	},
	{
		.name = "complete-checksums",
		.kind = SL_BOOL,
		.offset = offsetof(struct af_packet_config, complete_checksums),
		.def = "true",
		.doc = "Complete the TCP and UDP checksums that senders on the same machine leave "
		       "to a network card that is not there",
	},
	{.name = NULL},
};

static struct sl_port_kind af_packet = {
	.name = "af-packet",
	.doc = "A network interface of the kernel, by a packet socket",
	.params = params,
	.config_size = sizeof(struct af_packet_config),
	.needs_root = true,
	.check = check,
	.device = device,
	.open = af_packet_open,
	.start = sl_ethdev_start,
	.stop = sl_ethdev_stop,
	.close = sl_ethdev_close,
};
SL_PORT_KIND(af_packet)
