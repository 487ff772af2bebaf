/* SPDX-License-Identifier: BSD-3-Clause */
/* PCI devices as sysfs shows them: who drives them, and giving them to another driver. */
#ifndef CORE_PORT_PCI_H
#define CORE_PORT_PCI_H

#include <stdbool.h>

#include <sluice/error.h>

#define SL_PCI_ADDRESS 16 /* "0000:03:00.0" and its NUL */
#define SL_PCI_DRIVER  32

struct sl_pci {
	char address[SL_PCI_ADDRESS];
	char driver[SL_PCI_DRIVER]; /* the one it had; "" for none */
	bool bound;                 /* by sl_pci_bind(), to be given back */
};

/* Whether a text has the form of a PCI address, with or without its domain. */
bool sl_pci_is_address(const char *text);
/* The device with that address, or behind the kernel's interface of that name. */
int sl_pci_find(const char *device, struct sl_pci *pci, struct sl_errors *errors);
/* Take it from its driver and give it to `driver` (vfio-pci). */
int sl_pci_bind(struct sl_pci *pci, const char *driver, struct sl_errors *errors);
/* Give it back to the driver that it had. Nothing is done when it was not bound by us. */
void sl_pci_give_back(struct sl_pci *pci);

#endif
