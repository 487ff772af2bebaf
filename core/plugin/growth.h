/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory for a table that grows while packets run: addresses for all that it may ever need, of
 * which the pages come as they are needed. One worker uses it from its start on, and says how far
 * it got; the main thread looks every millisecond and brings pages in ahead of it, so that the
 * worker has no page fault.
 *
 * The first 512 KiB have pages of 4 KiB, that a small table takes little memory; what follows comes
 * in pieces of 2 MiB, on hugepages where there are any. A worker that gets ahead of the main thread
 * faults pages of 4 KiB in by itself, one at a time: never one of 2 MiB, whose zeroing would take
 * some hundred microseconds.
 */
#ifndef CORE_PLUGIN_GROWTH_H
#define CORE_PLUGIN_GROWTH_H

#include <stdbool.h>
#include <stddef.h>

struct sl_arena;
struct sl_growth;
struct sl_instance;

enum sl_growth_pages {
	SL_GROWTH_HUGE,
	SL_GROWTH_SMALL, /* pages of 4 KiB throughout: for what stays small in all likelihood */
};

/*
 * Reserve `most` bytes (rounded up), zeroed. All count against the cap of the instance (NULL: the
 * engine's memory), so that it cannot be reached later. NULL when there is no room. Main thread.
 */
struct sl_growth *sl_growth_new(struct sl_instance *instance, size_t most,
				enum sl_growth_pages pages);
/* NULL is allowed. Main thread. */
void sl_growth_free(struct sl_growth *growth);
/* Where it starts: at a multiple of 512 KiB. */
void *sl_growth_memory(const struct sl_growth *growth);

/*
 * May the first `bytes` bytes (at most `most`) be used? Worker. False while the main thread makes
 * the very piece, a fraction of a millisecond: do without and ask again. With SL_GROWTH_SMALL it
 * never is.
 */
bool sl_growth_reach(struct sl_growth *growth, size_t bytes);

/* Bring in what the workers will need next, for all there are. Main thread, every millisecond. */
void sl_growth_tend(void);
/* Bytes from the start that are surely present. Main thread. */
size_t sl_growth_present(const struct sl_growth *growth);

/* All of that arena. Main thread. */
void sl_growth_free_all(struct sl_arena *arena);

#endif
