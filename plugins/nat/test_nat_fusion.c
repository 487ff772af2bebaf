/* SPDX-License-Identifier: BSD-3-Clause */
/* NAT with fusion must be NAT without: random traffic through both. */
#include "nat.h"
/* Behind nat.h, whose parameters are called like its global. */
#include "test.h"

#include <tests/unit/twins.h>

#define FLOWS 24

/* Where an inside endpoint was last seen from, outside. */
struct flow {
	uint8_t proto;
	uint8_t host; /* 10.77.0.host */
	uint16_t port, remote_port;
	char remote[16];
	bool known;
	char outside[16];
	uint16_t outside_port;
};

static uint32_t state;

static uint32_t pick(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)state * below >> 32);
}

static void new_flow(struct flow *flow)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 47};
	/* The last but one is not translated, the last is the pool's. */
	static const char *const remotes[] = {"203.0.113.1", "203.0.113.2", "203.0.113.3",
					      "10.99.0.1", "198.51.100.1"};

	*flow = (struct flow){.proto = protos[pick(5)],
			      .host = (uint8_t)(1 + pick(6)),
			      .port = (uint16_t)(1000 + pick(400)),
			      .remote_port = (uint16_t)(53 + pick(2))};
	strcpy(flow->remote, remotes[pick(100) < 80 ? pick(3) : 3 + pick(2)]);
	/* Passes untranslated, until the remote comes by the forward. */
	if (pick(8) == 0) {
		flow->host = 3;
		flow->port = 8080;
		strcpy(flow->remote, "10.99.0.1");
	}
}

static uint8_t tcp_flags(void)
{
	switch (pick(30)) {
	case 0:
		return RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG;
	case 1:
		return RTE_TCP_RST_FLAG;
	case 2:
	case 3:
	case 4:
		return RTE_TCP_SYN_FLAG;
	case 5:
	case 6:
		return RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG;
	case 7:
		return RTE_TCP_PSH_FLAG | RTE_TCP_ACK_FLAG;
	default:
		return RTE_TCP_ACK_FLAG;
	}
}

static void send_from_inside(struct sl_twins *twins, const struct flow *flow, const char *inside)
{
	struct sl_test_packet packet = {.proto = flow->proto,
					.from = inside,
					.to = flow->remote,
					.sport = flow->port,
					.dport = flow->remote_port,
					.tcp_flags = tcp_flags(),
					.icmp_type = 8,
					.icmp_id = flow->port,
					.no_checksum = flow->proto == IPPROTO_UDP && pick(10) == 0,
					.length = (uint16_t)pick(600)};

	sl_twins_push(twins, SL_INSIDE, &packet);
}

static void send_from_outside(struct sl_twins *twins, const struct flow *flow)
{
	struct sl_test_packet packet = {.proto = flow->proto,
					.from = flow->remote,
					.to = flow->outside,
					.sport = flow->remote_port,
					.dport = flow->outside_port,
					.tcp_flags = tcp_flags(),
					.icmp_type = 0,
					.icmp_id = flow->outside_port,
					.length = (uint16_t)pick(600)};

	if (pick(4) == 0) { /* a forward, or an address of its own */
		packet.to = pick(2) ? "198.51.100.9" : "198.51.100.50";
		packet.dport = 8080;
		packet.icmp_type = 8;
	}
	sl_twins_push(twins, SL_OUTSIDE, &packet);
}

static void learn(struct flow *flow, const struct rte_mbuf *m)
{
	const uint8_t *source = (const uint8_t *)sl_l3(m) + 12;

	snprintf(flow->outside, sizeof(flow->outside), "%u.%u.%u.%u", source[0], source[1],
		 source[2], source[3]);
	flow->outside_port = rte_be_to_cpu_16(flow->proto == IPPROTO_ICMP ? sl_icmp(m)->icmp_ident
					      : sl_packet(m)->proto == 47 ? 0
									  : sl_udp(m)->src_port);
	flow->known = true;
}

#define COMMON                                                                            \
	"inside: 10.77.0.0/24\npool: 198.51.100.1-198.51.100.2\nsessions: 20\n"           \
	"except: 10.99.0.0/24\n"                                                          \
	"forward:\n"                                                                      \
	"  - {proto: [tcp, udp], outside: 198.51.100.9, port: 8080, inside: 10.77.0.3}\n" \
	"one-to-one: [{outside: 198.51.100.50, inside: 10.77.0.6}]\n"

static const char *const kinds[] = {
	COMMON "others: pass\nlog: none\n",
	COMMON "filtering: address-dependent\nothers: drop\nrefresh-inbound: true\n",
	COMMON "filtering: address-and-port-dependent\nothers: pass\nhairpinning: false\n",
};
static const char *const changed[] = {
	COMMON "others: drop\nudp-timeout: 200 s\n",
	COMMON "filtering: address-dependent\nothers: pass\n",
	COMMON "filtering: address-and-port-dependent\nothers: drop\nhairpinning: false\n",
};

static const char *const commands[] = {"sessions", "mappings", "subscribers", "pool", NULL};

static void seed_ports(struct sl_test *t, uint32_t seed)
{
	struct nat_worker *w = (struct nat_worker *)sl_test_node(t, SL_INSIDE)->state;

	w->random = seed;
}

static void step(struct sl_twins *twins, struct flow *flow)
{
	bool out = !flow->known || pick(2) == 0;
	const struct rte_mbuf *m;
	char inside[16];

	snprintf(inside, sizeof(inside), "10.77.0.%u", flow->host);
	/* Packets of several flows may overtake each other. */
	for (uint32_t n = 1 + pick(6); n > 0; n--) {
		if (out)
			send_from_inside(twins, flow, inside);
		else
			send_from_outside(twins, flow);
	}
	sl_twins_run(twins);
	m = out ? sl_test_out(twins->plain, SL_INSIDE, SL_ON, 0) : NULL;
	if (m != NULL)
		learn(flow, m);
}

static void random_traffic(const char *mode, uint32_t seed)
{
	struct sl_twins *twins = sl_twins_new(type, kinds[seed % 3], mode, NULL);
	struct flow flows[FLOWS];

	state = seed;
	seed_ports(twins->plain, seed);
	seed_ports(twins->fused, seed);
	for (unsigned int i = 0; i < FLOWS; i++)
		new_flow(&flows[i]);
	for (unsigned int i = 0; i < 6000; i++) {
		step(twins, &flows[pick(FLOWS)]);
		if (pick(100) == 0)
			new_flow(&flows[pick(FLOWS)]);
		if (pick(20) == 0)
			sl_twins_advance(twins, (uint64_t)pick(4) * SECOND / 3);
		if (pick(200) == 0)
			sl_twins_advance(twins, (uint64_t)pick(400) * SECOND);
		if (pick(400) == 0)
			sl_twins_configure(twins, pick(2) ? kinds[seed % 3] : changed[seed % 3]);
		if (pick(500) == 0)
			sl_twins_command(twins, "clear", "inside: 10.77.0.2\n");
		if (pick(20) == 0)
			sl_twins_compare(twins, commands);
	}
	sl_twins_compare(twins, commands);
	printf("%s, seed %u: %lu fused\n", mode, seed, sl_test_fused(twins->fused));
	assert_true(sl_test_fused(twins->fused) > 1000);
	sl_twins_end(twins);
}

static void fusion_changes_nothing(void **unused)
{
	for (uint32_t seed = 1; seed <= 12; seed++)
		random_traffic("on", seed);
}

static void every_action_is_what_the_walk_does(void **unused)
{
	for (uint32_t seed = 101; seed <= 106; seed++)
		random_traffic("verify", seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fusion_changes_nothing),
		cmocka_unit_test(every_action_is_what_the_walk_does),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
