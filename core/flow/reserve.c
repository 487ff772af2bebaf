/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/mman.h>

#include <rte_common.h>

#include <core/flow/flow.h>

/* Touched from the start, so that small tables need nobody to tend them. */
#define FIRST ((size_t)512 << 10)
#define PAGE  4096

static void touch(struct reserve *reserve, size_t to)
{
	size_t from = atomic_load_explicit(&reserve->ready, memory_order_relaxed);

	to = RTE_MIN(to, reserve->size);
	/* One read-modify-write a page, for the page may be one of two megabytes or not. */
	for (size_t at = from; at < to; at += PAGE)
		__atomic_fetch_or(&reserve->base[at], 0, __ATOMIC_RELAXED);
	if (to > from)
		atomic_store_explicit(&reserve->ready, to, memory_order_release);
}

int sl_reserve_new(struct reserve *reserve, size_t size)
{
	void *base;

	size = RTE_ALIGN_CEIL(size, (size_t)PAGE);
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	(void)madvise(base, size, MADV_HUGEPAGE);
	reserve->base = base;
	reserve->size = size;
	touch(reserve, FIRST);
	return 0;
}

void sl_reserve_free(struct reserve *reserve)
{
	if (reserve->base != NULL)
		munmap(reserve->base, reserve->size);
	reserve->base = NULL;
}

void sl_reserve_tend(struct reserve *reserve, size_t ahead)
{
	size_t used = atomic_load_explicit(&reserve->used, memory_order_relaxed);

	touch(reserve, used + ahead);
}
