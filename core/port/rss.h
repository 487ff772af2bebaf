/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CORE_PORT_RSS_H
#define CORE_PORT_RSS_H

#include <rte_ethdev.h>

/* A hash key under which both directions of a session fall into one queue. */
#define SL_RSS_KEY_MAX 64

/* Fill in conf for several queues. key: SL_RSS_KEY_MAX bytes that live until the device is
 * configured. false: the device has no RSS that fits. */
bool sl_rss_configure(const struct rte_eth_dev_info *info, struct rte_eth_conf *conf, uint8_t *key);
/* After start: fill the indirection table evenly and see that the key has been taken. */
bool sl_rss_start(uint16_t ethdev, const struct rte_eth_dev_info *info, uint16_t queues);

#endif
