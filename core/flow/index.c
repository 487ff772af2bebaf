/* SPDX-License-Identifier: BSD-3-Clause */
#include <sluice/index.h>

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#include <rte_bitops.h>
#include <rte_common.h>
#include <rte_prefetch.h>

#include <sluice/memory.h>

/*
 * Buckets of one cache line: ten tags, ten slots, and where the chain goes on. The bucket is
 * chosen by the low bits of the hash, the tag is its upper half, so a lookup compares all tags
 * of a bucket in one vector and rarely reads a key in vain. Entries of a chain have no holes:
 * all buckets but its last are full.
 */

#define WAYS 10

struct bucket {
	uint16_t tags[WAYS]; /* 0: free */
	uint32_t slots[WAYS];
	uint32_t next; /* 1 + index into overflow; 0: none */
} __rte_cache_aligned;

static_assert(sizeof(struct bucket) == RTE_CACHE_LINE_SIZE, "a bucket is one line");

typedef void (*find_bulk_fn)(const struct sl_index *index, const void *keys, const uint32_t *hashes,
			     uint32_t *slots, uint16_t n);

struct sl_index {
	struct bucket *buckets;
	uint32_t mask;
	struct bucket *overflow;
	uint32_t free; /* first free overflow bucket, as in next */
	const uint8_t *keys;
	size_t stride;
	uint32_t key_size;
	bool straddles; /* a key may lie in two lines */
	find_bulk_fn find_bulk;
	uint32_t capacity;
	uint32_t count;
	uint32_t overflow_used;
	uint32_t overflow_count;
	struct sl_instance *instance;
	bool table; /* buckets come from sl_alloc_table() */
	size_t memory;
};

static inline uint16_t tag_of(uint32_t hash)
{
	uint16_t tag = (uint16_t)(hash >> 16);

	return tag != 0 ? tag : 1;
}

/* Bit i: way i has that tag. */
static inline uint32_t match(const struct bucket *bucket, uint16_t tag)
{
#if defined(__AVX512BW__) && defined(__AVX512VL__)
	__m256i tags = _mm256_load_si256((const __m256i *)(const void *)bucket);

	return _mm256_mask_cmpeq_epi16_mask((1 << WAYS) - 1, tags, _mm256_set1_epi16((short)tag));
#elif defined(__SSE2__)
	const __m128i *half = (const __m128i *)(const void *)bucket;
	const __m128i wanted = _mm_set1_epi16((short)tag);
	__m128i low = _mm_cmpeq_epi16(_mm_load_si128(half), wanted);
	__m128i high = _mm_cmpeq_epi16(_mm_load_si128(half + 1), wanted);

	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(low, high)) & ((1 << WAYS) - 1);
#else
	uint32_t bits = 0;

	for (uint32_t i = 0; i < WAYS; i++)
		bits |= (uint32_t)(bucket->tags[i] == tag) << i;
	return bits;
#endif
}

static inline struct bucket *bucket_of(const struct sl_index *index, uint32_t hash)
{
	return &index->buckets[hash & index->mask];
}

static inline struct bucket *next_of(const struct sl_index *index, const struct bucket *bucket)
{
	return bucket->next == 0 ? NULL : &index->overflow[bucket->next - 1];
}

static inline const uint8_t *key_of(const struct sl_index *index, uint32_t slot)
{
	return index->keys + slot * index->stride;
}

static inline bool key_equal(const void *a, const void *b, uint32_t words)
{
	const uint64_t *x = a, *y = b;
	uint64_t differs = 0;

	for (uint32_t i = 0; i < words; i++)
		differs |= x[i] ^ y[i];
	return differs == 0;
}

/* Follow the chain, comparing the keys of all whose tag is right. */
static uint32_t find_in_chain(const struct sl_index *index, const void *key, uint32_t hash)
{
	uint16_t tag = tag_of(hash);

	for (const struct bucket *bucket = bucket_of(index, hash); bucket != NULL;
	     bucket = next_of(index, bucket))
		for (uint32_t ways = match(bucket, tag); ways != 0; ways &= ways - 1) {
			uint32_t slot = bucket->slots[__builtin_ctz(ways)];

			if (key_equal(key_of(index, slot), key, index->key_size / 8))
				return slot;
		}
	return SL_NO_SLOT;
}

uint32_t sl_index_find(const struct sl_index *index, const void *key, uint32_t hash)
{
	return find_in_chain(index, key, hash);
}

/*
 * In three passes, so that the misses of a burst overlap: fetch the buckets; look at the tags
 * and fetch the key of the first that fits; compare. What that does not settle (another tag
 * fits too, or the chain goes on) is rare and looked up by itself.
 */
#define GROUP 64u

static inline __attribute__((always_inline)) void
find_group(const struct sl_index *index, const uint8_t *keys, const uint32_t *hashes,
	   uint32_t *slots, uint32_t n, uint32_t key_size)
{
	bool unsettled[GROUP];

	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(bucket_of(index, hashes[i]));
	for (uint32_t i = 0; i < n; i++) {
		const struct bucket *bucket = bucket_of(index, hashes[i]);
		uint32_t ways = match(bucket, tag_of(hashes[i]));

		unsettled[i] = (ways & (ways - 1)) != 0 || bucket->next != 0;
		slots[i] = SL_NO_SLOT;
		if (ways != 0) {
			slots[i] = bucket->slots[__builtin_ctz(ways)];
			rte_prefetch0(key_of(index, slots[i]));
			if (index->straddles)
				rte_prefetch0(key_of(index, slots[i]) + key_size - 1);
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *key = keys + i * key_size;

		if (slots[i] != SL_NO_SLOT &&
		    likely(key_equal(key_of(index, slots[i]), key, key_size / 8)))
			continue;
		slots[i] =
			unlikely(unsettled[i]) ? find_in_chain(index, key, hashes[i]) : SL_NO_SLOT;
	}
}

static inline __attribute__((always_inline)) void find_all(const struct sl_index *index,
							   const void *keys, const uint32_t *hashes,
							   uint32_t *slots, uint16_t n,
							   uint32_t key_size)
{
	for (uint32_t i = 0; i < n; i += GROUP)
		find_group(index, (const uint8_t *)keys + (size_t)i * key_size, hashes + i,
			   slots + i, RTE_MIN(n - i, GROUP), key_size);
}

/* One for each size of key, so that comparing is a few loads and no loop. */
#define FIND_BULK(size)                                                                   \
	static void find_bulk_##size(const struct sl_index *index, const void *keys,      \
				     const uint32_t *hashes, uint32_t *slots, uint16_t n) \
	{                                                                                 \
		find_all(index, keys, hashes, slots, n, size);                            \
	}
FIND_BULK(8)
FIND_BULK(16)
FIND_BULK(24)
FIND_BULK(32)
FIND_BULK(40)
FIND_BULK(48)

static const find_bulk_fn find_bulks[] = {
	find_bulk_8, find_bulk_16, find_bulk_24, find_bulk_32, find_bulk_40, find_bulk_48,
};

void sl_index_find_bulk(const struct sl_index *index, const void *keys, const uint32_t *hashes,
			uint32_t *slots, uint16_t n)
{
	index->find_bulk(index, keys, hashes, slots, n);
}

static inline uint32_t used_ways(const struct bucket *bucket)
{
	uint32_t free = match(bucket, 0);

	return free == 0 ? WAYS : (uint32_t)__builtin_ctz(free);
}

/* A bucket more for a chain. There are enough: see overflow_needed(). */
static struct bucket *extend(struct sl_index *index, struct bucket *last)
{
	struct bucket *bucket = &index->overflow[index->free - 1];

	assert(index->overflow != NULL && index->free != 0);
	last->next = index->free;
	index->free = bucket->next;
	bucket->next = 0;
	__atomic_store_n(&index->overflow_used, index->overflow_used + 1, __ATOMIC_RELAXED);
	return bucket;
}

int sl_index_add(struct sl_index *index, uint32_t hash, uint32_t slot)
{
	struct bucket *bucket = bucket_of(index, hash), *next;
	uint32_t way;

	if (index->count == index->capacity)
		return -ENOSPC;
	while ((next = next_of(index, bucket)) != NULL)
		bucket = next;
	way = used_ways(bucket);
	if (way == WAYS) {
		bucket = extend(index, bucket);
		way = 0;
	}
	bucket->tags[way] = tag_of(hash);
	bucket->slots[way] = slot;
	__atomic_store_n(&index->count, index->count + 1, __ATOMIC_RELAXED);
	return 0;
}

int sl_index_remove(struct sl_index *index, uint32_t hash, uint32_t slot)
{
	struct bucket *found = NULL, *before = NULL, *last;
	uint32_t way = 0, end;

	/* To the end in any case: its last entry fills the hole. */
	for (last = bucket_of(index, hash);; before = last, last = next_of(index, last)) {
		uint32_t ways = found != NULL ? 0 : match(last, tag_of(hash));

		for (; ways != 0 && found == NULL; ways &= ways - 1) {
			way = (uint32_t)__builtin_ctz(ways);
			if (last->slots[way] == slot)
				found = last;
		}
		if (last->next == 0)
			break;
	}
	if (found == NULL)
		return -ENOENT;
	end = used_ways(last) - 1;
	found->tags[way] = last->tags[end];
	found->slots[way] = last->slots[end];
	last->tags[end] = 0;
	if (end == 0 && before != NULL) {
		last->next = index->free;
		index->free = before->next;
		before->next = 0;
		__atomic_store_n(&index->overflow_used, index->overflow_used - 1, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&index->count, index->count - 1, __ATOMIC_RELAXED);
	return 0;
}

uint32_t sl_index_count(const struct sl_index *index)
{
	return __atomic_load_n(&index->count, __ATOMIC_RELAXED);
}

void sl_index_stats(const struct sl_index *index, struct sl_index_stats *stats)
{
	stats->count = sl_index_count(index);
	stats->capacity = index->capacity;
	stats->buckets = index->mask + 1;
	stats->overflow_used = __atomic_load_n(&index->overflow_used, __ATOMIC_RELAXED);
	stats->overflow_count = index->overflow_count;
	stats->memory = index->memory;
}

/* When full, three to six entries a bucket: 4 % of the chains are longer than one at six. */
static uint32_t buckets_needed(uint32_t capacity)
{
	return rte_align32pow2((uint32_t)(((uint64_t)capacity + 5) / 6));
}

/* A chain with an overflow bucket has WAYS entries before it and at least one in it, and all
 * others of its overflow buckets are full: enough even if every hash is the same. */
static uint32_t overflow_needed(uint32_t capacity)
{
	return capacity / WAYS + 1;
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

/* From here on a table is worth hugepages. */
#define TABLE_SIZE (UINT32_C(1) << 20)

struct sl_index *sl_index_create(struct sl_instance *instance, const struct sl_index_shape *shape,
				 struct sl_errors *errors)
{
	uint32_t buckets, overflow;
	struct sl_index *index;
	size_t size;

	if (check(shape, errors) != 0)
		return NULL;
	buckets = buckets_needed(shape->capacity);
	overflow = overflow_needed(shape->capacity);
	size = ((size_t)buckets + overflow) * sizeof(struct bucket);
	index = sl_alloc(instance, sizeof(*index));
	if (index == NULL)
		goto fail;
	index->table = size >= TABLE_SIZE;
	index->buckets = index->table ? sl_alloc_table(instance, size) : sl_alloc(instance, size);
	if (index->buckets == NULL)
		goto fail;
	index->mask = buckets - 1;
	index->overflow = index->buckets + buckets;
	index->overflow_count = overflow;
	for (uint32_t i = overflow; i > 0; i--) {
		index->overflow[i - 1].next = index->free;
		index->free = i;
	}
	index->keys = (const uint8_t *)shape->slots + shape->key_offset;
	index->stride = shape->stride;
	index->key_size = shape->key_size;
	index->straddles = shape->stride % RTE_CACHE_LINE_SIZE != 0 ||
			   (uintptr_t)index->keys % RTE_CACHE_LINE_SIZE + shape->key_size >
				   RTE_CACHE_LINE_SIZE;
	assert(shape->key_size / 8 - 1 < RTE_DIM(find_bulks));
	index->find_bulk = find_bulks[shape->key_size / 8 - 1];
	index->capacity = shape->capacity;
	index->instance = instance;
	index->memory = size + sizeof(*index);
	return index;
fail:
	sl_free(instance, index);
	sl_fail(errors, ENOMEM, "no memory for an index of %u slots (%zu bytes)", shape->capacity,
		size);
	return NULL;
}

void sl_index_free(struct sl_index *index)
{
	if (index == NULL)
		return;
	if (index->table)
		sl_free_table(index->instance, index->buckets);
	else
		sl_free(index->instance, index->buckets);
	sl_free(index->instance, index);
}
