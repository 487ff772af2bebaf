/* SPDX-License-Identifier: BSD-3-Clause */
/* Sorts a burst: packets that have a key go to the lane of their IP version, with it; others to
 * the misses, on, or out. */
#include "firewall.h"

static inline uint16_t vlan_of(const struct sl_packet *p)
{
	return p->flags & SL_PKT_VLAN ? p->vlan & 0xfff : 0;
}

static inline void lane_put4(struct fw_lane *lane, uint16_t packet, rte_be32_t source,
			     rte_be32_t dest, uint32_t ports, uint64_t rest)
{
	uint64_t a = (uint64_t)source << 16 | (uint16_t)ports,
		 b = (uint64_t)dest << 16 | ports >> 16;
	uint64_t low = RTE_MIN(a, b), high = RTE_MAX(a, b);
	uint64_t *key = &lane->keys[lane->n * 2];

	/* struct fw_key4, in two words. */
	key[0] = low >> 16 | high >> 16 << 32;
	key[1] = (low & 0xffff) | (high & 0xffff) << 16 | rest;
	lane->direction[lane->n] = a > b;
	lane->index[lane->n++] = (uint8_t)packet;
}

static inline void lane_put6(struct fw_lane *lane, uint16_t packet, const uint8_t *ip,
			     uint32_t ports, uint64_t rest)
{
	uint64_t *key = &lane->keys[lane->n * 5];

	lane->direction[lane->n] = (uint8_t)sl_fw_order6((struct fw_key6 *)key, ip + 8, ip + 24,
							 (uint16_t)ports, (uint16_t)(ports >> 16));
	key[4] = (key[4] & UINT32_MAX) | rest;
	lane->index[lane->n++] = (uint8_t)packet;
}

/* The upper half of a key's last word: protocol, kind, VLAN. */
static inline uint64_t key_rest(uint8_t proto, uint8_t kind, uint16_t vlan)
{
	return (uint64_t)proto << 32 | (uint64_t)kind << 40 | (uint64_t)vlan << 48;
}

static void lane_put(struct fw_worker *worker, const struct rte_mbuf *m, uint16_t packet,
		     uint32_t ports, uint8_t kind)
{
	const struct sl_packet *p = sl_packet(m);
	uint64_t rest = key_rest(p->proto, kind, vlan_of(p));
	const uint8_t *ip = sl_l3(m);

	if (p->family == SL_L3_IPV4) {
		rte_be32_t addr[2];

		memcpy(addr, ip + 12, 8);
		lane_put4(&worker->lanes[FW_LANE4], packet, addr[0], addr[1], ports, rest);
	} else {
		lane_put6(&worker->lanes[FW_LANE6], packet, ip, ports, rest);
	}
}

static void sort_special(struct sl_node *node, const struct fw_policy *policy,
			 const struct rte_mbuf *m, uint16_t packet, uint8_t *edge)
{
	struct fw_worker *worker = node->state;
	struct fw_tail tail;
	uint8_t reason;

	switch (sl_fw_special(m, policy->config->neighbours == 0, &tail, &reason)) {
	case FW_KIND_SESSION:
	case FW_KIND_OPENER:
		lane_put(worker, m, packet, tail.port[0] | (uint32_t)tail.port[1] << 16, tail.kind);
		return;
	case FW_KIND_STATELESS:
		sl_fw_miss(worker, packet, FW_LANES, 0);
		return;
	case FW_KIND_PASS:
		return;
	case FW_KIND_ERROR:
		if (sl_fw_related(node, policy, m))
			sl_count(node, FW_RELATED, 1);
		else
			*edge = SL_DROP(FW_UNRELATED);
		return;
	case FW_KIND_DROP:
		*edge = SL_DROP(reason);
		return;
	}
}

void sl_fw_sort(struct sl_node *node, const struct fw_policy *policy, struct rte_mbuf **pkts,
		uint8_t *edge, uint16_t n)
{
	struct fw_worker *worker = node->state;

	worker->lanes[FW_LANE4].n = worker->lanes[FW_LANE6].n = worker->miss_count = 0;
	for (uint16_t i = 0; i < n; i++) {
		const struct sl_packet *p = sl_packet(pkts[i]);
		uint32_t ports;

		if (likely(sl_has_ports(pkts[i]) && !(p->flags & SL_PKT_FRAGMENT))) {
			memcpy(&ports, sl_l4(pkts[i]), 4);
			lane_put(worker, pkts[i], i, ports, 0);
		} else {
			sort_special(node, policy, pkts[i], i, &edge[i]);
		}
	}
}
