/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include <core/flow/index.h>

/* Follow the chain, comparing the keys of all whose tag is right. */
static uint32_t find_in_chain(const struct sl_index *index, const void *key, uint32_t hash)
{
	const struct sl_bucket *bucket = &index->buckets[sl_index_bucket(index, hash)];
	uint16_t tag = sl_index_tag(hash);

	for (; bucket != NULL; bucket = sl_index_next(index, bucket))
		for (uint32_t ways = sl_index_match(bucket, tag); ways != 0; ways &= ways - 1) {
			uint32_t slot = bucket->slots[__builtin_ctz(ways)];

			if (sl_index_key_equal(sl_index_key(index, slot), key, index->key_size / 8))
				return slot;
		}
	return SL_NO_SLOT;
}

void sl_index_fetch(const struct sl_index *index, uint32_t hash)
{
	rte_prefetch0(&index->buckets[sl_index_bucket(index, hash)]);
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
	uint32_t at[GROUP]; /* by itself: a loop of vectors */
	bool unsettled[GROUP];

	for (uint32_t i = 0; i < n; i++)
		at[i] = sl_index_bucket(index, hashes[i]);
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(&index->buckets[at[i]]);
	for (uint32_t i = 0; i < n; i++) {
		const struct sl_bucket *bucket = &index->buckets[at[i]];
		uint32_t ways = sl_index_match(bucket, sl_index_tag(hashes[i]));

		unsettled[i] = (ways & (ways - 1)) != 0 || bucket->next != 0;
		slots[i] = SL_NO_SLOT;
		if (ways != 0) {
			slots[i] = bucket->slots[__builtin_ctz(ways)];
			rte_prefetch0(sl_index_key(index, slots[i]));
			if (index->straddles)
				rte_prefetch0(sl_index_key(index, slots[i]) + key_size - 1);
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *key = keys + i * key_size;

		if (slots[i] != SL_NO_SLOT &&
		    likely(sl_index_key_equal(sl_index_key(index, slots[i]), key, key_size / 8)))
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

sl_index_find_bulk_fn sl_index_find_bulk_of(uint32_t key_size)
{
	static const sl_index_find_bulk_fn of_size[] = {
		find_bulk_8, find_bulk_16, find_bulk_24, find_bulk_32, find_bulk_40, find_bulk_48,
	};

	assert(key_size / 8 - 1 < RTE_DIM(of_size));
	return of_size[key_size / 8 - 1];
}

void sl_index_find_bulk(const struct sl_index *index, const void *keys, const uint32_t *hashes,
			uint32_t *slots, uint16_t n)
{
	index->find_bulk(index, keys, hashes, slots, n);
}
