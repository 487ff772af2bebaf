/* SPDX-License-Identifier: BSD-3-Clause */
/* The control API over HTTP on a Unix socket. No thread of its own: the main thread polls it. */
#ifndef CORE_CONTROL_SERVER_H
#define CORE_CONTROL_SERVER_H

#include <core/host/engine.h>

struct sl_server;

struct sl_server_conf {
	const char *path; /* of the socket */
	uint32_t mode;
	const char *group;            /* of the socket; NULL: ours */
	const char *admins, *readers; /* groups: see core/control/peer.h; NULL: none */
	int *listening; /* a socket that listens already; -1 once it is the server's. NULL: none */
};

/* NULL with messages. */
struct sl_server *sl_server_new(struct sl_engine *engine, const struct sl_server_conf *conf,
				struct sl_errors *errors);
void sl_server_free(struct sl_server *server);
/* The engine has stopped: send the last of all streams, and end them. Before it is freed. */
void sl_server_finish(struct sl_server *server);
/* Can be read when there is something to do. */
int sl_server_fd(const struct sl_server *server);
/* Answer what has come; does not wait. */
void sl_server_poll(struct sl_server *server);

#endif
