/* SPDX-License-Identifier: BSD-3-Clause */
/* The classifier's packet path: a byte picks the configuration, then packets from either side. */
#include "script.h"

#include "../../plugins/classifier/classifier.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const configs[] = {
	"rules: [{dscp: 46, mark: 3}]\n",
	"rules: [{match: {tcp-flags: 'syn,!ack'}, drop: true}, {match: {dport: 1}, dscp: 9},\n"
	" {match: {vlan: 5}, mark: 1}, {match: {from: 2001:db8::/32}, dscp: 63}]\n",
	"rules: [{match: {fragment: later}, drop: true}, {match: {options: true}, dscp: 1},\n"
	" {match: {icmp-type: 0-8, icmp-code: 0}, mark: 2}, {match: {ethertype: 0-1535}, mark: "
	"4},\n"
	" {match: {src-mac: '02:00:00:00:00:01', mark: 7, dscp: 1-30}, dscp: 0}]\n",
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
	}
	sl_test_run(t);
	sl_test_end(t);
	return 0;
}
