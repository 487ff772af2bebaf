/* SPDX-License-Identifier: BSD-3-Clause */
/* The policer: a byte picks the configuration, then packets from either side, and time. */
#include "script.h"

#include "../../plugins/policer/policer.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const configs[] = {
	"per: flow\npacket-rate: 1/s\nburst: 2\nflows: 5\nidle: 1 s\ntable-full: drop\n",
	("rules: [{match: {dport: 1}, per: source, symmetric: true, rate: 8 kbit/s, burst: 99,\n"
	 "  red: {dscp: 3}}, {match: {family: ipv6}, exempt: true}]\nflows: 2\n"
	 "meter: two-rate\nrate: 1 kbit/s\npeak-rate: 2 kbit/s\nlayer: l2\ngreen: {precedence: "
	 "1}\n"),
	"meter: two-rate-excess\npacket-rate: 3/s\nexcess-packet-rate: 2/s\ncolour-aware: true\n"
	"per: destination\nflows: 2\nyellow: {precedence: 3}\nred: {mark: 4}\ntable-full: pass\n",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, data + size};
	const struct sl_test_options options = {.any_bytes = true};
	struct sl_test *t =
		sl_test_new_with(&types[0], configs[script_byte(&s) % RTE_DIM(configs)], &options);

	for (int steps = 0; steps < 200 && !script_over(&s); steps++) {
		uint8_t how = script_byte(&s);
		struct rte_mbuf *m = script_packet(&s, how);

		if (m != NULL)
			sl_test_push(t, how & 16 ? SL_OUTSIDE : SL_INSIDE, m);
		if (how & 96)
			sl_test_run(t);
		if ((how & 0x88) == 0x88)
			sl_test_advance(t, (uint64_t)script_byte(&s) * 10000000);
	}
	sl_test_run(t);
	sl_test_command(t, "flows", NULL);
	sl_test_command(t, "clear", NULL);
	sl_test_end(t);
	return 0;
}
