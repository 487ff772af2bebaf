/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <core/plugin/arena.h>
#include <core/plugin/growth.h>

#ifndef SL_SANITIZED
#include <jemalloc/jemalloc.h>
#endif

#define LINE     64
#define HUGEPAGE ((size_t)2 << 20)
#define PAGE     ((size_t)4096)

/* A large table, outside the arena proper. */
struct table {
	struct table *next;
	void *memory;
	size_t size; /* as it was mapped */
	bool huge;
};

struct sl_arena {
	uint64_t cap;
	uint64_t used;
	uint64_t huge;
	struct table *tables;
#ifdef SL_SANITIZED
	struct block *blocks;
#else
	unsigned int number; /* jemalloc's */
#endif
};

static bool fits(const struct sl_arena *arena, size_t size)
{
	return arena->cap == 0 || (size <= arena->cap && arena->used <= arena->cap - size);
}

#ifdef SL_SANITIZED

/*
 * Sanitizers watch malloc() and know nothing of jemalloc: every block is then one malloc() of
 * its own, with this before it to find it again.
 */
struct block {
	struct block *next, *previous;
	size_t size;
} __attribute__((aligned(LINE)));

static int backend_open(struct sl_arena *arena)
{
	return 0;
}

static void *backend_take(struct sl_arena *arena, size_t size)
{
	struct block *block;

	if (size > SIZE_MAX - sizeof(*block) - LINE)
		return NULL;
	/* Not rounded up: an access past the end must be seen. */
	if (posix_memalign((void **)&block, LINE, sizeof(*block) + size) != 0)
		return NULL;
	memset(block, 0, sizeof(*block) + size);
	block->size = size;
	block->next = arena->blocks;
	if (block->next != NULL)
		block->next->previous = block;
	arena->blocks = block;
	arena->used += size;
	return block + 1;
}

static void backend_give(struct sl_arena *arena, void *memory)
{
	struct block *block = (struct block *)memory - 1;

	if (block->next != NULL)
		block->next->previous = block->previous;
	if (block->previous != NULL)
		block->previous->next = block->next;
	else
		arena->blocks = block->next;
	arena->used -= block->size;
	free(block);
}

static size_t backend_size(size_t size)
{
	return size;
}

static void backend_close(struct sl_arena *arena)
{
	while (arena->blocks != NULL)
		backend_give(arena, arena->blocks + 1);
}

#else

/* No thread cache: memory must be back in the arena when the arena ends. */
static int backend_flags(const struct sl_arena *arena)
{
	return (int)(MALLOCX_ARENA(arena->number) | MALLOCX_TCACHE_NONE | MALLOCX_ALIGN(LINE));
}

/*
 * Arenas that are not in use. jemalloc's arenas.destroy keeps some address space and page tables of
 * each for ever, so they are emptied and used again.
 */
static struct {
	unsigned int *numbers;
	unsigned int count;
} spare;

static int backend_open(struct sl_arena *arena)
{
	size_t size = sizeof(arena->number);

	if (spare.count > 0) {
		arena->number = spare.numbers[--spare.count];
		return 0;
	}
	return mallctl("arenas.create", &arena->number, &size, NULL, 0);
}

static size_t backend_size(size_t size)
{
	return nallocx(size, (int)MALLOCX_ALIGN(LINE));
}

static void *backend_take(struct sl_arena *arena, size_t size)
{
	void *memory = mallocx(size, backend_flags(arena) | MALLOCX_ZERO);
	size_t taken;

	if (memory == NULL)
		return NULL;
	taken = sallocx(memory, (int)MALLOCX_ALIGN(LINE));
	/* Pages that jemalloc knows to be zero nobody has touched: no worker shall be the first. */
	for (size_t at = 0; at < taken; at += PAGE)
		((volatile char *)memory)[at] = 0;
	((volatile char *)memory)[taken - 1] = 0;
	arena->used += taken;
	return memory;
}

static void backend_give(struct sl_arena *arena, void *memory)
{
	arena->used -= sallocx(memory, (int)MALLOCX_ALIGN(LINE));
	dallocx(memory, backend_flags(arena));
}

static int call(const char *name, unsigned int number)
{
	size_t mib[3], length = 3;
	int err = mallctlnametomib(name, mib, &length);

	mib[1] = number;
	return err != 0 ? err : mallctlbymib(mib, length, NULL, NULL, NULL, 0);
}

static void backend_close(struct sl_arena *arena)
{
	unsigned int *grown;

	if (call("arena.0.reset", arena->number) == 0 &&
	    call("arena.0.purge", arena->number) == 0) {
		grown = realloc(spare.numbers, (spare.count + 1) * sizeof(*grown));
		if (grown != NULL) {
			spare.numbers = grown;
			spare.numbers[spare.count++] = arena->number;
			return;
		}
	}
	call("arena.0.destroy", arena->number);
}

#endif

struct sl_arena *sl_arena_new(uint64_t cap)
{
	struct sl_arena *arena = calloc(1, sizeof(*arena));
	int error;

	if (arena == NULL)
		return NULL;
	arena->cap = cap;
	error = backend_open(arena);
	if (error != 0) {
		free(arena);
		errno = error;
		return NULL;
	}
	return arena;
}

void sl_arena_free(struct sl_arena *arena)
{
	if (arena == NULL)
		return;
	while (arena->tables != NULL)
		sl_arena_give_table(arena, arena->tables->memory);
	sl_growth_free_all(arena);
	backend_close(arena);
	free(arena);
}

uint64_t sl_arena_used(const struct sl_arena *arena)
{
	return arena->used;
}

uint64_t sl_arena_cap(const struct sl_arena *arena)
{
	return arena->cap;
}

uint64_t sl_arena_huge(const struct sl_arena *arena)
{
	return arena->huge;
}

bool sl_arena_charge(struct sl_arena *arena, size_t size)
{
	if (!fits(arena, size))
		return false;
	arena->used += size;
	return true;
}

void sl_arena_refund(struct sl_arena *arena, size_t size)
{
	arena->used -= size;
}

void sl_arena_note_huge(struct sl_arena *arena, size_t size, bool more)
{
	arena->huge = more ? arena->huge + size : arena->huge - size;
}

void *sl_arena_take(struct sl_arena *arena, size_t size)
{
	/* A size of zero gets memory too: callers tell NULL from success. Beyond PTRDIFF_MAX
	 * jemalloc's size classes end and rounding would overflow. */
	if (size == 0)
		size = 1;
	if (size > PTRDIFF_MAX / 2)
		return NULL;
	if (!fits(arena, backend_size(size)))
		return NULL;
	return backend_take(arena, size);
}

void sl_arena_give(struct sl_arena *arena, void *memory)
{
	if (memory != NULL)
		backend_give(arena, memory);
}

/* Map `size` bytes at a multiple of 2 MiB by mapping more and giving back the ends. */
static void *map_aligned(size_t size)
{
	uintptr_t start, aligned;
	size_t before, after;
	void *raw = mmap(NULL, size + HUGEPAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	if (raw == MAP_FAILED)
		return NULL;
	start = (uintptr_t)raw;
	aligned = (start + HUGEPAGE - 1) & ~(uintptr_t)(HUGEPAGE - 1);
	before = aligned - start;
	after = HUGEPAGE - before;
	if (before != 0)
		munmap(raw, before);
	if (after != 0)
		munmap((void *)(aligned + size), after);
	return (void *)aligned;
}

/*
 * Bring every page in now: a fault on the packet path would be a system call there. An error
 * says that memory is out; without the advice (Linux before 5.14) writing does it.
 */
static bool populate(void *memory, size_t size)
{
#ifdef MADV_POPULATE_WRITE
	if (madvise(memory, size, MADV_POPULATE_WRITE) == 0)
		return true;
	if (errno != EINVAL)
		return false;
#endif
	for (size_t at = 0; at < size; at += PAGE)
		((volatile char *)memory)[at] = 0;
	return true;
}

static bool map_table(struct table *table, size_t size)
{
	size_t rounded = (size + HUGEPAGE - 1) & ~(HUGEPAGE - 1);

	table->memory =
		mmap(NULL, rounded, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT), -1, 0);
	if (table->memory != MAP_FAILED) {
		table->size = rounded;
		table->huge = true;
	} else {
		table->size = (size + PAGE - 1) & ~(PAGE - 1);
		table->huge = false;
		table->memory = map_aligned(table->size);
		if (table->memory == NULL)
			return false;
		/* Only advice: transparent hugepages may be off. */
		madvise(table->memory, table->size, MADV_HUGEPAGE);
	}
	if (populate(table->memory, table->size))
		return true;
	munmap(table->memory, table->size);
	return false;
}

void *sl_arena_take_table(struct sl_arena *arena, size_t size)
{
	struct table *table;

	if (size == 0)
		size = 1;
	if (size > PTRDIFF_MAX / 2 || !fits(arena, size))
		return NULL;
	table = calloc(1, sizeof(*table));
	if (table == NULL)
		return NULL;
	if (!map_table(table, size)) {
		free(table);
		return NULL;
	}
	/* Rounding to whole hugepages may overshoot the cap; then it does not fit after all. */
	if (!fits(arena, table->size)) {
		munmap(table->memory, table->size);
		free(table);
		return NULL;
	}
	table->next = arena->tables;
	arena->tables = table;
	arena->used += table->size;
	arena->huge += table->huge ? table->size : 0;
	return table->memory;
}

void sl_arena_give_table(struct sl_arena *arena, void *memory)
{
	for (struct table **at = &arena->tables; *at != NULL; at = &(*at)->next) {
		struct table *table = *at;

		if (table->memory != memory)
			continue;
		*at = table->next;
		arena->used -= table->size;
		arena->huge -= table->huge ? table->size : 0;
		munmap(table->memory, table->size);
		free(table);
		return;
	}
}
