/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CORE_PORT_SINK_H
#define CORE_PORT_SINK_H

#include <rte_mbuf.h>

/* Free packets, those of one pool and one segment in bulk. Any thread. */
void sl_sink_free(struct rte_mbuf **pkts, uint16_t n);

#endif
