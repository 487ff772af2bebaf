/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port with addresses in a real graph: reassemble -> l3-in -> chain, l3-out -> tx, and what
 * l3-out turns back. Sinks keep what reaches them. The main thread's side is called by hand, its
 * clock is the test's.
 */
#ifndef TESTS_UNIT_L3_BED_H
#define TESTS_UNIT_L3_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_random.h>

#include <core/error/errors.h>
#include <core/flow/fusion.h>
#include <core/port/fragment.h>
#include <core/port/icmp.h>
#include <core/port/reassemble.h>

#include "vectors.h"

#define POOL_SIZE 8191
#define NOWHERE   SL_GRAPH_NO_HOP
#define MOST      4096

/* RTE_IPV4() shifts into the sign. */
#define ADDR4(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

enum place { AT_CHAIN, AT_TX, AT_BACK, PLACES };

struct bed {
	struct rte_mempool *pool;
	struct sl_errors *errors;
	struct sl_port_config config;
	struct sl_prefix addresses[8];
	struct sl_route_config routes[128];
	struct sl_neighbour_config neighbours[8];
	struct sl_port port;
	struct sl_port_node_config node_config;
	struct sl_instance *instances[8];
	struct sl_graph_hop hops[8];
	uint16_t hop_count, reassemble, in, out, fragment;
	struct sl_graph *graph;
	uint64_t now;
	struct rte_mbuf *got[PLACES][MOST];
	uint32_t got_count[PLACES];
	struct rte_mbuf *punted[MOST];
	uint32_t punted_count;
	bool punt_full, inject_full;
	uint16_t injected_worker, injected_hop;
	bool fuses; /* before bed_open(): with a hop that looks flows up before l3-out */
	uint16_t fuse;
	struct sl_fusion_control control;
	struct sl_fusion *fusion;
	uint64_t strangers; /* of main's ledger: punted by a test itself */
};
static struct bed bed;

struct sink_config {
	enum place place;
};

static void sink_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	enum place place = *(enum place *)node->data;

	for (uint16_t i = 0; i < n; i++) {
		assert_true(bed.got_count[place] < MOST);
		bed.got[place][bed.got_count[place]++] = pkts[i];
		edge[i] = SL_SENT;
	}
}

static int sink_create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	*(enum place *)sl_instance_data(instance) = ((const struct sink_config *)config)->place;
	return 0;
}

static const struct sl_node_type sink_type = {
	.name = "test-sink",
	.config_size = sizeof(struct sink_config),
	.instance_size = sizeof(enum place),
	.create = sink_create,
	.process = sink_process,
};

static inline bool bed_punt(void *context, struct sl_port *port, struct rte_mbuf *m)
{
	if (bed.punt_full)
		return false;
	bed.punted[bed.punted_count++] = m;
	return true;
}

static inline bool bed_inject(void *context, struct sl_port *port, uint16_t worker, uint16_t hop,
			      struct rte_mbuf *m)
{
	bed.injected_worker = worker;
	bed.injected_hop = hop;
	if (bed.inject_full)
		return false;
	sl_graph_push(bed.graph, hop == SL_L3_ANY ? bed.out : hop, &m, 1);
	return true;
}

static inline int bed_group_setup(void **state)
{
	static char args[][24] = {"test", "--no-huge", "-m",
				  "256",  "--no-pci",  "--no-shconf",
				  "-l",   "0",         "--log-level=error"};
	char *argv[RTE_DIM(args) + 1] = {NULL};

	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	assert_true(rte_eal_init(RTE_DIM(args), argv) >= 0);
	bed.pool = rte_pktmbuf_pool_create("bed", POOL_SIZE, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	assert_non_null(bed.pool);
	return 0;
}

static inline void bed_address(const char *text)
{
	struct sl_prefix *prefix = &bed.addresses[bed.config.addresses.count++];
	char addr[SL_ADDR_TEXT];
	const char *slash = strchr(text, '/');

	snprintf(addr, sizeof(addr), "%.*s", (int)(slash - text), text);
	assert_int_equal(sl_addr_parse(addr, &prefix->addr), 0);
	prefix->length = (uint8_t)atoi(slash + 1);
}

static inline void bed_route(const char *to, const char *via)
{
	struct sl_route_config *route = &bed.routes[bed.config.routes.count++];

	memset(route, 0, sizeof(*route));
	assert_int_equal(sl_prefix_parse(to, &route->to), 0);
	if (via != NULL)
		assert_int_equal(sl_addr_parse(via, &route->via), 0);
}

static inline void bed_static(const char *addr, uint8_t last)
{
	struct sl_neighbour_config *item = &bed.neighbours[bed.config.neighbours.count++];

	memset(item, 0, sizeof(*item));
	assert_int_equal(sl_addr_parse(addr, &item->address), 0);
	item->mac = (struct rte_ether_addr){{2, 0, 0, 0, 0, last}};
}

/* The port that most tests want, before bed_open(). */
static inline void bed_configure(void)
{
	struct rte_mempool *pool = bed.pool;

	memset(&bed, 0, sizeof(bed));
	bed.pool = pool;
	bed.config.icmp_rate = 1000000;
	bed.config.addresses.items = bed.addresses;
	bed.config.routes.items = bed.routes;
	bed.config.neighbours.items = bed.neighbours;
	bed_address("192.0.2.1/24");
	bed_address("2001:db8::1/64");
	bed_static("192.0.2.10", 0x10);
	bed_static("2001:db8::10", 0x10);
	bed_static("192.0.2.254", 0xfe);
	bed_static("2001:db8::fe", 0xfe);
}

static inline void bed_default_routes(void)
{
	bed_route("0.0.0.0/0", "192.0.2.254");
	bed_route("::/0", "2001:db8::fe");
}

static inline uint16_t bed_hop(const struct sl_node_type *type, const void *config)
{
	struct sl_graph_hop *hop = &bed.hops[bed.hop_count];

	hop->name = type->name;
	hop->instance = sl_instance_new(type, type->name, config, 0, 1, bed.errors);
	if (hop->instance == NULL)
		sl_errors_print(bed.errors, stderr);
	assert_non_null(hop->instance);
	bed.instances[bed.hop_count] = hop->instance;
	hop->edge_count = 2;
	hop->edges[SL_ON] = hop->edges[SL_BACK] = NOWHERE;
	hop->workers = 1;
	return bed.hop_count++;
}

/* Actions end at the sink behind l3-out. */
static inline void bed_add_fuse(uint16_t tx)
{
	struct sl_fusion_conf conf = {
		.control = &bed.control,
		.flows = 1024,
		.idle = 3600 * sl_hz(),
		.pool = bed.pool,
	};

	bed.control.mode = SL_FUSION_ON;
	bed.fusion = sl_fusion_new(&conf, bed.errors);
	assert_non_null(bed.fusion);
	bed.fuse = bed_hop(&sl_fuse_type, NULL);
	bed.hops[bed.fuse].edge_count = SL_EDGE_FIRST + 1;
	bed.hops[bed.fuse].edges[SL_ON] = bed.out;
	bed.hops[bed.fuse].edges[SL_EDGE_FIRST] = tx;
}

static inline void bed_open(uint16_t mtu)
{
	static const struct sink_config chain = {AT_CHAIN}, tx = {AT_TX}, back = {AT_BACK};
	struct sl_l3_path path = {.punt = bed_punt, .inject = bed_inject};
	struct sl_graph_conf conf = {0};

	bed.errors = sl_errors_new();
	bed.now = rte_rdtsc();
	bed.port = (struct sl_port){
		.name = "lan",
		.index = 3,
		.config = &bed.config,
		.ethdev = RTE_MAX_ETHPORTS,
		.pool = bed.pool,
		.mac = {{2, 0, 0, 0, 0, 1}},
		.mtu = mtu,
	};
	if (bed.config.addresses.count > 0) {
		bed.port.l3 = sl_l3_new(&bed.port, &path, bed.errors);
		if (bed.port.l3 == NULL)
			sl_errors_print(bed.errors, stderr);
		assert_non_null(bed.port.l3);
	}
	bed.node_config.port = &bed.port;
	bed.reassemble = bed_hop(&sl_reassemble_type, &bed.node_config);
	if (bed.port.l3 != NULL) {
		uint16_t sinks;

		bed.in = bed_hop(&sl_l3_in_type, &bed.node_config);
		bed.out = bed_hop(&sl_l3_out_type, &bed.node_config);
		sinks = bed_hop(&sink_type, &chain);
		bed_hop(&sink_type, &tx);
		bed_hop(&sink_type, &back);
		bed.hops[bed.reassemble].edges[SL_ON] = bed.in;
		bed.hops[bed.reassemble].edges[SL_BACK] = bed.out;
		bed.hops[bed.in].edges[SL_ON] = sinks;
		bed.hops[bed.in].edges[SL_BACK] = bed.out;
		bed.hops[bed.out].edges[SL_ON] = (uint16_t)(sinks + 1);
		bed.hops[bed.out].edges[SL_BACK] = (uint16_t)(sinks + 2);
		if (bed.fuses)
			bed_add_fuse((uint16_t)(sinks + 1));
	} else {
		bed.hops[bed.reassemble].edges[SL_ON] = bed_hop(&sink_type, &chain);
		bed.fragment = bed_hop(&sl_fragment_type, &bed.node_config);
		bed.hops[bed.fragment].edges[SL_ON] = bed_hop(&sink_type, &tx);
	}
	conf.hops = bed.hops;
	conf.hop_count = bed.hop_count;
	conf.pool = bed.pool;
	conf.fusion = bed.fusion;
	bed.graph = sl_graph_new(&conf, bed.errors);
	if (bed.graph == NULL)
		sl_errors_print(bed.errors, stderr);
	assert_non_null(bed.graph);
}

/* The law, on the worker's side and on main's, and between them. */
static inline void bed_balance(void)
{
	struct sl_ledger worker, own = {0};

	sl_graph_ledger(bed.graph, &worker);
	assert_int_equal(worker.pushed + worker.made, worker.sent + worker.dropped + worker.held +
							      worker.joined + worker.handed +
							      worker.pending);
	if (bed.port.l3 == NULL)
		return;
	sl_l3_ledger(bed.port.l3, &own);
	assert_int_equal(own.pushed + own.made, own.handed + own.dropped + own.joined + own.held);
	assert_int_equal(worker.handed + bed.strangers, own.pushed + bed.punted_count);
}

static inline void bed_run(void)
{
	while (sl_graph_walk(bed.graph, bed.now) > 0)
		;
	bed_balance();
}

static inline void bed_later(double seconds)
{
	bed.now += (uint64_t)(seconds * (double)sl_hz());
}

/* Main takes what was punted, does its round, and the worker what comes of it. */
static inline void bed_main(void)
{
	for (uint32_t i = 0; i < bed.punted_count; i++)
		sl_l3_punted(bed.port.l3, bed.punted[i]);
	bed.punted_count = 0;
	sl_l3_tick(bed.port.l3, bed.now);
	bed_run();
}

/* Main's clock goes on in steps of half a second. */
static inline void bed_wait(double seconds)
{
	for (double t = 0; t < seconds; t += 0.5) {
		bed_later(0.5);
		bed_main();
		sl_graph_tick(bed.graph, bed.now);
		bed_run();
	}
}

static inline void bed_forget(void)
{
	for (unsigned int place = 0; place < PLACES; place++) {
		rte_pktmbuf_free_bulk(bed.got[place], bed.got_count[place]);
		bed.got_count[place] = 0;
	}
}

/* Let the announcements of the start pass. */
static inline void bed_settle(void)
{
	bed_wait(8);
	bed_forget();
}

static inline void bed_close(void)
{
	bed_balance();
	bed_forget();
	rte_pktmbuf_free_bulk(bed.punted, bed.punted_count);
	sl_graph_free(bed.graph);
	for (uint16_t i = 0; i < bed.hop_count; i++)
		sl_instance_free(bed.instances[i]);
	sl_fusion_free(bed.fusion);
	sl_l3_free(bed.port.l3);
	sl_errors_free(bed.errors);
	assert_int_equal(rte_mempool_avail_count(bed.pool), bed.pool->size);
}

/* Packets from bytes. seg: bytes a segment; 0: as they fit. */
static inline struct rte_mbuf *bed_packet(const uint8_t *bytes, uint32_t length, uint32_t seg)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(bed.pool), *tail = head;

	assert_non_null(head);
	memset(sl_packet(head), 0, sizeof(struct sl_packet));
	for (uint32_t at = 0; at < length;) {
		uint32_t room = seg != 0 ? RTE_MIN(seg, 2048u) : rte_pktmbuf_tailroom(tail);
		uint32_t some = RTE_MIN(room, length - at);

		if (at > 0) {
			tail->next = rte_pktmbuf_alloc(bed.pool);
			assert_non_null(tail->next);
			tail = tail->next;
			head->nb_segs++;
			some = RTE_MIN(some, rte_pktmbuf_tailroom(tail));
		}
		memcpy(rte_pktmbuf_mtod(tail, void *), bytes + at, some);
		tail->data_len = (uint16_t)some;
		at += some;
	}
	head->pkt_len = length;
	sl_packet(head)->port = bed.port.index;
	assert_true(sl_packet_parse(head));
	return head;
}

enum vector {
#define AS_NAME(name, hex) name,
	L3_VECTORS(AS_NAME)
#undef AS_NAME
};

static inline uint32_t vector_bytes(enum vector vector, uint8_t *bytes)
{
	static const char *const hex[] = {
#define AS_TEXT(name, text) text,
		L3_VECTORS(AS_TEXT)
#undef AS_TEXT
	};
	uint32_t n = 0;

	for (const char *at = hex[vector]; *at != '\0'; at += 2, n++) {
		unsigned int byte;

		sscanf(at, "%2x", &byte);
		bytes[n] = (uint8_t)byte;
	}
	return n;
}

static inline struct rte_mbuf *vector_packet(enum vector vector)
{
	uint8_t bytes[2048];
	uint32_t length = vector_bytes(vector, bytes);

	return bed_packet(bytes, length, 0);
}

static inline void bed_push(uint16_t hop, struct rte_mbuf *m)
{
	sl_graph_push(bed.graph, hop, &m, 1);
	bed_run();
}

static inline void bed_send(uint16_t hop, enum vector vector)
{
	bed_push(hop, vector_packet(vector));
}

static inline uint32_t bed_flatten(const struct rte_mbuf *m, uint8_t *bytes)
{
	const void *at = rte_pktmbuf_read(m, 0, m->pkt_len, bytes);

	if (at != bytes)
		memcpy(bytes, at, m->pkt_len);
	return m->pkt_len;
}

/* All IP, ICMP and UDP sums of a packet are right; its fields are what a parser finds. */
static inline void check_sums(const struct rte_mbuf *m)
{
	static uint8_t bytes[70000];
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)bytes;
	const struct sl_packet *p = sl_packet(m);
	uint32_t sum = 0, length;
	void *l4;

	bed_flatten(m, bytes);
	if (p->family == SL_L3_IPV4) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ether + 1);

		assert_int_equal(rte_ipv4_cksum(ip) == 0 || rte_ipv4_cksum(ip) == 0xffff, 1);
		if (p->flags & SL_PKT_FRAGMENT)
			return;
		l4 = (uint8_t *)ip + rte_ipv4_hdr_len(ip);
		length = rte_be_to_cpu_16(ip->total_length) - rte_ipv4_hdr_len(ip);
		if (ip->next_proto_id == IPPROTO_UDP)
			sum = rte_ipv4_phdr_cksum(ip, 0);
		else if (ip->next_proto_id != IPPROTO_ICMP)
			return;
	} else if (p->family == SL_L3_IPV6 && !(p->flags & (SL_PKT_FRAGMENT | SL_PKT_OPTIONS))) {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(ether + 1);

		l4 = ip + 1;
		length = rte_be_to_cpu_16(ip->payload_len);
		if (ip->proto != IPPROTO_UDP && ip->proto != IPPROTO_ICMPV6)
			return;
		sum = rte_ipv6_phdr_cksum(ip, 0);
	} else {
		return;
	}
	sum += rte_raw_cksum(l4, length);
	sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
}

/* skip: bytes at the start that may differ. An IPv4 error's identification may too. */
static inline void check_is(const struct rte_mbuf *m, enum vector vector, uint32_t skip)
{
	uint8_t want[2048], have[2048];
	uint32_t length = vector_bytes(vector, want);

	check_sums(m);
	assert_int_equal(bed_flatten(m, have), length);
	if (want[12] == 0x08 && want[13] == 0 && want[15] == 0xc0) {
		memset(&have[18], 0, 2);
		memset(&want[18], 0, 2);
		memset(&have[24], 0, 2);
		memset(&want[24], 0, 2);
	}
	assert_memory_equal(have + skip, want + skip, length - skip);
}

static inline void check_only(enum place place, enum vector vector, uint32_t skip)
{
	for (unsigned int other = 0; other < PLACES; other++)
		assert_int_equal(bed.got_count[other], other == place);
	check_is(bed.got[place][0], vector, skip);
	bed_forget();
}

static inline void check_none(void)
{
	for (unsigned int place = 0; place < PLACES; place++)
		assert_int_equal(bed.got_count[place], 0);
}

static inline uint64_t bed_drops(uint16_t hop, const char *reason)
{
	const struct sl_name *reasons = bed.hops[hop].instance->type->reasons;

	for (uint32_t i = 0; reasons[i].name != NULL; i++)
		if (strcmp(reasons[i].name, reason) == 0)
			return sl_graph_drops(bed.graph, hop, i);
	fail_msg("no reason %s", reason);
	return 0;
}

static inline void check_dropped(uint16_t hop, const char *reason)
{
	if (bed_drops(hop, reason) != 1)
		fail_msg("%s: %" PRIu64 " instead of 1", reason, bed_drops(hop, reason));
}

#endif
