/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles a packet of the same work in different systems. Every run measures each system for
 * about a millisecond, one after the other, so that what disturbs the machine disturbs all alike;
 * the median over many runs forgets the disturbed ones.
 */
#ifndef TESTS_BENCH_GRAPH_BENCH_H
#define TESTS_BENCH_GRAPH_BENCH_H

#include <stdint.h>
#include <string.h>

#include <rte_mbuf.h>

#include <sluice/packet.h>

#define BENCH_PACKETS 256 /* what the source goes round in: as many as the largest burst */
#define BENCH_NODES   8

/* What nodes do with a packet. */
enum bench_work {
	BENCH_NOTHING,
	BENCH_TOUCH, /* count down the TTL of its IPv4 header */
	BENCH_SPLIT, /* one node sends packets one of four ways, at random; they merge again */
	BENCH_WORKS,
};

struct bench_shape {
	enum bench_work work;
	unsigned int nodes;
	uint16_t burst;
};

/* A system with that shape built in it. */
struct bench_subject {
	const char *system;
	void (*run)(void *context, unsigned int bursts);
	void *context;
};

struct bench_source {
	uint32_t at;
	uint16_t burst;
};

extern struct rte_mbuf *bench_packets[BENCH_PACKETS];
extern uint32_t bench_salt; /* of the random split: another one each burst */

static inline void bench_fill(struct bench_source *source, void **pkts)
{
	memcpy(pkts, bench_packets + source->at, source->burst * sizeof(pkts[0]));
	source->at = (source->at + source->burst) % BENCH_PACKETS;
	bench_salt = bench_salt * 1664525 + 1013904223;
}

/* The work itself is the same code in all systems. */
static inline void bench_touch(struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		rte_pktmbuf_mtod_offset(pkts[i], struct rte_ipv4_hdr *, 14)->time_to_live--;
}

static inline unsigned int bench_way(const struct rte_mbuf *m, uint32_t salt)
{
	return (m->hash.rss ^ salt) * 2654435761u >> 30;
}

struct bench_subject bench_source_alone(uint16_t burst);
struct bench_subject bench_plain(const struct bench_shape *shape);
struct bench_subject bench_sluice(const struct bench_shape *shape);
struct bench_subject bench_rte_graph(const struct bench_shape *shape);

/* Cycles a unit of each subject: median of `runs`. units: packets (or keys) a burst. */
void bench_measure(const struct bench_subject *subjects, unsigned int count, unsigned int units,
		   unsigned int runs, double *cycles);

void bench_index(unsigned int runs);
void bench_index_add(unsigned int runs);
void bench_index_grow(unsigned int runs);
void bench_parse(unsigned int runs);

#endif
