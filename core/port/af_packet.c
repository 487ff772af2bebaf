/* SPDX-License-Identifier: BSD-3-Clause */
/* Kind `af-packet`: an interface of the kernel's by packet sockets. Works with any interface. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <core/port/interface.h>
#include <core/port/packet_socket.h>

struct af_packet_config {
	uint64_t given;
	const char *interface;
	uint64_t frames;
	bool bypass_qdisc;
	bool complete_checksums;
};

enum { INTERFACE, FRAMES };

#define FRAMES_UNIT 16
#define MOST_QUEUES 64

/* The port's sockets, and how its interface was found. */
struct af_packet {
	const char *interface;
	unsigned int index;
	uint16_t old_mtu; /* 0: not changed */
	bool was_down, was_merging;
	uint16_t rx_count, tx_count; /* that are open */
	struct sl_packet_rx *rx;
	struct sl_packet_tx *tx;
};

static int check(const void *config, struct sl_errors *errors)
{
	const struct af_packet_config *c = config;

	if (c->frames % FRAMES_UNIT)
		return sl_fail_at(errors, &c->frames, "must be a multiple of %d", FRAMES_UNIT);
	return 0;
}

static const char *device(const void *config)
{
	return ((const struct af_packet_config *)config)->interface;
}

static uint16_t rx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return sl_packet_rx_burst(&((struct af_packet *)port->private)->rx[queue], pkts, n);
}

static uint16_t tx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return sl_packet_tx_burst(&((struct af_packet *)port->private)->tx[queue], pkts, n);
}

/* Up, with its MTU and without merging what it receives: all to be undone by af_packet_close(). */
static int prepare_interface(struct sl_port *port, struct af_packet *a, struct sl_errors *errors)
{
	struct rte_ether_addr mac;
	uint16_t mtu = sl_interface_mtu(a->interface);
	bool was_up;

	if (sl_interface_mac(a->interface, &mac, errors) < 0 ||
	    sl_interface_up(a->interface, &was_up, errors) < 0)
		return -EIO;
	a->was_down = !was_up;
	if (!sl_port_given(port->config, SL_PORT_MAC))
		port->mac = mac;
	if (!sl_port_given(port->config, SL_PORT_MTU)) {
		port->mtu = mtu;
	} else if (port->mtu != mtu) {
		if (sl_interface_set_mtu(a->interface, port->mtu, errors) < 0)
			return -EIO;
		a->old_mtu = mtu;
	}
	a->was_merging = sl_interface_merge(a->interface, false);
	return 0;
}

/* What the interface's filter lets in. Lasts as long as the socket. */
static int join(const struct af_packet *a, uint16_t type, const struct rte_ether_addr *mac,
		struct sl_errors *errors)
{
	struct packet_mreq request = {.mr_ifindex = (int)a->index, .mr_type = type};

	if (mac) {
		request.mr_alen = RTE_ETHER_ADDR_LEN;
		memcpy(request.mr_address, mac->addr_bytes, RTE_ETHER_ADDR_LEN);
	}
	if (setsockopt(a->rx[0].fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)) <
	    0)
		return sl_fail(errors, errno, "interface %s does not receive what it must: %s",
			       a->interface, strerror(errno));
	return 0;
}

static int set_filter(const struct sl_port *port, const struct af_packet *a,
		      struct sl_errors *errors)
{
	const struct sl_port_config *config = port->config;

	if (sl_port_given(config, SL_PORT_PROMISCUOUS) ? config->promiscuous
						       : config->addresses.count == 0)
		return join(a, PACKET_MR_PROMISC, NULL, errors);
	if (sl_port_given(config, SL_PORT_MAC) &&
	    join(a, PACKET_MR_UNICAST, &port->mac, errors) < 0)
		return -EIO;
	/* Neighbour discovery comes to solicited-node groups. */
	return config->addresses.count ? join(a, PACKET_MR_ALLMULTI, NULL, errors) : 0;
}

/* `descriptors`, which every kind has, says the same. */
static uint32_t frames(const struct sl_port *port)
{
	const struct af_packet_config *c = port->kind_config;

	if (c->given >> FRAMES & 1 || !port->config->descriptors)
		return c->frames;
	return RTE_ALIGN_CEIL((uint32_t)port->config->descriptors, FRAMES_UNIT);
}

static int open_sockets(struct sl_port *port, struct af_packet *a, struct sl_errors *errors)
{
	const struct af_packet_config *c = port->kind_config;
	struct sl_packet_socket_conf conf = {
		.interface = (int)a->index,
		.mtu = port->mtu,
		.frames = frames(port),
		.bypass_qdisc = c->bypass_qdisc,
	};

	a->rx = aligned_alloc(RTE_CACHE_LINE_SIZE, port->rx_queues * sizeof(*a->rx));
	a->tx = aligned_alloc(RTE_CACHE_LINE_SIZE, port->tx_queues * sizeof(*a->tx));
	if (!a->rx || !a->tx)
		return sl_fail(errors, ENOMEM, "out of memory");
	memset(a->rx, 0, port->rx_queues * sizeof(*a->rx));
	memset(a->tx, 0, port->tx_queues * sizeof(*a->tx));
	while (a->rx_count < port->rx_queues) {
		struct sl_packet_rx *one = &a->rx[a->rx_count++];

		one->pool = port->pool;
		one->complete_checksums = c->complete_checksums;
		if (sl_packet_rx_open(one, &conf, errors) < 0)
			return -EIO;
	}
	while (a->tx_count < port->tx_queues)
		if (sl_packet_tx_open(&a->tx[a->tx_count++], &conf, errors) < 0)
			return -EIO;
	if (a->rx_count > 1 && sl_packet_rx_share(a->rx, a->rx_count, errors) < 0)
		return -EIO;
	return set_filter(port, a, errors);
}

static void af_packet_close(struct sl_port *port)
{
	struct af_packet *a = port->private;

	for (uint16_t i = 0; i < a->rx_count; i++)
		sl_packet_rx_close(&a->rx[i]);
	for (uint16_t i = 0; i < a->tx_count; i++)
		sl_packet_tx_close(&a->tx[i]);
	if (a->was_merging && !port->left)
		sl_interface_merge(a->interface, true);
	if (a->old_mtu && !port->left)
		sl_interface_set_mtu(a->interface, a->old_mtu, NULL);
	if (a->was_down && !port->left)
		sl_interface_down(a->interface);
	free(a->rx);
	free(a->tx);
	free(a);
	port->private = NULL;
}

static int af_packet_open(struct sl_port *port, struct sl_errors *errors)
{
	const struct af_packet_config *c = port->kind_config;
	struct af_packet *a;
	int rc;

	if (sl_need_capability(CAP_NET_RAW, "a packet socket", errors) < 0)
		return -EPERM;
	if (sl_interface_find(c->interface, errors) < 0)
		return -ENODEV;
	a = calloc(1, sizeof(*a));
	if (!a)
		return sl_fail(errors, ENOMEM, "out of memory");
	port->private = a;
	a->interface = c->interface;
	a->index = if_nametoindex(c->interface);
	port->rx_queues = RTE_MIN(port->rx_queues, MOST_QUEUES);
	rc = prepare_interface(port, a, errors);
	if (rc == 0)
		rc = open_sockets(port, a, errors);
	if (rc < 0) {
		af_packet_close(port);
		return rc;
	}
	port->frame_max = port->mtu + RTE_ETHER_HDR_LEN;
	port->rx = rx;
	port->tx = tx;
	return 0;
}

static int af_packet_start(struct sl_port *port, struct sl_errors *errors)
{
	struct af_packet *a = port->private;

	for (uint16_t i = 0; i < a->rx_count; i++)
		if (sl_packet_rx_let(&a->rx[i], true) < 0)
			return sl_fail(errors, errno, "the socket does not start: %s",
				       strerror(errno));
	return 0;
}

static void af_packet_stop(struct sl_port *port)
{
	struct af_packet *a = port->private;

	for (uint16_t i = 0; i < a->rx_count; i++)
		(void)sl_packet_rx_let(&a->rx[i], false);
}

/* What the user should look at: the gravest only. */
static const char *problem(const struct af_packet *a, uint64_t rx_too_long)
{
	if (if_nametoindex(a->interface) != a->index)
		return "the interface was taken away; one that has its name now is another";
	if (rx_too_long)
		return "packets longer than the mtu were received: turn off segmentation where "
		       "they are sent (ethtool -K ... tso off gso off) and merging here (gro off, "
		       "lro off)";
	return NULL;
}

static void show_tx(const struct af_packet *a, struct sl_json *out)
{
	uint64_t packets = 0, bytes = 0, too_long = 0;
	int error = 0, last;

	for (uint16_t i = 0; i < a->tx_count; i++) {
		packets += a->tx[i].packets;
		bytes += a->tx[i].bytes;
		too_long += a->tx[i].too_long;
		last = atomic_load_explicit(&a->tx[i].error, memory_order_relaxed);
		error = last ? last : error;
	}
	sl_json_int(out, "tx-packets", packets);
	sl_json_int(out, "tx-bytes", bytes);
	sl_json_int(out, "tx-too-long", too_long);
	if (error)
		sl_json_text(out, "tx-last-error", strerror(error));
}

static void show(const struct sl_port *port, struct sl_json *out)
{
	const struct af_packet *a = port->private;
	uint64_t packets = 0, bytes = 0, missed = 0, too_long = 0, no_buffer = 0;
	const char *text;

	for (uint16_t i = 0; i < a->rx_count; i++) {
		sl_packet_rx_count_missed(&a->rx[i]);
		packets += a->rx[i].packets;
		bytes += a->rx[i].bytes;
		missed += a->rx[i].missed;
		too_long += a->rx[i].too_long;
		no_buffer += a->rx[i].no_buffer;
	}
	sl_json_bool(out, "link", sl_interface_running(a->interface));
	sl_json_int(out, "rx-packets", packets);
	sl_json_int(out, "rx-bytes", bytes);
	sl_json_int(out, "rx-missed", missed);
	sl_json_int(out, "rx-too-long", too_long);
	sl_json_int(out, "rx-no-buffer", no_buffer);
	show_tx(a, out);
	text = problem(a, too_long);
	if (text)
		sl_json_text(out, "problem", text);
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
		.doc = "Packets that each receive queue holds; each takes 2 KiB, with an mtu "
		       "beyond 1898 as much more as it needs",
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
	.doc = "A network interface of the kernel, by packet sockets",
	.params = params,
	.config_size = sizeof(struct af_packet_config),
	.needs_root = true,
	.shareable = true,
	.check = check,
	.device = device,
	.open = af_packet_open,
	.start = af_packet_start,
	.stop = af_packet_stop,
	.close = af_packet_close,
	.show = show,
};
SL_PORT_KIND(af_packet)
