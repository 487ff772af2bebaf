/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which worker a packet goes on at. Two stages ask: the spread node behind each port, which
 * brings both directions of a session to one worker, and the graph, where a packet's next hop
 * runs on other workers than this one (a placed VNF, a port with fewer queues than workers).
 *
 * Every packet that was received has a home: the worker that the spread node chose. When it comes
 * back from a placed VNF it goes home, where the rest of the chain keeps its session.
 */
#ifndef CORE_WORKER_HANDOFF_H
#define CORE_WORKER_HANDOFF_H

#include <core/plugin/instance.h>
#include <core/worker/worker.h>

typedef uint32_t (*sl_spread_fn)(const struct sl_instance *instance, const struct rte_mbuf *m,
				 enum sl_side from, uint32_t workers);

/* How to choose among workers. Immutable once a worker can see it. */
struct sl_spread_rule {
	uint64_t mask;
	uint16_t count;                  /* of workers, at least 1 */
	uint8_t workers[SL_MAX_WORKERS]; /* indexes, ascending */
	struct sl_instance *by;          /* what its type's spread() says decides, */
	sl_spread_fn spread;             /* which this is; NULL: symmetric hash */
	enum sl_side side;               /* of that instance, where the packets come from */
};

struct sl_handoff {
	struct sl_worker **workers; /* all of the engine */
	uint16_t worker_count;
	uint16_t hop_count;
	const uint16_t *numbers;      /* of the hops, as in sl_graph_conf; NULL: their places */
	struct sl_spread_rule hops[]; /* per hop: who runs it */
};

/* type: whose spread() `by` has; NULL: its own. */
void sl_spread_rule_init(struct sl_spread_rule *rule, uint64_t mask, struct sl_instance *by,
			 const struct sl_node_type *type, enum sl_side side);

/* sl_graph_conf.handoff; context: a struct sl_handoff. Those it did not take stand last in pkts
 * afterwards. */
uint16_t sl_handoff(void *context, uint16_t hop, struct rte_mbuf **pkts, uint16_t n);

/* Send each packet to the hop of that number on worker target[i]; refused[i] is set where its inbox
 * was full. n at most SL_BURST. */
void sl_handoff_send(const struct sl_handoff *handoff, uint16_t number,
		     struct rte_mbuf *const *pkts, const uint8_t *target, bool *refused,
		     uint16_t n);

/* The home of a packet: the lower half of the part of the mbuf's hash that only flow director uses;
 * the upper half is the number of its trail. */
static inline void sl_handoff_set_home(struct rte_mbuf *m, uint16_t worker)
{
	m->hash.fdir.hi = (m->hash.fdir.hi & 0xffff0000) | worker;
}

static inline uint16_t sl_handoff_home(const struct rte_mbuf *m)
{
	return (uint16_t)m->hash.fdir.hi;
}

/* target[i]: the worker of each packet; n at most SL_BURST. A spread() that crashes puts its
 * instance into quarantine; from then on the symmetric hash decides. */
void sl_spread_choose(const struct sl_spread_rule *rule, struct rte_mbuf *const *pkts,
		      uint8_t *target, uint16_t n);

#endif
