/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recording. A trail holds the packet as it is known to be at each step: the bytes before the
 * network header that it came with (all of them the same for the whole flow: see struct context),
 * and what of that header and the transport header the flow's key holds. Nodes change this
 * picture as they change the packet.
 */
#include <errno.h>
#include <stdlib.h>

#include <core/flow/flow.h>
#include <core/graph/frame.h>
#include <core/plugin/instance.h>

int sl_trails_init(struct sl_fusion *fusion, struct sl_errors *errors)
{
	fusion->trails = sl_alloc_table(NULL, MOST_TRAILS * sizeof(struct sl_trail));
	if (fusion->trails == NULL)
		return sl_fail(errors, ENOMEM, "no memory for flow fusion");
	fusion->trail_free = NONE;
	for (uint32_t i = MOST_TRAILS; i-- > 0;) {
		fusion->trails[i].fusion = fusion;
		fusion->trails[i].next = fusion->trail_free;
		fusion->trail_free = i;
	}
	return 0;
}

/* ---- Begin and end ---- */

static inline uint32_t number_of(const struct rte_mbuf *m)
{
	return m->hash.fdir.hi >> 16;
}

struct sl_trail *sl_trail_begin(struct sl_fusion *fusion, struct sl_graph *graph,
				struct rte_mbuf *m, unsigned int lane, const void *key,
				const struct context *context, uint32_t hash)
{
	uint32_t number = fusion->trail_free;
	const struct sl_packet *p = sl_packet(m);
	struct sl_trail *trail;

	if (number == NONE)
		return NULL;
	trail = &fusion->trails[number];
	fusion->trail_free = trail->next;
	trail->m = m;
	trail->refused = trail->spoken = trail->verify = false;
	trail->lane = (uint8_t)lane;
	trail->hash = hash;
	trail->bare = sl_key_bare(lane, key);
	trail->context = *context;
	trail->changes = fusion->seen_changes;
	trail->step_count = trail->credit_count = trail->tie_count = 0;
	trail->came_l3 = trail->front_length = p->l3;
	memcpy(trail->front, rte_pktmbuf_mtod(m, void *), p->l3);
	trail->front_changed = trail->tos_set = trail->addresses_set = trail->mark_set = false;
	trail->l3 = trail->l4 = ORIGINAL;
	trail->family = p->family;
	trail->ttl_less = trail->ttl_least = 0;
	trail->most = UINT32_MAX;
	trail->fix_count = trail->sum_count = 0;
	trail->entropy_at = SL_PUSH_NONE;
	if (lane == LANE4) {
		memcpy(&trail->key4, key, sizeof(trail->key4));
		memcpy(trail->src, &trail->key4.src, 4);
		memcpy(trail->dst, &trail->key4.dst, 4);
		trail->sport = trail->key4.sport;
		trail->dport = trail->key4.dport;
		trail->tos = trail->key4.tos;
	} else {
		memcpy(&trail->key6, key, sizeof(trail->key6));
		memcpy(trail->src, trail->key6.src, 16);
		memcpy(trail->dst, trail->key6.dst, 16);
		trail->sport = trail->key6.sport;
		trail->dport = trail->key6.dport;
		trail->tos = trail->key6.tos;
	}
	sl_packet(m)->flags |= SL_PKT_TRAIL;
	m->hash.fdir.hi = (m->hash.fdir.hi & 0xffff) | number << 16;
	graph->recording++;
	return trail;
}

void sl_trail_end(struct sl_fusion *fusion, struct sl_graph *graph, struct sl_trail *trail)
{
	if (trail->verify && trail->expected.m != NULL)
		rte_pktmbuf_free(trail->expected.m);
	trail->verify = false;
	trail->expected.m = NULL;
	trail->m = NULL;
	trail->next = fusion->trail_free;
	fusion->trail_free = (uint32_t)(trail - fusion->trails);
	graph->recording--;
}

/* ---- What nodes say ---- */

struct sl_trail *sl_trail_get(struct sl_node *node, const struct rte_mbuf *m)
{
	struct sl_fusion *fusion = fusion_of(node);
	uint32_t number = number_of(m);

	if (number >= MOST_TRAILS || fusion->trails[number].m != m)
		return NULL;
	return &fusion->trails[number];
}

void sl_trail_refuse(struct sl_trail *trail)
{
	trail->refused = true;
}

void sl_trail_pass(struct sl_trail *trail)
{
	trail->spoken = true;
}

static inline int16_t longer(const struct sl_trail *trail)
{
	return trail->steps[trail->step_count].longer;
}

/* A field of the original headers. */
static void set_original(struct sl_trail *trail, enum sl_field field, const void *value)
{
	unsigned int size = trail->family == SL_L3_IPV4 ? 4 : 16;

	switch (field) {
	case SL_FIELD_IP_SRC:
		memcpy(trail->src, value, size);
		trail->addresses_set = true;
		break;
	case SL_FIELD_IP_DST:
		memcpy(trail->dst, value, size);
		trail->addresses_set = true;
		break;
	case SL_FIELD_IP_TOS:
		trail->tos = *(const uint8_t *)value;
		trail->tos_set = true;
		break;
	default:
		break;
	}
}

static void write_front(struct sl_trail *trail, unsigned int at, const void *value,
			unsigned int size)
{
	if (at + size > trail->front_length) {
		sl_trail_refuse(trail);
		return;
	}
	if (memcmp(trail->front + at, value, size) == 0)
		return;
	memcpy(trail->front + at, value, size);
	trail->front_changed = true;
}

/* A field of a header that was pushed. What its checksums cover is summed up when the trail is
 * compiled; a UDP checksum that is not zero cannot be. */
static void set_pushed(struct sl_trail *trail, enum sl_field field, const void *value)
{
	unsigned int l3 = (unsigned int)trail->l3;
	bool ipv4 = trail->front[l3] >> 4 == 4;
	uint32_t word;

	switch (field) {
	case SL_FIELD_IP_SRC:
		write_front(trail, l3 + (ipv4 ? 12 : 8), value, ipv4 ? 4 : 16);
		break;
	case SL_FIELD_IP_DST:
		write_front(trail, l3 + (ipv4 ? 16 : 24), value, ipv4 ? 4 : 16);
		break;
	case SL_FIELD_IP_TOS:
		if (ipv4) {
			write_front(trail, l3 + 1, value, 1);
			break;
		}
		memcpy(&word, trail->front + l3, 4);
		word = rte_be_to_cpu_32(word);
		word = (word & ~UINT32_C(0x0ff00000)) | (uint32_t) * (const uint8_t *)value << 20;
		word = rte_cpu_to_be_32(word);
		write_front(trail, l3, &word, 4);
		break;
	default:
		break;
	}
}

void sl_trail_set(struct sl_trail *trail, enum sl_field field, const void *value)
{
	trail->spoken = true;
	switch (field) {
	case SL_FIELD_ETH_DST:
		write_front(trail, 0, value, 6);
		return;
	case SL_FIELD_ETH_SRC:
		write_front(trail, 6, value, 6);
		return;
	case SL_FIELD_MARK:
		memcpy(&trail->mark, value, sizeof(trail->mark));
		trail->mark_set = true;
		return;
	case SL_FIELD_IP_SRC:
	case SL_FIELD_IP_DST:
	case SL_FIELD_IP_TOS:
		if (trail->l3 == ORIGINAL)
			set_original(trail, field, value);
		else if (trail->l3 >= 0)
			set_pushed(trail, field, value);
		else
			sl_trail_refuse(trail);
		return;
	case SL_FIELD_L4_SRC:
	case SL_FIELD_L4_DST:
		if (trail->l4 != ORIGINAL) {
			sl_trail_refuse(trail);
			return;
		}
		memcpy(field == SL_FIELD_L4_SRC ? &trail->sport : &trail->dport, value, 2);
		trail->addresses_set = true;
		return;
	}
	sl_trail_refuse(trail);
}

static uint8_t *pushed_ttl(struct sl_trail *trail)
{
	return &trail->front[trail->l3 + (trail->front[trail->l3] >> 4 == 4 ? 8 : 7)];
}

void sl_trail_ttl_least(struct sl_trail *trail, uint8_t least)
{
	unsigned int needed = least + (unsigned int)trail->ttl_less;

	trail->spoken = true;
	if (trail->l3 == ORIGINAL) {
		if (needed > UINT8_MAX)
			sl_trail_refuse(trail);
		else
			trail->ttl_least = (uint8_t)RTE_MAX(trail->ttl_least, needed);
		return;
	}
	if (trail->l3 < 0 || *pushed_ttl(trail) < least)
		sl_trail_refuse(trail);
}

void sl_trail_ttl(struct sl_trail *trail)
{
	sl_trail_ttl_least(trail, 2);
	if (trail->refused)
		return;
	if (trail->l3 == ORIGINAL) {
		trail->ttl_less++;
		return;
	}
	(*pushed_ttl(trail))--;
	trail->front_changed = true;
}

void sl_trail_limit(struct sl_trail *trail, uint32_t most)
{
	int64_t came = (int64_t)most - longer(trail);

	trail->spoken = true;
	if (came < 0)
		sl_trail_refuse(trail);
	else
		trail->most = (uint32_t)RTE_MIN((int64_t)trail->most, came);
}

static void move_marks(struct sl_trail *trail, unsigned int from, int by)
{
	if (trail->l3 >= (int)from)
		trail->l3 += by;
	if (trail->l4 >= (int)from)
		trail->l4 += by;
	for (unsigned int i = 0; i < trail->fix_count; i++)
		if (trail->fixes[i].at >= from)
			trail->fixes[i].at = (uint16_t)(trail->fixes[i].at + by);
	for (unsigned int i = 0; i < trail->sum_count; i++)
		if (trail->sums[i].at >= from) {
			trail->sums[i].at = (uint16_t)(trail->sums[i].at + by);
			trail->sums[i].l3 = (uint16_t)(trail->sums[i].l3 + by);
		}
	if (trail->entropy_at != SL_PUSH_NONE && trail->entropy_at >= from)
		trail->entropy_at = (uint16_t)(trail->entropy_at + by);
}

static bool add_fix(struct sl_trail *trail, unsigned int at, uint16_t less)
{
	if (trail->fix_count == MOST_FIXES || at + 2 > trail->front_length)
		return false;
	trail->fixes[trail->fix_count++] = (struct fix){.at = (uint16_t)at, .less = less};
	return true;
}

/* What will differ between packets, in the bytes just put in at `at`. */
static bool take_variables(struct sl_trail *trail, const struct sl_push *push, unsigned int at)
{
	for (unsigned int i = 0; i < 2; i++)
		if (push->length_at[i] != SL_PUSH_NONE &&
		    !add_fix(trail, at + push->length_at[i], push->length_less[i]))
			return false;
	if (push->checksum_at != SL_PUSH_NONE) {
		unsigned int l3 = at + push->l3;

		if (push->l3 == SL_PUSH_NONE || trail->sum_count == 2 ||
		    push->length_at[0] == SL_PUSH_NONE || l3 + 20 > trail->front_length)
			return false;
		trail->sums[trail->sum_count].at = (uint16_t)(at + push->checksum_at);
		trail->sums[trail->sum_count].l3 = (uint16_t)l3;
		trail->sums[trail->sum_count++].less = push->length_less[0];
	}
	if (push->entropy_at != SL_PUSH_NONE) {
		if (trail->entropy_at != SL_PUSH_NONE)
			return false; /* one is enough: it would be the inner's */
		trail->entropy_at = (uint16_t)(at + push->entropy_at);
	}
	return true;
}

void sl_trail_push(struct sl_trail *trail, const struct sl_push *push)
{
	unsigned int at =
		push->at == SL_PUSH_FRAME ? 0 : behind_tags(trail->front, trail->front_length);
	unsigned int length = push->length;

	trail->spoken = true;
	if ((push->at == SL_PUSH_SHIM && at == 0) ||
	    trail->front_length + length > sizeof(trail->front) - 64 || length < 2) {
		sl_trail_refuse(trail);
		return;
	}
	/* Lengths count from the packet's end, so those that are there already stay true, but for
	 * what is put in before them. */
	for (unsigned int i = 0; i < trail->fix_count; i++)
		if (trail->fixes[i].at >= at)
			trail->fixes[i].less = (uint16_t)(trail->fixes[i].less + length);
	for (unsigned int i = 0; i < trail->sum_count; i++)
		if (trail->sums[i].at >= at)
			trail->sums[i].less = (uint16_t)(trail->sums[i].less + length);
	memmove(trail->front + at + length, trail->front + at, trail->front_length - at);
	memcpy(trail->front + at, push->bytes, length);
	trail->front_length = (uint16_t)(trail->front_length + length);
	trail->front_changed = true;
	move_marks(trail, at, (int)length);
	if (push->at == SL_PUSH_SHIM && push->ethertype != 0)
		memcpy(trail->front + at - 2, &push->ethertype, 2);
	if (push->l3 != SL_PUSH_NONE) {
		trail->l3 = (int)(at + push->l3);
		trail->l4 = push->l4 != SL_PUSH_NONE ? (int)(at + push->l4) : UNKNOWN;
	} else {
		trail->l3 = trail->l4 = UNKNOWN; /* a shim: nothing can be set behind it */
	}
	if (!take_variables(trail, push, at))
		sl_trail_refuse(trail);
}

void sl_trail_pop(struct sl_trail *trail, enum sl_push_at where, uint16_t length,
		  uint16_t ethertype)
{
	unsigned int at = where == SL_PUSH_FRAME ? 0 : 12;

	trail->spoken = true;
	/* Tags go from behind the MAC addresses, shims from behind the tags. */
	if (where == SL_PUSH_SHIM && ethertype != 0 &&
	    behind_tags(trail->front, trail->front_length) != 0)
		at = behind_tags(trail->front, trail->front_length);
	if (at + length + 2 > trail->front_length || trail->fix_count > 0 || trail->sum_count > 0 ||
	    trail->entropy_at != SL_PUSH_NONE || trail->l3 >= 0) {
		sl_trail_refuse(trail);
		return;
	}
	memmove(trail->front + at, trail->front + at + length, trail->front_length - at - length);
	trail->front_length = (uint16_t)(trail->front_length - length);
	trail->front_changed = true;
	if (ethertype != 0)
		memcpy(trail->front + at - 2, &ethertype, 2);
}

void sl_trail_count(struct sl_trail *trail, uint64_t *packets, uint64_t *bytes)
{
	struct credit *credit = &trail->credits[trail->credit_count];

	trail->spoken = true;
	if (trail->credit_count == MOST_CREDITS) {
		sl_trail_refuse(trail);
		return;
	}
	memset(credit, 0, sizeof(*credit));
	credit->packets = packets;
	credit->bytes = bytes;
	credit->longer = longer(trail);
	credit->step = (uint16_t)trail->step_count;
	trail->credit_count++;
}

void sl_trail_session(struct sl_trail *trail, struct sl_anchor *anchor, uint64_t handle)
{
	trail->spoken = true;
	if (trail->tie_count == MOST_TIES) {
		sl_trail_refuse(trail);
		return;
	}
	trail->ties[trail->tie_count++] = (struct trail_tie){
		.node = NULL, /* set when the step is over */
		.anchor = anchor,
		.handle = handle,
		.cuts = trail->fusion->cuts,
		.longer = longer(trail),
		.step = (uint8_t)trail->step_count,
	};
}

void sl_trail_guard(struct sl_trail *trail)
{
	/* A guard sees the packet as it came in: not as it is behind a push or a pop. */
	if (trail->tie_count == 0 || trail->ties[trail->tie_count - 1].step != trail->step_count ||
	    longer(trail) != 0)
		sl_trail_refuse(trail);
	else
		trail->ties[trail->tie_count - 1].guards = true;
}

/* ---- Steps ---- */

static struct sl_trail *trail_of(struct sl_fusion *fusion, const struct rte_mbuf *m)
{
	uint32_t number = number_of(m);

	if ((sl_packet(m)->flags & SL_PKT_TRAIL) == 0 || number >= MOST_TRAILS ||
	    fusion->trails[number].m != m)
		return NULL;
	return &fusion->trails[number];
}

static void refuse_flow(struct sl_fusion *fusion, const struct sl_trail *trail, uint64_t now)
{
	uint32_t at = trail->bare % REFUSE_SLOTS;

	/* Some ten milliseconds: what is not settled now may be soon. */
	fusion->refused[at].hash = trail->bare;
	fusion->refused[at].until = (uint32_t)(now >> 20) + 25;
	bump(&fusion->stats.refused, 1);
}

static void give_up(struct sl_fusion *fusion, struct sl_graph *graph, struct sl_trail *trail)
{
	if (trail->verify) {
		bump(&fusion->stats.unverified, 1);
	} else {
		refuse_flow(fusion, trail, graph->now);
	}
	sl_trail_end(fusion, graph, trail);
}

/* Whether a session was cut after it was said. */
static bool cut_since(struct sl_fusion *fusion, const struct sl_trail *trail)
{
	for (uint32_t i = 0; i < trail->tie_count; i++)
		if (*cut_slot(fusion, trail->ties[i].anchor) > trail->ties[i].cuts)
			return true;
	return false;
}

/* The packet's end of the trail: at a hop, or dropped by the one it is in. */
static void finish(struct sl_fusion *fusion, struct sl_graph *graph, struct sl_trail *trail,
		   struct sl_hop *hop, bool drop, uint8_t reason)
{
	if (trail->verify) {
		sl_verify_end(fusion, trail, drop, reason, hop);
	} else if (trail->refused || (!drop && hop->fuse_edge == 0) ||
		   trail->changes != sl_fusion_changes() || cut_since(fusion, trail)) {
		refuse_flow(fusion, trail, graph->now);
	} else {
		sl_trail_compile(fusion, trail, drop ? NULL : hop, reason, graph->now);
	}
	sl_trail_end(fusion, graph, trail);
}

/* Before a hop's process(): the trails of those packets are known by their place while it runs, for
 * afterwards a packet may be somebody else's. */
void sl_trails_arrive(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frame)
{
	struct sl_fusion *fusion = graph->conf.fusion;

	fusion->burst_count = 0;
	for (uint16_t i = 0; i < frame->n; i++) {
		struct rte_mbuf *m = frame->pkts[i];
		struct sl_trail *trail;

		if ((sl_packet(m)->flags & SL_PKT_TRAIL) == 0)
			continue;
		trail = trail_of(fusion, m);
		if (trail != NULL && !hop->barrier && !hop->fuses) {
			struct step *step = &trail->steps[trail->step_count];

			trail->spoken = false;
			memset(step, 0, sizeof(*step));
			/* Before it decides: what it goes by may change while it does. */
			step->epoch = atomic_load_explicit(&hop->node.instance->fusion_epoch,
							   memory_order_acquire);
			step->longer = (int16_t)((int)trail->front_length - (int)trail->came_l3);
			fusion->burst[fusion->burst_count].place = i;
			fusion->burst[fusion->burst_count++].trail = trail;
			continue;
		}
		if (hop->fuses && trail != NULL)
			continue; /* it goes on being recorded */
		sl_packet(m)->flags &= (uint16_t)~SL_PKT_TRAIL;
		if (trail != NULL)
			finish(fusion, graph, trail, hop, false, 0);
	}
}

void sl_trails_leave(struct sl_graph *graph, struct sl_hop *hop, struct sl_frame *frame)
{
	struct sl_fusion *fusion = graph->conf.fusion;

	for (uint16_t i = 0; i < fusion->burst_count; i++) {
		struct sl_trail *trail = fusion->burst[i].trail;
		uint8_t edge = graph->edge[fusion->burst[i].place];
		bool drop =
			edge >= SL_EDGE_DROP && edge - (uint32_t)SL_EDGE_DROP < hop->own_reasons;
		bool on = edge < hop->node.edge_count && edge != SL_BACK &&
			  hop->targets[edge] != NULL && hop->targets[edge]->rank > hop->rank;
		struct step *step = &trail->steps[trail->step_count];

		for (uint32_t t = 0; t < trail->tie_count; t++) {
			if (trail->ties[t].step != trail->step_count)
				continue;
			trail->ties[t].node = &hop->node;
			/* It asks about each packet, so this drop is only this packet's. */
			trail->refused |= drop && trail->ties[t].guards;
		}
		step->hop = hop;
		step->instance = hop->node.instance;
		if (trail->step_count + 1 == MOST_STEPS)
			trail->refused = true;
		else
			trail->step_count++;
		if (drop && (trail->spoken || trail->verify)) {
			finish(fusion, graph, trail, hop, true,
			       (uint8_t)(edge - (uint32_t)SL_EDGE_DROP));
			continue;
		}
		if (on && trail->spoken && !trail->refused)
			continue;
		if (on && trail->verify) {
			trail->refused |= !trail->spoken;
			continue; /* what comes out can be compared all the same */
		}
		if (edge < hop->node.edge_count) /* else it may be another thread's by now */
			sl_packet(frame->pkts[fusion->burst[i].place])->flags &=
				(uint16_t)~SL_PKT_TRAIL;
		give_up(fusion, graph, trail);
	}
	fusion->burst_count = 0;
}

void sl_trails_fault(struct sl_graph *graph)
{
	struct sl_fusion *fusion = graph->conf.fusion;

	for (uint16_t i = 0; fusion != NULL && i < fusion->burst_count; i++)
		give_up(fusion, graph, fusion->burst[i].trail);
	if (fusion != NULL)
		fusion->burst_count = 0;
}

void sl_trails_abandon(struct sl_graph *graph)
{
	struct sl_fusion *fusion = graph->conf.fusion;

	for (uint32_t i = 0; i < MOST_TRAILS && graph->recording > 0; i++)
		if (fusion->trails[i].m != NULL)
			give_up(fusion, graph, &fusion->trails[i]);
	graph->recording = 0;
}
