/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kind `generator`: makes packets from templates, for tests and benchmarks. The headers of all
 * flows are laid out when the port opens (frames.c); sending one is a copy of 64 or 128 bytes
 * into a fresh mbuf, and clearing the payload of a longer one.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include <core/port/frames.h>
#include <core/port/port.h>
#include <core/port/sink.h>

struct generator_config {
	uint64_t given;
	struct sl_frames_config frames;
	struct sl_list streams; /* of struct sl_frames_config */
	uint64_t rate;
	uint64_t count;
	uint64_t seed;
	bool sequence;
};

/* One Rx queue: written by the worker that polls it. */
struct queue {
	struct sl_frames *frames;
	uint32_t at;       /* next frame */
	uint32_t round;    /* how often all were sent */
	uint32_t mark;     /* `sequence`: upper bits of its flows' numbers; 0: no sequence */
	uint64_t left;     /* packets still to send */
	uint64_t interval; /* TSC ticks a packet times 2^16; 0: no limit */
	uint64_t due;      /* TSC when the next may go */
	uint64_t fraction; /* of a tick after that, in 2^-16 */
	_Atomic bool done;
	uint64_t tx_packets, tx_bytes; /* of the Tx queue of this number */
} __rte_cache_aligned;

struct generator {
	uint16_t queues;
	struct queue queue[];
};

/* How many packets the rate allows now. */
static uint16_t allowed(struct queue *q, uint16_t n)
{
	uint64_t now, owed;
	int64_t late;

	if (!q->interval)
		return n;
	now = rte_rdtsc();
	/* Who was not polled for long (some 0.1 s) does not make up for it with a flood. */
	if (unlikely(now - q->due > 1 << 28 && (int64_t)(now - q->due) > 0))
		q->due = now;
	late = (int64_t)((now - q->due) << 16) - (int64_t)q->fraction;
	if (late < 0)
		return 0;
	owed = (uint64_t)late / q->interval + 1;
	return RTE_MIN(owed, n);
}

static void charge(struct queue *q, uint16_t n)
{
	uint64_t ticks;

	if (!q->interval)
		return;
	ticks = n * q->interval + q->fraction;
	q->due += ticks >> 16;
	q->fraction = ticks & 0xffff;
}

/* In the last bytes: which flow, the how manieth packet of it. */
static void number(const struct queue *q, uint32_t at, uint8_t *end)
{
	uint32_t words[2] = {q->mark | at, q->round};

	memcpy(end - sizeof(words), words, sizeof(words));
}

/* The copy of constant size is a few vector moves. */
static __rte_always_inline void fill(struct queue *q, struct rte_mbuf **pkts, uint16_t n,
				     const uint32_t stride)
{
	const struct sl_frames *f = q->frames;
	uint32_t at = q->at;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
		uint16_t length = f->lengths[at];

		memcpy(data, f->headers + (size_t)at * stride, stride);
		if (length > stride)
			memset(data + stride, 0, length - stride);
		m->data_len = length;
		m->pkt_len = length;
		if (unlikely(q->mark != 0))
			number(q, at, data + length);
		if (unlikely(f->syn_first && q->round == 0))
			sl_frames_make_syn(data);
		if (unlikely(++at == f->count)) {
			at = 0;
			q->round++;
		}
	}
	q->at = at;
}

static uint16_t rx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct queue *q = &((struct generator *)port->private)->queue[queue];

	n = RTE_MIN(allowed(q, n), q->left);
	if (unlikely(n == 0))
		return 0;
	if (unlikely(rte_pktmbuf_alloc_bulk(port->pool, pkts, n) < 0))
		return 0;
	if (likely(q->frames->stride == 64))
		fill(q, pkts, n, 64);
	else
		fill(q, pkts, n, 128);
	charge(q, n);
	q->left -= n;
	if (unlikely(q->left == 0))
		atomic_store_explicit(&q->done, true, memory_order_release);
	return n;
}

static uint16_t tx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct queue *q = &((struct generator *)port->private)->queue[queue];
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		bytes += pkts[i]->pkt_len;
	sl_tally(&q->tx_bytes, bytes);
	sl_tally(&q->tx_packets, n);
	sl_sink_free(pkts, n);
	return n;
}

static int check(const void *config, struct sl_errors *errors)
{
	const struct generator_config *c = config;
	int rc = 0;

	if (c->streams.count == 0)
		return sl_frames_check(&c->frames, errors);
	for (uint32_t i = 0; i < c->streams.count; i++)
		if (sl_frames_check(SL_ITEM(&c->streams, struct sl_frames_config, i), errors) < 0)
			rc = -EINVAL;
	return rc;
}

static void generator_close(struct sl_port *port)
{
	struct generator *g = port->private;

	if (!g)
		return;
	for (uint16_t i = 0; i < g->queues; i++)
		sl_frames_free(g->queue[i].frames);
	free(g);
}

/* Every queue sends its share of the rate and of the count, as large as its share of flows. */
static void share_out(struct generator *g, const struct generator_config *c, uint16_t queues)
{
	uint64_t total = 0, before = 0;

	for (uint16_t i = 0; i < queues; i++)
		total += g->queue[i].frames->count;
	for (uint16_t i = 0; i < queues; i++) {
		struct queue *q = &g->queue[i];
		unsigned __int128 ticks = (unsigned __int128)rte_get_tsc_hz() << 16;
		uint64_t first = (unsigned __int128)c->count * before / total;

		before += q->frames->count;
		q->left = (unsigned __int128)c->count * before / total - first;
		if (c->count == 0 && q->frames->count)
			q->left = UINT64_MAX;
		if (c->rate && q->frames->count)
			q->interval = ticks * total / q->frames->count / c->rate;
		q->done = q->left == 0;
	}
}

static int generator_open(struct sl_port *port, struct sl_errors *errors)
{
	const struct generator_config *c = port->kind_config;
	const struct sl_frames_config *streams = &c->frames;
	uint32_t stream_count = 1;
	uint16_t queues = RTE_MAX(port->rx_queues, port->tx_queues);
	size_t size = sizeof(struct generator) + queues * sizeof(struct queue);
	struct generator *g = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(size));

	if (!g)
		return sl_fail(errors, ENOMEM, "out of memory");
	memset(g, 0, size);
	g->queues = queues;
	port->private = g;
	if (c->streams.count) {
		streams = c->streams.items;
		stream_count = c->streams.count;
	}
	for (uint16_t i = 0; i < port->rx_queues; i++) {
		struct sl_frames_share share = {
			.queue = i,
			.queues = port->rx_queues,
			.seed = c->seed,
			.port_mac = port->mac,
			.room = rte_pktmbuf_data_room_size(port->pool) - RTE_PKTMBUF_HEADROOM,
		};

		g->queue[i].frames = sl_frames_new(streams, stream_count, &share, errors);
		if (!g->queue[i].frames) {
			generator_close(port);
			port->private = NULL;
			return -ENOMEM;
		}
	}
	for (uint16_t i = 0; c->sequence && i < port->rx_queues; i++)
		g->queue[i].mark = (i + 1u) << 24;
	share_out(g, c, port->rx_queues);
	port->rx = rx;
	port->tx = tx;
	return 0;
}

static bool drained(const struct sl_port *port)
{
	const struct generator *g = port->private;

	for (uint16_t i = 0; i < port->rx_queues; i++)
		if (!atomic_load_explicit(&g->queue[i].done, memory_order_acquire))
			return false;
	return true;
}

static void show(const struct sl_port *port, struct sl_json *out)
{
	const struct generator *g = port->private;
	uint64_t packets = 0, bytes = 0;

	for (uint16_t i = 0; i < port->tx_queues; i++) {
		packets += sl_tally_read(&g->queue[i].tx_packets);
		bytes += sl_tally_read(&g->queue[i].tx_bytes);
	}
	sl_json_int(out, "tx-packets", packets);
	sl_json_int(out, "tx-bytes", bytes);
}

static const struct sl_param params[] = {
	{
		.kind = SL_TABLE,
		.flags = SL_INLINE,
		.name = "stream",
		.offset = offsetof(struct generator_config, frames),
		.fields = sl_frames_params,
		.size = sizeof(struct sl_frames_config),
		.doc = "The one stream of a generator without `streams`",
	},
	{
		.name = "streams",
		.kind = SL_TABLE,
		.flags = SL_LIST,
		.offset = offsetof(struct generator_config, streams),
		.fields = sl_frames_params,
		.size = sizeof(struct sl_frames_config),
		.doc = "Several streams, sent in turn; each has the parameters of a stream",
	},
	{
		.name = "rate",
		.kind = SL_RATE,
		.offset = offsetof(struct generator_config, rate),
		.doc = "Packets a second over all queues; without it as many as are taken",
	},
	{
		.name = "count",
		.kind = SL_UINT,
		.offset = offsetof(struct generator_config, count),
		.max = UINT64_MAX,
		.doc = "Packets after which the port is drained; 0: it goes on for ever",
	},
	{
		.name = "seed",
		.kind = SL_UINT,
		.offset = offsetof(struct generator_config, seed),
		.max = UINT64_MAX,
		.doc = "Chooses the order of flows; equal seeds send equal packets",
	},
	{
		.name = "sequence",
		.kind = SL_BOOL,
		.offset = offsetof(struct generator_config, sequence),
		.doc = "Number packets in the last 8 bytes of their payload: the flow, and which "
		       "packet of it (transport checksums are wrong then); frames must have room "
		       "for them",
	},
	{.name = NULL},
};

static struct sl_port_kind generator = {
	.name = "generator",
	.doc = "Makes packets from templates; what is sent to it is counted and thrown away",
	.params = params,
	.config_size = sizeof(struct generator_config),
	.shareable = true,
	.check = check,
	.open = generator_open,
	.close = generator_close,
	.drained = drained,
	.show = show,
};
SL_PORT_KIND(generator)
