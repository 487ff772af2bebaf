/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <core/plugin/arena.h>
#include <core/plugin/growth.h>
#include <core/plugin/instance.h>

#define PAGE  ((size_t)4096)
#define PIECE ((size_t)2 << 20)
#define HEAD  ((size_t)512 << 10) /* stands right before a multiple of PIECE */

/* How far the pages are ahead of their use: as far again as the table is, between these. The
 * first is what four million new flows in a second take of an index in a millisecond. */
#define AHEAD_LEAST ((size_t)64 << 10)
#define AHEAD_MOST  PIECE

#define FIRST ((size_t)32 << 10)

struct sl_growth {
	struct sl_growth *next;
	struct sl_arena *arena;
	uint8_t *memory;
	size_t first;   /* there before it is used */
	size_t most;    /* whole pages; of hugepages, whole pieces after the head */
	size_t mapped;  /* whole pieces and the head */
	size_t present; /* pages before it are there; a whole number of them */
	size_t huge;    /* bytes on pages of the hugepage pool */
	/* What the worker may use: the head and the pieces that either of the two has claimed.
	 * The lowest bit: the main thread is making the next piece. */
	size_t usable;
	size_t used __attribute__((aligned(64))); /* the worker's word */
};

#define MAKING ((size_t)1)

/* Of all arenas. Main thread. */
static struct sl_growth *growths;

bool sl_growth_reach(struct sl_growth *growth, size_t bytes)
{
	size_t usable = __atomic_load_n(&growth->usable, __ATOMIC_ACQUIRE);

	if (bytes > growth->used)
		__atomic_store_n(&growth->used, bytes, __ATOMIC_RELAXED);
	while (bytes > (usable & ~MAKING)) {
		if (usable & MAKING)
			return false;
		/* The main thread is late: this piece will have small pages. */
		__atomic_compare_exchange_n(&growth->usable, &usable, usable + PIECE, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	}
	return true;
}

/* Have pages there that may be in use already. */
static bool populate(uint8_t *memory, size_t size)
{
#ifdef MADV_POPULATE_WRITE
	if (madvise(memory, size, MADV_POPULATE_WRITE) == 0)
		return true;
	if (errno != EINVAL)
		return false;
#endif
	/* Linux before 5.14. The worker may be writing the same bytes: change none. */
	for (size_t at = 0; at < size; at += PAGE)
		__atomic_fetch_or(memory + at, 0, __ATOMIC_RELAXED);
	return true;
}

static void *map(void *at, size_t size, int flags)
{
	return mmap(at, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
}

/*
 * A piece nobody uses yet, on a hugepage of the pool. Asked for with reservation, so that it is
 * there or an error says that it is not.
 */
static bool make_huge(struct sl_growth *growth, uint8_t *piece)
{
	void *there =
		mmap(piece, PIECE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT),
		     -1, 0);

	if (there == MAP_FAILED || !populate(piece, PIECE))
		return false;
	growth->huge += PIECE;
	sl_arena_note_huge(growth->arena, PIECE, true);
	return true;
}

/* The piece after all that is usable. It stays closed to the worker when there is no memory. */
static bool make_piece(struct sl_growth *growth)
{
	uint8_t *piece = growth->memory + growth->present;

	if (make_huge(growth, piece))
		return true;
	/* The attempt may have taken the mapping that was there. */
	if (map(piece, PIECE, MAP_FIXED) == MAP_FAILED)
		return false;
	madvise(piece, PIECE, MADV_HUGEPAGE); /* only advice: they may be off */
	return populate(piece, PIECE);
}

/* A whole piece, if the worker is not in it yet: *made. False: no memory. */
static bool tend_piece(struct sl_growth *growth, bool *made)
{
	size_t usable = growth->present;

	*made = false;
	if (growth->present < HEAD || (growth->present - HEAD) % PIECE != 0)
		return true;
	/* It may be closed already: there was no memory for it the last time. */
	if (!__atomic_compare_exchange_n(&growth->usable, &usable, growth->present | MAKING, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED) &&
	    usable != (growth->present | MAKING))
		return true;
	if (!make_piece(growth))
		return false;
	growth->present += PIECE;
	__atomic_store_n(&growth->usable, growth->present, __ATOMIC_RELEASE);
	*made = true;
	return true;
}

/* Up to where pages should be there by now. */
static size_t target(const struct sl_growth *growth)
{
	size_t used = __atomic_load_n(&growth->used, __ATOMIC_RELAXED), ahead = used;

	if (ahead < AHEAD_LEAST)
		ahead = AHEAD_LEAST;
	if (ahead > AHEAD_MOST)
		ahead = AHEAD_MOST;
	/* Of a table that nobody uses, only what its start takes until it is looked at again. */
	used = used == 0 ? growth->first : used + ahead;
	used = (used + PAGE - 1) & ~(PAGE - 1);
	return used < growth->most ? used : growth->most;
}

static void tend(struct sl_growth *growth)
{
	size_t end = target(growth);
	bool made;

	while (growth->present < end) {
		size_t border = HEAD;

		if (!tend_piece(growth, &made))
			return;
		if (made)
			continue;
		/* Small pages up to the next piece, which may have hugepages. */
		while (border <= growth->present)
			border += PIECE;
		if (border > end)
			border = end;
		if (!populate(growth->memory + growth->present, border - growth->present))
			return;
		growth->present = border;
	}
}

void sl_growth_tend(void)
{
	for (struct sl_growth *growth = growths; growth != NULL; growth = growth->next)
		tend(growth);
}

/* Addresses for it, HEAD before a multiple of PIECE. */
static bool reserve(struct sl_growth *growth)
{
	uint8_t *raw, *end;

	growth->mapped = HEAD;
	if (growth->most > HEAD)
		growth->mapped += (growth->most - HEAD + PIECE - 1) & ~(PIECE - 1);
	raw = map(NULL, growth->mapped + PIECE, 0);
	if (raw == MAP_FAILED)
		return false;
	growth->memory =
		(uint8_t *)(((uintptr_t)raw + HEAD + PIECE - 1) & ~(uintptr_t)(PIECE - 1)) - HEAD;
	end = growth->memory + growth->mapped;
	if (growth->memory != raw)
		munmap(raw, (size_t)(growth->memory - raw));
	if (end != raw + growth->mapped + PIECE)
		munmap(end, (size_t)(raw + growth->mapped + PIECE - end));
	/* Where transparent hugepages are always on, they must not be. */
	madvise(growth->memory, growth->mapped, MADV_NOHUGEPAGE);
	return true;
}

struct sl_growth *sl_growth_new(struct sl_instance *instance, size_t most,
				enum sl_growth_pages pages)
{
	struct sl_arena *arena = sl_instance_arena(instance);
	struct sl_growth *growth;

	if (arena == NULL || most == 0 || most > PTRDIFF_MAX / 2)
		return NULL;
	most = (most + PAGE - 1) & ~(PAGE - 1);
	if (pages == SL_GROWTH_HUGE && most > HEAD)
		most = HEAD + ((most - HEAD + PIECE - 1) & ~(PIECE - 1));
	if (!sl_arena_charge(arena, most))
		return NULL;
	growth = aligned_alloc(64, sizeof(*growth));
	if (growth == NULL)
		goto no_memory;
	*growth = (struct sl_growth){.arena = arena, .most = most};
	growth->first = pages == SL_GROWTH_SMALL ? PAGE : FIRST;
	if (!reserve(growth))
		goto no_memory;
	growth->usable = pages == SL_GROWTH_SMALL ? growth->mapped : HEAD;
	growth->next = growths;
	growths = growth;
	tend(growth);
	return growth;
no_memory:
	free(growth);
	sl_arena_refund(arena, most);
	return NULL;
}

void sl_growth_free(struct sl_growth *growth)
{
	struct sl_growth **at = &growths;

	if (growth == NULL)
		return;
	while (*at != growth)
		at = &(*at)->next;
	*at = growth->next;
	munmap(growth->memory, growth->mapped);
	sl_arena_note_huge(growth->arena, growth->huge, false);
	sl_arena_refund(growth->arena, growth->most);
	free(growth);
}

void sl_growth_free_all(struct sl_arena *arena)
{
	struct sl_growth *next;

	for (struct sl_growth *growth = growths; growth != NULL; growth = next) {
		next = growth->next;
		if (growth->arena == arena)
			sl_growth_free(growth);
	}
}

void *sl_growth_memory(const struct sl_growth *growth)
{
	return growth->memory;
}

size_t sl_growth_present(const struct sl_growth *growth)
{
	return growth->present;
}
