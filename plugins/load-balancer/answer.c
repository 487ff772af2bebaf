/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of our own, in the name of the virtual address: echo replies, resets, ICMP errors. */
#include "load_balancer.h"

/* As many as fall due in a tenth of a second may go out at once. */
#define BURSTS_A_SECOND 10

static void swap_bytes(uint8_t *a, uint8_t *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint8_t byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

/* RFC 1122 3.2.2.6, RFC 4443 4.2: the request itself becomes the reply. */
void sl_lb_echo(struct rte_mbuf *m)
{
	struct rte_ether_hdr *ether = sl_ether(m);
	struct rte_icmp_hdr *icmp = sl_icmp(m);
	bool v4 = sl_packet(m)->family == SL_L3_IPV4;
	uint8_t reply = v4 ? 0 : 129;
	uint32_t delta = sl_checksum_delta16(rte_cpu_to_be_16((uint16_t)(icmp->icmp_type << 8)),
					     rte_cpu_to_be_16((uint16_t)(reply << 8)));

	swap_bytes(ether->dst_addr.addr_bytes, ether->src_addr.addr_bytes, RTE_ETHER_ADDR_LEN);
	swap_bytes(lb_ip_src(m), lb_ip_dst(m), v4 ? 4 : 16);
	icmp->icmp_type = reply;
	icmp->icmp_cksum = sl_checksum_apply(icmp->icmp_cksum, delta);
	if (v4) {
		struct rte_ipv4_hdr *ip = sl_ipv4(m);
		uint16_t before, after;

		memcpy(&before, &ip->time_to_live, sizeof(before));
		ip->time_to_live = 64;
		memcpy(&after, &ip->time_to_live, sizeof(after));
		ip->hdr_checksum =
			sl_checksum_apply(ip->hdr_checksum, sl_checksum_delta16(before, after));
	} else {
		sl_ipv6(m)->hop_limits = 64;
	}
}

static bool within_rate(struct lb_worker *w)
{
	uint64_t from = RTE_MAX(w->reject_due, w->now);
	uint64_t burst = RTE_MAX(sl_hz() / BURSTS_A_SECOND, w->plan->reject_interval);

	if (from - w->now > burst) {
		lb_count(w, LB_REPLIES_LIMITED);
		return false;
	}
	w->reject_due = from + w->plan->reject_interval;
	return true;
}

static void emit(struct lb_worker *w, struct rte_mbuf *reply, uint8_t edge)
{
	if (reply == NULL)
		return;
	sl_emit(w->node, reply, edge);
	lb_count(w, LB_REPLIES);
}

void sl_lb_send_error(struct lb_worker *w, const struct rte_mbuf *m,
		      const struct sl_reply_error *error)
{
	if (within_rate(w))
		emit(w, sl_reply_error(w->node, m, error), error->onward ? SL_ON : SL_BACK);
}

void sl_lb_too_big(struct lb_worker *w, const struct rte_mbuf *m, uint32_t mtu)
{
	bool v4 = sl_packet(m)->family == SL_L3_IPV4;
	struct sl_reply_error error = {.type = v4 ? 3 : 2, .code = v4 ? 4 : 0, .info = mtu};

	if (sl_reply_allowed(m))
		sl_lb_send_error(w, m, &error);
}

void sl_lb_reject(struct lb_worker *w, const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	bool v4 = p->family == SL_L3_IPV4;
	struct sl_reply_error error = {.type = v4 ? 3 : 1, .code = v4 ? 3 : 4};

	if (!sl_reply_allowed(m))
		return;
	if (p->proto != IPPROTO_TCP || p->l4 == 0)
		sl_lb_send_error(w, m, &error);
	else if (within_rate(w))
		emit(w, sl_reply_reset(w->node, m), SL_BACK);
}
