/* SPDX-License-Identifier: BSD-3-Clause */
/* Kind `ethdev`: whatever device the DPDK on the machine has a driver for. */
#include <string.h>

#include <core/port/ethdev.h>

struct ethdev_config {
	uint64_t given;
	const char *devargs;
};

static const char *device(const void *config)
{
	return ((const struct ethdev_config *)config)->devargs;
}

static int ethdev_open(struct sl_port *port, struct sl_errors *errors)
{
	const struct ethdev_config *c = port->kind_config;
	struct sl_ethdev_spec spec = {
		.devargs = c->devargs,
		.advice = "is the driver installed, and are the arguments those it knows?",
	};

	return sl_ethdev_open(port, &spec, errors);
}

static const struct sl_param params[] = {
	{
		.name = "devargs",
		.kind = SL_TEXT,
		.flags = SL_REQUIRED,
		.offset = offsetof(struct ethdev_config, devargs),
		.doc = "Device and arguments as DPDK takes them: \"net_ring0\", "
		       "\"0000:03:00.0,rx_buffer=1\"",
	},
	{.name = NULL},
};

static struct sl_port_kind ethdev = {
	.name = "ethdev",
	.doc = "Any device that DPDK has a driver for, by its devargs",
	.params = params,
	.config_size = sizeof(struct ethdev_config),
	.needs_pci = true,
	.device = device,
	.open = ethdev_open,
	.start = sl_ethdev_start,
	.stop = sl_ethdev_stop,
	.close = sl_ethdev_close,
};
SL_PORT_KIND(ethdev)
