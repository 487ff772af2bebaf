/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `lua/policy`: the script's verdict on the first packet of a session holds for all of it. It is
 * kept in the session and said on the trails of its flows, so the script costs nothing afterwards;
 * of a limit, the guard asks about each packet. A new script, or a TCP connection that begins anew,
 * is a new question.
 */
#include <string.h>

#include "script.h"

/* Ask the script. false: there is no verdict; *edge says what becomes of the packet. */
static bool ask(struct sl_node *node, struct script_machine *machine, struct rte_mbuf *m,
		bool swapped, struct policy_session *session, uint8_t *edge)
{
	struct script_batch *batch = &machine->batch;
	uint32_t mark = sl_packet(m)->mark;

	if (machine->failed) {
		*edge = machine->config->failed == SCRIPT_FAILED_DROP ? SL_DROP(SCRIPT_DISABLED)
								      : SL_ON;
		return false;
	}
	batch->count = 1;
	batch->swapped = swapped;
	batch->marked = 0;
	machine->limit.each = 0;
	sl_script_show(batch, 0, m);
	if (!sl_machine_run(machine, node)) {
		sl_packet(m)->mark = mark;
		*edge = SL_DROP(SCRIPT_ERROR);
		return false;
	}
	sl_count(node, SCRIPT_COUNT_DECIDED, 1);
	session->epoch = machine->epoch;
	session->edge = batch->edge[0];
	session->reason = batch->reason[0];
	session->marks = batch->marked;
	session->mark = sl_packet(m)->mark;
	sl_limit_begin(session, &machine->limit, sl_now(node));
	sl_packet(m)->mark = mark;
	return true;
}

static bool begins(const struct sl_packet *p)
{
	const uint8_t flags = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG;

	return p->proto == IPPROTO_TCP && (p->tcp_flags & flags) == RTE_TCP_SYN_FLAG;
}

/* A packet of no known session, by `order` the sender's place in its key. */
static struct policy_session *open_session(struct sl_node *node, struct script_machine *machine,
					   struct rte_mbuf *m, const struct policy_key *key,
					   uint32_t hash, uint8_t order, uint8_t *edge)
{
	struct policy_worker *worker = node->state;
	uint32_t slot = sl_policy_add(node, key, hash);
	struct policy_session *session;

	if (slot == SL_NO_SLOT) {
		*edge = sl_policy_config(machine)->full == SCRIPT_FULL_DROP
				? SL_DROP(SCRIPT_TABLE_FULL)
				: SL_ON;
		return NULL;
	}
	session = &worker->sessions[slot];
	session->opener = order;
	if (ask(node, machine, m, false, session, edge))
		return session;
	sl_policy_remove(node, slot);
	return NULL;
}

/* A known one, whose verdict may have to be asked for again. */
static bool renew(struct sl_node *node, struct script_machine *machine, struct rte_mbuf *m,
		  struct policy_session *session, uint8_t order, uint8_t *edge)
{
	bool anew = begins(sl_packet(m));

	if (session->epoch == machine->epoch && !anew)
		return true;
	sl_anchor_cut(node, &session->anchor);
	if (anew)
		session->opener = order;
	return ask(node, machine, m, order != session->opener, session, edge);
}

static void note(struct sl_node *node, struct policy_session *session, const struct rte_mbuf *m)
{
	session->seen = sl_now(node);
	session->packets++;
	session->bytes += m->pkt_len;
}

static uint8_t drop_over_rate(struct sl_node *node, struct policy_session *session)
{
	session->over_rate++;
	sl_count(node, SCRIPT_COUNT_OVER_RATE, 1);
	return SL_DROP(SCRIPT_OVER_RATE);
}

/* Which of a flow's two senders, beside the slot of its session. */
#define SENDER_SHIFT 32

/* Carry the verdict out, and say it. */
static uint8_t act(struct sl_node *node, struct script_machine *machine, struct rte_mbuf *m,
		   struct policy_session *session, uint8_t order)
{
	const struct policy_worker *worker = node->state;
	uint64_t slot = (uint64_t)(session - worker->sessions);
	uint64_t handle = (uint64_t)order << SENDER_SHIFT | slot;
	uint8_t edge = session->edge;
	uint64_t *count = &node->counters[SCRIPT_COUNT_PACKETS];
	struct sl_trail *trail = sl_trail(node, m);

	if (edge == SL_DROP(SCRIPT_DROP)) {
		uint64_t *drops = &machine->drops[session->reason].packets;

		count = &node->counters[SCRIPT_COUNT_DROPPED];
		sl_tally(drops, 1);
		if (trail != NULL)
			sl_trail_count(trail, drops, NULL);
	} else if (session->each > 0 && !sl_limit_take(session, order, m, sl_now(node), true)) {
		note(node, session, m);
		return drop_over_rate(node, session); /* the next may pass */
	} else {
		/* Replies are on their way back already. */
		if (order != session->opener || edge == node->own_path)
			edge = SL_ON;
		if (session->marks) {
			sl_packet(m)->mark = session->mark;
			if (trail != NULL)
				sl_trail_set(trail, SL_FIELD_MARK, &session->mark);
		}
	}
	note(node, session, m);
	sl_tally(count, 1);
	if (trail != NULL) {
		sl_trail_count(trail, count, NULL);
		sl_trail_session(trail, &session->anchor, handle);
		if (session->each > 0 && edge != SL_DROP(SCRIPT_DROP))
			sl_trail_guard(trail);
	}
	return edge;
}

/* Packets of a burst that have a session, or will. */
struct look {
	struct policy_key keys[SL_BURST];
	uint32_t hashes[SL_BURST], slots[SL_BURST];
	uint8_t order[SL_BURST];
	uint16_t packet[SL_BURST];
	uint16_t count;
};

static void look_up(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n,
		    struct look *look)
{
	const struct policy_worker *worker = node->state;

	look->count = 0;
	for (uint16_t i = 0; i < n; i++) {
		const struct sl_packet *p = sl_packet(pkts[i]);
		uint16_t k = look->count;

		if (p->family != SL_L3_IPV4 && p->family != SL_L3_IPV6) {
			sl_count(node, SCRIPT_COUNT_OTHER, 1);
			continue;
		}
		if (p->flags & (SL_PKT_MALFORMED | SL_PKT_FRAGMENT)) {
			edge[i] = SL_DROP(SCRIPT_BAD);
			continue;
		}
		look->order[k] = sl_policy_key(&look->keys[k], pkts[i]);
		look->hashes[k] = sl_index_hash(&look->keys[k], sizeof(look->keys[k]));
		look->packet[k] = i;
		look->count++;
	}
	if (look->count == 0)
		return;
	sl_index_find_bulk(worker->index, look->keys, look->hashes, look->slots, look->count);
	for (uint16_t k = 0; k < look->count; k++)
		if (look->slots[k] != SL_NO_SLOT)
			rte_prefetch0(&worker->sessions[look->slots[k]].packets);
}

void sl_policy_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct script_machine *machine = sl_script_machine(node);
	struct policy_worker *worker = node->state;
	bool changed = false; /* sessions came or went since the look-up */
	struct look look;

	look_up(node, pkts, edge, n, &look);
	for (uint16_t k = 0; k < look.count; k++) {
		struct rte_mbuf *m = pkts[look.packet[k]];
		uint8_t *out = &edge[look.packet[k]];
		uint32_t slot = look.slots[k];
		struct policy_session *session = NULL;

		if (changed)
			slot = sl_index_find(worker->index, &look.keys[k], look.hashes[k]);
		if (slot == SL_NO_SLOT) {
			session = open_session(node, machine, m, &look.keys[k], look.hashes[k],
					       look.order[k], out);
			changed = true;
		} else if (renew(node, machine, m, &worker->sessions[slot], look.order[k], out)) {
			session = &worker->sessions[slot];
		}
		if (session != NULL)
			*out = act(node, machine, m, session, look.order[k]);
	}
}

void sl_policy_tick(struct sl_node *node)
{
	sl_policy_age(node);
	sl_machine_tick(sl_script_machine(node), node);
}

void sl_policy_credit(struct sl_node *node, uint64_t handle, const struct sl_usage *usage)
{
	struct policy_session *session =
		&((struct policy_worker *)node->state)->sessions[(uint32_t)handle];

	session->packets += usage->packets;
	session->bytes += usage->bytes;
	if ((int64_t)(usage->seen - session->seen) > 0)
		session->seen = usage->seen;
}

static void fetch(const struct policy_worker *worker, const uint64_t *handles, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(&worker->sessions[(uint32_t)handles[i]].packets);
}

/* All sessions are fetched before the first is looked at: what a limit needs is in one line. */
uint16_t sl_policy_guard(struct sl_node *node, const uint64_t *handles,
			 const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n, bool commit)
{
	const struct policy_worker *worker = node->state;

	fetch(worker, handles, n);
	for (uint16_t i = 0; i < n; i++) {
		struct policy_session *session = &worker->sessions[(uint32_t)handles[i]];

		if (sl_limit_take(session, handles[i] >> SENDER_SHIFT & 1, pkts[i], sl_now(node),
				  commit))
			continue;
		edge[i] = SL_DROP(SCRIPT_OVER_RATE);
		if (!commit)
			continue;
		note(node, session, pkts[i]);
		drop_over_rate(node, session);
	}
	return n;
}
