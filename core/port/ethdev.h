/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports on DPDK devices: what all kinds have in common that only differ in their devargs. */
#ifndef CORE_PORT_ETHDEV_H
#define CORE_PORT_ETHDEV_H

#include <core/port/port.h>

/* What a kind knows of its driver. */
struct sl_ethdev_spec {
	const char *devargs; /* as EAL takes them: name, then arguments */
	uint16_t pairs;      /* the driver makes that many queues of both sorts; 0: as asked */
	bool peer_spreads;   /* its peer fills several Rx queues, without any RSS of ours */
	bool own_mac;        /* the port's address is not the device's: tap, whose device has the
			      * address of the kernel's end */
	/* An interface of the kernel's that the device stands on: brought up, and left as it was
	 * found; an MTU that is not given in the file stays what it is. Outlives the port. */
	const char *interface;
	bool complete_checksums; /* of packets received: core/packet/complete.h */
	const char *advice;      /* what to do when the device cannot be made; ends the message */
};

/* Make the device, if EAL does not have it yet, and set it up. */
int sl_ethdev_open(struct sl_port *port, const struct sl_ethdev_spec *spec,
		   struct sl_errors *errors);
int sl_ethdev_start(struct sl_port *port, struct sl_errors *errors);
void sl_ethdev_stop(struct sl_port *port);
/* Also takes away a device that sl_ethdev_open() made. */
void sl_ethdev_close(struct sl_port *port);

/* Room for a device's name. */
#define SL_ETHDEV_NAME 64

/* The name of the virtual device of a port: DRIVER_p0. */
const char *sl_ethdev_name(const struct sl_port *port, const char *driver, char *name);
/* Whether a text can stand in devargs, where a comma would begin the next argument. */
int sl_ethdev_check_text(const char *const *text, struct sl_errors *errors);

#endif
