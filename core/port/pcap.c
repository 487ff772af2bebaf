/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kind `pcap`: capture files. What is read lies in memory from the start, so that a worker
 * makes no system call for it; what is written goes through a large buffer. (DPDK's own pcap
 * device cannot tell that a file has ended, and loses a packet when memory is short.)
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pcap/pcap.h>
#include <rte_cycles.h>
#include <rte_malloc.h>

#include <core/port/port.h>
#include <core/port/sink.h>

#define WRITE_BUFFER (1 << 20)
#define LONGEST      65535

struct pcap_config {
	uint64_t given;
	const char *read;
	const char *write;
	bool loop;
	uint32_t resolution; /* 0: microseconds, 1: nanoseconds */
	uint32_t timing;     /* enum timing */
	uint64_t after;      /* nanoseconds */
};

enum { READ, WRITE };
enum timing { FAST, RECORDED };

/* A packet of the file: where its bytes begin in `bytes`. */
struct record {
	uint64_t at;
	uint64_t due; /* TSC ticks after the first, with RECORDED */
	uint32_t length;
};

struct capture {
	/* Read. */
	struct record *records;
	uint8_t *bytes;
	uint64_t count, next;
	uint64_t size, room, record_room; /* while the file is read in */
	bool loop;
	bool timed; /* packets have their times: RECORDED, or a wait before the first */
	bool begun;
	uint64_t after;  /* TSC ticks before the first packet */
	uint64_t origin; /* TSC that `due` counts from */
	_Atomic bool ended;
	/* Written. */
	pcap_t *dead;
	pcap_dumper_t *dumper;
	char *buffer;
	bool nanoseconds;
	uint64_t written;
	_Atomic bool failed;
};

/* Make an mbuf chain of the bytes. */
static struct rte_mbuf *make(struct rte_mempool *pool, const uint8_t *bytes, uint32_t length)
{
	struct rte_mbuf *first = rte_pktmbuf_alloc(pool), *last = first;

	if (unlikely(!first))
		return NULL;
	for (;;) {
		uint16_t part = RTE_MIN(length, rte_pktmbuf_tailroom(last));

		memcpy(rte_pktmbuf_mtod(last, char *), bytes, part);
		last->data_len = part;
		first->pkt_len += part;
		bytes += part;
		length -= part;
		if (likely(length == 0))
			return first;
		last->next = rte_pktmbuf_alloc(pool);
		if (!last->next) {
			rte_pktmbuf_free(first);
			return NULL;
		}
		last = last->next;
		first->nb_segs++;
	}
}

/* Whether the next packet's time has come; a file that is read again goes on from its end. */
static bool due(struct capture *c, const struct record *r, uint64_t now)
{
	if (unlikely(!c->begun)) {
		c->begun = true;
		c->origin = now + c->after;
	}
	return (int64_t)(now - c->origin - r->due) >= 0;
}

static uint16_t rx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct capture *c = port->private;
	uint64_t now = c->timed ? rte_rdtsc() : 0;
	uint16_t i;

	for (i = 0; i < n; i++) {
		const struct record *r;

		if (unlikely(c->next == c->count)) {
			if (!c->loop || c->count == 0)
				break;
			c->origin += c->records[c->count - 1].due;
			c->next = 0;
		}
		r = &c->records[c->next];
		if (c->timed && !due(c, r, now))
			return i;
		pkts[i] = make(port->pool, c->bytes + r->at, r->length);
		if (unlikely(!pkts[i]))
			return i; /* no memory now: this packet is read again */
		c->next++;
	}
	if (unlikely(i < n))
		atomic_store_explicit(&c->ended, true, memory_order_release);
	return i;
}

static uint16_t tx(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct capture *c = port->private;
	uint8_t room[LONGEST];
	struct pcap_pkthdr header;
	struct timespec now;
	uint16_t i;

	if (!c->dumper) {
		sl_sink_free(pkts, n);
		return n;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	header.ts.tv_sec = now.tv_sec;
	header.ts.tv_usec = c->nanoseconds ? now.tv_nsec : now.tv_nsec / 1000;
	for (i = 0; i < n; i++) {
		const void *bytes;

		header.len = pkts[i]->pkt_len;
		header.caplen = RTE_MIN(header.len, (uint32_t)LONGEST);
		bytes = rte_pktmbuf_read(pkts[i], 0, header.caplen, room);
		pcap_dump((u_char *)c->dumper, &header, bytes);
		if (unlikely(ferror(pcap_dump_file(c->dumper)))) {
			atomic_store_explicit(&c->failed, true, memory_order_relaxed);
			break;
		}
	}
	c->written += i;
	sl_sink_free(pkts, i);
	return i;
}

static int check(const void *config, struct sl_errors *errors)
{
	const struct pcap_config *c = config;

	if (!c->read && !c->write)
		return sl_fail_at(errors, &c->read, "a pcap port needs `read`, `write` or both");
	if (c->loop && !c->read)
		return sl_fail_at(errors, &c->loop, "`loop` is for a file that is read");
	if (c->read && c->write && !strcmp(c->read, c->write))
		return sl_fail_at(errors, &c->write, "cannot be the file that is read");
	return 0;
}

static const char *device(const void *config)
{
	return ((const struct pcap_config *)config)->write;
}

/* Room for one more packet of that length. */
static bool grow(struct capture *c, uint32_t length)
{
	if (c->count == c->record_room) {
		uint64_t room = c->record_room ? 2 * c->record_room : 1024;
		void *more = realloc(c->records, room * sizeof(*c->records));

		if (!more)
			return false;
		c->records = more;
		c->record_room = room;
	}
	if (c->size + length > c->room) {
		uint64_t room = RTE_MAX(2 * c->room, c->size + length + (1 << 16));
		void *more = realloc(c->bytes, room);

		if (!more)
			return false;
		c->bytes = more;
		c->room = room;
	}
	return true;
}

/* Ticks from the first packet's time stamp to this one's; stamps that go back are as the first. */
static uint64_t ticks_since(const struct timeval *first, const struct timeval *stamp)
{
	int64_t ns = (int64_t)(stamp->tv_sec - first->tv_sec) * 1000000000 +
		     (stamp->tv_usec - first->tv_usec); /* nanoseconds: see open_read() */

	return ns <= 0 ? 0 : (uint64_t)((double)ns * ((double)rte_get_tsc_hz() / 1e9));
}

static int read_all(struct capture *c, pcap_t *file, const char *path, struct sl_errors *errors)
{
	struct pcap_pkthdr *header;
	struct timeval first = {0};
	const u_char *bytes;
	int rc;

	if (pcap_datalink(file) != DLT_EN10MB)
		return sl_fail(errors, EINVAL, "%s holds packets of link type %s, not Ethernet",
			       path, pcap_datalink_val_to_name(pcap_datalink(file)));
	while ((rc = pcap_next_ex(file, &header, &bytes)) == 1) {
		if (header->caplen == 0)
			continue;
		if (!grow(c, header->caplen))
			return sl_fail(errors, ENOMEM, "no memory for the packets of %s", path);
		memcpy(c->bytes + c->size, bytes, header->caplen);
		if (c->count == 0)
			first = header->ts;
		c->records[c->count++] =
			(struct record){c->size, ticks_since(&first, &header->ts), header->caplen};
		c->size += header->caplen;
	}
	if (rc == PCAP_ERROR)
		return sl_fail(errors, EIO, "%s is damaged after %lu packets: %s", path,
			       (unsigned long)c->count, pcap_geterr(file));
	return 0;
}

static int open_read(struct capture *c, const char *path, struct sl_errors *errors)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *file =
		pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	int rc;

	if (!file)
		return sl_fail(errors, EIO, "a capture cannot be read: %s", why);
	rc = read_all(c, file, path, errors);
	pcap_close(file);
	return rc;
}

static int open_write(struct capture *c, const char *path, struct sl_errors *errors)
{
	c->dead = pcap_open_dead_with_tstamp_precision(
		DLT_EN10MB, LONGEST,
		c->nanoseconds ? PCAP_TSTAMP_PRECISION_NANO : PCAP_TSTAMP_PRECISION_MICRO);
	c->buffer = malloc(WRITE_BUFFER);
	if (!c->dead || !c->buffer)
		return sl_fail(errors, ENOMEM, "out of memory");
	c->dumper = pcap_dump_open(c->dead, path);
	if (!c->dumper)
		return sl_fail(errors, EIO, "a capture cannot be written: %s",
			       pcap_geterr(c->dead));
	/* The header first, so that who looks at the file meanwhile sees what it is. */
	pcap_dump_flush(c->dumper);
	setvbuf(pcap_dump_file(c->dumper), c->buffer, _IOFBF, WRITE_BUFFER);
	return 0;
}

static void pcap_kind_close(struct sl_port *port)
{
	struct capture *c = port->private;

	if (c->dumper)
		pcap_dump_close(c->dumper);
	if (c->dead)
		pcap_close(c->dead);
	free(c->buffer);
	free(c->records);
	free(c->bytes);
	free(c);
}

static int pcap_kind_open(struct sl_port *port, struct sl_errors *errors)
{
	const struct pcap_config *config = port->kind_config;
	struct capture *c = calloc(1, sizeof(*c));
	int rc = 0;

	if (!c)
		return sl_fail(errors, ENOMEM, "out of memory");
	port->private = c;
	c->loop = config->loop;
	c->timed = config->timing == RECORDED || config->after != 0;
	c->after = (uint64_t)((double)config->after * ((double)rte_get_tsc_hz() / 1e9));
	c->nanoseconds = config->resolution == 1;
	if (config->read)
		rc = open_read(c, config->read, errors);
	if (config->timing == FAST)
		for (uint64_t i = 0; i < c->count; i++)
			c->records[i].due = 0;
	if (rc == 0 && config->write)
		rc = open_write(c, config->write, errors);
	if (rc < 0) {
		pcap_kind_close(port);
		port->private = NULL;
		return rc;
	}
	c->ended = c->count == 0;
	port->rx_queues = port->tx_queues = 1;
	port->rx = rx;
	port->tx = tx;
	return 0;
}

static void pcap_kind_stop(struct sl_port *port)
{
	struct capture *c = port->private;

	if (c->dumper && pcap_dump_flush(c->dumper) < 0)
		c->failed = true;
}

static bool drained(const struct sl_port *port)
{
	const struct capture *c = port->private;

	return atomic_load_explicit(&c->ended, memory_order_acquire);
}

static void show(const struct sl_port *port, struct sl_json *out)
{
	const struct capture *c = port->private;

	sl_json_int(out, "file-packets", c->count);
	sl_json_int(out, "written-packets", c->written);
	if (c->failed)
		sl_json_text(out, "problem", "the file cannot be written: is the disk full?");
}

static const char *const timings[] = {"fast", "recorded", NULL};
static const char *const resolutions[] = {"microseconds", "nanoseconds", NULL};

static const struct sl_param params[] = {
	[READ] =
		{
			.name = "read",
			.kind = SL_TEXT,
			.offset = offsetof(struct pcap_config, read),
			.doc = "Capture file (pcap or pcapng) whose packets are received, as fast "
			       "as they "
			       "are taken; it is read into memory when the port opens",
		},
	[WRITE] =
		{
			.name = "write",
			.kind = SL_TEXT,
			.offset = offsetof(struct pcap_config, write),
			.doc = "Capture file that what is sent is written to; one that is there is "
			       "replaced",
		},
	{
		.name = "loop",
		.kind = SL_BOOL,
		.offset = offsetof(struct pcap_config, loop),
		.def = "false",
		.doc = "Begin again at the end of the file, without end",
	},
	{
		.name = "resolution",
		.kind = SL_ENUM,
		.offset = offsetof(struct pcap_config, resolution),
		.def = "microseconds",
		.names = resolutions,
		.doc = "Of the times in the file that is written",
	},
	{
		.name = "timing",
		.kind = SL_ENUM,
		.offset = offsetof(struct pcap_config, timing),
		.def = "fast",
		.names = timings,
		.doc = "When packets are received: `fast` as they are taken, `recorded` with the "
		       "gaps between their time stamps",
	},
	{
		.name = "after",
		.kind = SL_DURATION,
		.offset = offsetof(struct pcap_config, after),
		.doc = "Wait before the first packet, from when the port is first polled",
	},
	{.name = NULL},
};

static struct sl_port_kind pcap_kind = {
	.name = "pcap",
	.doc = "Capture files: packets are read from one and written to another",
	.params = params,
	.config_size = sizeof(struct pcap_config),
	.check = check,
	.device = device,
	.open = pcap_kind_open,
	.stop = pcap_kind_stop,
	.close = pcap_kind_close,
	.drained = drained,
	.show = show,
};
SL_PORT_KIND(pcap_kind)
