/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <core/packet/complete.h>
#include <core/port/ethdev.h>
#include <core/port/interface.h>
#include <core/port/rss.h>

#define DEFAULT_DESCRIPTORS 1024

/* rte_dev_probe() shares devargs with secondary processes, in 128 bytes; since DPDK 24.11 it
 * refuses longer ones. */
#define TOO_LONG "DPDK takes 127 bytes at most; shorten the path"

/* What sl_port.private is for these kinds. */
struct device {
	struct rte_eth_dev_info info;
	bool made; /* by us, and ours to take away */
	bool rss;
	bool started;
	bool promiscuous; /* was turned on by us */
	bool set_mtu;
	const char *interface; /* of the kernel's; NULL when there is none or it may stay up */
};

const char *sl_ethdev_name(const struct sl_port *port, const char *driver, char *name)
{
	snprintf(name, SL_ETHDEV_NAME, "%s_p%u", driver, port->index);
	return name;
}

int sl_ethdev_check_text(const char *const *text, struct sl_errors *errors)
{
	if (*text && strchr(*text, ','))
		return sl_fail_at(errors, text, "a comma cannot stand in \"%s\"", *text);
	return 0;
}

static uint16_t rx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return rte_eth_rx_burst(port->ethdev, queue, pkts, n);
}

static uint16_t rx_completing(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts,
			      uint16_t n)
{
	n = rte_eth_rx_burst(port->ethdev, queue, pkts, n);
	sl_packet_complete(pkts, n);
	return n;
}

static uint16_t tx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return rte_eth_tx_burst(port->ethdev, queue, pkts, n);
}

/* Find the device by its name, the first word of its devargs, or make it. */
static int probe(struct sl_port *port, struct device *device, const struct sl_ethdev_spec *spec,
		 struct sl_errors *errors)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	struct rte_dev_iterator iterator;
	uint16_t found = RTE_MAX_ETHPORTS;
	int rc;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(spec->devargs, ","), spec->devargs);
	if (rte_eth_dev_get_port_by_name(name, &port->ethdev) == 0)
		return 0;
	rc = rte_dev_probe(spec->devargs);
	if (rc == -E2BIG)
		return sl_fail(errors, E2BIG, "device \"%s\" cannot be made: " TOO_LONG,
			       spec->devargs);
	if (rc < 0)
		return sl_fail(errors, -rc, "device \"%s\" cannot be made: %s%s%s", spec->devargs,
			       rte_strerror(-rc), spec->advice ? "; " : "",
			       spec->advice ? spec->advice : "");
	device->made = true;
	if (rte_eth_dev_get_port_by_name(name, &port->ethdev) == 0)
		return 0;
	RTE_ETH_FOREACH_MATCHING_DEV(found, spec->devargs, &iterator)
	{
		port->ethdev = found;
		rte_eth_iterator_cleanup(&iterator);
		return 0;
	}
	return sl_fail(errors, ENODEV,
		       "device \"%s\" has no Ethernet port; is there a driver for it, and is it "
		       "bound to vfio-pci?",
		       name);
}

/* See that the MTU fits the device and its mbufs. */
static int choose_mtu(struct sl_port *port, const struct device *device, struct rte_eth_conf *conf,
		      struct sl_errors *errors)
{
	const struct rte_eth_dev_info *info = &device->info;
	uint32_t room = rte_pktmbuf_data_room_size(port->pool) - RTE_PKTMBUF_HEADROOM;
	uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
	uint32_t most = info->max_mtu ? info->max_mtu : UINT16_MAX;

	if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
		overhead = info->max_rx_pktlen - info->max_mtu;
	if (info->max_rx_pktlen && info->max_rx_pktlen > overhead)
		most = RTE_MIN(most, info->max_rx_pktlen - overhead);
	if (info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) {
		if (port->mtu + overhead > room)
			conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	}
	if (port->mtu > most && info->max_mtu != UINT16_MAX) {
		if (sl_port_given(port->config, SL_PORT_MTU))
			return sl_fail(errors, EINVAL, "the device takes an mtu of at most %u",
				       most);
		port->mtu = most;
	}
	/* Some drivers state their longest packet without the checksum that DPDK adds. */
	conf->rxmode.mtu = RTE_MIN(port->mtu, most);
	if (info->min_mtu && conf->rxmode.mtu < info->min_mtu)
		conf->rxmode.mtu = info->min_mtu;
	return 0;
}

static void choose_queues(struct sl_port *port, struct device *device,
			  const struct sl_ethdev_spec *spec, struct rte_eth_conf *conf,
			  uint8_t *key)
{
	const struct rte_eth_dev_info *info = &device->info;

	if (spec->pairs) {
		port->rx_queues = port->tx_queues = spec->pairs;
		return;
	}
	port->rx_queues = RTE_MIN(port->rx_queues, info->max_rx_queues);
	port->tx_queues = RTE_MIN(port->tx_queues, info->max_tx_queues);
	if (port->rx_queues > 1)
		device->rss = sl_rss_configure(info, conf, key);
	/* Queues that nothing spreads packets over would only be polled in vain. */
	if (!device->rss && !spec->peer_spreads && !port->config->queues)
		port->rx_queues = 1;
}

static uint16_t wish(const struct sl_port *port, const struct rte_eth_dev_portconf *preferred)
{
	if (port->config->descriptors)
		return port->config->descriptors;
	return preferred->ring_size ? preferred->ring_size : DEFAULT_DESCRIPTORS;
}

static int set_up_queues(struct sl_port *port, const struct device *device,
			 const struct rte_eth_conf *conf, struct sl_errors *errors)
{
	const struct rte_eth_dev_info *info = &device->info;
	uint16_t rxd = wish(port, &info->default_rxportconf);
	uint16_t txd = wish(port, &info->default_txportconf);
	int socket = rte_eth_dev_socket_id(port->ethdev);
	struct rte_eth_rxconf rxconf = info->default_rxconf;
	struct rte_eth_txconf txconf = info->default_txconf;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->ethdev, &rxd, &txd);

	if (rc < 0)
		return sl_fail(errors, -rc, "%u descriptors are not possible: %s", rxd,
			       rte_strerror(-rc));
	rxconf.offloads = conf->rxmode.offloads;
	txconf.offloads = conf->txmode.offloads;
	for (uint16_t i = 0; i < port->rx_queues; i++) {
		rc = rte_eth_rx_queue_setup(port->ethdev, i, rxd, socket, &rxconf, port->pool);
		if (rc < 0)
			return sl_fail(errors, -rc, "receive queue %u of %u cannot be set up: %s",
				       i, port->rx_queues, rte_strerror(-rc));
	}
	for (uint16_t i = 0; i < port->tx_queues; i++) {
		rc = rte_eth_tx_queue_setup(port->ethdev, i, txd, socket, &txconf);
		if (rc < 0)
			return sl_fail(errors, -rc, "send queue %u of %u cannot be set up: %s", i,
				       port->tx_queues, rte_strerror(-rc));
	}
	return 0;
}

static bool wants_promiscuous(const struct sl_port_config *config)
{
	return sl_port_given(config, SL_PORT_PROMISCUOUS) ? config->promiscuous
							  : config->addresses.count == 0;
}

static int choose_mac(struct sl_port *port, const struct sl_ethdev_spec *spec,
		      struct sl_errors *errors)
{
	int rc;

	if (spec->own_mac)
		return 0;
	if (sl_port_given(port->config, SL_PORT_MAC)) {
		rc = rte_eth_dev_default_mac_addr_set(port->ethdev, &port->mac);
		/* One that receives everything does not mind. */
		if (rc < 0 && rc != -ENOTSUP)
			return sl_fail(errors, -rc, "the device does not take its mac: %s",
				       rte_strerror(-rc));
		return 0;
	}
	rc = rte_eth_macaddr_get(port->ethdev, &port->mac);
	if (rc < 0)
		return sl_fail(errors, -rc, "the device does not tell its mac: %s",
			       rte_strerror(-rc));
	return 0;
}

/* Virtual devices offer checksums that they compute in software. */
static bool is_hardware(const struct device *device)
{
	const struct rte_bus *bus = rte_dev_bus(device->info.device);

	return bus && strcmp(rte_bus_name(bus), "vdev") != 0;
}

static int configure(struct sl_port *port, struct device *device, const struct sl_ethdev_spec *spec,
		     struct sl_errors *errors)
{
	struct rte_eth_conf conf = {0};
	uint8_t key[SL_RSS_KEY_MAX];
	int rc;

	rc = rte_eth_dev_info_get(port->ethdev, &device->info);
	if (rc < 0)
		return sl_fail(errors, -rc, "the device does not answer: %s", rte_strerror(-rc));
	if (spec->interface && !sl_port_given(port->config, SL_PORT_MTU))
		port->mtu = sl_interface_mtu(spec->interface);
	device->set_mtu = sl_port_given(port->config, SL_PORT_MTU) || !spec->interface;
	rc = choose_mtu(port, device, &conf, errors);
	if (rc < 0)
		return rc;
	choose_queues(port, device, spec, &conf, key);
	/* Only of the IP header: transport checksums are the business of end systems, and of
	 * the drivers that complete them in software when nobody asks for the offload. */
	if (is_hardware(device))
		conf.rxmode.offloads |=
			device->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	conf.txmode.offloads |= device->info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	port->one_segment = !(device->info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	rc = rte_eth_dev_configure(port->ethdev, port->rx_queues, port->tx_queues, &conf);
	if (rc < 0)
		return sl_fail(errors, -rc,
			       "the device cannot have %u receive and %u send queues "
			       "with an mtu of %u: %s",
			       port->rx_queues, port->tx_queues, conf.rxmode.mtu,
			       rte_strerror(-rc));
	rc = set_up_queues(port, device, &conf, errors);
	return rc < 0 ? rc : choose_mac(port, spec, errors);
}

static int bring_up(struct device *device, const struct sl_ethdev_spec *spec,
		    struct sl_errors *errors)
{
	bool was_up;

	if (!spec->interface)
		return 0;
	if (sl_interface_up(spec->interface, &was_up, errors) < 0)
		return -EPERM;
	device->interface = was_up ? NULL : spec->interface;
	return 0;
}

int sl_ethdev_open(struct sl_port *port, const struct sl_ethdev_spec *spec,
		   struct sl_errors *errors)
{
	struct device *device = calloc(1, sizeof(*device));
	int rc;

	if (!device)
		return sl_fail(errors, ENOMEM, "out of memory");
	port->private = device;
	rc = bring_up(device, spec, errors);
	if (rc == 0)
		rc = probe(port, device, spec, errors);
	if (rc == 0)
		rc = configure(port, device, spec, errors);
	if (rc < 0) {
		sl_ethdev_close(port);
		return rc;
	}
	port->frame_max = port->mtu + RTE_ETHER_HDR_LEN;
	port->rx = spec->complete_checksums ? rx_completing : rx;
	port->tx = tx;
	return 0;
}

/* What can only be set, with many drivers, once the device runs. */
static int set_filters(struct sl_port *port, struct device *device, struct sl_errors *errors)
{
	int rc = 0;

	if (wants_promiscuous(port->config)) {
		rc = rte_eth_promiscuous_enable(port->ethdev);
		device->promiscuous = rc == 0;
	} else if (port->config->addresses.count) {
		/* Neighbour discovery comes to solicited-node groups. */
		rc = rte_eth_allmulticast_enable(port->ethdev);
	}
	/* Virtual devices without such a mode receive everything anyway. */
	if (rc < 0 && rc != -ENOTSUP)
		return sl_fail(errors, -rc, "the device cannot be made promiscuous: %s",
			       rte_strerror(-rc));
	return 0;
}

int sl_ethdev_start(struct sl_port *port, struct sl_errors *errors)
{
	struct device *device = port->private;
	uint16_t mtu;
	int rc;

	rc = device->set_mtu ? rte_eth_dev_set_mtu(port->ethdev, port->mtu) : 0;
	if (rc < 0 && rc != -ENOTSUP && rc != -EBUSY && sl_port_given(port->config, SL_PORT_MTU) &&
	    (rte_eth_dev_get_mtu(port->ethdev, &mtu) < 0 || mtu != port->mtu))
		return sl_fail(errors, -rc, "the device does not take an mtu of %u: %s", port->mtu,
			       rte_strerror(-rc));
	rc = rte_eth_dev_start(port->ethdev);
	if (rc < 0)
		return sl_fail(errors, -rc, "the device does not start: %s", rte_strerror(-rc));
	device->started = true;
	if (device->rss)
		port->symmetric_rss = sl_rss_start(port->ethdev, &device->info, port->rx_queues);
	return set_filters(port, device, errors);
}

void sl_ethdev_stop(struct sl_port *port)
{
	struct device *device = port->private;

	if (!device->started)
		return;
	if (device->promiscuous)
		rte_eth_promiscuous_disable(port->ethdev);
	(void)rte_eth_dev_stop(port->ethdev);
	device->started = false;
}

void sl_ethdev_close(struct sl_port *port)
{
	struct device *device = port->private;

	if (!device)
		return;
	if (port->ethdev != RTE_MAX_ETHPORTS) {
		sl_ethdev_stop(port);
		/* To remove it closes it, too. */
		if (!device->made || !device->info.device ||
		    rte_dev_remove(device->info.device) < 0)
			(void)rte_eth_dev_close(port->ethdev);
	}
	port->ethdev = RTE_MAX_ETHPORTS;
	if (device->interface)
		sl_interface_down(device->interface);
	free(device);
	port->private = NULL;
}
