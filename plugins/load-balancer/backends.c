/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Backends on the main thread: which of them take new sessions and with what weight, the lookup
 * tables that follow from it, and the end of those that die.
 */
#include <errno.h>
#include <time.h>

#include "load_balancer.h"

/* Weights are counted in so many parts, and a slow start has as many steps. */
#define PARTS 16

uint64_t sl_lb_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t sl_lb_weight(const struct lb_server *server, uint64_t slow_start, uint64_t now)
{
	uint64_t part = PARTS;

	if (server->state != LB_UP || server->drained)
		return 0;
	if (now - server->since < slow_start)
		part = (now - server->since) * PARTS / slow_start + 1;
	return server->weight * part;
}

void sl_lb_set_state(struct lb *lb, uint16_t slot, enum lb_state state)
{
	struct lb_server *server = &lb->servers[slot];

	if (server->state == state)
		return;
	if (server->state == LB_UP && state == LB_DOWN)
		server->dying = lb->dying = true;
	server->state = (uint8_t)state;
	server->since = sl_lb_clock();
	server->changes++;
	atomic_store_explicit(&lb->backends[slot].state, (uint8_t)state, memory_order_release);
	atomic_fetch_add_explicit(&lb->changes, 1, memory_order_release);
}

int sl_lb_table_new(struct sl_instance *instance, const struct lb_plan *plan,
		    struct lb_service *service, uint64_t now, const uint16_t **table)
{
	struct lb *lb = (struct lb *)sl_instance_data(instance);
	uint32_t room = RTE_MAX(service->member_count, 1u), count = 0;
	struct work {
		uint64_t credit;
		struct lb_maglev_member member;
		uint32_t next;
	};
	struct lb_maglev_member *members;
	uint64_t *credit;
	uint32_t *next;
	uint16_t *entries;
	uint8_t *work;

	work = (uint8_t *)sl_alloc(instance, room * sizeof(struct work));
	members = (struct lb_maglev_member *)work;
	for (uint32_t i = 0; i < service->member_count; i++) {
		struct lb_member *member = &service->members[i];

		member->built =
			sl_lb_weight(&lb->servers[member->slot], service->config->slow_start, now);
		if (member->built != 0 && members != NULL)
			members[count++] = (struct lb_maglev_member){
				.identity = member->identity,
				.weight = member->built,
				.slot = member->slot,
			};
		atomic_store_explicit(&lb->backends[member->slot].open, member->built != 0,
				      memory_order_relaxed);
	}
	*table = NULL;
	if (work == NULL)
		return -ENOMEM;
	credit = (uint64_t *)(members + room);
	next = (uint32_t *)(credit + room);
	if (count > 0) {
		entries = (uint16_t *)sl_alloc(instance, plan->table_size * sizeof(*entries));
		if (entries == NULL) {
			sl_free(instance, work);
			return -ENOMEM;
		}
		sl_lb_maglev_fill(entries, plan->table_size, members, count, next, credit);
		*table = entries;
	}
	sl_free(instance, work);
	return 0;
}

static bool out_of_date(const struct lb *lb, const struct lb_service *service, uint64_t now)
{
	for (uint32_t i = 0; i < service->member_count; i++) {
		const struct lb_member *member = &service->members[i];

		if (member->built !=
		    sl_lb_weight(&lb->servers[member->slot], service->config->slow_start, now))
			return true;
	}
	return false;
}

/* Sessions of the slot are over, from the next packet on. */
static void end_epoch(struct lb *lb, uint16_t slot)
{
	lb->servers[slot].dying = false;
	atomic_store_explicit(&lb->backends[slot].open, 0, memory_order_relaxed);
	atomic_fetch_add_explicit(&lb->backends[slot].epoch, 1, memory_order_release);
	atomic_fetch_add_explicit(&lb->deaths, 1, memory_order_release);
}

/* Replace lookup tables that are out of date, a few of them. Returns how many. */
static unsigned int replace_tables(struct sl_instance *instance, uint64_t now)
{
	struct lb *lb = (struct lb *)sl_instance_data(instance);
	struct lb_plan *plan = atomic_load_explicit(&lb->plan, memory_order_relaxed);
	const uint16_t *old[16];
	unsigned int replaced = 0;

	for (uint32_t i = 0; i < plan->service_count && replaced < RTE_DIM(old); i++) {
		struct lb_service *service = &plan->services[i];
		const uint16_t *table;

		if (!out_of_date(lb, service, now))
			continue;
		/* Without memory for another table nobody is found: better than the dead. */
		if (sl_lb_table_new(instance, plan, service, now, &table) != 0)
			table = NULL;
		old[replaced++] =
			atomic_exchange_explicit(&service->table, table, memory_order_acq_rel);
	}
	if (replaced > 0)
		sl_synchronize();
	for (unsigned int i = 0; i < replaced; i++)
		sl_free(instance, (void *)(uintptr_t)old[i]);
	return replaced;
}

/*
 * The order matters: first no lookup gives the dead backend any more, on any worker; then its
 * sessions are over, so that what they send is looked up anew; then fused flows are walked again,
 * and find that out.
 */
void sl_lb_apply(struct sl_instance *instance)
{
	struct lb *lb = (struct lb *)sl_instance_data(instance);
	uint64_t now = sl_lb_clock();

	while (replace_tables(instance, now) > 0)
		;
	if (!lb->dying)
		return;
	lb->dying = false;
	for (uint16_t i = 0; i < LB_SLOTS; i++)
		if (lb->servers[i].used && lb->servers[i].dying)
			end_epoch(lb, i);
	sl_unfuse(instance);
}

void sl_lb_retire(struct lb *lb, const struct lb_plan *plan, const struct lb_plan *next)
{
	for (uint32_t i = 0; i < plan->service_count; i++) {
		for (uint32_t j = 0; j < plan->services[i].member_count; j++) {
			uint16_t slot = plan->services[i].members[j].slot;
			bool stays = false;

			for (uint32_t k = 0; k < next->service_count && !stays; k++)
				for (uint32_t l = 0; l < next->services[k].member_count; l++)
					stays |= next->services[k].members[l].slot == slot;
			if (stays)
				continue;
			sl_lb_health_stop(lb, slot);
			end_epoch(lb, slot);
			lb->servers[slot].used = false;
		}
	}
}
