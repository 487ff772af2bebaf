/* SPDX-License-Identifier: BSD-3-Clause */
#include "mpls.h"

static const struct sl_name reasons[] = {
	[MPLS_TTL_EXPIRED] = {"ttl-expired", "the TTL of the label or the packet ended here"},
	[MPLS_UNKNOWN_LABEL] = {"unknown-label", "the label is not in the incoming label map"},
	[MPLS_DROP_ROUTER_ALERT] = {"router-alert",
				    "label 1: for the router itself, which has no use for it"},
	[MPLS_DROP_IMPLICIT_NULL] = {"implicit-null", "label 3, which is never on the wire"},
	[MPLS_RESERVED_LABEL] = {"reserved-label", "label 4 to 15"},
	[MPLS_UPSTREAM_LABEL] = {"upstream-label", "EtherType 0x8848: labels of another's space"},
	[MPLS_TRUNCATED] = {"truncated", "the packet ended within the label stack"},
	[MPLS_TOO_DEEP] = {"too-deep", "more than `max-labels` labels were to be taken off"},
	[MPLS_BAD_PAYLOAD] = {"bad-payload", "what stood below the last label is no sound IP "
					     "packet, or not of the explicit null's version"},
	[MPLS_NO_ROOM] = {"no-room", "no headroom for the labels to push"},
	[MPLS_UNLABELLED] = {"unlabelled", "it had no label, got none, and `unlabelled` is drop"},
	{NULL, NULL},
};

static const struct sl_name counters[] = {
	[MPLS_COUNT_PUSHED] = {"pushed", "IP packets that got the labels of their FEC"},
	[MPLS_COUNT_SWAPPED] = {"swapped", "packets that left with a swapped label"},
	[MPLS_COUNT_POPPED] = {"popped", "packets that left with labels taken off"},
	[MPLS_COUNT_NULLS] = {"explicit-nulls", "explicit null labels taken off"},
	[MPLS_COUNT_UNLABELLED] = {"unlabelled", "packets that had no label and got none"},
	{NULL, NULL},
};

static int mpls_configure(struct sl_instance *instance, const void *config,
			  struct sl_errors *errors)
{
	struct mpls *mpls = sl_instance_data(instance);
	struct mpls_set *set = sl_mpls_set_new(instance, config, errors), *old;

	if (set == NULL)
		return -EINVAL;
	old = atomic_exchange_explicit(&mpls->set, set, memory_order_acq_rel);
	if (old != NULL) {
		sl_unfuse(instance); /* fused flows count in the old one's counters */
		sl_synchronize();
		sl_mpls_set_free(instance, old);
	}
	return 0;
}

static void mpls_destroy(struct sl_instance *instance)
{
	sl_mpls_set_free(instance, atomic_load(&((struct mpls *)sl_instance_data(instance))->set));
}

static uint8_t plain_edge(const struct mpls_set *set)
{
	return set->drop_unlabelled ? SL_DROP(MPLS_UNLABELLED) : SL_ON;
}

static uint8_t switch_labels(struct sl_node *node, const struct mpls_set *set, struct rte_mbuf *m)
{
	const uint8_t *type = rte_pktmbuf_mtod_offset(m, const uint8_t *, sl_packet(m)->l3 - 2);

	/* Both types are MPLS to the parser. RFC 5332: 0x8848 has labels that the sender chose. */
	if (unlikely(type[1] != (RTE_ETHER_TYPE_MPLS & 0xff)))
		return SL_DROP(MPLS_UPSTREAM_LABEL);
	return sl_mpls_switch(node, set, m);
}

static void say(struct sl_node *node, const struct mpls_set *set, struct rte_mbuf *m, uint32_t fec)
{
	struct sl_trail *trail = sl_trail(node, m);

	if (trail == NULL || (fec != SL_NO_MATCH && !sl_is_ip(m)) ||
	    (node->from == SL_INSIDE && set->fec_count > 0 && !sl_matcher_by_flow(set->matcher, m)))
		return;
	if (fec != SL_NO_MATCH)
		sl_mpls_say(node, set, m, fec);
	else
		sl_trail_count(trail, &node->counters[MPLS_COUNT_UNLABELLED], NULL);
}

static void mpls_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct mpls_set *set = sl_mpls_set(node);
	bool looks = node->from == SL_INSIDE && set->fec_count > 0;
	uint16_t plain = 0, pushed = 0;
	uint32_t fec[SL_BURST];

	if (looks)
		sl_matcher_lookup(set->matcher, node->from, pkts, fec, n);
	for (uint16_t i = 0; i < n; i++) {
		const struct sl_packet *p = sl_packet(pkts[i]);

		if (p->family == SL_L3_MPLS) {
			edge[i] = switch_labels(node, set, pkts[i]);
		} else if (looks && fec[i] != SL_NO_MATCH && sl_is_ip(pkts[i])) {
			if (sl_recording(node))
				say(node, set, pkts[i], fec[i]);
			edge[i] = sl_mpls_impose(node, set, pkts[i], fec[i]);
			pushed += edge[i] == SL_ON;
		} else {
			if (sl_recording(node))
				say(node, set, pkts[i], SL_NO_MATCH);
			edge[i] = plain_edge(set);
			plain++;
		}
	}
	sl_count(node, MPLS_COUNT_PUSHED, pushed);
	sl_count(node, MPLS_COUNT_UNLABELLED, plain);
}

static const struct sl_node_type types[] = {
	{.name = "mpls",
	 .doc = "pushes, swaps and pops MPLS labels",
	 .flags = SL_NODE_RESIZES | SL_NODE_TRAILS | SL_NODE_DECAPSULATES,
	 .reasons = reasons,
	 .counters = counters,
	 .params = sl_mpls_params,
	 .config_size = sizeof(struct mpls_config),
	 .instance_size = sizeof(struct mpls),
	 .check = sl_mpls_check,
	 .create = mpls_configure,
	 .configure = mpls_configure,
	 .destroy = mpls_destroy,
	 .process = mpls_process,
	 .commands = sl_mpls_commands},
};

SL_PLUGIN("mpls", "0.1.0", "BSD-3-Clause",
	  "MPLS label edge and label switching: push, swap, pop, penultimate hop", types);
