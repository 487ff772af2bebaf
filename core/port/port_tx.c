/* SPDX-License-Identifier: BSD-3-Clause */
/* port-tx: where packets leave the graph by a port. */
#include <string.h>

#include <core/graph/graph.h>
#include <core/graph/latency.h>
#include <core/packet/gather.h>
#include <core/port/port.h>

enum { REASON_FULL, REASON_TOO_LONG, REASON_SCATTERED };

static const struct sl_name reasons[] = {
	[REASON_FULL] = {"tx-full", "The device or its peer did not take it"},
	[REASON_TOO_LONG] = {"tx-too-long", "Longer than the port's MTU allows"},
	[REASON_SCATTERED] = {"tx-scattered", "In more segments than the device can send"},
	{NULL, NULL},
};

struct port_tx {
	struct sl_port *port;
};

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	struct port_tx *tx = sl_instance_data(instance);

	tx->port = ((const struct sl_port_node_config *)config)->port;
	return 0;
}

/* Drivers take fewer packets than they are given when they work in smaller bursts, too. */
static uint16_t send_all(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	sl_burst_fn tx = __atomic_load_n(&port->tx, __ATOMIC_RELAXED);
	uint16_t sent = 0, part;

	do {
		part = tx(port, queue, pkts + sent, n - sent);
		sent += part;
	} while (unlikely(sent < n) && part);
	return sent;
}

static uint16_t send_shared(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts,
			    uint16_t n)
{
	uint16_t sent;

	rte_spinlock_lock(&port->tx_locks[queue]);
	sent = send_all(port, queue, pkts, n);
	rte_spinlock_unlock(&port->tx_locks[queue]);
	return sent;
}

static uint16_t send_by(struct sl_port *port, uint16_t worker, struct rte_mbuf **pkts, uint16_t n)
{
	if (likely(!port->tx_locks))
		return send_all(port, worker, pkts, n);
	return send_shared(port, worker % port->tx_queues, pkts, n);
}

/* Whether the device can send it; else why not. */
static bool is_fit(const struct sl_port *port, struct rte_mbuf *m, uint8_t *edge)
{
	/* VLAN tags do not count against the MTU. */
	uint32_t tags =
		sl_packet(m)->flags & SL_PKT_VLAN ? sl_packet(m)->l3 - RTE_ETHER_HDR_LEN : 0;

	if (unlikely(m->pkt_len - tags > port->frame_max)) {
		*edge = SL_DROP(REASON_TOO_LONG);
		return false;
	}
	if (port->one_segment && unlikely(m->nb_segs > 1) && !sl_packet_gather(m, m->pkt_len)) {
		*edge = SL_DROP(REASON_SCATTERED);
		return false;
	}
	return true;
}

/* Some packets cannot be sent: leave those out. Rare, so it may cost. */
static __rte_noinline void send_some(struct sl_port *port, uint16_t worker, struct rte_mbuf **pkts,
				     uint8_t *edge, uint16_t n)
{
	struct rte_mbuf *fit[SL_BURST];
	uint16_t at[SL_BURST], count = 0, sent;

	for (uint16_t i = 0; i < n; i++) {
		if (edge[i] != SL_SENT)
			continue;
		fit[count] = pkts[i];
		at[count++] = i;
	}
	sent = count ? send_by(port, worker, fit, count) : 0;
	for (uint16_t i = sent; i < count; i++)
		edge[at[i]] = SL_DROP(REASON_FULL);
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct sl_port *port = ((struct port_tx *)node->data)->port;
	uint16_t sent, flags = 0;
	bool all = true;

	memset(edge, SL_SENT, n);
	for (uint16_t i = 0; i < n; i++) {
		all &= is_fit(port, pkts[i], &edge[i]);
		flags |= sl_packet(pkts[i])->flags;
	}
	if (unlikely((flags & SL_PKT_TIMED) != 0))
		sl_latency_leave(sl_node_latency(node), port->index, pkts, n);
	if (unlikely(!all)) {
		send_some(port, node->worker, pkts, edge, n);
		return;
	}
	sent = send_by(port, node->worker, pkts, n);
	if (unlikely(sent < n))
		memset(edge + sent, SL_DROP(REASON_FULL), n - sent);
}

const struct sl_node_type sl_port_tx_type = {
	.name = "port-tx",
	.doc = "Packets that leave by a port",
	.reasons = reasons,
	.config_size = sizeof(struct sl_port_node_config),
	.instance_size = sizeof(struct port_tx),
	.create = create,
	.process = process,
};
