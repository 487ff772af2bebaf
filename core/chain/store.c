/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/store.h>

#define BLOCK (64 * 1024)

struct block {
	struct block *next;
	size_t used, size;
	alignas(max_align_t) unsigned char bytes[];
};

struct range {
	uintptr_t start, end;
	struct sl_place place;
	uint32_t parent; /* the range around it, when sorted; own index: none */
};

struct sl_store {
	struct block *blocks;
	size_t left;
	struct range *ranges;
	uint32_t count, room;
	bool sorted;
	bool failed;
};

struct sl_store *sl_store_new(size_t limit)
{
	struct sl_store *store = calloc(1, sizeof(*store));

	if (store != NULL) {
		store->left = limit;
		store->sorted = true;
	}
	return store;
}

void sl_store_free(struct sl_store *store)
{
	if (store == NULL)
		return;
	while (store->blocks != NULL) {
		struct block *next = store->blocks->next;

		free(store->blocks);
		store->blocks = next;
	}
	free(store->ranges);
	free(store);
}

bool sl_store_failed(const struct sl_store *store)
{
	return store->failed;
}

static struct block *block_new(struct sl_store *store, size_t size)
{
	struct block *block = calloc(1, sizeof(*block) + size);

	if (block == NULL)
		return NULL;
	block->size = size;
	block->next = store->blocks;
	store->blocks = block;
	return block;
}

void *sl_store_alloc(struct sl_store *store, size_t count, size_t size)
{
	struct block *block = store->blocks;
	size_t bytes;
	void *memory;

	/* One more byte: two pieces never touch, so that an address has one owner. */
	if (__builtin_mul_overflow(count, size, &bytes) || bytes > store->left) {
		store->failed = true;
		return NULL;
	}
	bytes = (bytes + 1 + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (block == NULL || block->size - block->used < bytes)
		block = block_new(store, bytes > BLOCK ? bytes : BLOCK);
	if (block == NULL || bytes > store->left) {
		store->failed = true;
		return NULL;
	}
	memory = block->bytes + block->used;
	block->used += bytes;
	store->left -= bytes;
	return memory;
}

char *sl_store_text(struct sl_store *store, const char *text, size_t length)
{
	char *copy = sl_store_alloc(store, length + 1, 1);

	return copy != NULL ? memcpy(copy, text, length) : NULL;
}

void sl_store_place(struct sl_store *store, const void *start, size_t size, struct sl_place place)
{
	if (place.file == NULL)
		return; /* a default: what is around it has a place */
	if (store->count == store->room) {
		uint32_t room = store->room == 0 ? 256 : 2 * store->room;
		struct range *ranges = realloc(store->ranges, room * sizeof(*ranges));

		if (ranges == NULL) {
			store->failed = true;
			return;
		}
		store->ranges = ranges;
		store->room = room;
	}
	store->ranges[store->count++] = (struct range){
		.start = (uintptr_t)start, .end = (uintptr_t)start + size, .place = place};
	store->sorted = false;
}

/* Outer before inner. */
static int compare(const void *a, const void *b)
{
	const struct range *p = a, *q = b;

	if (p->start != q->start)
		return p->start < q->start ? -1 : 1;
	return p->end > q->end ? -1 : p->end < q->end;
}

static void sort(struct sl_store *store)
{
	struct range *r = store->ranges;

	if (store->count > 0)
		qsort(r, store->count, sizeof(*r), compare);
	for (uint32_t i = 0; i < store->count; i++) {
		uint32_t around = i > 0 ? i - 1 : 0;

		while (r[around].end < r[i].end && r[around].parent != around)
			around = r[around].parent;
		r[i].parent = i > 0 && r[around].end >= r[i].end ? around : i;
	}
	store->sorted = true;
}

bool sl_store_find(void *context, const void *field, struct sl_place *place)
{
	struct sl_store *store = context;
	uintptr_t at = (uintptr_t)field;
	uint32_t low = 0, high = store->count;

	if (!store->sorted)
		sort(store);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (store->ranges[middle].start <= at)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	low--;
	while (at >= store->ranges[low].end && store->ranges[low].parent != low)
		low = store->ranges[low].parent;
	if (at >= store->ranges[low].end)
		return false;
	*place = store->ranges[low].place;
	return true;
}
