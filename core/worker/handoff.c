/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_cycles.h>

#include <core/fault/fault.h>
#include <core/worker/handoff.h>

void sl_spread_rule_init(struct sl_spread_rule *rule, uint64_t mask, struct sl_instance *by,
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

/*
 * Asking a plugin
 */

struct question {
	const struct sl_spread_rule *rule;
	struct rte_mbuf *const *pkts;
	uint8_t *target;
	uint16_t n;
};

static void ask(void *context)
{
	const struct question *q = context;
	const struct sl_spread_rule *rule = q->rule;

	/* The instance counts in its own workers; those of the rule may be others. */
	for (uint16_t i = 0; i < q->n; i++) {
		uint32_t number = rule->spread(rule->by, q->pkts[i], rule->side, rule->by->workers);

		q->target[i] = rule->workers[number % rule->by->workers % rule->count];
	}
}

static void report(const struct question *q)
{
	struct sl_fault *fault;

	sl_instance_fault(q->rule->by);
	fault = sl_fault_claim();
	if (fault == NULL)
		return;
	fault->cause = sl_fault_self->seen;
	fault->call = sl_fault_self->main ? SL_CALL_MAIN : SL_CALL_SPREAD;
	fault->instance = q->rule->by;
	fault->when = rte_rdtsc();
	fault->worker = sl_fault_self->worker;
	fault->burst = q->n;
	sl_fault_post(fault);
}

void sl_spread_choose(const struct sl_spread_rule *rule, struct rte_mbuf *const *pkts,
		      uint8_t *target, uint16_t n)
{
	struct question question = {.rule = rule, .pkts = pkts, .target = target, .n = n};

	if (rule->count > 1 && rule->by != NULL &&
	    sl_instance_quarantined(rule->by) == SL_QUARANTINE_NONE) {
		if (sl_fault_run(rule->by, ask, &question))
			return;
		report(&question);
	}
	for (uint16_t i = 0; i < n; i++)
		target[i] =
			rule->workers[rule->count == 1 ? 0 : sl_packet_hash(pkts[i]) % rule->count];
}

/*
 * On the way out of a graph
 */

/* Packets go home, where the rest of the chain keeps their session. What sluice made has no home:
 * it did not come through a spread node. */
static void choose(const struct sl_spread_rule *rule, struct rte_mbuf *const *pkts, uint8_t *target,
		   uint16_t n)
{
	struct rte_mbuf *others[SL_BURST];
	uint8_t chosen[SL_BURST], place[SL_BURST];
	uint16_t count = 0;

	for (uint16_t i = 0; i < n; i++) {
		uint16_t home = sl_packet(pkts[i])->flags & SL_PKT_MADE ? SL_MAX_WORKERS
									: sl_handoff_home(pkts[i]);

		target[i] = (uint8_t)home;
		if (home < SL_MAX_WORKERS && (rule->mask & (UINT64_C(1) << home)))
			continue;
		place[count] = (uint8_t)i;
		others[count++] = pkts[i];
	}
	if (count == 0)
		return;
	sl_spread_choose(rule, others, chosen, count);
	for (uint16_t i = 0; i < count; i++)
		target[place[i]] = chosen[i];
}

static uint16_t hand(const struct sl_handoff *handoff, uint16_t hop, struct rte_mbuf **pkts,
		     uint16_t n)
{
	struct rte_mbuf *back[SL_BURST];
	uint8_t target[SL_BURST];
	bool refused[SL_BURST] = {false};
	uint16_t number = handoff->numbers != NULL ? handoff->numbers[hop] : hop;
	uint16_t taken = 0, left = 0;

	choose(&handoff->hops[hop], pkts, target, n);
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
