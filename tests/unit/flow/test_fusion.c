/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fused against unfused: chains of nodes that change packets at random, and say so, run the same
 * packets with fusion off, on and verified. What comes out must be equal, byte for byte, and so
 * must every counter.
 */
#include "../graph/bed.h"

#include <stdlib.h>

#include <rte_cycles.h>

#include <core/flow/execute.h>
#include <core/flow/fusion.h>

struct bed bed;

static uint64_t random_state = 1;

static uint32_t rnd(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 20) % below;
}

/* ---- Nodes that do one thing each ---- */

enum what {
	PASS,
	SET_SRC,
	SET_DST,
	SET_PORTS,
	SET_TOS,
	TTL,
	SET_MACS,
	SET_MARK,
	PUSH_FRAME,
	PUSH_SHIM,
	DROP_SOME,
	LIMIT,
	GUARD,
	SILENT, /* only in chains with a barrier */
	LIE,
	METER, /* by itself: what it decides depends on the order of packets */
	WHATS,
};

struct job {
	enum what what;
	uint8_t bytes[16];
	uint16_t port;
	bool rfc1141; /* TTL the way l3-in does it */
};

#define LONGEST 6

static struct job jobs[LONGEST];

struct counts {
	uint64_t packets, bytes, credited, credited_bytes, seen, guards;
	struct sl_anchor anchors[4096];
	uint32_t taken; /* by a meter, of these packets */
	uint16_t took[4096];
};

static void fix_checksums(struct rte_mbuf *m, uint32_t ip_delta, uint32_t l4_delta)
{
	const struct sl_packet *p = sl_packet(m);

	if (p->family == SL_L3_IPV4)
		sl_ipv4(m)->hdr_checksum = sl_checksum_apply(sl_ipv4(m)->hdr_checksum, ip_delta);
	if (p->l4 == 0)
		return;
	if (p->proto == IPPROTO_UDP)
		sl_udp(m)->dgram_cksum = sl_checksum_apply_udp(sl_udp(m)->dgram_cksum, l4_delta);
	else if (p->proto == IPPROTO_TCP)
		sl_tcp(m)->cksum = sl_checksum_apply(sl_tcp(m)->cksum, l4_delta);
}

static uint32_t replace(void *at, const void *with, unsigned int size)
{
	uint64_t delta = 0;

	for (unsigned int i = 0; i < size; i += 2) {
		uint16_t from, to;

		memcpy(&from, (uint8_t *)at + i, 2);
		memcpy(&to, (const uint8_t *)with + i, 2);
		delta += sl_checksum_delta16(from, to);
	}
	memcpy(at, with, size);
	return sl_checksum_fold(delta);
}

static void set_address(struct rte_mbuf *m, const struct job *job, struct sl_trail *trail)
{
	bool ipv4 = sl_packet(m)->family == SL_L3_IPV4, src = job->what == SET_SRC;
	uint8_t *at = (uint8_t *)sl_l3(m) + (ipv4 ? (src ? 12 : 16) : (src ? 8 : 24));
	uint32_t delta = replace(at, job->bytes, ipv4 ? 4 : 16);

	fix_checksums(m, delta, sl_packet(m)->proto == IPPROTO_ICMP ? 0 : delta);
	if (trail != NULL)
		sl_trail_set(trail, src ? SL_FIELD_IP_SRC : SL_FIELD_IP_DST, job->bytes);
}

static void set_ports(struct rte_mbuf *m, const struct job *job, struct sl_trail *trail)
{
	uint16_t ports[2] = {job->port, (uint16_t)(job->port ^ 0x5555)};

	if (!sl_has_ports(m)) {
		if (trail != NULL)
			sl_trail_pass(trail);
		return;
	}
	fix_checksums(m, 0, replace(sl_l4(m), ports, 4));
	if (trail != NULL) {
		sl_trail_set(trail, SL_FIELD_L4_SRC, &ports[0]);
		sl_trail_set(trail, SL_FIELD_L4_DST, &ports[1]);
	}
}

static void set_tos(struct rte_mbuf *m, const struct job *job, struct sl_trail *trail)
{
	uint8_t tos = job->bytes[0];

	if (sl_packet(m)->family == SL_L3_IPV4) {
		uint8_t word[2] = {*(uint8_t *)sl_l3(m), tos};

		fix_checksums(m, replace(sl_l3(m), word, 2), 0);
	} else {
		uint32_t word;

		memcpy(&word, sl_l3(m), 4);
		word = rte_cpu_to_be_32((rte_be_to_cpu_32(word) & ~0x0ff00000u) | (uint32_t)tos
											  << 20);
		memcpy(sl_l3(m), &word, 4);
	}
	if (trail != NULL)
		sl_trail_set(trail, SL_FIELD_IP_TOS, &tos);
}

static bool count_down(struct rte_mbuf *m, const struct job *job, struct sl_trail *trail)
{
	uint8_t *ttl = (uint8_t *)sl_l3(m) + (sl_packet(m)->family == SL_L3_IPV4 ? 8 : 7);

	if (*ttl <= 1) {
		if (trail != NULL)
			sl_trail_refuse(trail);
		return false;
	}
	--*ttl;
	if (sl_packet(m)->family == SL_L3_IPV4) {
		struct rte_ipv4_hdr *ip = sl_ipv4(m);

		if (job->rfc1141) {
			uint32_t sum = ip->hdr_checksum + (uint32_t)RTE_BE16(0x0100);

			ip->hdr_checksum = (uint16_t)(sum + (sum >= 0xffff));
		} else {
			ip->hdr_checksum = sl_checksum_apply(
				ip->hdr_checksum,
				sl_checksum_delta16(RTE_BE16(0x0100), RTE_BE16(0)));
		}
	}
	if (trail != NULL)
		sl_trail_ttl(trail);
	return true;
}

/* IPv4, UDP and 8 bytes more: as VXLAN has them. */
static void push_frame(struct rte_mbuf *m, const struct job *job, struct sl_trail *trail)
{
	uint16_t entropy = (uint16_t)(sl_packet(m)->l4 != 0 ? ((uint16_t *)sl_l4(m))[0] | 1 : 7);
	uint32_t total = m->pkt_len + 50;
	uint8_t *at = (uint8_t *)rte_pktmbuf_prepend(m, 50);
	struct rte_ipv4_hdr ip = {.version_ihl = 0x45,
				  .total_length = rte_cpu_to_be_16((uint16_t)(total - 14)),
				  .fragment_offset = RTE_BE16(0x4000),
				  .time_to_live = job->bytes[1] | 2,
				  .next_proto_id = IPPROTO_UDP};
	struct rte_udp_hdr udp = {.src_port = entropy,
				  .dst_port = RTE_BE16(4789),
				  .dgram_len = rte_cpu_to_be_16((uint16_t)(total - 34))};

	assert_non_null(at);
	memcpy(&ip.src_addr, job->bytes, 4);
	memcpy(&ip.dst_addr, job->bytes + 4, 4);
	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memcpy(at, job->bytes, 12);
	at[12] = 8;
	at[13] = 0;
	memcpy(at + 14, &ip, 20);
	memcpy(at + 34, &udp, 8);
	memset(at + 42, 8, 8);
	if (trail != NULL) {
		struct sl_push push = {
			.at = SL_PUSH_FRAME,
			.bytes = at,
			.length = 50,
			.l3 = 14,
			.l4 = 34,
			.length_at = {16, 38},
			.length_less = {14, 34},
			.checksum_at = 24,
			.entropy_at = 34,
		};

		sl_trail_push(trail, &push);
	}
	assert_true(sl_packet_parse(m));
}

static void push_shim(struct rte_mbuf *m, const struct job *job, struct sl_trail *trail)
{
	uint16_t l3 = sl_packet(m)->l3, type = RTE_BE16(0x8847);
	uint8_t *at = (uint8_t *)rte_pktmbuf_prepend(m, 4), label[4];

	assert_non_null(at);
	memcpy(label, job->bytes, 4);
	label[2] |= 1; /* bottom of the stack */
	memmove(at, at + 4, l3);
	memcpy(at + l3, label, 4);
	memcpy(at + l3 - 2, &type, 2);
	if (trail != NULL) {
		struct sl_push push = {
			.at = SL_PUSH_SHIM,
			.bytes = label,
			.length = 4,
			.ethertype = type,
			.l3 = SL_PUSH_NONE,
			.l4 = SL_PUSH_NONE,
			.length_at = {SL_PUSH_NONE, SL_PUSH_NONE},
			.checksum_at = SL_PUSH_NONE,
			.entropy_at = SL_PUSH_NONE,
		};

		sl_trail_push(trail, &push);
	}
	sl_packet_parse(m);
}

/* What the guard allows, by a byte of the payload that nobody changes. */
static bool odd_payload(const struct rte_mbuf *m)
{
	return (*rte_pktmbuf_mtod_offset(m, const uint8_t *, m->data_len - 1) & 7) == 3;
}

/* What a meter says, which depends on how many it has taken note of. One packet in eight may not
 * take its flow's action, though it passes. */
static bool metered(const struct job *job, uint16_t sport)
{
	return job->what == METER && (job->port == 0 || (sport & job->port) != 0);
}

static uint16_t sport_of(const struct rte_mbuf *m)
{
	return sl_packet(m)->proto == IPPROTO_TCP ? sl_tcp(m)->src_port : 0;
}

static bool meter_walks(uint16_t id)
{
	return id % 8 == 3;
}

/* It walks unasked. */
static bool ends_session(uint16_t id)
{
	return id % 8 == 7;
}

static uint8_t meter_edge(uint32_t taken, uint16_t id)
{
	return id % 8 == 5 && taken % 2 == 1 ? SL_DROP(2) : SL_ON;
}

static uint16_t id_of(const struct rte_mbuf *m)
{
	return rte_be_to_cpu_16(sl_ipv4(m)->packet_id);
}

static uint8_t meter(struct counts *counts, uint16_t id)
{
	uint8_t edge = meter_edge(counts->taken, id);

	assert_true(counts->taken < RTE_DIM(counts->took));
	counts->took[counts->taken++] = id;
	return edge;
}

static uint8_t do_job(struct sl_node *node, struct rte_mbuf *m, const struct job *job,
		      struct sl_trail *trail)
{
	bool ip = sl_packet(m)->family == SL_L3_IPV4 || sl_packet(m)->family == SL_L3_IPV6;
	struct counts *counts = node->state;
	uint32_t mark;

	if (trail != NULL)
		sl_trail_pass(trail);
	if (!ip && job->what != SET_MACS && job->what != SET_MARK)
		return SL_ON;
	switch (job->what) {
	case SET_SRC:
	case SET_DST:
		set_address(m, job, trail);
		break;
	case SET_PORTS:
		set_ports(m, job, trail);
		break;
	case SET_TOS:
		set_tos(m, job, trail);
		break;
	case TTL:
		return count_down(m, job, trail) ? SL_ON : SL_DROP(1);
	case SET_MACS:
		memcpy(sl_ether(m), job->bytes, 12);
		if (trail != NULL) {
			sl_trail_set(trail, SL_FIELD_ETH_DST, job->bytes);
			sl_trail_set(trail, SL_FIELD_ETH_SRC, job->bytes + 6);
		}
		break;
	case SET_MARK:
		mark = job->port;
		sl_packet(m)->mark = mark;
		if (trail != NULL)
			sl_trail_set(trail, SL_FIELD_MARK, &mark);
		break;
	case PUSH_FRAME:
		push_frame(m, job, trail);
		break;
	case PUSH_SHIM:
		push_shim(m, job, trail);
		break;
	case DROP_SOME: /* by the address: the same for the whole flow */
		return (((uint8_t *)sl_l3(m))[15] & 7) == 1 ? SL_DROP(0) : SL_ON;
	case LIMIT:
		if (m->pkt_len > 200u + job->port % 64) {
			if (trail != NULL) /* this packet, not the flow */
				sl_trail_refuse(trail);
			return SL_DROP(0);
		}
		if (trail != NULL)
			sl_trail_limit(trail, 200u + job->port % 64);
		break;
	case GUARD:
		if (odd_payload(m))
			return SL_DROP(2);
		counts->guards++;
		break;
	case METER:
		if (metered(job, sport_of(m)))
			return meter(counts, id_of(m));
		break;
	case LIE:
		((uint8_t *)sl_l3(m))[1] ^= 4; /* and says nothing of it */
		break;
	default:
		break;
	}
	return SL_ON;
}

/* What the main thread may do while a worker decides: change the state, and then half of
 * sl_unfuse(). */
static bool interrupted;

static void interrupt(struct sl_node *node)
{
	interrupted = false;
	jobs[0].port++;
	atomic_fetch_add(&node->instance->fusion_epoch, 1);
}

static void work(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct job *job = *(const struct job *const *)node->data;
	struct counts *counts = node->state;

	for (uint16_t i = 0; i < n; i++) {
		struct sl_trail *trail = job->what == SILENT ? NULL : sl_trail(node, pkts[i]);
		uint32_t session = sl_packet_hash(pkts[i]) % 4096, bytes = pkts[i]->pkt_len;

		if (trail != NULL) { /* before the length changes */
			sl_trail_count(trail, &counts->packets, &counts->bytes);
			sl_trail_session(trail, &counts->anchors[session], session);
			if (job->what == GUARD && sl_packet(pkts[i])->family != SL_L3_MPLS)
				sl_trail_guard(trail);
			if (metered(job, sport_of(pkts[i]))) {
				/* Some flows have a handle of their own. */
				if (session % 4 == 0)
					sl_trail_guard(trail);
				else
					sl_trail_guard_shared(trail);
			}
		}
		edge[i] = do_job(node, pkts[i], job, trail);
		counts->packets++;
		counts->bytes += bytes;
		counts->credited++;
		counts->credited_bytes += bytes;
	}
	if (interrupted)
		interrupt(node);
}

static void credit(struct sl_node *node, uint64_t handle, const struct sl_usage *usage)
{
	struct counts *counts = node->state;

	assert_true(handle < 4096);
	counts->credited += usage->packets;
	counts->credited_bytes += usage->bytes;
	counts->seen = RTE_MAX(counts->seen, usage->seen);
}

static uint16_t guard(struct sl_node *node, const uint64_t *handles,
		      const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n, bool commit)
{
	const struct job *job = *(const struct job *const *)node->data;
	struct counts *counts = node->state;

	assert_true(commit || n == 1);
	for (uint16_t i = 0; i < n; i++) {
		if (job->what == METER) {
			assert_int_equal(handles[i], sl_packet_hash(pkts[i]) % 4096);
			if (meter_walks(id_of(pkts[i])))
				return i;
			edge[i] = commit ? meter(counts, id_of(pkts[i]))
					 : meter_edge(counts->taken, id_of(pkts[i]));
			continue;
		}
		if (odd_payload(pkts[i]))
			return i;
		if (commit)
			counts->guards++;
	}
	return n;
}

static int keep_job(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	(void)errors;
	*(const void **)sl_instance_data(instance) = config;
	return 0;
}

static const struct sl_name work_reasons[] = {
	{"rule", "r"}, {"ttl", "t"}, {"guard", "g"}, {NULL, NULL}};

#define WORKER(type_name, type_flags)                                                     \
	{                                                                                 \
		.name = type_name, .flags = SL_NODE_RESIZES | (type_flags),               \
		.reasons = work_reasons, .instance_size = sizeof(void *),                 \
		.state_size = sizeof(struct counts), .create = keep_job, .process = work, \
		.credit = credit, .guard = guard                                          \
	}

static const struct sl_node_type worker_type = WORKER("worker", SL_NODE_TRAILS);
static const struct sl_node_type barrier_type = WORKER("barrier", 0);

/* ---- Where packets end: kept to be compared ---- */

#define KEPT 4096

static struct rte_mbuf *kept[3][KEPT];
static unsigned int kept_count[3], run;

static void keep(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	(void)node;
	for (uint16_t i = 0; i < n; i++) {
		assert_true(kept_count[run] < KEPT);
		kept[run][kept_count[run]++] = pkts[i];
		edge[i] = SL_SENT;
	}
}

static const struct sl_node_type sink_type = {.name = "sink", .process = keep};

/* ---- Packets ---- */

struct spec {
	bool ipv6, vlan;
	uint8_t proto, ttl, tos, flags;
	uint8_t src[16], dst[16];
	uint16_t sport, dport, length, id;
	bool no_checksum;
};

static struct rte_mbuf *make(const struct spec *s)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed.pool);
	uint16_t l3 = s->vlan ? 18 : 14, l4 = (uint16_t)(l3 + (s->ipv6 ? 40 : 20));
	uint16_t total = (uint16_t)(l4 + 20 + s->length);
	uint8_t *at;

	assert_non_null(m);
	at = (uint8_t *)rte_pktmbuf_append(m, total);
	memset(at, (int)s->id, total);
	memset(at, 2, 12);
	at[12] = s->vlan ? 0x81 : s->ipv6 ? 0x86 : 0x08;
	at[13] = s->vlan ? 0x00 : s->ipv6 ? 0xdd : 0x00;
	if (s->vlan) {
		at[14] = 0x20;
		at[15] = 7;
		at[16] = s->ipv6 ? 0x86 : 0x08;
		at[17] = s->ipv6 ? 0xdd : 0x00;
	}
	memset(at + l3, 0, (size_t)l4 - l3);
	if (s->ipv6) {
		at[l3] = (uint8_t)(0x60 | s->tos >> 4);
		at[l3 + 1] = (uint8_t)(s->tos << 4);
		at[l3 + 4] = (uint8_t)((total - l4) >> 8);
		at[l3 + 5] = (uint8_t)(total - l4);
		at[l3 + 6] = s->proto;
		at[l3 + 7] = s->ttl;
		memcpy(at + l3 + 8, s->src, 16);
		memcpy(at + l3 + 24, s->dst, 16);
	} else {
		at[l3] = 0x45;
		at[l3 + 1] = s->tos;
		at[l3 + 2] = (uint8_t)((total - l3) >> 8);
		at[l3 + 3] = (uint8_t)(total - l3);
		at[l3 + 4] = (uint8_t)(s->id >> 8);
		at[l3 + 5] = (uint8_t)s->id;
		at[l3 + 8] = s->ttl;
		at[l3 + 9] = s->proto;
		memcpy(at + l3 + 12, s->src, 4);
		memcpy(at + l3 + 16, s->dst, 4);
	}
	memcpy(at + l4, &s->sport, 2);
	memcpy(at + l4 + 2, &s->dport, 2);
	if (s->proto == IPPROTO_TCP) {
		at[l4 + 12] = 0x50;
		at[l4 + 13] = s->flags;
	} else if (s->proto == IPPROTO_UDP) {
		at[l4 + 4] = (uint8_t)((total - l4) >> 8);
		at[l4 + 5] = (uint8_t)(total - l4);
	} else {
		at[l4] = 8;
		at[l4 + 1] = 0;
		memcpy(at + l4 + 4, &s->sport, 2);
	}
	if (s->no_checksum && s->proto == IPPROTO_UDP)
		memset(at + l4 + 6, 0, 2);
	if (!s->ipv6) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(at + l3);

		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	}
	memset(sl_packet(m), 0, sizeof(struct sl_packet));
	assert_true(sl_packet_parse(m));
	return m;
}

static struct spec any_spec(unsigned int flow)
{
	struct spec s = {0};
	uint64_t before = random_state;

	random_state = flow * UINT64_C(0x9e3779b97f4a7c15) + 12345;
	s.ipv6 = rnd(4) == 0;
	s.vlan = rnd(4) == 0;
	s.proto = rnd(3) == 0 ? IPPROTO_TCP : rnd(5) == 0 && !s.ipv6 ? IPPROTO_ICMP : IPPROTO_UDP;
	s.tos = (uint8_t)rnd(256);
	for (unsigned int i = 0; i < 16; i++) {
		s.src[i] = (uint8_t)rnd(256);
		s.dst[i] = (uint8_t)rnd(256);
	}
	s.sport = (uint16_t)rnd(65536);
	s.dport = (uint16_t)rnd(65536);
	s.no_checksum = rnd(3) == 0;
	random_state = before;
	s.flags = rnd(20) == 0   ? RTE_TCP_SYN_FLAG
		  : rnd(20) == 0 ? RTE_TCP_FIN_FLAG | 0x10
		  : rnd(2) == 0  ? 0x18
				 : 0x10;
	s.ttl = (uint8_t)(rnd(10) == 0 ? rnd(6) : 64);
	s.length = (uint16_t)(rnd(10) == 0 ? rnd(400) : rnd(40));
	s.id = (uint16_t)rnd(65536);
	return s;
}

/* ---- One chain, three ways ---- */

static struct sl_fusion_control control;

static struct sl_fusion *fusion_open(uint32_t flows)
{
	struct sl_fusion_conf conf = {.control = &control,
				      .flows = flows,
				      .idle = rte_get_tsc_hz() * 10,
				      .pool = bed.pool};
	struct sl_fusion *fusion = sl_fusion_new(&conf, bed.errors);

	assert_non_null(fusion);
	bed.conf.fusion = fusion;
	return fusion;
}

/* fuse -> jobs -> sink; with a barrier, that is the job before the last. */
static uint16_t chain(unsigned int length, bool barrier)
{
	uint16_t fuse = bed_hop(&sl_fuse_type, NULL, SL_EDGE_FIRST + 2), last = fuse, ends[2];
	unsigned int end_count = 0;

	for (unsigned int i = 0; i < length; i++) {
		bool ends_here = barrier && i + 1 == length;
		uint16_t hop = bed_hop(ends_here ? &barrier_type : &worker_type, &jobs[i], 2);

		if (ends_here)
			ends[end_count++] = hop;
		bed.hops[last].edges[SL_ON] = hop;
		last = hop;
	}
	bed.hops[last].edges[SL_ON] = bed_hop(&sink_type, NULL, 2);
	ends[end_count++] = bed.hops[last].edges[SL_ON];
	for (unsigned int i = 0; i < end_count; i++)
		bed.hops[fuse].edges[SL_EDGE_FIRST + i] = ends[i];
	bed_compile();
	return fuse;
}

struct totals {
	uint64_t packets[LONGEST], bytes[LONGEST], hop_packets[LONGEST], hop_bytes[LONGEST];
	uint64_t drops[LONGEST][3], guards[LONGEST], credited[LONGEST], credited_bytes[LONGEST];
	struct sl_fusion_stats fusion;
};

static void sum_up(unsigned int length, struct sl_fusion *fusion, struct totals *totals)
{
	memset(totals, 0, sizeof(*totals));
	sl_fusion_settle(fusion);
	for (unsigned int i = 0; i < length; i++) {
		struct sl_node *node = sl_graph_node(bed.graph, (uint16_t)(1 + i));
		struct counts *counts = node->state;
		struct sl_hop_stats stats = bed_stats((uint16_t)(1 + i));

		for (unsigned int a = 0; a < 4096; a++)
			sl_anchor_sync(node, &counts->anchors[a]);
		totals->packets[i] = counts->packets;
		totals->bytes[i] = counts->bytes;
		totals->credited[i] = counts->credited;
		totals->credited_bytes[i] = counts->credited_bytes;
		totals->guards[i] = counts->guards;
		totals->hop_packets[i] = stats.packets;
		totals->hop_bytes[i] = stats.bytes;
		for (uint32_t r = 0; r < 3; r++)
			totals->drops[i][r] = sl_graph_drops(bed.graph, (uint16_t)(1 + i), r);
	}
	sl_fusion_stats(fusion, &totals->fusion);
}

static void run_chain(unsigned int mode, unsigned int length, bool barrier, uint64_t seed,
		      unsigned int flows, unsigned int bursts, struct totals *totals)
{
	struct sl_fusion *fusion;
	uint64_t now = 1000;
	uint16_t fuse;

	bed_reset();
	atomic_store(&control.mode, (uint8_t)mode);
	atomic_store(&control.sample, mode == SL_FUSION_ON ? 16 : 0);
	fusion = fusion_open(1024);
	fuse = chain(length, barrier);
	run = mode;
	kept_count[run] = 0;
	random_state = seed;
	for (unsigned int b = 0; b < bursts; b++) {
		struct rte_mbuf *pkts[64];
		uint16_t n = (uint16_t)(1 + rnd(48));

		for (uint16_t i = 0; i < n; i++) {
			struct spec s = any_spec(rnd(flows));

			pkts[i] = make(&s);
		}
		sl_graph_push(bed.graph, fuse, pkts, n);
		now += 100000000; /* past what was refused */
		sl_graph_walk(bed.graph, now);
		bed_balance();
	}
	sum_up(length, fusion, totals);
	bed_balance();
	/* Instances go before the table does, as in the engine. */
	sl_graph_free(bed.graph);
	bed.graph = NULL;
	for (uint16_t i = 0; i < bed.hop_count; i++)
		sl_instance_free(bed.instances[i]);
	bed.hop_count = 0;
	sl_fusion_free(fusion);
	sl_errors_free(bed.errors);
}

static int by_content(const void *a, const void *b)
{
	const struct rte_mbuf *x = *(struct rte_mbuf *const *)a, *y = *(struct rte_mbuf *const *)b;

	if (x->pkt_len != y->pkt_len)
		return x->pkt_len < y->pkt_len ? -1 : 1;
	return memcmp(rte_pktmbuf_mtod(x, void *), rte_pktmbuf_mtod(y, void *), x->pkt_len);
}

static void compare(unsigned int with)
{
	assert_int_equal(kept_count[0], kept_count[with]);
	for (unsigned int i = 0; i < kept_count[0]; i++) {
		const struct rte_mbuf *a = kept[0][i], *b = kept[with][i];

		assert_int_equal(a->pkt_len, b->pkt_len);
		assert_memory_equal(rte_pktmbuf_mtod(a, void *), rte_pktmbuf_mtod(b, void *),
				    a->pkt_len);
		assert_int_equal(sl_packet(a)->mark, sl_packet(b)->mark);
	}
}

static void sort_and_free(void)
{
	for (unsigned int r = 0; r < 3; r++)
		qsort(kept[r], kept_count[r], sizeof(kept[r][0]), by_content);
	compare(SL_FUSION_ON);
	compare(SL_FUSION_VERIFY);
	for (unsigned int r = 0; r < 3; r++) {
		rte_pktmbuf_free_bulk(kept[r], kept_count[r]);
		kept_count[r] = 0;
	}
	assert_int_equal(rte_mempool_avail_count(bed.pool), 16383);
}

static void choose_jobs(unsigned int length, bool barrier)
{
	bool pushed = false;

	for (unsigned int i = 0; i < length; i++) {
		do {
			jobs[i].what = (enum what)rnd(SILENT);
		} while ((jobs[i].what == PUSH_FRAME || jobs[i].what == PUSH_SHIM) && pushed);
		pushed |= jobs[i].what == PUSH_FRAME || jobs[i].what == PUSH_SHIM;
		if (barrier && i + 1 == length)
			jobs[i].what = rnd(2) == 0 ? SILENT : SET_MACS;
		for (unsigned int b = 0; b < 16; b++)
			jobs[i].bytes[b] = (uint8_t)rnd(256);
		jobs[i].port = (uint16_t)rnd(65536);
		jobs[i].rfc1141 = rnd(2) == 0;
	}
}

static void random_chains(void **state)
{
	uint64_t hits = 0, verified = 0;

	(void)state;
	for (unsigned int round = 0; round < 150; round++) {
		static struct totals totals[3];
		unsigned int length;
		bool barrier;

		random_state = round * 7919 + 1;
		length = 1 + rnd(LONGEST);
		barrier = rnd(4) == 0;
		choose_jobs(length, barrier);
		for (unsigned int mode = 0; mode < 3; mode++)
			run_chain(mode, length, barrier, round + 1, 1 + round % 60, 60,
				  &totals[mode]);
		for (unsigned int mode = 1; mode < 3; mode++) {
			assert_int_equal(totals[mode].fusion.mismatches, 0);
			assert_memory_equal(&totals[0], &totals[mode],
					    offsetof(struct totals, fusion));
		}
		hits += totals[SL_FUSION_ON].fusion.hits;
		verified += totals[SL_FUSION_VERIFY].fusion.verified;
		sort_and_free();
	}
	print_message("%lu packets took an action, %lu were verified\n", (unsigned long)hits,
		      (unsigned long)verified);
	assert_true(hits > 50000 && verified > 50000);
}

/* A node that does other than it says is found out, and its flow un-fused. */
static void lies_are_found(void **state)
{
	static struct totals totals;

	(void)state;
	jobs[0] = (struct job){.what = TTL};
	jobs[1] = (struct job){.what = LIE};
	run_chain(SL_FUSION_VERIFY, 2, false, 5, 8, 40, &totals);
	assert_true(totals.fusion.mismatches >= 4);
	/* It is not fused again for seconds, so each flow is found out about once. */
	assert_true(totals.fusion.mismatches < 60);
	run_chain(SL_FUSION_ON, 2, false, 5, 8, 60, &totals);
	assert_true(totals.fusion.mismatches > 0); /* one in 16 is looked at */
	for (unsigned int r = 1; r < 3; r++) {
		rte_pktmbuf_free_bulk(kept[r], kept_count[r]);
		kept_count[r] = 0;
	}
}

/* Flows that ask a guard are verified in the midst of their bursts too. */
static void guarded_is_verified(void **state)
{
	static struct totals totals;

	(void)state;
	jobs[0] = (struct job){.what = GUARD};
	run_chain(SL_FUSION_VERIFY, 1, false, 5, 8, 40, &totals);
	assert_int_equal(totals.fusion.mismatches, 0);
	assert_true(totals.fusion.verified > kept_count[SL_FUSION_VERIFY] / 2);
	rte_pktmbuf_free_bulk(kept[run], kept_count[run]);
	kept_count[run] = 0;
	jobs[1] = (struct job){.what = LIE};
	run_chain(SL_FUSION_VERIFY, 2, false, 5, 8, 40, &totals);
	assert_true(totals.fusion.mismatches >= 4);
	rte_pktmbuf_free_bulk(kept[run], kept_count[run]);
	kept_count[run] = 0;
}

/* ---- Life ---- */

static void send_flows(uint16_t fuse, unsigned int flow, unsigned int n, uint64_t now)
{
	struct rte_mbuf *pkts[64];

	for (unsigned int i = 0; i < n; i++) {
		struct spec s = any_spec(flow + i);

		s.ttl = 64;
		s.flags = 0x10;
		s.length = 10;
		s.ipv6 = false;
		s.proto = IPPROTO_UDP;
		pkts[i] = make(&s);
	}
	sl_graph_push(bed.graph, fuse, pkts, (uint16_t)n);
	sl_graph_walk(bed.graph, now);
	rte_pktmbuf_free_bulk(kept[run], kept_count[run]);
	kept_count[run] = 0;
}

static struct sl_fusion_stats look(struct sl_fusion *fusion)
{
	struct sl_fusion_stats stats;

	sl_fusion_stats(fusion, &stats);
	return stats;
}

static struct sl_fusion *begin(uint32_t flows, uint16_t *fuse)
{
	struct sl_fusion *fusion;

	bed_reset();
	atomic_store(&control.mode, SL_FUSION_ON);
	atomic_store(&control.sample, 0);
	jobs[0] = (struct job){.what = SET_MARK, .port = 9};
	fusion = fusion_open(flows);
	run = SL_FUSION_ON;
	*fuse = chain(1, false);
	return fusion;
}

static void end(struct sl_fusion *fusion)
{
	bed_balance();
	bed_close();
	sl_fusion_free(fusion);
}

static void unfused_by_instance(void **state)
{
	uint16_t fuse;
	struct sl_fusion *fusion = begin(1024, &fuse);

	(void)state;
	send_flows(fuse, 1, 10, 1000);
	send_flows(fuse, 1, 10, 2000);
	assert_int_equal(look(fusion).hits, 10);
	sl_unfuse(bed.instances[1]);
	assert_false(sl_fusion_swept(fusion, sl_fusion_changes()));
	send_flows(fuse, 1, 10, 3000); /* the next packet walks */
	assert_int_equal(look(fusion).hits, 10);
	send_flows(fuse, 1, 10, 4000);
	assert_int_equal(look(fusion).hits, 20);
	for (unsigned int i = 0; i < 3; i++)
		sl_graph_tick(bed.graph, rte_rdtsc() + (i + 1) * rte_get_tsc_hz());
	assert_true(sl_fusion_swept(fusion, sl_fusion_changes()));
	end(fusion);
}

/* Caches are cold then: a burst records 16, the next 32, then as many as ever. */
static void few_are_recorded_after_a_change(void **state)
{
	uint16_t fuse;
	struct sl_fusion *fusion = begin(1024, &fuse);

	(void)state;
	send_flows(fuse, 1, 64, 1000);
	assert_int_equal(look(fusion).fused, 64);
	sl_unfuse(bed.instances[1]);
	for (unsigned int i = 0, fused = 16; i < 3; i++, fused = fused * 2 + 16) {
		send_flows(fuse, 1, 64, 2000 + i);
		assert_int_equal(look(fusion).fused, 64 + RTE_MIN(fused, 64u));
	}
	assert_int_equal(look(fusion).flows, 64);
	assert_int_equal(look(fusion).cut, 64);
	send_flows(fuse, 1, 64, 3000);
	assert_int_equal(look(fusion).hits, 16 + 48 + 64);
	end(fusion);
}

/* What hits have brought, and some are free every now and then. */
static void hits_pay_for_recordings(void **state)
{
	uint16_t fuse;
	struct sl_fusion *fusion = begin(1024, &fuse);

	(void)state;
	fusion->saved = 10;
	fusion->bursts = 1;
	send_flows(fuse, 1, 64, 1000);
	assert_int_equal(look(fusion).fused, 10);
	send_flows(fuse, 65, 64, 2000);
	assert_int_equal(look(fusion).fused, 10);
	fusion->bursts = 0;
	send_flows(fuse, 129, 64, 3000);
	assert_int_equal(look(fusion).fused, 10 + FREE_RECORDED);
	send_flows(fuse, 1, 10, 4000);
	assert_int_equal(look(fusion).hits, 10);
	send_flows(fuse, 193, 64, 5000);
	assert_int_equal(look(fusion).fused, 10 + FREE_RECORDED + 10);
	fusion->saved = MOST_SAVED;
	send_flows(fuse, 1, 10, 6000);
	assert_int_equal(fusion->saved, MOST_SAVED);
	end(fusion);
}

/* However many are stale, a round takes out only some. */
static void swept_in_slices(void **state)
{
	uint16_t fuse;
	struct sl_fusion *fusion = begin(65536, &fuse);
	unsigned int slices = 1;

	(void)state;
	for (unsigned int i = 0; i < 64; i++)
		send_flows(fuse, 1 + i * 64, 64, 1000 + i);
	assert_true(look(fusion).flows > 3000);
	assert_false(sl_graph_sweep(bed.graph)); /* nothing is stale */
	sl_unfuse(bed.instances[1]);
	sl_graph_refresh(bed.graph);
	assert_false(sl_fusion_swept(fusion, sl_fusion_changes()));
	while (sl_graph_sweep(bed.graph))
		slices++;
	assert_true(slices > 1);
	assert_true(sl_fusion_swept(fusion, sl_fusion_changes()));
	assert_int_equal(look(fusion).flows, 0);
	end(fusion);
}

/* The packets on their way were decided about by the old state, whatever the epoch is by then. */
static void unfused_while_it_decides(void **state)
{
	uint16_t fuse;
	struct sl_fusion *fusion = begin(1024, &fuse);

	(void)state;
	interrupted = true;
	send_flows(fuse, 1, 10, 1000);
	sl_unfuse(bed.instances[0]); /* the other half */
	send_flows(fuse, 1, 10, 2000);
	assert_int_equal(look(fusion).hits, 0);
	send_flows(fuse, 1, 10, 3000);
	assert_int_equal(look(fusion).hits, 10);
	end(fusion);
}

static void cut_by_anchor(void **state)
{
	uint16_t fuse;
	struct sl_fusion *fusion = begin(1024, &fuse);
	struct sl_node *node;
	struct counts *counts;

	(void)state;
	send_flows(fuse, 1, 10, 1000);
	send_flows(fuse, 1, 10, 2000);
	node = sl_graph_node(bed.graph, 1);
	counts = node->state;
	assert_int_equal(counts->credited, 10);
	for (unsigned int a = 0; a < 4096; a++)
		sl_anchor_sync(node, &counts->anchors[a]);
	assert_int_equal(counts->credited, 20);
	assert_int_equal(counts->seen, 2000);
	for (unsigned int a = 0; a < 4096; a++) {
		sl_anchor_cut(node, &counts->anchors[a]);
		assert_int_equal(counts->anchors[a].first, 0);
	}
	assert_int_equal(look(fusion).flows, 0);
	assert_int_equal(look(fusion).cut, 10);
	send_flows(fuse, 1, 10, 3000);
	assert_int_equal(look(fusion).hits, 10);
	end(fusion);
}

static void full_table_evicts_the_idle(void **state)
{
	uint64_t hz = rte_get_tsc_hz();
	uint16_t fuse;
	struct sl_fusion *fusion = begin(64, &fuse);

	(void)state;
	send_flows(fuse, 0, 60, 1000);
	send_flows(fuse, 100, 60, 2000); /* the first are in use still: no room */
	assert_int_equal(look(fusion).flows, 64);
	assert_int_equal(look(fusion).no_room, 56);
	assert_int_equal(look(fusion).evicted, 0);
	send_flows(fuse, 200, 30, 2000 + 2 * hz);
	assert_int_equal(look(fusion).flows, 64);
	assert_int_equal(look(fusion).evicted, 30);
	end(fusion);
}

static void idle_flows_end(void **state)
{
	uint64_t hz = rte_get_tsc_hz(), now = rte_rdtsc();
	uint16_t fuse;
	struct sl_fusion *fusion = begin(1024, &fuse);

	(void)state;
	send_flows(fuse, 0, 50, now);
	for (unsigned int i = 0; i < 100; i++)
		sl_graph_tick(bed.graph, now + (i + 1) * hz / 100);
	assert_int_equal(look(fusion).flows, 50);
	for (unsigned int i = 0; i < 200; i++)
		sl_graph_tick(bed.graph, now + 11 * hz + (i + 1) * hz / 100);
	assert_int_equal(look(fusion).flows, 0);
	assert_int_equal(look(fusion).aged, 50);
	end(fusion);
}

/* ---- Guards of a burst ---- */

/* What the two meters of a chain make of packets in this order, asked one by one. */
struct model {
	struct counts meters[2];
	bool walks[64]; /* flows, in this burst */
	uint16_t out[KEPT];
	unsigned int out_count, hits;
};

static bool meters(const struct model *model, unsigned int i, uint16_t sport, uint16_t id,
		   uint8_t *edge)
{
	if (!metered(&jobs[i], sport))
		return false;
	*edge = meter_edge(model->meters[i].taken, id);
	return true;
}

/* False: it walks. */
static bool model_take(struct model *model, uint16_t sport, uint16_t id)
{
	uint8_t edge[2] = {SL_ON, SL_ON};
	bool asked[2];

	for (unsigned int i = 0; i < 2; i++)
		asked[i] = meters(model, i, sport, id, &edge[i]);
	if (model->walks[sport] || meter_walks(id) || ends_session(id))
		return false;
	for (unsigned int i = 0; i < 2; i++) {
		if (asked[i])
			meter(&model->meters[i], id);
		if (edge[i] != SL_ON)
			break;
	}
	if (edge[0] == SL_ON && edge[1] == SL_ON)
		model->out[model->out_count++] = id;
	model->hits++;
	return true;
}

static void model_burst(struct model *model, const uint16_t *sports, const uint16_t *ids,
			unsigned int n, bool fused)
{
	unsigned int walkers[256], walker_count = 0;

	memset(model->walks, 0, sizeof(model->walks));
	for (unsigned int i = 0; i < n; i++) {
		if (fused && model_take(model, sports[i], ids[i]))
			continue;
		model->walks[sports[i]] = true;
		walkers[walker_count++] = i;
	}
	for (unsigned int i = 0; i < walker_count; i++) {
		uint16_t sport = sports[walkers[i]], id = ids[walkers[i]];
		bool on = true;

		for (unsigned int j = 0; j < 2 && on; j++)
			on = !metered(&jobs[j], sport) || meter(&model->meters[j], id) == SL_ON;
		if (on)
			model->out[model->out_count++] = id;
	}
}

static void compare_meters(struct model *model, uint64_t hits, struct sl_fusion *fusion)
{
	struct sl_fusion_stats stats;

	sl_fusion_stats(fusion, &stats);
	assert_int_equal(stats.hits - hits, model->hits);
	assert_int_equal(kept_count[run], model->out_count);
	for (unsigned int i = 0; i < model->out_count; i++)
		assert_int_equal(id_of(kept[run][i]), model->out[i]);
	for (unsigned int i = 0; i < 2; i++) {
		struct counts *counts = sl_graph_node(bed.graph, (uint16_t)(1 + i))->state;

		assert_int_equal(counts->taken, model->meters[i].taken);
		assert_memory_equal(counts->took, model->meters[i].took,
				    counts->taken * sizeof(counts->took[0]));
		counts->taken = 0;
	}
	rte_pktmbuf_free_bulk(kept[run], kept_count[run]);
	kept_count[run] = 0;
}

/* Packets of these flows, in this order, with these numbers. */
static void send_metered(uint16_t fuse, const uint16_t *sports, const uint16_t *ids, unsigned int n,
			 uint64_t now)
{
	struct rte_mbuf *pkts[256];

	for (unsigned int i = 0; i < n; i++) {
		struct spec s = {.proto = IPPROTO_TCP, .ttl = 64, .sport = sports[i], .id = ids[i]};

		s.flags = ends_session(ids[i]) ? 0x11 : 0x10;
		pkts[i] = make(&s);
	}
	sl_graph_push(bed.graph, fuse, pkts, (uint16_t)n);
	sl_graph_walk(bed.graph, now);
	bed_balance();
}

/* Guards are asked about many packets at once, and decide as if asked about each in its order:
 * which packets pass, are dropped or walk, and what the guards took note of. */
static void guards_of_a_burst(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 60; round++) {
		static struct model model;
		struct sl_fusion *fusion;
		uint64_t now = 1000, hits = 0;
		uint16_t fuse, sports[256], ids[256], flows;

		random_state = round * 104729 + 7;
		bed_reset();
		atomic_store(&control.mode, SL_FUSION_ON);
		atomic_store(&control.sample, 0);
		/* All flows ask the first; none, some or all the second as well. */
		jobs[0] = (struct job){.what = METER};
		jobs[1] =
			(struct job){.what = round % 3 == 0 ? PASS : METER, .port = round % 3 == 1};
		fusion = fusion_open(1024);
		run = SL_FUSION_ON;
		fuse = chain(2, false);
		flows = (uint16_t)(1 + rnd(60));
		for (uint16_t i = 0; i < flows; i++) {
			sports[i] = i;
			ids[i] = 8;
		}
		memset(&model, 0, sizeof(model));
		model_burst(&model, sports, ids, flows, false);
		send_metered(fuse, sports, ids, flows, now);
		compare_meters(&model, 0, fusion);
		assert_int_equal(look(fusion).flows, flows);
		for (unsigned int burst = 0; burst < 6; burst++) {
			unsigned int n = 1 + rnd(256);

			memset(&model, 0, sizeof(model));
			for (unsigned int i = 0; i < n; i++) {
				sports[i] = (uint16_t)rnd(flows);
				ids[i] = (uint16_t)rnd(round % 2 == 0 ? 65536 : 3);
			}
			model_burst(&model, sports, ids, n, true);
			hits = look(fusion).hits;
			send_metered(fuse, sports, ids, n, now += 1000);
			compare_meters(&model, hits, fusion);
		}
		end(fusion);
	}
}

/* ---- Parts ---- */

/* All ways to write the front give the same, and nothing beyond. */
static void fronts(void **state)
{
	static struct action action;

	(void)state;
	for (unsigned int i = 0; i < MOST_FRONT; i++)
		action.front[i] = (uint8_t)(i * 7 + 1);
	for (unsigned int length = 1; length <= MOST_FRONT; length++) {
		uint8_t one[MOST_FRONT + 64], other[MOST_FRONT + 64];

		action.front_length = (uint16_t)length;
		memset(one, 0xee, sizeof(one));
		memset(other, 0xee, sizeof(other));
		write_front(one, &action);
		write_front_blocks(other, &action);
		assert_memory_equal(one, other, sizeof(one));
		assert_memory_equal(one, action.front, length);
		assert_int_equal(one[length], 0xee);
	}
}

static int open_bed(void **state)
{
	(void)state;
	bed_open();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_chains),
		cmocka_unit_test(lies_are_found),
		cmocka_unit_test(guarded_is_verified),
		cmocka_unit_test(guards_of_a_burst),
		cmocka_unit_test(unfused_by_instance),
		cmocka_unit_test(few_are_recorded_after_a_change),
		cmocka_unit_test(hits_pay_for_recordings),
		cmocka_unit_test(swept_in_slices),
		cmocka_unit_test(unfused_while_it_decides),
		cmocka_unit_test(cut_by_anchor),
		cmocka_unit_test(full_table_evicts_the_idle),
		cmocka_unit_test(idle_flows_end),
		cmocka_unit_test(fronts),
	};

	return cmocka_run_group_tests(tests, open_bed, NULL);
}
