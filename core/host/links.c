/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells when a port's link goes up or down. */
#include <net/if.h>

#include <rte_ethdev.h>

#include <core/host/log.h>
#include <core/host/private.h>
#include <core/host/recent.h>
#include <core/port/interface.h>

static enum sl_link link_of(const struct sl_port *port)
{
	const char *device =
		port->kind->device != NULL ? port->kind->device(port->kind_config) : NULL;
	struct rte_eth_link link;

	if (!port->started || port->parked)
		return SL_LINK_UNKNOWN;
	if (device != NULL && if_nametoindex(device) != 0)
		return sl_interface_running(device) ? SL_LINK_UP : SL_LINK_DOWN;
	if (port->ethdev == RTE_MAX_ETHPORTS || rte_eth_link_get_nowait(port->ethdev, &link) != 0)
		return SL_LINK_UNKNOWN;
	return link.link_status == RTE_ETH_LINK_UP ? SL_LINK_UP : SL_LINK_DOWN;
}

void sl_links_watch(struct sl_engine *engine)
{
	for (unsigned int i = 0; i < engine->port_count; i++) {
		const struct sl_port *port = engine->ports[i];
		enum sl_link before = engine->private->links[port->index];
		enum sl_link now = link_of(port);

		if (now == SL_LINK_UNKNOWN || now == before)
			continue;
		engine->private->links[port->index] = now;
		if (before == SL_LINK_UNKNOWN)
			continue;
		sl_log(SL_LOG_WARNING, "port %s: the link is %s", port->name,
		       now == SL_LINK_UP ? "up" : "down");
		sl_engine_note(engine, now == SL_LINK_UP ? "link-up" : "link-down", "{ss}", "port",
			       port->name);
	}
}
