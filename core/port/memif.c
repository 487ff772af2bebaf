/* SPDX-License-Identifier: BSD-3-Clause */
/* Kind `memif`: shared memory with another process (VPP, a container, another sluice). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <core/port/ethdev.h>
#include <core/port/socket_path.h>

enum { ROLE_SERVER, ROLE_CLIENT };

struct memif_config {
	uint64_t given;
	const char *socket;
	uint32_t role;
	uint64_t id;
	const char *secret;
	uint64_t buffer;
	bool zero_copy;
};

static int check(const void *config, struct sl_errors *errors)
{
	const struct memif_config *c = config;
	int rc = sl_socket_check(&c->socket, errors);

	if (sl_ethdev_check_text(&c->secret, errors) < 0)
		rc = -EINVAL;
	if (c->secret && strlen(c->secret) > 24)
		rc = sl_fail_at(errors, &c->secret, "longer than the 24 characters of a secret");
	if (c->zero_copy && c->role == ROLE_SERVER)
		rc = sl_fail_at(errors, &c->zero_copy,
				"only the client, whose memory it is, can do without copies");
	return rc;
}

/* Ring lengths are powers of two and told as their exponent. */
static unsigned int exponent(uint64_t descriptors)
{
	unsigned int bits = 6;

	while (bits < 14 && 1ull << bits < descriptors)
		bits++;
	return bits;
}

static int memif_open(struct sl_port *port, struct sl_errors *errors)
{
	const struct memif_config *c = port->kind_config;
	char name[SL_ETHDEV_NAME], devargs[512], secret[64] = "";
	char buffer[32] = "", ring[32] = "";
	uint64_t descriptors = port->config->descriptors ? port->config->descriptors : 1024;
	uint16_t pairs = port->config->queues ? port->config->queues : 1;
	struct rte_ether_addr mac = port->mac;
	struct sl_ethdev_spec spec = {
		.devargs = devargs,
		.pairs = pairs,
		.peer_spreads = true,
		.advice = "two ports of one socket must have different ids and the same role",
	};

	if (c->role == ROLE_SERVER && access(c->socket, F_OK) == 0 &&
	    sl_socket_prepare(c->socket, NULL) == -EEXIST)
		return sl_fail(errors, EEXIST, "%s is there already and is no socket", c->socket);
	if (c->secret)
		snprintf(secret, sizeof(secret), ",secret=%s", c->secret);
	/* The driver's defaults go without saying: see TOO_LONG in ethdev.c. */
	if (c->buffer != 2048)
		snprintf(buffer, sizeof(buffer), ",bsize=%u", (unsigned int)c->buffer);
	if (exponent(descriptors) != 10)
		snprintf(ring, sizeof(ring), ",rsize=%u", exponent(descriptors));
	snprintf(devargs, sizeof(devargs),
		 "%s,%sid=%u,socket=%s,socket-abstract=no%s%s%s,mac=" RTE_ETHER_ADDR_PRT_FMT "%s",
		 sl_ethdev_name(port, "net_memif", name),
		 c->role == ROLE_SERVER ? "role=server," : "", (unsigned int)c->id, c->socket,
		 buffer, ring, c->zero_copy ? ",zero-copy=yes" : "", RTE_ETHER_ADDR_BYTES(&mac),
		 secret);
	return sl_ethdev_open(port, &spec, errors);
}

static const char *const roles[] = {"server", "client", NULL};

static const struct sl_param params[] = {
	{
		.name = "socket",
		.kind = SL_TEXT,
		.flags = SL_REQUIRED,
		.offset = offsetof(struct memif_config, socket),
		.doc = "Path of the socket that the two sides meet at; the server makes it",
	},
	{
		.name = "role",
		.kind = SL_ENUM,
		.flags = SL_REQUIRED,
		.offset = offsetof(struct memif_config, role),
		.names = roles,
		.doc = "One side is the server, the other the client",
	},
	{
		.name = "id",
		.kind = SL_UINT,
		.offset = offsetof(struct memif_config, id),
		.max = UINT32_MAX,
		.doc = "Number of the interface at the socket; the same on both sides",
	},
	{
		.name = "secret",
		.kind = SL_TEXT,
		.offset = offsetof(struct memif_config, secret),
		.doc = "A word that both sides must say, at most 24 characters",
	},
	{
		.name = "buffer",
		.kind = SL_UINT,
		.offset = offsetof(struct memif_config, buffer),
		.def = "2048",
		.min = 256,
		.max = 65535,
		.doc = "Bytes of a buffer; longer packets take several. The client says",
	},
	{
		.name = "zero-copy",
		.kind = SL_BOOL,
		.offset = offsetof(struct memif_config, zero_copy),
		.def = "false",
		.doc = "The client shares its packet memory instead of copying; EAL needs "
		       "`--single-file-segments`",
	},
	{.name = NULL},
};

static struct sl_port_kind memif = {
	.name = "memif",
	.doc = "Shared memory with another process: VPP, a container, another sluice",
	.params = params,
	.config_size = sizeof(struct memif_config),
	.check = check,
	.open = memif_open,
	.start = sl_ethdev_start,
	.stop = sl_ethdev_stop,
	.close = sl_ethdev_close,
};
SL_PORT_KIND(memif)
