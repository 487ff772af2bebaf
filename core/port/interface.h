/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's network interfaces, and what one must be allowed to do to use them. */
#ifndef CORE_PORT_INTERFACE_H
#define CORE_PORT_INTERFACE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include <sluice/error.h>

/* 0, or the error that there is no such interface, with those that there are. */
int sl_interface_find(const char *name, struct sl_errors *errors);
/* Its MTU; 0 when it cannot be read. */
uint16_t sl_interface_mtu(const char *name);
int sl_interface_set_mtu(const char *name, uint16_t mtu, struct sl_errors *errors);
/* Its address; an error when it has none as Ethernet's. */
int sl_interface_mac(const char *name, struct rte_ether_addr *mac, struct sl_errors *errors);
/* Whether it is up and has a carrier. */
bool sl_interface_running(const char *name);
/* Have the kernel merge received packets (GRO) or not; returns whether that changed it. */
bool sl_interface_merge(const char *name, bool merge);
/* Receive queues that its channels say it has; at least 1. */
uint16_t sl_interface_queues(const char *name);
/* Bring it up. was_up: whether it was before. */
int sl_interface_up(const char *name, bool *was_up, struct sl_errors *errors);
void sl_interface_down(const char *name);
/* An address that would be cut off if the interface were taken away, as text, or false. */
bool sl_interface_in_use(const char *name, char *text, unsigned int size);

/* 0, or the error that `what` needs the capability. */
int sl_need_capability(unsigned int capability, const char *what, struct sl_errors *errors);

#endif
