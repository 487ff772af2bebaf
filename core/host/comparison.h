/* SPDX-License-Identifier: BSD-3-Clause */
/* What the comparison of two chains works with: diff.c compares ports and paths, diff_vnfs.c what
 * is made of plugins. */
#ifndef CORE_HOST_COMPARISON_H
#define CORE_HOST_COMPARISON_H

#include <core/host/diff.h>

struct sl_comparison {
	const struct sl_generation *running;
	const struct sl_chain *old, *new;
	const char *const *replace;
	const char *fresh;
	struct sl_diff *diff;
	bool failed;
};

struct sl_change *sl_comparison_note(struct sl_comparison *c, enum sl_change_of of,
				     enum sl_change_kind kind, const char *name, const char *format,
				     ...) __attribute__((format(printf, 5, 6)));
/* Names of the parameters that differ, and whether all of them may change in a live instance. */
bool sl_comparison_names(const struct sl_param *table, const void *a, const void *b, char *text,
			 size_t size);

/* diff_vnfs.c */
void sl_compare_vnf(struct sl_comparison *c, unsigned int number);
void sl_compare_steering(struct sl_comparison *c, unsigned int number);
/* Index in the chain, or SL_NEW. */
unsigned int sl_compare_find_vnf(const struct sl_chain *chain, const char *name);
unsigned int sl_compare_find_steering(const struct sl_chain *chain, const char *port);

#endif
