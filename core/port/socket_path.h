/* SPDX-License-Identifier: BSD-3-Clause */
/* Unix sockets that ports meet their peers at. */
#ifndef CORE_PORT_SOCKET_PATH_H
#define CORE_PORT_SOCKET_PATH_H

#include <sluice/error.h>

/* Whether a path can be that of a socket and stand in devargs. field: of the configuration. */
int sl_socket_check(const char *const *path, struct sl_errors *errors);
/* Make way for a socket: see that its folder can be written and take away one that nobody
 * listens at any more. */
int sl_socket_prepare(const char *path, struct sl_errors *errors);
/* See that there is one to connect to. */
int sl_socket_find(const char *path, struct sl_errors *errors);

#endif
