/* SPDX-License-Identifier: BSD-3-Clause */
/* Kind `af-xdp`: an interface of the kernel's by XDP sockets; packets pass the kernel by. */
#include <dlfcn.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <core/port/ethdev.h>
#include <core/port/interface.h>

struct af_xdp_config {
	uint64_t given;
	const char *interface;
	uint64_t first_queue;
	const char *program;
	bool copy;
	uint64_t busy_budget;
	bool complete_checksums;
};

static int check(const void *config, struct sl_errors *errors)
{
	const struct af_xdp_config *c = config;
	int rc = sl_ethdev_check_text(&c->interface, errors);

	return sl_ethdev_check_text(&c->program, errors) < 0 ? -EINVAL : rc;
}

static const char *device(const void *config)
{
	return ((const struct af_xdp_config *)config)->interface;
}

static int say_nothing(int level, const char *format, va_list args)
{
	return 0;
}

/* The libraries of DPDK's driver tell standard error what is of no concern. They are not linked
 * here, but looked up among what the driver has brought. */
static void silence(const char *library, const char *symbol)
{
	void *handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
	void *(*set_print)(int (*print)(int, const char *, va_list));

	if (!handle)
		return;
	set_print = (void *(*)(int (*)(int, const char *, va_list)))dlsym(handle, symbol);
	if (set_print)
		set_print(say_nothing);
	dlclose(handle); /* one reference less; the driver has its own */
}

static int af_xdp_open(struct sl_port *port, struct sl_errors *errors)
{
	const struct af_xdp_config *c = port->kind_config;
	char name[SL_ETHDEV_NAME], devargs[512];
	uint16_t queues =
		port->config->queues ? port->config->queues : sl_interface_queues(c->interface);
	int length;
	struct sl_ethdev_spec spec = {
		.devargs = devargs,
		.pairs = queues,
		.peer_spreads = true,
		.interface = c->interface,
		.complete_checksums = c->complete_checksums,
		.advice = "an XDP program of someone else's may be attached, or the queues taken",
	};

	if (sl_need_capability(CAP_NET_ADMIN, "an XDP socket", errors) < 0)
		return -EPERM;
	if (sl_interface_find(c->interface, errors) < 0)
		return -ENODEV;
	silence("libbpf.so.0", "libbpf_set_print");
	silence("libbpf.so.1", "libbpf_set_print");
	silence("libxdp.so.1", "libxdp_set_print");
	/* Packets of a queue without a socket go to the kernel, so all queues are taken. */
	length = snprintf(devargs, sizeof(devargs),
			  "%s,iface=%s,start_queue=%u,queue_count=%u,busy_budget=%u,force_copy=%u",
			  sl_ethdev_name(port, "net_af_xdp", name), c->interface,
			  (unsigned int)c->first_queue, queues, (unsigned int)c->busy_budget,
			  c->copy);
	if (c->program)
		length += snprintf(devargs + length, sizeof(devargs) - length, ",xdp_prog=%s",
				   c->program);
	if ((size_t)length >= sizeof(devargs))
		return sl_fail(errors, ENAMETOOLONG, "the path of the program is too long");
	return sl_ethdev_open(port, &spec, errors);
}

static const struct sl_param params[] = {
	{
		.name = "interface",
		.kind = SL_TEXT,
		.flags = SL_REQUIRED,
		.offset = offsetof(struct af_xdp_config, interface),
		.doc = "Name of the interface in the kernel",
	},
	{
		.name = "first-queue",
		.kind = SL_UINT,
		.offset = offsetof(struct af_xdp_config, first_queue),
		.max = 1023,
		.doc = "First of the interface's queues to take; `queues` says how many, without "
		       "it all",
	},
	{
		.name = "program",
		.kind = SL_TEXT,
		.offset = offsetof(struct af_xdp_config, program),
		.doc = "Object file of an XDP program to load instead of one that takes all",
	},
	{
		.name = "copy",
		.kind = SL_BOOL,
		.offset = offsetof(struct af_xdp_config, copy),
		.def = "false",
		.doc = "Use copy mode even where the driver could do without copies",
	},
	{
		.name = "busy-budget",
		.kind = SL_UINT,
		.offset = offsetof(struct af_xdp_config, busy_budget),
		.def = "64",
		.max = 65535,
		.doc = "Packets the kernel handles when the worker polls it; 0: by interrupts",
	},
	{
		.name = "complete-checksums",
		.kind = SL_BOOL,
		.offset = offsetof(struct af_xdp_config, complete_checksums),
		.def = "true",
		.doc = "Complete the TCP and UDP checksums that senders on the same machine leave "
		       "to a network card that is not there",
	},
	{.name = NULL},
};

static struct sl_port_kind af_xdp = {
	.name = "af-xdp",
	.doc = "A network interface of the kernel, by XDP sockets past the kernel's stack",
	.params = params,
	.config_size = sizeof(struct af_xdp_config),
	.needs_root = true,
	.check = check,
	.device = device,
	.open = af_xdp_open,
	.start = sl_ethdev_start,
	.stop = sl_ethdev_stop,
	.close = sl_ethdev_close,
};
SL_PORT_KIND(af_xdp)
