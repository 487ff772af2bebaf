/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection to a running sluice that is no HTTP any more. */
#ifndef CORE_CONTROL_UPGRADE_H
#define CORE_CONTROL_UPGRADE_H

#include <core/error/errors.h>

/* POST to that path, and have the connection upgraded to that protocol (RFC 9110 7.8). Returns the
 * connection, or -errno with a message. */
int sl_client_upgrade(const char *socket, const char *path, const char *protocol,
		      struct sl_errors *errors);

#endif
