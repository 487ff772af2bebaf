/* SPDX-License-Identifier: BSD-3-Clause */
/* Kind `physical`: a network card on the PCI bus, taken from the kernel and given back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <core/port/ethdev.h>
#include <core/port/interface.h>
#include <core/port/pci.h>

struct physical_config {
	uint64_t given;
	const char *device;
	const char *driver;
	bool force;
	const char *arguments;
};

/* Beside the ethdev that sl_port.private is for. */
struct physical {
	void *ethdev;
	struct sl_pci pci;
};

static int check(const void *config, struct sl_errors *errors)
{
	const struct physical_config *c = config;

	if (strchr(c->device, '/') || strchr(c->device, ',') || c->device[0] == 0)
		return sl_fail_at(errors, &c->device,
				  "\"%s\" is neither a PCI address, such as 0000:03:00.0, nor the "
				  "name of an interface",
				  c->device);
	return 0;
}

static const char *device(const void *config)
{
	return ((const struct physical_config *)config)->device;
}

/* Some drivers work beside the kernel's; their devices are not rebound. */
static bool shares_with_kernel(const char *driver)
{
	return !strncmp(driver, "mlx4", 4) || !strncmp(driver, "mlx5", 4) ||
	       !strcmp(driver, "mana") || !strcmp(driver, "gve_dpdk");
}

/* Do not cut off whoever may be logged in over it. */
static int check_use(const struct physical_config *c, const struct sl_pci *pci,
		     struct sl_errors *errors)
{
	char address[64];

	if (c->force || sl_pci_is_address(c->device) ||
	    !sl_interface_in_use(c->device, address, sizeof(address)))
		return 0;
	return sl_fail(errors, EBUSY,
		       "interface %s has the address %s: to take %s from the kernel would cut it "
		       "off; take the address away, or say `force: true`",
		       c->device, address, pci->address);
}

/* Calls of ethdev.h find their own in sl_port.private. */
static struct physical *unwrap(struct sl_port *port)
{
	struct physical *p = port->private;

	port->private = p->ethdev;
	return p;
}

static void wrap(struct sl_port *port, struct physical *p)
{
	p->ethdev = port->private;
	port->private = p;
}

static int physical_open(struct sl_port *port, struct sl_errors *errors)
{
	const struct physical_config *c = port->kind_config;
	struct physical *p = calloc(1, sizeof(*p));
	char devargs[512];
	struct sl_ethdev_spec spec = {
		.devargs = devargs,
		.advice = "is a driver of DPDK for it installed?",
	};
	int rc;

	if (!p)
		return sl_fail(errors, ENOMEM, "out of memory");
	rc = sl_pci_find(c->device, &p->pci, errors);
	if (rc == 0)
		rc = check_use(c, &p->pci, errors);
	if (rc == 0 && !shares_with_kernel(p->pci.driver))
		rc = sl_pci_bind(&p->pci, c->driver, errors);
	if (rc == 0) {
		snprintf(devargs, sizeof(devargs), "%s%s%s", p->pci.address,
			 c->arguments ? "," : "", c->arguments ? c->arguments : "");
		rc = sl_ethdev_open(port, &spec, errors);
	}
	if (rc < 0) {
		sl_pci_give_back(&p->pci);
		free(p);
		return rc;
	}
	wrap(port, p);
	return 0;
}

static int physical_start(struct sl_port *port, struct sl_errors *errors)
{
	struct physical *p = unwrap(port);
	int rc = sl_ethdev_start(port, errors);

	wrap(port, p);
	return rc;
}

static void physical_stop(struct sl_port *port)
{
	struct physical *p = unwrap(port);

	sl_ethdev_stop(port);
	wrap(port, p);
}

static void physical_close(struct sl_port *port)
{
	struct physical *p = unwrap(port);

	sl_ethdev_close(port);
	sl_pci_give_back(&p->pci);
	free(p);
}

static const struct sl_param params[] = {
	{
		.name = "device",
		.kind = SL_TEXT,
		.flags = SL_REQUIRED,
		.offset = offsetof(struct physical_config, device),
		.doc = "PCI address, such as 0000:03:00.0, or name of the kernel's interface",
	},
	{
		.name = "driver",
		.kind = SL_TEXT,
		.offset = offsetof(struct physical_config, driver),
		.def = "vfio-pci",
		.doc = "Kernel driver that the card is bound to while the port is open",
	},
	{
		.name = "force",
		.kind = SL_BOOL,
		.offset = offsetof(struct physical_config, force),
		.def = "false",
		.doc = "Take the card even from an interface that has IP addresses",
	},
	{
		.name = "arguments",
		.kind = SL_TEXT,
		.offset = offsetof(struct physical_config, arguments),
		.doc = "Arguments of DPDK's driver for the card",
	},
	{.name = NULL},
};

static struct sl_port_kind physical = {
	.name = "physical",
	.doc = "A network card on the PCI bus, taken from the kernel and given back",
	.params = params,
	.config_size = sizeof(struct physical_config),
	.needs_root = true,
	.needs_pci = true,
	.check = check,
	.device = device,
	.open = physical_open,
	.start = physical_start,
	.stop = physical_stop,
	.close = physical_close,
};
SL_PORT_KIND(physical)
