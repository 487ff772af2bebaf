/* SPDX-License-Identifier: BSD-3-Clause */
/* What instances answer for (sl_claim_prefix()), told to the ports at the ends of their paths. */
#include <errno.h>
#include <string.h>

#include <core/host/private.h>
#include <core/port/l3.h>

/* Call for each claim and the port that it concerns (addressed: that answers for it), until one
 * returns other than 0. */
static int each_claim(const struct sl_generation *generation, bool addressed,
		      int (*act)(void *context, struct sl_port *port,
				 const struct sl_instance *instance, const struct sl_claim *claim),
		      void *context)
{
	const struct sl_chain *chain = generation->chain;

	for (unsigned int p = 0; p < chain->path_count; p++) {
		const struct sl_chain_path *path = &chain->paths[p];

		for (unsigned int s = 0; s < path->stop_count; s++) {
			const struct sl_instance *instance = generation->vnfs[path->stops[s].vnf];

			for (uint32_t c = 0; c < instance->claim_count; c++) {
				const struct sl_claim *claim = &instance->claims[c];
				unsigned int port =
					claim->side == SL_INSIDE ? path->first : path->last;
				int err;

				if (addressed && generation->ports[port]->l3 == NULL)
					continue;
				err = act(context, generation->ports[port], instance, claim);
				if (err != 0)
					return err;
			}
		}
	}
	return 0;
}

static int add(void *context, struct sl_port *port, const struct sl_instance *instance,
	       const struct sl_claim *claim)
{
	int err = sl_l3_claim(port->l3, &claim->prefix);

	if (err == 0)
		return 0;
	return sl_fail(context, -err, "port %s: cannot answer for an address of %s: %s", port->name,
		       instance->name, strerror(-err));
}

int sl_claims_add(const struct sl_generation *generation, struct sl_errors *errors)
{
	return each_claim(generation, true, add, errors);
}

static bool overlap(const struct sl_prefix *a, const struct sl_prefix *b)
{
	const struct sl_prefix *wide = a->length < b->length ? a : b;
	const struct sl_prefix *other = wide == a ? b : a;

	return sl_prefix_contains(wide, &other->addr);
}

/* An instance of the old chain, and what of the new one is looked for. */
struct rival {
	const struct sl_generation *generation;
	const struct sl_port *port;
	const struct sl_instance *instance;
	const struct sl_claim *claim;
	struct sl_errors *errors;
};

static enum sl_part part_of(const struct sl_generation *generation,
			    const struct sl_instance *instance)
{
	for (unsigned int i = 0; i < generation->chain->vnf_count; i++)
		if (generation->vnfs[i] == instance)
			return generation->chain->vnfs[i].part;
	return SL_PART_BOTH;
}

static int rivals(void *context, struct sl_port *port, const struct sl_instance *instance,
		  const struct sl_claim *claim)
{
	const struct rival *old = context;

	if (port != old->port || claim->side != old->claim->side ||
	    (instance->type->flags & SL_NODE_HANDS_OUT) == 0 ||
	    part_of(old->generation, instance) != SL_PART_NEW ||
	    !overlap(&claim->prefix, &old->claim->prefix))
		return 0;
	return sl_fail(old->errors, EINVAL,
		       "vnf `%s` would hand out ports of addresses that the old one of `%s` still "
		       "hands out while it drains; give it others, or apply it without --drain",
		       instance->name, old->instance->name);
}

static int find_rivals(void *context, struct sl_port *port, const struct sl_instance *instance,
		       const struct sl_claim *claim)
{
	struct rival *old = context;

	if ((instance->type->flags & SL_NODE_HANDS_OUT) == 0 ||
	    part_of(old->generation, instance) != SL_PART_OLD)
		return 0;
	old->port = port;
	old->instance = instance;
	old->claim = claim;
	return each_claim(old->generation, false, rivals, old);
}

int sl_claims_check(const struct sl_generation *generation, struct sl_errors *errors)
{
	struct rival old = {.generation = generation, .errors = errors};

	return each_claim(generation, false, find_rivals, &old);
}

/* A claim of a port that is looked for. */
struct search {
	const struct sl_port *port;
	const struct sl_prefix *prefix;
};

static int is_it(void *context, struct sl_port *port, const struct sl_instance *instance,
		 const struct sl_claim *claim)
{
	const struct search *search = context;

	return port == search->port && claim->prefix.length == search->prefix->length &&
	       sl_addr_compare(&claim->prefix.addr, &search->prefix->addr) == 0;
}

/* One port of a generation. */
struct holder {
	const struct sl_generation *generation;
	const struct sl_port *port;
};

static bool is_claimed(void *context, const struct sl_prefix *prefix)
{
	const struct holder *holder = context;
	struct search search = {.port = holder->port, .prefix = prefix};

	return each_claim(holder->generation, true, is_it, &search) != 0;
}

void sl_claims_only(const struct sl_generation *generation)
{
	for (unsigned int i = 0; i < generation->chain->port_count; i++) {
		struct holder holder = {.generation = generation, .port = generation->ports[i]};

		if (generation->ports[i]->l3 != NULL)
			sl_l3_claims_keep(generation->ports[i]->l3, is_claimed, &holder);
	}
}
