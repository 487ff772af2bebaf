/* SPDX-License-Identifier: BSD-3-Clause */
/* Parsing what a port received: UDP in IPv4, checksum checked, hash made; packets in the cache. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_debug.h>

#include <core/packet/parse.h>

#define BURST 64

static struct rte_mbuf *packets[BENCH_PACKETS];

static void run_parse(void *context, unsigned int bursts)
{
	uint32_t *at = context;
	uint8_t why[BURST];

	while (bursts-- > 0) {
		if (sl_packet_receive(packets + *at, why, BURST, 1) != 0)
			rte_exit(EXIT_FAILURE, "a packet to be parsed is no good\n");
		*at = (*at + BURST) % BENCH_PACKETS;
	}
}

static void make_frame(struct rte_mbuf *m, uint32_t number)
{
	struct frame {
		struct rte_ether_hdr ether;
		struct rte_ipv4_hdr ip;
		struct rte_udp_hdr udp;
	} __rte_packed __rte_aligned(2) *frame = rte_pktmbuf_mtod(m, struct frame *);

	m->data_len = 64;
	m->pkt_len = 64;
	memset(rte_pktmbuf_mtod(m, uint8_t *), 0, 64);
	frame->ether.dst_addr.addr_bytes[0] = frame->ether.src_addr.addr_bytes[0] = 2;
	frame->ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	frame->ip.version_ihl = RTE_IPV4_VHL_DEF;
	frame->ip.total_length = RTE_BE16(50);
	frame->ip.time_to_live = 64;
	frame->ip.next_proto_id = IPPROTO_UDP;
	frame->ip.src_addr = rte_cpu_to_be_32(RTE_IPV4(198, 18, 0, 0) + number);
	frame->ip.dst_addr = rte_cpu_to_be_32(RTE_IPV4(198, 19, 0, 1));
	frame->ip.hdr_checksum = rte_ipv4_cksum(&frame->ip);
	frame->udp.src_port = rte_cpu_to_be_16((uint16_t)(1024 + number));
	frame->udp.dst_port = RTE_BE16(53);
	frame->udp.dgram_len = RTE_BE16(30);
}

void bench_parse(unsigned int runs)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create("bench-parse", BENCH_PACKETS, 0, 0,
							   RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	uint32_t at = 0;
	const struct bench_subject subject = {"sluice", run_parse, &at};
	double cycles;

	if (pool == NULL || rte_pktmbuf_alloc_bulk(pool, packets, BENCH_PACKETS) != 0)
		rte_exit(EXIT_FAILURE, "no packets\n");
	for (uint32_t i = 0; i < BENCH_PACKETS; i++)
		make_frame(packets[i], i);
	bench_measure(&subject, 1, BURST, runs, &cycles);
	printf("{\"case\": \"parse\", \"system\": \"sluice\", \"burst\": %u, \"flows\": %u, "
	       "\"bytes\": 64, \"cycles\": %.2f, \"source_cycles\": 0, \"mpps\": %.1f, "
	       "\"runs\": %u}\n",
	       BURST, BENCH_PACKETS, cycles, (double)rte_get_tsc_hz() / 1e6 / cycles, runs);
	fflush(stdout);
	rte_pktmbuf_free_bulk(packets, BENCH_PACKETS);
	rte_mempool_free(pool);
}
