/* SPDX-License-Identifier: BSD-3-Clause */
/* What the host file need not say. */
#ifndef CORE_HOST_DEFAULTS_H
#define CORE_HOST_DEFAULTS_H

#include <core/host/config.h>

/* A configuration with every default that does not depend on the machine; worker_cores has room
 * for SL_MAX_WORKERS. NULL: out of memory. */
struct sl_host_config *sl_host_defaults_new(void);
/* The host file to read when none was named, or NULL when there is none. */
const char *sl_host_defaults_file(char *path, size_t size);
/* Choose the cores that were not given, among those this process may use; report given ones that
 * it may not. Returns -ENOMEM only. */
int sl_host_defaults_cores(struct sl_host_config *config, bool main_given, bool workers_given,
			   const char *file, struct sl_errors *errors);
/* Folders of plugins and VNFs, and the socket. Returns -ENOMEM or 0. */
int sl_host_defaults_paths(struct sl_host_config *config, bool socket_given);

#endif
