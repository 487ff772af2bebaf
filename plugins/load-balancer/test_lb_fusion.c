/* SPDX-License-Identifier: BSD-3-Clause */
/* The load balancer with fusion must be the one without: random traffic through both. */
#include "test.h"

#include <tests/unit/twins.h>

#define FLOWS 24

struct flow {
	uint8_t proto;
	uint8_t service; /* of addresses[] */
	bool six;
	uint16_t sport, dport;
	bool opened, known;
	char backend[SL_ADDR_TEXT]; /* where it was sent, when that can be seen */
	uint16_t backend_port;
};

static const char *const addresses[2][4] = {
	{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.9"},
	{"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::9"},
};

static uint32_t seed_state;

static uint32_t pick(uint32_t below)
{
	seed_state = seed_state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed_state * below >> 32);
}

/* DNAT, direct and tunnel, each in IPv4 and IPv6; backends FIRST to LAST of the first. */
static const char *services(unsigned int first, unsigned int last)
{
	static char text[8192];
	int length = 0;

	for (unsigned int six = 0; six < 2; six++) {
		length += snprintf(text + length, sizeof(text) - (size_t)length,
				   "%s  - name: dnat%u\n    address: \"%s\"\n    proto: any\n"
				   "    backends:\n",
				   six ? "" : "services:\n", six, addresses[six][0]);
		for (unsigned int i = first; i <= last; i++)
			length += snprintf(text + length, sizeof(text) - (size_t)length,
					   "      - {address: \"%s%u\", weight: %u}\n",
					   six ? "fd00::" : "10.0.0.", i, i % 3 + 1);
		length += snprintf(
			text + length, sizeof(text) - (size_t)length,
			"  - {name: port%u, address: \"%s\", port: 80, backends: {address: "
			"\"%s7\", "
			"port: 8080}}\n"
			"  - {name: direct%u, address: \"%s\", proto: any, mode: direct, backends: "
			"[{mac: \"02:00:00:00:00:55\"}, {mac: \"02:00:00:00:00:56\"}]}\n"
			"  - {name: tunnel%u, address: \"%s\", proto: any, mode: tunnel, backends: "
			"[{address: 10.0.0.8}, {address: \"fd00::8\"}]}\n",
			six, addresses[six][0], six ? "fd00::" : "10.0.0.", six, addresses[six][1],
			six, addresses[six][2]);
	}
	snprintf(text + length, sizeof(text) - (size_t)length,
		 "sessions: 20\nsessions-ipv6: 20\nmtu: 1400\necho: forward\n"
		 "tunnel-source: [10.9.9.9, \"fd09::9\"]\nudp-timeout: 5 s\n"
		 "tcp-established-timeout: 100 s\nsource-mac: \"02:00:00:00:00:66\"\n");
	return text;
}

static void new_flow(struct flow *flow)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 132};

	*flow = (struct flow){.proto = protos[pick(5)],
			      .service = (uint8_t)pick(4),
			      .six = pick(3) == 0,
			      .sport = (uint16_t)(1000 + pick(400)),
			      .dport = pick(2) ? 80 : 81};
	if (flow->six && flow->proto == IPPROTO_ICMP)
		flow->proto = IPPROTO_ICMPV6;
}

static uint8_t tcp_flags(struct flow *flow, bool back)
{
	if (!flow->opened || pick(80) == 0) {
		flow->opened = true;
		return back ? RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG : RTE_TCP_SYN_FLAG;
	}
	switch (pick(60)) {
	case 0:
		return RTE_TCP_ACK_FLAG | RTE_TCP_FIN_FLAG;
	case 1:
		return RTE_TCP_RST_FLAG;
	case 2:
		return RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG;
	default:
		return pick(3) == 0 ? RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG : RTE_TCP_ACK_FLAG;
	}
}

static void send_one(struct sl_twins *twins, struct flow *flow, bool back)
{
	const char *client = flow->six ? "2001:db8:7::7" : CLIENT;
	const char *vip = addresses[flow->six][flow->service];
	struct sl_test_packet packet = {
		.proto = flow->proto,
		.length = (uint16_t)pick(pick(10) == 0 ? 1450 : 500),
		.from = back ? flow->known ? flow->backend : vip : client,
		.to = back ? client : vip,
		.sport = back ? flow->known ? flow->backend_port : flow->dport : flow->sport,
		.dport = back ? flow->sport : flow->dport,
		.ttl = (uint8_t)(1 + pick(255)),
		.ip_id = (uint16_t)pick(65536),
		.dont_fragment = pick(2),
		.dscp = (uint8_t)(flow->sport & 7),
	};

	if (flow->proto == IPPROTO_TCP)
		packet.tcp_flags = tcp_flags(flow, back);
	if (flow->proto == IPPROTO_ICMP || flow->proto == IPPROTO_ICMPV6) {
		packet.icmp_type = (uint8_t)(flow->six ? back ? 129 : 128 : back ? 0 : 8);
		packet.icmp_id = flow->sport;
		packet.icmp_seq = (uint16_t)pick(65536);
	}
	if (flow->proto == IPPROTO_UDP)
		packet.no_checksum = !flow->six && pick(4) == 0;
	sl_twins_push(twins, back ? SL_OUTSIDE : SL_INSIDE, &packet);
}

/* Where did it go? */
static void look(struct sl_twins *twins, struct flow *flow)
{
	const struct rte_mbuf *m = sl_test_out(twins->plain, SL_INSIDE, SL_ON, 0);
	struct sl_addr from, to;

	if (m == NULL || flow->service != 0)
		return;
	sl_packet_addrs(m, &from, &to);
	sl_addr_format(&to, flow->backend);
	flow->backend_port = sl_has_ports(m) ? rte_be_to_cpu_16(sl_udp(m)->dst_port) : flow->dport;
	flow->known = true;
}

/* The answer without what depends on the clock on the wall. */
static char *backends(struct sl_test *t)
{
	const char *answer = sl_test_command(t, "backends", NULL);
	char *text = strdup(answer), *at = text;

	while ((at = strstr(at, "\"since\":")) != NULL)
		for (; *at != ',' && *at != '}' && *at != '\0'; at++)
			*at = '_';
	return text;
}

static void compare(struct sl_twins *twins)
{
	static const char *const commands[] = {"services", "sessions", NULL};
	char *plain, *fused;

	sl_twins_compare(twins, commands);
	plain = backends(twins->plain);
	fused = backends(twins->fused);
	/* The number of digits of the time differs; it is blanks then. */
	for (char *a = plain, *b = fused; *a != '\0' || *b != '\0';
	     a += *a != '\0', b += *b != '\0') {
		while (*a == '_')
			a++;
		while (*b == '_')
			b++;
		if (*a != *b)
			fail_msg("%s\nbut with fusion %s", plain, fused);
		if (*a == '\0')
			break;
	}
	free(plain);
	free(fused);
}

static void one_step(struct sl_twins *twins, struct flow *flows)
{
	struct flow *flow = &flows[pick(FLOWS)];
	bool back = flow->opened && pick(2);

	flow->opened |= flow->proto != IPPROTO_TCP;
	for (uint32_t n = 1 + pick(6); n > 0; n--)
		send_one(twins, flow, back);
	sl_twins_run(twins);
	if (!back)
		look(twins, flow);
	if (pick(100) == 0)
		new_flow(&flows[pick(FLOWS)]);
	if (pick(20) == 0)
		sl_twins_advance(twins, (uint64_t)pick(4) * SECOND / 3);
	if (pick(200) == 0)
		sl_twins_advance(twins, (uint64_t)pick(200) * SECOND);
	if (pick(150) == 0)
		sl_twins_configure(twins, services(1 + pick(3), 3 + pick(3)));
	if (pick(150) == 0) {
		const char *command = pick(2) ? "drain" : "undrain";
		char args[64];

		snprintf(args, sizeof(args), "backend: 10.0.0.%u", 1 + pick(3));
		sl_test_command(twins->plain, command, args);
		sl_test_command(twins->fused, command, args);
	}
	if (pick(500) == 0)
		sl_twins_command(twins, "clear", "client: 198.51.100.7\n");
	if (pick(20) == 0)
		compare(twins);
}

static void random_traffic(const char *mode, uint32_t seed)
{
	struct sl_twins *twins;
	struct flow flows[FLOWS];

	seed_state = seed;
	twins = sl_twins_new(type, services(1, 3), mode, NULL);
	for (unsigned int i = 0; i < FLOWS; i++)
		new_flow(&flows[i]);
	for (unsigned int step = 0; step < 5000; step++)
		one_step(twins, flows);
	compare(twins);
	print_message("%s, seed %u: %lu fused\n", mode, seed, sl_test_fused(twins->fused));
	assert_true(sl_test_fused(twins->fused) > 1000);
	sl_twins_end(twins);
}

static void fusion_changes_nothing(void **state)
{
	for (uint32_t seed = 1; seed <= 5; seed++)
		random_traffic("on", seed);
}

static void every_action_is_what_the_walk_does(void **state)
{
	for (uint32_t seed = 101; seed <= 103; seed++)
		random_traffic("verify", seed);
}

/* A backend goes while its flows are fused: not one packet more is sent to it. */
static void the_dead_get_nothing(void **state)
{
	struct sl_test_options options = {.fusion = "on"};
	struct sl_test *t = sl_test_new_with(type, service(1, 2, "", ""), &options);
	int host[200];

	for (uint16_t i = 0; i < 200; i++) {
		char backend[32];

		host[i] = syn(t, (uint16_t)(1000 + i));
		snprintf(backend, sizeof(backend), "10.0.0.%d", host[i]);
		assert_int_equal(send_packet(t, SL_OUTSIDE, IPPROTO_TCP, backend, 8080, CLIENT,
					     (uint16_t)(1000 + i),
					     RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG),
				 SL_ON);
		for (int n = 0; n < 4; n++)
			assert_int_equal(ack(t, (uint16_t)(1000 + i)), host[i]);
	}
	assert_true(sl_test_fused(t) > 200);
	assert_int_equal(sl_test_configure(t, service(1, 1, "", "")), 0);
	for (uint16_t i = 0; i < 200; i++)
		assert_int_equal(ack(t, (uint16_t)(1000 + i)), 1);
	sl_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fusion_changes_nothing),
		cmocka_unit_test(every_action_is_what_the_walk_does),
		cmocka_unit_test(the_dead_get_nothing),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
