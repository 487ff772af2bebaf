/* SPDX-License-Identifier: BSD-3-Clause */
/* What there is to tell about a port. */
#include <rte_ethdev.h>

#include <core/port/port.h>

static void show_device(const struct sl_port *port, struct sl_json *out)
{
	struct rte_eth_stats stats;
	struct rte_eth_link link;
	struct rte_eth_dev_info info;

	if (!rte_eth_dev_is_valid_port(port->ethdev))
		return;
	if (rte_eth_dev_info_get(port->ethdev, &info) == 0)
		sl_json_text(out, "driver", info.driver_name);
	if (rte_eth_link_get_nowait(port->ethdev, &link) == 0) {
		sl_json_bool(out, "link", link.link_status == RTE_ETH_LINK_UP);
		if (link.link_speed != RTE_ETH_SPEED_NUM_NONE &&
		    link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
			sl_json_int(out, "megabits", link.link_speed);
	}
	if (rte_eth_stats_get(port->ethdev, &stats) == 0) {
		sl_json_int(out, "rx-packets", stats.ipackets);
		sl_json_int(out, "rx-bytes", stats.ibytes);
		sl_json_int(out, "rx-missed", stats.imissed);
		sl_json_int(out, "rx-errors", stats.ierrors);
		sl_json_int(out, "rx-no-buffer", stats.rx_nombuf);
		sl_json_int(out, "tx-packets", stats.opackets);
		sl_json_int(out, "tx-bytes", stats.obytes);
		sl_json_int(out, "tx-errors", stats.oerrors);
	}
}

void sl_port_show(const struct sl_port *port, struct sl_json *out)
{
	char mac[RTE_ETHER_ADDR_FMT_SIZE];

	rte_ether_format_addr(mac, sizeof(mac), &port->mac);
	sl_json_text(out, "name", port->name);
	sl_json_text(out, "kind", port->kind->name);
	sl_json_text(out, "mac", mac);
	sl_json_int(out, "mtu", port->mtu);
	sl_json_int(out, "rx-queues", port->rx_queues);
	sl_json_int(out, "tx-queues", port->tx_queues);
	show_device(port, out);
	if (port->kind->show)
		port->kind->show(port, out);
}
