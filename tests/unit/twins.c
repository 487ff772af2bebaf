/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <tests/unit/harness_rig.h>
#include <tests/unit/twins.h>

#define MOST_OUT 4096

struct sl_twins *sl_twins_new(const struct sl_node_type *type, const char *yaml, const char *mode,
			      const char *const *paths)
{
	struct sl_twins *twins = calloc(1, sizeof(*twins));
	struct sl_test_options options = {.fusion = "off", .paths = paths};

	if (twins == NULL)
		sl_test_fail("out of memory");
	twins->type = type;
	twins->plain = sl_test_new_with(type, yaml, &options);
	options.fusion = mode;
	twins->fused = sl_test_new_with(type, yaml, &options);
	sl_test_same_time(twins->fused, twins->plain);
	return twins;
}

void sl_twins_end(struct sl_twins *twins)
{
	sl_test_end(twins->plain);
	sl_test_end(twins->fused);
	free(twins);
}

void sl_twins_push(struct sl_twins *twins, enum sl_side from, const struct sl_test_packet *packet)
{
	sl_test_push(twins->plain, from, sl_test_packet(packet));
	sl_test_push(twins->fused, from, sl_test_packet(packet));
}

/* By bytes: fused packets of one flow may overtake those of another that walk. */
static int order(const void *a, const void *b)
{
	const struct rte_mbuf *x = *(struct rte_mbuf *const *)a, *y = *(struct rte_mbuf *const *)b;
	uint32_t shorter = RTE_MIN(x->pkt_len, y->pkt_len);
	int first = memcmp(rte_pktmbuf_mtod(x, const void *), rte_pktmbuf_mtod(y, const void *),
			   RTE_MIN(shorter, x->data_len));

	return first != 0 ? first : (x->pkt_len > y->pkt_len) - (x->pkt_len < y->pkt_len);
}

static void compare_edge(struct sl_twins *twins, enum sl_side from, uint8_t edge)
{
	struct rte_mbuf *plain[MOST_OUT], *fused[MOST_OUT];
	unsigned int n = sl_test_count(twins->plain, from, edge);
	unsigned int also = sl_test_count(twins->fused, from, edge);

	if (n != also || n > MOST_OUT)
		sl_test_fail("from %u by edge %u came %u packets, and %u with fusion", from, edge,
			     n, also);
	for (unsigned int i = 0; i < n; i++) {
		plain[i] = sl_test_out(twins->plain, from, edge, i);
		fused[i] = sl_test_out(twins->fused, from, edge, i);
	}
	qsort(plain, n, sizeof(*plain), order);
	qsort(fused, n, sizeof(*fused), order);
	for (unsigned int i = 0; i < n; i++) {
		if (order(&plain[i], &fused[i]) != 0 ||
		    sl_packet(plain[i])->mark != sl_packet(fused[i])->mark ||
		    sl_packet_hash(plain[i]) != sl_packet_hash(fused[i]))
			sl_test_fail("%s differs with fusion: %s", sl_test_text(plain[i]),
				     sl_test_text(fused[i]));
	}
}

static void compare_packets(struct sl_twins *twins)
{
	for (unsigned int from = 0; from < 2; from++)
		for (uint8_t edge = 0; edge < sl_test_node(twins->plain, 0)->edge_count; edge++)
			compare_edge(twins, from, edge);
}

void sl_twins_run(struct sl_twins *twins)
{
	sl_test_clear(twins->plain);
	sl_test_clear(twins->fused);
	sl_test_run(twins->plain);
	sl_test_run(twins->fused);
	compare_packets(twins);
}

void sl_twins_advance(struct sl_twins *twins, uint64_t nanoseconds)
{
	sl_test_clear(twins->plain);
	sl_test_clear(twins->fused);
	sl_test_advance(twins->plain, nanoseconds);
	sl_test_advance(twins->fused, nanoseconds);
	sl_test_same_time(twins->fused, twins->plain);
	compare_packets(twins);
}

void sl_twins_configure(struct sl_twins *twins, const char *yaml)
{
	if (sl_test_configure(twins->plain, yaml) != 0 ||
	    sl_test_configure(twins->fused, yaml) != 0)
		sl_test_fail("%s cannot be configured", twins->type->name);
}

static void compare_number(const char *what, uint64_t plain, uint64_t fused)
{
	if (plain != fused)
		sl_test_fail("%s: %lu, but %lu with fusion", what, plain, fused);
}

void sl_twins_command(struct sl_twins *twins, const char *command, const char *args)
{
	const char *answer = sl_test_command(twins->plain, command, args);
	char *plain = strdup(answer != NULL ? answer : "none");

	answer = sl_test_command(twins->fused, command, args);
	if (plain == NULL || strcmp(plain, answer != NULL ? answer : "none") != 0)
		sl_test_fail("%s: %s\nbut with fusion %s", command, plain, answer);
	free(plain);
}

void sl_twins_compare(struct sl_twins *twins, const char *const *commands)
{
	const struct sl_node_type *type = twins->type;

	for (unsigned int i = 0; type->counters != NULL && type->counters[i].name != NULL; i++)
		compare_number(type->counters[i].name,
			       sl_test_counter(twins->plain, type->counters[i].name),
			       sl_test_counter(twins->fused, type->counters[i].name));
	for (unsigned int i = 0; type->reasons != NULL && type->reasons[i].name != NULL; i++)
		compare_number(type->reasons[i].name,
			       sl_test_drops(twins->plain, type->reasons[i].name),
			       sl_test_drops(twins->fused, type->reasons[i].name));
	for (unsigned int from = 0; from < 2; from++) {
		uint64_t packets, bytes, fused_packets, fused_bytes;

		sl_test_passed(twins->plain, from, &packets, &bytes);
		sl_test_passed(twins->fused, from, &fused_packets, &fused_bytes);
		compare_number("packets of the hop", packets, fused_packets);
		compare_number("bytes of the hop", bytes, fused_bytes);
	}
	for (; *commands != NULL; commands++)
		sl_twins_command(twins, *commands, NULL);
}
