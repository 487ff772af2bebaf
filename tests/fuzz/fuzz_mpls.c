/* SPDX-License-Identifier: BSD-3-Clause */
/* MPLS: a byte picks the configuration, then packets from either side, many of them with labels. */
#include "script.h"

#include "../../plugins/mpls/mpls.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ILM                                                                               \
	"labels: [{label: 16, swap: 17}, {label: 17, swap: 18, push: [19, 20], tc: 3},\n" \
	" {label: 18, pop: true}, {label: 19, php: true}, {label: 20, from: inside, swap: 0}]\n"

static const char *const configs[] = {
	"fecs: [{match: {dport: 1}, push: [16, 17], next-hop: '02:00:00:00:00:09'},\n"
	" {match: {family: ipv6}, push: [18, 2]}]\n" ILM,
	"ttl: pipe\ndiffserv: uniform\ndecrement: true\nmax-labels: 32\n"
	"fecs: [{push: [16, 17, 18, 19, 16, 17, 18, 19]}]\n" ILM,
	"diffserv: uniform\nunlabelled: drop\nmax-labels: 3\n" ILM,
};

/* The packet behind a stack of labels that are likely to be known; cut now and then. */
static struct rte_mbuf *labelled(struct script *s, struct rte_mbuf *m)
{
	uint8_t frame[1024], count = script_byte(s) % 12, cut;
	uint16_t length = RTE_MIN(rte_pktmbuf_data_len(m), (uint16_t)(sizeof(frame) - 64));

	memcpy(frame, rte_pktmbuf_mtod(m, const void *), 14);
	frame[12] = 0x88;
	frame[13] = 0x47;
	for (uint8_t i = 0; i < count; i++) {
		uint8_t how = script_byte(s);
		uint32_t word = (how & 0x80 ? how & 3 : 16 + (how & 7)) << 12 | (how & 8 ? 1 : 9);

		word |= i + 1 == count && !(how & 0x40) ? 0x100 : 0;
		word = rte_cpu_to_be_32(word | (how & 0x30) << 5);
		memcpy(frame + 14 + 4 * i, &word, 4);
	}
	memcpy(frame + 14 + 4 * count, rte_pktmbuf_mtod_offset(m, char *, 14), length - 14u);
	length = (uint16_t)(length + 4 * count);
	cut = script_byte(s);
	if (cut & 1)
		length = (uint16_t)RTE_MAX(14, length - cut / 2);
	sl_test_free(m);
	return cut & 2 ? sl_test_segments(frame, length, 1 + cut % 40)
		       : sl_test_exact(frame, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, data + size};
	const struct sl_test_options options = {.any_bytes = true};
	struct sl_test *t =
		sl_test_new_with(&types[0], configs[script_byte(&s) % RTE_DIM(configs)], &options);

	for (int steps = 0; steps < 200 && !script_over(&s); steps++) {
		uint8_t how = script_byte(&s);
		struct rte_mbuf *m = script_packet(&s, how);

		if (m != NULL && how & 8)
			m = labelled(&s, m);
		if (m != NULL)
			sl_test_push(t, how & 16 ? SL_OUTSIDE : SL_INSIDE, m);
		if (how & 96)
			sl_test_run(t);
	}
	sl_test_run(t);
	sl_test_command(t, "labels", NULL);
	sl_test_end(t);
	return 0;
}
