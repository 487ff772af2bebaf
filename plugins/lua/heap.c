/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of a Lua state: one region, taken when the worker starts, so that a script can neither use
 * more nor make the worker ask the system for some. Two-level segregated fit (Masmano, Ripoll,
 * Crespo and Real, ECRTS 2004): allocating and freeing take constant time.
 */
#include <string.h>

#include "script.h"

#define GRAIN       16 /* bytes: alignment, and the least payload */
#define SECOND_BITS 4
#define SECOND      (1u << SECOND_BITS)
#define LINEAR      (GRAIN * SECOND) /* below, the second level is by GRAIN */
#define FIRST       28

/* Of one allocation: what Lua does with one object, such as comparing two texts, is one step. */
#define MOST_SHARE 16

struct block {
	struct block *before;          /* in memory; NULL: the first */
	size_t size;                   /* of the payload; bit 0: it is free */
	struct block *next, *previous; /* payload: in the list of the free ones of its class */
};

#define HEADER offsetof(struct block, next)

struct heap {
	size_t size, used, most; /* most: of one allocation */
	double *steps;
	bool failed;
	uint32_t first;
	uint32_t second[FIRST];
	struct block *lists[FIRST][SECOND];
};

static size_t size_of(const struct block *block)
{
	return block->size & ~(size_t)1;
}

static bool is_free(const struct block *block)
{
	return block->size & 1;
}

static struct block *after(const struct block *block)
{
	return (struct block *)((uintptr_t)block + HEADER + size_of(block));
}

static void class_of(size_t size, uint32_t *first, uint32_t *second)
{
	uint32_t log;

	if (size < LINEAR) {
		*first = 0;
		*second = (uint32_t)(size / GRAIN);
		return;
	}
	log = 63 - (uint32_t)__builtin_clzll(size);
	*first = log - 7;
	*second = (uint32_t)(size >> (log - SECOND_BITS)) & (SECOND - 1);
}

static void put(struct heap *heap, struct block *block)
{
	uint32_t f, s;

	class_of(size_of(block), &f, &s);
	block->size |= 1;
	block->previous = NULL;
	block->next = heap->lists[f][s];
	if (block->next != NULL)
		block->next->previous = block;
	heap->lists[f][s] = block;
	heap->first |= 1u << f;
	heap->second[f] |= 1u << s;
}

static void take(struct heap *heap, struct block *block)
{
	uint32_t f, s;

	class_of(size_of(block), &f, &s);
	block->size &= ~(size_t)1;
	if (block->next != NULL)
		block->next->previous = block->previous;
	if (block->previous != NULL) {
		block->previous->next = block->next;
		return;
	}
	heap->lists[f][s] = block->next;
	if (block->next == NULL && (heap->second[f] &= ~(1u << s)) == 0)
		heap->first &= ~(1u << f);
}

/* Any block of the least class all of whose blocks are large enough. */
static struct block *find(const struct heap *heap, size_t size)
{
	uint32_t f, s, map;

	if (size >= LINEAR)
		size += ((size_t)1 << (63 - (uint32_t)__builtin_clzll(size) - SECOND_BITS)) - 1;
	class_of(size, &f, &s);
	if (f >= FIRST)
		return NULL;
	map = heap->second[f] & (~0u << s);
	if (map == 0) {
		map = f + 1 < FIRST ? heap->first & (~0u << (f + 1)) : 0;
		if (map == 0)
			return NULL;
		f = (uint32_t)__builtin_ctz(map);
		map = heap->second[f];
	}
	return heap->lists[f][__builtin_ctz(map)];
}

/* Give the end of a block back, if there is room for another in it. */
static void trim(struct heap *heap, struct block *block, size_t size)
{
	size_t rest = size_of(block) - size;
	struct block *other;

	if (rest < HEADER + GRAIN)
		return;
	block->size = size;
	other = after(block);
	other->before = block;
	other->size = rest - HEADER;
	if (is_free(after(other))) {
		struct block *beyond = after(other);

		take(heap, beyond);
		other->size += HEADER + size_of(beyond);
	}
	after(other)->before = other;
	put(heap, other);
}

static void *allocate(struct heap *heap, size_t size)
{
	struct block *block;

	size = RTE_ALIGN_CEIL(RTE_MAX(size, (size_t)GRAIN), (size_t)GRAIN);
	block = size > heap->most ? NULL : find(heap, size);
	if (block == NULL) {
		heap->failed = true;
		return NULL;
	}
	take(heap, block);
	trim(heap, block, size);
	heap->used += HEADER + size_of(block);
	if (heap->steps != NULL)
		*heap->steps -= (double)size / 64;
	return &block->next;
}

static void release(struct heap *heap, struct block *block)
{
	struct block *beyond = after(block);

	heap->used -= HEADER + size_of(block);
	if (is_free(beyond)) {
		take(heap, beyond);
		block->size += HEADER + size_of(beyond);
	}
	if (block->before != NULL && is_free(block->before)) {
		struct block *before = block->before;

		take(heap, before);
		before->size += HEADER + size_of(block);
		block = before;
	}
	after(block)->before = block;
	put(heap, block);
}

void *sl_heap_allocate(void *context, void *old, size_t old_size, size_t size)
{
	struct heap *heap = context;
	struct block *block = (struct block *)((uintptr_t)old - HEADER);
	void *memory;

	if (old == NULL)
		return size == 0 ? NULL : allocate(heap, size);
	if (size == 0) {
		release(heap, block);
		return NULL;
	}
	if (size <= size_of(block)) {
		size_t before = size_of(block);

		trim(heap, block, RTE_ALIGN_CEIL(RTE_MAX(size, (size_t)GRAIN), (size_t)GRAIN));
		heap->used -= before - size_of(block);
		return old;
	}
	memory = allocate(heap, size);
	if (memory == NULL)
		return NULL;
	memcpy(memory, old, old_size);
	release(heap, block);
	return memory;
}

struct heap *sl_heap_make(void *region, size_t size)
{
	struct heap *heap = region;
	struct block *block, *end;
	size_t head = RTE_ALIGN_CEIL(sizeof(*heap), (size_t)GRAIN);

	memset(heap, 0, sizeof(*heap));
	block = (struct block *)((uintptr_t)region + head);
	block->before = NULL;
	/* A block of no size, never free, is the end. */
	block->size = ((size - head) & ~(size_t)(GRAIN - 1)) - 2 * HEADER;
	end = after(block);
	end->before = block;
	end->size = 0;
	heap->size = size_of(block);
	heap->most = size / MOST_SHARE;
	put(heap, block);
	return heap;
}

size_t sl_heap_used(const struct heap *heap)
{
	return heap->used;
}

size_t sl_heap_size(const struct heap *heap)
{
	return heap->size;
}

void sl_heap_charge(struct heap *heap, double *steps)
{
	heap->steps = steps;
}

bool sl_heap_failed(struct heap *heap)
{
	bool failed = heap->failed;

	heap->failed = false;
	return failed;
}
