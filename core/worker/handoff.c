/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/worker/handoff.h>

void sl_spread_rule_init(struct sl_spread_rule *rule, uint64_t mask, const struct sl_instance *by,
			 const struct sl_node_type *type, enum sl_side side)
{
	*rule = (struct sl_spread_rule){.mask = mask,
					.by = by,
					.spread = by == NULL     ? NULL
						  : type != NULL ? type->spread
								 : by->type->spread,
					.side = side};
	for (uint8_t i = 0; i < SL_MAX_WORKERS; i++)
		if (mask & (UINT64_C(1) << i))
			rule->workers[rule->count++] = i;
}

void sl_handoff_send(const struct sl_handoff *handoff, uint16_t number,
		     struct rte_mbuf *const *pkts, const uint8_t *target, bool *refused, uint16_t n)
{
	uint64_t targets = 0;

	for (uint16_t i = 0; i < n; i++)
		targets |= UINT64_C(1) << target[i];
	for (; targets != 0; targets &= targets - 1) {
		unsigned int worker = (unsigned int)__builtin_ctzll(targets);
		struct rte_mbuf *batch[SL_BURST];
		uint8_t from[SL_BURST];
		uint16_t size = 0;

		for (uint16_t i = 0; i < n; i++) {
			if (target[i] != worker)
				continue;
			from[size] = (uint8_t)i;
			batch[size++] = pkts[i];
		}
		for (uint16_t i = sl_worker_inbox(handoff->workers[worker], number, batch, size);
		     i < size; i++)
			refused[from[i]] = true;
	}
}

static uint8_t choose(const struct sl_spread_rule *rule, const struct rte_mbuf *m)
{
	/* What sluice made has no home: it did not come through a spread node. */
	if (!(sl_packet(m)->flags & SL_PKT_MADE)) {
		uint16_t home = sl_handoff_home(m);

		if (home < SL_MAX_WORKERS && (rule->mask & (UINT64_C(1) << home)))
			return (uint8_t)home;
	}
	return (uint8_t)sl_spread_choose(rule, m);
}

static uint16_t hand(const struct sl_handoff *handoff, uint16_t hop, struct rte_mbuf **pkts,
		     uint16_t n)
{
	struct rte_mbuf *back[SL_BURST];
	uint8_t target[SL_BURST];
	bool refused[SL_BURST] = {false};
	uint16_t number = handoff->numbers != NULL ? handoff->numbers[hop] : hop;
	uint16_t taken = 0, left = 0;

	for (uint16_t i = 0; i < n; i++)
		target[i] = choose(&handoff->hops[hop], pkts[i]);
	sl_handoff_send(handoff, number, pkts, target, refused, n);
	for (uint16_t i = 0; i < n; i++) {
		if (refused[i])
			back[left++] = pkts[i];
		else
			pkts[taken++] = pkts[i];
	}
	for (uint16_t i = 0; i < left; i++)
		/* cppcheck-suppress uninitvar ; the loop above sets them */
		pkts[taken + i] = back[i];
	return taken;
}

uint16_t sl_handoff(void *context, uint16_t hop, struct rte_mbuf **pkts, uint16_t n)
{
	const struct sl_handoff *handoff = context;
	uint16_t done = 0;

	if (hop >= handoff->hop_count || handoff->hops[hop].count == 0)
		return 0;
	while (done < n) {
		uint16_t size = RTE_MIN((uint16_t)(n - done), (uint16_t)SL_BURST);
		uint16_t taken = hand(handoff, hop, &pkts[done], size);

		done += taken;
		if (taken < size)
			break;
	}
	return done;
}
