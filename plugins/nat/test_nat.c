/* SPDX-License-Identifier: BSD-3-Clause */
/* NAT by example: what each RFC asks for, one test each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_byteorder.h>

#include <tests/unit/harness.h>

#define SECOND 1000000000ull

static const struct sl_node_type *type;

static int load(void **state)
{
	void *handle = dlopen(SL_BUILD_DIR "/plugins/nat.so", RTLD_NOW | RTLD_LOCAL);
	const struct sl_plugin *plugin;

	if (handle == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
	plugin = (const struct sl_plugin *)dlsym(handle, "sl_plugin");
	type = &plugin->types[0];
	return 0;
}

static struct rte_mbuf *packet(uint8_t proto, const char *from, uint16_t sport, const char *to,
			       uint16_t dport)
{
	return SL_TEST_PACKET(.proto = proto, .from = from, .to = to, .sport = sport,
			      .dport = dport, .length = 40);
}

/* The edge a drop of that name has. */
static int dropped(const char *reason)
{
	for (int i = 0; type->reasons[i].name != NULL; i++)
		if (strcmp(type->reasons[i].name, reason) == 0)
			return SL_DROP(i);
	fail_msg("no reason %s", reason);
	return -1;
}

static const struct rte_mbuf *out(struct sl_test *t, enum sl_side from, uint8_t edge)
{
	assert_true(sl_test_count(t, from, edge) >= 1);
	return sl_test_out(t, from, edge, 0);
}

/* Send from inside; the outside port it got, host order. */
static uint16_t send_out(struct sl_test *t, uint8_t proto, const char *from, uint16_t sport,
			 const char *to, uint16_t dport)
{
	struct rte_mbuf *m =
		proto == IPPROTO_TCP
			? SL_TEST_PACKET(.proto = proto, .from = from, .to = to, .sport = sport,
					 .dport = dport, .tcp_flags = RTE_TCP_SYN_FLAG)
			: packet(proto, from, sport, to, dport);

	assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
	return rte_be_to_cpu_16(sl_udp(out(t, SL_INSIDE, SL_ON))->src_port);
}

/* Send from outside; the edge. */
static int send_in(struct sl_test *t, uint8_t proto, const char *from, uint16_t sport,
		   const char *to, uint16_t dport, uint8_t tcp_flags)
{
	return sl_test_one(t, SL_OUTSIDE,
			   SL_TEST_PACKET(.proto = proto, .from = from, .to = to, .sport = sport,
					  .dport = dport, .tcp_flags = tcp_flags, .length = 40));
}

static void expect_text(struct sl_test *t, enum sl_side from, uint8_t edge, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void expect_text(struct sl_test *t, enum sl_side from, uint8_t edge, const char *format, ...)
{
	char text[120];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	assert_string_equal(sl_test_text(out(t, from, edge)), text);
}

#define BASE "inside: 10.0.0.0/8\npool: 198.51.100.1\n"
#define POOL "198.51.100.1"
#define HOST "10.0.0.1"
#define FAR  "192.0.2.1"

/* RFC 4787 REQ-1 and the way back, by each protocol with ports. */
static void round_trip(void **state)
{
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP};

	for (unsigned int i = 0; i < 2; i++) {
		struct sl_test *t = sl_test_new(type, BASE);
		unsigned int name = protos[i];
		uint16_t port = send_out(t, protos[i], HOST, 5000, FAR, 53);

		expect_text(t, SL_INSIDE, SL_ON, POOL " %u > " FAR " 53 %u", port, name);
		assert_int_equal(send_in(t, protos[i], FAR, 53, POOL, port, 0), SL_ON);
		expect_text(t, SL_OUTSIDE, SL_ON, FAR " 53 > " HOST " 5000 %u", name);
		/* Now known: the quick way must do the same. */
		assert_int_equal(sl_test_one(t, SL_INSIDE, packet(protos[i], HOST, 5000, FAR, 53)),
				 SL_ON);
		expect_text(t, SL_INSIDE, SL_ON, POOL " %u > " FAR " 53 %u", port, name);
		assert_int_equal(send_in(t, protos[i], FAR, 53, POOL, port, 0), SL_ON);
		expect_text(t, SL_OUTSIDE, SL_ON, FAR " 53 > " HOST " 5000 %u", name);
		assert_int_equal(sl_test_counter(t, "sessions-made"), 1);
		assert_int_equal(sl_test_counter(t, "translated-out"), 2);
		assert_int_equal(sl_test_counter(t, "translated-in"), 2);
		sl_test_end(t);
	}
}

/* RFC 5508 REQ-1: queries by their id; two hosts with one id are told apart. */
static void icmp_query(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);
	uint16_t id[2];

	for (unsigned int i = 0; i < 2; i++) {
		const char *host = i == 0 ? HOST : "10.0.0.2";

		assert_int_equal(
			sl_test_one(t, SL_INSIDE,
				    SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = host, .to = FAR,
						   .icmp_type = 8, .icmp_id = 77, .length = 33)),
			SL_ON);
		id[i] = rte_be_to_cpu_16(sl_icmp(out(t, SL_INSIDE, SL_ON))->icmp_ident);
	}
	assert_int_not_equal(id[0], id[1]);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(
			sl_test_one(t, SL_OUTSIDE,
				    SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = FAR, .to = POOL,
						   .icmp_type = 0, .icmp_id = id[i], .length = 33)),
			SL_ON);
		assert_int_equal(sl_icmp(out(t, SL_OUTSIDE, SL_ON))->icmp_ident,
				 rte_cpu_to_be_16(77));
		assert_int_equal(sl_ipv4(out(t, SL_OUTSIDE, SL_ON))->dst_addr,
				 rte_cpu_to_be_32(0x0a000001 + i));
	}
	assert_int_equal(sl_test_one(t, SL_OUTSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = "192.0.2.9",
						    .to = POOL, .icmp_type = 8, .icmp_id = id[0])),
			 dropped("filtered"));
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = HOST, .to = FAR,
						    .icmp_type = 0, .icmp_id = 99)),
			 dropped("no-mapping"));
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = HOST, .to = FAR,
						    .icmp_type = 5, .icmp_id = 99)),
			 dropped("unsupported-icmp"));
	sl_test_end(t);
}

/* RFC 4787 REQ-1: one outside port whatever the remote; each protocol its own. */
static void endpoint_independent_mapping(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);
	uint16_t port = send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 53);

	assert_int_equal(send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 54), port);
	assert_int_equal(send_out(t, IPPROTO_UDP, HOST, 5000, "192.0.2.2", 53), port);
	assert_int_not_equal(send_out(t, IPPROTO_UDP, HOST, 5001, FAR, 53), port);
	assert_int_not_equal(send_out(t, IPPROTO_UDP, "10.0.0.2", 5000, FAR, 53), port);
	assert_int_equal(sl_test_counter(t, "mappings-made"), 3);
	assert_int_equal(sl_test_counter(t, "sessions-made"), 5);
	sl_test_end(t);
}

/* RFC 4787 REQ-8, RFC 5382 REQ-3. */
static void filtering(void **state)
{
	static const char *const modes[] = {"endpoint-independent", "address-dependent",
					    "address-and-port-dependent"};

	for (int mode = 0; mode < 3; mode++) {
		char yaml[200];
		struct sl_test *t;
		uint16_t port, tcp;

		snprintf(yaml, sizeof(yaml), BASE "filtering: %s\n", modes[mode]);
		t = sl_test_new(type, yaml);
		port = send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 53);
		tcp = send_out(t, IPPROTO_TCP, HOST, 5000, FAR, 53);
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 53, POOL, port, 0), SL_ON);
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 54, POOL, port, 0),
				 mode == 2 ? dropped("filtered") : SL_ON);
		assert_int_equal(send_in(t, IPPROTO_UDP, "192.0.2.2", 53, POOL, port, 0),
				 mode >= 1 ? dropped("filtered") : SL_ON);
		assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 9, POOL, tcp, RTE_TCP_SYN_FLAG),
				 mode == 2 ? dropped("filtered") : SL_ON);
		assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 10, POOL, tcp, RTE_TCP_ACK_FLAG),
				 mode == 2 ? dropped("filtered") : dropped("not-syn"));
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 53, POOL, port ^ 2, 0),
				 dropped("no-mapping"));
		/* A permit goes with its last session. */
		sl_test_advance(t, 121 * SECOND);
		sl_test_advance(t, 200 * SECOND);
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 54, POOL, port, 0),
				 dropped("no-mapping"));
		sl_test_end(t);
	}
}

static void who_is_translated(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);

	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "11.0.0.1", 1, FAR, 2)),
			 dropped("not-ours"));
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 1, "224.0.0.1", 2)),
			 dropped("not-ours"));
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 1, HOST, 2, 0), dropped("not-ours"));
	assert_int_equal(send_in(t, IPPROTO_UDP, POOL, 1, POOL, 2, 0), dropped("spoofed"));
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.from = "2001:db8::1", .to = "2001:db8::2")),
			 SL_ON);
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.from = HOST, .to = FAR, .proto = IPPROTO_GRE)),
			 dropped("unsupported-protocol"));
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_TCP, HOST, 1, FAR, 2)),
			 dropped("not-syn"));
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.from = HOST, .to = FAR, .more = true,
						    .first = true, .length = 64)),
			 dropped("fragment"));
	sl_test_end(t);

	t = sl_test_new(type, BASE "except: 172.16.0.0/12\n");
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 1, "172.16.0.1", 2)),
			 SL_ON);
	expect_text(t, SL_INSIDE, SL_ON, HOST " 1 > 172.16.0.1 2 17");
	assert_int_equal(send_in(t, IPPROTO_UDP, "172.16.0.1", 2, HOST, 1, 0), SL_ON);
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 2, HOST, 1, 0), dropped("not-ours"));
	assert_int_equal(sl_test_counter(t, "passed"), 2);
	sl_test_end(t);

	t = sl_test_new(type, BASE "others: pass\n");
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "11.0.0.1", 1, FAR, 2)),
			 SL_ON);
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 1, HOST, 2, 0), SL_ON);
	expect_text(t, SL_OUTSIDE, SL_ON, FAR " 1 > " HOST " 2 17");
	assert_int_equal(sl_test_counter(t, "passed"), 2);
	sl_test_end(t);
}

/* RFC 4787 REQ-3 and REQ-4. */
static void ports(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);

	for (uint16_t port = 3000; port < 3100; port++)
		assert_int_equal(send_out(t, IPPROTO_UDP, HOST, port, FAR, 53) & 1, port & 1);
	sl_test_end(t);

	t = sl_test_new(type, BASE "preserve-port: true\n");
	assert_int_equal(send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 53), 5000);
	assert_int_equal(send_out(t, IPPROTO_TCP, HOST, 5001, FAR, 53), 5001);
	assert_int_not_equal(send_out(t, IPPROTO_UDP, "10.0.0.2", 5000, FAR, 53), 5000);
	assert_true(send_out(t, IPPROTO_UDP, HOST, 80, FAR, 53) >= 1024);
	sl_test_end(t);

	t = sl_test_new(type, BASE "ports: 2000-2009\n");
	for (uint16_t port = 0; port < 10; port++) {
		uint16_t got = send_out(t, IPPROTO_UDP, HOST, 3000 + 2 * port, FAR, 53);

		assert_in_range(got, 2000, 2009);
		if (port < 5)
			assert_int_equal(got & 1, 0);
	}
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 4000, FAR, 53)),
			 dropped("pool-exhausted"));
	sl_test_end(t);
}

/* RFC 4787 REQ-2: a host keeps its outside address; hosts are shared among addresses. */
static void pooling(void **state)
{
	struct sl_test *t =
		sl_test_new(type, "pool: 198.51.100.0/28\nports: 2000-2099\npooling: paired\n");
	unsigned int seen[16] = {0}, used = 0;

	for (unsigned int host = 1; host <= 60; host++) {
		char name[20];
		uint32_t addr = 0;

		snprintf(name, sizeof(name), "10.0.0.%u", host);
		for (uint16_t i = 0; i < 4; i++) {
			send_out(t, IPPROTO_UDP, name, 1000 + i, FAR, 53);
			if (i != 0)
				assert_int_equal(addr, sl_ipv4(out(t, SL_INSIDE, SL_ON))->src_addr);
			addr = sl_ipv4(out(t, SL_INSIDE, SL_ON))->src_addr;
		}
		seen[rte_be_to_cpu_32(addr) & 15]++;
	}
	for (unsigned int i = 0; i < 16; i++)
		used += seen[i] != 0;
	assert_true(used > 8);
	sl_test_end(t);

	for (unsigned int i = 0; i < 2; i++) {
		unsigned int on = 0;

		t = sl_test_new(type, i == 0 ? "pool: 198.51.100.0/31\nports: 2000-2009\n"
					     : "pool: 198.51.100.0/31\nports: 2000-2009\n"
					       "pooling: arbitrary\n");
		for (uint16_t port = 0; port < 21; port++)
			on += sl_test_one(t, SL_INSIDE,
					  packet(IPPROTO_UDP, HOST, 4000 + port, FAR, 53)) == SL_ON;
		assert_int_equal(on, i == 0 ? 10 : 20);
		sl_test_end(t);
	}
}

/* RFC 6888 REQ-4 and bulk logging. */
static void blocks(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "ports: 1024-1535\nblock-size: 64\n"
						   "blocks-per-subscriber: 2\nlog: blocks\n"
						   "unreachable: false\n");
	unsigned int block[2] = {0, 0}, last = 0;

	for (unsigned int i = 0; i < 128; i++) {
		uint16_t port = send_out(t, IPPROTO_TCP, HOST, (uint16_t)(1000 + i), FAR, 53);

		last = port / 64;
		if (i < 64) {
			assert_true(i == 0 || block[0] == last);
			block[0] = last;
		} else {
			assert_true(i == 64 || block[1] == last);
			block[1] = last;
		}
	}
	assert_int_not_equal(block[0], block[1]);
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = HOST, .to = FAR,
						    .sport = 999, .dport = 53,
						    .tcp_flags = RTE_TCP_SYN_FLAG)),
			 dropped("block-limit"));
	/* The blocks serve the other protocols too. */
	last = send_out(t, IPPROTO_UDP, HOST, 1000, FAR, 53) / 64;
	assert_true(last == block[0] || last == block[1]);
	assert_int_equal(sl_test_event_count(t), 2);
	assert_string_equal(sl_test_event_name(t, 0), "block-assigned");
	for (unsigned int i = 2; i <= 7; i++) {
		char name[20];

		snprintf(name, sizeof(name), "10.0.0.%u", i);
		send_out(t, IPPROTO_UDP, name, 1000, FAR, 53);
	}
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "10.0.0.8", 1, FAR, 53)),
			 dropped("pool-exhausted"));
	assert_int_equal(sl_test_event_count(t), 8);
	sl_test_advance(t, 130 * SECOND); /* UDP ends, blocks of those hosts are free */
	assert_int_equal(sl_test_counter(t, "blocks-released"), 6);
	sl_test_advance(t, 130 * SECOND); /* TCP that was never answered */
	assert_int_equal(sl_test_counter(t, "blocks-released"), 8);
	assert_int_equal(sl_test_event_count(t), 16);
	assert_string_equal(sl_test_event_name(t, 15), "block-released");
	send_out(t, IPPROTO_UDP, "10.0.0.8", 1, FAR, 53);
	sl_test_end(t);
}

static void limits(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "mappings-per-subscriber: 2\n"
						   "sessions-per-subscriber: 4\nsubscribers: 2\n");

	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);
	send_out(t, IPPROTO_UDP, HOST, 2, FAR, 53);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 3, FAR, 53)),
			 dropped("mapping-limit"));
	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 54);
	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 55);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 1, FAR, 56)),
			 dropped("session-limit"));
	send_out(t, IPPROTO_UDP, "10.0.0.2", 1, FAR, 53);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "10.0.0.3", 1, FAR, 53)),
			 dropped("subscriber-limit"));
	sl_test_advance(t, 121 * SECOND);
	send_out(t, IPPROTO_UDP, "10.0.0.3", 1, FAR, 53);
	sl_test_end(t);

	t = sl_test_new(type, BASE "sessions: 3\nunreachable: false\n");
	for (uint16_t port = 1; port <= 3; port++)
		send_out(t, IPPROTO_UDP, HOST, port, FAR, 53);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 4, FAR, 53)),
			 dropped("session-limit"));
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 1, FAR, 54)),
			 dropped("session-limit"));
	assert_int_equal(sl_test_counter(t, "mappings-made"), 3);
	sl_test_advance(t, 121 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 3);
	for (uint16_t port = 1; port <= 3; port++)
		send_out(t, IPPROTO_UDP, HOST, port, FAR, 54);
	sl_test_end(t);
}

/* RFC 6888 REQ-11: the host is told, at a rate. */
static void unreachable(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "ports: 2000-2000\nunreachable-rate: 1/s\n");
	const struct rte_mbuf *m;

	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);
	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < 3; j++) {
			assert_int_equal(
				sl_test_one(t, SL_INSIDE,
					    SL_TEST_PACKET(.from = HOST, .to = FAR, .sport = 2,
							   .dport = 53, .length = 900, .vlan = 7)),
				dropped("pool-exhausted"));
			assert_int_equal(sl_test_count(t, SL_INSIDE, SL_BACK), j == 0);
			if (j != 0)
				continue;
			m = out(t, SL_INSIDE, SL_BACK);
			assert_null(sl_test_wrong(sl_test_out(t, SL_INSIDE, SL_BACK, 0)));
			assert_int_equal(sl_icmp(m)->icmp_type, 3);
			assert_int_equal(sl_icmp(m)->icmp_code, 1);
			assert_int_equal(sl_ipv4(m)->dst_addr, rte_cpu_to_be_32(0x0a000001));
			assert_int_equal(sl_packet(m)->vlan, 7);
			assert_int_equal(rte_be_to_cpu_16(sl_ipv4(m)->total_length), 576);
		}
		sl_test_advance(t, 2 * SECOND);
	}
	sl_test_end(t);
}

/* RFC 4787 REQ-5 and REQ-6, RFC 5382 REQ-5, RFC 5508 REQ-2. */
static void timeouts(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);
	uint16_t port = send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);

	sl_test_advance(t, 119 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 0);
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 53, POOL, port, 0), SL_ON);
	sl_test_advance(t, 100 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 0);
	sl_test_advance(t, 80 * SECOND); /* 299 s after the last packet from inside */
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 0);
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 53, POOL, port, 0), SL_ON);
	sl_test_advance(t, 3 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 1);
	assert_int_equal(sl_test_counter(t, "mappings-ended"), 1);
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 53, POOL, port, 0), dropped("no-mapping"));

	/* From inside it stays. */
	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);
	for (int i = 0; i < 5; i++) {
		sl_test_advance(t, 110 * SECOND);
		assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 1, FAR, 53)),
				 SL_ON);
	}
	assert_int_equal(sl_test_counter(t, "sessions-made"), 2);
	sl_test_end(t);

	t = sl_test_new(type, BASE "refresh-inbound: true\n");
	port = send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);
	for (int i = 0; i < 5; i++) {
		sl_test_advance(t, 110 * SECOND);
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 53, POOL, port, 0), SL_ON);
	}
	sl_test_end(t);

	t = sl_test_new(type, BASE);
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = HOST, .to = FAR,
						    .icmp_type = 8, .icmp_id = 7)),
			 SL_ON);
	sl_test_advance(t, 59 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 0);
	sl_test_advance(t, 2 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 1);
	sl_test_end(t);
}

static uint16_t connect_tcp(struct sl_test *t)
{
	uint16_t port = send_out(t, IPPROTO_TCP, HOST, 1000, FAR, 80);

	assert_int_equal(
		send_in(t, IPPROTO_TCP, FAR, 80, POOL, port, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG),
		SL_ON);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_TCP, HOST, 1000, FAR, 80)),
			 SL_ON);
	return port;
}

static void pass_hours(struct sl_test *t, uint64_t seconds)
{
	for (uint64_t at = 0; at < seconds; at += 60)
		sl_test_advance(t, RTE_MIN(seconds - at, 60u) * SECOND);
}

static int tcp_out(struct sl_test *t, uint8_t flags)
{
	return sl_test_one(t, SL_INSIDE,
			   SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = HOST, .to = FAR,
					  .sport = 1000, .dport = 80, .tcp_flags = flags));
}

/* RFC 5382 REQ-5 and RFC 7857, section 2. */
static void tcp_timeouts(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);
	uint16_t port = send_out(t, IPPROTO_TCP, HOST, 1000, FAR, 80);

	pass_hours(t, 239); /* a SYN alone */
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 0);
	pass_hours(t, 3);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 1);

	connect_tcp(t); /* established: 2 h 4 min */
	pass_hours(t, 7430);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 1);
	pass_hours(t, 12);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 2);

	port = connect_tcp(t); /* closed by one end: still open */
	assert_int_equal(tcp_out(t, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG), SL_ON);
	pass_hours(t, 1000);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 2);
	assert_int_equal(
		send_in(t, IPPROTO_TCP, FAR, 80, POOL, port, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG),
		SL_ON);
	assert_int_equal(tcp_out(t, RTE_TCP_ACK_FLAG), SL_ON);
	pass_hours(t, 238);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 2);
	pass_hours(t, 5);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 3);

	port = connect_tcp(t); /* reset, and not believed */
	assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 80, POOL, port, RTE_TCP_RST_FLAG), SL_ON);
	assert_int_equal(tcp_out(t, RTE_TCP_ACK_FLAG), SL_ON);
	pass_hours(t, 1000);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 3);
	assert_int_equal(tcp_out(t, RTE_TCP_RST_FLAG), SL_ON); /* reset */
	pass_hours(t, 243);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 4);

	port = connect_tcp(t); /* closed, and the ports used again */
	assert_int_equal(tcp_out(t, RTE_TCP_RST_FLAG), SL_ON);
	assert_int_equal(connect_tcp(t), port);
	pass_hours(t, 1000);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 4);
	sl_test_end(t);
}

/* RFC 6888 REQ-8 with its exceptions. */
static void port_hold(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "ports: 2000-2003\npreserve-parity: false\n"
						   "filtering: endpoint-independent\n"
						   "unreachable: false\n");

	for (uint16_t i = 0; i < 3; i++)
		send_out(t, IPPROTO_UDP, HOST, 1 + i, FAR, 53);
	sl_test_advance(t, 121 * SECOND);
	assert_int_equal(sl_test_counter(t, "mappings-ended"), 3);
	send_out(t, IPPROTO_UDP, HOST, 10, FAR, 53); /* the fourth port, the others are held */
	assert_int_equal(sl_test_counter(t, "ports-early"), 0);
	send_out(t, IPPROTO_UDP, HOST, 11, FAR, 53);
	assert_int_equal(sl_test_counter(t, "ports-early"), 3);
	sl_test_end(t);

	t = sl_test_new(type, BASE "ports: 2000-2000\npreserve-parity: false\n"
				   "filtering: endpoint-independent\nport-hold: 10 s\n");
	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);
	sl_test_advance(t, 121 * SECOND);
	sl_test_advance(t, 11 * SECOND);
	send_out(t, IPPROTO_UDP, HOST, 2, FAR, 53);
	assert_int_equal(sl_test_counter(t, "ports-early"), 0);
	sl_test_end(t);
}

/* RFC 4787 REQ-9: with the outside address and port as source. */
static void hairpin(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "filtering: endpoint-independent\n");
	uint16_t b = send_out(t, IPPROTO_UDP, "10.0.0.2", 6000, FAR, 53), a;

	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 5000, POOL, b)),
			 SL_BACK);
	a = rte_be_to_cpu_16(sl_udp(out(t, SL_INSIDE, SL_BACK))->src_port);
	expect_text(t, SL_INSIDE, SL_BACK, POOL " %u > 10.0.0.2 6000 17", a);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "10.0.0.2", 6000, POOL, a)),
			SL_BACK);
		expect_text(t, SL_INSIDE, SL_BACK, POOL " %u > " HOST " 5000 17", b);
	}
	assert_int_equal(send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 53), a);
	assert_int_equal(sl_test_counter(t, "hairpinned"), 4);
	/* Who writes such a source outside is not believed. */
	assert_int_equal(send_in(t, IPPROTO_UDP, POOL, a, POOL, b, 0), dropped("spoofed"));
	sl_test_end(t);

	t = sl_test_new(type, BASE);
	b = send_out(t, IPPROTO_UDP, "10.0.0.2", 6000, FAR, 53);
	a = send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 53);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 5000, POOL, b)),
			 dropped("filtered"));
	/* It has opened its own filter by that (as peers with ICE do). */
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "10.0.0.2", 6000, POOL, a)),
			 SL_BACK);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 5000, POOL, b)),
			 SL_BACK);
	sl_test_end(t);

	t = sl_test_new(type, BASE "hairpinning: false\n");
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 5000, POOL, 9)),
			 dropped("hairpin-off"));
	assert_int_equal(sl_test_counter(t, "sessions-made"), 0);
	sl_test_end(t);
}

static void forwards(void **state)
{
	struct sl_test *t = sl_test_new(
		type, BASE "forward:\n"
			   "  - {proto: tcp, outside: 198.51.100.1, port: 80, inside: 10.0.0.9, "
			   "inside-port: 8080}\n"
			   "  - {proto: [udp, tcp], outside: 198.51.100.7, port: 5000-5003, "
			   "inside: 10.0.0.8, inside-port: 6000}\n"
			   "  - {proto: tcp, outside: 198.51.100.7, port: 80, inside: 10.0.0.9, "
			   "inside-port: 8080}\n");

	assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 999, POOL, 80, RTE_TCP_SYN_FLAG), SL_ON);
	expect_text(t, SL_OUTSIDE, SL_ON, FAR " 999 > 10.0.0.9 8080 6");
	assert_int_equal(
		sl_test_one(t, SL_INSIDE,
			    SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = "10.0.0.9", .to = FAR,
					   .sport = 8080, .dport = 999,
					   .tcp_flags = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)),
		SL_ON);
	expect_text(t, SL_INSIDE, SL_ON, POOL " 80 > " FAR " 999 6");
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 999, "198.51.100.7", 5003, 0), SL_ON);
	expect_text(t, SL_OUTSIDE, SL_ON, FAR " 999 > 10.0.0.8 6003 17");
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 999, "198.51.100.7", 5004, 0),
			 dropped("no-mapping"));
	/* The same remote port to the same server by another outside address: not both. */
	assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 999, "198.51.100.7", 80, RTE_TCP_SYN_FLAG),
			 dropped("tuple-in-use"));
	assert_int_equal(send_in(t, IPPROTO_TCP, FAR, 998, "198.51.100.7", 80, RTE_TCP_SYN_FLAG),
			 SL_ON);
	/* What the server sends by itself leaves by its port, and inside hosts reach it. */
	assert_int_equal(send_out(t, IPPROTO_UDP, "10.0.0.8", 6001, FAR, 7), 5001);
	assert_int_equal(
		sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 1, "198.51.100.7", 5000)),
		SL_BACK);
	pass_hours(t, 800);
	assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 1000, "198.51.100.7", 5003, 0), SL_ON);
	assert_int_equal(sl_test_counter(t, "mappings-ended"), 1);
	sl_test_end(t);
}

static void one_to_one(void **state)
{
	struct sl_test *t =
		sl_test_new(type, "one-to-one:\n"
				  "  - {outside: 198.51.100.16/29, inside: 10.1.0.8/29}\n"
				  "  - {outside: 198.51.100.9, inside: 10.2.0.1}\n");
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_GRE, IPPROTO_ESP,
					 IPPROTO_SCTP};

	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(
			sl_test_one(t, SL_INSIDE, packet(protos[i], "10.1.0.10", 1, FAR, 2)),
			SL_ON);
		assert_int_equal(sl_ipv4(out(t, SL_INSIDE, SL_ON))->src_addr,
				 rte_cpu_to_be_32(0xc6336412));
		assert_int_equal(
			sl_test_one(t, SL_OUTSIDE, packet(protos[i], FAR, 2, "198.51.100.18", 1)),
			SL_ON);
		assert_int_equal(sl_ipv4(out(t, SL_OUTSIDE, SL_ON))->dst_addr,
				 rte_cpu_to_be_32(0x0a01000a));
	}
	assert_int_equal(sl_test_one(t, SL_OUTSIDE,
				     SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = FAR,
						    .to = "198.51.100.9", .icmp_type = 8)),
			 SL_ON);
	assert_int_equal(sl_ipv4(out(t, SL_OUTSIDE, SL_ON))->dst_addr,
			 rte_cpu_to_be_32(0x0a020001));
	/* Between two of them. */
	assert_int_equal(
		sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "10.1.0.8", 1, "198.51.100.9", 2)),
		SL_BACK);
	expect_text(t, SL_INSIDE, SL_BACK, "198.51.100.16 1 > 10.2.0.1 2 17");
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, "10.9.0.1", 1, FAR, 2)),
			 dropped("pool-exhausted"));
	assert_int_equal(sl_test_counter(t, "sessions-made"), 0);
	sl_test_end(t);
}

/* RFC 5508 section 4, both ways; sl_test_wrong() checks the outer sums, this the quoted ones. */
static void check_quote(const struct rte_mbuf *m, const char *quoted)
{
	uint8_t bytes[600] = {0};
	uint16_t at = sl_packet(m)->l4 + 8, length = (uint16_t)(m->pkt_len - at);
	struct rte_mbuf *inner;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(bytes + 14);

	bytes[12] = 8;
	memcpy(bytes + 14, rte_pktmbuf_mtod_offset(m, const uint8_t *, at), length);
	assert_int_equal(rte_ipv4_cksum(ip), 0);
	if (rte_be_to_cpu_16(ip->total_length) != length)
		return;
	inner = sl_test_bytes(bytes, 14 + length);
	assert_null(sl_test_wrong(inner));
	assert_string_equal(sl_test_text(inner), quoted);
	sl_test_free(inner);
}

static void icmp_errors(void **state)
{
	static const uint8_t types[] = {3, 11, 12, 4};
	struct sl_test *t = sl_test_new(type, BASE);
	struct rte_mbuf *sent, *received, *m;
	char ping[100];
	uint16_t port;

	for (unsigned int i = 0; i < 4; i++) {
		/* A router outside about what a host sent. */
		port = send_out(t, IPPROTO_UDP, HOST, 5000, FAR, 53);
		sent = sl_test_take(t, SL_INSIDE, SL_ON, 0);
		m = sl_test_icmp_error(sent, "203.0.113.1", types[i], 0);
		assert_int_equal(sl_test_one(t, SL_OUTSIDE, m), SL_ON);
		assert_int_equal(sl_ipv4(out(t, SL_OUTSIDE, SL_ON))->dst_addr,
				 rte_cpu_to_be_32(0x0a000001));
		check_quote(out(t, SL_OUTSIDE, SL_ON), HOST " 5000 > " FAR " 53 17");
		sl_test_free(sent);

		/* The host about what it received. */
		assert_int_equal(send_in(t, IPPROTO_UDP, FAR, 53, POOL, port, 0), SL_ON);
		received = sl_test_take(t, SL_OUTSIDE, SL_ON, 0);
		m = sl_test_icmp_error(received, i == 0 ? HOST : "10.77.0.1", types[i], 0);
		assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
		assert_int_equal(sl_ipv4(out(t, SL_INSIDE, SL_ON))->src_addr,
				 rte_cpu_to_be_32(0xc6336401));
		{
			char text[100];

			snprintf(text, sizeof(text), FAR " 53 > " POOL " %u 17", port);
			check_quote(out(t, SL_INSIDE, SL_ON), text);
		}
		sl_test_free(received);
	}
	/* Of a ping. */
	m = SL_TEST_PACKET(.proto = IPPROTO_ICMP, .from = HOST, .to = FAR, .icmp_type = 8,
			   .icmp_id = 5, .length = 20);
	snprintf(ping, sizeof(ping), "%s", sl_test_text(m));
	assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
	sent = sl_test_take(t, SL_INSIDE, SL_ON, 0);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_icmp_error(sent, FAR, 11, 0)), SL_ON);
	check_quote(out(t, SL_OUTSIDE, SL_ON), ping);
	/* Believed only with right sums; never without a mapping. */
	m = sl_test_icmp_error(sent, FAR, 11, 0);
	rte_pktmbuf_mtod(m, uint8_t *)[m->pkt_len - 1] ^= 1;
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, m), dropped("bad-checksum"));
	sl_test_free(sent);
	sent = packet(IPPROTO_UDP, POOL, 9, FAR, 53);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_icmp_error(sent, FAR, 3, 3)),
			 dropped("no-mapping"));
	sl_test_free(sent);
	/* They do not keep a session alive. */
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 0);
	sl_test_end(t);

	t = sl_test_new(type, "one-to-one: {outside: 198.51.100.9, inside: 10.2.0.1}\n");
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_TCP, "10.2.0.1", 5, FAR, 6)),
			 SL_ON);
	sent = sl_test_take(t, SL_INSIDE, SL_ON, 0);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_icmp_error(sent, FAR, 3, 4)), SL_ON);
	check_quote(out(t, SL_OUTSIDE, SL_ON), "10.2.0.1 5 > " FAR " 6 6");
	sl_test_free(sent);
	sl_test_end(t);
}

/* RFC 768 and RFC 1624: no checksum stays none; sums that come out as zero. */
static void udp_checksums(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);
	unsigned int zeros = 0;

	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.from = HOST, .to = FAR, .sport = 5000,
						    .dport = 53, .no_checksum = true)),
			 SL_ON);
	assert_int_equal(sl_udp(out(t, SL_INSIDE, SL_ON))->dgram_cksum, 0);
	for (uint32_t i = 0; i < 65536; i++) {
		uint16_t word = (uint16_t)i;
		struct rte_mbuf *m = SL_TEST_PACKET(.from = HOST, .to = FAR, .sport = 5000,
						    .dport = 53, .payload = &word, .length = 2);

		assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
		zeros += sl_udp(out(t, SL_INSIDE, SL_ON))->dgram_cksum == 0xffff;
		assert_int_not_equal(sl_udp(out(t, SL_INSIDE, SL_ON))->dgram_cksum, 0);
	}
	assert_true(zeros > 0);
	sl_test_end(t);
}

static void live_changes(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);

	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);
	assert_int_equal(sl_test_configure(t, BASE "udp-unreplied-timeout: 10 s\n"
						   "mappings-per-subscriber: 1\n"),
			 0);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 2, FAR, 53)),
			 dropped("mapping-limit"));
	sl_test_advance(t, 125 * SECOND);
	send_out(t, IPPROTO_UDP, HOST, 3, FAR, 53);
	sl_test_advance(t, 11 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), 2);
	assert_int_equal(sl_test_configure(t, BASE "filtering: endpoint-independent\n"),
			 -EOPNOTSUPP);
	assert_int_equal(sl_test_configure(t, "pool: 198.51.100.2\n"), -EOPNOTSUPP);
	assert_int_equal(sl_test_one(t, SL_INSIDE, packet(IPPROTO_UDP, HOST, 2, FAR, 53)), SL_ON);
	sl_test_end(t);
}

static void commands(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "log: mappings\n");
	const char *text;

	send_out(t, IPPROTO_UDP, HOST, 1, FAR, 53);
	send_out(t, IPPROTO_TCP, "10.0.0.2", 2, FAR, 53);
	text = sl_test_command(t, "sessions", NULL);
	assert_non_null(strstr(text, "\"inside\":\"10.0.0.1:1\""));
	assert_non_null(strstr(text, "\"state\":\"opening\""));
	text = sl_test_command(t, "sessions", "inside: 10.0.0.2\n");
	assert_null(strstr(text, "10.0.0.1:1"));
	assert_non_null(strstr(text, "10.0.0.2:2"));
	assert_non_null(strstr(sl_test_command(t, "mappings", NULL), "10.0.0.2:2"));
	assert_non_null(strstr(sl_test_command(t, "subscribers", NULL), "\"mappings\":1"));
	assert_non_null(strstr(sl_test_command(t, "pool", NULL), "\"used-udp\":1"));
	assert_non_null(strstr(sl_test_command(t, "clear", "inside: 10.0.0.2\n"), "10.0.0.2:2"));
	assert_null(strstr(sl_test_command(t, "sessions", NULL), "10.0.0.2:2"));
	assert_non_null(strstr(sl_test_command(t, "clear", NULL), "10.0.0.1:1"));
	assert_non_null(strstr(sl_test_command(t, "pool", NULL), "\"used-udp\":0"));
	assert_int_equal(sl_test_counter(t, "mappings-ended"), 2);
	assert_int_equal(sl_test_event_count(t), 4);
	assert_string_equal(sl_test_event_name(t, 0), "mapping-created");
	assert_non_null(strstr(sl_test_event_json(t, 0), "\"inside\":\"10.0.0.1:1\""));
	assert_string_equal(sl_test_event_name(t, 3), "mapping-deleted");
	sl_test_end(t);
}

static void refused(void **state)
{
	static const char *const broken[][2] = {
		{"inside: 10.0.0.0/8\n", "expected a `pool`"},
		{"pool: 2001:db8::1\n", "expected IPv4"},
		{"pool: 224.0.0.1\n", "expected IPv4 addresses of hosts"},
		{"pool: [192.0.2.1-192.0.2.9, 192.0.2.4]\n", "in the pool already"},
		{"pool: 20.0.0.0/8\n", "more than"},
		{"pool: 192.0.2.1\nblock-size: 65\n", "multiple of 64"},
		{"pool: 192.0.2.1\nports: 2000-2010\nblock-size: 64\n", "no block"},
		{"pool: 192.0.2.1\nlog: blocks\n", "without `block-size`"},
		{"one-to-one: {outside: 192.0.2.0/30, inside: 10.0.0.1}\n", "as many"},
		{"pool: 192.0.2.1\none-to-one: {outside: 192.0.2.1, inside: 10.0.0.1}\n",
		 "the pool has"},
		{"forward: {proto: icmp, outside: 192.0.2.1, port: 1, inside: 10.0.0.1}\n",
		 "expected tcp or udp"},
		{"forward: {proto: tcp, outside: 192.0.2.1, port: 1-9, inside: 10.0.0.1, "
		 "inside-port: 65530}\n",
		 "above 65535"},
		{"forward: [{proto: tcp, outside: 192.0.2.1, port: 1-9, inside: 10.0.0.1}, "
		 "{proto: [udp, tcp], outside: 192.0.2.1, port: 9, inside: 10.0.0.2}]\n",
		 "another forward"},
		{"inside: 2001:db8::/32\npool: 192.0.2.1\n", "IPv4 prefix"},
	};

	for (unsigned int i = 0; i < RTE_DIM(broken); i++) {
		const char *text = sl_test_refused(type, broken[i][0]);

		if (strstr(text, broken[i][1]) == NULL)
			fail_msg("%s: %s", broken[i][0], text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(icmp_query),
		cmocka_unit_test(endpoint_independent_mapping),
		cmocka_unit_test(filtering),
		cmocka_unit_test(who_is_translated),
		cmocka_unit_test(ports),
		cmocka_unit_test(pooling),
		cmocka_unit_test(blocks),
		cmocka_unit_test(limits),
		cmocka_unit_test(unreachable),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(tcp_timeouts),
		cmocka_unit_test(port_hold),
		cmocka_unit_test(hairpin),
		cmocka_unit_test(forwards),
		cmocka_unit_test(one_to_one),
		cmocka_unit_test(icmp_errors),
		cmocka_unit_test(udp_checksums),
		cmocka_unit_test(live_changes),
		cmocka_unit_test(commands),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
