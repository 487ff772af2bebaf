/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /metrics, and nothing else, over HTTP at a TCP address: there is one only when somebody asks for
 * it. No thread of its own: the main thread polls it.
 */
#ifndef CORE_CONTROL_METRICS_SERVER_H
#define CORE_CONTROL_METRICS_SERVER_H

#include <core/host/engine.h>

struct sl_metrics_server;

/* address: as sl_listen_parse() reads it. takes_over: another sluice, which is about to end, may
 * listen there, too. NULL with messages. */
struct sl_metrics_server *sl_metrics_server_new(const struct sl_engine *engine, const char *address,
						bool takes_over, struct sl_errors *errors);
/* NULL is allowed. */
void sl_metrics_server_free(struct sl_metrics_server *server);
/* Answer what has come; does not wait. NULL is allowed. */
void sl_metrics_server_poll(struct sl_metrics_server *server);

#endif
