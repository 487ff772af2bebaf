/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firewall's packet path. The input is a script: a byte that picks the configuration, then
 * operations: packets from either side, alone or in bursts, time, commands, changes of rules.
 */
#include "script.h"

#include "../../plugins/firewall/firewall.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What cannot change while it runs is the same in all. */
#define FIXED "sessions: 16\nsessions-ipv6: 16\nsessions-per-source: 9\naccounting: true\n"

static const char *const configs[] = {
	FIXED "default: allow\n",
	FIXED "rules: [{allow: any, side: inside}]\n",
	FIXED "rules: [{allow: any, side: inside}]\ntcp-pickup: true\ntable-full: drop\n",
	FIXED "rules: [{reject: tcp, dport: 1}, {reject: any, side: outside, log: true},\n"
	      " {allow: any, limit: 5/s}]\nneighbours: rules\nreject-rate: 1000/s\n",
	FIXED "default: reject\ntcp-window: false\nlog: true\n",
};

static void step(struct sl_test *t, struct script *s)
{
	uint8_t how = script_byte(s);
	struct rte_mbuf *m;

	if (how < 8) {
		static const uint16_t seconds[] = {1, 5, 20, 60, 200, 700, 3600, 10000};

		sl_test_advance(t, seconds[how] * UINT64_C(1000000000));
	} else if (how < 10) {
		sl_test_configure(t, configs[script_byte(s) % RTE_DIM(configs)]);
	} else if (how < 14) {
		static const char *const words[] = {"sessions", "rules", "clear", "summary"};

		sl_test_command(t, words[how - 10],
				how == 12 && script_byte(s) & 1 ? "address: 10.0.0.1\n" : NULL);
	} else {
		m = script_packet(s, how);
		if (m != NULL)
			sl_test_push(t, how & 16 ? SL_OUTSIDE : SL_INSIDE, m);
		if (how & 96)
			sl_test_run(t);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, data + size};
	const struct sl_test_options options = {.any_bytes = true};
	struct sl_test *t =
		sl_test_new_with(&types[0], configs[script_byte(&s) % RTE_DIM(configs)], &options);

	for (int steps = 0; steps < 200 && !script_over(&s); steps++)
		step(t, &s);
	sl_test_run(t);
	sl_test_end(t);
	return 0;
}
