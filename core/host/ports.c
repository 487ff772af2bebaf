/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports of the engine, over generations: a port that goes on stays open. */
#include <errno.h>
#include <stdlib.h>

#include <core/chain/merge.h>
#include <core/host/log.h>
#include <core/host/private.h>
#include <core/port/l3.h>

static bool goes_on(const struct sl_diff *diff, unsigned int i)
{
	return diff != NULL && diff->ports[i] != SL_NEW;
}

static bool swaps(const struct sl_diff *diff, unsigned int i)
{
	return diff != NULL && diff->swaps[i];
}

static int free_index(const struct sl_engine *engine)
{
	for (int i = 0; i < SL_MAX_PORTS; i++)
		if (engine->private->port_chains[i] == NULL)
			return i;
	return -1;
}

static void close_port(struct sl_engine *engine, struct sl_port *port)
{
	struct sl_chain *chain = engine->private->port_chains[port->index];

	engine->private->port_chains[port->index] = NULL;
	engine->private->links[port->index] = SL_LINK_UNKNOWN;
	sl_l3_free(port->l3);
	port->l3 = NULL;
	sl_port_stop(port);
	sl_port_close(port);
	sl_chain_free(chain);
}

static struct sl_port *open_port(struct sl_engine *engine, struct sl_chain *chain,
				 const struct sl_chain_port *config, struct sl_errors *errors)
{
	int index = free_index(engine);
	struct sl_port *port;

	if (index < 0) {
		sl_fail(errors, E2BIG, "port %s: more than %d ports are open", config->name,
			SL_MAX_PORTS);
		return NULL;
	}
	port = sl_port_open(config->name, (uint16_t)index, config->kind, config->kind_config,
			    config->config, engine->pool, (uint16_t)engine->config->worker_count,
			    errors);
	if (port == NULL)
		return NULL;
	engine->private->port_chains[index] = sl_chain_use(sl_merge_owner(chain));
	if (sl_punt_join(engine, port, errors) == 0 &&
	    (engine->private->starts_later || sl_port_start(port, errors) == 0))
		return port;
	close_port(engine, port);
	return NULL;
}

void sl_ports_abandon(struct sl_engine *engine, struct sl_port **ports,
		      const struct sl_chain *chain, const struct sl_diff *diff)
{
	struct sl_errors *errors = sl_errors_new();

	for (unsigned int i = 0; i < chain->port_count; i++)
		if (ports[i] != NULL && !goes_on(diff, i))
			close_port(engine, ports[i]);
	for (unsigned int i = 0; i < chain->port_count; i++) {
		struct sl_port *port;

		if (!swaps(diff, i))
			continue;
		port = engine->ports[diff->outgoing[i]];
		if (port->parked && sl_port_reopen(port, errors) != 0)
			sl_log(SL_LOG_ERROR,
			       "port %s: it was closed for another and does not open again: %s",
			       port->name,
			       errors != NULL && sl_errors_count(errors) > 0
				       ? sl_errors_get(errors, 0)->text
				       : "no memory");
	}
	sl_errors_free(errors);
	free(ports);
}

/* Those that stand on a device which must be closed before, or the others. */
static int open_some(struct sl_engine *engine, struct sl_chain *chain, const struct sl_diff *diff,
		     bool swapping, struct sl_port **ports, struct sl_errors *errors)
{
	for (unsigned int i = 0; i < chain->port_count; i++) {
		if (ports[i] != NULL || swaps(diff, i) != swapping)
			continue;
		if (swapping)
			sl_port_park(engine->ports[diff->outgoing[i]]);
		ports[i] = open_port(engine, chain, &chain->ports[i], errors);
		if (ports[i] == NULL)
			return -EIO;
	}
	return 0;
}

struct sl_port **sl_ports_open(struct sl_engine *engine, struct sl_chain *chain,
			       const struct sl_diff *diff, struct sl_errors *errors)
{
	struct sl_port **ports = calloc(chain->port_count + 1, sizeof(struct sl_port *));

	if (ports == NULL) {
		sl_fail(errors, ENOMEM, "out of memory");
		return NULL;
	}
	for (unsigned int i = 0; i < chain->port_count; i++)
		if (goes_on(diff, i))
			ports[i] = engine->ports[diff->ports[i]];
	/* Those that need nobody else's device first: less to undo when one does not open. */
	if (open_some(engine, chain, diff, false, ports, errors) == 0 &&
	    open_some(engine, chain, diff, true, ports, errors) == 0)
		return ports;
	sl_ports_abandon(engine, ports, chain, diff);
	return NULL;
}

int sl_ports_start(struct sl_engine *engine, struct sl_errors *errors)
{
	int err = 0;

	engine->private->starts_later = false;
	for (unsigned int i = 0; i < engine->port_count && err == 0; i++)
		if (!engine->ports[i]->started)
			err = sl_port_start(engine->ports[i], errors);
	return err;
}

static bool is_among(const struct sl_port *port, struct sl_port *const *ports, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (ports[i] == port)
			return true;
	return false;
}

/* What waits for a neighbour there is lost with it. */
static void keep_ledger(struct sl_engine *engine, const struct sl_port *port)
{
	struct sl_ledger ledger;

	if (port->l3 == NULL)
		return;
	sl_l3_ledger(port->l3, &ledger);
	ledger.dropped += ledger.held;
	ledger.held = 0;
	sl_past_add_ledger(&engine->private->gone_main, &ledger);
}

void sl_ports_commit(struct sl_engine *engine, struct sl_port **ports, unsigned int count)
{
	while (sl_punt_take(engine) > 0)
		;
	for (unsigned int i = 0; i < engine->port_count; i++) {
		if (is_among(engine->ports[i], ports, count))
			continue;
		keep_ledger(engine, engine->ports[i]);
		close_port(engine, engine->ports[i]);
	}
	free(engine->ports);
	engine->ports = ports;
	engine->port_count = count;
}

void sl_ports_close(struct sl_engine *engine)
{
	for (unsigned int i = 0; i < engine->port_count; i++)
		close_port(engine, engine->ports[i]);
	free(engine->ports);
	engine->ports = NULL;
	engine->port_count = 0;
}
