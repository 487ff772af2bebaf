/* SPDX-License-Identifier: BSD-3-Clause */
/* The parameters that ports of every kind have. */
#include <core/port/port.h>

static const struct sl_param route_params[] = {
	{
		.name = "to",
		.kind = SL_PREFIX,
		.flags = SL_REQUIRED,
		.offset = offsetof(struct sl_route_config, to),
		.doc = "Destinations; `0.0.0.0/0` or `::/0` is the default route",
	},
	{
		.name = "via",
		.kind = SL_ADDR,
		.offset = offsetof(struct sl_route_config, via),
		.doc = "Next hop; without it the destinations are on the link",
	},
	{.name = NULL},
};

static const struct sl_param neighbour_params[] = {
	{
		.name = "address",
		.kind = SL_ADDR,
		.flags = SL_REQUIRED,
		.offset = offsetof(struct sl_neighbour_config, address),
		.doc = "IP address of the neighbour",
	},
	{
		.name = "mac",
		.kind = SL_MAC,
		.flags = SL_REQUIRED,
		.offset = offsetof(struct sl_neighbour_config, mac),
		.doc = "Its MAC address, which is then never asked for",
	},
	{.name = NULL},
};

const struct sl_param sl_port_params[] = {
	[SL_PORT_MAC] =
		{
			.name = "mac",
			.kind = SL_MAC,
			.offset = offsetof(struct sl_port_config, mac),
			.doc = "MAC address of the port; without it the device's own, or one made "
			       "up",
		},
	[SL_PORT_MTU] =
		{
			.name = "mtu",
			.kind = SL_UINT,
			.offset = offsetof(struct sl_port_config, mtu),
			.def = "1500",
			.min = 68,
			.max = 16000,
			.doc = "Longest IP packet in bytes; without it what the interface has, or "
			       "1500",
		},
	[SL_PORT_PROMISCUOUS] =
		{
			.name = "promiscuous",
			.kind = SL_BOOL,
			.offset = offsetof(struct sl_port_config, promiscuous),
			.doc = "Receive frames for any MAC address; default: true, but false for a "
			       "port "
			       "with addresses",
		},
	[SL_PORT_QUEUES] =
		{
			.name = "queues",
			.kind = SL_UINT,
			.offset = offsetof(struct sl_port_config, queues),
			.max = 64,
			.doc = "Receive queues; 0: as many as workers poll the port, where the "
			       "device "
			       "spreads over them",
		},
	[SL_PORT_DESCRIPTORS] =
		{
			.name = "descriptors",
			.kind = SL_UINT,
			.offset = offsetof(struct sl_port_config, descriptors),
			.max = 32768,
			.doc = "Length of each queue in packets; 0: what the driver prefers",
		},
	[SL_PORT_ADDRESSES] =
		{
			.name = "addresses",
			.kind = SL_IFADDR,
			.flags = SL_LIST,
			.offset = offsetof(struct sl_port_config, addresses),
			.doc = "IP addresses with prefix length; a port that has any routes, "
			       "answers ARP, "
			       "ND and ping",
		},
	[SL_PORT_ROUTES] =
		{
			.name = "routes",
			.kind = SL_TABLE,
			.flags = SL_LIST,
			.offset = offsetof(struct sl_port_config, routes),
			.fields = route_params,
			.size = sizeof(struct sl_route_config),
			.doc = "Where packets that leave by the port go next",
		},
	[SL_PORT_NEIGHBOURS] =
		{
			.name = "neighbours",
			.kind = SL_TABLE,
			.flags = SL_LIST,
			.offset = offsetof(struct sl_port_config, neighbours),
			.fields = neighbour_params,
			.size = sizeof(struct sl_neighbour_config),
			.doc = "Neighbours whose MAC address is told instead of asked for",
		},
	[SL_PORT_ICMP_RATE] =
		{
			.name = "icmp-rate",
			.kind = SL_RATE,
			.offset = offsetof(struct sl_port_config, icmp_rate),
			.def = "100/s",
			.doc = "Most ICMP errors that a worker sends by the port",
		},
	[SL_PORT_CORES] =
		{
			.name = "cores",
			.kind = SL_SPAN,
			.flags = SL_LIST,
			.offset = offsetof(struct sl_port_config, cores),
			.max = 1023,
			.doc = "Worker cores that poll the port; without it all",
		},
	{.name = NULL},
};
