/* SPDX-License-Identifier: BSD-3-Clause */
/* The Unix socket of the control API: made so that only those meant to can reach it. */
#ifndef CORE_CONTROL_SOCKET_H
#define CORE_CONTROL_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <core/error/errors.h>

/*
 * Bind and listen. The folder must not be writable by others. A socket that nobody answers any
 * more is replaced; one that is alive, or a file that is no socket, is not. group: name, or
 * NULL. Returns the descriptor, or -errno with a message.
 */
int sl_socket_listen(const char *path, uint32_t mode, const char *group, struct sl_errors *errors);
/* Remove the file if it still is this socket's. */
void sl_socket_unlink(int fd, const char *path);

#endif
