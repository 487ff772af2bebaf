/* SPDX-License-Identifier: BSD-3-Clause */
/* Kind `vhost-user`: the network card of a guest, or of a DPDK program with virtio-user. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <core/port/ethdev.h>
#include <core/port/socket_path.h>

enum { ROLE_SERVER, ROLE_CLIENT };

struct vhost_user_config {
	uint64_t given;
	const char *socket;
	uint32_t role;
	const char *group;
	bool iommu;
	bool postcopy;
};

static int check(const void *config, struct sl_errors *errors)
{
	const struct vhost_user_config *c = config;
	int rc = sl_socket_check(&c->socket, errors);

	if (c->group && c->role == ROLE_CLIENT)
		rc = sl_fail_at(errors, &c->group, "the socket of a client belongs to its server");
	return rc;
}

static const char *device(const void *config)
{
	return ((const struct vhost_user_config *)config)->socket;
}

/* Let the group's members, such as QEMU, connect. */
static int open_to_group(const struct vhost_user_config *c, struct sl_errors *errors)
{
	struct group *group;

	if (!c->group)
		return 0;
	group = getgrnam(c->group);
	if (!group)
		return sl_fail(errors, ENOENT, "there is no group %s", c->group);
	if (chown(c->socket, (uid_t)-1, group->gr_gid) < 0 || chmod(c->socket, 0660) < 0)
		return sl_fail(errors, errno, "%s cannot be opened to the group %s: %s", c->socket,
			       c->group, strerror(errno));
	return 0;
}

static int vhost_user_open(struct sl_port *port, struct sl_errors *errors)
{
	const struct vhost_user_config *c = port->kind_config;
	char name[SL_ETHDEV_NAME], devargs[512];
	uint16_t pairs = port->config->queues ? port->config->queues : 1;
	struct sl_ethdev_spec spec = {
		.devargs = devargs,
		.pairs = pairs,
		.peer_spreads = true,
		.own_mac = true,
		.advice = "may the socket be made there?",
	};
	int rc = c->role == ROLE_SERVER ? sl_socket_prepare(c->socket, errors) : 0;

	if (rc < 0)
		return rc;
	snprintf(devargs, sizeof(devargs),
		 "%s,iface=%s,queues=%u,client=%u,iommu-support=%u,postcopy-support=%u",
		 sl_ethdev_name(port, "net_vhost", name), c->socket, pairs, c->role == ROLE_CLIENT,
		 c->iommu, c->postcopy);
	rc = sl_ethdev_open(port, &spec, errors);
	if (rc == 0 && open_to_group(c, errors) < 0) {
		sl_ethdev_close(port);
		return -EPERM;
	}
	return rc;
}

static const char *const roles[] = {"server", "client", NULL};

static const struct sl_param params[] = {
	{
		.name = "socket",
		.kind = SL_TEXT,
		.flags = SL_REQUIRED,
		.offset = offsetof(struct vhost_user_config, socket),
		.doc = "Path of the socket that the guest's QEMU meets the port at",
	},
	{
		.name = "role",
		.kind = SL_ENUM,
		.offset = offsetof(struct vhost_user_config, role),
		.def = "server",
		.names = roles,
		.doc = "`server` makes the socket; `client` connects, again and again, to one "
		       "that QEMU makes (`server=on`)",
	},
	{
		.name = "group",
		.kind = SL_TEXT,
		.offset = offsetof(struct vhost_user_config, group),
		.doc = "Group whose members may connect; without it only the user sluice runs as",
	},
	{
		.name = "iommu",
		.kind = SL_BOOL,
		.offset = offsetof(struct vhost_user_config, iommu),
		.def = "false",
		.doc = "Let a guest with a virtual IOMMU restrict what memory the port sees",
	},
	{
		.name = "postcopy",
		.kind = SL_BOOL,
		.offset = offsetof(struct vhost_user_config, postcopy),
		.def = "false",
		.doc = "Allow post-copy live migration of the guest",
	},
	{.name = NULL},
};

static struct sl_port_kind vhost_user = {
	.name = "vhost-user",
	.doc = "The network card of a virtual machine, in shared memory",
	.params = params,
	.config_size = sizeof(struct vhost_user_config),
	.check = check,
	.device = device,
	.open = vhost_user_open,
	.start = sl_ethdev_start,
	.stop = sl_ethdev_stop,
	.close = sl_ethdev_close,
};
SL_PORT_KIND(vhost_user)
