/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive side scaling that is symmetric: with a Toeplitz key of one 16-bit word repeated, to
 * exchange source and destination does not change the hash (Woo and Park, "Scalable TCP Session
 * Monitoring with Symmetric Receive-side Scaling", 2012).
 */
#include <string.h>

#include <core/port/rss.h>

#define WANTED                                                                                 \
	(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP |             \
	 RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV4_SCTP | RTE_ETH_RSS_IPV6 |     \
	 RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP | \
	 RTE_ETH_RSS_NONFRAG_IPV6_SCTP)
/* Without these sessions would not be spread, or only some of them. */
#define NEEDED (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP)

static void make_key(uint8_t *key, size_t length)
{
	for (size_t i = 0; i < length; i++)
		key[i] = i % 2 ? 0x5a : 0x6d;
}

bool sl_rss_configure(const struct rte_eth_dev_info *info, struct rte_eth_conf *conf, uint8_t *key)
{
	if ((info->flow_type_rss_offloads & NEEDED) != NEEDED || info->hash_key_size == 0 ||
	    info->hash_key_size > SL_RSS_KEY_MAX)
		return false;
	make_key(key, info->hash_key_size);
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_key = key;
	conf->rx_adv_conf.rss_conf.rss_key_len = info->hash_key_size;
	conf->rx_adv_conf.rss_conf.rss_hf = WANTED & info->flow_type_rss_offloads;
	return true;
}

static bool fill_table(uint16_t ethdev, uint16_t size, uint16_t queues)
{
	struct rte_eth_rss_reta_entry64 table[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE];

	if (size == 0)
		return true; /* the driver spreads evenly by itself */
	if (size > RTE_ETH_RSS_RETA_SIZE_512)
		return false;
	memset(table, 0, sizeof(table));
	for (uint16_t i = 0; i < size; i++) {
		struct rte_eth_rss_reta_entry64 *group = &table[i / RTE_ETH_RETA_GROUP_SIZE];

		group->mask |= UINT64_C(1) << (i % RTE_ETH_RETA_GROUP_SIZE);
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = i % queues;
	}
	return rte_eth_dev_rss_reta_update(ethdev, table, size) == 0;
}

bool sl_rss_start(uint16_t ethdev, const struct rte_eth_dev_info *info, uint16_t queues)
{
	uint8_t key[SL_RSS_KEY_MAX], expected[SL_RSS_KEY_MAX];
	struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = info->hash_key_size};

	if (info->hash_key_size > SL_RSS_KEY_MAX || !fill_table(ethdev, info->reta_size, queues))
		return false;
	if (rte_eth_dev_rss_hash_conf_get(ethdev, &conf) < 0)
		return false;
	make_key(expected, info->hash_key_size);
	return (conf.rss_hf & NEEDED) == NEEDED && !memcmp(key, expected, info->hash_key_size);
}
