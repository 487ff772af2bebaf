/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decisions said for flow fusion. They hold as long as the session and its backend do: a session
 * that ends cuts its anchor, a backend that dies un-fuses all flows (see sl_lb_apply()).
 */
#include "load_balancer.h"

static void tell_endpoint(struct sl_trail *trail, enum lb_lane lane, struct lb_flow *flow,
			  const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	bool source = flow->write == LB_WRITE_SOURCE;

	sl_trail_set(trail, source ? SL_FIELD_IP_SRC : SL_FIELD_IP_DST, lb_flow_addr(flow, lane));
	if (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP)
		sl_trail_set(trail, source ? SL_FIELD_L4_SRC : SL_FIELD_L4_DST, &flow->port);
}

/* Longer packets walk the graph, where they are fragmented or refused. */
static void tell_tunnel(struct sl_trail *trail, const struct lb_worker *w,
			const struct lb_backend *backend, const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	bool v4 = backend->addr.family == SL_FAMILY_IPV4;
	uint32_t longest = w->lb->mtu - backend->outer_length;
	uint8_t bytes[40];
	struct sl_push push = {
		.at = SL_PUSH_SHIM,
		.bytes = bytes,
		.length = backend->outer_length,
		.ethertype = rte_cpu_to_be_16(v4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6),
		.l3 = 0,
		.l4 = SL_PUSH_NONE,
		.length_at = {v4 ? 2 : 4, SL_PUSH_NONE},
		.length_less = {(uint16_t)(v4 ? p->l3 : p->l3 + sizeof(struct rte_ipv6_hdr)), 0},
		.checksum_at = v4 ? 10 : SL_PUSH_NONE,
		.entropy_at = SL_PUSH_NONE,
	};

	/* One that was put together from fragments goes in fragments again. */
	if ((p->flags & SL_PKT_REASSEMBLED) != 0 || m->pkt_len > p->l3 + longest) {
		sl_trail_refuse(trail);
		return;
	}
	sl_lb_outer_make(backend, m, bytes);
	sl_trail_limit(trail, p->l3 + longest);
	sl_trail_push(trail, &push);
}

void sl_lb_tell(struct lb_worker *w, enum lb_lane lane, uint32_t slot, const struct rte_mbuf *m,
		struct sl_trail *trail)
{
	struct lb_table *table = &w->tables[lane];
	struct lb_flow *flow = lb_flow(table, slot);
	const struct lb_backend *backend = &w->lb->backends[flow->backend];
	struct lb_tally *t = &w->tallies[flow->backend];
	bool in = w->side == 0;

	sl_trail_count(trail, &w->node->counters[in ? LB_BALANCED : LB_RETURNED], NULL);
	sl_trail_count(trail, in ? &t->packets_in : &t->packets_out,
		       in ? &t->bytes_in : &t->bytes_out);
	sl_trail_session(trail, &table->sessions[slot / 2].anchor, (uint64_t)lane << 32 | slot);
	switch ((enum lb_write)flow->write) {
	case LB_WRITE_NOTHING:
		sl_trail_pass(trail);
		break;
	case LB_WRITE_DESTINATION:
	case LB_WRITE_SOURCE:
		tell_endpoint(trail, lane, flow, m);
		break;
	case LB_WRITE_MAC:
		sl_trail_set(trail, SL_FIELD_ETH_DST, &backend->mac);
		if (w->lb->has_source_mac)
			sl_trail_set(trail, SL_FIELD_ETH_SRC, &w->lb->source_mac);
		break;
	case LB_WRITE_OUTER:
		tell_tunnel(trail, w, backend, m);
		break;
	}
}

void sl_lb_tell_pass(struct lb_worker *w, const struct rte_mbuf *m)
{
	struct sl_trail *trail = sl_trail(w->node, m);

	if (trail == NULL)
		return;
	sl_trail_pass(trail);
	sl_trail_count(trail, &w->node->counters[LB_PASSED], NULL);
}
