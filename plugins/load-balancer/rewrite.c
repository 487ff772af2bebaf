/* SPDX-License-Identifier: BSD-3-Clause */
/* What a flow writes, worked out once when its session is made. */
#include "load_balancer.h"

static uint32_t address_delta(const uint8_t *from, const uint8_t *to, enum lb_lane lane)
{
	uint32_t a[4] = {0}, b[4] = {0};

	memcpy(a, from, lane == LB_LANE4 ? 4 : 16);
	memcpy(b, to, lane == LB_LANE4 ? 4 : 16);
	return sl_checksum_delta128(a, b);
}

/* `other` is the opposite direction: its source is what this one's destination becomes, and its
 * destination what this one's source is to look like. */
void sl_lb_flow_fill(struct lb_flow *flow, enum lb_lane lane, const struct lb_flow *other)
{
	const union lb_key *key = (const union lb_key *)(flow + 1);
	const union lb_key *reverse = (const union lb_key *)(other + 1);
	const struct lb_tail *tail = lane == LB_LANE4 ? &key->v4.tail : &key->v6.tail;
	const struct lb_tail *twin = lane == LB_LANE4 ? &reverse->v4.tail : &reverse->v6.tail;
	bool source = flow->write == LB_WRITE_SOURCE;
	const uint8_t *from, *to;
	uint32_t delta;

	if (lane == LB_LANE4) {
		from = (const uint8_t *)(source ? &key->v4.src : &key->v4.dst);
		to = (const uint8_t *)(source ? &reverse->v4.dst : &reverse->v4.src);
	} else {
		from = source ? key->v6.src : key->v6.dst;
		to = source ? reverse->v6.dst : reverse->v6.src;
	}
	memcpy(lb_flow_addr(flow, lane), to, lane == LB_LANE4 ? 4 : 16);
	flow->port = source ? twin->dport : twin->sport;
	delta = address_delta(from, to, lane);
	flow->ip_delta = sl_checksum_fold(delta);
	delta += sl_checksum_delta16(source ? tail->sport : tail->dport, flow->port);
	if (lb_is_icmp(SL_L3_IPV6, tail->proto)) /* an identifier stays */
		delta = flow->ip_delta;
	flow->l4_delta = sl_checksum_fold(delta);
}

/* Direct return: the backend has the service's address itself, and answers by its own way. */
uint8_t sl_lb_write_mac(const struct lb_worker *w, const struct lb_backend *backend,
			struct rte_mbuf *m)
{
	struct rte_ether_hdr *ether = sl_ether(m);

	ether->dst_addr = backend->mac;
	if (w->lb->has_source_mac)
		ether->src_addr = w->lb->source_mac;
	sl_packet(m)->flags &= (uint16_t)~SL_PKT_GROUP;
	return SL_ON;
}
