/* SPDX-License-Identifier: BSD-3-Clause */
/* NAPT44 as a node type: what it is made of, and how an instance is made and changed. */
#include <errno.h>

#include "nat.h"

static const struct sl_name reasons[] = {
	[NAT_MALFORMED] = {"malformed", "A header is damaged or cut short."},
	[NAT_BAD_CHECKSUM] = {"bad-checksum", "An ICMP error, or what it quotes, sums up wrong."},
	[NAT_FRAGMENT] = {"fragment", "A fragment that was not put together."},
	[NAT_UNSUPPORTED_PROTOCOL] = {"unsupported-protocol",
				      "Not TCP, UDP or ICMP, and not one-to-one."},
	[NAT_UNSUPPORTED_ICMP] = {"unsupported-icmp", "An ICMP type that is not translated."},
	[NAT_NOT_OURS] = {"not-ours", "From a source or to an address that is not translated."},
	[NAT_SPOOFED] = {"spoofed", "From outside with an outside address of ours as source."},
	[NAT_NO_MAPPING] = {"no-mapping", "No mapping for this address and port."},
	[NAT_FILTERED] = {"filtered", "From a remote that the mapping does not accept."},
	[NAT_NOT_SYN] = {"not-syn", "TCP without a session that does not begin one."},
	[NAT_HAIRPIN_OFF] = {"hairpin-off", "From inside to an outside address of ours."},
	[NAT_POOL_EXHAUSTED] = {"pool-exhausted", "No outside port is free."},
	[NAT_BLOCK_LIMIT] = {"block-limit", "The subscriber's blocks of ports are used up."},
	[NAT_MAPPING_LIMIT] = {"mapping-limit", "The subscriber has as many mappings as it may."},
	[NAT_SUBSCRIBER_LIMIT] = {"subscriber-limit", "The table of subscribers is full."},
	[NAT_SESSION_LIMIT] = {"session-limit",
			       "The table is full or the subscriber has as many as it may."},
	[NAT_TUPLE_IN_USE] = {"tuple-in-use",
			      "Another forward has a session with the same remote port."},
	[NAT_REASON_COUNT] = {NULL, NULL},
};

static const struct sl_name counters[] = {
	[NAT_TRANSLATED_OUT] = {"translated-out", "Packets whose source was translated."},
	[NAT_TRANSLATED_IN] = {"translated-in", "Packets whose destination was translated."},
	[NAT_HAIRPINNED] = {"hairpinned", "Packets turned round between inside hosts."},
	[NAT_PASSED] = {"passed", "Packets that went on untouched."},
	[NAT_ICMP_ERRORS] = {"icmp-errors", "ICMP errors translated."},
	[NAT_SESSIONS_MADE] = {"sessions-made", "Sessions made."},
	[NAT_SESSIONS_ENDED] = {"sessions-ended", "Sessions ended."},
	[NAT_MAPPINGS_MADE] = {"mappings-made", "Mappings made."},
	[NAT_MAPPINGS_ENDED] = {"mappings-ended", "Mappings ended."},
	[NAT_BLOCKS_MADE] = {"blocks-assigned", "Blocks of ports given to subscribers."},
	[NAT_BLOCKS_ENDED] = {"blocks-released", "Blocks of ports given back."},
	[NAT_PORTS_EARLY] = {"ports-early", "Ports reused before their hold was over."},
	[NAT_UNREACHABLES] = {"unreachables", "ICMP host unreachable sent to inside hosts."},
	[NAT_COUNTER_COUNT] = {NULL, NULL},
};

static const struct sl_name events[] = {
	[NAT_EVENT_MAPPING_CREATED] = {"mapping-created", "An inside endpoint got an outside one."},
	[NAT_EVENT_MAPPING_DELETED] = {"mapping-deleted", "It was given back."},
	[NAT_EVENT_BLOCK_ASSIGNED] = {"block-assigned", "A subscriber got a block of ports."},
	[NAT_EVENT_BLOCK_RELEASED] = {"block-released", "It was given back."},
	[NAT_EVENT_COUNT] = {NULL, NULL},
};

static uint64_t ticks(uint64_t nanoseconds)
{
	uint64_t hz = sl_hz();

	return nanoseconds / 1000000000 * hz + nanoseconds % 1000000000 * hz / 1000000000;
}

static uint64_t limit(uint64_t value)
{
	return value != 0 ? value : UINT64_MAX;
}

static struct nat_tuning *tuning_new(struct sl_instance *instance, const struct nat_params *p,
				     struct sl_errors *errors)
{
	struct nat_tuning *t = (struct nat_tuning *)sl_alloc(instance, sizeof(*t));

	if (t == NULL) {
		sl_fail(errors, ENOMEM, "no memory for the configuration");
		return NULL;
	}
	*t = (struct nat_tuning){
		.udp = ticks(p->udp_timeout),
		.udp_unreplied = ticks(p->udp_unreplied_timeout),
		.tcp_established = ticks(p->tcp_established_timeout),
		.tcp_transitory = ticks(p->tcp_transitory_timeout),
		.icmp = ticks(p->icmp_timeout),
		.port_hold = ticks(p->port_hold),
		.mappings_per_subscriber = limit(p->mappings_per_subscriber),
		.sessions_per_subscriber = limit(p->sessions_per_subscriber),
		.unreachable_gap = !p->unreachable ? 0 : RTE_MAX(sl_hz() / p->unreachable_rate, 1u),
		.refresh_inbound = p->refresh_inbound,
		.pass_others = p->others != 0,
		.log = (uint8_t)p->log,
	};
	return t;
}

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	struct nat *nat = (struct nat *)sl_instance_data(instance);
	struct nat_tuning *tuning;
	int ret;

	nat->params = (const struct nat_params *)config;
	nat->filter_state = nat->params->filtering == NAT_FILTER_ADDRESS;
	ret = sl_nat_layout_new(instance, nat->params, &nat->layout, errors);
	if (ret == 0)
		ret = sl_nat_directory_new(instance, nat, errors);
	if (ret != 0)
		return ret;
	tuning = tuning_new(instance, nat->params, errors);
	if (tuning == NULL)
		return -ENOMEM;
	atomic_store_explicit(&nat->tuning, tuning, memory_order_release);
	ret = sl_nat_layout_claim(instance, nat->layout);
	return ret == 0 ? 0 : sl_fail(errors, -ret, "cannot claim the outside addresses");
}

static bool same_list(const struct sl_list *a, const struct sl_list *b, size_t size)
{
	return a->count == b->count &&
	       (a->count == 0 || memcmp(a->items, b->items, a->count * size) == 0);
}

static bool same_forwards(const struct sl_list *a, const struct sl_list *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct nat_forward_params *x = SL_ITEM(a, struct nat_forward_params, i);
		const struct nat_forward_params *y = SL_ITEM(b, struct nat_forward_params, i);

		if (!same_list(&x->proto, &y->proto, sizeof(uint32_t)) ||
		    sl_addr_compare(&x->outside, &y->outside) != 0 ||
		    sl_addr_compare(&x->inside, &y->inside) != 0 ||
		    x->port.first != y->port.first || x->port.last != y->port.last ||
		    x->inside_port != y->inside_port)
			return false;
	}
	return true;
}

static bool same_ranges(const struct sl_addr_range *a, const struct sl_addr_range *b)
{
	return sl_addr_compare(&a->first, &b->first) == 0 &&
	       sl_addr_compare(&a->last, &b->last) == 0;
}

static bool same_pool(const struct sl_list *a, const struct sl_list *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (!same_ranges(SL_ITEM(a, struct sl_addr_range, i),
				 SL_ITEM(b, struct sl_addr_range, i)))
			return false;
	return true;
}

static bool same_pairs(const struct sl_list *a, const struct sl_list *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct nat_pair_params *x = SL_ITEM(a, struct nat_pair_params, i);
		const struct nat_pair_params *y = SL_ITEM(b, struct nat_pair_params, i);

		if (!same_ranges(&x->outside, &y->outside) || !same_ranges(&x->inside, &y->inside))
			return false;
	}
	return true;
}

static bool same_prefixes(const struct sl_list *a, const struct sl_list *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct sl_prefix *x = SL_ITEM(a, struct sl_prefix, i);
		const struct sl_prefix *y = SL_ITEM(b, struct sl_prefix, i);

		if (x->length != y->length || sl_addr_compare(&x->addr, &y->addr) != 0)
			return false;
	}
	return true;
}

/* Whether sessions can live on: all is the same but what struct nat_tuning holds. */
static bool same_shape(const struct nat_params *a, const struct nat_params *b)
{
	return same_prefixes(&a->inside, &b->inside) && same_prefixes(&a->except, &b->except) &&
	       same_pool(&a->pool, &b->pool) && same_forwards(&a->forward, &b->forward) &&
	       same_pairs(&a->one_to_one, &b->one_to_one) && a->ports.first == b->ports.first &&
	       a->ports.last == b->ports.last && a->filtering == b->filtering &&
	       a->hairpinning == b->hairpinning && a->preserve_port == b->preserve_port &&
	       a->preserve_parity == b->preserve_parity && a->pooling == b->pooling &&
	       a->block_size == b->block_size &&
	       a->blocks_per_subscriber == b->blocks_per_subscriber && a->sessions == b->sessions &&
	       a->subscribers == b->subscribers;
}

/* Timeouts, limits and the like change under live sessions; for anything else the engine has to
 * make a new instance, which -EOPNOTSUPP, without a message, says. */
static int configure(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	struct nat *nat = (struct nat *)sl_instance_data(instance);
	const struct nat_params *params = (const struct nat_params *)config;
	struct nat_tuning *tuning, *old;

	if (!same_shape(nat->params, params))
		return -EOPNOTSUPP;
	tuning = tuning_new(instance, params, errors);
	if (tuning == NULL)
		return -ENOMEM;
	old = atomic_load_explicit(&nat->tuning, memory_order_relaxed);
	atomic_store_explicit(&nat->params, params, memory_order_release);
	atomic_store_explicit(&nat->tuning, tuning, memory_order_release);
	sl_synchronize();
	sl_free(instance, old);
	return 0;
}

static const struct sl_node_type types[] = {
	{
		.name = "nat",
		.doc = "NAPT44 to RFC 4787, 5382, 5508 and 6888: many inside hosts share outside "
		       "IPv4 addresses.",
		.flags = SL_NODE_WHOLE_DATAGRAMS | SL_NODE_STATEFUL | SL_NODE_TRAILS |
			 SL_NODE_HANDS_OUT,
		.reasons = reasons,
		.counters = counters,
		.events = events,
		.params = sl_nat_params,
		.config_size = sizeof(struct nat_params),
		.instance_size = sizeof(struct nat),
		.state_size = sizeof(struct nat_worker),
		.check = sl_nat_check,
		.create = create,
		.configure = configure,
		.worker_init = sl_nat_worker_init,
		.process = sl_nat_process,
		.tick = sl_nat_tick,
		.tick_ms = 5,
		.spread = sl_nat_spread,
		.credit = sl_nat_credit,
		.knows = sl_nat_knows,
		.layout = 2,
		.adopt = configure,
		.state_version = NAT_STATE_VERSION,
		.export_state = sl_nat_export,
		.import_state = sl_nat_import,
		.commands = sl_nat_commands,
		.render_event = sl_nat_render_event,
	},
};

SL_PLUGIN("nat", "1.0", "BSD-3-Clause", "Network address and port translation of IPv4.", types);
