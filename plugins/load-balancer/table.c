/* SPDX-License-Identifier: BSD-3-Clause */
/* The sessions of a worker: made by a first packet, ended by time or with their backend. */
#include <errno.h>

#include "load_balancer.h"

/* How many sessions of a table one tick looks at. */
#define MOST_AGED 512

int sl_lb_table_init(struct lb_table *table, struct sl_instance *instance, enum lb_lane lane,
		     uint32_t count, uint64_t wheel_at, struct sl_errors *errors)
{
	struct sl_index_shape shape = {
		.capacity = 2 * count,
		.key_size = lane == LB_LANE4 ? sizeof(struct lb_key4) : sizeof(struct lb_key6),
		.stride = lane == LB_LANE4 ? 64 : 128,
		.key_offset = sizeof(struct lb_flow),
	};
	size_t lists = LB_WHEEL_SLOTS + 1;

	table->count = count;
	table->stride = (uint32_t)shape.stride;
	table->key_size = shape.key_size;
	table->flows = (uint8_t *)sl_alloc_table(instance, (size_t)2 * count * shape.stride);
	table->sessions =
		(struct lb_session *)sl_alloc_table(instance, count * sizeof(struct lb_session));
	table->wheel = (uint32_t *)sl_alloc(instance, lists * sizeof(uint32_t));
	table->changed = (uint64_t *)sl_alloc(instance, sl_mark_words(count) * sizeof(uint64_t));
	if (table->flows == NULL || table->sessions == NULL || table->wheel == NULL ||
	    table->changed == NULL)
		return sl_fail(errors, ENOMEM, "no memory for %u sessions", count);
	shape.slots = table->flows;
	table->index = sl_index_create(instance, &shape, errors);
	if (table->index == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		table->sessions[i].next = i + 1 < count ? i + 1 : SL_NO_SLOT;
	for (size_t i = 0; i < lists; i++)
		table->wheel[i] = SL_NO_SLOT;
	table->wheel_at = wheel_at;
	table->sweep = count;
	return 0;
}

/* ---- The wheel: a session stands in the list of the time it is to be looked at again ---- */

static void wheel_link(struct lb_table *table, uint32_t slot, uint16_t list)
{
	struct lb_session *s = &table->sessions[slot];

	s->list = list;
	s->prev = SL_NO_SLOT;
	s->next = table->wheel[list];
	if (s->next != SL_NO_SLOT)
		table->sessions[s->next].prev = slot;
	table->wheel[list] = slot;
}

static void wheel_unlink(struct lb_table *table, uint32_t slot)
{
	const struct lb_session *s = &table->sessions[slot];

	if (s->prev != SL_NO_SLOT)
		table->sessions[s->prev].next = s->next;
	else
		table->wheel[s->list] = s->next;
	if (s->next != SL_NO_SLOT)
		table->sessions[s->next].prev = s->prev;
}

static void wheel_add(const struct lb_worker *w, struct lb_table *table, uint32_t slot,
		      uint64_t when)
{
	uint64_t now = w->now / w->wheel_step, at = when / w->wheel_step + 1;

	at = RTE_MAX(at, now + 1);
	at = RTE_MIN(at, now + LB_WHEEL_SLOTS - 1);
	wheel_link(table, slot, (uint16_t)(at % LB_WHEEL_SLOTS));
}

static bool tcp_closed(uint8_t tcp)
{
	uint8_t fins = LB_TCP_FIN_CLIENT | ((tcp & LB_TCP_ONE_WAY) != 0 ? 0 : LB_TCP_FIN_SERVER);

	return (tcp & LB_TCP_RST) != 0 || (tcp & fins) == fins;
}

/* With answers that go another way, the client's going on is the sign that they came. */
static bool tcp_established(uint8_t tcp)
{
	uint8_t both = LB_TCP_SYN_CLIENT |
		       ((tcp & LB_TCP_ONE_WAY) != 0 ? LB_TCP_GOES_ON : LB_TCP_SYN_SERVER);

	return (tcp & both) == both && !tcp_closed(tcp);
}

static uint8_t proto_of(const struct lb_worker *w, enum lb_lane lane, uint32_t slot)
{
	return lb_flow_tail(lb_flow(&w->tables[lane], 2 * slot), lane)->proto;
}

static uint64_t timeout_of(const struct lb_worker *w, enum lb_lane lane, uint32_t slot)
{
	uint8_t tcp = w->tables[lane].sessions[slot].tcp, proto = proto_of(w, lane, slot);
	enum lb_timeout timeout = LB_TIME_OTHER;

	if (proto == IPPROTO_UDP)
		timeout = LB_TIME_UDP;
	else if (proto == IPPROTO_TCP)
		timeout = tcp_closed(tcp)        ? LB_TIME_TCP_CLOSING
			  : tcp_established(tcp) ? LB_TIME_TCP_ESTABLISHED
						 : LB_TIME_TCP_OPENING;
	return w->plan->timeouts[timeout];
}

/* When a session ends if nothing more comes. */
static uint64_t end_time(const struct lb_worker *w, enum lb_lane lane, uint32_t slot)
{
	const struct lb_table *table = &w->tables[lane];
	uint64_t seen = RTE_MAX(lb_flow(table, 2 * slot)->seen, lb_flow(table, 2 * slot + 1)->seen);

	return RTE_MAX(seen, table->sessions[slot].created) + timeout_of(w, lane, slot);
}

/* ---- TCP ---- */

static uint8_t tcp_after(uint8_t tcp, uint8_t side, uint8_t flags)
{
	if ((flags & RTE_TCP_RST_FLAG) != 0)
		return tcp | LB_TCP_RST;
	if ((flags & RTE_TCP_SYN_FLAG) != 0)
		return tcp | (side == 0 ? LB_TCP_SYN_CLIENT : LB_TCP_SYN_SERVER);
	/* RFC 7857, section 2.2: whoever goes on did not believe the RST. */
	tcp &= (uint8_t)~LB_TCP_RST;
	if (side == 0)
		tcp |= LB_TCP_GOES_ON;
	if ((flags & RTE_TCP_FIN_FLAG) != 0)
		tcp |= side == 0 ? LB_TCP_FIN_CLIENT : LB_TCP_FIN_SERVER;
	return tcp;
}

bool sl_lb_tcp_track(struct lb_worker *w, enum lb_lane lane, uint32_t slot, uint8_t side,
		     uint8_t tcp_flags)
{
	struct lb_table *table = &w->tables[lane];
	struct lb_session *s = &table->sessions[slot];
	uint8_t before = s->tcp;
	bool quick;

	if (side == 0 && tcp_closed(before) &&
	    (tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG)) ==
		    RTE_TCP_SYN_FLAG)
		return false; /* the ports are used again */
	s->tcp = tcp_after(before, side, tcp_flags);
	if (s->tcp != before)
		sl_mark(table->changed, slot);
	quick = tcp_established(s->tcp);
	if (!quick) /* what comes now may bring it back */
		sl_anchor_cut(w->node, &s->anchor);
	for (uint32_t i = 0; i < 2; i++) {
		struct lb_flow *flow = lb_flow(table, 2 * slot + i);

		flow->flags =
			quick ? flow->flags | LB_FLOW_QUICK : flow->flags & (uint8_t)~LB_FLOW_QUICK;
	}
	/* It ends sooner now. Later is found out when its list comes up. */
	if (tcp_closed(s->tcp) && !tcp_closed(before)) {
		wheel_unlink(table, slot);
		wheel_add(w, table, slot, w->now + w->plan->timeouts[LB_TIME_TCP_CLOSING]);
	}
	return true;
}

/* ---- Sessions ---- */

uint32_t sl_lb_find(const struct lb_worker *w, enum lb_lane lane, const union lb_key *key)
{
	const struct lb_table *table = &w->tables[lane];

	return sl_index_find(table->index, key, sl_index_hash(key, table->key_size));
}

static struct lb_tail reverse_tail(const struct lb_tail *tail, uint16_t port)
{
	bool rewritten = port != 0 && (tail->proto == IPPROTO_TCP || tail->proto == IPPROTO_UDP);

	return (struct lb_tail){.sport = rewritten ? port : tail->dport,
				.dport = tail->sport,
				.proto = tail->proto,
				.side = 1};
}

void sl_lb_reverse(const struct lb_backend *backend, enum lb_lane lane, const union lb_key *key,
		   union lb_key *reverse)
{
	bool dnat = backend->mode == LB_DNAT;
	uint16_t port = dnat ? backend->port : 0;

	memset(reverse, 0, sizeof(*reverse));
	if (lane == LB_LANE4) {
		reverse->v4.src = dnat ? backend->addr.v4 : key->v4.dst;
		reverse->v4.dst = key->v4.src;
		reverse->v4.tail = reverse_tail(&key->v4.tail, port);
		return;
	}
	memcpy(reverse->v6.src, dnat ? backend->addr.bytes : key->v6.dst, 16);
	memcpy(reverse->v6.dst, key->v6.src, 16);
	reverse->v6.tail = reverse_tail(&key->v6.tail, port);
}

/* Put both flows into the index, or none. */
static enum lb_reason index_flows(struct lb_worker *w, struct lb_table *table, uint32_t slot)
{
	const void *out = lb_flow_key(lb_flow(table, 2 * slot));
	const void *in = lb_flow_key(lb_flow(table, 2 * slot + 1));
	uint32_t out_hash = sl_index_hash(out, table->key_size);
	uint32_t in_hash = sl_index_hash(in, table->key_size);
	int rc = sl_index_add_new(table->index, out_hash, 2 * slot);

	if (rc == 0) {
		rc = sl_index_add_new(table->index, in_hash, 2 * slot + 1);
		if (rc != 0)
			sl_index_remove(table->index, out_hash, 2 * slot);
	}
	if (rc != 0)
		return rc == -EEXIST ? LB_TUPLE_IN_USE : LB_TABLE_FULL;
	sl_index_added_note(&w->made, out_hash);
	sl_index_added_note(&w->made, in_hash);
	return LB_FINE;
}

static void fill_flow(const struct lb_worker *w, struct lb_table *table, uint32_t slot,
		      uint16_t backend, const union lb_key *key, enum lb_write write)
{
	struct lb_flow *flow = lb_flow(table, slot);

	memset(flow, 0, table->stride);
	memcpy(lb_flow_key(flow), key, table->key_size);
	flow->backend = backend;
	flow->epoch = atomic_load_explicit(&w->lb->backends[backend].epoch, memory_order_acquire);
	flow->write = (uint8_t)write;
}

uint32_t sl_lb_fetch_slot(const struct lb_table *table, uint32_t slot)
{
	const uint8_t *flows;

	if (slot == SL_NO_SLOT)
		return SL_NO_SLOT;
	flows = (const uint8_t *)lb_flow(table, 2 * slot);
	for (uint32_t at = 0; at < 2 * table->stride; at += RTE_CACHE_LINE_SIZE)
		__builtin_prefetch(flows + at, 1);
	return table->sessions[slot].next;
}

enum lb_reason sl_lb_session_new(struct lb_worker *w, enum lb_lane lane, const union lb_key *key,
				 uint16_t backend, uint32_t *slot)
{
	static const enum lb_write writes[] = {
		[LB_DNAT] = LB_WRITE_DESTINATION,
		[LB_DIRECT] = LB_WRITE_MAC,
		[LB_TUNNEL] = LB_WRITE_OUTER,
	};
	const struct lb_backend *b = &w->lb->backends[backend];
	struct lb_table *table = &w->tables[lane];
	struct lb_flow *out, *in;
	struct lb_session *s;
	union lb_key reverse;
	enum lb_reason reason;
	uint8_t flags;

	*slot = table->free;
	if (*slot == SL_NO_SLOT)
		return LB_TABLE_FULL;
	sl_lb_reverse(b, lane, key, &reverse);
	sl_index_fetch(table->index, sl_index_hash(&reverse, table->key_size));
	fill_flow(w, table, 2 * *slot, backend, key, writes[b->mode]);
	fill_flow(w, table, 2 * *slot + 1, backend, &reverse,
		  b->mode == LB_DNAT ? LB_WRITE_SOURCE : LB_WRITE_NOTHING);
	out = lb_flow(table, 2 * *slot);
	in = lb_flow(table, 2 * *slot + 1);
	if (b->mode == LB_DNAT) {
		sl_lb_flow_fill(out, lane, in);
		sl_lb_flow_fill(in, lane, out);
	}
	flags = lb_flow_tail(out, lane)->proto == IPPROTO_TCP ? 0 : LB_FLOW_QUICK;
	out->flags = in->flags = flags;
	reason = index_flows(w, table, *slot);
	if (reason != LB_FINE)
		return reason;
	s = &table->sessions[*slot];
	table->free = s->next;
	table->used++;
	*s = (struct lb_session){
		.used = true, .created = w->now, .tcp = b->mode == LB_DNAT ? 0 : LB_TCP_ONE_WAY};
	sl_tally(&w->tallies[backend].active, 1);
	sl_tally(&w->tallies[backend].sessions, 1);
	wheel_add(w, table, *slot, end_time(w, lane, *slot));
	sl_mark(table->changed, *slot);
	lb_count(w, LB_SESSIONS_MADE);
	return LB_FINE;
}

void sl_lb_session_set(struct lb_worker *w, enum lb_lane lane, uint32_t slot,
		       const struct lb_past *past)
{
	struct lb_table *table = &w->tables[lane];
	struct lb_session *s = &table->sessions[slot];
	/* Which way answers come is the backend's to say. */
	uint8_t tcp = (uint8_t)((past->tcp & ~LB_TCP_ONE_WAY) | (s->tcp & LB_TCP_ONE_WAY));
	bool quick = proto_of(w, lane, slot) != IPPROTO_TCP || tcp_established(tcp);

	s->tcp = tcp;
	s->created = past->created;
	for (uint32_t i = 0; i < 2; i++) {
		struct lb_flow *flow = lb_flow(table, 2 * slot + i);

		flow->seen = past->seen[i];
		flow->packets = past->packets[i];
		flow->bytes = past->bytes[i];
		flow->flags =
			quick ? flow->flags | LB_FLOW_QUICK : flow->flags & (uint8_t)~LB_FLOW_QUICK;
	}
	wheel_unlink(table, slot);
	wheel_add(w, table, slot, end_time(w, lane, slot));
}

void sl_lb_session_end(struct lb_worker *w, enum lb_lane lane, uint32_t slot)
{
	struct lb_table *table = &w->tables[lane];
	struct lb_session *s = &table->sessions[slot];
	uint16_t backend = lb_flow(table, 2 * slot)->backend;

	sl_anchor_cut(w->node, &s->anchor);
	wheel_unlink(table, slot);
	for (uint32_t i = 0; i < 2; i++) {
		const void *key = lb_flow_key(lb_flow(table, 2 * slot + i));

		sl_index_remove(table->index, sl_index_hash(key, table->key_size), 2 * slot + i);
	}
	s->used = false;
	s->next = table->free;
	table->free = slot;
	table->used--;
	sl_tally(&w->tallies[backend].active, UINT64_MAX);
	lb_count(w, LB_SESSIONS_ENDED);
}

void sl_lb_credit(struct sl_node *node, uint64_t handle, const struct sl_usage *usage)
{
	struct lb_worker *w = (struct lb_worker *)node->state;
	struct lb_flow *flow = lb_flow(&w->tables[handle >> 32], (uint32_t)handle);

	flow->packets += usage->packets;
	flow->bytes += usage->bytes;
	flow->seen = RTE_MAX(flow->seen, usage->seen);
}

/* ---- Time ---- */

/* A session whose time may have come: it ends, or it is not yet its time. */
static void age(struct lb_worker *w, enum lb_lane lane, uint32_t slot)
{
	struct lb_table *table = &w->tables[lane];

	sl_anchor_sync(w->node, &table->sessions[slot].anchor);
	if (end_time(w, lane, slot) <= w->now) {
		sl_lb_session_end(w, lane, slot);
		return;
	}
	wheel_unlink(table, slot);
	wheel_add(w, table, slot, end_time(w, lane, slot));
}

void sl_lb_turn(struct lb_worker *w, enum lb_lane lane)
{
	struct lb_table *table = &w->tables[lane];
	uint64_t now = w->now / w->wheel_step;
	unsigned int budget = MOST_AGED;

	if (now - table->wheel_at > LB_WHEEL_SLOTS)
		table->wheel_at = now - LB_WHEEL_SLOTS;
	while (budget > 0) {
		uint32_t slot = table->wheel[LB_WHEEL_DUE];
		uint32_t *list;

		if (slot != SL_NO_SLOT) {
			age(w, lane, slot);
			budget--;
			continue;
		}
		if (table->wheel_at >= now)
			return;
		list = &table->wheel[++table->wheel_at % LB_WHEEL_SLOTS];
		/* Moved one by one, as each knows its list: budget counts them. */
		for (; *list != SL_NO_SLOT && budget > 0; budget--) {
			slot = *list;
			wheel_unlink(table, slot);
			wheel_link(table, slot, LB_WHEEL_DUE);
		}
		if (*list != SL_NO_SLOT)
			table->wheel_at--;
	}
}
