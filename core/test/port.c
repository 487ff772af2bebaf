/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <rte_ring.h>

#include <core/test/port.h>

#define WAITING 4096 /* packets, each way */

struct test_port {
	struct rte_ring *in, *out;
};

static uint16_t rx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct test_port *p = port->private;

	return (uint16_t)rte_ring_dequeue_burst(p->in, (void **)pkts, n, NULL);
}

static uint16_t tx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct test_port *p = port->private;

	return (uint16_t)rte_ring_enqueue_burst(p->out, (void **)pkts, n, NULL);
}

bool sl_test_port_give(struct sl_port *port, const uint8_t *bytes, uint32_t length)
{
	const struct test_port *p = port->private;
	struct rte_mbuf *first = rte_pktmbuf_alloc(port->pool), *last = first;

	while (last != NULL) {
		uint16_t part = (uint16_t)RTE_MIN(length, rte_pktmbuf_tailroom(last));

		memcpy(rte_pktmbuf_mtod(last, char *), bytes, part);
		last->data_len = part;
		first->pkt_len += part;
		bytes += part;
		length -= part;
		if (length == 0)
			break;
		last->next = rte_pktmbuf_alloc(port->pool);
		last = last->next;
		first->nb_segs++;
	}
	if (last != NULL && rte_ring_enqueue(p->in, first) == 0)
		return true;
	if (last == NULL && first != NULL)
		first->nb_segs--;
	rte_pktmbuf_free(first);
	return false;
}

struct rte_mbuf *sl_test_port_take(struct sl_port *port)
{
	const struct test_port *p = port->private;
	void *packet;

	return rte_ring_dequeue(p->out, &packet) == 0 ? packet : NULL;
}

static void test_close(struct sl_port *port)
{
	struct test_port *p = port->private;
	struct rte_mbuf *packet;

	if (p == NULL)
		return;
	while (p->out != NULL && (packet = sl_test_port_take(port)) != NULL)
		rte_pktmbuf_free(packet);
	while (p->in != NULL && rte_ring_dequeue(p->in, (void **)&packet) == 0)
		rte_pktmbuf_free(packet);
	rte_ring_free(p->in);
	rte_ring_free(p->out);
	free(p);
	port->private = NULL;
}

static int test_open(struct sl_port *port, struct sl_errors *errors)
{
	struct test_port *p = calloc(1, sizeof(*p));
	char name[RTE_RING_NAMESIZE];

	port->private = p;
	if (p != NULL) {
		snprintf(name, sizeof(name), "sl-test-in-%u", port->index);
		p->in = rte_ring_create(name, WAITING, SOCKET_ID_ANY, 0);
		snprintf(name, sizeof(name), "sl-test-out-%u", port->index);
		p->out = rte_ring_create(name, WAITING, SOCKET_ID_ANY, 0);
	}
	if (p == NULL || p->in == NULL || p->out == NULL) {
		test_close(port);
		return sl_fail(errors, ENOMEM, "out of memory");
	}
	port->rx_queues = 1;
	port->rx = rx;
	port->tx = tx;
	return 0;
}

static bool drained(const struct sl_port *port)
{
	const struct test_port *p = port->private;

	return rte_ring_empty(p->in) != 0;
}

static struct sl_port_kind test_kind = {
	.name = SL_TEST_PORT,
	.doc = "A port of a chain test",
	.open = test_open,
	.close = test_close,
	.drained = drained,
};

void sl_test_port_register(void)
{
	if (sl_port_kind_find(SL_TEST_PORT) == NULL)
		sl_port_kind_register(&test_kind);
}
