/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator can ask: services, backends, sessions; and change: drain, weight, clear. */
#include <errno.h>
#include <stdio.h>

#include "load_balancer.h"

/* How many slots one call of collect() looks at. */
#define MOST_VISITED 512

struct args {
	uint64_t given;
	const char *service, *backend;
	uint64_t weight;
	struct sl_addr client, address;
};

#define FIELD(name) offsetof(struct args, name)
#define SERVICE_ARG                                                           \
	{                                                                     \
		.name = "service", .kind = SL_TEXT, .offset = FIELD(service), \
		.doc = "Only those of this service."                          \
	}
#define BACKEND_ARG                                                         \
	{                                                                   \
		.name = "backend", .kind = SL_TEXT, .flags = SL_REQUIRED,   \
		.offset = FIELD(backend), .doc = "The name of the backend." \
	}

static const struct sl_param service_args[] = {SERVICE_ARG, {0}};
static const struct sl_param backend_args[] = {SERVICE_ARG, BACKEND_ARG, {0}};
static const struct sl_param weight_args[] = {
	SERVICE_ARG,
	BACKEND_ARG,
	{.name = "weight",
	 .kind = SL_UINT,
	 .flags = SL_REQUIRED,
	 .offset = FIELD(weight),
	 .max = 256,
	 .doc = "Its share of new sessions, against that of the others; 0: none."},
	{0},
};
static const struct sl_param session_args[] = {
	{.name = "client",
	 .kind = SL_ADDR,
	 .offset = FIELD(client),
	 .doc = "Only those of this client."},
	{.name = "address",
	 .kind = SL_ADDR,
	 .offset = FIELD(address),
	 .doc = "Only those at this virtual address."},
	{.name = "backend",
	 .kind = SL_TEXT,
	 .offset = FIELD(backend),
	 .doc = "Only those of the backend of this name."},
	{0},
};

static const struct lb_plan *plan_of(const struct sl_instance *instance)
{
	const struct lb *lb = (const struct lb *)sl_instance_data(instance);

	return atomic_load_explicit(&lb->plan, memory_order_acquire);
}

static bool wanted(const struct lb_service *service, const struct args *args)
{
	return args == NULL || args->service == NULL ||
	       strcmp(args->service, service->config->name) == 0;
}

static struct lb_tally sum(const struct sl_instance *instance, uint16_t slot)
{
	struct lb_tally all = {0};

	for (uint32_t i = 0; i < sl_instance_workers(instance); i++) {
		const struct lb_worker *w =
			(const struct lb_worker *)sl_instance_state(instance, i);
		const struct lb_tally *t;

		if (w == NULL)
			continue;
		t = &w->tallies[slot];
		all.active += sl_tally_read(&t->active);
		all.sessions += sl_tally_read(&t->sessions);
		all.packets_in += sl_tally_read(&t->packets_in);
		all.bytes_in += sl_tally_read(&t->bytes_in);
		all.packets_out += sl_tally_read(&t->packets_out);
		all.bytes_out += sl_tally_read(&t->bytes_out);
	}
	return all;
}

static void endpoint_text(struct sl_json *out, const char *key, const struct sl_addr *addr,
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

static void proto_text(struct sl_json *out, uint32_t proto)
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

static const char *const mode_words[] = {"dnat", "direct", "tunnel"};

/* ---- services ---- */

static int show_services(struct sl_instance *instance, const void *args, struct sl_json *out,
			 struct sl_errors *errors)
{
	const struct lb *lb = (const struct lb *)sl_instance_data(instance);
	const struct lb_plan *plan = plan_of(instance);
	struct sl_json *list = sl_json_array(out, "services");

	(void)args, (void)errors;
	for (uint32_t i = 0; i < plan->service_count; i++) {
		const struct lb_service *service = &plan->services[i];
		struct sl_json *item = sl_json_object(list, NULL);
		uint64_t active = 0;
		uint32_t up = 0;

		for (uint32_t j = 0; j < service->member_count; j++) {
			up += lb->servers[service->members[j].slot].state == LB_UP;
			active += sum(instance, service->members[j].slot).active;
		}
		sl_json_text(item, "name", service->config->name);
		endpoint_text(item, "address", &service->config->address, service->key.port);
		proto_text(item, service->config->proto);
		sl_json_text(item, "mode", mode_words[service->mode]);
		sl_json_int(item, "backends", service->member_count);
		sl_json_int(item, "up", up);
		sl_json_int(item, "sessions", (int64_t)active);
	}
	return 0;
}

/* ---- backends ---- */

static const char *state_text(const struct lb_server *server, uint64_t slow_start, uint64_t now)
{
	if (server->state == LB_CHECKING)
		return "checking";
	if (server->state == LB_DOWN)
		return "down";
	if (server->drained)
		return "draining";
	return now - server->since < slow_start ? "slow-start" : "up";
}

static void show_backend(struct sl_instance *instance, const struct lb_service *service,
			 const struct lb_member *member, struct sl_json *out)
{
	const struct lb *lb = (const struct lb *)sl_instance_data(instance);
	const struct lb_server *server = &lb->servers[member->slot];
	struct lb_tally all = sum(instance, member->slot);
	uint64_t now = sl_lb_clock();

	sl_json_text(out, "service", service->config->name);
	sl_json_text(out, "backend", member->name);
	sl_json_text(out, "state", state_text(server, service->config->slow_start, now));
	sl_json_int(out, "weight", (int64_t)server->weight);
	sl_json_real(out, "weight-now",
		     (double)sl_lb_weight(server, service->config->slow_start, now) / 16);
	sl_json_int(out, "sessions", (int64_t)all.active);
	sl_json_int(out, "sessions-made", (int64_t)all.sessions);
	sl_json_int(out, "packets-in", (int64_t)all.packets_in);
	sl_json_int(out, "bytes-in", (int64_t)all.bytes_in);
	sl_json_int(out, "packets-out", (int64_t)all.packets_out);
	sl_json_int(out, "bytes-out", (int64_t)all.bytes_out);
	sl_json_int(out, "checks", (int64_t)server->check.done);
	sl_json_int(out, "checks-failed", (int64_t)server->check.failed);
	sl_json_text(out, "last-check", server->check.result);
	sl_json_real(out, "since", (double)(now - server->since) / 1e9);
}

static int show_backends(struct sl_instance *instance, const void *args, struct sl_json *out,
			 struct sl_errors *errors)
{
	const struct lb_plan *plan = plan_of(instance);
	struct sl_json *list = sl_json_array(out, "backends");

	(void)errors;
	for (uint32_t i = 0; i < plan->service_count; i++) {
		const struct lb_service *service = &plan->services[i];

		if (!wanted(service, (const struct args *)args))
			continue;
		for (uint32_t j = 0; j < service->member_count; j++)
			show_backend(instance, service, &service->members[j],
				     sl_json_object(list, NULL));
	}
	return 0;
}

/* ---- drain, undrain, weight ---- */

enum change { DRAIN, UNDRAIN, WEIGHT };

static int change(struct sl_instance *instance, const struct args *args, struct sl_json *out,
		  struct sl_errors *errors, enum change what)
{
	struct lb *lb = (struct lb *)sl_instance_data(instance);
	const struct lb_plan *plan = plan_of(instance);
	unsigned int found = 0;
	struct sl_json *list;

	for (unsigned int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < plan->service_count; i++) {
			const struct lb_service *service = &plan->services[i];

			for (uint32_t j = 0; wanted(service, args) && j < service->member_count;
			     j++) {
				struct lb_server *server = &lb->servers[service->members[j].slot];

				if (strcmp(service->members[j].name, args->backend) != 0)
					continue;
				found++;
				if (what == WEIGHT)
					server->weight = args->weight;
				else
					server->drained = what == DRAIN;
				if (round == 1)
					show_backend(instance, service, &service->members[j],
						     sl_json_object(list, NULL));
			}
		}
		if (found == 0)
			return sl_fail(errors, ENOENT, "no backend has the name `%s`",
				       args->backend);
		if (round == 0) {
			sl_lb_apply(instance);
			list = sl_json_array(out, "backends");
		}
	}
	return 0;
}

static int drain(struct sl_instance *instance, const void *args, struct sl_json *out,
		 struct sl_errors *errors)
{
	return change(instance, (const struct args *)args, out, errors, DRAIN);
}

static int undrain(struct sl_instance *instance, const void *args, struct sl_json *out,
		   struct sl_errors *errors)
{
	return change(instance, (const struct args *)args, out, errors, UNDRAIN);
}

static int set_weight(struct sl_instance *instance, const void *args, struct sl_json *out,
		      struct sl_errors *errors)
{
	return change(instance, (const struct args *)args, out, errors, WEIGHT);
}

/* ---- sessions, clear ---- */

struct session_record {
	struct sl_addr client, vip;
	uint16_t client_port, vip_port;
	uint16_t backend, worker;
	uint32_t proto;
	uint64_t age, idle;
	uint64_t packets_in, bytes_in, packets_out, bytes_out;
	uint8_t tcp;
};

static void fill_session(struct lb_worker *w, enum lb_lane lane, uint32_t slot,
			 struct session_record *r)
{
	struct lb_table *table = &w->tables[lane];
	struct lb_flow *in = lb_flow(table, 2 * slot), *out = lb_flow(table, 2 * slot + 1);
	const union lb_key *key = (const union lb_key *)lb_flow_key(in);
	const struct lb_tail *tail = lb_flow_tail(in, lane);
	struct lb_session *s = &table->sessions[slot];
	uint64_t seen;

	sl_anchor_sync(w->node, &s->anchor);
	seen = RTE_MAX(s->created, RTE_MAX(in->seen, out->seen));
	*r = (struct session_record){
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

static bool matches(const struct lb_worker *w, const struct args *args,
		    const struct session_record *r)
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

static uint32_t visit(struct sl_node *node, const struct args *args, uint64_t *cursor,
		      struct session_record *records, uint32_t room, bool end)
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

static uint32_t collect_sessions(struct sl_node *node, const void *args, uint64_t *cursor,
				 void *records, uint32_t room)
{
	return visit(node, (const struct args *)args, cursor, (struct session_record *)records,
		     room, false);
}

static uint32_t clear_sessions(struct sl_node *node, const void *args, uint64_t *cursor,
			       void *records, uint32_t room)
{
	return visit(node, (const struct args *)args, cursor, (struct session_record *)records,
		     room, true);
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

static void render_session(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	const struct session_record *r = (const struct session_record *)record;
	const char *name = name_of(plan_of(instance), r->backend);

	proto_text(out, r->proto);
	endpoint_text(out, "client", &r->client, r->client_port);
	endpoint_text(out, "address", &r->vip, r->vip_port);
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

const struct sl_command sl_lb_commands[] = {
	{.name = "services",
	 .doc = "Virtual addresses, how many backends are up, sessions.",
	 .show = show_services},
	{.name = "backends",
	 .doc = "Backends: state, weight, sessions, packets each way, the last check.",
	 .args = service_args,
	 .args_size = sizeof(struct args),
	 .show = show_backends},
	{.name = "sessions",
	 .doc = "Sessions: client, backend, state, age, packets each way.",
	 .args = session_args,
	 .args_size = sizeof(struct args),
	 .record_size = sizeof(struct session_record),
	 .collect = collect_sessions,
	 .render = render_session},
	{.name = "drain",
	 .doc = "Give a backend no new sessions; those it has go on.",
	 .changes = true,
	 .args = backend_args,
	 .args_size = sizeof(struct args),
	 .show = drain},
	{.name = "undrain",
	 .doc = "Give it new sessions again.",
	 .changes = true,
	 .args = backend_args,
	 .args_size = sizeof(struct args),
	 .show = undrain},
	{.name = "weight",
	 .doc = "Change the weight of a backend.",
	 .changes = true,
	 .args = weight_args,
	 .args_size = sizeof(struct args),
	 .show = set_weight},
	{.name = "clear",
	 .doc = "End sessions, all or those that match; tells which.",
	 .changes = true,
	 .args = session_args,
	 .args_size = sizeof(struct args),
	 .record_size = sizeof(struct session_record),
	 .collect = clear_sessions,
	 .render = render_session},
	{0},
};

void sl_lb_render_event(struct sl_instance *instance, uint32_t event, const void *data,
			struct sl_json *out)
{
	const struct lb_event_data *d = (const struct lb_event_data *)data;
	char text[32];

	(void)instance, (void)event;
	if (d->addr.family != 0) {
		endpoint_text(out, "backend", &d->addr, d->port);
		return;
	}
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", d->mac[0], d->mac[1],
		 d->mac[2], d->mac[3], d->mac[4], d->mac[5]);
	sl_json_text(out, "backend", text);
}
