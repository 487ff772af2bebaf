/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other end of all sessions, so that functions are measured on answers too. Of tunnels by UDP
 * the inner packet is answered as well. Both directions are one worker's: there is no ring between.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/forecast/mirror.h>
#include <core/packet/parse.h>
#include <core/port/port.h>
#include <core/port/sink.h>

#define ROOM       4096 /* a power of two */
#define MAX_NESTED 4
#define VXLAN_PORT 4789
#define VXLAN_SIZE (8 + 8) /* with UDP's own header */

struct mirror {
	uint32_t in, out;
	struct rte_mbuf *waiting[ROOM];
};

static void swap(uint8_t *a, uint8_t *b, unsigned int size)
{
	uint8_t kept[16];

	memcpy(kept, a, size);
	memcpy(a, b, size);
	memcpy(b, kept, size);
}

/* Echo requests become replies; their checksums follow. */
static void answer_echo(uint8_t *icmp, uint8_t request, uint8_t reply)
{
	uint32_t sum;

	if (icmp[0] != request)
		return;
	/* What the type loses the checksum gains, in one's complement. */
	sum = (uint32_t)(icmp[2] << 8 | icmp[3]);
	if (request >= reply)
		sum += (uint32_t)(request - reply) << 8;
	else
		sum += 0xffff - ((uint32_t)(reply - request) << 8);
	sum = (sum & 0xffff) + (sum >> 16);
	icmp[0] = reply;
	icmp[2] = (uint8_t)(sum >> 8);
	icmp[3] = (uint8_t)sum;
}

/* Where an inner Ethernet frame begins; NULL: there is none. */
static uint8_t *answer_transport(uint8_t proto, uint8_t *l4, const uint8_t *end)
{
	if (end - l4 < 8)
		return NULL;
	switch (proto) {
	case IPPROTO_UDP:
		if ((l4[2] << 8 | l4[3]) == VXLAN_PORT && end - l4 > VXLAN_SIZE)
			return l4 + VXLAN_SIZE;
		/* fallthrough */
	case IPPROTO_TCP:
	case IPPROTO_SCTP:
		swap(l4, l4 + 2, 2);
		break;
	case IPPROTO_ICMP:
		answer_echo(l4, 8, 0);
		break;
	case IPPROTO_ICMPV6:
		answer_echo(l4, 128, 129);
		break;
	default:
		break;
	}
	return NULL;
}

static uint8_t *answer_frame(uint8_t *data, const uint8_t *end)
{
	unsigned int type, header;
	uint8_t *l3 = data + 14;

	if (end - data < 14)
		return NULL;
	swap(data, data + 6, 6);
	type = (unsigned int)(data[12] << 8 | data[13]);
	while ((type == 0x8100 || type == 0x88a8) && end - l3 >= 4) {
		type = (unsigned int)(l3[2] << 8 | l3[3]);
		l3 += 4;
	}
	if (type == 0x0800 && end - l3 >= 20) {
		header = (l3[0] & 0xfU) * 4;
		swap(l3 + 12, l3 + 16, 4);
		if (((l3[6] << 8 | l3[7]) & 0x1fff) == 0)
			return answer_transport(l3[9], l3 + header, end);
	} else if (type == 0x86dd && end - l3 >= 40) {
		swap(l3 + 8, l3 + 24, 16);
		return answer_transport(l3[6], l3 + 40, end);
	}
	return NULL;
}

static void answer(struct rte_mbuf *m)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	const uint8_t *end = data + m->data_len;

	for (unsigned int i = 0; i < MAX_NESTED && data != NULL; i++)
		data = answer_frame(data, end);
}

static uint16_t rx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct mirror *mirror = port->private;
	uint16_t got = 0;

	while (got < n && mirror->out != mirror->in)
		pkts[got++] = mirror->waiting[mirror->out++ % ROOM];
	return got;
}

static uint16_t tx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct mirror *mirror = port->private;

	for (uint16_t i = 0; i < n; i++) {
		if (mirror->in - mirror->out == ROOM) {
			sl_sink_free(pkts + i, n - i);
			break;
		}
		answer(pkts[i]);
		mirror->waiting[mirror->in++ % ROOM] = pkts[i];
	}
	return n;
}

static int mirror_open(struct sl_port *port, struct sl_errors *errors)
{
	port->private = calloc(1, sizeof(struct mirror));
	if (port->private == NULL)
		return sl_fail(errors, ENOMEM, "out of memory");
	port->rx_queues = 1;
	port->tx_queues = 1;
	port->rx = rx;
	port->tx = tx;
	return 0;
}

static void mirror_close(struct sl_port *port)
{
	struct mirror *mirror = port->private;

	while (mirror != NULL && mirror->out != mirror->in)
		rte_pktmbuf_free(mirror->waiting[mirror->out++ % ROOM]);
	free(mirror);
	port->private = NULL;
}

static struct sl_port_kind mirror_kind = {
	.name = SL_MIRROR_PORT,
	.doc = "Answers what is sent to it",
	.open = mirror_open,
	.close = mirror_close,
};

void sl_mirror_port_register(void)
{
	if (sl_port_kind_find(SL_MIRROR_PORT) == NULL)
		sl_port_kind_register(&mirror_kind);
}
