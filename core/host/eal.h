/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's environment: started once a process, from the host file. */
#ifndef CORE_HOST_EAL_H
#define CORE_HOST_EAL_H

#include <rte_mempool.h>

#include <core/host/config.h>

/* lcore 0 is main, worker i runs on lcore i + 1: see --lcores. */
#define SL_LCORE_OF_WORKER(i) ((i) + 1u)

/* pci: a port needs the bus. Logs in one line what it chose. */
int sl_eal_start(const struct sl_host_config *config, bool pci, struct sl_errors *errors);
/* The pool that all ports and nodes take packets from. */
struct rte_mempool *sl_eal_pool(const struct sl_host_config *config, struct sl_errors *errors);
void sl_eal_end(void);

#endif
