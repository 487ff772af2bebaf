/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers to packets that are not let through, sent back the way they came. They claim to be
 * from the destination, as the firewall has no address of its own.
 */
#include <sluice/reply.h>

#include "firewall.h"

static void send_answer(struct sl_node *node, struct rte_mbuf *answer)
{
	if (answer == NULL)
		return;
	sl_emit(node, answer, SL_BACK);
	sl_count(node, FW_REPLIES, 1);
}

/* port: a host would say so; else a router that has been told not to pass it. */
static void send_error(struct sl_node *node, const struct rte_mbuf *m, bool port)
{
	bool v4 = sl_packet(m)->family == SL_L3_IPV4;
	struct sl_reply_error error = {
		.type = v4 ? 3 : 1,
		.code = v4 ? (port ? 3 : 13) : (port ? 4 : 1),
	};

	send_answer(node, sl_reply_error(node, m, &error));
}

void sl_fw_reject(struct sl_node *node, const struct fw_policy *policy, const struct rte_mbuf *m,
		  enum fw_with with)
{
	struct fw_worker *worker = node->state;
	const struct sl_packet *p = sl_packet(m);
	bool tcp = p->l4 != 0 && p->proto == IPPROTO_TCP;

	if (!sl_reply_allowed(m))
		return;
	/* As many as fall due in a tenth of a second may go out at once. */
	if (!sl_fw_within_limit(&worker->reject_due, policy->reject_interval,
				RTE_MAX(sl_hz() / 10, policy->reject_interval), sl_now(node))) {
		sl_count(node, FW_REPLIES_LIMITED, 1);
		return;
	}
	if (with == FW_WITH_RESET || (with == FW_WITH_AUTO && tcp)) {
		if (tcp)
			send_answer(node, sl_reply_reset(node, m));
		return;
	}
	send_error(node, m,
		   with == FW_WITH_PORT_UNREACHABLE ||
			   (with == FW_WITH_AUTO && p->proto == IPPROTO_UDP));
}
