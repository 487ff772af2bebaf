/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator can ask: services, backends, sessions; and change: drain, weight, clear. The
 * sessions themselves are listed in listing.c. */
#include <errno.h>
#include <stdio.h>

#include "load_balancer.h"

#define ARG(name) offsetof(struct lb_args, name)
#define SERVICE_ARG                                                         \
	{                                                                   \
		.name = "service", .kind = SL_TEXT, .offset = ARG(service), \
		.doc = "Only those of this service."                        \
	}
#define BACKEND_ARG                                                                               \
	{                                                                                         \
		.name = "backend", .kind = SL_TEXT, .flags = SL_REQUIRED, .offset = ARG(backend), \
		.doc = "The name of the backend."                                                 \
	}

static const struct sl_param service_args[] = {SERVICE_ARG, {0}};
static const struct sl_param backend_args[] = {SERVICE_ARG, BACKEND_ARG, {0}};
static const struct sl_param weight_args[] = {
	SERVICE_ARG,
	BACKEND_ARG,
	{.name = "weight",
	 .kind = SL_UINT,
	 .flags = SL_REQUIRED,
	 .offset = ARG(weight),
	 .max = 256,
	 .doc = "Its share of new sessions, against that of the others; 0: none."},
	{0},
};
static const struct sl_param session_args[] = {
	{.name = "client",
	 .kind = SL_ADDR,
	 .offset = ARG(client),
	 .doc = "Only those of this client."},
	{.name = "address",
	 .kind = SL_ADDR,
	 .offset = ARG(address),
	 .doc = "Only those at this virtual address."},
	{.name = "backend",
	 .kind = SL_TEXT,
	 .offset = ARG(backend),
	 .doc = "Only those of the backend of this name."},
	{0},
};

static const struct lb_plan *plan_of(const struct sl_instance *instance)
{
	const struct lb *lb = (const struct lb *)sl_instance_data(instance);

	return atomic_load_explicit(&lb->plan, memory_order_acquire);
}

static bool wanted(const struct lb_service *service, const struct lb_args *args)
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
		sl_lb_endpoint_text(item, "address", &service->config->address, service->key.port);
		sl_lb_proto_text(item, service->config->proto);
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

/* Members stand in another order than in the file. */
static const struct lb_member *member_in_file(const struct lb_service *service, uint32_t i)
{
	const struct lb_backend_config *config =
		SL_ITEM(&service->config->backends, struct lb_backend_config, i);
	const struct lb_member *member = service->members;

	while (member->config != config)
		member++;
	return member;
}

static int show_backends(struct sl_instance *instance, const void *args, struct sl_json *out,
			 struct sl_errors *errors)
{
	const struct lb_plan *plan = plan_of(instance);
	struct sl_json *list = sl_json_array(out, "backends");

	(void)errors;
	for (uint32_t i = 0; i < plan->service_count; i++) {
		const struct lb_service *service = &plan->services[i];

		if (!wanted(service, (const struct lb_args *)args))
			continue;
		for (uint32_t j = 0; j < service->member_count; j++)
			show_backend(instance, service, member_in_file(service, j),
				     sl_json_object(list, NULL));
	}
	return 0;
}

/* ---- drain, undrain, weight ---- */

enum change { DRAIN, UNDRAIN, WEIGHT };

static int change(struct sl_instance *instance, const struct lb_args *args, struct sl_json *out,
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
	return change(instance, (const struct lb_args *)args, out, errors, DRAIN);
}

static int undrain(struct sl_instance *instance, const void *args, struct sl_json *out,
		   struct sl_errors *errors)
{
	return change(instance, (const struct lb_args *)args, out, errors, UNDRAIN);
}

static int set_weight(struct sl_instance *instance, const void *args, struct sl_json *out,
		      struct sl_errors *errors)
{
	return change(instance, (const struct lb_args *)args, out, errors, WEIGHT);
}

const struct sl_command sl_lb_commands[] = {
	{.name = "services",
	 .doc = "Virtual addresses, how many backends are up, sessions.",
	 .show = show_services},
	{.name = "backends",
	 .doc = "Backends: state, weight, sessions, packets each way, the last check.",
	 .args = service_args,
	 .args_size = sizeof(struct lb_args),
	 .show = show_backends},
	{.name = "sessions",
	 .doc = "Sessions: client, backend, state, age, packets each way.",
	 .args = session_args,
	 .args_size = sizeof(struct lb_args),
	 .record_size = sizeof(struct lb_session_record),
	 .collect = sl_lb_collect_sessions,
	 .render = sl_lb_render_session},
	{.name = "drain",
	 .doc = "Give a backend no new sessions; those it has go on.",
	 .changes = true,
	 .args = backend_args,
	 .args_size = sizeof(struct lb_args),
	 .show = drain},
	{.name = "undrain",
	 .doc = "Give it new sessions again.",
	 .changes = true,
	 .args = backend_args,
	 .args_size = sizeof(struct lb_args),
	 .show = undrain},
	{.name = "weight",
	 .doc = "Change the weight of a backend.",
	 .changes = true,
	 .args = weight_args,
	 .args_size = sizeof(struct lb_args),
	 .show = set_weight},
	{.name = "clear",
	 .doc = "End sessions, all or those that match; tells which.",
	 .changes = true,
	 .args = session_args,
	 .args_size = sizeof(struct lb_args),
	 .record_size = sizeof(struct lb_session_record),
	 .collect = sl_lb_clear_sessions,
	 .render = sl_lb_render_session},
	{0},
};

void sl_lb_render_event(struct sl_instance *instance, uint32_t event, const void *data,
			struct sl_json *out)
{
	const struct lb_event_data *d = (const struct lb_event_data *)data;
	char text[32];

	(void)instance, (void)event;
	if (d->addr.family != 0) {
		sl_lb_endpoint_text(out, "backend", &d->addr, d->port);
		return;
	}
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", d->mac[0], d->mac[1],
		 d->mac[2], d->mac[3], d->mac[4], d->mac[5]);
	sl_json_text(out, "backend", text);
}
