/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <dlfcn.h>

#include <tests/unit/harness.h>

enum {
	TTL_EXPIRED,
	UNKNOWN_LABEL,
	ROUTER_ALERT,
	IMPLICIT_NULL,
	RESERVED_LABEL,
	UPSTREAM_LABEL,
	TRUNCATED,
	TOO_DEEP,
	BAD_PAYLOAD,
	NO_ROOM,
	UNLABELLED,
}; /* drop reasons */

static const struct sl_node_type *type(void)
{
	static const struct sl_plugin *plugin;

	if (plugin == NULL) {
		void *handle = dlopen(SL_BUILD_DIR "/plugins/mpls.so", RTLD_NOW | RTLD_LOCAL);

		assert_non_null(handle);
		plugin = dlsym(handle, "sl_plugin");
		assert_non_null(plugin);
	}
	return &plugin->types[0];
}

/* A label stack entry; S is or'ed in. */
#define LSE(label, tc, ttl) ((uint32_t)(label) << 12 | (tc) << 9 | (ttl))
#define S                   0x100u

#define V4(...) SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .dport = 5, __VA_ARGS__)
#define V6(...) SL_TEST_PACKET(.from = "2001:db8::1", .to = "2001:db8::2", .dport = 5, __VA_ARGS__)

/* The packet with those labels before its network header; m is freed. */
static struct rte_mbuf *labelled_as(struct rte_mbuf *m, uint16_t type, uint16_t segment,
				    const uint32_t *words, unsigned int count)
{
	uint8_t frame[2048], *data = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t l3 = sl_packet(m)->l3, length = m->data_len;
	struct rte_mbuf *made;

	memcpy(frame, data, l3);
	frame[l3 - 2] = type >> 8;
	frame[l3 - 1] = type & 0xff;
	for (unsigned int i = 0; i < count; i++) {
		uint32_t word = rte_cpu_to_be_32(words[i]);

		memcpy(frame + l3 + 4 * i, &word, 4);
	}
	memcpy(frame + l3 + 4 * count, data + l3, length - l3);
	sl_test_free(m);
	length += 4 * count;
	made = segment ? sl_test_segments(frame, length, segment) : sl_test_bytes(frame, length);
	assert_non_null(made);
	return made;
}

#define LABELLED(m, ...)                                           \
	labelled_as(m, 0x8847, 0, (const uint32_t[]){__VA_ARGS__}, \
		    sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* Asserts the labels of what came out last, and that they end there. Returns what is below. */
static struct rte_mbuf *out_with(struct sl_test *t, enum sl_side from, const uint32_t *words,
				 unsigned int count)
{
	struct rte_mbuf *m = sl_test_out(t, from, SL_ON, 0);
	uint16_t l3;

	assert_non_null(m);
	assert_null(sl_test_wrong(m));
	l3 = sl_packet(m)->l3;
	if (count > 0)
		assert_int_equal(sl_packet(m)->family, SL_L3_MPLS);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t word;

		memcpy(&word, rte_pktmbuf_mtod_offset(m, char *, l3 + 4 * i), 4);
		assert_int_equal(rte_be_to_cpu_32(word), words[i]);
	}
	return m;
}

#define OUT(t, from, ...)                                  \
	out_with(t, from, (const uint32_t[]){__VA_ARGS__}, \
		 sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* The IP packet that came out is this one, but for what the caller looks at. */
static struct rte_mbuf *out_plain(struct sl_test *t, enum sl_side from, const char *text)
{
	struct rte_mbuf *m = out_with(t, from, NULL, 0);

	assert_string_equal(sl_test_text(m), text);
	return m;
}

static const char *text_of(struct rte_mbuf *m)
{
	static char text[200];

	snprintf(text, sizeof(text), "%s", sl_test_text(m));
	sl_test_free(m);
	return text;
}

static void test_push(void **state)
{
	struct sl_test *t = sl_test_new(
		type(),
		"fecs:\n"
		"- {match: {to: 192.0.2.0/24, dport: 7}, push: [17, 18, 19, 20, 21, 22, 23, "
		"1048575], ttl: 9, tc: 2}\n"
		"- {match: {to: 192.0.2.0/24}, push: [100, 200], next-hop: "
		"'02:00:00:00:00:99', source-mac: '02:00:00:00:00:98'}\n"
		"- {match: {family: ipv6}, push: 300}\n");
	uint8_t arp[42] = {[12] = 8, [13] = 6};
	struct rte_mbuf *m;

	/* Uniform: the IP TTL is copied; the class is the DSCP's upper bits. */
	assert_int_equal(sl_test_one(t, SL_INSIDE, V4(.ttl = 33, .dscp = 46, .length = 10)), SL_ON);
	m = OUT(t, SL_INSIDE, LSE(100, 5, 33), LSE(200, 5, 33) | S);
	assert_int_equal(m->pkt_len, 14 + 8 + 28 + 10);
	assert_int_equal(sl_ether(m)->dst_addr.addr_bytes[5], 0x99);
	assert_int_equal(sl_ether(m)->src_addr.addr_bytes[5], 0x98);
	assert_int_equal(sl_ether(m)->ether_type, RTE_BE16(0x8847));
	assert_int_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, 22 + 8)[0], 33);

	assert_int_equal(sl_test_one(t, SL_INSIDE, V6(.ttl = 7, .vlan = 5)), SL_ON);
	m = OUT(t, SL_INSIDE, LSE(300, 0, 7) | S);
	assert_int_equal(sl_packet(m)->vlan, 5);
	assert_int_equal(sl_packet(m)->l3, 18);

	assert_int_equal(
		sl_test_one(t, SL_INSIDE,
			    SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .dport = 7)),
		SL_ON);
	OUT(t, SL_INSIDE, LSE(17, 2, 9), LSE(18, 2, 9), LSE(19, 2, 9), LSE(20, 2, 9), LSE(21, 2, 9),
	    LSE(22, 2, 9), LSE(23, 2, 9), LSE(1048575, 2, 9) | S);

	/* What has no FEC, or is no IP, passes as it is. */
	assert_int_equal(
		sl_test_one(t, SL_INSIDE, SL_TEST_PACKET(.from = "10.0.0.1", .to = "10.0.0.2")),
		SL_ON);
	assert_int_equal(sl_packet(sl_test_out(t, SL_INSIDE, SL_ON, 0))->family, SL_L3_IPV4);
	assert_int_equal(sl_test_one(t, SL_INSIDE, sl_test_bytes(arp, sizeof(arp))), SL_ON);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, V4()), SL_ON);
	assert_int_equal(sl_packet(sl_test_out(t, SL_OUTSIDE, SL_ON, 0))->family, SL_L3_IPV4);
	assert_int_equal(sl_test_counter(t, "pushed"), 3);
	assert_int_equal(sl_test_counter(t, "unlabelled"), 3);
	sl_test_end(t);
}

static void test_push_without_room(void **state)
{
	struct sl_test *t = sl_test_new(type(), "fecs: [{push: [16, 17]}]\n");
	struct rte_mbuf *m = V4();

	assert_int_equal(m->data_off, 128);
	rte_pktmbuf_prepend(m, 124);
	memmove(rte_pktmbuf_mtod(m, void *), rte_pktmbuf_mtod_offset(m, void *, 124),
		m->data_len - 124);
	rte_pktmbuf_trim(m, 124);
	assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_DROP(NO_ROOM));
	sl_test_end(t);
}

static void test_pipe_and_nulls(void **state)
{
	struct sl_test *t = sl_test_new(
		type(), "ttl: pipe\npipe-ttl: 200\ndecrement: true\nunlabelled: drop\n"
			"tc-map: [{dscp: [10-14, 46], tc: 6}, {dscp: 0, tc: 1}]\n"
			"fecs:\n"
			"- {match: {dport: 5}, push: [3, 100, 0]}\n"
			"- {match: {dport: 6}, push: 3, next-hop: '02:00:00:00:00:99'}\n");
	struct rte_mbuf *m;

	/* Implicit null is left out; explicit null is that of the packet's version. */
	assert_int_equal(sl_test_one(t, SL_INSIDE, V4(.ttl = 33, .dscp = 12)), SL_ON);
	m = OUT(t, SL_INSIDE, LSE(100, 6, 200), LSE(0, 6, 200) | S);
	assert_int_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, 22 + 8)[0], 32);
	assert_int_equal(sl_test_one(t, SL_INSIDE, V6(.ttl = 33)), SL_ON);
	OUT(t, SL_INSIDE, LSE(100, 1, 200), LSE(2, 1, 200) | S);
	assert_int_equal(sl_test_one(t, SL_INSIDE, V4(.ttl = 1)), SL_DROP(TTL_EXPIRED));

	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1",
						    .dport = 6, .ttl = 2)),
			 SL_ON);
	m = out_plain(t, SL_INSIDE, "10.0.0.1 0 > 192.0.2.1 6 17");
	assert_int_equal(sl_ipv4(m)->time_to_live, 1);
	assert_int_equal(sl_ether(m)->dst_addr.addr_bytes[5], 0x99);

	assert_int_equal(
		sl_test_one(t, SL_INSIDE, SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1")),
		SL_DROP(UNLABELLED));
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, V4()), SL_DROP(UNLABELLED));
	sl_test_end(t);
}

#define ILM                                                                                   \
	"labels:\n"                                                                           \
	"- {label: 100, swap: 200}\n"                                                         \
	"- {label: 101, swap: 201, push: [301, 302], tc: 7, next-hop: '02:00:00:00:00:77'}\n" \
	"- {label: 102, pop: true}\n"                                                         \
	"- {label: 103, php: true, next-hop: '02:00:00:00:00:78'}\n"                          \
	"- {label: 104, swap: 3}\n"                                                           \
	"- {label: 105, from: inside, swap: 205}\n"                                           \
	"- {label: 105, from: outside, swap: 206}\n"                                          \
	"- {label: 1048575, swap: 16}\n"                                                      \
	"- {label: 106, swap: 0}\n"

static void test_swap(void **state)
{
	struct sl_test *t = sl_test_new(type(), ILM);
	struct rte_mbuf *m;

	/* Only the top label is looked at; class and bottom bit stay; one hop less. */
	assert_int_equal(
		sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(100, 5, 9), LSE(7, 1, 1) | S)),
		SL_ON);
	OUT(t, SL_OUTSIDE, LSE(200, 5, 8), LSE(7, 1, 1) | S);
	assert_int_equal(sl_test_one(t, SL_INSIDE, LABELLED(V4(), LSE(100, 5, 2) | S)), SL_ON);
	OUT(t, SL_INSIDE, LSE(200, 5, 1) | S);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(.vlan = 3), LSE(101, 0, 9) | S)),
			 SL_ON);
	m = OUT(t, SL_OUTSIDE, LSE(301, 7, 8), LSE(302, 7, 8), LSE(201, 7, 8) | S);
	assert_int_equal(sl_ether(m)->dst_addr.addr_bytes[5], 0x77);
	assert_int_equal(sl_test_one(t, SL_INSIDE, LABELLED(V4(), LSE(105, 5, 2) | S)), SL_ON);
	OUT(t, SL_INSIDE, LSE(205, 5, 1) | S);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(105, 5, 2) | S)), SL_ON);
	OUT(t, SL_OUTSIDE, LSE(206, 5, 1) | S);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(1048575, 5, 2) | S)), SL_ON);
	OUT(t, SL_OUTSIDE, LSE(16, 5, 1) | S);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(106, 5, 2) | S)), SL_ON);
	OUT(t, SL_OUTSIDE, LSE(0, 5, 1) | S);
	assert_int_equal(sl_test_counter(t, "swapped"), 7);
	sl_test_end(t);
}

static void test_pop_uniform(void **state)
{
	struct sl_test *t = sl_test_new(type(), "diffserv: uniform\n" ILM);
	char want[200];
	struct rte_mbuf *m;

	snprintf(want, sizeof(want), "%s", text_of(V4()));
	assert_int_equal(sl_test_one(t, SL_OUTSIDE,
				     LABELLED(V4(.ttl = 64, .dscp = 46), LSE(102, 5, 60) | S)),
			 SL_ON);
	m = out_plain(t, SL_OUTSIDE, want);
	assert_int_equal(sl_ipv4(m)->time_to_live, 59);
	assert_int_equal(sl_ipv4(m)->type_of_service, 46 << 2); /* class 5 is what 46 is in */
	assert_int_equal(m->pkt_len, 14 + 28);

	/* A class changed on the way, the label's TTL greater than the packet's. */
	assert_int_equal(
		sl_test_one(t, SL_OUTSIDE, LABELLED(V4(.ttl = 9, .dscp = 46), LSE(103, 2, 60) | S)),
		SL_ON);
	m = out_plain(t, SL_OUTSIDE, want);
	assert_int_equal(sl_ipv4(m)->time_to_live, 9);
	assert_int_equal(sl_ipv4(m)->type_of_service, 16 << 2);
	assert_int_equal(sl_ether(m)->dst_addr.addr_bytes[5], 0x78);

	/* Taken off and the next looked at: one hop for both. */
	assert_int_equal(sl_test_one(t, SL_OUTSIDE,
				     LABELLED(V4(.ttl = 64), LSE(102, 5, 60), LSE(0, 1, 61),
					      LSE(100, 1, 63) | S)),
			 SL_ON);
	OUT(t, SL_OUTSIDE, LSE(200, 5, 59) | S);
	/* Penultimate hop: the next is not looked at. */
	assert_int_equal(
		sl_test_one(t, SL_OUTSIDE,
			    LABELLED(V6(.ttl = 64), LSE(104, 5, 60), LSE(7777, 1, 61) | S)),
		SL_ON);
	OUT(t, SL_OUTSIDE, LSE(7777, 5, 59) | S);
	assert_int_equal(
		sl_test_one(t, SL_INSIDE, LABELLED(V6(.ttl = 64, .vlan = 4), LSE(2, 0, 60) | S)),
		SL_ON);
	m = sl_test_out(t, SL_INSIDE, SL_ON, 0);
	assert_int_equal(sl_ipv6(m)->hop_limits, 59);
	assert_int_equal(sl_packet(m)->family, SL_L3_IPV6);
	assert_int_equal(sl_packet(m)->vlan, 4);
	assert_int_equal(sl_test_counter(t, "popped"), 4);
	assert_int_equal(sl_test_counter(t, "explicit-nulls"), 2);
	sl_test_end(t);
}

static void test_pop_pipe(void **state)
{
	struct sl_test *t = sl_test_new(type(), "ttl: pipe\n" ILM);
	struct rte_mbuf *m;

	assert_int_equal(sl_test_one(t, SL_OUTSIDE,
				     LABELLED(V4(.ttl = 64, .dscp = 46), LSE(102, 1, 60) | S)),
			 SL_ON);
	m = sl_test_out(t, SL_OUTSIDE, SL_ON, 0);
	assert_int_equal(sl_ipv4(m)->time_to_live, 63);
	assert_int_equal(sl_ipv4(m)->type_of_service, 46 << 2);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(.ttl = 64), LSE(103, 1, 60) | S)),
			 SL_ON);
	assert_int_equal(sl_ipv4(sl_test_out(t, SL_OUTSIDE, SL_ON, 0))->time_to_live, 64);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(.ttl = 1), LSE(102, 1, 60) | S)),
			 SL_DROP(TTL_EXPIRED));
	/* The TTL of what is uncovered counts. */
	assert_int_equal(
		sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(102, 1, 60), LSE(100, 3, 9) | S)),
		SL_ON);
	OUT(t, SL_OUTSIDE, LSE(200, 3, 8) | S);
	assert_int_equal(
		sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(102, 1, 60), LSE(100, 3, 1) | S)),
		SL_DROP(TTL_EXPIRED));
	assert_int_equal(
		sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(103, 1, 60), LSE(100, 3, 1) | S)),
		SL_ON);
	OUT(t, SL_OUTSIDE, LSE(100, 3, 1) | S);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(101, 4, 60) | S)), SL_ON);
	OUT(t, SL_OUTSIDE, LSE(301, 7, 255), LSE(302, 7, 255), LSE(201, 7, 59) | S);
	sl_test_end(t);
}

static void test_bad_labels(void **state)
{
	struct sl_test *t = sl_test_new(type(), "max-labels: 2\n" ILM);
	uint8_t cut[17] = {[12] = 0x88, [13] = 0x47};
	uint8_t stack[26] = {[12] = 0x88, [13] = 0x47};
	const uint32_t word = rte_cpu_to_be_32(LSE(102, 0, 9));
	const uint32_t bottom = rte_cpu_to_be_32(LSE(102, 0, 9) | S);

	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(99, 0, 9) | S)),
			 SL_DROP(UNKNOWN_LABEL));
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(100, 0, 1) | S)),
			 SL_DROP(TTL_EXPIRED));
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(102, 0, 0) | S)),
			 SL_DROP(TTL_EXPIRED));
	assert_int_equal(
		sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(1, 0, 9), LSE(100, 0, 9) | S)),
		SL_DROP(ROUTER_ALERT));
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(3, 0, 9) | S)),
			 SL_DROP(IMPLICIT_NULL));
	assert_int_equal(
		sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(102, 0, 9), LSE(14, 0, 9) | S)),
		SL_DROP(RESERVED_LABEL));
	assert_int_equal(sl_test_one(t, SL_OUTSIDE,
				     labelled_as(V4(), 0x8848, 0,
						 (const uint32_t[]){LSE(100, 0, 9) | S}, 1)),
			 SL_DROP(UPSTREAM_LABEL));
	assert_int_equal(
		sl_test_one(t, SL_OUTSIDE,
			    LABELLED(V4(), LSE(102, 0, 9), LSE(102, 0, 9), LSE(102, 0, 9) | S)),
		SL_DROP(TOO_DEEP));
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V6(), LSE(0, 0, 9) | S)),
			 SL_DROP(BAD_PAYLOAD));
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(2, 0, 9) | S)),
			 SL_DROP(BAD_PAYLOAD));
	/* Not what follows an explicit null that is not the last. */
	assert_int_equal(
		sl_test_one(t, SL_OUTSIDE, LABELLED(V6(), LSE(0, 0, 9), LSE(102, 0, 9) | S)),
		SL_ON);
	/* Cut short at every place. */
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_exact(cut, 14)), SL_DROP(TRUNCATED));
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_exact(cut, 17)), SL_DROP(TRUNCATED));
	memcpy(stack + 14, &word, 4);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_exact(stack, 18)), SL_DROP(TRUNCATED));
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_exact(stack, 21)), SL_DROP(TRUNCATED));
	stack[16] = LSE(103, 0, 9) >> 8 & 0xff; /* penultimate hop */
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_exact(stack, 21)), SL_DROP(TRUNCATED));
	memcpy(stack + 14, &bottom, 4);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_exact(stack, 18)),
			 SL_DROP(BAD_PAYLOAD));
	stack[18] = 0x45;
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_exact(stack, 26)),
			 SL_DROP(BAD_PAYLOAD));
	stack[18] = 0x60;
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, sl_test_exact(stack, 19)),
			 SL_DROP(BAD_PAYLOAD));
	sl_test_end(t);
}

/* However the headers lie in segments. */
static void test_segments(void **state)
{
	struct sl_test *t = sl_test_new(type(), ILM "fecs: [{push: [16, 17]}]\n");
	const uint32_t words[] = {LSE(102, 0, 9), LSE(102, 0, 9), LSE(102, 0, 9) | S};
	char want[200];

	snprintf(want, sizeof(want), "%s", text_of(V4()));
	for (uint16_t size = 1; size < 40; size++) {
		assert_int_equal(sl_test_one(t, SL_OUTSIDE,
					     labelled_as(V4(.length = 50), 0x8847, size, words, 3)),
				 SL_ON);
		out_plain(t, SL_OUTSIDE, want);
		/* No bottom: the IP header is read as a label of TTL 0. */
		assert_int_equal(sl_test_one(t, SL_OUTSIDE,
					     labelled_as(V6(.length = 50), 0x8847, size, words, 2)),
				 SL_DROP(TTL_EXPIRED));
	}
	sl_test_end(t);
}

static void test_change_and_commands(void **state)
{
	struct sl_test *t = sl_test_new(type(), "fecs: [{push: [16, 17]}]\n" ILM);

	assert_int_equal(sl_test_one(t, SL_INSIDE, V4()), SL_ON);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(100, 0, 9) | S)), SL_ON);
	assert_non_null(strstr(sl_test_command(t, "labels", NULL),
			       "{\"fec\":1,\"push\":\"16 17\",\"packets\":1,\"bytes\":42}"));
	assert_non_null(strstr(sl_test_command(t, "labels", NULL),
			       "{\"label\":100,\"from\":\"any\",\"action\":\"swap\",\"swap\":200,"
			       "\"packets\":1,\"bytes\":46}"));
	assert_non_null(sl_test_command(t, "clear", NULL));
	assert_null(strstr(sl_test_command(t, "labels", NULL), "\"packets\":1"));
	assert_int_equal(sl_test_configure(t, "labels: [{label: 100, swap: 222}]"), 0);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(100, 0, 9) | S)), SL_ON);
	OUT(t, SL_OUTSIDE, LSE(222, 0, 8) | S);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, LABELLED(V4(), LSE(102, 0, 9) | S)),
			 SL_DROP(UNKNOWN_LABEL));
	sl_test_end(t);
}

static void refused(const char *yaml, const char *why)
{
	const char *said = sl_test_refused(type(), yaml);

	if (strstr(said, why) == NULL)
		fail_msg("%s: %s", yaml, said);
}

static void test_refused(void **state)
{
	refused("ttl: pipe", "give `fecs`");
	refused("fecs: [{push: []}]", "1 to 8");
	refused("fecs: [{push: [16, 16, 16, 16, 16, 16, 16, 16, 16]}]", "1 to 8");
	refused("fecs: [{push: [1, 16]}]", "reserved");
	refused("fecs: [{push: [0, 16]}]", "bottom");
	refused("fecs: [{match: {side: outside}, push: 16}]", "from inside");
	refused("fecs: [{match: {proto: icmp, dport: 3}, push: 16}]", "");
	refused("labels: [{label: 15, pop: true}]", "");
	refused("labels: [{label: 16, pop: false}]", "pop: true");
	refused("labels: [{label: 16, swap: 17, pop: true}]", "");
	refused("labels: [{label: 16, swap: 1}]", "reserved");
	refused("labels: [{label: 16, pop: true, push: 17}]", "need `swap`");
	refused("labels: [{label: 16, swap: 17, ttl: 3}]", "push");
	refused("labels: [{label: 16, pop: true}, {label: 16, from: inside, pop: true}]", "twice");
	refused("labels: [{label: 16, swap: 17, push: [18, 0]}]", "bottom");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_push),
		cmocka_unit_test(test_push_without_room),
		cmocka_unit_test(test_pipe_and_nulls),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_pop_uniform),
		cmocka_unit_test(test_pop_pipe),
		cmocka_unit_test(test_bad_labels),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_change_and_commands),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
