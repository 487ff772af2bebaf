/* SPDX-License-Identifier: BSD-3-Clause */
/* Kind `sink`: counts what is sent to it and throws it away. Nothing comes from it. */
#include <errno.h>
#include <stdlib.h>

#include <core/port/port.h>
#include <core/port/sink.h>

struct sink_queue {
	uint64_t packets, bytes;
} __rte_cache_aligned;

/* Whether freeing it means no more than putting it back in its pool. */
static inline bool is_simple(const struct rte_mbuf *m)
{
	return rte_mbuf_refcnt_read(m) == 1 && m->nb_segs == 1 && RTE_MBUF_DIRECT(m);
}

void sl_sink_free(struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mempool *pool;
	uint16_t i;

	if (n == 0)
		return;
	pool = pkts[0]->pool;
	for (i = 0; i < n; i++)
		if (unlikely(!is_simple(pkts[i]) || pkts[i]->pool != pool))
			break;
	rte_mempool_put_bulk(pool, (void **)pkts, i);
	if (unlikely(i < n))
		rte_pktmbuf_free_bulk(pkts + i, n - i);
}

static uint16_t rx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return 0;
}

static uint16_t tx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct sink_queue *counts = (struct sink_queue *)port->private + queue;
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		bytes += pkts[i]->pkt_len;
	sl_tally(&counts->bytes, bytes);
	sl_tally(&counts->packets, n);
	sl_sink_free(pkts, n);
	return n;
}

static int sink_open(struct sl_port *port, struct sl_errors *errors)
{
	size_t size = port->tx_queues * sizeof(struct sink_queue);

	port->private = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (!port->private)
		return sl_fail(errors, ENOMEM, "out of memory");
	memset(port->private, 0, size);
	port->rx_queues = 1;
	port->rx = rx;
	port->tx = tx;
	return 0;
}

static void sink_close(struct sl_port *port)
{
	free(port->private);
}

/* Nothing will ever come, so a chain whose other inputs have ended is at its end. */
static bool drained(const struct sl_port *port)
{
	return true;
}

static void show(const struct sl_port *port, struct sl_json *out)
{
	const struct sink_queue *counts = port->private;
	uint64_t packets = 0, bytes = 0;

	for (uint16_t i = 0; i < port->tx_queues; i++) {
		packets += sl_tally_read(&counts[i].packets);
		bytes += sl_tally_read(&counts[i].bytes);
	}
	sl_json_int(out, "tx-packets", packets);
	sl_json_int(out, "tx-bytes", bytes);
}

static struct sl_port_kind sink = {
	.name = "sink",
	.shareable = true,
	.doc = "Counts what is sent to it and throws it away; nothing comes from it",
	.open = sink_open,
	.close = sink_close,
	.drained = drained,
	.show = show,
};
SL_PORT_KIND(sink)
