/* SPDX-License-Identifier: BSD-3-Clause */
/* VXLAN with fusion must be what it is without: random frames, stations that move and age. */
#include "test_vxlan.h"

#include <tests/unit/twins.h>

static uint32_t state;

static uint32_t pick(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)state * below >> 32);
}

static const char *station(unsigned int i)
{
	static char text[4][18];
	static unsigned int turn;
	char *at = text[turn++ & 3];

	snprintf(at, sizeof(text[0]), "02:00:00:01:00:%02x", i);
	return at;
}

static struct sl_test_packet inner(uint32_t flow, const char *from, const char *to)
{
	bool six = flow % 5 == 0;

	return (struct sl_test_packet){
		.from = six ? "fd00::1" : "10.0.0.1",
		.to = six ? "fd00::2" : "10.0.0.2",
		.proto = flow % 3 == 0 ? IPPROTO_TCP : IPPROTO_UDP,
		.sport = (uint16_t)(1000 + flow),
		.dport = 80,
		.dscp = flow % 4 == 0 ? 10 : 0,
		.ttl = (uint8_t)(2 + pick(60)),
		.vlan = flow % 7 == 0 ? 5 : 0,
		.length = (uint16_t)(pick(50) == 0 ? 1400 + pick(90) : pick(300)),
		.dont_fragment = flow % 2 == 0,
		.src_mac = from,
		.dst_mac = to,
	};
}

/* A frame from that station, out of a tunnel from that peer. */
static void push_outer(struct sl_twins *twins, uint32_t flow, const char *from, const char *peer)
{
	uint8_t payload[2000] = {8, 0, 0, 0, 0, 0, 100};
	struct sl_test_packet frame = inner(flow, from, MAC_A);
	struct sl_test_packet outer = {
		.from = peer,
		.to = US,
		.sport = 50000,
		.dport = 4789,
		.payload = payload,
	};
	struct rte_mbuf *m;

	frame.vlan = 0;
	m = sl_test_packet(&frame);
	outer.length = 8 + bytes_of(m, payload + 8, sizeof(payload) - 8);
	sl_test_free(m);
	sl_twins_push(twins, SL_OUTSIDE, &outer);
}

static uint64_t random_traffic(const char *yaml, const char *mode)
{
	static const char *const peers[] = {PEER, PEER2, "192.0.2.4"};
	static const char *const commands[] = {"vnis", "peers", "macs", NULL};
	struct sl_twins *twins = sl_twins_new(type, yaml, mode, NULL);
	uint64_t fused;

	state = 1;
	for (unsigned int i = 0; i < 4000; i++) {
		uint32_t flow = pick(40), to = flow % 12;

		for (uint32_t n = 1 + pick(6); n > 0; n--) {
			struct sl_test_packet frame =
				inner(flow, MAC_A, to == 11 ? MAC_ALL : station(to));

			sl_twins_push(twins, SL_INSIDE, &frame);
		}
		if (pick(4) == 0)
			push_outer(twins, flow, station(pick(10)),
				   peers[pick(10) == 0 ? pick(3) : to % 3]);
		sl_twins_run(twins);
		if (pick(50) == 0)
			sl_twins_advance(twins, pick(4) * SECOND);
		if (pick(300) == 0)
			sl_twins_command(twins, "clear", "{peer: 192.0.2.3}");
		if (pick(20) == 0)
			sl_twins_compare(twins, commands);
	}
	sl_twins_compare(twins, commands);
	fused = sl_test_fused(twins->fused);
	printf("%s: %lu fused\n", mode, fused);
	sl_twins_end(twins);
	return fused;
}

static const struct {
	const char *yaml;
	bool fuses;
} cases[] = {
	{BASE "mac-timeout: 10 s\n", true},
	{BASE "learn: false\nvlan-tags: keep\nunderlay: {vlan: 7}\ninherit-dscp: true\n", true},
	{"vni: 100\nlocal: 192.0.2.1\npeers: [192.0.2.2, 192.0.2.3]\nmacs: 5\n"
	 "mac-timeout: 5 s\ntable-full: replace\nlearned-peers: 1\n",
	 true},
	{BASE "udp-checksum: true\n", false},
	{BASE "inherit-ttl: true\n", false},
};

static void in_mode(const char *mode)
{
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		uint64_t fused = random_traffic(cases[i].yaml, mode);

		if (cases[i].fuses)
			assert_true(fused > 1000);
		else
			assert_int_equal(fused, 0);
	}
}

static void fusion_changes_nothing(void **unused)
{
	in_mode("on");
}

static void every_action_is_what_the_walk_does(void **unused)
{
	in_mode("verify");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fusion_changes_nothing),
		cmocka_unit_test(every_action_is_what_the_walk_does),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
