/* SPDX-License-Identifier: BSD-3-Clause */
/* The firewall with fusion must be the firewall without: random traffic through both. */
#include "test_firewall.h"

#include <stdio.h>

#include <tests/unit/twins.h>

#define FLOWS 24

/* One end of a TCP connection, roughly as a host would act; with wrong numbers now and then. */
struct end {
	uint32_t next, acked; /* sequence number it sends next, and wants next */
};

struct flow {
	uint8_t proto;
	bool six;
	uint8_t dscp;
	uint16_t sport;
	struct end ends[2];
	uint8_t handshake; /* how far it is */
};

static uint32_t state;

static uint32_t pick(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)state * below >> 32);
}

static void new_flow(struct flow *flow)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 132};

	*flow = (struct flow){.proto = protos[pick(5)],
			      .six = pick(4) == 0,
			      .sport = (uint16_t)(1000 + pick(400)),
			      .dscp = (uint8_t)(pick(4) == 0 ? 10 : 0)};
	if (flow->six && flow->proto == IPPROTO_ICMP)
		flow->proto = IPPROTO_ICMPV6;
	flow->ends[0].next = pick(UINT32_MAX);
	flow->ends[1].next = pick(UINT32_MAX);
}

static void tcp_fields(struct flow *flow, unsigned int from, struct sl_test_packet *packet)
{
	struct end *me = &flow->ends[from], *peer = &flow->ends[!from];

	packet->seq = me->next;
	packet->ack = peer->next;
	packet->window = (uint16_t)(1 + pick(60000));
	packet->tcp_flags = RTE_TCP_ACK_FLAG;
	if (flow->handshake < 3) {
		packet->tcp_flags = flow->handshake == 0   ? RTE_TCP_SYN_FLAG
				    : flow->handshake == 1 ? RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG
							   : RTE_TCP_ACK_FLAG;
		packet->length = 0;
		packet->seq = me->next;
		me->next += flow->handshake < 2;
		flow->handshake++;
		return;
	}
	if (pick(3) == 0)
		packet->tcp_flags |= RTE_TCP_PSH_FLAG;
	switch (pick(60)) {
	case 0:
		packet->tcp_flags = RTE_TCP_ACK_FLAG | RTE_TCP_FIN_FLAG;
		break;
	case 1:
		packet->tcp_flags = RTE_TCP_RST_FLAG;
		break;
	case 2:
		packet->tcp_flags = RTE_TCP_SYN_FLAG;
		break;
	case 3:
		packet->seq += 100000 + pick(1u << 30);
		break;
	case 4:
		packet->ack -= 100000 + pick(1u << 30);
		break;
	case 5:
		packet->window = 0;
		break;
	default:
		break;
	}
	if (packet->seq == me->next)
		me->next += packet->length;
}

static void send_one(struct sl_twins *twins, struct flow *flow, unsigned int from)
{
	struct sl_test_packet packet = {.proto = flow->proto, .length = (uint16_t)pick(900)};
	const char *in = flow->six ? "2001:db8::1" : "10.0.0.1";
	const char *out = flow->six ? "2001:db8:1::1" : "192.0.2.1";

	packet.from = from ? out : in;
	packet.to = from ? in : out;
	packet.sport = from ? 53 : flow->sport;
	packet.dport = from ? flow->sport : 53;
	packet.dscp = flow->dscp;
	if (flow->proto == IPPROTO_TCP)
		tcp_fields(flow, from, &packet);
	if (flow->proto == IPPROTO_ICMP || flow->proto == IPPROTO_ICMPV6) {
		packet.icmp_type = (uint8_t)(flow->six ? from ? 129 : 128 : from ? 0 : 8);
		packet.icmp_id = flow->sport;
		packet.icmp_seq = (uint16_t)pick(65536);
	}
	sl_twins_push(twins, from ? SL_OUTSIDE : SL_INSIDE, &packet);
}

static const char *const policies[] = {
	"accounting: true\nsessions: 16\nsessions-ipv6: 16\ndefault: deny\nrules:\n"
	"  - {allow: any, side: inside, sport: 1000-1200}\n"
	"  - {allow: icmp}\n"
	"  - {allow: icmpv6}\n"
	"  - {drop: udp, dscp: 10}\n"
	"  - {drop: tcp, tcp-flags: psh, log: true}\n",
	"accounting: true\nsessions: 16\nsessions-ipv6: 16\ndefault: deny\nrules:\n"
	"  - {allow: any, side: inside, sport: 1000-1300}\n"
	"  - {allow: tcp, side: outside}\n"
	"  - {drop: tcp, tcp-flags: psh}\n",
	"accounting: true\nsessions: 16\nsessions-ipv6: 16\ndefault: reject\ntcp-window: false\n"
	"tcp-pickup: true\ntable-full: drop\nrules:\n"
	"  - {drop: tcp, side: outside, tcp-flags: psh}\n"
	"  - {allow: any, side: inside, limit: 20/s}\n",
};

static const char *const commands[] = {"rules", "sessions", "summary", NULL};

static void random_traffic(const char *mode, uint32_t seed)
{
	struct sl_twins *twins = sl_twins_new(firewall_type(), policies[seed % 3], mode, NULL);
	struct flow flows[FLOWS];

	state = seed;
	for (unsigned int i = 0; i < FLOWS; i++)
		new_flow(&flows[i]);
	for (unsigned int step = 0; step < 6000; step++) {
		struct flow *flow = &flows[pick(FLOWS)];
		unsigned int from = pick(2);

		/* Packets of several flows may overtake each other. */
		if (flow->proto == IPPROTO_TCP && flow->handshake < 3)
			from = flow->handshake == 1;
		for (uint32_t n = 1 + pick(6); n > 0; n--)
			send_one(twins, flow, from);
		sl_twins_run(twins);
		if (pick(100) == 0)
			new_flow(&flows[pick(FLOWS)]);
		if (pick(20) == 0)
			sl_twins_advance(twins, (uint64_t)pick(4) * SECOND / 3);
		if (pick(200) == 0)
			sl_twins_advance(twins, (uint64_t)pick(200) * SECOND);
		if (pick(300) == 0)
			sl_twins_configure(twins, policies[pick(3)]);
		if (pick(500) == 0)
			sl_twins_command(twins, "clear", "proto: udp\n");
		if (pick(20) == 0)
			sl_twins_compare(twins, commands);
	}
	sl_twins_compare(twins, commands);
	printf("%s, seed %u: %lu fused\n", mode, seed, sl_test_fused(twins->fused));
	assert_true(sl_test_fused(twins->fused) > 1000);
	sl_twins_end(twins);
}

static void test_fusion_changes_nothing(void **unused)
{
	for (uint32_t seed = 1; seed <= 12; seed++)
		random_traffic("on", seed);
}

static void test_every_action_is_what_the_walk_does(void **unused)
{
	for (uint32_t seed = 101; seed <= 106; seed++)
		random_traffic("verify", seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fusion_changes_nothing),
		cmocka_unit_test(test_every_action_is_what_the_walk_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
