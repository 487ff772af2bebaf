/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator can ask: sessions, mappings, subscribers, the pool; and clearing. */
#include <stdio.h>

#include "nat.h"

/* How many slots one call of collect() looks at. */
#define MOST_VISITED 512

struct filter_args {
	uint64_t given;
	struct sl_addr inside, outside, remote;
};

static const struct sl_param filter_params[] = {
	{.name = "inside",
	 .kind = SL_ADDR,
	 .offset = offsetof(struct filter_args, inside),
	 .doc = "Only those of this inside address."},
	{.name = "outside",
	 .kind = SL_ADDR,
	 .offset = offsetof(struct filter_args, outside),
	 .doc = "Only those of this outside address."},
	{.name = "remote",
	 .kind = SL_ADDR,
	 .offset = offsetof(struct filter_args, remote),
	 .doc = "Only sessions with this remote address."},
	{0},
};

/* The same without the remote, which mappings have not. */
static const struct sl_param mapping_filter_params[] = {
	{.name = "inside",
	 .kind = SL_ADDR,
	 .offset = offsetof(struct filter_args, inside),
	 .doc = "Only those of this inside address."},
	{.name = "outside",
	 .kind = SL_ADDR,
	 .offset = offsetof(struct filter_args, outside),
	 .doc = "Only those of this outside address."},
	{0},
};

static bool wanted(const struct filter_args *args, const struct nat_mapping *m, uint32_t remote)
{
	if (args == NULL)
		return true;
	return ((args->given & 1) == 0 || args->inside.v4 == m->inside.addr) &&
	       ((args->given & 2) == 0 || args->outside.v4 == m->outside.addr) &&
	       ((args->given & 4) == 0 || args->remote.v4 == remote);
}

/* Addresses as text with a port: "192.0.2.1:80". */
static void endpoint_text(struct sl_json *out, const char *key, union nat_endpoint endpoint)
{
	const uint8_t *b = (const uint8_t *)&endpoint.addr;
	char text[32];

	snprintf(text, sizeof(text), "%u.%u.%u.%u:%u", b[0], b[1], b[2], b[3],
		 rte_be_to_cpu_16(endpoint.port));
	sl_json_text(out, key, text);
}

static void address_text(struct sl_json *out, const char *key, uint32_t addr)
{
	struct sl_addr value = {.family = SL_FAMILY_IPV4, .v4 = addr};

	sl_json_addr(out, key, &value);
}

static void proto_text(struct sl_json *out, uint8_t proto)
{
	sl_json_text(out, "proto",
		     proto == IPPROTO_TCP   ? "tcp"
		     : proto == IPPROTO_UDP ? "udp"
					    : "icmp");
}

static double seconds(uint64_t ticks)
{
	return (double)ticks / (double)sl_hz();
}

/* ---- sessions, clear ---- */

struct session_record {
	union nat_endpoint inside, outside, remote;
	uint64_t age, idle;
	uint64_t packets_out, bytes_out, packets_in, bytes_in;
	uint16_t worker;
	uint8_t tcp;
};

static void fill_session(const struct nat_worker *w, uint32_t slot, struct session_record *r)
{
	const struct nat_session *s = &w->sessions[slot];
	const struct nat_mapping *m = &w->mappings[s->mapping];
	const struct nat_flow *out = &w->flows[2 * slot], *in = out + 1;
	uint64_t seen = RTE_MAX(out->seen, in->seen);

	*r = (struct session_record){
		.inside = m->inside,
		.outside = m->outside,
		.remote = nat_endpoint(out->key.dst, out->key.dport, out->key.proto),
		.age = w->now - s->created,
		.idle = w->now - RTE_MAX(seen, s->created),
		.packets_out = out->packets,
		.bytes_out = out->bytes,
		.packets_in = in->packets,
		.bytes_in = in->bytes,
		.worker = (uint16_t)w->worker,
		.tcp = s->tcp,
	};
}

static uint32_t visit_sessions(struct sl_node *node, const struct filter_args *args,
			       uint64_t *cursor, struct session_record *records, uint32_t room,
			       bool end)
{
	struct nat_worker *w = nat_enter(node);
	uint32_t count = 0;

	for (uint32_t i = 0; i < MOST_VISITED && count < room; i++) {
		uint32_t slot = (uint32_t)*cursor;

		if (slot >= w->session_count || w->session_used == 0) {
			*cursor = UINT64_MAX;
			break;
		}
		(*cursor)++;
		if (w->sessions[slot].mapping == SL_NO_SLOT ||
		    !wanted(args, &w->mappings[w->sessions[slot].mapping],
			    w->flows[2 * slot].key.dst))
			continue;
		sl_nat_sync(w, slot);
		fill_session(w, slot, &records[count++]);
		if (end)
			sl_nat_session_end(w, slot);
	}
	return count;
}

static uint32_t collect_sessions(struct sl_node *node, const void *args, uint64_t *cursor,
				 void *records, uint32_t room)
{
	return visit_sessions(node, (const struct filter_args *)args, cursor,
			      (struct session_record *)records, room, false);
}

static uint32_t clear_sessions(struct sl_node *node, const void *args, uint64_t *cursor,
			       void *records, uint32_t room)
{
	return visit_sessions(node, (const struct filter_args *)args, cursor,
			      (struct session_record *)records, room, true);
}

static const char *tcp_state(uint8_t tcp)
{
	uint8_t syns = NAT_TCP_SYN_OUT | NAT_TCP_SYN_IN, fins = NAT_TCP_FIN_OUT | NAT_TCP_FIN_IN;

	if ((tcp & NAT_TCP_RST) != 0)
		return "reset";
	if ((tcp & fins) == fins)
		return "closed";
	if ((tcp & fins) != 0)
		return "half-closed";
	return (tcp & syns) == syns ? "established" : "opening";
}

static void render_session(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	const struct session_record *r = (const struct session_record *)record;

	proto_text(out, r->inside.proto);
	endpoint_text(out, "inside", r->inside);
	endpoint_text(out, "outside", r->outside);
	endpoint_text(out, "remote", r->remote);
	if (r->inside.proto == IPPROTO_TCP)
		sl_json_text(out, "state", tcp_state(r->tcp));
	sl_json_real(out, "age", seconds(r->age));
	sl_json_real(out, "idle", seconds(r->idle));
	sl_json_int(out, "packets-out", (int64_t)r->packets_out);
	sl_json_int(out, "bytes-out", (int64_t)r->bytes_out);
	sl_json_int(out, "packets-in", (int64_t)r->packets_in);
	sl_json_int(out, "bytes-in", (int64_t)r->bytes_in);
	sl_json_int(out, "worker", r->worker);
}

/* ---- mappings ---- */

struct mapping_record {
	union nat_endpoint inside, outside;
	uint64_t age;
	uint32_t sessions;
	uint16_t worker;
	bool forward;
};

static uint32_t collect_mappings(struct sl_node *node, const void *args, uint64_t *cursor,
				 void *out, uint32_t room)
{
	struct nat_worker *w = nat_enter(node);
	struct mapping_record *records = (struct mapping_record *)out;
	uint32_t count = 0;

	for (uint32_t i = 0; i < MOST_VISITED && count < room; i++) {
		const struct nat_mapping *m = &w->mappings[*cursor];

		if (*cursor >= w->mapping_count) {
			*cursor = UINT64_MAX;
			break;
		}
		(*cursor)++;
		if (m->created == 0 || !wanted((const struct filter_args *)args, m, 0))
			continue;
		records[count++] = (struct mapping_record){
			.inside = m->inside,
			.outside = m->outside,
			.age = m->forward ? 0 : w->now - m->created,
			.sessions = m->sessions,
			.worker = (uint16_t)w->worker,
			.forward = m->forward,
		};
	}
	return count;
}

static void render_mapping(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	const struct mapping_record *r = (const struct mapping_record *)record;

	proto_text(out, r->inside.proto);
	endpoint_text(out, "inside", r->inside);
	endpoint_text(out, "outside", r->outside);
	sl_json_bool(out, "forward", r->forward);
	sl_json_int(out, "sessions", r->sessions);
	sl_json_real(out, "age", seconds(r->age));
	sl_json_int(out, "worker", r->worker);
}

/* ---- subscribers ---- */

struct subscriber_record {
	uint32_t inside, outside;
	uint32_t mappings, sessions, blocks;
	uint16_t worker;
	uint64_t age;
};

static uint32_t collect_subscribers(struct sl_node *node, const void *args, uint64_t *cursor,
				    void *out, uint32_t room)
{
	struct nat_worker *w = nat_enter(node);
	struct subscriber_record *records = (struct subscriber_record *)out;
	uint32_t count = 0;

	for (uint32_t i = 0; i < MOST_VISITED && count < room; i++) {
		const struct nat_subscriber *s = &w->subscribers[*cursor];

		if (*cursor >= w->subscriber_count) {
			*cursor = UINT64_MAX;
			break;
		}
		(*cursor)++;
		if (s->created == 0)
			continue;
		records[count++] = (struct subscriber_record){
			.inside = (uint32_t)s->key,
			.outside = sl_nat_pool_address(w->layout, s->address),
			.mappings = s->mappings,
			.sessions = s->sessions,
			.blocks = s->blocks,
			.worker = (uint16_t)w->worker,
			.age = w->now - s->created,
		};
	}
	return count;
}

static void render_subscriber(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	const struct subscriber_record *r = (const struct subscriber_record *)record;

	address_text(out, "inside", r->inside);
	address_text(out, "outside", r->outside);
	sl_json_int(out, "mappings", r->mappings);
	sl_json_int(out, "sessions", r->sessions);
	sl_json_int(out, "blocks", r->blocks);
	sl_json_real(out, "age", seconds(r->age));
	sl_json_int(out, "worker", r->worker);
}

/* ---- pool ---- */

struct pool_record {
	uint32_t address;
	uint32_t ports;
	uint32_t free[NAT_SPACES];
	uint32_t blocks, free_blocks;
	uint16_t worker;
};

static uint32_t collect_pool(struct sl_node *node, const void *args, uint64_t *cursor, void *out,
			     uint32_t room)
{
	struct nat_worker *w = nat_enter(node);
	struct pool_record *records = (struct pool_record *)out;
	uint32_t count = 0;

	for (; count < room; (*cursor)++) {
		const struct nat_address *a;

		if (*cursor >= w->layout->pool_count) {
			*cursor = UINT64_MAX;
			break;
		}
		a = &w->addresses[*cursor];
		records[count++] = (struct pool_record){
			.address = sl_nat_pool_address(w->layout, (uint32_t)*cursor),
			.ports = a->blocks * w->layout->block_size,
			.free = {a->free[0], a->free[1], a->free[2]},
			.blocks = w->blocks != NULL ? a->blocks : 0,
			.free_blocks = w->blocks != NULL ? a->free_blocks : 0,
			.worker = (uint16_t)w->worker,
		};
	}
	return count;
}

static void render_pool(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	const struct pool_record *r = (const struct pool_record *)record;

	address_text(out, "outside", r->address);
	sl_json_int(out, "worker", r->worker);
	sl_json_int(out, "ports", r->ports);
	sl_json_int(out, "used-tcp", r->ports - r->free[NAT_SPACE_TCP]);
	sl_json_int(out, "used-udp", r->ports - r->free[NAT_SPACE_UDP]);
	sl_json_int(out, "used-icmp", r->ports - r->free[NAT_SPACE_ICMP]);
	sl_json_int(out, "blocks", r->blocks);
	sl_json_int(out, "used-blocks", r->blocks - r->free_blocks);
}

const struct sl_command sl_nat_commands[] = {
	{.name = "sessions",
	 .doc = "Sessions: endpoints, state, age, packets each way.",
	 .args = filter_params,
	 .args_size = sizeof(struct filter_args),
	 .record_size = sizeof(struct session_record),
	 .collect = collect_sessions,
	 .render = render_session},
	{.name = "mappings",
	 .doc = "Inside endpoints and the outside ones they have.",
	 .args = mapping_filter_params,
	 .args_size = sizeof(struct filter_args),
	 .record_size = sizeof(struct mapping_record),
	 .collect = collect_mappings,
	 .render = render_mapping},
	{.name = "subscribers",
	 .doc = "Inside addresses, the outside address each is paired with, and what it uses.",
	 .record_size = sizeof(struct subscriber_record),
	 .collect = collect_subscribers,
	 .render = render_subscriber},
	{.name = "pool",
	 .doc = "Outside addresses: ports and blocks in use, per worker.",
	 .record_size = sizeof(struct pool_record),
	 .collect = collect_pool,
	 .render = render_pool},
	{.name = "clear",
	 .doc = "End sessions, all or those that match; tells which.",
	 .changes = true,
	 .args = filter_params,
	 .args_size = sizeof(struct filter_args),
	 .record_size = sizeof(struct session_record),
	 .collect = clear_sessions,
	 .render = render_session},
	{0},
};

void sl_nat_render_event(struct sl_instance *instance, uint32_t event, const void *data,
			 struct sl_json *out)
{
	const struct nat_event_data *d = (const struct nat_event_data *)data;

	address_text(out, "subscriber", d->subscriber);
	if (event == NAT_EVENT_BLOCK_ASSIGNED || event == NAT_EVENT_BLOCK_RELEASED) {
		address_text(out, "outside", d->outside.addr);
		sl_json_int(out, "first-port", d->first);
		sl_json_int(out, "last-port", d->last);
		return;
	}
	proto_text(out, d->inside.proto);
	endpoint_text(out, "inside", d->inside);
	endpoint_text(out, "outside", d->outside);
}
