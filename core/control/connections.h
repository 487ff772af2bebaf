/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The open connections of the server. Who only connects, or sends a request a byte at a time, must
 * not keep others out: there is a deadline for every request, and when there are too many
 * connections, those that have been waiting for one the longest are closed. Main thread.
 */
#ifndef CORE_CONTROL_CONNECTIONS_H
#define CORE_CONTROL_CONNECTIONS_H

#include <core/control/peer.h>

struct sl_connection;
struct sl_connections;

/* NULL: out of memory. */
struct sl_connections *sl_connections_new(void);
/* All must have been closed. */
void sl_connections_free(struct sl_connections *connections);

/* One was accepted. NULL: out of memory. */
struct sl_connection *sl_connections_add(struct sl_connections *connections, int fd,
					 const struct sl_peer *peer);
/* It was closed. */
void sl_connections_remove(struct sl_connections *connections, struct sl_connection *connection);
const struct sl_peer *sl_connection_peer(const struct sl_connection *connection);
/* A whole request has come. */
void sl_connection_busy(struct sl_connection *connection);
/* It has been answered: a next one may come. */
void sl_connection_idle(struct sl_connections *connections, struct sl_connection *connection);

/* Each round: hang up on those that are too slow. */
void sl_connections_tend(struct sl_connections *connections);

#endif
