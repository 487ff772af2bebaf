/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NAT against what must always hold, on random traffic over several workers: both directions of
 * a session meet on one worker, a mapping is endpoint-independent, no two share an outside
 * endpoint, what comes back is byte for byte what was sent, filters let through what they should
 * and nothing else. The harness checks every checksum by computing it anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>

#include <tests/unit/harness.h>

#define SECOND       1000000000ull
#define MOST_WORKERS 64
#define MOST_KNOWN   4096

static const struct sl_node_type *type;

static int load(void **state)
{
	void *handle = dlopen(SL_BUILD_DIR "/plugins/nat.so", RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL)
		return -1;
	type = &((const struct sl_plugin *)dlsym(handle, "sl_plugin"))->types[0];
	return 0;
}

/* One endpoint, host order. */
struct end {
	uint32_t addr;
	uint16_t port;
	uint8_t proto;
};

/* A session that was let out, as an observer on both sides knows it. */
struct known {
	struct end inside, outside, remote;
};

struct model {
	struct sl_test *t;
	uint32_t workers;
	struct known known[MOST_KNOWN];
	unsigned int count;
	uint32_t random;
};

static uint32_t pick(struct model *model, uint32_t below)
{
	model->random = model->random * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)model->random * below) >> 32);
}

static const char *text(uint32_t addr, char *room)
{
	sprintf(room, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255, addr & 255);
	return room;
}

static struct rte_mbuf *make(struct model *model, const struct end *from, const struct end *to,
			     uint8_t tcp_flags, bool reply)
{
	char from_text[20], to_text[20];
	bool icmp = from->proto == IPPROTO_ICMP;

	return SL_TEST_PACKET(.proto = from->proto, .from = text(from->addr, from_text),
			      .to = text(to->addr, to_text), .sport = from->port, .dport = to->port,
			      .tcp_flags = tcp_flags, .icmp_type = icmp && !reply ? 8 : 0,
			      .icmp_id = reply ? to->port : from->port,
			      .length = (uint16_t)pick(model, 60),
			      .no_checksum = from->proto == IPPROTO_UDP && pick(model, 4) == 0,
			      .vlan = pick(model, 8) == 0 ? 9 : 0);
}

static struct end source_of(const struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = sl_ipv4(m);
	bool icmp = ip->next_proto_id == IPPROTO_ICMP;

	return (struct end){rte_be_to_cpu_32(ip->src_addr),
			    rte_be_to_cpu_16(icmp ? sl_icmp(m)->icmp_ident : sl_udp(m)->src_port),
			    ip->next_proto_id};
}

static bool same(const struct end *a, const struct end *b)
{
	return a->addr == b->addr && a->port == b->port && a->proto == b->proto;
}

/* Go to the worker that the engine would send it to. */
static uint32_t spread(struct model *model, const struct rte_mbuf *m, enum sl_side side)
{
	uint32_t worker =
		type->spread(sl_test_instance(model->t), m, side, model->workers) % model->workers;

	sl_test_worker(model->t, worker);
	return worker;
}

static struct rte_mbuf *copy_bytes(const struct rte_mbuf *m)
{
	return sl_test_bytes(rte_pktmbuf_mtod(m, const void *), m->data_len);
}

static void assert_same_bytes(const struct rte_mbuf *a, const struct rte_mbuf *b)
{
	assert_int_equal(a->data_len, b->data_len);
	assert_memory_equal(rte_pktmbuf_mtod(a, const void *), rte_pktmbuf_mtod(b, const void *),
			    a->data_len);
}

/* Remember a translation; it must agree with all that were seen. */
static void learn(struct model *model, const struct known *k)
{
	for (unsigned int i = 0; i < model->count; i++) {
		const struct known *old = &model->known[i];

		/* The same inside endpoint, the same outside one; and the other way round. */
		assert_int_equal(same(&old->inside, &k->inside), same(&old->outside, &k->outside));
		if (same(&old->inside, &k->inside) && same(&old->remote, &k->remote))
			return;
		/* Pairing: one outside address for a host. */
		if (old->inside.addr == k->inside.addr)
			assert_int_equal(old->outside.addr, k->outside.addr);
	}
	assert_true(model->count < MOST_KNOWN);
	model->known[model->count++] = *k;
}

/* A packet out, its reply in, and both undone: what the far end answers comes home. */
static void exchange(struct model *model)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	uint8_t proto = protos[pick(model, 3)];
	bool icmp = proto == IPPROTO_ICMP;
	struct known k = {
		.inside = {0x0a000000 + pick(model, 40), (uint16_t)(1 + pick(model, 6)), proto},
		.remote = {0xc0000200 + pick(model, 5), (uint16_t)(icmp ? 0 : 1 + pick(model, 3)),
			   proto},
	};
	struct rte_mbuf *m = make(model, &k.inside, &k.remote, RTE_TCP_SYN_FLAG, false), *reply;
	uint32_t worker = spread(model, m, SL_INSIDE);

	assert_int_equal(sl_test_one(model->t, SL_INSIDE, m), SL_ON);
	m = sl_test_take(model->t, SL_INSIDE, SL_ON, 0);
	k.outside = source_of(m);
	assert_in_range(k.outside.addr, 0xc6336401, 0xc6336404);
	assert_true(k.outside.port >= 1024);
	if (proto == IPPROTO_UDP)
		assert_int_equal(k.outside.port & 1, k.inside.port & 1);
	learn(model, &k);
	sl_test_free(m);

	reply = make(model, &k.remote, &k.outside, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, true);
	assert_int_equal(spread(model, reply, SL_OUTSIDE), worker);
	assert_int_equal(sl_test_one(model->t, SL_OUTSIDE, reply), SL_ON);
	reply = sl_test_take(model->t, SL_OUTSIDE, SL_ON, 0);
	assert_int_equal(sl_ipv4(reply)->dst_addr, rte_cpu_to_be_32(k.inside.addr));
	if (icmp)
		assert_int_equal(sl_icmp(reply)->icmp_ident, rte_cpu_to_be_16(k.inside.port));
	else
		assert_int_equal(sl_udp(reply)->dst_port, rte_cpu_to_be_16(k.inside.port));
	sl_test_free(reply);
}

/* The packet as the receiver gets it, sent back with ends exchanged, becomes the original with
 * ends exchanged. So translate a mirrored pair and compare every byte. */
static void reversible(struct model *model)
{
	const struct known *k = &model->known[pick(model, model->count)];
	struct rte_mbuf *m, *there, *expected;

	m = make(model, &k->remote, &k->outside, RTE_TCP_ACK_FLAG, true);
	expected = copy_bytes(m);
	spread(model, m, SL_OUTSIDE);
	assert_int_equal(sl_test_one(model->t, SL_OUTSIDE, m), SL_ON);
	there = sl_test_take(model->t, SL_OUTSIDE, SL_ON, 0);
	if (k->inside.proto != IPPROTO_ICMP) {
		struct rte_ipv4_hdr *ip = sl_ipv4(there);
		struct rte_udp_hdr *ports = sl_udp(there);
		uint32_t addr = ip->src_addr;
		uint16_t port = ports->src_port;

		ip->src_addr = ip->dst_addr; /* sums do not mind */
		ip->dst_addr = addr;
		ports->src_port = ports->dst_port;
		ports->dst_port = port;
		sl_packet_parse(there);
		spread(model, there, SL_INSIDE);
		assert_int_equal(sl_test_one(model->t, SL_INSIDE, there), SL_ON);
		m = sl_test_take(model->t, SL_INSIDE, SL_ON, 0);
		ip = sl_ipv4(m);
		ports = sl_udp(m);
		addr = ip->src_addr;
		ip->src_addr = ip->dst_addr;
		ip->dst_addr = addr;
		port = ports->src_port;
		ports->src_port = ports->dst_port;
		ports->dst_port = port;
		assert_same_bytes(m, expected);
		sl_test_free(m);
	} else {
		sl_test_free(there);
	}
	sl_test_free(expected);
}

/* From a remote that may or may not be let in. */
static void intrude(struct model *model, int filter)
{
	const struct known *k = &model->known[pick(model, model->count)];
	struct end remote = {0xc0000200 + pick(model, 8), (uint16_t)(1 + pick(model, 6)),
			     k->inside.proto};
	bool address = false, exact = false;
	struct rte_mbuf *m;
	int edge;

	if (k->inside.proto != IPPROTO_UDP)
		return;
	for (unsigned int i = 0; i < model->count; i++) {
		const struct known *other = &model->known[i];

		if (!same(&other->inside, &k->inside) || other->remote.addr != remote.addr)
			continue;
		address = true;
		exact |= other->remote.port == remote.port;
	}
	m = make(model, &remote, &k->outside, 0, true);
	spread(model, m, SL_OUTSIDE);
	edge = sl_test_one(model->t, SL_OUTSIDE, m);
	assert_int_equal(edge == SL_ON, filter == 0 || (filter == 1 && address) || exact);
	if (edge == SL_ON && !exact) /* now it is a session, as if the host had begun it */
		learn(model, &(struct known){k->inside, k->outside, remote});
}

/* One host to another by its outside address. */
static void hairpin(struct model *model)
{
	const struct known *a = &model->known[pick(model, model->count)];
	const struct known *b = &model->known[pick(model, model->count)];
	struct rte_mbuf *m;
	int edge;

	if (a->inside.proto != IPPROTO_UDP || b->inside.proto != IPPROTO_UDP)
		return;
	/* Its own session, so that the answer may pass. */
	m = make(model, &b->inside, &a->outside, 0, false);
	spread(model, m, SL_INSIDE);
	sl_test_one(model->t, SL_INSIDE, m);

	m = make(model, &a->inside, &b->outside, 0, false);
	spread(model, m, SL_INSIDE);
	edge = sl_test_one(model->t, SL_INSIDE, m);
	assert_int_equal(edge, SL_BACK);
	m = sl_test_out(model->t, SL_INSIDE, SL_BACK, 0);
	assert_int_equal(sl_ipv4(m)->src_addr, rte_cpu_to_be_32(a->outside.addr));
	assert_int_equal(sl_udp(m)->src_port, rte_cpu_to_be_16(a->outside.port));
	assert_int_equal(sl_ipv4(m)->dst_addr, rte_cpu_to_be_32(b->inside.addr));
	assert_int_equal(sl_udp(m)->dst_port, rte_cpu_to_be_16(b->inside.port));
}

/* Errors about either direction reach the same worker and come out about the other side. */
static void error(struct model *model)
{
	const struct known *k = &model->known[pick(model, model->count)];
	bool in = pick(model, 2) == 0;
	struct rte_mbuf *m, *about;
	uint32_t worker;

	if (k->inside.proto == IPPROTO_ICMP)
		return;
	about = in ? make(model, &k->inside, &k->remote, RTE_TCP_ACK_FLAG, false)
		   : make(model, &k->remote, &k->outside, RTE_TCP_ACK_FLAG, true);
	worker = spread(model, about, in ? SL_INSIDE : SL_OUTSIDE);
	assert_int_equal(sl_test_one(model->t, in ? SL_INSIDE : SL_OUTSIDE, about), SL_ON);
	about = sl_test_take(model->t, in ? SL_INSIDE : SL_OUTSIDE, SL_ON, 0);
	m = sl_test_icmp_error(about, in ? "203.0.113.9" : "10.0.99.1", 3, (uint8_t)pick(model, 4));
	sl_test_free(about);
	assert_int_equal(spread(model, m, in ? SL_OUTSIDE : SL_INSIDE), worker);
	assert_int_equal(sl_test_one(model->t, in ? SL_OUTSIDE : SL_INSIDE, m), SL_ON);
	m = sl_test_out(model->t, in ? SL_OUTSIDE : SL_INSIDE, SL_ON, 0);
	if (in)
		assert_int_equal(sl_ipv4(m)->dst_addr, rte_cpu_to_be_32(k->inside.addr));
	else
		assert_int_equal(sl_ipv4(m)->src_addr, rte_cpu_to_be_32(k->outside.addr));
}

static void play(uint32_t workers, int filter, const char *more, unsigned int rounds)
{
	static const char *const filters[] = {"endpoint-independent", "address-dependent",
					      "address-and-port-dependent"};
	const struct sl_test_options options = {.workers = workers};
	struct model *model = calloc(1, sizeof(*model));
	char yaml[400];

	snprintf(yaml, sizeof(yaml),
		 "inside: 10.0.0.0/8\npool: 198.51.100.1-198.51.100.4\nsessions: 65536\n"
		 "tcp-established-timeout: 300 s\n"
		 "filtering: %s\n%s",
		 filters[filter], more);
	model->t = sl_test_new_with(type, yaml, &options);
	model->workers = workers;
	model->random = workers * 77 + (uint32_t)filter;
	exchange(model);
	for (unsigned int i = 0; i < rounds; i++)
		switch (pick(model, 6)) {
		case 0:
			reversible(model);
			break;
		case 1:
			intrude(model, filter);
			break;
		case 2:
			hairpin(model);
			break;
		case 3:
			error(model);
			break;
		default:
			exchange(model);
		}
	/* All ends, and all ports are free again. */
	for (uint32_t w = 0; w < workers; w++) {
		sl_test_worker(model->t, w);
		for (int i = 0; i < 10; i++)
			sl_test_advance(model->t, 60 * SECOND);
	}
	assert_int_equal(sl_test_counter(model->t, "sessions-ended"),
			 sl_test_counter(model->t, "sessions-made"));
	assert_int_equal(sl_test_counter(model->t, "mappings-ended"),
			 sl_test_counter(model->t, "mappings-made"));
	assert_int_equal(sl_test_counter(model->t, "blocks-released"),
			 sl_test_counter(model->t, "blocks-assigned"));
	sl_test_end(model->t);
	free(model);
}

static void one_worker(void **state)
{
	for (int filter = 0; filter < 3; filter++)
		play(1, filter, "", 3000);
}

static void several_workers(void **state)
{
	for (uint32_t workers = 2; workers <= 4; workers++)
		for (int filter = 0; filter < 3; filter++)
			play(workers, filter, "", 1500);
	play(64, 1, "", 600);
	play(7, 2, "block-size: 512\nblocks-per-subscriber: 8\n", 1500);
	play(3, 0, "preserve-port: true\nports: 1024-9000\n", 1500);
}

/* TCP between hosts of two workers: each sees one direction of it, and lets it live. */
static void hairpin_between_workers(void **state)
{
	static const uint8_t flags[] = {RTE_TCP_SYN_FLAG, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG,
					RTE_TCP_ACK_FLAG, RTE_TCP_ACK_FLAG};
	const struct sl_test_options options = {.workers = 2};
	struct sl_test *t = sl_test_new_with(
		type,
		"pool: 198.51.100.1\n"
		"forward: {proto: tcp, outside: 198.51.100.1, port: 80, inside: 10.0.0.1}\n",
		&options);
	struct model model = {.t = t, .workers = 2, .random = 1};
	struct end server = {0x0a000001, 80, IPPROTO_TCP}, client = {0x0a000002, 7, IPPROTO_TCP};
	struct end front = {0xc6336401, 80, IPPROTO_TCP}, back = {0, 0, 0};
	struct rte_mbuf *m = make(&model, &server, &front, 0, false);
	uint32_t worker = spread(&model, m, SL_INSIDE);

	sl_test_free(m);
	for (;; client.addr++) {
		bool other;

		m = make(&model, &client, &front, 0, false);
		other = spread(&model, m, SL_INSIDE) != worker;
		sl_test_free(m);
		if (other)
			break;
	}
	for (int i = 0; i < 8; i++) {
		bool answer = i % 2 == 1;

		m = answer ? make(&model, &server, &back, flags[RTE_MIN(i, 3)], false)
			   : make(&model, &client, &front, flags[RTE_MIN(i, 3)], false);
		assert_int_equal(spread(&model, m, SL_INSIDE) == worker, answer);
		assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_BACK);
		m = sl_test_out(t, SL_INSIDE, SL_BACK, 0);
		if (!answer)
			back = source_of(m);
		else
			assert_int_equal(sl_ipv4(m)->dst_addr, rte_cpu_to_be_32(client.addr));
		if (i < 4)
			continue;
		for (uint32_t w = 0; w < 2; w++) {
			sl_test_worker(t, w);
			for (int minute = 0; minute < 10; minute++)
				sl_test_advance(t, 60 * SECOND);
		}
	}
	assert_int_equal(sl_test_counter(t, "sessions-made"), 2);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 0);
	sl_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_worker),
		cmocka_unit_test(several_workers),
		cmocka_unit_test(hairpin_between_workers),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
