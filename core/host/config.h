/* SPDX-License-Identifier: BSD-3-Clause */
/* The host file (libconfig): what the machine gives to sluice. Every key has a default. */
#ifndef CORE_HOST_CONFIG_H
#define CORE_HOST_CONFIG_H

#include <core/error/errors.h>
#include <core/worker/worker.h>

enum sl_memory_mode {
	SL_MEMORY_AUTO, /* hugepages when there are enough, else none */
	SL_MEMORY_HUGE,
	SL_MEMORY_NORMAL,
};

struct sl_host_config {
	unsigned int main_core;
	unsigned int *worker_cores; /* CPUs, one a worker; worker i runs on worker_cores[i] */
	unsigned int worker_count;
	enum sl_memory_mode memory;
	uint64_t memory_mb; /* 0: as much as the packets and the tables of DPDK need */
	uint32_t packets;   /* mbufs in the pool */
	uint32_t data_room; /* bytes of a packet that one mbuf holds, without headroom */
	uint32_t burst;
	struct sl_idle_config idle;
	uint32_t watchdog_ms; /* 0: no watchdog */
	const char **plugin_folders;
	unsigned int plugin_folder_count;
	const char **vnf_folders;
	unsigned int vnf_folder_count;
	const char *socket;   /* of the control API; NULL: none */
	uint32_t socket_mode; /* default 0600, 0666 when there are admins or readers */
	const char *socket_group;
	const char *metrics;          /* TCP address and port of /metrics; NULL: none */
	bool telemetry;               /* DPDK's, over a Unix socket of its own */
	const char *admins, *readers; /* groups: see core/control/peer.h; NULL: none */
	const char *user, *group;     /* to become once ports are open; NULL: stay */
	const char *log_level;        /* one of sl_log_levels */
	const char *log_file;         /* NULL: standard error */
	const char **eal;             /* further EAL arguments */
	unsigned int eal_count;
};

/* file NULL: $XDG_CONFIG_HOME/sluice/sluice.conf, else /etc/sluice/sluice.conf (or where the
 * installation keeps it) when there is one, else defaults:
 * main on the first allowed core, one worker on each other (or on the same when there is one),
 * plugins beside the program or in its libdir. NULL with messages when anything is wrong. */
struct sl_host_config *sl_host_config_load(const char *file, struct sl_errors *errors);
void sl_host_config_free(struct sl_host_config *config);

#endif
