/* SPDX-License-Identifier: BSD-3-Clause */
/* What instances answer for (sl_claim_prefix()), told to the ports at the ends of their paths. */
#include <string.h>

#include <core/host/private.h>
#include <core/port/l3.h>

/* Call for each claim and the port that it concerns, until one returns other than 0. */
static int each_claim(const struct sl_generation *generation,
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

				if (generation->ports[port]->l3 == NULL)
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
	return each_claim(generation, add, errors);
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

	return each_claim(holder->generation, is_it, &search) != 0;
}

void sl_claims_only(const struct sl_generation *generation)
{
	for (unsigned int i = 0; i < generation->chain->port_count; i++) {
		struct holder holder = {.generation = generation, .port = generation->ports[i]};

		if (generation->ports[i]->l3 != NULL)
			sl_l3_claims_keep(generation->ports[i]->l3, is_claimed, &holder);
	}
}
