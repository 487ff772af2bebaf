/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which worker runs what. A VNF with `cores` has those workers, and they are its own: the rest of
 * the chain runs on the others, from the port to the port, where there are any. What stands at
 * the ports keeps no state that sessions need, so it runs wherever packets come by.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <core/host/private.h>

static int worker_on(const struct sl_host_config *config, unsigned int core)
{
	for (unsigned int i = 0; i < config->worker_count; i++)
		if (config->worker_cores[i] == core)
			return (int)i;
	return -1;
}

static void no_such_worker(const struct sl_host_config *config, struct sl_place place,
			   const char *what, const char *name, unsigned int core,
			   struct sl_errors *errors)
{
	char cores[256] = "";
	size_t length = 0;

	for (unsigned int i = 0; i < config->worker_count && length < sizeof(cores) - 16; i++)
		length += (size_t)snprintf(cores + length, sizeof(cores) - length, "%s%u",
					   i == 0 ? "" : ", ", config->worker_cores[i]);
	sl_fail_place(errors, EINVAL, place,
		      "%s `%s`: no worker runs on core %u; workers are on: %s (see `cores` in the "
		      "host file)",
		      what, name, core, cores);
}

static uint64_t all_workers(const struct sl_engine *engine)
{
	return engine->worker_count == 64 ? UINT64_MAX : (UINT64_C(1) << engine->worker_count) - 1;
}

static int place_vnfs(struct sl_placement *placement, const struct sl_host_config *config,
		      const struct sl_chain *chain, struct sl_errors *errors)
{
	uint64_t placed = 0;
	int err = 0;

	for (unsigned int i = 0; i < chain->vnf_count; i++) {
		const struct sl_chain_vnf *vnf = &chain->vnfs[i];

		for (unsigned int c = 0; c < vnf->core_count; c++) {
			int worker = worker_on(config, vnf->cores[c]);

			if (worker < 0) {
				no_such_worker(config, vnf->place, "vnf", vnf->name, vnf->cores[c],
					       errors);
				err = -EINVAL;
				continue;
			}
			placement->vnfs[i] |= UINT64_C(1) << worker;
		}
		placed |= placement->vnfs[i];
	}
	placement->chain = placement->all & ~placed;
	if (placement->chain == 0)
		placement->chain = placement->all;
	for (unsigned int i = 0; i < chain->vnf_count; i++)
		if (placement->vnfs[i] == 0)
			placement->vnfs[i] = placement->chain;
	return err;
}

static int place_port(struct sl_placement *placement, const struct sl_engine *engine,
		      const struct sl_chain_port *port, unsigned int index,
		      struct sl_errors *errors)
{
	const struct sl_list *cores = &port->config->cores;
	uint64_t chosen = 0;
	int err = 0;

	for (uint32_t i = 0; i < cores->count; i++) {
		const struct sl_span *span = SL_ITEM(cores, struct sl_span, i);

		for (uint32_t core = span->first; core <= span->last; core++) {
			int worker = worker_on(engine->config, core);

			if (worker >= 0) {
				chosen |= UINT64_C(1) << worker;
				continue;
			}
			no_such_worker(engine->config, port->place, "port", port->name, core,
				       errors);
			err = -EINVAL;
			break;
		}
	}
	placement->rx[index] = chosen != 0 ? chosen : placement->chain;
	return err;
}

/* A device with fewer Tx queues than there are workers is sent to by as many as it has queues
 * for; the others hand their packets to those. Ports start at different workers. */
static uint64_t senders(const struct sl_placement *placement, const struct sl_engine *engine,
			const struct sl_port *port)
{
	unsigned int index = port->index;
	uint64_t mask = 0;
	unsigned int found = 0;

	assert(engine->worker_count > 0);
	if (port->tx_queues >= engine->worker_count)
		return placement->all;
	for (unsigned int i = 0; found < port->tx_queues && i < 2 * engine->worker_count; i++) {
		uint64_t bit = UINT64_C(1) << (i + index) % engine->worker_count;

		/* Workers of placed VNFs have enough to do. */
		if ((mask & bit) || (i < engine->worker_count && !(placement->chain & bit)))
			continue;
		mask |= bit;
		found++;
	}
	return mask;
}

int sl_placement_choose(struct sl_placement *placement, const struct sl_engine *engine,
			const struct sl_chain *chain, struct sl_port *const *ports,
			struct sl_errors *errors)
{
	int err;

	*placement = (struct sl_placement){
		.all = all_workers(engine),
		.vnfs = calloc(chain->vnf_count + 1, sizeof(uint64_t)),
		.rx = calloc(chain->port_count + 1, sizeof(uint64_t)),
		.tx = calloc(chain->port_count + 1, sizeof(uint64_t)),
	};
	if (placement->vnfs == NULL || placement->rx == NULL || placement->tx == NULL)
		return sl_fail(errors, ENOMEM, "out of memory");
	err = place_vnfs(placement, engine->config, chain, errors);
	for (unsigned int i = 0; i < chain->port_count; i++) {
		int failed = place_port(placement, engine, &chain->ports[i], i, errors);

		err = err != 0 ? err : failed;
		placement->tx[i] = senders(placement, engine, ports[i]);
	}
	return err;
}

int sl_placement_vnfs(const struct sl_engine *engine, const struct sl_chain *chain, uint64_t *masks,
		      struct sl_errors *errors)
{
	struct sl_placement placement = {.all = all_workers(engine), .vnfs = masks};

	return place_vnfs(&placement, engine->config, chain, errors);
}

void sl_placement_free(struct sl_placement *placement)
{
	free(placement->vnfs);
	free(placement->rx);
	free(placement->tx);
}

uint64_t sl_placement_hop(const struct sl_placement *placement, const struct sl_plan_hop *hop)
{
	switch (hop->kind) {
	case SL_PLAN_VNF:
		return placement->vnfs[hop->vnf];
	case SL_PLAN_FUSE:
		return hop->rank == SL_PLAN_FUSE_INNER ? placement->vnfs[hop->vnf] : placement->all;
	case SL_PLAN_UNPIN:
	case SL_PLAN_PIN:
	case SL_PLAN_DRAIN:
		return placement->chain;
	case SL_PLAN_TX:
		return placement->tx[hop->port];
	case SL_PLAN_RX:
	case SL_PLAN_REASSEMBLE:
	case SL_PLAN_L3_IN:
	case SL_PLAN_SPREAD:
	case SL_PLAN_STEER:
	case SL_PLAN_L3_OUT:
	case SL_PLAN_FRAGMENT:
		break;
	}
	return placement->all;
}
