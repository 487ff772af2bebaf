/* SPDX-License-Identifier: BSD-3-Clause */
/* The load balancer as a node type: what it is made of, and how an instance is made and changed. */
#include <errno.h>

#include "load_balancer.h"

static const struct sl_name reasons[] = {
	[LB_MALFORMED] = {"malformed", "A header is damaged or cut short."},
	[LB_FRAGMENT] = {"fragment", "A fragment that was not put together."},
	[LB_UNSUPPORTED_PROTOCOL] = {"unsupported-protocol", "DNAT does not do UDP-Lite and DCCP."},
	[LB_NO_BACKEND] = {"no-backend", "No backend of the service takes new sessions."},
	[LB_NO_SESSION] = {"no-session", "Belongs to no session and cannot begin one."},
	[LB_TABLE_FULL] = {"table-full", "No room for a new session."},
	[LB_TUPLE_IN_USE] = {"tuple-in-use",
			     "The client has a session with the backend by another service."},
	[LB_UNRELATED] = {"unrelated", "An ICMP error about no session."},
	[LB_TOO_BIG] = {"too-big", "Longer than the tunnel takes, and may not be fragmented."},
	[LB_NO_HEADROOM] = {"no-headroom", "No room in the packet buffer for the outer header."},
	[LB_TUNNEL_ERROR] = {"tunnel-error",
			     "An ICMP error about a packet in a tunnel; its sender was told."},
	[LB_REASON_COUNT] = {NULL, NULL},
};

static const struct sl_name counters[] = {
	[LB_BALANCED] = {"balanced", "Packets of sessions to backends."},
	[LB_RETURNED] = {"returned", "Packets of sessions from backends."},
	[LB_PASSED] = {"passed", "Packets that went on untouched."},
	[LB_SESSIONS_MADE] = {"sessions-made", "Sessions made."},
	[LB_SESSIONS_ENDED] = {"sessions-ended", "Sessions ended."},
	[LB_STATELESS] = {"stateless", "Packets balanced without a session, the table being full."},
	[LB_ICMP_ERRORS] = {"icmp-errors", "ICMP errors about sessions, sent on."},
	[LB_ECHOES] = {"echo-replies", "Pings to virtual addresses answered."},
	[LB_REPLIES] = {"replies", "Resets and ICMP errors sent."},
	[LB_REPLIES_LIMITED] = {"replies-limited", "Those not sent because of `reject-rate`."},
	[LB_SOURCES_MADE] = {"sources-made", "Clients remembered for persistence."},
	[LB_SOURCES_EVICTED] = {"sources-evicted", "Clients forgotten to make room."},
	[LB_COUNTER_COUNT] = {NULL, NULL},
};

static const struct sl_name events[] = {
	[LB_EVENT_UP] = {"backend-up", "A backend came up."},
	[LB_EVENT_DOWN] = {"backend-down", "A backend went down; its sessions are over."},
	[LB_EVENT_COUNT] = {NULL, NULL},
};

static int claim(struct sl_instance *instance, const struct lb_config *config,
		 struct sl_errors *errors)
{
	enum sl_side clients = (enum sl_side)config->clients;
	enum sl_side backends = clients == SL_INSIDE ? SL_OUTSIDE : SL_INSIDE;

	for (uint32_t i = 0; i < config->services.count; i++) {
		const struct sl_addr *addr =
			&SL_ITEM(&config->services, struct lb_service_config, i)->address;
		struct sl_prefix vip = {*addr, addr->family == SL_FAMILY_IPV4 ? 32 : 128};
		int ret = sl_claim_prefix(instance, clients, &vip);

		if (ret != 0)
			return sl_fail_at(errors, addr, "the address cannot be claimed");
	}
	for (uint32_t i = 0; i < config->tunnel_source.count; i++) {
		const struct sl_addr *addr = SL_ITEM(&config->tunnel_source, struct sl_addr, i);
		struct sl_prefix end = {*addr, addr->family == SL_FAMILY_IPV4 ? 32 : 128};

		if (sl_claim_prefix(instance, backends, &end) != 0)
			return sl_fail_at(errors, addr, "the address cannot be claimed");
	}
	return 0;
}

static bool any_by_source(const struct lb_config *config)
{
	for (uint32_t i = 0; i < config->services.count; i++)
		if (SL_ITEM(&config->services, struct lb_service_config, i)->persistence != 0)
			return true;
	return false;
}

/* What no later configuration changes. */
static int make_fixed(struct sl_instance *instance, const struct lb_config *config,
		      struct sl_errors *errors)
{
	static const struct rte_ether_addr no_mac;
	struct lb *lb = (struct lb *)sl_instance_data(instance);

	lb->clients = (uint8_t)config->clients;
	lb->sessions = config->sessions;
	lb->sessions_ipv6 = config->sessions_ipv6;
	lb->sources = config->sources;
	lb->table_size = config->table_size;
	lb->spread_by_port = !any_by_source(config);
	lb->mtu = (uint32_t)config->mtu;
	lb->tunnel_ttl = (uint8_t)config->tunnel_ttl;
	lb->source_mac = config->source_mac;
	lb->has_source_mac = !rte_is_same_ether_addr(&config->source_mac, &no_mac);
	for (uint32_t i = 0; i < config->tunnel_source.count; i++) {
		const struct sl_addr *addr = SL_ITEM(&config->tunnel_source, struct sl_addr, i);

		lb->tunnel_source[addr->family == SL_FAMILY_IPV6] = *addr;
	}
	lb->backends =
		(struct lb_backend *)sl_alloc(instance, LB_SLOTS * sizeof(struct lb_backend));
	lb->servers = (struct lb_server *)sl_alloc(instance, LB_SLOTS * sizeof(struct lb_server));
	if (lb->backends == NULL || lb->servers == NULL)
		return sl_fail(errors, ENOMEM, "no memory for backends");
	return 0;
}

static void begin_checks(struct lb *lb, const struct lb_plan *plan, bool fresh_only)
{
	for (uint32_t i = 0; i < plan->service_count; i++)
		for (uint32_t j = 0; j < plan->services[i].member_count; j++)
			if (!fresh_only || plan->services[i].members[j].fresh)
				sl_lb_health_begin(lb, &plan->services[i],
						   &plan->services[i].members[j]);
}

static int create(struct sl_instance *instance, const void *data, struct sl_errors *errors)
{
	struct lb *lb = (struct lb *)sl_instance_data(instance);
	const struct lb_config *config = (const struct lb_config *)data;
	struct lb_plan *plan;
	int ret = make_fixed(instance, config, errors);

	if (ret == 0)
		ret = sl_lb_health_open(instance, config, errors);
	if (ret == 0)
		ret = claim(instance, config, errors);
	plan = ret == 0 ? sl_lb_plan_new(instance, config, errors) : NULL;
	if (plan == NULL) {
		sl_lb_health_close(instance);
		return ret != 0 ? ret : -ENOMEM;
	}
	atomic_store_explicit(&lb->plan, plan, memory_order_release);
	begin_checks(lb, plan, false);
	return 0;
}

static bool same_addrs(const struct lb *lb, const struct sl_list *list)
{
	uint32_t count = (lb->tunnel_source[0].family != 0) + (lb->tunnel_source[1].family != 0);

	for (uint32_t i = 0; i < list->count; i++) {
		const struct sl_addr *addr = SL_ITEM(list, struct sl_addr, i);

		if (sl_addr_compare(addr, &lb->tunnel_source[addr->family == SL_FAMILY_IPV6]) != 0)
			return false;
	}
	return list->count == count;
}

/* Whether sessions can live on: all else may change. */
static bool same_shape(const struct lb *lb, const struct lb_config *c)
{
	return lb->clients == c->clients && lb->sessions == c->sessions &&
	       lb->sessions_ipv6 == c->sessions_ipv6 && lb->sources == c->sources &&
	       lb->table_size == c->table_size && lb->mtu == c->mtu &&
	       lb->tunnel_ttl == c->tunnel_ttl &&
	       rte_is_same_ether_addr(&lb->source_mac, &c->source_mac) &&
	       same_addrs(lb, &c->tunnel_source) &&
	       /* A client's sessions must meet on one worker then. */
	       !(lb->spread_by_port && any_by_source(c));
}

/* What commands have set stays, unless the file now says something new. */
static void take_over_weights(struct lb *lb, const struct lb_plan *plan)
{
	for (uint32_t i = 0; i < plan->service_count; i++) {
		for (uint32_t j = 0; j < plan->services[i].member_count; j++) {
			const struct lb_member *member = &plan->services[i].members[j];
			struct lb_server *server = &lb->servers[member->slot];

			if (server->configured_weight != member->config->weight)
				server->weight = member->config->weight;
			if (server->configured_drain != member->config->drain)
				server->drained = member->config->drain;
			server->configured_weight = member->config->weight;
			server->configured_drain = member->config->drain;
		}
	}
}

/* Backends that stay keep their sessions and their state; -EOPNOTSUPP, without a message, says that
 * the engine has to make a new instance. */
static int configure(struct sl_instance *instance, const void *data, struct sl_errors *errors)
{
	struct lb *lb = (struct lb *)sl_instance_data(instance);
	const struct lb_config *config = (const struct lb_config *)data;
	struct lb_plan *old = atomic_load_explicit(&lb->plan, memory_order_relaxed), *plan;
	int ret;

	if (!same_shape(lb, config))
		return -EOPNOTSUPP;
	ret = sl_lb_health_open(instance, config, errors);
	if (ret == 0)
		ret = claim(instance, config, errors);
	if (ret != 0)
		return ret;
	plan = sl_lb_plan_new(instance, config, errors);
	if (plan == NULL)
		return -ENOMEM;
	atomic_store_explicit(&lb->plan, plan, memory_order_release);
	sl_synchronize();
	sl_lb_retire(lb, old, plan);
	sl_lb_plan_free(instance, old, false);
	take_over_weights(lb, plan);
	begin_checks(lb, plan, false);
	sl_lb_apply(instance);
	sl_unfuse(instance);
	return 0;
}

static void destroy(struct sl_instance *instance)
{
	sl_lb_health_close(instance);
}

static uint32_t share(uint64_t all, uint32_t workers)
{
	return (uint32_t)((all + workers - 1) / workers);
}

static int worker_init(struct sl_node *node, struct sl_errors *errors)
{
	struct lb_worker *w = (struct lb_worker *)node->state;
	struct sl_instance *instance = node->instance;
	struct lb *lb = (struct lb *)node->data;
	uint32_t workers = node->workers;
	uint64_t at;
	int ret;

	w->lb = lb;
	w->node = node;
	w->wheel_step = RTE_MAX(sl_hz() / 4, 1u);
	at = node->now != NULL ? sl_now(node) / w->wheel_step : 0;
	w->tallies = (struct lb_tally *)sl_alloc(instance, LB_SLOTS * sizeof(struct lb_tally));
	if (w->tallies == NULL)
		return sl_fail(errors, ENOMEM, "no memory for counters of backends");
	if (node->worker == 0) {
		w->states = (uint8_t *)sl_alloc(instance, LB_SLOTS);
		if (w->states == NULL)
			return sl_fail(errors, ENOMEM, "no memory for states of backends");
	}
	ret = sl_lb_table_init(&w->tables[LB_LANE4], instance, LB_LANE4,
			       share(lb->sessions, workers), at, errors);
	if (ret == 0)
		ret = sl_lb_table_init(&w->tables[LB_LANE6], instance, LB_LANE6,
				       share(lb->sessions_ipv6, workers), at, errors);
	if (ret == 0)
		ret = sl_lb_sources_init(&w->sources, instance, share(lb->sources, workers),
					 errors);
	return ret;
}

static const struct sl_node_type types[] = {
	{
		.name = "load-balancer",
		.doc = "Virtual addresses served by many backends: Maglev hashing, sticky "
		       "sessions, health checks.",
		.flags = SL_NODE_WHOLE_DATAGRAMS | SL_NODE_STATEFUL | SL_NODE_RESIZES |
			 SL_NODE_TRAILS,
		.reasons = reasons,
		.counters = counters,
		.events = events,
		.params = sl_lb_params,
		.config_size = sizeof(struct lb_config),
		.instance_size = sizeof(struct lb),
		.state_size = sizeof(struct lb_worker),
		.check = sl_lb_check,
		.create = create,
		.configure = configure,
		.layout = 2,
		.adopt = configure,
		.state_version = LB_STATE_VERSION,
		.export_state = sl_lb_export,
		.import_state = sl_lb_import,
		.destroy = destroy,
		.worker_init = worker_init,
		.process = sl_lb_process,
		.tick = sl_lb_tick,
		.tick_ms = 5,
		.poll = sl_lb_poll,
		.poll_ms = 10,
		.spread = sl_lb_spread,
		.credit = sl_lb_credit,
		.knows = sl_lb_knows,
		.commands = sl_lb_commands,
		.render_event = sl_lb_render_event,
	},
};

SL_PLUGIN("load-balancer", "1.0", "BSD-3-Clause", "Layer 4 load balancing of IPv4 and IPv6.",
	  types);
