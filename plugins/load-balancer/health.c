/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When backends are checked, and what follows. All of it on the main thread, a slice at a time:
 * no check ever waits for its socket.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "load_balancer.h"

/* How many checks one call begins: a socket and a connect() are some tens of microseconds. */
#define MOST_STARTED 32

static bool probe_wanted(const struct lb_config *config, unsigned int family)
{
	for (uint32_t i = 0; i < config->services.count; i++) {
		const struct lb_service_config *s =
			SL_ITEM(&config->services, struct lb_service_config, i);

		if ((s->given & LB_GIVEN_HEALTH) == 0 || s->health.kind != LB_PROBE_ICMP)
			continue;
		for (uint32_t j = 0; j < s->backends.count; j++) {
			const struct lb_backend_config *b =
				SL_ITEM(&s->backends, struct lb_backend_config, j);
			uint8_t have = b->check_address.family != 0 ? b->check_address.family
								    : b->address.family;

			if ((have == SL_FAMILY_IPV6) == (family == 1))
				return true;
		}
	}
	return false;
}

int sl_lb_health_open(struct sl_instance *instance, const struct lb_config *config,
		      struct sl_errors *errors)
{
	struct lb *lb = (struct lb *)sl_instance_data(instance);

	if (lb->probes == NULL) {
		lb->probes = (struct lb_probes *)sl_alloc(instance, sizeof(struct lb_probes));
		if (lb->probes == NULL)
			return sl_fail(errors, ENOMEM, "no memory for checks");
		lb->probes->icmp[0] = lb->probes->icmp[1] = -1;
	}
	for (unsigned int i = 0; i < 2; i++) {
		int ret = 0;

		if (lb->probes->icmp[i] < 0 && probe_wanted(config, i))
			ret = sl_lb_probe_open(lb->probes, i == 1, errors);
		if (ret != 0)
			return ret;
	}
	return 0;
}

void sl_lb_health_stop(struct lb *lb, uint16_t slot)
{
	struct lb_check *check = &lb->servers[slot].check;

	if (check->fd >= 0)
		close(check->fd);
	check->fd = -1;
	check->deadline = 0;
}

void sl_lb_health_close(struct sl_instance *instance)
{
	struct lb *lb = (struct lb *)sl_instance_data(instance);

	for (uint16_t i = 0; lb->servers != NULL && i < LB_SLOTS; i++)
		if (lb->servers[i].used)
			sl_lb_health_stop(lb, i);
	if (lb->probes != NULL)
		sl_lb_probe_close(lb->probes);
}

void sl_lb_health_begin(struct lb *lb, const struct lb_service *service,
			const struct lb_member *member)
{
	struct lb_server *server = &lb->servers[member->slot];

	sl_lb_health_stop(lb, member->slot);
	if ((service->config->given & LB_GIVEN_HEALTH) == 0) {
		snprintf(server->check.result, sizeof(server->check.result), "not checked");
		server->check.due = 0;
		sl_lb_set_state(lb, member->slot, LB_UP);
		return;
	}
	/* The first check at once; afterwards each backend keeps its own beat. */
	if (server->check.due == 0)
		server->check.due = sl_lb_clock();
}

static struct lb_probe_target target_of(const struct lb_service *service,
					const struct lb_member *member)
{
	const struct lb_service_config *s = service->config;
	const struct lb_backend_config *b = member->config;
	uint64_t port = b->check_port != 0    ? b->check_port
			: s->health.port != 0 ? s->health.port
			: b->port != 0        ? b->port
					      : s->port;

	return (struct lb_probe_target){
		.health = &s->health,
		.addr = b->check_address.family != 0 ? b->check_address : b->address,
		.port = (uint16_t)port,
		.slot = member->slot,
	};
}

/* A check has ended: what that makes of the backend. */
static void judge(struct lb *lb, const struct lb_health_config *health, uint16_t slot, bool good)
{
	struct lb_server *server = &lb->servers[slot];
	struct lb_check *check = &server->check;

	if (check->fd >= 0)
		close(check->fd);
	check->fd = -1;
	check->deadline = 0;
	check->done++;
	check->failed += !good;
	check->good = good ? check->good + 1 : 0;
	check->bad = good ? 0 : check->bad + 1;
	if (good && server->state != LB_UP &&
	    (server->state == LB_CHECKING || check->good >= health->rise))
		sl_lb_set_state(lb, slot, LB_UP);
	else if (!good && server->state != LB_DOWN &&
		 (server->state == LB_CHECKING || check->bad >= health->fall))
		sl_lb_set_state(lb, slot, LB_DOWN);
}

static void check_member(struct lb *lb, const struct lb_service *service,
			 const struct lb_member *member, uint64_t now, unsigned int *started)
{
	struct lb_check *check = &lb->servers[member->slot].check;
	struct lb_probe_target target = target_of(service, member);
	enum lb_probe_result result;

	if (check->deadline == 0) {
		if (now < check->due || *started == MOST_STARTED)
			return;
		(*started)++;
		check->due += target.health->interval;
		if (check->due < now) /* it was held up: do not catch up */
			check->due = now + target.health->interval;
		check->deadline = now + target.health->timeout;
		result = sl_lb_probe_start(lb->probes, &target, check);
	} else {
		result = sl_lb_probe_go_on(&target, check);
		if (result == LB_PROBE_BUSY && now >= check->deadline) {
			snprintf(check->result, sizeof(check->result), "no answer in time");
			result = LB_PROBE_BAD;
		}
	}
	if (result != LB_PROBE_BUSY)
		judge(lb, target.health, member->slot, result == LB_PROBE_GOOD);
}

/* Echo replies, which come by one socket for all. */
static void take_replies(struct lb *lb)
{
	for (unsigned int family = 0; family < 2; family++) {
		uint16_t slot, sequence;

		for (unsigned int i = 0; i < LB_MOST_BACKENDS; i++) {
			if (!sl_lb_probe_reply(lb->probes, family, &slot, &sequence))
				break;
			if (slot < LB_SLOTS && lb->servers[slot].check.deadline != 0 &&
			    lb->servers[slot].check.sequence == sequence)
				lb->servers[slot].check.phase = 1;
		}
	}
}

void sl_lb_poll(struct sl_instance *instance)
{
	struct lb *lb = (struct lb *)sl_instance_data(instance);
	const struct lb_plan *plan = atomic_load_explicit(&lb->plan, memory_order_relaxed);
	uint64_t now = sl_lb_clock();
	unsigned int started = 0;

	take_replies(lb);
	for (uint32_t i = 0; i < plan->service_count; i++) {
		const struct lb_service *service = &plan->services[i];

		if ((service->config->given & LB_GIVEN_HEALTH) == 0)
			continue;
		for (uint32_t j = 0; j < service->member_count; j++)
			check_member(lb, service, &service->members[j], now, &started);
	}
	sl_lb_apply(instance);
}
