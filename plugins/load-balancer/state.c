/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the load balancer remembers as records, for other code: its backends' states and what
 * commands have set of them, sessions, and the clients that are kept to a backend. A backend is
 * told by what it is (struct lb_target); where the configuration has no such backend, what was
 * its is nothing. Backends are told by worker 0, once, before all else.
 */
#include <errno.h>

#include "load_balancer.h"

/* How many slots one slice looks at. */
#define MOST_SLOTS 1024

enum { RECORD_BACKEND = 1, RECORD_SESSION = 2, RECORD_SOURCE = 3 };

/* Integers little-endian, addresses and ports in network order, unless a comment says otherwise. */
struct target_record {
	uint8_t service[16], addr[16];
	uint16_t service_port, service_proto; /* as struct lb_service_key has them */
	uint16_t port;                        /* as struct lb_target has it */
	uint8_t service_family, family, mode; /* enum sl_family, enum lb_mode */
	uint8_t mac[6];
	uint8_t zero;
};

static_assert(sizeof(struct target_record) == 48, "it has no padding");

struct backend_record {
	uint8_t kind;
	uint8_t state; /* enum lb_state */
	uint8_t drained, configured_drain;
	uint32_t zero;
	uint64_t weight, configured_weight;
	struct target_record target;
};

struct session_record {
	uint8_t kind;
	uint8_t family; /* 4 or 6 */
	uint8_t proto;
	uint8_t tcp; /* enum lb_tcp */
	uint16_t sport, dport;
	uint8_t client[16], address[16];
	uint64_t age;                           /* ms */
	uint64_t seen[2], packets[2], bytes[2]; /* to the backend, from it; seen: ms ago */
	struct target_record target;
};

struct source_record {
	uint8_t kind;
	uint8_t family; /* 4 or 6 */
	uint8_t zero[6];
	uint8_t client[16];
	uint64_t age; /* ms */
	struct target_record target;
};

static_assert(sizeof(struct backend_record) == 72 && sizeof(struct session_record) == 144 &&
		      sizeof(struct source_record) == 80,
	      "they have no padding");

/* ---- Telling ---- */

static void tell_target(struct target_record *r, const struct lb_target *target)
{
	memcpy(r->service, target->service.addr, sizeof(r->service));
	r->service_port = target->service.port;
	r->service_proto = target->service.proto;
	r->service_family = (uint8_t)target->service.family;
	memcpy(r->addr, target->addr.bytes, target->addr.family == SL_FAMILY_IPV4 ? 4 : 16);
	r->family = target->addr.family;
	r->port = target->port;
	r->mode = target->mode;
	memcpy(r->mac, &target->mac, sizeof(r->mac));
}

static bool tell_backend(const struct lb *lb, uint32_t slot, struct sl_export *out)
{
	const struct lb_server *server = &lb->servers[slot];
	struct backend_record *r;

	if (!server->used)
		return true;
	r = (struct backend_record *)sl_export_record(out, sizeof(*r));
	if (r == NULL)
		return false;
	r->kind = RECORD_BACKEND;
	r->state = server->state;
	r->drained = server->drained;
	r->configured_drain = server->configured_drain;
	r->weight = server->weight;
	r->configured_weight = server->configured_weight;
	tell_target(&r->target, &server->target);
	return true;
}

static bool tell_session(struct lb_worker *w, enum lb_lane lane, uint32_t slot,
			 struct sl_export *out)
{
	struct lb_table *table = &w->tables[lane];
	struct lb_flow *flow = lb_flow(table, 2 * slot);
	const union lb_key *key = (const union lb_key *)lb_flow_key(flow);
	const struct lb_tail *tail = lb_flow_tail(flow, lane);
	struct session_record *r;

	if (!table->sessions[slot].used || !lb_alive(w, flow->backend, flow->epoch))
		return true;
	r = (struct session_record *)sl_export_record(out, sizeof(*r));
	if (r == NULL)
		return false;
	sl_anchor_sync(w->node, &table->sessions[slot].anchor);
	r->kind = RECORD_SESSION;
	r->family = lane == LB_LANE4 ? 4 : 6;
	r->proto = tail->proto;
	r->tcp = table->sessions[slot].tcp;
	r->sport = tail->sport;
	r->dport = tail->dport;
	memcpy(r->client, lane == LB_LANE4 ? (const void *)&key->v4.src : key->v6.src,
	       lane == LB_LANE4 ? 4 : 16);
	memcpy(r->address, lane == LB_LANE4 ? (const void *)&key->v4.dst : key->v6.dst,
	       lane == LB_LANE4 ? 4 : 16);
	r->age = sl_age_ms(w->node, table->sessions[slot].created);
	for (uint32_t i = 0; i < 2; i++) {
		const struct lb_flow *one = lb_flow(table, 2 * slot + i);

		r->seen[i] = sl_age_ms(w->node, one->seen);
		r->packets[i] = one->packets;
		r->bytes[i] = one->bytes;
	}
	tell_target(&r->target, &w->lb->servers[flow->backend].target);
	return true;
}

static bool tell_source(const struct lb_worker *w, uint32_t slot, struct sl_export *out)
{
	const struct lb_source *source = &w->sources.slots[slot];
	struct source_record *r;

	if (source->key.family == 0 || !lb_alive(w, source->backend, source->epoch))
		return true;
	r = (struct source_record *)sl_export_record(out, sizeof(*r));
	if (r == NULL)
		return false;
	r->kind = RECORD_SOURCE;
	r->family = source->key.family == SL_L3_IPV4 ? 4 : 6;
	memcpy(r->client, source->key.addr, sizeof(r->client));
	r->age = sl_age_ms(w->node, source->seen);
	tell_target(&r->target, &w->lb->servers[source->backend].target);
	return true;
}

/* What there is to tell, one after the other. */
enum stage { BACKENDS, SESSIONS4, SESSIONS6, SOURCES, STAGES };

static uint32_t slots_of(const struct lb_worker *w, enum stage stage, bool changed)
{
	switch (stage) {
	case BACKENDS:
		return w->node->worker == 0 && !changed ? LB_SLOTS : 0;
	case SESSIONS4:
		return w->tables[LB_LANE4].count;
	case SESSIONS6:
		return w->tables[LB_LANE6].count;
	default:
		return w->sources.slots != NULL ? w->sources.count : 0;
	}
}

static uint64_t *marks_of(const struct lb_worker *w, enum stage stage)
{
	return stage == SESSIONS4   ? w->tables[LB_LANE4].changed
	       : stage == SESSIONS6 ? w->tables[LB_LANE6].changed
	       : stage == SOURCES   ? w->sources.changed
				    : NULL;
}

/* False: no more room, or looked at enough; *slot is where to go on. */
static bool tell_stage(struct lb_worker *w, enum stage stage, uint32_t *slot, struct sl_export *out)
{
	uint32_t end = slots_of(w, stage, out->changed);
	uint64_t *marks = marks_of(w, stage);
	uint32_t most = MOST_SLOTS;

	for (; sl_export_slot(out, marks, slot, end, &most); ++*slot) {
		bool told;

		told = stage == BACKENDS ? tell_backend(w->lb, *slot, out)
		       : stage == SOURCES
			       ? tell_source(w, *slot, out)
			       : tell_session(w, stage == SESSIONS4 ? LB_LANE4 : LB_LANE6, *slot,
					      out);
		if (!told)
			return false;
		if (marks != NULL)
			sl_unmark(marks, *slot);
	}
	return *slot >= end;
}

void sl_lb_export(struct sl_node *node, struct sl_export *out)
{
	struct lb_worker *w = lb_enter(node);
	uint32_t stage = (uint32_t)(out->cursor >> 32), slot = (uint32_t)out->cursor;

	for (; stage < STAGES; stage++, slot = 0)
		if (!tell_stage(w, (enum stage)stage, &slot, out)) {
			out->cursor = (uint64_t)stage << 32 | slot;
			return;
		}
	out->cursor = UINT64_MAX;
}

/* ---- The other way ---- */

static bool is_target(const struct target_record *r, const struct lb_target *target)
{
	struct target_record own = {0};

	tell_target(&own, target);
	return memcmp(&own, r, sizeof(own)) == 0;
}

/* The backend that the record means, among those of its service; LB_NOBODY: there is none. */
static uint16_t find_backend(const struct lb_worker *w, const struct target_record *r,
			     const struct lb_service **service)
{
	for (uint32_t i = 0; i < w->plan->service_count; i++) {
		const struct lb_service *s = &w->plan->services[i];

		if (s->key.port != r->service_port || s->key.proto != r->service_proto ||
		    memcmp(s->key.addr, r->service, sizeof(r->service)) != 0)
			continue;
		*service = s;
		for (uint32_t j = 0; j < s->member_count; j++)
			if (is_target(r, &w->lb->servers[s->members[j].slot].target))
				return s->members[j].slot;
	}
	return LB_NOBODY;
}

/* Main thread: backends are told in the first pass alone. */
static int take_backend(struct lb_worker *w, const struct backend_record *r)
{
	const struct lb_service *service = NULL;
	uint16_t slot = find_backend(w, &r->target, &service);
	struct lb_server *server;

	if (w->node->worker != 0)
		return SL_IMPORT_ELSEWHERE;
	if (slot == LB_NOBODY)
		return SL_IMPORT_VOID;
	server = &w->lb->servers[slot];
	/* What was said by command, unless the configuration says something else by now. */
	if (server->configured_weight == r->configured_weight)
		server->weight = r->weight;
	if (server->configured_drain == (r->configured_drain != 0))
		server->drained = r->drained != 0;
	if (server->state == LB_CHECKING && r->state != LB_CHECKING) {
		sl_lb_set_state(w->lb, slot, (enum lb_state)r->state);
		w->states[slot] = r->state; /* it is no event */
	}
	sl_lb_apply(w->node->instance);
	return SL_IMPORT_TAKEN;
}

/* The session of that key, anew; those in its way end. */
static enum lb_reason make_session(struct lb_worker *w, enum lb_lane lane, const union lb_key *key,
				   uint16_t backend, uint32_t *slot)
{
	union lb_key keys[2] = {*key};

	sl_lb_reverse(&w->lb->backends[backend], lane, key, &keys[1]);
	for (unsigned int i = 0; i < 2; i++) {
		uint32_t found = sl_lb_find(w, lane, &keys[i]);

		if (found != SL_NO_SLOT)
			sl_lb_session_end(w, lane, found / 2);
	}
	return sl_lb_session_new(w, lane, key, backend, slot);
}

static int take_session(struct lb_worker *w, const struct session_record *r,
			struct sl_errors *errors)
{
	struct lb_tail tail = {.sport = r->sport, .dport = r->dport, .proto = r->proto};
	enum lb_lane lane = r->family == 4 ? LB_LANE4 : LB_LANE6;
	const struct lb_service *service = NULL;
	uint16_t backend = find_backend(w, &r->target, &service);
	struct lb_past past = {.tcp = r->tcp, .created = sl_ago(w->node, r->age)};
	union lb_key key;
	uint32_t slot;

	memset(&key, 0, sizeof(key));
	if (lane == LB_LANE4) {
		memcpy(&key.v4.src, r->client, 4);
		memcpy(&key.v4.dst, r->address, 4);
		key.v4.tail = tail;
	} else {
		memcpy(key.v6.src, r->client, 16);
		memcpy(key.v6.dst, r->address, 16);
		key.v6.tail = tail;
	}
	if (sl_lb_worker_of(w->lb, lane == LB_LANE4 ? SL_L3_IPV4 : SL_L3_IPV6, &key,
			    w->node->workers) != w->node->worker)
		return SL_IMPORT_ELSEWHERE;
	/* Rewritten to an address of the other version it could not be. */
	if (backend == LB_NOBODY || (w->lb->backends[backend].mode == LB_DNAT &&
				     (r->target.family == SL_FAMILY_IPV4) != (lane == LB_LANE4)))
		return SL_IMPORT_VOID;
	if (make_session(w, lane, &key, backend, &slot) != LB_FINE)
		return sl_fail(errors, ENOSPC, "%s: no room for a session that it had",
			       sl_instance_name(w->node->instance));
	for (unsigned int i = 0; i < 2; i++) {
		past.seen[i] = r->packets[i] != 0 ? sl_ago(w->node, r->seen[i]) : 0;
		past.packets[i] = r->packets[i];
		past.bytes[i] = r->bytes[i];
	}
	sl_lb_session_set(w, lane, slot, &past);
	return SL_IMPORT_TAKEN;
}

static int take_source(struct lb_worker *w, const struct source_record *r)
{
	uint8_t family = r->family == 4 ? SL_L3_IPV4 : SL_L3_IPV6;
	const struct lb_service *service = NULL;
	uint16_t backend = find_backend(w, &r->target, &service);
	union lb_key key;

	memset(&key, 0, sizeof(key));
	memcpy(r->family == 4 ? (void *)&key.v4.src : key.v6.src, r->client,
	       r->family == 4 ? 4 : 16);
	/* Clients are kept to backends only where their ports do not choose workers. */
	if (backend == LB_NOBODY || !service->by_source || w->sources.slots == NULL ||
	    w->lb->spread_by_port)
		return SL_IMPORT_VOID;
	if (sl_lb_worker_of(w->lb, family, &key, w->node->workers) != w->node->worker)
		return SL_IMPORT_ELSEWHERE;
	sl_lb_source_set(w, service, family, r->client, backend);
	sl_lb_source_seen(w, service, family, r->client, sl_ago(w->node, r->age));
	return SL_IMPORT_TAKEN;
}

int sl_lb_import(struct sl_node *node, uint32_t version, const void *record, uint32_t size,
		 struct sl_errors *errors)
{
	struct lb_worker *w = lb_enter(node);
	const uint8_t *head = (const uint8_t *)record;

	if (version != LB_STATE_VERSION || size < 2)
		return -EPROTO;
	if (head[0] == RECORD_BACKEND && size == sizeof(struct backend_record) &&
	    head[1] <= LB_DOWN)
		return take_backend(w, (const struct backend_record *)record);
	if (head[1] != 4 && head[1] != 6)
		return -EPROTO;
	if (head[0] == RECORD_SESSION && size == sizeof(struct session_record))
		return take_session(w, (const struct session_record *)record, errors);
	if (head[0] == RECORD_SOURCE && size == sizeof(struct source_record))
		return take_source(w, (const struct source_record *)record);
	return -EPROTO;
}
