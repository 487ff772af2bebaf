/* SPDX-License-Identifier: BSD-3-Clause */
/* Kind `virtio-user`: the guest's side of vhost: of a vhost-user socket or the kernel's. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <core/port/ethdev.h>
#include <core/port/interface.h>
#include <core/port/socket_path.h>

#define KERNEL_VHOST "/dev/vhost-net"

struct virtio_user_config {
	uint64_t given;
	const char *path;
	const char *interface;
	bool server;
	bool packed;
};

static bool is_kernel(const struct virtio_user_config *c)
{
	return !strcmp(c->path, KERNEL_VHOST);
}

static int check(const void *config, struct sl_errors *errors)
{
	const struct virtio_user_config *c = config;
	int rc = sl_socket_check(&c->path, errors);

	if (c->interface && !is_kernel(c))
		rc = sl_fail_at(errors, &c->interface, "only with `path: " KERNEL_VHOST "`");
	if (c->interface && (strlen(c->interface) >= IFNAMSIZ || strpbrk(c->interface, "/ ,:")))
		rc = sl_fail_at(errors, &c->interface, "\"%s\" cannot be the name of an interface",
				c->interface);
	if (c->server && is_kernel(c))
		rc = sl_fail_at(errors, &c->server, "only with the path of a socket");
	return rc;
}

static const char *device(const void *config)
{
	const struct virtio_user_config *c = config;

	return is_kernel(c) ? c->interface : c->path;
}

/* See that the other side is there. */
static int look(const struct virtio_user_config *c, struct sl_errors *errors)
{
	if (c->server)
		return sl_socket_prepare(c->path, errors);
	if (!is_kernel(c))
		return sl_socket_find(c->path, errors);
	if (access(KERNEL_VHOST, F_OK) < 0)
		return sl_fail(errors, errno,
			       KERNEL_VHOST " is not there: the kernel needs its "
					    "vhost_net module (modprobe vhost_net)");
	return sl_need_capability(CAP_NET_ADMIN, "an interface by " KERNEL_VHOST, errors);
}

static int virtio_user_open(struct sl_port *port, struct sl_errors *errors)
{
	const struct virtio_user_config *c = port->kind_config;
	char name[SL_ETHDEV_NAME], devargs[512];
	uint16_t pairs = port->config->queues ? port->config->queues : 1;
	struct rte_ether_addr mac = port->mac;
	struct sl_ethdev_spec spec = {
		.devargs = devargs,
		.pairs = pairs,
		.peer_spreads = true,
		.advice = "the other side must be listening; memory must be few files: "
			  "`--single-file-segments`, or no hugepages",
	};
	int rc = look(c, errors);

	if (rc < 0)
		return rc;
	snprintf(devargs, sizeof(devargs),
		 "%s,path=%s,queues=%u,queue_size=%u,server=%u,packed_vq=%u,"
		 "mac=" RTE_ETHER_ADDR_PRT_FMT "%s%s",
		 sl_ethdev_name(port, "net_virtio_user", name), c->path, pairs,
		 port->config->descriptors ? (unsigned int)port->config->descriptors : 1024,
		 c->server, c->packed, RTE_ETHER_ADDR_BYTES(&mac), c->interface ? ",iface=" : "",
		 c->interface ? c->interface : "");
	return sl_ethdev_open(port, &spec, errors);
}

static const struct sl_param params[] = {
	{
		.name = "path",
		.kind = SL_TEXT,
		.flags = SL_REQUIRED,
		.offset = offsetof(struct virtio_user_config, path),
		.doc = "Socket of a vhost-user port, or " KERNEL_VHOST " for an interface of the "
		       "kernel",
	},
	{
		.name = "interface",
		.kind = SL_TEXT,
		.offset = offsetof(struct virtio_user_config, interface),
		.doc = "With " KERNEL_VHOST ": name of the interface it makes",
	},
	{
		.name = "server",
		.kind = SL_BOOL,
		.offset = offsetof(struct virtio_user_config, server),
		.def = "false",
		.doc = "Make the socket and wait for a vhost-user port that is a client",
	},
	{
		.name = "packed",
		.kind = SL_BOOL,
		.offset = offsetof(struct virtio_user_config, packed),
		.def = "false",
		.doc = "Use packed rings (virtio 1.1)",
	},
	{.name = NULL},
};

static struct sl_port_kind virtio_user = {
	.name = "virtio-user",
	.doc = "The guest's side of vhost: of a vhost-user socket, or of the kernel's vhost-net",
	.params = params,
	.config_size = sizeof(struct virtio_user_config),
	.check = check,
	.device = device,
	.open = virtio_user_open,
	.start = sl_ethdev_start,
	.stop = sl_ethdev_stop,
	.close = sl_ethdev_close,
};
SL_PORT_KIND(virtio_user)
