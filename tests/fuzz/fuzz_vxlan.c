/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VXLAN's packet path. A byte picks the configuration, then steps: frames from inside, packets from
 * outside (built, damaged, raw, or VXLAN around any of these), what came out sent back, time.
 */
#include "script.h"

#include "../../plugins/vxlan/vxlan.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define V4 "local: 10.0.0.1\nmtu: 576\nmacs: 2\nlearned-peers: 2\n"
#define V6 "local: \"2001:db8::1\"\nmtu: 576\nmacs: 2\nlearned-peers: 2\n"

static const char *const configs[] = {
	V4 "vni: 5\npeers: [10.0.0.2, 192.0.2.9]\n",
	V4 "vni: 5\npeers: 10.0.0.2\nudp-checksum: true\ninherit-ttl: true\ntable-full: replace\n"
	   "dont-fragment: false\nvlan-tags: keep\nmac-timeout: 1 s\n",
	V4 "vni: 5\npeers: 10.0.0.2\ngpe: true\npayload: ip\n",
	V4 "tunnels: [{vni: 5, vlan: 5, peers: 10.0.0.2}, {vni: 6}]\ngpe: true\naccept: peers\n"
	   "vlan-tags: keep\n",
	V6 "vni: 5\npeers: [\"2001:db8::2\", \"2001:db8:1::9\"]\ninherit-dscp: true\n",
	V6 "vni: 5\npeers: \"2001:db8::2\"\nzero-checksum: true\nlearn: false\nothers: drop\n"
	   "underlay: {vlan: 3}\n",
};

/* VXLAN around a packet, with lengths and checksums that are mostly right. */
static struct rte_mbuf *wrapped(struct script *s, bool six, bool gpe)
{
	uint8_t payload[1400] = {0}, how = script_byte(s), who = script_byte(s);
	struct rte_mbuf *inner = script_packet(s, how >> 4), *m;
	uint16_t length = 0;

	payload[0] = how & 1 ? script_byte(s) : gpe ? 0x0c : 8;
	payload[3] = how & 2 ? script_byte(s) : 3;
	payload[6] = how & 4 ? script_byte(s) : 5;
	if (inner != NULL) {
		length = (uint16_t)RTE_MIN(inner->pkt_len, sizeof(payload) - 8);
		memcpy(payload + 8, rte_pktmbuf_mtod(inner, const void *), length);
		sl_test_free(inner);
	}
	m = SL_TEST_PACKET(.from = (six ? script_addrs6 : script_addrs4)[1 + (who & 1)],
			   .to = (six ? script_addrs6 : script_addrs4)[0], .sport = 9,
			   .dport = gpe ? 4790 : 4789, .payload = payload, .length = length + 8,
			   .no_checksum = who & 2 && !six);
	if (who & 4) {
		uint8_t bytes[1500];

		length = rte_pktmbuf_data_len(m);
		memcpy(bytes, rte_pktmbuf_mtod(m, const void *), length);
		sl_test_free(m);
		bytes[script_byte(s) % length] ^= script_byte(s);
		m = who & 8 ? sl_test_segments(bytes, length, 1 + script_byte(s) % 60)
			    : sl_test_exact(bytes, length);
	}
	return m;
}

static void step(struct sl_test *t, struct script *s, unsigned int config)
{
	static const char *const asked[] = {"macs", "peers", "vnis", "clear"};
	uint8_t how = script_byte(s);
	enum sl_side from = how & 16 ? SL_OUTSIDE : SL_INSIDE;
	bool six = config >= 4, gpe = config == 2 || config == 3;
	struct rte_mbuf *m = NULL;

	if ((how & 0xe0) == 0xe0) {
		sl_test_run(t);
		sl_test_advance(t, (uint64_t)script_byte(s) * 100000000);
		return;
	}
	if ((how & 0xe0) == 0xc0) {
		sl_test_run(t);
		sl_test_command(t, asked[how & 3], NULL);
		return;
	}
	if (how & 32 && sl_test_count(t, SL_INSIDE, SL_ON) != 0) {
		m = sl_test_take(t, SL_INSIDE, SL_ON, 0);
		from = SL_OUTSIDE;
	} else {
		m = from == SL_OUTSIDE && (how & 8) ? wrapped(s, six, gpe) : script_packet(s, how);
	}
	if (m == NULL)
		return;
	types[0].spread(sl_test_instance(t), m, from, 3);
	sl_test_push(t, from, m);
	if (how & 64)
		sl_test_run(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, data + size};
	const struct sl_test_options options = {.any_bytes = true};
	unsigned int config = script_byte(&s) % RTE_DIM(configs);
	struct sl_test *t = sl_test_new_with(&types[0], configs[config], &options);

	for (int steps = 0; steps < 200 && !script_over(&s); steps++)
		step(t, &s, config);
	sl_test_run(t);
	sl_test_end(t);
	return 0;
}
