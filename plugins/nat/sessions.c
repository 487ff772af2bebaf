/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of sessions: made by a first packet, ended by time. */
#include "nat.h"

/* How many sessions one tick looks at. */
#define MOST_AGED 512

/* ---- The wheel: a session stands in the list of the time it is to be looked at again ---- */

static void wheel_link(struct nat_worker *w, uint32_t slot, uint16_t list)
{
	struct nat_session *s = &w->sessions[slot];

	s->list = list;
	s->prev = SL_NO_SLOT;
	s->next = w->wheel[list];
	if (s->next != SL_NO_SLOT)
		w->sessions[s->next].prev = slot;
	w->wheel[list] = slot;
}

static void wheel_unlink(struct nat_worker *w, uint32_t slot)
{
	struct nat_session *s = &w->sessions[slot];

	if (s->prev != SL_NO_SLOT)
		w->sessions[s->prev].next = s->next;
	else
		w->wheel[s->list] = s->next;
	if (s->next != SL_NO_SLOT)
		w->sessions[s->next].prev = s->prev;
}

static void wheel_add(struct nat_worker *w, uint32_t slot, uint64_t when)
{
	uint64_t now = w->now / w->wheel_step, at = when / w->wheel_step + 1;

	at = RTE_MAX(at, now + 1);
	at = RTE_MIN(at, now + NAT_WHEEL_SLOTS - 1);
	wheel_link(w, slot, (uint16_t)(at % NAT_WHEEL_SLOTS));
}

static bool tcp_closed(uint8_t tcp)
{
	return (tcp & NAT_TCP_RST) != 0 ||
	       (tcp & (NAT_TCP_FIN_OUT | NAT_TCP_FIN_IN)) == (NAT_TCP_FIN_OUT | NAT_TCP_FIN_IN);
}

static bool tcp_established(uint8_t tcp)
{
	uint8_t both = NAT_TCP_SYN_OUT | NAT_TCP_SYN_IN;

	return (tcp & both) == both && !tcp_closed(tcp);
}

/* When a session ends if nothing more comes. */
static uint64_t session_end_time(const struct nat_worker *w, uint32_t slot)
{
	const struct nat_session *s = &w->sessions[slot];
	const struct nat_flow *out = &w->flows[2 * slot], *in = out + 1;
	const struct nat_tuning *t = w->tuning;
	uint64_t seen = RTE_MAX(out->seen, s->created), timeout;
	bool both = t->refresh_inbound || w->mappings[s->mapping].forward;

	if (out->key.proto == IPPROTO_TCP) {
		both = true;
		timeout = tcp_established(s->tcp) ? t->tcp_established : t->tcp_transitory;
	} else if (out->key.proto == IPPROTO_UDP) {
		timeout = out->packets != 0 && in->packets != 0 ? t->udp : t->udp_unreplied;
	} else {
		timeout = t->icmp;
	}
	/* RFC 4787 REQ-6: what comes from outside refreshes only where it was asked for. */
	if (both)
		seen = RTE_MAX(seen, in->seen);
	return seen + timeout;
}

void sl_nat_tcp_track(struct nat_worker *w, uint32_t slot, enum sl_side side, uint8_t tcp_flags)
{
	struct nat_session *s = &w->sessions[slot];
	struct nat_flow *flows = &w->flows[2 * slot];
	bool out = side == SL_INSIDE, was = tcp_established(s->tcp), is;
	uint8_t before = s->tcp;

	if ((tcp_flags & RTE_TCP_RST_FLAG) != 0) {
		s->tcp |= NAT_TCP_RST;
	} else if ((tcp_flags & RTE_TCP_SYN_FLAG) != 0) {
		if (tcp_closed(s->tcp))
			s->tcp = 0; /* the ports are used again */
		s->tcp |= out ? NAT_TCP_SYN_OUT : NAT_TCP_SYN_IN;
	} else {
		/* RFC 7857, section 2.2: whoever goes on did not believe the RST. */
		s->tcp &= (uint8_t)~NAT_TCP_RST;
		if ((tcp_flags & RTE_TCP_FIN_FLAG) != 0)
			s->tcp |= out ? NAT_TCP_FIN_OUT : NAT_TCP_FIN_IN;
	}
	if (s->tcp != before)
		sl_mark(w->changed, slot);
	is = tcp_established(s->tcp);
	if (is == was)
		return;
	sl_nat_cut(w, slot);
	for (unsigned int i = 0; i < 2; i++)
		flows[i].flags = is ? flows[i].flags | NAT_FLOW_QUICK
				    : flows[i].flags & (uint8_t)~NAT_FLOW_QUICK;
	if (is)
		return; /* ends later: found out when the list comes up */
	wheel_unlink(w, slot);
	wheel_add(w, slot, w->now + w->tuning->tcp_transitory);
}

/* ---- Sessions ---- */

/* Fill what a flow writes, from its own key and the reverse of the other flow's key. */
static void flow_fill(struct nat_flow *flow, const struct nat_key *other)
{
	const struct nat_key *key = &flow->key;
	uint32_t ip, l4;

	flow->src = other->dst;
	flow->dst = other->src;
	flow->sport = other->dport;
	flow->dport = other->sport;
	ip = sl_checksum_delta32(key->src, flow->src) + sl_checksum_delta32(key->dst, flow->dst);
	l4 = sl_checksum_delta16(key->sport, flow->sport) +
	     sl_checksum_delta16(key->dport, flow->dport);
	if (key->proto != IPPROTO_ICMP) /* which has no pseudo-header */
		l4 += ip;
	flow->ip_delta = sl_checksum_fold(ip);
	flow->l4_delta = sl_checksum_fold(l4);
	flow->flags = key->proto == IPPROTO_TCP ? 0 : NAT_FLOW_QUICK;
}

static enum nat_reason session_limits(const struct nat_worker *w, const struct nat_mapping *m)
{
	if (w->session_free == SL_NO_SLOT)
		return NAT_SESSION_LIMIT;
	if (m->subscriber != SL_NO_SLOT &&
	    w->subscribers[m->subscriber].sessions >= w->tuning->sessions_per_subscriber)
		return NAT_SESSION_LIMIT;
	return NAT_FINE;
}

/* Put both flows into the index, or none. */
static bool index_flows(struct nat_worker *w, uint32_t slot)
{
	const struct nat_flow *flows = &w->flows[2 * slot];
	uint32_t out = sl_index_hash(&flows[0].key, sizeof(struct nat_key));
	uint32_t in = sl_index_hash(&flows[1].key, sizeof(struct nat_key));

	if (sl_index_add_new(w->flow_index, out, 2 * slot) != 0)
		return false;
	if (sl_index_add_new(w->flow_index, in, 2 * slot + 1) == 0) {
		sl_index_added_note(&w->made, out);
		sl_index_added_note(&w->made, in);
		return true;
	}
	sl_index_remove(w->flow_index, out, 2 * slot);
	return false;
}

enum nat_reason sl_nat_session_new(struct nat_worker *w, uint32_t mapping,
				   union nat_endpoint remote, uint32_t *slot)
{
	struct nat_mapping *m = &w->mappings[mapping];
	enum nat_reason reason = session_limits(w, m);
	struct nat_flow *flows;
	struct nat_session *s;

	if (reason != NAT_FINE)
		return reason;
	*slot = w->session_free;
	s = &w->sessions[*slot];
	flows = &w->flows[2 * *slot];
	flows[0] = (struct nat_flow){.key = {m->inside.addr, remote.addr, m->inside.port,
					     remote.port, remote.proto, SL_INSIDE, 0}};
	flows[1] = (struct nat_flow){.key = {remote.addr, m->outside.addr, remote.port,
					     m->outside.port, remote.proto, SL_OUTSIDE, 0}};
	flow_fill(&flows[0], &flows[1].key);
	flow_fill(&flows[1], &flows[0].key);
	if (sl_nat_is_outside(w->layout, remote.addr)) {
		flows[0].flags |= NAT_FLOW_HAIRPIN;
		flows[1].flags |= NAT_FLOW_HAIRPIN;
	}
	if (!index_flows(w, *slot))
		return NAT_TUPLE_IN_USE;

	for (unsigned int i = 0; i < 2; i++)
		sl_nat_cut_loose(w, &flows[i].key);
	w->session_free = s->next;
	w->session_used++;
	*s = (struct nat_session){.mapping = mapping, .permit = SL_NO_SLOT, .created = w->now};
	m->sessions++;
	if (m->subscriber != SL_NO_SLOT)
		w->subscribers[m->subscriber].sessions++;
	if (w->permits != NULL)
		s->permit = sl_nat_permit_get(w, m->outside, remote.addr);
	wheel_add(w, *slot, session_end_time(w, *slot));
	sl_mark(w->changed, *slot);
	nat_count(w, NAT_SESSIONS_MADE);
	return NAT_FINE;
}

void sl_nat_session_end(struct nat_worker *w, uint32_t slot)
{
	struct nat_session *s = &w->sessions[slot];
	struct nat_mapping *m = &w->mappings[s->mapping];
	struct nat_flow *flows = &w->flows[2 * slot];

	sl_nat_cut(w, slot);
	wheel_unlink(w, slot);
	for (uint32_t i = 0; i < 2; i++)
		sl_index_remove(w->flow_index, sl_index_hash(&flows[i].key, sizeof(struct nat_key)),
				2 * slot + i);
	if (s->permit != SL_NO_SLOT)
		sl_nat_permit_put(w, s->permit);
	if (m->subscriber != SL_NO_SLOT)
		w->subscribers[m->subscriber].sessions--;
	m->sessions--;
	sl_nat_mapping_end_unused(w, s->mapping);
	s->mapping = SL_NO_SLOT;
	s->next = w->session_free;
	w->session_free = slot;
	w->session_used--;
	nat_count(w, NAT_SESSIONS_ENDED);
}

void sl_nat_session_set(struct nat_worker *w, uint32_t slot, const struct nat_past *past)
{
	struct nat_session *s = &w->sessions[slot];
	struct nat_flow *flows = &w->flows[2 * slot];
	bool quick = flows->key.proto != IPPROTO_TCP || tcp_established(past->tcp);

	s->tcp = past->tcp;
	s->created = past->created;
	for (unsigned int i = 0; i < 2; i++) {
		flows[i].seen = past->seen[i];
		flows[i].packets = past->packets[i];
		flows[i].bytes = past->bytes[i];
		flows[i].flags = quick ? flows[i].flags | NAT_FLOW_QUICK
				       : flows[i].flags & (uint8_t)~NAT_FLOW_QUICK;
	}
	wheel_unlink(w, slot);
	wheel_add(w, slot, session_end_time(w, slot));
}

/* Look at the sessions whose time has come: they end, or it is not yet their time. */
void sl_nat_tick(struct sl_node *node)
{
	struct nat_worker *w = nat_enter(node);
	uint64_t now = w->now / w->wheel_step;

	sl_nat_ports_unhold(w, MOST_AGED, false);
	if (now - w->wheel_at > NAT_WHEEL_SLOTS)
		w->wheel_at = now - NAT_WHEEL_SLOTS;
	for (unsigned int budget = MOST_AGED; budget > 0;) {
		uint32_t slot = w->wheel[NAT_WHEEL_DUE];
		uint64_t end;

		if (slot == SL_NO_SLOT) {
			uint32_t *list;

			if (w->wheel_at >= now)
				return;
			list = &w->wheel[++w->wheel_at % NAT_WHEEL_SLOTS];
			/* Moved by relabelling: budget counts every one. */
			for (; *list != SL_NO_SLOT && budget > 0; budget--) {
				slot = *list;
				wheel_unlink(w, slot);
				wheel_link(w, slot, NAT_WHEEL_DUE);
			}
			if (*list != SL_NO_SLOT)
				w->wheel_at--;
			continue;
		}
		budget--;
		sl_nat_sync(w, slot);
		end = session_end_time(w, slot);
		if (end <= w->now) {
			sl_nat_session_end(w, slot);
			continue;
		}
		wheel_unlink(w, slot);
		wheel_add(w, slot, end);
	}
}
