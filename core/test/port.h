/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports of a chain test: packets come from and go to the main thread. */
#ifndef CORE_TEST_PORT_H
#define CORE_TEST_PORT_H

#include <core/port/port.h>

/* The kind's name; the chain of a test has no other. */
#define SL_TEST_PORT "test"
/* Chain files know the kind from now on. */
void sl_test_port_register(void);
/* Main thread: a packet comes in. false: no memory. */
bool sl_test_port_give(struct sl_port *port, const uint8_t *bytes, uint32_t length);
/* Main thread: the next packet that went out, the caller's to free; NULL: none. */
struct rte_mbuf *sl_test_port_take(struct sl_port *port);

#endif
