/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-forward IN OUT MILLISECONDS RUNS: IPv4 forwarding by DPDK's own graph and its own nodes,
 * as its example l3fwd-graph puts them together: ethdev_rx, pkt_cls, ip4_lookup, ip4_rewrite,
 * ethdev_tx. IN and OUT are device arguments. Prints the TSC cycles a packet of each run, by the
 * time that the thread had its core.
 */
#define ALLOW_EXPERIMENTAL_API

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_graph.h>
#include <rte_graph_worker.h>
#include <rte_ip.h>
#include <rte_node_eth_api.h>
#include <rte_node_ip4_api.h>

#define PORTS 2

/* pkt_cls goes by the packet type, of which a capture's packets have none: the example adds this
 * callback for such drivers too. */
static uint16_t classify(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
			 uint16_t most, void *context)
{
	for (uint16_t i = 0; i < n; i++) {
		const struct rte_ether_hdr *eth =
			rte_pktmbuf_mtod(pkts[i], const struct rte_ether_hdr *);

		pkts[i]->packet_type = RTE_PTYPE_L2_ETHER;
		if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
			pkts[i]->packet_type |= RTE_PTYPE_L3_IPV4;
	}
	return n;
}

static void open_port(uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};

	if (rte_eth_dev_configure(port, 1, 1, &conf) < 0 ||
	    rte_eth_rx_queue_setup(port, 0, 512, SOCKET_ID_ANY, NULL, pool) < 0 ||
	    rte_eth_tx_queue_setup(port, 0, 512, SOCKET_ID_ANY, NULL) < 0 ||
	    rte_eth_add_rx_callback(port, 0, classify, NULL) == NULL || rte_eth_dev_start(port) < 0)
		rte_exit(EXIT_FAILURE, "port %u does not start\n", port);
}

static struct rte_graph *make_graph(struct rte_mempool **pool)
{
	static const char *const nodes[] = {"ethdev_rx-0-0", "ip4*",     "ethdev_tx-*",
					    "pkt_drop",      "pkt_cls*", NULL};
	struct rte_graph_param param = {.socket_id = (int)rte_socket_id(),
					.nb_node_patterns = 5,
					.node_patterns = (void *)nodes};
	struct rte_node_ethdev_config ports[PORTS];
	uint8_t header[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

	for (uint16_t i = 0; i < PORTS; i++)
		ports[i] = (struct rte_node_ethdev_config){
			.port_id = i,
			.num_rx_queues = 1,
			.num_tx_queues = 1,
			.mp = pool,
			.mp_count = 1,
		};
	if (rte_node_eth_config(ports, PORTS, 1) < 0 ||
	    rte_graph_create("forward", &param) == RTE_GRAPH_ID_INVALID ||
	    rte_node_ip4_route_add(RTE_IPV4(198, 19, 0, 0), 16, 0,
				   RTE_NODE_IP4_LOOKUP_NEXT_REWRITE) < 0 ||
	    rte_node_ip4_rewrite_add(0, header, sizeof(header), 1) < 0)
		rte_exit(EXIT_FAILURE, "no graph\n");
	return rte_graph_lookup("forward");
}

static uint64_t sent(void)
{
	struct rte_eth_stats stats;

	rte_eth_stats_get(1, &stats);
	return stats.opackets;
}

static double thread_seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double cycles_a_packet(struct rte_graph *graph, uint64_t milliseconds)
{
	uint64_t packets = sent(), end = rte_rdtsc() + milliseconds * rte_get_tsc_hz() / 1000;
	double seconds = thread_seconds();

	while (rte_rdtsc() < end)
		for (unsigned int i = 0; i < 256; i++)
			rte_graph_walk(graph);
	packets = sent() - packets;
	if (packets == 0)
		rte_exit(EXIT_FAILURE, "no packet was forwarded\n");
	return (thread_seconds() - seconds) * (double)rte_get_tsc_hz() / (double)packets;
}

int main(int argc, char **argv)
{
	/* EAL wants words that it may write to. */
	char memory[] = "--in-memory", pci[] = "--no-pci", log[] = "--log-level=error";
	char cores[] = "-l", core[] = "1", vdev[] = "--vdev", in[512], out[512];
	char *words[] = {argv[0], memory, pci, log, cores, core, vdev, in, vdev, out};
	struct rte_mempool *pool;
	struct rte_graph *graph;

	if (argc != 5) {
		fprintf(stderr, "usage: bench-forward IN OUT MILLISECONDS RUNS\n");
		return 2;
	}
	snprintf(in, sizeof(in), "%s", argv[1]);
	snprintf(out, sizeof(out), "%s", argv[2]);
	if (rte_eal_init(RTE_DIM(words), words) < 0)
		return EXIT_FAILURE;
	pool = rte_pktmbuf_pool_create("bench", 32767, 256, RTE_GRAPH_BURST_SIZE,
				       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL || rte_eth_dev_count_avail() != PORTS)
		rte_exit(EXIT_FAILURE, "no packets or ports\n");
	for (uint16_t port = 0; port < PORTS; port++)
		open_port(port, pool);
	graph = make_graph(&pool);
	(void)cycles_a_packet(graph, 100); /* warm */
	for (unsigned int i = 0; i < strtoul(argv[4], NULL, 10); i++)
		printf("%.1f\n", cycles_a_packet(graph, strtoul(argv[3], NULL, 10)));
	return 0;
}
