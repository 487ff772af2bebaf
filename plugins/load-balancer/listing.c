/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions listed and cleared, on their worker. */
#include <stdio.h>

#include "load_balancer.h"

/* How many slots one call of collect() looks at. */
#define MOST_VISITED 512

void sl_lb_endpoint_text(struct sl_json *out, const char *key, const struct sl_addr *addr,
			 uint16_t port)
{
	char addr_text[SL_ADDR_TEXT], text[SL_ADDR_TEXT + 16];

	sl_addr_format(addr, addr_text);
	if (port == 0)
		snprintf(text, sizeof(text), "%s", addr_text);
	else
		snprintf(text, sizeof(text), addr->family == SL_FAMILY_IPV4 ? "%s:%u" : "[%s]:%u",
			 addr_text, rte_be_to_cpu_16(port));
	sl_json_text(out, key, text);
}

void sl_lb_proto_text(struct sl_json *out, uint32_t proto)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", proto);
	sl_json_text(out, "proto",
		     proto == IPPROTO_TCP      ? "tcp"
		     : proto == IPPROTO_UDP    ? "udp"
		     : proto == IPPROTO_SCTP   ? "sctp"
		     : proto == IPPROTO_ICMP   ? "icmp"
		     : proto == IPPROTO_ICMPV6 ? "icmpv6"
		     : proto == LB_PROTO_ANY   ? "any"
					       : text);
}

static void fill_session(struct lb_worker *w, enum lb_lane lane, uint32_t slot,
			 struct lb_session_record *r)
{
	struct lb_table *table = &w->tables[lane];
	struct lb_flow *in = lb_flow(table, 2 * slot), *out = lb_flow(table, 2 * slot + 1);
	const union lb_key *key = (const union lb_key *)lb_flow_key(in);
	const struct lb_tail *tail = lb_flow_tail(in, lane);
	struct lb_session *s = &table->sessions[slot];
	uint64_t seen;

	sl_anchor_sync(w->node, &s->anchor);
	seen = RTE_MAX(s->created, RTE_MAX(in->seen, out->seen));
	*r = (struct lb_session_record){
		.client_port = tail->sport,
		.vip_port = tail->dport,
		.backend = in->backend,
		.worker = w->node->worker,
		.proto = tail->proto,
		.age = w->now - s->created,
		.idle = w->now - seen,
		.packets_in = in->packets,
		.bytes_in = in->bytes,
		.packets_out = out->packets,
		.bytes_out = out->bytes,
		.tcp = s->tcp,
	};
	r->client.family = r->vip.family = lane == LB_LANE4 ? SL_FAMILY_IPV4 : SL_FAMILY_IPV6;
	if (lane == LB_LANE4) {
		r->client.v4 = key->v4.src;
		r->vip.v4 = key->v4.dst;
	} else {
		memcpy(r->client.bytes, key->v6.src, 16);
		memcpy(r->vip.bytes, key->v6.dst, 16);
	}
}

/* The backend's name, or NULL: it is gone. Its plan is immutable. */
static const char *name_of(const struct lb_plan *plan, uint16_t slot)
{
	for (uint32_t i = 0; i < plan->service_count; i++)
		for (uint32_t j = 0; j < plan->services[i].member_count; j++)
			if (plan->services[i].members[j].slot == slot)
				return plan->services[i].members[j].name;
	return NULL;
}

static bool matches(const struct lb_worker *w, const struct lb_args *args,
		    const struct lb_session_record *r)
{
	const char *name;

	if (args == NULL)
		return true;
	if (args->client.family != 0 && sl_addr_compare(&args->client, &r->client) != 0)
		return false;
	if (args->address.family != 0 && sl_addr_compare(&args->address, &r->vip) != 0)
		return false;
	if (args->backend == NULL)
		return true;
	name = name_of(w->plan, r->backend);
	return name != NULL && strcmp(name, args->backend) == 0;
}

static uint32_t visit(struct sl_node *node, const struct lb_args *args, uint64_t *cursor,
		      struct lb_session_record *records, uint32_t room, bool end)
{
	struct lb_worker *w = lb_enter(node);
	uint32_t count = 0;

	for (uint32_t i = 0; i < MOST_VISITED && count < room; i++) {
		enum lb_lane lane = *cursor < w->tables[LB_LANE4].count ? LB_LANE4 : LB_LANE6;
		uint32_t slot =
			(uint32_t)*cursor - (lane == LB_LANE6 ? w->tables[LB_LANE4].count : 0);

		if (slot >= w->tables[lane].count) {
			*cursor = UINT64_MAX;
			break;
		}
		(*cursor)++;
		if (!w->tables[lane].sessions[slot].used)
			continue;
		fill_session(w, lane, slot, &records[count]);
		if (!matches(w, args, &records[count]))
			continue;
		count++;
		if (end)
			sl_lb_session_end(w, lane, slot);
	}
	return count;
}

uint32_t sl_lb_collect_sessions(struct sl_node *node, const void *args, uint64_t *cursor,
				void *records, uint32_t room)
{
	return visit(node, (const struct lb_args *)args, cursor,
		     (struct lb_session_record *)records, room, false);
}

uint32_t sl_lb_clear_sessions(struct sl_node *node, const void *args, uint64_t *cursor,
			      void *records, uint32_t room)
{
	return visit(node, (const struct lb_args *)args, cursor,
		     (struct lb_session_record *)records, room, true);
}

static const char *tcp_text(uint8_t tcp)
{
	uint8_t fins = LB_TCP_FIN_CLIENT | LB_TCP_FIN_SERVER;

	if ((tcp & LB_TCP_RST) != 0)
		return "reset";
	if ((tcp & fins) == fins)
		return "closed";
	if ((tcp & fins) != 0)
		return "half-closed";
	return (tcp & LB_TCP_GOES_ON) != 0 ? "established" : "opening";
}

void sl_lb_render_session(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	const struct lb_session_record *r = (const struct lb_session_record *)record;
	const struct lb *lb = (const struct lb *)sl_instance_data(instance);
	const char *name =
		name_of(atomic_load_explicit(&lb->plan, memory_order_acquire), r->backend);

	sl_lb_proto_text(out, r->proto);
	sl_lb_endpoint_text(out, "client", &r->client, r->client_port);
	sl_lb_endpoint_text(out, "address", &r->vip, r->vip_port);
	sl_json_text(out, "backend", name != NULL ? name : "(removed)");
	if (r->proto == IPPROTO_TCP)
		sl_json_text(out, "state", tcp_text(r->tcp));
	sl_json_real(out, "age", (double)r->age / (double)sl_hz());
	sl_json_real(out, "idle", (double)r->idle / (double)sl_hz());
	sl_json_int(out, "packets-in", (int64_t)r->packets_in);
	sl_json_int(out, "bytes-in", (int64_t)r->bytes_in);
	sl_json_int(out, "packets-out", (int64_t)r->packets_out);
	sl_json_int(out, "bytes-out", (int64_t)r->bytes_out);
	sl_json_int(out, "worker", r->worker);
}
