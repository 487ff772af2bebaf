/* SPDX-License-Identifier: BSD-3-Clause */
/* Matchers against their definition, the linear sl_match_packet(), and that against itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_cycles.h>
#include <rte_eal.h>

#include <core/error/errors.h>
#include <core/match/match.h>

#include "random_rules.h"

#define PACKETS 256

static struct rte_mempool *pool;
static struct rte_mbuf *packets[PACKETS];

static uint32_t linear(const struct sl_match *rules, uint32_t count, unsigned int side,
		       const struct rte_mbuf *m)
{
	for (uint32_t i = 0; i < count; i++) {
		if (sl_match_packet(&rules[i], side, m))
			return i;
	}
	return SL_NO_MATCH;
}

static struct sl_matcher *compile(const struct sl_match *rules, uint32_t count)
{
	const struct sl_match **list = calloc(count + 1, sizeof(*list));
	struct sl_errors *errors = sl_errors_new();
	struct sl_matcher *matcher;

	for (uint32_t i = 0; i < count; i++)
		list[i] = &rules[i];
	matcher = sl_matcher_create(NULL, list, count, errors);
	if (matcher == NULL)
		sl_errors_print(errors, stderr);
	assert_non_null(matcher);
	sl_errors_free(errors);
	free(list);
	return matcher;
}

/* Returns how many packets matched some rule. */
static unsigned int compare(const struct sl_match *rules, uint32_t count, unsigned int bursts)
{
	struct sl_matcher *matcher = compile(rules, count);
	unsigned int hits = 0;
	uint32_t found[PACKETS];

	while (bursts-- > 0) {
		uint16_t n = (uint16_t)(1 + random_below(PACKETS));
		unsigned int side = random_below(2);

		for (uint16_t i = 0; i < n; i++)
			random_packet(packets[i]);
		sl_matcher_lookup(matcher, side, packets, found, n);
		for (uint16_t i = 0; i < n; i++) {
			uint32_t expected = linear(rules, count, side, packets[i]);

			assert_int_equal(found[i], expected);
			hits += expected != SL_NO_MATCH;
		}
	}
	sl_matcher_free(matcher);
	return hits;
}

static unsigned int compare_random(const struct random_shape *shape, uint32_t most, int sets)
{
	unsigned int hits = 0;

	for (int s = 0; s < sets; s++) {
		uint32_t count = random_below(most + 1);
		struct sl_match *rules = calloc(count + 1, sizeof(*rules));

		for (uint32_t i = 0; i < count; i++)
			random_rule(&rules[i], shape);
		hits += compare(rules, count, 4);
		for (uint32_t i = 0; i < count; i++)
			random_rule_free(&rules[i]);
		free(rules);
	}
	return hits;
}

static void test_five_tuple(void **unused)
{
	const struct random_shape shape = {
		.fields = SL_MATCH_PROTO | SL_MATCH_FROM | SL_MATCH_TO | SL_MATCH_SPORT |
			  SL_MATCH_DPORT,
		.chance = 2,
		.max_list = 3,
	};

	assert_true(compare_random(&shape, 40, 60) > 1000);
}

static void test_each_field_alone(void **unused)
{
	for (unsigned int bit = 0; bit < 18; bit++) {
		const struct random_shape shape = {1u << bit, 1, 3};

		assert_true(compare_random(&shape, 3, 8) > 0);
	}
}

static void test_no_words(void **unused)
{
	const struct random_shape shape = {
		.fields = SL_MATCH_PROTO | SL_MATCH_SIDE | SL_MATCH_FRAGMENT | SL_MATCH_FAMILY,
		.chance = 2,
		.max_list = 2,
	};

	assert_true(compare_random(&shape, 10, 60) > 1000);
}

static void test_all_fields(void **unused)
{
	const struct random_shape seldom = {.fields = (1 << 18) - 1, .chance = 8, .max_list = 2};
	const struct random_shape often = {.fields = (1 << 18) - 1, .chance = 3, .max_list = 2};

	const struct random_shape always = {.fields = (1 << 18) - 1, .chance = 1, .max_list = 2};

	assert_true(compare_random(&seldom, 30, 60) > 1000);
	assert_int_equal(compare_random(&always, 3, 4), 0); /* ports and ICMP: never */
	assert_true(compare_random(&often, 60, 20) > 100);
}

static void test_many_rules(void **unused)
{
	const struct random_shape shape = {
		.fields = SL_MATCH_PROTO | SL_MATCH_FROM | SL_MATCH_TO | SL_MATCH_DPORT,
		.chance = 1,
		.max_list = 1,
	};
	uint32_t count = 2000;
	struct sl_match *rules = calloc(count, sizeof(*rules));

	for (uint32_t i = 0; i < count; i++)
		random_rule(&rules[i], &shape);
	assert_true(compare(rules, count, 6) > 100);
	for (uint32_t i = 0; i < count; i++)
		random_rule_free(&rules[i]);
	free(rules);
}

static void test_no_rules(void **unused)
{
	assert_int_equal(compare(NULL, 0, 1), 0);
}

/* The definition itself, by hand. */
static struct rte_mbuf *packet(const void *bytes, uint16_t length)
{
	struct rte_mbuf *m = packets[0];

	rte_pktmbuf_reset(m);
	memcpy(rte_pktmbuf_append(m, length), bytes, length);
	memset(sl_packet(m), 0, sizeof(struct sl_packet));
	assert_true(sl_packet_parse(m));
	return m;
}

static const uint8_t tcp_syn[54] = {
	2,    0,    0,  0,  0, 1, 2, 0, 0,  0, 0, 2, 8,    0, /* Ethernet */
	0x45, 0xb8, 0,  40, 0, 0, 0, 0, 64, 6, 0, 0, 10,   0,
	0,    1,    10, 0,  0, 2, /* IPv4 */
	1,    0,    0,  80, 0, 0, 0, 0, 0,  0, 0, 0, 0x50, RTE_TCP_SYN_FLAG,
	0,    0,    0,  0,  0, 0 /* TCP */
};

static struct rte_mbuf *tcp_packet(unsigned int fragment_offset, uint8_t flags)
{
	uint8_t bytes[54];
	uint16_t sum;

	memcpy(bytes, tcp_syn, sizeof(bytes));
	bytes[20] = (uint8_t)(fragment_offset >> 8);
	bytes[21] = (uint8_t)fragment_offset;
	bytes[47] = flags;
	sum = (uint16_t)~rte_raw_cksum(bytes + 14, 20);
	memcpy(bytes + 24, &sum, 2);
	return packet(bytes, sizeof(bytes));
}

static void test_ports_need_a_protocol_with_ports(void **unused)
{
	struct sl_span port = {80, 80};
	struct sl_match rule = {.given = SL_MATCH_DPORT, .dport = {&port, 1}};
	uint8_t bytes[54];
	uint16_t sum = 0;

	assert_true(sl_match_packet(&rule, 0, tcp_packet(0, 2)));
	/* A later fragment has no ports, whatever stands there. */
	assert_false(sl_match_packet(&rule, 0, tcp_packet(0x2001, 2)));
	/* GRE has none either. */
	memcpy(bytes, tcp_syn, sizeof(bytes));
	bytes[23] = 47;
	sum = (uint16_t)~rte_raw_cksum(bytes + 14, 20);
	memcpy(bytes + 24, &sum, 2);
	assert_false(sl_match_packet(&rule, 0, packet(bytes, sizeof(bytes))));
}

static void test_tcp_flags_language(void **unused)
{
	struct sl_match rule = {.given = SL_MATCH_TCP_FLAGS, .tcp_flags = "syn,!ack|rst"};
	static const char *const bad[] = {"",      "sin",      "syn,",     "syn|", "syn ack",
					  "!none", "syn,!syn", "none,ack", "!",    "|syn"};
	struct sl_flag_test tests[SL_FLAG_TESTS];
	const char *why = NULL;

	assert_true(sl_match_packet(&rule, 0, tcp_packet(0, RTE_TCP_SYN_FLAG)));
	assert_false(sl_match_packet(&rule, 0, tcp_packet(0, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)));
	assert_true(sl_match_packet(&rule, 0, tcp_packet(0, RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG)));
	rule.tcp_flags = "none";
	assert_true(sl_match_packet(&rule, 0, tcp_packet(0, 0)));
	assert_false(sl_match_packet(&rule, 0, tcp_packet(0, RTE_TCP_URG_FLAG)));
	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		assert_int_equal(sl_match_flags(bad[i], tests, &why), 0);
		assert_non_null(why);
	}
}

static void test_dscp_and_side(void **unused)
{
	struct sl_span dscp = {46, 46};
	struct sl_match rule = {
		.given = SL_MATCH_DSCP | SL_MATCH_SIDE, .dscp = {&dscp, 1}, .side = 1};
	struct rte_mbuf *m = tcp_packet(0, 2);

	assert_true(sl_match_packet(&rule, SL_FAMILY_ANY + 1, m));
	assert_false(sl_match_packet(&rule, 0, m));
	dscp = (struct sl_span){0, 45};
	assert_false(sl_match_packet(&rule, 1, m));
}

static bool by_flow(const struct sl_match *rule, uint8_t proto)
{
	struct sl_matcher *matcher = compile(rule, 1);
	bool same;

	sl_packet(packets[0])->proto = proto;
	same = sl_matcher_by_flow(matcher, packets[0]);
	sl_matcher_free(matcher);
	return same;
}

/* Segments of a flow have ACK, with or without PSH, and no other flag. */
static void test_what_decides_within_a_flow(void **unused)
{
	static const struct {
		const char *flags;
		bool same;
	} cases[] = {
		{"syn,!ack", true}, {"ack", true},          {"none", true},
		{"psh,!ack", true}, {"fin|rst|urg", true},  {"psh", false},
		{"!psh", false},    {"syn|ack,psh", false}, {"ack,!psh,!rst", false},
		{"psh,syn", true},
	};
	struct sl_match code = {.given = SL_MATCH_ICMP_CODE};
	struct sl_span none = {0, 0};

	code.icmp_code = (struct sl_list){.items = &none, .count = 1};
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		struct sl_match rule = {.given = SL_MATCH_TCP_FLAGS, .tcp_flags = cases[i].flags};

		assert_int_equal(by_flow(&rule, IPPROTO_TCP), cases[i].same);
		assert_true(by_flow(&rule, IPPROTO_UDP));
	}
	assert_false(by_flow(&code, IPPROTO_ICMP));
	assert_false(by_flow(&code, IPPROTO_ICMPV6));
	assert_true(by_flow(&code, IPPROTO_TCP));
}

static void test_check_finds_what_never_matches(void **unused)
{
	uint32_t icmp = IPPROTO_ICMP;
	struct sl_span span = {1, 2};
	struct sl_prefix v4 = {.addr.family = SL_FAMILY_IPV4}, v6 = {.addr.family = SL_FAMILY_IPV6};
	struct sl_list one_span = {&span, 1};
	const struct sl_match bad[] = {
		{.given = SL_MATCH_PROTO | SL_MATCH_DPORT, .proto = {&icmp, 1}, .dport = one_span},
		{.given = SL_MATCH_PROTO | SL_MATCH_TCP_FLAGS,
		 .proto = {&icmp, 1},
		 .tcp_flags = "syn"},
		{.given = SL_MATCH_FROM | SL_MATCH_TO, .from = {&v4, 1}, .to = {&v6, 1}},
		{.given = SL_MATCH_FROM | SL_MATCH_FAMILY, .from = {&v4, 1}, .family = 1},
		{.given = SL_MATCH_TCP_FLAGS, .tcp_flags = "oops"},
		{.given = SL_MATCH_FRAGMENT | SL_MATCH_SPORT,
		 .fragment = SL_FRAGMENT_LATER,
		 .sport = one_span},
	};
	const struct sl_match good = {.given = SL_MATCH_PROTO | SL_MATCH_ICMP_TYPE,
				      .proto = {&icmp, 1},
				      .icmp_type = one_span};

	for (size_t i = 0; i < RTE_DIM(bad); i++)
		assert_int_equal(sl_match_check(&bad[i], NULL), -EINVAL);
	assert_int_equal(sl_match_check(&good, NULL), 0);
}

static void test_too_many_combinations_is_an_error(void **unused)
{
	static struct sl_span spans[600];
	struct sl_match rule = {.given = SL_MATCH_SPORT | SL_MATCH_DPORT,
				.sport = {spans, 600},
				.dport = {spans, 600}};
	const struct sl_match *rules[] = {&rule};
	struct sl_errors *errors = sl_errors_new();

	for (uint32_t i = 0; i < 600; i++)
		spans[i] = (struct sl_span){2 * i, 2 * i};
	assert_null(sl_matcher_create(NULL, rules, 1, errors));
	assert_int_equal(sl_errors_count(errors), 1);
	assert_non_null(strstr(sl_errors_get(errors, 0)->text, "combinations"));
	sl_errors_free(errors);
}

static int setup(void **unused)
{
	pool = rte_pktmbuf_pool_create("match", 511, 0, 128, 2048, SOCKET_ID_ANY);
	return pool == NULL || rte_pktmbuf_alloc_bulk(pool, packets, PACKETS) != 0;
}

int main(void)
{
	const char *args[] = {
		"test",           "--no-huge",         "-m", "512", "--no-pci", "--no-shconf",
		"--no-telemetry", "--log-level=error", "-l", "0",   NULL};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_five_tuple),
		cmocka_unit_test(test_each_field_alone),
		cmocka_unit_test(test_no_words),
		cmocka_unit_test(test_all_fields),
		cmocka_unit_test(test_many_rules),
		cmocka_unit_test(test_no_rules),
		cmocka_unit_test(test_ports_need_a_protocol_with_ports),
		cmocka_unit_test(test_tcp_flags_language),
		cmocka_unit_test(test_dscp_and_side),
		cmocka_unit_test(test_what_decides_within_a_flow),
		cmocka_unit_test(test_check_finds_what_never_matches),
		cmocka_unit_test(test_too_many_combinations_is_an_error),
	};
	const char *seed = getenv("SL_SEED");

	if (rte_eal_init((int)RTE_DIM(args) - 1, (char **)(uintptr_t)args) < 0)
		return 1;
	random_seed(seed != NULL ? strtoull(seed, NULL, 0) : 1);
	return cmocka_run_group_tests(tests, setup, NULL);
}
