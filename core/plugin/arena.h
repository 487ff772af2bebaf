/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of one owner: a jemalloc arena of its own and large tables beside it. What is in use is
 * known at any time, can be capped, and is gone with the arena. Main thread only.
 */
#ifndef CORE_PLUGIN_ARENA_H
#define CORE_PLUGIN_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_arena;

/* cap: most bytes it may hold, 0: no limit. NULL with errno when there is no memory. */
struct sl_arena *sl_arena_new(uint64_t cap);
/* Gives back all that was allocated from it. NULL is allowed. */
void sl_arena_free(struct sl_arena *arena);
/* Bytes in use, tables included, as the allocator rounds them. */
uint64_t sl_arena_used(const struct sl_arena *arena);
uint64_t sl_arena_cap(const struct sl_arena *arena);
/* Of those, bytes in tables that stand on hugepages. */
uint64_t sl_arena_huge(const struct sl_arena *arena);

/* Count memory that is mapped elsewhere for this owner (core/plugin/growth.h). False: the cap is
 * reached, and it is not counted. */
bool sl_arena_charge(struct sl_arena *arena, size_t size);
void sl_arena_refund(struct sl_arena *arena, size_t size);
/* Of what was charged, so much came to stand on hugepages, or does no longer. */
void sl_arena_note_huge(struct sl_arena *arena, size_t size, bool more);

/* Zeroed, aligned to a cache line. NULL when the cap is reached or memory is out. */
void *sl_arena_take(struct sl_arena *arena, size_t size);
void sl_arena_give(struct sl_arena *arena, void *memory);
/* Zeroed, aligned to 2 MiB, present in memory, on hugepages where there are any. */
void *sl_arena_take_table(struct sl_arena *arena, size_t size);
void sl_arena_give_table(struct sl_arena *arena, void *memory);

#endif
