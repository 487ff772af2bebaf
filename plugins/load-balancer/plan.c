/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A configuration compiled for the workers: services by key, addresses that matter, lookup tables.
 * Backends that the running plan has keep their slots, and so their sessions.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "load_balancer.h"

static uint64_t ticks(uint64_t nanoseconds)
{
	uint64_t hz = sl_hz();

	return nanoseconds / 1000000000 * hz + nanoseconds % 1000000000 * hz / 1000000000;
}

/* ---- Slots ---- */

static bool sessions_left(const struct sl_instance *instance, uint32_t slot)
{
	for (uint32_t i = 0; i < sl_instance_workers(instance); i++) {
		const struct lb_worker *w =
			(const struct lb_worker *)sl_instance_state(instance, i);

		if (w != NULL && sl_tally_read(&w->tallies[slot].active) != 0)
			return true;
	}
	return false;
}

static void slot_take(struct lb *lb, uint16_t slot, const struct lb_target *target)
{
	struct lb_server *server = &lb->servers[slot];
	struct lb_backend *backend = &lb->backends[slot];

	*server = (struct lb_server){.used = true, .target = *target, .check = {.fd = -1}};
	backend->mode = target->mode;
	backend->mac = target->mac;
	backend->port = target->port;
	backend->addr = target->addr;
	sl_lb_outer_init(lb, backend);
}

static bool same_target(const struct lb_target *a, const struct lb_target *b)
{
	return memcmp(&a->service, &b->service, sizeof(a->service)) == 0 && a->mode == b->mode &&
	       sl_addr_compare(&a->addr, &b->addr) == 0 && a->port == b->port &&
	       rte_is_same_ether_addr(&a->mac, &b->mac);
}

/* The slot of this target, or a new one. LB_NOBODY: there is none. */
static uint16_t slot_of(struct sl_instance *instance, const struct lb_target *target, bool *fresh)
{
	struct lb *lb = (struct lb *)sl_instance_data(instance);
	uint16_t vacant = LB_NOBODY;

	*fresh = false;
	for (uint16_t i = 0; i < LB_SLOTS; i++) {
		const struct lb_server *server = &lb->servers[i];

		if (server->used && same_target(&server->target, target))
			return i;
		if (vacant == LB_NOBODY && !server->used && !sessions_left(instance, i))
			vacant = i;
	}
	if (vacant != LB_NOBODY) {
		slot_take(lb, vacant, target);
		*fresh = true;
	}
	return vacant;
}

/* ---- Services ---- */

void sl_lb_service_key(struct lb_service_key *key, const struct sl_addr *addr, uint32_t proto,
		       uint16_t port)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->addr, addr->bytes, addr->family == SL_FAMILY_IPV4 ? 4 : 16);
	key->family = addr->family;
	key->proto = (uint16_t)proto;
	key->port = port;
}

static void make_target(struct lb_target *target, const struct lb_service *service,
			const struct lb_backend_config *config)
{
	memset(target, 0, sizeof(*target));
	target->service = service->key;
	target->mode = service->mode;
	if (service->mode == LB_DIRECT) {
		target->mac = config->mac;
		return;
	}
	target->addr = config->address;
	target->port = rte_cpu_to_be_16((uint16_t)config->port);
}

static void name_member(struct lb_member *member)
{
	const struct lb_backend_config *c = member->config;
	char text[SL_ADDR_TEXT];

	if (c->name != NULL)
		snprintf(member->name, sizeof(member->name), "%s", c->name);
	else if (c->address.family == 0)
		snprintf(member->name, sizeof(member->name), RTE_ETHER_ADDR_PRT_FMT,
			 RTE_ETHER_ADDR_BYTES(&c->mac));
	else if (c->port == 0)
		snprintf(member->name, sizeof(member->name), "%s",
			 sl_addr_format(&c->address, text));
	else
		snprintf(member->name, sizeof(member->name),
			 c->address.family == SL_FAMILY_IPV4 ? "%s:%u" : "[%s]:%u",
			 sl_addr_format(&c->address, text), (unsigned int)c->port);
	member->identity = sl_lb_identity(member->name);
}

/* Several balancers must fill their tables in the same order, whatever that of their files. */
static int order_of_members(const void *a, const void *b)
{
	const struct lb_member *x = (const struct lb_member *)a, *y = (const struct lb_member *)b;

	if (x->identity != y->identity)
		return x->identity < y->identity ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int make_members(struct sl_instance *instance, struct lb_service *service,
			struct sl_errors *errors)
{
	const struct sl_list *list = &service->config->backends;
	struct lb *lb = (struct lb *)sl_instance_data(instance);

	if (list->count == 0)
		return 0;
	service->members =
		(struct lb_member *)sl_alloc(instance, list->count * sizeof(struct lb_member));
	if (service->members == NULL)
		return sl_fail(errors, ENOMEM, "no memory for %u backends", list->count);
	for (uint32_t i = 0; i < list->count; i++) {
		struct lb_member *member = &service->members[i];
		struct lb_target target;

		member->config = SL_ITEM(list, struct lb_backend_config, i);
		name_member(member);
		make_target(&target, service, member->config);
		member->slot = slot_of(instance, &target, &member->fresh);
		if (member->slot == LB_NOBODY)
			return sl_fail(errors, EAGAIN,
				       "no room for backend `%s`: sessions of removed ones are "
				       "still being ended; try again",
				       member->name);
		service->member_count++;
		if (!member->fresh)
			continue;
		lb->servers[member->slot].weight = member->config->weight;
		lb->servers[member->slot].configured_weight = member->config->weight;
		lb->servers[member->slot].drained = member->config->drain;
		lb->servers[member->slot].configured_drain = member->config->drain;
		if ((service->config->given & LB_GIVEN_HEALTH) == 0)
			sl_lb_set_state(lb, member->slot, LB_UP);
	}
	qsort(service->members, service->member_count, sizeof(struct lb_member), order_of_members);
	return 0;
}

static int make_service(struct sl_instance *instance, struct lb_plan *plan, uint32_t i,
			struct sl_errors *errors)
{
	struct lb *lb = (struct lb *)sl_instance_data(instance);
	const struct lb_plan *old = atomic_load(&lb->plan);
	struct lb_service *service = &plan->services[i];
	const struct lb_service_config *config =
		SL_ITEM(&plan->config->services, struct lb_service_config, i);
	const uint16_t *table = NULL;
	int ret;

	sl_lb_service_key(&service->key, &config->address, config->proto,
			  rte_cpu_to_be_16((uint16_t)config->port));
	service->config = config;
	service->mode = (uint8_t)config->mode;
	service->by_source = config->persistence != 0;
	service->reject = config->no_backend != 0;
	service->id = UINT32_MAX;
	for (uint32_t j = 0; old != NULL && j < old->service_count; j++)
		if (memcmp(&old->services[j].key, &service->key, sizeof(service->key)) == 0)
			service->id = old->services[j].id;
	if (service->id == UINT32_MAX)
		service->id = lb->next_service++;
	ret = make_members(instance, service, errors);
	if (ret == 0 && sl_lb_table_new(instance, plan, service, sl_lb_clock(), &table) != 0)
		ret = sl_fail(errors, ENOMEM, "no memory for a lookup table of %u entries",
			      plan->table_size);
	atomic_store_explicit(&service->table, table, memory_order_relaxed);
	return ret;
}

/* ---- Addresses ---- */

static struct lb_place *place_of(struct lb_plan *plan, const struct sl_addr *addr)
{
	struct lb_place *place;

	for (uint32_t i = 0; i < plan->place_count; i++) {
		place = &plan->places[i];
		if (place->family == addr->family && memcmp(place->addr, addr->bytes, 16) == 0)
			return place;
	}
	place = &plan->places[plan->place_count++];
	place->family = addr->family;
	memcpy(place->addr, addr->bytes, addr->family == SL_FAMILY_IPV4 ? 4 : 16);
	return place;
}

static int make_places(struct sl_instance *instance, struct lb_plan *plan, struct sl_errors *errors)
{
	struct lb *lb = (struct lb *)sl_instance_data(instance);
	uint32_t most = plan->service_count + 2;

	for (uint32_t i = 0; i < plan->service_count; i++)
		most += plan->services[i].member_count;
	plan->places = (struct lb_place *)sl_alloc(instance, most * sizeof(struct lb_place));
	if (plan->places == NULL)
		return sl_fail(errors, ENOMEM, "no memory for %u addresses", most);
	for (uint32_t i = 0; i < plan->service_count; i++) {
		struct lb_service *service = &plan->services[i];
		struct lb_place *vip = place_of(plan, &service->config->address);

		if (!vip->vip)
			vip->service = i;
		vip->vip = true;
		for (uint32_t j = 0; service->mode == LB_DNAT && j < service->member_count; j++)
			place_of(plan, &service->members[j].config->address)->backend = true;
	}
	for (unsigned int i = 0; i < 2; i++)
		if (lb->tunnel_source[i].family != 0)
			place_of(plan, &lb->tunnel_source[i])->tunnel = true;
	return 0;
}

static struct sl_index *make_index(struct sl_instance *instance, const void *slots, size_t stride,
				   size_t offset, uint32_t count, struct sl_errors *errors)
{
	struct sl_index_shape shape = {
		.capacity = RTE_MAX(count, 1u),
		.key_size = 24,
		.slots = slots,
		.stride = stride,
		.key_offset = offset,
	};
	struct sl_index *index = sl_index_create(instance, &shape, errors);

	for (uint32_t i = 0; index != NULL && i < count; i++)
		sl_index_add(index, sl_index_hash((const uint8_t *)slots + i * stride + offset, 24),
			     i);
	return index;
}

static_assert(sizeof(struct lb_service_key) == 24, "a service's key is three words");

static int make_indexes(struct sl_instance *instance, struct lb_plan *plan,
			struct sl_errors *errors)
{
	plan->by_key = make_index(instance, plan->services, sizeof(struct lb_service),
				  offsetof(struct lb_service, key), plan->service_count, errors);
	plan->by_addr = make_index(instance, plan->places, sizeof(struct lb_place),
				   offsetof(struct lb_place, addr), plan->place_count, errors);
	return plan->by_key != NULL && plan->by_addr != NULL ? 0 : -ENOMEM;
}

const struct lb_place *sl_lb_place(const struct lb_plan *plan, uint8_t family, const void *addr)
{
	uint64_t key[3] = {0, 0, family};
	uint32_t slot;

	memcpy(key, addr, family == SL_L3_IPV4 ? 4 : 16);
	slot = sl_index_find(plan->by_addr, key, sl_index_hash(key, sizeof(key)));
	return slot != SL_NO_SLOT ? &plan->places[slot] : NULL;
}

struct lb_service *sl_lb_service(const struct lb_plan *plan, uint8_t family, const void *addr,
				 uint8_t proto, uint16_t port)
{
	struct {
		alignas(8) struct lb_service_key key;
	} k = {.key = {.family = family, .proto = proto, .port = port}};

	memcpy(k.key.addr, addr, family == SL_L3_IPV4 ? 4 : 16);
	for (unsigned int i = 0; i < 3; i++) {
		uint32_t slot =
			sl_index_find(plan->by_key, &k.key, sl_index_hash(&k.key, sizeof(k.key)));

		if (slot != SL_NO_SLOT)
			return &plan->services[slot];
		k.key.port = 0;
		if (i == 1)
			k.key.proto = LB_PROTO_ANY;
	}
	return NULL;
}

/* ---- The whole ---- */

struct lb_plan *sl_lb_plan_new(struct sl_instance *instance, const struct lb_config *config,
			       struct sl_errors *errors)
{
	struct lb_plan *plan = (struct lb_plan *)sl_alloc(instance, sizeof(*plan));
	int ret = 0;

	if (plan == NULL) {
		sl_fail(errors, ENOMEM, "no memory for the configuration");
		return NULL;
	}
	plan->config = config;
	plan->table_size = (uint32_t)config->table_size;
	for (unsigned int i = 0; i < LB_TIME_COUNT; i++)
		plan->timeouts[i] = ticks(config->timeouts[i]);
	plan->persistence_timeout = ticks(config->persistence_timeout);
	plan->reject_interval = RTE_MAX(sl_hz() / RTE_MAX(config->reject_rate, 1u), 1u);
	plan->echo = (uint8_t)config->echo;
	plan->pickup = config->pickup;
	plan->services = (struct lb_service *)sl_alloc(
		instance, RTE_MAX(config->services.count, 1u) * sizeof(struct lb_service));
	if (plan->services == NULL)
		ret = sl_fail(errors, ENOMEM, "no memory for %u services", config->services.count);
	for (uint32_t i = 0; i < config->services.count && ret == 0; i++) {
		plan->service_count++;
		ret = make_service(instance, plan, i, errors);
	}
	if (ret == 0)
		ret = make_places(instance, plan, errors);
	if (ret == 0)
		ret = make_indexes(instance, plan, errors);
	if (ret == 0)
		return plan;
	sl_lb_plan_free(instance, plan, true);
	return NULL;
}

void sl_lb_plan_free(struct sl_instance *instance, struct lb_plan *plan, bool never_used)
{
	struct lb *lb = (struct lb *)sl_instance_data(instance);

	for (uint32_t i = 0; i < plan->service_count; i++) {
		struct lb_service *service = &plan->services[i];

		for (uint32_t j = 0; never_used && j < service->member_count; j++)
			if (service->members[j].fresh)
				lb->servers[service->members[j].slot].used = false;
		sl_free(instance, (void *)(uintptr_t)atomic_load(&service->table));
		sl_free(instance, service->members);
	}
	sl_index_free(plan->by_key);
	sl_index_free(plan->by_addr);
	sl_free(instance, plan->places);
	sl_free(instance, plan->services);
	sl_free(instance, plan);
}
