/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an index is made of. Buckets of one cache line: ten tags, ten slots, and where the chain
 * goes on. The bucket is chosen by the low bits of the hash, the tag is its upper half, so a lookup
 * compares all tags of a bucket in one vector and rarely reads a key in vain. Entries of a chain
 * have no holes: all buckets but its last are full.
 *
 * Linear hashing (Litwin 1980): there are `count` buckets, from half + 1 to 2 * half. Those that a
 * hash's low bits name with one bit more than half has are used if they exist; else that bit is
 * left out. The next bucket takes from bucket count - half those entries whose bit is set.
 */
#ifndef CORE_FLOW_INDEX_H
#define CORE_FLOW_INDEX_H

#include <stdbool.h>
#include <stdint.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#include <rte_common.h>

#include <sluice/index.h>

#define SL_INDEX_WAYS 10

struct sl_bucket {
	uint16_t tags[SL_INDEX_WAYS]; /* 0: free */
	uint32_t slots[SL_INDEX_WAYS];
	uint32_t next; /* 1 + index into overflow; 0: none */
} __rte_cache_aligned;

typedef void (*sl_index_find_bulk_fn)(const struct sl_index *index, const void *keys,
				      const uint32_t *hashes, uint32_t *slots, uint16_t n);

struct sl_growth;

struct sl_index {
	/* For lookups. */
	struct sl_bucket *buckets;
	uint32_t bucket_count;
	uint32_t mask; /* 2 * half - 1 */
	struct sl_bucket *overflow;
	const uint8_t *keys;
	size_t stride;
	uint32_t key_size;
	bool straddles; /* a key may lie in two lines */
	sl_index_find_bulk_fn find_bulk;

	/* For changes. */
	uint32_t count;
	uint32_t capacity;
	uint32_t bucket_most;
	uint32_t free;           /* first free overflow bucket, as in next */
	uint32_t overflow_taken; /* those from here on were never used */
	uint32_t overflow_used;
	uint32_t overflow_most;
	uint32_t (*hash)(const void *key, uint32_t size);
	struct sl_growth *bucket_growth; /* NULL: a small index, all there from the start */
	struct sl_growth *overflow_growth;
	struct sl_instance *instance;
};

/* The lookup of many for keys of that size. */
sl_index_find_bulk_fn sl_index_find_bulk_of(uint32_t key_size);

/* Another secret, that follows from the number: tests and fuzzers want the same every time. Only
 * while there is no index. */
void sl_index_seed_set(uint64_t number);

/* Splitting buckets by their number's next bit takes it from the tag when that has it: 0 gives way
 * to a tag whose lowest bits, the ones that are ever asked for, are those of the hash. */
static inline uint16_t sl_index_tag(uint32_t hash)
{
	uint16_t tag = (uint16_t)(hash >> 16);

	return tag != 0 ? tag : 0x8000;
}

static inline uint32_t sl_index_bucket(const struct sl_index *index, uint32_t hash)
{
	uint32_t at = hash & index->mask;

	return at < index->bucket_count ? at : at & (index->mask >> 1);
}

static inline struct sl_bucket *sl_index_next(const struct sl_index *index,
					      const struct sl_bucket *bucket)
{
	return bucket->next == 0 ? NULL : &index->overflow[bucket->next - 1];
}

static inline const uint8_t *sl_index_key(const struct sl_index *index, uint32_t slot)
{
	return index->keys + slot * index->stride;
}

static inline bool sl_index_key_equal(const void *a, const void *b, uint32_t words)
{
	const uint64_t *x = a, *y = b;
	uint64_t differs = 0;

	for (uint32_t i = 0; i < words; i++)
		differs |= x[i] ^ y[i];
	return differs == 0;
}

/* Bit i: way i has that tag. */
static inline uint32_t sl_index_match(const struct sl_bucket *bucket, uint16_t tag)
{
#if defined(__AVX512BW__) && defined(__AVX512VL__)
	__m256i tags = _mm256_load_si256((const __m256i *)(const void *)bucket);

	return _mm256_mask_cmpeq_epi16_mask((1 << SL_INDEX_WAYS) - 1, tags,
					    _mm256_set1_epi16((short)tag));
#elif defined(__SSE2__)
	const __m128i *half = (const __m128i *)(const void *)bucket;
	const __m128i wanted = _mm_set1_epi16((short)tag);
	__m128i low = _mm_cmpeq_epi16(_mm_load_si128(half), wanted);
	__m128i high = _mm_cmpeq_epi16(_mm_load_si128(half + 1), wanted);

	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(low, high)) & ((1 << SL_INDEX_WAYS) - 1);
#else
	uint32_t bits = 0;

	for (uint32_t i = 0; i < SL_INDEX_WAYS; i++)
		bits |= (uint32_t)(bucket->tags[i] == tag) << i;
	return bits;
#endif
}

#endif
