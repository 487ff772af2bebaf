/* SPDX-License-Identifier: BSD-3-Clause */
/* Kind `tap`: a network interface of the kernel's, made by the port. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <core/port/ethdev.h>
#include <core/port/interface.h>

struct tap_config {
	uint64_t given;
	const char *name;
	struct rte_ether_addr kernel_mac;
	bool persist;
};

enum { NAME, KERNEL_MAC, PERSIST };

static int check(const void *config, struct sl_errors *errors)
{
	const struct tap_config *c = config;

	if (strlen(c->name) >= IFNAMSIZ || strpbrk(c->name, "/ ,%:") || c->name[0] == 0)
		return sl_fail_at(errors, &c->name,
				  "\"%s\" cannot be the name of an interface: at most %d "
				  "characters, none of them / , %% : or a space",
				  c->name, IFNAMSIZ - 1);
	return 0;
}

static const char *device(const void *config)
{
	return ((const struct tap_config *)config)->name;
}

/* Make the interface ahead of the driver, which then only attaches to it, and let it stay. */
static int make_persistent(const char *name, struct sl_errors *errors)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), rc = 0;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0)
		rc = sl_fail(errors, errno, "interface %s cannot be made persistent: %s", name,
			     strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

static int tap_open(struct sl_port *port, struct sl_errors *errors)
{
	const struct tap_config *c = port->kind_config;
	char name[SL_ETHDEV_NAME], devargs[256];
	struct rte_ether_addr mac = c->kernel_mac;
	uint16_t pairs = RTE_MAX(port->rx_queues, port->tx_queues);
	struct sl_ethdev_spec spec = {
		.devargs = devargs,
		.pairs = RTE_MIN(pairs, 16),
		.peer_spreads = true,
		.own_mac = true,
		.advice = "is the name taken by an interface that is not a tap?",
	};

	if (sl_need_capability(CAP_NET_ADMIN, "a tap interface", errors) < 0)
		return -EPERM;
	if (access("/dev/net/tun", R_OK | W_OK) < 0)
		return sl_fail(errors, errno,
			       "/dev/net/tun cannot be used: %s; the kernel needs its tun module",
			       strerror(errno));
	if (c->persist && make_persistent(c->name, errors) < 0)
		return -EIO;
	if (!(c->given >> KERNEL_MAC & 1))
		rte_eth_random_addr(mac.addr_bytes);
	snprintf(devargs, sizeof(devargs), "%s,iface=%s,mac=" RTE_ETHER_ADDR_PRT_FMT,
		 sl_ethdev_name(port, "net_tap", name), c->name, RTE_ETHER_ADDR_BYTES(&mac));
	return sl_ethdev_open(port, &spec, errors);
}

static const struct sl_param params[] = {
	[NAME] =
		{
			.name = "name",
			.kind = SL_TEXT,
			.flags = SL_REQUIRED,
			.offset = offsetof(struct tap_config, name),
			.doc = "Name of the interface in the kernel",
		},
	[KERNEL_MAC] =
		{
			.name = "kernel-mac",
			.kind = SL_MAC,
			.offset = offsetof(struct tap_config, kernel_mac),
			.doc = "MAC address of the kernel's end; without it one is made up",
		},
	[PERSIST] =
		{
			.name = "persist",
			.kind = SL_BOOL,
			.offset = offsetof(struct tap_config, persist),
			.def = "false",
			.doc = "Leave the interface, with its addresses, when the port closes",
		},
	{.name = NULL},
};

static struct sl_port_kind tap = {
	.name = "tap",
	.doc = "A network interface that the port makes in the kernel",
	.params = params,
	.config_size = sizeof(struct tap_config),
	.needs_root = true,
	.check = check,
	.device = device,
	.open = tap_open,
	.start = sl_ethdev_start,
	.stop = sl_ethdev_stop,
	.close = sl_ethdev_close,
};
SL_PORT_KIND(tap)
