/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two rigs of the same instance get the same packets at the same times: one walks them all, in
 * the other flows are fused. Nothing that can be seen may differ: where packets leave, their
 * bytes and marks, hops, counters, drops, and the answers to commands.
 */
#ifndef TESTS_UNIT_TWINS_H
#define TESTS_UNIT_TWINS_H

#include <tests/unit/harness.h>

struct sl_twins {
	const struct sl_node_type *type;
	struct sl_test *plain, *fused;
};

/* mode: "on" or "verify". */
struct sl_twins *sl_twins_new(const struct sl_node_type *type, const char *yaml, const char *mode,
			      const char *const *paths);
void sl_twins_end(struct sl_twins *twins);
void sl_twins_push(struct sl_twins *twins, enum sl_side from, const struct sl_test_packet *packet);
/* Run, and compare what came out; it can be looked at in twins->plain until the next call. */
void sl_twins_run(struct sl_twins *twins);
void sl_twins_advance(struct sl_twins *twins, uint64_t nanoseconds);
void sl_twins_configure(struct sl_twins *twins, const char *yaml);
/* Ask both, and compare the answers. */
void sl_twins_command(struct sl_twins *twins, const char *command, const char *args);
/* Compare counters, drops, hops, and what these commands (NULL-ended) answer. */
void sl_twins_compare(struct sl_twins *twins, const char *const *commands);

#endif
