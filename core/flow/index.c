/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <rte_bitops.h>
#include <rte_common.h>

#include <sluice/memory.h>

#include <core/flow/index.h>
#include <core/plugin/growth.h>

static_assert(sizeof(struct sl_bucket) == RTE_CACHE_LINE_SIZE, "a bucket is one line");

static uint32_t load(const uint32_t *number)
{
	return __atomic_load_n(number, __ATOMIC_RELAXED);
}

uint32_t sl_index_count(const struct sl_index *index)
{
	return load(&index->count);
}

void sl_index_stats(const struct sl_index *index, struct sl_index_stats *stats)
{
	stats->count = load(&index->count);
	stats->capacity = index->capacity;
	stats->buckets = load(&index->bucket_count);
	stats->bucket_most = index->bucket_most;
	stats->overflow_used = load(&index->overflow_used);
	stats->overflow_count = index->overflow_most;
	stats->memory = sizeof(*index) + ((uint64_t)stats->buckets + load(&index->overflow_taken)) *
						 sizeof(struct sl_bucket);
	stats->memory_most =
		sizeof(*index) +
		((uint64_t)index->bucket_most + index->overflow_most) * sizeof(struct sl_bucket);
}

/* Four entries a bucket when all are there: see LOAD in index_change.c. */
static uint32_t buckets_needed(uint32_t capacity)
{
	return (uint32_t)(((uint64_t)capacity + 3) / 4);
}

/* A chain with an overflow bucket has WAYS entries before it and at least one in it, and all
 * others of its overflow buckets are full: enough even if every hash is the same. */
static uint32_t overflow_needed(uint32_t capacity)
{
	return capacity / SL_INDEX_WAYS + 1;
}

static int check(const struct sl_index_shape *shape, struct sl_errors *errors)
{
	if (shape->capacity == 0 || shape->capacity > UINT32_C(1) << 31)
		return sl_fail(errors, EINVAL, "an index of %u slots; 1 to 2^31 are possible",
			       shape->capacity);
	if (shape->key_size == 0 || shape->key_size > 48 || shape->key_size % 8 != 0)
		return sl_fail(errors, EINVAL,
			       "an index of keys of %u bytes; 8, 16, ... 48 are possible",
			       shape->key_size);
	if (((uintptr_t)shape->slots + shape->key_offset) % 8 != 0 || shape->stride % 8 != 0)
		return sl_fail(errors, EINVAL, "keys of an index must be aligned to 8 bytes");
	return 0;
}

/* Smaller ones are all there from the start, larger ones start with a page of buckets. */
#define SMALL      (UINT32_C(64) << 10)
#define FIRST_MOST (4096 / sizeof(struct sl_bucket))

static bool take_memory(struct sl_index *index)
{
	size_t buckets = (size_t)index->bucket_most * sizeof(struct sl_bucket);
	size_t overflow = (size_t)index->overflow_most * sizeof(struct sl_bucket);

	if (buckets + overflow <= SMALL) {
		index->buckets = sl_alloc(index->instance, buckets + overflow);
		if (index->buckets == NULL)
			return false;
		/* Not only reserved: a fault would be the worker's. */
		memset(index->buckets, 0, buckets + overflow);
		index->overflow = index->buckets + index->bucket_most;
		return true;
	}
	index->bucket_growth = sl_growth_new(index->instance, buckets, SL_GROWTH_HUGE);
	if (index->bucket_growth == NULL)
		return false;
	index->overflow_growth = sl_growth_new(index->instance, overflow, SL_GROWTH_SMALL);
	if (index->overflow_growth == NULL) {
		sl_growth_free(index->bucket_growth);
		return false;
	}
	index->buckets = sl_growth_memory(index->bucket_growth);
	index->overflow = sl_growth_memory(index->overflow_growth);
	return true;
}

static uint32_t default_hash(const void *key, uint32_t size)
{
	return sl_index_hash(key, size);
}

struct sl_index *sl_index_create(struct sl_instance *instance, const struct sl_index_shape *shape,
				 struct sl_errors *errors)
{
	struct sl_index *index;

	if (check(shape, errors) != 0)
		return NULL;
	index = sl_alloc(instance, sizeof(*index));
	if (index == NULL)
		goto fail;
	index->instance = instance;
	index->capacity = shape->capacity;
	index->bucket_most = buckets_needed(shape->capacity);
	index->overflow_most = overflow_needed(shape->capacity);
	if (!take_memory(index))
		goto fail;
	index->bucket_count =
		rte_align32prevpow2(RTE_MIN(index->bucket_most, (uint32_t)FIRST_MOST));
	index->mask = index->bucket_count - 1;
	index->keys = (const uint8_t *)shape->slots + shape->key_offset;
	index->stride = shape->stride;
	index->key_size = shape->key_size;
	index->straddles = shape->stride % RTE_CACHE_LINE_SIZE != 0 ||
			   (uintptr_t)index->keys % RTE_CACHE_LINE_SIZE + shape->key_size >
				   RTE_CACHE_LINE_SIZE;
	index->find_bulk = sl_index_find_bulk_of(shape->key_size);
	index->hash = shape->hash != NULL ? shape->hash : default_hash;
	return index;
fail:
	sl_free(instance, index);
	sl_fail(errors, ENOMEM, "no memory for an index of %u slots (%zu bytes)", shape->capacity,
		((size_t)buckets_needed(shape->capacity) + overflow_needed(shape->capacity)) *
			sizeof(struct sl_bucket));
	return NULL;
}

void sl_index_free(struct sl_index *index)
{
	if (index == NULL)
		return;
	if (index->bucket_growth == NULL)
		sl_free(index->instance, index->buckets);
	sl_growth_free(index->bucket_growth);
	sl_growth_free(index->overflow_growth);
	sl_free(index->instance, index);
}
