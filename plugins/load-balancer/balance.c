/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path. A burst is sorted by IP version, flows are looked up in bulk, and what a flow
 * says is written. Packets without a flow yet, and those that have no key, are taken one by one.
 */
#include "rewrite.h"

#define TCP_EVENTS (RTE_TCP_SYN_FLAG | RTE_TCP_FIN_FLAG | RTE_TCP_RST_FLAG)

static uint8_t one_by_one(struct lb_worker *w, struct rte_mbuf *m);

/* ---- Packets of sessions ---- */

static inline void tally(struct lb_worker *w, struct lb_flow *flow, uint32_t length, uint8_t side)
{
	struct lb_tally *t = &w->tallies[flow->backend];

	flow->seen = w->now;
	flow->packets++;
	flow->bytes += length;
	sl_tally(side == 0 ? &t->packets_in : &t->packets_out, 1);
	sl_tally(side == 0 ? &t->bytes_in : &t->bytes_out, length);
}

static uint8_t write_packet(struct lb_worker *w, struct lb_flow *flow, struct rte_mbuf *m)
{
	const struct lb_backend *backend = &w->lb->backends[flow->backend];

	switch ((enum lb_write)flow->write) {
	case LB_WRITE_NOTHING:
		break;
	case LB_WRITE_DESTINATION:
	case LB_WRITE_SOURCE:
		lb_write_endpoint(flow, m, sl_packet(m), flow->write == LB_WRITE_SOURCE);
		if ((flow->flags & LB_FLOW_HASHED) == 0) {
			/* The same for every packet of the flow. */
			sl_packet_parse(m);
			flow->rss = sl_packet_hash(m);
			flow->flags |= LB_FLOW_HASHED;
		}
		m->hash.rss = flow->rss;
		break;
	case LB_WRITE_MAC:
		return sl_lb_write_mac(w, backend, m);
	case LB_WRITE_OUTER:
		return sl_lb_tunnel(w, backend, m);
	}
	return SL_ON;
}

/* The same, said on the packet's trail where that holds for its flow. */
static uint8_t record_packet(struct lb_worker *w, enum lb_lane lane, uint32_t slot,
			     struct rte_mbuf *m)
{
	struct lb_flow *flow = lb_flow(&w->tables[lane], slot);
	struct sl_trail *trail = sl_trail(w->node, m);
	uint8_t edge;

	if (trail != NULL && (flow->flags & LB_FLOW_QUICK) != 0)
		sl_lb_tell(w, lane, slot, m, trail);
	edge = write_packet(w, flow, m);
	if (trail != NULL && edge != SL_ON)
		sl_trail_refuse(trail);
	return edge;
}

/* A packet whose flow is known, in whatever state that is. */
static uint8_t take(struct lb_worker *w, enum lb_lane lane, uint32_t slot, struct rte_mbuf *m)
{
	struct lb_flow *flow = lb_flow(&w->tables[lane], slot);
	const struct sl_packet *p = sl_packet(m);

	if (!lb_alive(w, flow->backend, flow->epoch) ||
	    (p->proto == IPPROTO_TCP &&
	     ((flow->flags & LB_FLOW_QUICK) == 0 || (p->tcp_flags & TCP_EVENTS) != 0) &&
	     !sl_lb_tcp_track(w, lane, slot / 2, w->side, p->tcp_flags))) {
		sl_lb_session_end(w, lane, slot / 2);
		/* A backend that was given up goes on answering; nobody knows it by that address.
		 */
		return w->side == 0 ? one_by_one(w, m) : SL_DROP(LB_NO_SESSION);
	}
	tally(w, flow, m->pkt_len, w->side);
	lb_count(w, w->side == 0 ? LB_BALANCED : LB_RETURNED);
	if (!sl_recording(w->node))
		return write_packet(w, flow, m);
	return record_packet(w, lane, slot, m);
}

/* ---- New sessions ---- */

static uint8_t pass(struct lb_worker *w, const struct rte_mbuf *m, bool for_ever)
{
	lb_count(w, LB_PASSED);
	if (sl_recording(w->node) && for_ever)
		sl_lb_tell_pass(w, m);
	return SL_ON;
}

/* Without room for a session: the lookup table alone will do where nothing comes back this way. */
static uint8_t stateless(struct lb_worker *w, uint16_t backend, struct rte_mbuf *m)
{
	const struct lb_backend *b = &w->lb->backends[backend];
	struct lb_tally *t = &w->tallies[backend];

	sl_tally(&t->packets_in, 1);
	sl_tally(&t->bytes_in, m->pkt_len);
	lb_count(w, LB_STATELESS);
	return b->mode == LB_DIRECT ? sl_lb_write_mac(w, b, m) : sl_lb_tunnel(w, b, m);
}

static uint8_t begin(struct lb_worker *w, const struct lb_service *service, struct rte_mbuf *m,
		     const union lb_key *key)
{
	const struct sl_packet *p = sl_packet(m);
	enum lb_reason reason;
	uint16_t backend;
	uint32_t slot;

	if (p->proto == IPPROTO_TCP && (p->tcp_flags & TCP_EVENTS) != RTE_TCP_SYN_FLAG &&
	    ((p->tcp_flags & RTE_TCP_RST_FLAG) != 0 || !w->plan->pickup))
		return SL_DROP(LB_NO_SESSION);
	if (service->mode == LB_DNAT && (p->proto == IPPROTO_UDPLITE || p->proto == IPPROTO_DCCP))
		return SL_DROP(LB_UNSUPPORTED_PROTOCOL);
	backend = sl_lb_choose(w, service, p->family, key);
	if (backend == LB_NOBODY) {
		if (service->reject)
			sl_lb_reject(w, m);
		return SL_DROP(LB_NO_BACKEND);
	}
	reason = sl_lb_session_new(w, lb_lane(p), key, backend, &slot);
	if (reason == LB_FINE)
		return take(w, lb_lane(p), 2 * slot, m);
	if (reason == LB_TABLE_FULL && service->mode != LB_DNAT)
		return stateless(w, backend, m);
	return SL_DROP(reason);
}

/* To an address of a service. */
static uint8_t to_service(struct lb_worker *w, const struct lb_place *place, struct rte_mbuf *m,
			  const union lb_key *key)
{
	const struct sl_packet *p = sl_packet(m);
	const struct lb_service *service;

	if ((p->flags & SL_PKT_FRAGMENT) != 0)
		return SL_DROP(LB_FRAGMENT);
	if (lb_is_error(m))
		return sl_lb_error_from_client(w, m);
	if (key == NULL) /* other ICMP; or cut short */
		return lb_is_icmp(p->family, p->proto) ? pass(w, m, false) : SL_DROP(LB_MALFORMED);
	if (lb_is_icmp(p->family, p->proto)) {
		if (w->plan->echo == LB_ECHO_ANSWER) {
			sl_lb_echo(m);
			lb_count(w, LB_ECHOES);
			return SL_BACK;
		}
		service = w->plan->echo == LB_ECHO_FORWARD ? &w->plan->services[place->service]
							   : NULL;
	} else {
		service = sl_lb_goal(w, m, key)->service;
	}
	return service != NULL ? begin(w, service, m, key) : pass(w, m, true);
}

static uint8_t from_backend(struct lb_worker *w, struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const struct lb_place *place;

	if (lb_is_error(m)) {
		place = sl_lb_place(w->plan, p->family, lb_ip_dst(m));
		if (place != NULL && place->tunnel)
			return sl_lb_tunnel_error(w, m);
		return sl_lb_error_from_backend(w, m);
	}
	place = sl_lb_place(w->plan, p->family, lb_ip_src(m));
	/* A client may begin a session to which such packets belong, and nobody would tell. */
	return pass(w, m, place == NULL || (!place->backend && !place->vip));
}

/* The flow of a key that the burst's lookup did not find: an earlier packet may have made it. */
static uint32_t find_made(const struct lb_worker *w, enum lb_lane lane, const union lb_key *key)
{
	const struct lb_table *table = &w->tables[lane];
	uint32_t hash = sl_index_hash(key, table->key_size);

	return sl_index_added_maybe(&w->made, hash) ? sl_index_find(table->index, key, hash)
						    : SL_NO_SLOT;
}

/* Any packet that the burst's lookup found no flow for. */
static uint8_t one_by_one(struct lb_worker *w, struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const struct lb_place *place;
	union lb_key key;
	bool keyed;

	if (p->family != SL_L3_IPV4 && p->family != SL_L3_IPV6)
		return pass(w, m, false);
	if ((p->flags & SL_PKT_MALFORMED) != 0)
		return SL_DROP(LB_MALFORMED);
	keyed = sl_lb_key(m, w->side, &key);
	if (keyed) {
		uint32_t slot = find_made(w, lb_lane(p), &key);

		if (slot != SL_NO_SLOT)
			return take(w, lb_lane(p), slot, m);
	}
	if (w->side != 0)
		return from_backend(w, m);
	place = keyed ? sl_lb_goal(w, m, &key)->place
		      : sl_lb_place(w->plan, p->family, lb_ip_dst(m));
	if (place != NULL && place->vip)
		return to_service(w, place, m, keyed ? &key : NULL);
	/* An error about a client's packet may come from a router between the two, to anybody. */
	return pass(w, m, !lb_is_error(m));
}

/* ---- A burst ---- */

/* Established, and nothing to do but what the flow says about the destination or source. */
static inline bool plain(const struct lb_worker *w, const struct lb_flow *flow,
			 const struct sl_packet *p)
{
	return (flow->flags & (LB_FLOW_QUICK | LB_FLOW_HASHED)) ==
		       (LB_FLOW_QUICK | LB_FLOW_HASHED) &&
	       (p->tcp_flags & TCP_EVENTS) == 0 && lb_alive(w, flow->backend, flow->epoch);
}

static uint64_t run_lane(struct lb_worker *w, enum lb_lane lane, struct rte_mbuf **pkts,
			 uint8_t *edge)
{
	struct lb_burst *b = &w->bursts[lane];
	const struct lb_table *table = &w->tables[lane];
	bool recording = sl_recording(w->node);
	uint64_t quick = 0;

	sl_index_find_bulk(table->index, b->keys, b->hash, b->slot, b->n);
	if (unlikely(sl_index_missed(b->slot, b->n))) {
		memset(&w->made, 0, sizeof(w->made));
		sl_lb_fetch_new(w, lane, pkts);
	}
	for (uint16_t i = 0; i < b->n; i++) {
		struct rte_mbuf *m = pkts[b->index[i]];
		struct lb_flow *flow;

		/* An earlier packet of the burst may have ended the session. */
		if (unlikely(b->slot[i] == SL_NO_SLOT || !table->sessions[b->slot[i] / 2].used)) {
			edge[b->index[i]] = one_by_one(w, m);
			continue;
		}
		flow = lb_flow(table, b->slot[i]);
		if (likely(plain(w, flow, sl_packet(m)) && !recording)) {
			tally(w, flow, m->pkt_len, w->side);
			lb_write_endpoint(flow, m, sl_packet(m), flow->write == LB_WRITE_SOURCE);
			m->hash.rss = flow->rss;
			quick++;
		} else {
			edge[b->index[i]] = take(w, lane, b->slot[i], m);
		}
	}
	return quick;
}

void sl_lb_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct lb_worker *w = lb_enter(node);
	uint64_t quick = 0;

	w->side = node->from != w->lb->clients;
	w->goal.family = SL_L3_NONE; /* the plan may be another one */
	sl_lb_sort(w, pkts, edge, n);
	for (enum lb_lane lane = LB_LANE4; lane < LB_LANES; lane++)
		if (w->bursts[lane].n > 0)
			quick += run_lane(w, lane, pkts, edge);
	sl_count(node, w->side == 0 ? LB_BALANCED : LB_RETURNED, quick);
	if (w->bursts[LB_LANE4].n + w->bursts[LB_LANE6].n == n)
		return;
	for (uint16_t i = 0; i < n; i++)
		if (edge[i] == UINT8_MAX)
			edge[i] = one_by_one(w, pkts[i]);
}
