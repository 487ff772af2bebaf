/* SPDX-License-Identifier: BSD-3-Clause */
/* Kind `null`: DPDK's null device, which costs what any driver costs and does nothing. */
#include <stdio.h>

#include <core/port/ethdev.h>

struct null_config {
	uint64_t given;
	bool receive;
	uint64_t size;
	bool copy;
};

static int null_open(struct sl_port *port, struct sl_errors *errors)
{
	const struct null_config *c = port->kind_config;
	char name[SL_ETHDEV_NAME], devargs[128];
	struct sl_ethdev_spec spec = {.devargs = devargs};

	snprintf(devargs, sizeof(devargs), "%s,size=%u,copy=%u,no-rx=%u",
		 sl_ethdev_name(port, "net_null", name), (unsigned int)c->size, c->copy,
		 !c->receive);
	return sl_ethdev_open(port, &spec, errors);
}

/* Nothing ever comes, unless it is asked for. */
static bool drained(const struct sl_port *port)
{
	return !((const struct null_config *)port->kind_config)->receive;
}

static const struct sl_param params[] = {
	{
		.name = "receive",
		.kind = SL_BOOL,
		.offset = offsetof(struct null_config, receive),
		.def = "false",
		.doc = "Receive packets without end, whose bytes are whatever is in memory",
	},
	{
		.name = "size",
		.kind = SL_UINT,
		.offset = offsetof(struct null_config, size),
		.def = "64",
		.min = 14,
		.max = 1518,
		.doc = "Bytes of the packets received",
	},
	{
		.name = "copy",
		.kind = SL_BOOL,
		.offset = offsetof(struct null_config, copy),
		.def = "false",
		.doc = "Copy the bytes of each packet, as a real device would have to",
	},
	{.name = NULL},
};

static struct sl_port_kind null = {
	.name = "null",
	.doc = "DPDK's null device: takes everything and, if asked to, gives packets of nothing",
	.params = params,
	.config_size = sizeof(struct null_config),
	.shareable = true,
	.open = null_open,
	.start = sl_ethdev_start,
	.stop = sl_ethdev_stop,
	.close = sl_ethdev_close,
	.drained = drained,
};
SL_PORT_KIND(null)
