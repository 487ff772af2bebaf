/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures as pcapng (draft-ietf-opsawg-pcapng), with a comment on each packet. */
#ifndef CORE_PORT_PCAPNG_H
#define CORE_PORT_PCAPNG_H

#include <stdio.h>

#include <rte_mbuf.h>

/* The section and one Ethernet interface. */
void sl_pcapng_begin(FILE *file);
/* A packet, now. Errors are the stream's. */
void sl_pcapng_packet(FILE *file, const struct rte_mbuf *m, const char *comment);

#endif
