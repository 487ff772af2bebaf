/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Faults of nodes, as the graph sees them. A node never owns a packet, so a call of process() that
 * does not come back costs the burst that it was given and nothing else: every packet of it is
 * dropped and counted, or still held by the node.
 */
#include <errno.h>

#include <rte_cycles.h>

#include <core/flow/fusion.h>
#include <core/graph/frame.h>
#include <core/graph/watch.h>

/*
 * What the handler asks
 */

struct sl_instance *sl_graph_blame(const struct sl_contain *contain)
{
	const struct sl_graph *graph = contain->context;
	const struct sl_hop *hop = sl_hop_by_number(graph, graph->current);

	if (graph->inside == NULL || hop == NULL || hop->own || hop->quarantined)
		return NULL;
	return hop->node.instance;
}

uint64_t sl_graph_place(const void *context)
{
	const struct sl_graph *graph = context;
	uint16_t current = __atomic_load_n(&graph->current, __ATOMIC_RELAXED);
	const struct sl_hop *hop = sl_hop_by_number(graph, current);

	return hop == NULL ? 1 : current | (sl_tally_read(&hop->calls) + 1) << 16;
}

/*
 * What it leaves behind
 */

/* Post a fault; takes over up to `n` of the packets, and returns how many. */
static uint16_t post(struct sl_hop *hop, enum sl_fault_call call,
		     const struct sl_fault_cause *cause, uint8_t edge, struct rte_mbuf **pkts,
		     uint16_t n, uint16_t burst)
{
	struct sl_fault *fault = sl_fault_claim();

	if (fault == NULL)
		return 0;
	fault->cause = *cause;
	fault->call = call;
	fault->instance = hop->node.instance;
	fault->when = rte_rdtsc();
	fault->worker = hop->graph->conf.worker;
	fault->hop = hop->node.hop;
	fault->burst = burst;
	fault->edge = edge;
	fault->packet_count = RTE_MIN(n, (uint16_t)SL_FAULT_PACKETS);
	for (unsigned int i = 0; i < fault->packet_count; i++)
		fault->packets[i] = pkts[i];
	n = (uint16_t)fault->packet_count;
	sl_fault_post(fault);
	return n;
}

/* Packets that the main thread gets to see are dropped all the same. */
static void drop(struct sl_hop *hop, enum sl_graph_reason reason, enum sl_fault_call call,
		 const struct sl_fault_cause *cause, uint8_t edge, struct rte_mbuf **pkts,
		 uint16_t n, uint16_t burst)
{
	uint32_t number = hop->own_reasons + (uint32_t)reason;
	uint16_t taken;

	if (unlikely(hop->graph->views != NULL))
		sl_watch_dropped(hop, number, pkts, n, false);
	taken = post(hop, call, cause, edge, pkts, n, burst);
	sl_tally(&hop->drops[number], n);
	rte_pktmbuf_free_bulk(pkts + taken, n - (unsigned int)taken);
}

/* What the node let go in the call, too: who knows why. */
static void drop_emissions(struct sl_graph *graph)
{
	struct sl_emission *emission = &graph->emission;
	uint16_t n = emission->n;

	emission->n = 0;
	if (n > 0)
		sl_hop_drop(emission->hop, emission->hop->own_reasons + SL_REASON_FAULT,
			    emission->pkts, n);
}

/* What the node has noted as held is its own: it lets go of it when it is destroyed. */
static uint16_t leave_held(const struct sl_graph *graph, struct sl_hop *hop, struct rte_mbuf **pkts,
			   uint16_t n)
{
	uint16_t left = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (hop->holds && graph->edge[i] == SL_HELD)
			sl_tally(&hop->held, 1);
		else
			pkts[left++] = pkts[i];
	}
	return left;
}

/* Further bursts that stood behind this one are the hop's input again. */
static void put_back(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frames)
{
	struct sl_frame *last = frames;

	if (frames == NULL)
		return;
	while (last->next != NULL)
		last = last->next;
	last->next = hop->first;
	hop->first = frames;
	if (hop->last == NULL)
		hop->last = last;
	graph->pending[hop->rank / 64] |= UINT64_C(1) << hop->rank % 64;
}

void sl_graph_recover(struct sl_graph *graph)
{
	struct sl_hop *hop = sl_hop_by_number(graph, graph->current);
	struct sl_frame *frame = graph->inside, *rest = frame->next;
	uint16_t n = frame->n, left;

	graph->inside = NULL;
	sl_instance_fault(hop->node.instance);
	sl_graph_quarantine(graph);
	sl_trails_fault(graph);
	drop_emissions(graph);
	left = leave_held(graph, hop, frame->pkts, n);
	memset(graph->edge, SL_ON, sizeof(graph->edge));
	drop(hop, SL_REASON_FAULT, SL_CALL_PROCESS, &sl_fault_self->seen, 0, frame->pkts, left, n);
	sl_watch_fault(graph);
	sl_frame_put(graph, frame);
	put_back(graph, hop, rest);
}

void sl_graph_wild_edge(struct sl_graph *graph, struct sl_hop *hop, uint8_t edge,
			struct rte_mbuf **pkts, uint16_t n)
{
	struct sl_fault_cause cause = {.kind = SL_FAULT_EDGE, .pc = (uintptr_t)hop->type->process};

	if (hop->quarantined) { /* by another edge of the same burst */
		sl_hop_drop(hop, hop->own_reasons + SL_REASON_BAD_EDGE, pkts, n);
		return;
	}
	sl_instance_fault(hop->node.instance);
	sl_graph_quarantine(graph);
	drop(hop, SL_REASON_BAD_EDGE, SL_CALL_PROCESS, &cause, edge, pkts, n, n);
}

/*
 * Calls outside of a walk's dispatch: each with a place of its own to come out at.
 */

static bool trusted(const struct sl_hop *hop)
{
	return sl_instance_quarantined(hop->node.instance) == SL_QUARANTINE_NONE;
}

static void fault_in(struct sl_hop *hop, enum sl_fault_call call, struct rte_mbuf *m)
{
	sl_instance_fault(hop->node.instance);
	if (post(hop, call, &sl_fault_self->seen, 0, &m, m != NULL, m != NULL) == 0)
		rte_pktmbuf_free(m);
}

void sl_graph_call_tick(struct sl_graph *graph, struct sl_hop *hop)
{
	struct sl_fault_thread *thread = sl_fault_self;
	void (*tick)(struct sl_node * node) = hop->type->tick;
	struct sl_contain contain;

	if (hop->own || thread == NULL) {
		tick(&hop->node);
		return;
	}
	if (!trusted(hop))
		return;
	sl_contain_enter(thread, &contain, sl_blame_context, hop->node.instance);
	if (sigsetjmp(contain.env, 0) == 0) {
		sl_contain_arm(thread, &contain);
		tick(&hop->node);
	} else {
		drop_emissions(graph);
		fault_in(hop, SL_CALL_TICK, NULL);
	}
	sl_contain_leave(thread, &contain);
}

int sl_graph_collect(struct sl_graph *graph, uint16_t index, const struct sl_command *command,
		     const void *args, uint64_t *cursor, void *records, uint32_t room,
		     uint32_t *got)
{
	struct sl_fault_thread *thread = sl_fault_self;
	struct sl_hop *hop = graph->by_index[index];
	struct sl_contain contain;

	if (hop->own || thread == NULL) {
		*got = command->collect(&hop->node, args, cursor, records, room);
		return 0;
	}
	if (!trusted(hop))
		return -EFAULT;
	sl_contain_enter(thread, &contain, sl_blame_context, hop->node.instance);
	if (sigsetjmp(contain.env, 0) == 0) {
		sl_contain_arm(thread, &contain);
		*got = command->collect(&hop->node, args, cursor, records, room);
		sl_contain_leave(thread, &contain);
		return 0;
	}
	drop_emissions(graph);
	fault_in(hop, SL_CALL_COLLECT, NULL);
	sl_contain_leave(thread, &contain);
	return -EFAULT;
}

bool sl_graph_call(struct sl_node *node, void (*run)(void *context), void *context)
{
	struct sl_hop *hop = sl_hop_of(node);

	if (!trusted(hop))
		return false;
	if (sl_fault_run(node->instance, run, context))
		return true;
	drop_emissions(hop->graph);
	fault_in(hop, SL_CALL_COLLECT, NULL);
	return false;
}

void sl_hop_credit(struct sl_hop *hop, uint64_t handle, const struct sl_usage *usage)
{
	struct sl_fault_thread *thread = sl_fault_self;
	const struct sl_node_type *type = hop->type;
	struct sl_contain contain;

	if (type->credit == NULL || !trusted(hop))
		return;
	if (hop->own || thread == NULL) {
		type->credit(&hop->node, handle, usage);
		return;
	}
	sl_contain_enter(thread, &contain, sl_blame_context, hop->node.instance);
	if (sigsetjmp(contain.env, 0) == 0) {
		sl_contain_arm(thread, &contain);
		type->credit(&hop->node, handle, usage);
	} else {
		fault_in(hop, SL_CALL_CREDIT, NULL);
	}
	sl_contain_leave(thread, &contain);
}

/* The packets are another's still: the main thread gets copies of the first. */
static void fault_in_guard(struct sl_hop *hop, const struct rte_mbuf *const *pkts, uint16_t n)
{
	struct rte_mbuf *copies[SL_FAULT_PACKETS];
	uint16_t count = 0, taken;

	sl_instance_fault(hop->node.instance);
	while (count < n && count < SL_FAULT_PACKETS) {
		copies[count] = sl_copy(&hop->node, pkts[count]);
		if (copies[count] == NULL)
			break;
		count++;
	}
	taken = post(hop, SL_CALL_GUARD, &sl_fault_self->seen, 0, copies, count, n);
	rte_pktmbuf_free_bulk(copies + taken, count - (unsigned int)taken);
}

uint16_t sl_hop_guard(struct sl_hop *hop, const uint64_t *handles,
		      const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n, bool commit)
{
	struct sl_fault_thread *thread = sl_fault_self;
	const struct sl_node_type *type = hop->type;
	struct sl_contain contain;
	uint16_t decided;

	if (unlikely(!trusted(hop)))
		return 0;
	if (hop->own || thread == NULL)
		return RTE_MIN(type->guard(&hop->node, handles, pkts, edge, n, commit), n);
	sl_contain_enter(thread, &contain, sl_blame_context, hop->node.instance);
	if (sigsetjmp(contain.env, 0) == 0) {
		sl_contain_arm(thread, &contain);
		decided = type->guard(&hop->node, handles, pkts, edge, n, commit);
		sl_contain_leave(thread, &contain);
		return RTE_MIN(decided, n);
	}
	fault_in_guard(hop, pkts, n);
	sl_contain_leave(thread, &contain);
	return 0;
}

bool sl_hop_knows(struct sl_hop *hop, const struct rte_mbuf *m)
{
	struct sl_fault_thread *thread = sl_fault_self;
	const struct sl_node_type *type = hop->type;
	struct sl_contain contain;
	bool known;

	if (type->knows == NULL || hop->remote || !trusted(hop))
		return false;
	if (hop->own || thread == NULL)
		return type->knows(&hop->node, m);
	sl_contain_enter(thread, &contain, sl_blame_context, hop->node.instance);
	if (sigsetjmp(contain.env, 0) == 0) {
		sl_contain_arm(thread, &contain);
		known = type->knows(&hop->node, m);
		sl_contain_leave(thread, &contain);
		return known;
	}
	fault_in(hop, SL_CALL_KNOWS, sl_copy(&hop->node, m));
	sl_contain_leave(thread, &contain);
	return false;
}
