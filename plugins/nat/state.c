/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions as records, for other code or another process: each with its mapping, which has no
 * record of its own as it lives no longer than its sessions. Then the ports that rest.
 */
#include <errno.h>

#include "ports.h"

/* How many slots one slice looks at. */
#define MOST_SLOTS 2048

enum { RECORD_SESSION = 1, RECORD_REST = 2 };

/* Integers little-endian, addresses and ports in network order, times in milliseconds ago. */
struct saved_session {
	uint8_t kind;
	uint8_t proto;
	uint8_t tcp; /* enum nat_tcp */
	uint8_t forward;
	uint32_t inside, outside, remote;
	uint16_t inside_port, outside_port, remote_port, zero;
	uint64_t mapping_age, age;
	uint64_t seen[2], packets[2], bytes[2]; /* out, in; seen is void without packets */
};

struct rest_record {
	uint8_t kind;
	uint8_t proto;
	uint16_t port;
	uint32_t address;
	uint64_t left; /* milliseconds */
};

static_assert(sizeof(struct saved_session) == 88, "it has no padding");
static_assert(sizeof(struct rest_record) == 16, "it has no padding");

static bool tell_session(struct nat_worker *w, uint32_t slot, struct sl_export *out)
{
	struct saved_session *r = (struct saved_session *)sl_export_record(out, sizeof(*r));
	const struct nat_session *s = &w->sessions[slot];
	const struct nat_mapping *m = &w->mappings[s->mapping];
	const struct nat_flow *flows = &w->flows[2 * slot];

	if (r == NULL)
		return false;
	sl_nat_sync(w, slot);
	*r = (struct saved_session){
		.kind = RECORD_SESSION,
		.proto = flows[0].key.proto,
		.tcp = s->tcp,
		.forward = m->forward,
		.inside = m->inside.addr,
		.outside = m->outside.addr,
		.remote = flows[0].key.dst,
		.inside_port = m->inside.port,
		.outside_port = m->outside.port,
		.remote_port = flows[0].key.dport,
		.mapping_age = sl_age_ms(w->node, m->created),
		.age = sl_age_ms(w->node, s->created),
	};
	/* A query's id stands in the host's port alone: see struct nat_key. */
	for (unsigned int i = 0; i < 2; i++) {
		r->seen[i] = sl_age_ms(w->node, flows[i].seen);
		r->packets[i] = flows[i].packets;
		r->bytes[i] = flows[i].bytes;
	}
	return true;
}

/* False: no more room, or looked at enough. */
static bool tell_sessions(struct nat_worker *w, struct sl_export *out)
{
	uint32_t slot = (uint32_t)out->cursor, end = w->session_count, most = MOST_SLOTS;

	for (; sl_export_slot(out, w->changed, &slot, end, &most); slot++) {
		if (w->sessions[slot].mapping != SL_NO_SLOT && !tell_session(w, slot, out)) {
			out->cursor = slot;
			return false;
		}
		sl_unmark(w->changed, slot);
	}
	out->cursor = slot;
	return slot == end;
}

static bool tell_rest(struct nat_worker *w, const struct nat_held_port *held, struct sl_export *out)
{
	static const uint8_t protos[NAT_SPACES] = {
		[NAT_SPACE_TCP] = IPPROTO_TCP,
		[NAT_SPACE_UDP] = IPPROTO_UDP,
		[NAT_SPACE_ICMP] = IPPROTO_ICMP,
	};
	struct rest_record *r;

	if (held->space == NAT_SPACES || held->until <= w->now)
		return true;
	r = (struct rest_record *)sl_export_record(out, sizeof(*r));
	if (r == NULL)
		return false;
	*r = (struct rest_record){
		.kind = RECORD_REST,
		.proto = protos[held->space],
		.port = rte_cpu_to_be_16((uint16_t)nat_port_of_bit(w, held->address, held->bit)),
		.address = sl_nat_pool_address(w->layout, held->address),
		.left = (held->until - w->now) / (sl_hz() / 1000),
	};
	return true;
}

/* The cursor has the place in the ring, above all slots of sessions. */
#define RESTS (UINT64_C(1) << 32)

static void tell_rests(struct nat_worker *w, struct sl_export *out)
{
	uint32_t at = (uint32_t)out->cursor;

	if (out->cursor < RESTS)
		at = out->changed ? w->held_told : w->held_head;
	/* The oldest have been given free meanwhile. */
	if ((int32_t)(w->held_head - at) > 0)
		at = w->held_head;
	for (; at != w->held_tail; at++)
		if (!tell_rest(w, &w->held[at & w->held_mask], out)) {
			out->cursor = RESTS | at;
			return;
		}
	w->held_told = at;
	out->cursor = UINT64_MAX;
}

void sl_nat_export(struct sl_node *node, struct sl_export *out)
{
	struct nat_worker *w = nat_enter(node);

	if (out->cursor < RESTS && !tell_sessions(w, out))
		return;
	tell_rests(w, out);
}

/* ---- The other way ---- */

static bool known_proto(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_ICMP;
}

/* The session of that mapping and remote, made if there is none; sessions in its way end. */
static enum nat_reason find_session(struct nat_worker *w, uint32_t mapping,
				    union nat_endpoint remote, uint32_t *slot)
{
	const struct nat_mapping *m = &w->mappings[mapping];
	struct nat_key keys[2] = {
		{m->inside.addr, remote.addr, m->inside.port, remote.port, remote.proto, SL_INSIDE,
		 0},
		{remote.addr, m->outside.addr, remote.port, m->outside.port, remote.proto,
		 SL_OUTSIDE, 0},
	};

	for (unsigned int i = 0; i < 2; i++) {
		uint32_t flow = nat_flow_find(w, &keys[i]);

		if (flow == SL_NO_SLOT)
			continue;
		*slot = flow / 2;
		if (w->sessions[*slot].mapping == mapping)
			return NAT_FINE;
		sl_nat_session_end(w, *slot);
	}
	return sl_nat_session_new(w, mapping, remote, slot);
}

/* The mapping of a record; SL_NO_SLOT with NAT_NOT_OURS: not in this configuration. */
static enum nat_reason find_mapping(struct nat_worker *w, const struct saved_session *r,
				    uint32_t *slot)
{
	union nat_endpoint inside = nat_endpoint(r->inside, r->inside_port, r->proto);
	union nat_endpoint outside = nat_endpoint(r->outside, r->outside_port, r->proto);

	if (!r->forward)
		return sl_nat_mapping_claim(w, inside, outside, sl_ago(w->node, r->mapping_age),
					    slot);
	*slot = sl_nat_mapping_by_outside(w, outside);
	if (*slot != SL_NO_SLOT && w->mappings[*slot].forward &&
	    w->mappings[*slot].inside.word == inside.word)
		return NAT_FINE;
	return NAT_NOT_OURS;
}

static int no_room(struct sl_node *node, enum nat_reason reason, struct sl_errors *errors)
{
	return sl_fail(errors, ENOSPC, "%s: no room for a session that it had: %s",
		       sl_instance_name(node->instance),
		       reason == NAT_SESSION_LIMIT      ? "too many sessions"
		       : reason == NAT_SUBSCRIBER_LIMIT ? "too many subscribers"
							: "its outside port is not free");
}

static int take_session(struct nat_worker *w, const struct saved_session *r,
			struct sl_errors *errors)
{
	struct nat_past past = {.tcp = r->tcp, .created = sl_ago(w->node, r->age)};
	uint32_t mapping, session;
	enum nat_reason reason;

	if (nat_host_worker(w->layout, r->inside) != w->worker)
		return SL_IMPORT_ELSEWHERE;
	reason = find_mapping(w, r, &mapping);
	if (reason == NAT_NOT_OURS)
		return SL_IMPORT_VOID;
	if (reason != NAT_FINE)
		return no_room(w->node, reason, errors);
	reason = find_session(w, mapping, nat_endpoint(r->remote, r->remote_port, r->proto),
			      &session);
	if (reason != NAT_FINE) {
		sl_nat_mapping_end_unused(w, mapping);
		return no_room(w->node, reason, errors);
	}
	for (unsigned int i = 0; i < 2; i++) {
		past.seen[i] = r->packets[i] != 0 ? sl_ago(w->node, r->seen[i]) : 0;
		past.packets[i] = r->packets[i];
		past.bytes[i] = r->bytes[i];
	}
	sl_nat_session_set(w, session, &past);
	return SL_IMPORT_TAKEN;
}

static int take_rest(struct nat_worker *w, const struct rest_record *r)
{
	union nat_endpoint outside = nat_endpoint(r->address, r->port, r->proto);
	uint64_t ticks = sl_hz() / 1000 * RTE_MIN(r->left, UINT64_C(86400000));

	if (sl_nat_port_rest(w, outside, w->now + ticks))
		return SL_IMPORT_TAKEN;
	return sl_nat_range_find(&w->layout->pool, outside.addr) != NULL && w->layout->workers > 1
		       ? SL_IMPORT_ELSEWHERE
		       : SL_IMPORT_VOID;
}

int sl_nat_import(struct sl_node *node, uint32_t version, const void *record, uint32_t size,
		  struct sl_errors *errors)
{
	struct nat_worker *w = nat_enter(node);
	struct nat_tuning quiet = *w->tuning;
	const uint8_t *kind = (const uint8_t *)record;
	int taken = -EPROTO;

	if (version != NAT_STATE_VERSION || size < 2 || !known_proto(kind[1]))
		return -EPROTO;
	quiet.log = NAT_LOG_NONE;
	w->tuning = &quiet;
	if (kind[0] == RECORD_SESSION && size == sizeof(struct saved_session))
		taken = take_session(w, (const struct saved_session *)record, errors);
	else if (kind[0] == RECORD_REST && size == sizeof(struct rest_record))
		taken = take_rest(w, (const struct rest_record *)record);
	nat_enter(node);
	return taken;
}
