/* SPDX-License-Identifier: BSD-3-Clause */
/* Kinds of ports, and the life of a port of any kind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include <core/error/errors.h>
#include <core/port/port.h>

static struct sl_port_kind *kinds;

void sl_port_kind_register(struct sl_port_kind *kind)
{
	struct sl_port_kind **place = &kinds;

	/* By name: constructors run in an order that nobody chose, and docs should not change. */
	while (*place && strcmp((*place)->name, kind->name) < 0)
		place = &(*place)->next;
	kind->next = *place;
	*place = kind;
}

const struct sl_port_kind *sl_port_kind_first(void)
{
	return kinds;
}

const struct sl_port_kind *sl_port_kind_find(const char *name)
{
	for (const struct sl_port_kind *kind = kinds; kind; kind = kind->next)
		if (!strcmp(kind->name, name))
			return kind;
	return NULL;
}

/* Everything that is reported meanwhile starts with the port's name. */
static void speak_of(struct sl_errors *errors, const char *name)
{
	char subject[128];

	if (!errors)
		return;
	snprintf(subject, sizeof(subject), "port %s: ", name);
	sl_errors_subject(errors, subject, SL_NOWHERE);
}

static void speak_freely(struct sl_errors *errors)
{
	if (errors)
		sl_errors_subject(errors, NULL, SL_NOWHERE);
}

/* How many of the workers poll the port. */
static uint16_t pollers(const struct sl_port_config *config, uint16_t workers)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < config->cores.count; i++) {
		const struct sl_span *span = SL_ITEM(&config->cores, struct sl_span, i);

		count += span->last - span->first + 1;
	}
	return count ? RTE_MIN(count, workers) : workers;
}

/* Workers that have no Tx queue of their own share one, behind a lock. */
static int share_tx(struct sl_port *port, uint16_t workers, struct sl_errors *errors)
{
	if (port->tx_queues >= workers)
		return 0;
	port->tx_locks = calloc(port->tx_queues, sizeof(*port->tx_locks));
	if (!port->tx_locks)
		return sl_fail(errors, ENOMEM, "out of memory");
	for (uint16_t i = 0; i < port->tx_queues; i++)
		rte_spinlock_init(&port->tx_locks[i]);
	return 0;
}

static void release(struct sl_port *port)
{
	free(port->tx_locks);
	free((char *)(uintptr_t)port->name);
	free(port);
}

struct sl_port *sl_port_open(const char *name, uint16_t index, const struct sl_port_kind *kind,
			     const void *kind_config, const struct sl_port_config *config,
			     struct rte_mempool *pool, uint16_t workers, struct sl_errors *errors)
{
	struct sl_port *port =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(sizeof(*port)));
	bool open = false;

	speak_of(errors, name);
	if (!port)
		goto no_memory;
	memset(port, 0, sizeof(*port));
	port->name = strdup(name);
	port->index = index;
	port->kind = kind;
	port->kind_config = kind_config;
	port->config = config;
	port->pool = pool;
	port->ethdev = RTE_MAX_ETHPORTS;
	port->mtu = config->mtu ? config->mtu : RTE_ETHER_MTU;
	port->frame_max = UINT32_MAX;
	port->rx_queues = config->queues ? config->queues : pollers(config, workers);
	port->tx_queues = workers;
	if (sl_port_given(config, SL_PORT_MAC))
		port->mac = config->mac;
	else
		rte_eth_random_addr(port->mac.addr_bytes);
	if (!port->name)
		goto no_memory;
	if (kind->open(port, errors) < 0)
		goto fail;
	open = true;
	if (share_tx(port, workers, errors) < 0)
		goto fail;
	speak_freely(errors);
	return port;

no_memory:
	sl_fail(errors, ENOMEM, "out of memory");
fail:
	speak_freely(errors);
	if (open && kind->close)
		kind->close(port);
	if (port)
		release(port);
	return NULL;
}

int sl_port_start(struct sl_port *port, struct sl_errors *errors)
{
	int rc = 0;

	if (port->kind->start) {
		speak_of(errors, port->name);
		rc = port->kind->start(port, errors);
		speak_freely(errors);
	}
	port->started = rc == 0;
	return rc;
}

void sl_port_stop(struct sl_port *port)
{
	if (port->kind->stop && port->started)
		port->kind->stop(port);
	port->started = false;
}

void sl_port_close(struct sl_port *port)
{
	if (!port)
		return;
	if (port->kind->close && !port->parked)
		port->kind->close(port);
	release(port);
}

bool sl_port_drained(const struct sl_port *port)
{
	return !port->parked && port->kind->drained && port->kind->drained(port);
}

/*
 * Parked: closed while workers still know it
 */

static uint16_t rx_nothing(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return 0;
}

/* It takes nothing: port-tx drops and counts. */
static uint16_t tx_nothing(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return 0;
}

void sl_port_park(struct sl_port *port)
{
	__atomic_store_n(&port->rx, rx_nothing, __ATOMIC_RELEASE);
	__atomic_store_n(&port->tx, tx_nothing, __ATOMIC_RELEASE);
	sl_synchronize();
	sl_port_stop(port);
	if (port->kind->close)
		port->kind->close(port);
	port->parked = true;
}

int sl_port_reopen(struct sl_port *port, struct sl_errors *errors)
{
	struct sl_port again = *port;
	int rc;

	/* Workers must not see it half open. */
	speak_of(errors, port->name);
	again.parked = false;
	again.private = NULL;
	rc = port->kind->open(&again, errors);
	speak_freely(errors);
	if (rc < 0)
		return rc;
	if (again.rx_queues != port->rx_queues || again.tx_queues != port->tx_queues)
		rc = sl_fail(errors, EIO, "port %s: it has other queues than before", port->name);
	if (rc == 0)
		rc = sl_port_start(&again, errors);
	if (rc < 0) {
		if (port->kind->close)
			port->kind->close(&again);
		return rc;
	}
	/* Neighbours know it by the address it had; one that was made up is another now. */
	if (again.ethdev < RTE_MAX_ETHPORTS && !rte_is_same_ether_addr(&again.mac, &port->mac) &&
	    rte_eth_dev_default_mac_addr_set(again.ethdev, &port->mac) != 0)
		port->mac = again.mac;
	port->ethdev = again.ethdev;
	port->private = again.private;
	port->parked = false;
	port->started = true;
	__atomic_store_n(&port->tx, again.tx, __ATOMIC_RELEASE);
	__atomic_store_n(&port->rx, again.rx, __ATOMIC_RELEASE);
	return 0;
}
