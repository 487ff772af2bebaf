/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CORE_HOST_PRIVILEGES_H
#define CORE_HOST_PRIVILEGES_H

#include <core/host/config.h>

/*
 * Become config->user and config->group, when they are given, for all threads. The main thread
 * keeps CAP_NET_ADMIN and CAP_NET_RAW when ports of the chain need them to be changed or closed
 * (network); workers keep nothing. Nothing can be gained again afterwards.
 */
int sl_privileges_drop(const struct sl_host_config *config, bool network, struct sl_errors *errors);

#endif
