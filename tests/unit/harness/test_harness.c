/* SPDX-License-Identifier: BSD-3-Clause */
/* The harness itself: that what it builds is right and that what it should notice is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <string.h>

#include <tests/unit/harness.h>

/* A node that does one thing or another by destination port. */
enum { DROP_PORT = 1, BACK_PORT, HOLD_PORT, COPY_PORT, SPOIL_PORT, SIDE_PORT };

struct state {
	struct rte_mbuf *held;
};

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct state *state = node->state;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *copy;

		if (!sl_has_ports(pkts[i]))
			continue;
		switch (ntohs(sl_udp(pkts[i])->dst_port)) {
		case DROP_PORT:
			edge[i] = SL_DROP(1);
			break;
		case BACK_PORT:
			edge[i] = SL_BACK;
			break;
		case SIDE_PORT:
			edge[i] = SL_EDGE_FIRST;
			sl_event(node, 0, &i, sizeof(i));
			break;
		case HOLD_PORT:
			state->held = pkts[i];
			sl_hold(node, pkts[i]);
			edge[i] = SL_HELD;
			break;
		case COPY_PORT:
			copy = sl_copy(node, pkts[i]);
			if (copy != NULL)
				sl_emit(node, copy, SL_BACK);
			break;
		case SPOIL_PORT:
			sl_udp(pkts[i])->src_port ^= 1;
			break;
		default:
			sl_count(node, 0, 1);
			break;
		}
	}
}

static void tick(struct sl_node *node)
{
	struct state *state = node->state;

	if (state->held != NULL)
		sl_release(node, state->held, SL_ON);
	state->held = NULL;
}

static uint32_t collect(struct sl_node *node, const void *args, uint64_t *cursor, void *records,
			uint32_t room)
{
	*cursor = UINT64_MAX;
	*(uint32_t *)records = node->worker;
	return 1;
}

static void render(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	sl_json_int(out, "worker", *(const uint32_t *)record);
}

static void render_event(struct sl_instance *instance, uint32_t event, const void *data,
			 struct sl_json *out)
{
	sl_json_int(out, "at", *(const uint16_t *)data);
}

static const struct sl_node_type type = {
	.name = "sample",
	.doc = "For the test.",
	.flags = SL_NODE_HOLDS,
	.edges = (const struct sl_name[]){{"side", "s"}, {0}},
	.reasons = (const struct sl_name[]){{"none", "n"}, {"port", "p"}, {0}},
	.counters = (const struct sl_name[]){{"seen", "s"}, {0}},
	.events = (const struct sl_name[]){{"sided", "s"}, {0}},
	.state_size = sizeof(struct state),
	.process = process,
	.tick = tick,
	.tick_ms = 10,
	.commands = (const struct sl_command[]){{.name = "where",
						 .doc = "d",
						 .record_size = 4,
						 .collect = collect,
						 .render = render},
						{0}},
	.render_event = render_event,
};

struct config {
	uint64_t given;
	uint64_t limit;
	uint32_t way;
};

static const struct sl_param params[] = {
	{.name = "limit",
	 .kind = SL_UINT,
	 .offset = offsetof(struct config, limit),
	 .def = "7",
	 .min = 1,
	 .max = 9,
	 .doc = "a number"},
	{.name = "way", .kind = SL_PATH, .offset = offsetof(struct config, way), .doc = "a path"},
	{0},
};

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	*(struct config *)sl_instance_data(instance) = *(const struct config *)config;
	return 0;
}

static const struct sl_node_type read_type = {
	.name = "read",
	.doc = "For the test.",
	.edges = (const struct sl_name[]){{"side", "s"}, {0}},
	.params = params,
	.config_size = sizeof(struct config),
	.instance_size = sizeof(struct config),
	.create = create,
	.process = process,
	.state_size = sizeof(struct state),
};

static void reads(void **state)
{
	const struct sl_test_options options = {.paths = (const char *[]){"a", "b", NULL}};
	struct sl_test *t = sl_test_new_with(&read_type, "way: b", &options);
	const struct config *config = sl_instance_data(sl_test_instance(t));

	assert_int_equal(config->limit, 7);
	assert_int_equal(config->given, 2);
	assert_int_equal(config->way, SL_EDGE_FIRST + 2);
	assert_int_equal(sl_test_node(t, SL_INSIDE)->edge_count, SL_EDGE_FIRST + 3);
	sl_test_end(t);
	assert_non_null(strstr(sl_test_refused(&read_type, "limit: 10"), "test.yaml:1:8"));
	assert_non_null(strstr(sl_test_refused(&read_type, "limi: 1"), "limit"));
}

#define TO(port) SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .dport = (port))

static void ways(void **state)
{
	struct sl_test *t = sl_test_new(&type, NULL);

	assert_int_equal(sl_test_one(t, SL_INSIDE, TO(80)), SL_ON);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, TO(80)), SL_ON);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, TO(DROP_PORT)), SL_DROP(1));
	assert_int_equal(sl_test_one(t, SL_INSIDE, TO(BACK_PORT)), SL_BACK);
	assert_int_equal(sl_test_one(t, SL_INSIDE, TO(SIDE_PORT)), SL_EDGE_FIRST);
	assert_int_equal(sl_test_one(t, SL_INSIDE, TO(COPY_PORT)), SL_ON);
	assert_int_equal(sl_test_count(t, SL_INSIDE, SL_BACK), 1);
	assert_int_equal(sl_test_count(t, SL_OUTSIDE, SL_BACK), 0);
	assert_int_equal(sl_test_drops(t, "port"), 1);
	assert_int_equal(sl_test_drops(t, "none"), 0);
	assert_int_equal(sl_test_all_drops(t), 1);
	assert_int_equal(sl_test_counter(t, "seen"), 2);
	assert_int_equal(sl_test_event_count(t), 1);
	assert_string_equal(sl_test_event_name(t, 0), "sided");
	assert_string_equal(sl_test_event_json(t, 0), "{\"at\":0}");
	sl_test_end(t);
}

static void holds(void **state)
{
	struct sl_test *t = sl_test_new(&type, NULL);

	assert_int_equal(sl_test_one(t, SL_INSIDE, TO(HOLD_PORT)), SL_HELD);
	assert_int_equal(sl_test_held(t), 1);
	sl_test_tick(t, 1);
	assert_int_equal(sl_test_held(t), 0);
	assert_int_equal(sl_test_count(t, SL_INSIDE, SL_ON) + sl_test_count(t, SL_OUTSIDE, SL_ON),
			 1);
	sl_test_end(t);
}

static void workers(void **state)
{
	const struct sl_test_options options = {.workers = 2};
	struct sl_test *t = sl_test_new_with(&type, NULL, &options);

	sl_test_worker(t, 1);
	assert_int_equal(sl_test_one(t, SL_INSIDE, TO(80)), SL_ON);
	assert_int_equal(sl_test_node(t, SL_INSIDE)->counters[0], 1);
	sl_test_worker(t, 0);
	assert_int_equal(sl_test_node(t, SL_INSIDE)->counters[0], 0);
	assert_string_equal(sl_test_command(t, "where", NULL),
			    "{\"records\":[{\"worker\":0},{\"worker\":1}]}");
	sl_test_end(t);
}

static void spoils(void **state)
{
	struct rte_mbuf *m = TO(80);

	assert_null(sl_test_wrong(m));
	sl_udp(m)->src_port ^= 1;
	assert_non_null(strstr(sl_test_wrong(m), "transport"));
	sl_udp(m)->src_port ^= 1;
	sl_ipv4(m)->time_to_live--;
	assert_non_null(strstr(sl_test_wrong(m), "IPv4 header"));
	sl_ipv4(m)->time_to_live++;
	assert_null(sl_test_wrong(m));
	sl_packet(m)->l4++;
	assert_non_null(strstr(sl_test_wrong(m), "parsed again"));
	sl_test_free(m);
}

/* Every shape the builder makes is one that the parser takes, with right sums. */
static void shapes(void **state)
{
	static const char *const addresses[][2] = {{"10.0.0.1", "192.0.2.1"},
						   {"2001:db8::1", "2001:db8:1::2"}};
	static const uint8_t protos[] = {IPPROTO_UDP,    IPPROTO_TCP,  IPPROTO_ICMP,
					 IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_GRE};

	for (unsigned int i = 0; i < 12; i++) {
		struct rte_mbuf *parts[8], *m;
		unsigned int n;

		m = SL_TEST_PACKET(.from = addresses[i % 2][0], .to = addresses[i % 2][1],
				   .proto = protos[i / 2], .sport = 1000, .dport = 80,
				   .length = 1001, .vlan = i >= 6 ? 5 : 0);
		assert_null(sl_test_wrong(m));
		assert_int_equal(sl_packet(m)->family, i % 2 == 0 ? SL_L3_IPV4 : SL_L3_IPV6);
		assert_int_equal(sl_packet(m)->proto, protos[i / 2]);
		n = sl_test_fragment(m, 400, parts, 8);
		assert_int_equal(n, 3);
		for (unsigned int j = 0; j < n; j++) {
			assert_null(sl_test_wrong(parts[j]));
			assert_true(sl_packet(parts[j])->flags & SL_PKT_FRAGMENT);
			assert_int_equal(!!(sl_packet(parts[j])->flags & SL_PKT_LATER_FRAGMENT),
					 j > 0);
			sl_test_free(parts[j]);
		}
	}
}

static void quotes(void **state)
{
	struct rte_mbuf *m = TO(80), *e = sl_test_icmp_error(m, "203.0.113.1", 11, 0);

	assert_null(sl_test_wrong(e));
	assert_string_equal(sl_test_text(e), "203.0.113.1 0 > 10.0.0.1 11 1");
	sl_test_free(m);
	sl_test_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ways),   cmocka_unit_test(holds),  cmocka_unit_test(workers),
		cmocka_unit_test(spoils), cmocka_unit_test(shapes), cmocka_unit_test(quotes),
		cmocka_unit_test(reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
