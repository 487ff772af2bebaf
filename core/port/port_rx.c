/* SPDX-License-Identifier: BSD-3-Clause */
/* port-rx: where packets enter the graph. Parses them; what cannot be a packet ends here. */
#include <core/graph/latency.h>
#include <core/packet/parse.h>
#include <core/port/port.h>

/* Reason i stands for enum sl_parse i + 1. */
static const struct sl_name reasons[] = {
	{"short", "Shorter than an Ethernet header"},
	{"unreadable", "Headers are split over segments and there is no room to join them"},
	{"cut-short", "A header or the IP packet goes on beyond the end of the frame"},
	{"bad-header", "IP version or lengths that cannot be"},
	{"bad-checksum", "The IPv4 header checksum is wrong"},
	{"too-many-headers", "More VLAN tags or IPv6 extension headers than are looked at"},
	{NULL, NULL},
};

static_assert(sizeof(reasons) / sizeof(reasons[0]) == SL_PARSE_COUNT, "a reason for each");

struct port_rx {
	uint16_t port;
};

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	struct port_rx *rx = sl_instance_data(instance);

	rx->port = ((const struct sl_port_node_config *)config)->port->index;
	return 0;
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct port_rx *rx = node->data;
	struct sl_sampler *sampler = node->state;
	uint16_t bad;

	/* The verdict of a good packet, 0, is SL_ON. */
	static_assert((int)SL_PARSE_OK == (int)SL_ON, "verdicts are written where edges go");
	bad = sl_packet_receive(pkts, edge, n, rx->port);
	if (unlikely(sampler->left-- == 0))
		sl_sampler_mark(sampler, pkts, n);
	if (likely(bad == 0))
		return;
	for (uint16_t i = 0; i < n; i++)
		if (edge[i])
			edge[i] = SL_DROP(edge[i] - 1);
}

const struct sl_node_type sl_port_rx_type = {
	.name = "port-rx",
	.doc = "Packets that a port received",
	.reasons = reasons,
	.config_size = sizeof(struct sl_port_node_config),
	.instance_size = sizeof(struct port_rx),
	.state_size = sizeof(struct sl_sampler),
	.create = create,
	.process = process,
};
