/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A hash index over an array of the caller's: finds the slot whose key equals a given one. The
 * keys stay in the caller's slots, so one array of sessions can carry several indexes (a NAT's
 * inside and outside tuples, say), and a hit costs two cache lines: the bucket and the slot.
 *
 * One thread uses an index; there are no locks. Lookups are in bulk and prefetch, so that a
 * table that does not fit the caches costs its latency once a burst, not once a packet.
 */
#ifndef SLUICE_INDEX_H
#define SLUICE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include <rte_hash_crc.h>

#include <sluice/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sl_index;
struct sl_instance;

/** No such slot. */
#define SL_NO_SLOT UINT32_MAX

/** Shape of an index. */
struct sl_index_shape {
	uint32_t capacity; /**< most slots it will ever hold; 1..2^31 */
	uint32_t key_size; /**< bytes: 8, 16, 24, 32, 40 or 48 */
	const void *slots; /**< slot 0 of the caller's array; must outlive the index */
	size_t stride;     /**< bytes from one slot to the next */
	size_t key_offset; /**< of the key in a slot; 8-byte aligned */
};

/**
 * Make an empty index.
 * @param instance  whose memory it takes; NULL for the engine's own
 * @return the index, or NULL with a message in errors. Main thread only.
 */
SL_PUBLIC struct sl_index *sl_index_create(struct sl_instance *instance,
					   const struct sl_index_shape *shape,
					   struct sl_errors *errors);

/** Free it; NULL is allowed. The caller's slots are not touched. Main thread only. */
SL_PUBLIC void sl_index_free(struct sl_index *index);

/**
 * Find many keys at once.
 * @param keys    n keys of key_size bytes, one after the other, 8-byte aligned
 * @param hashes  sl_index_hash() of each
 * @param slots   out: the slot of each, or SL_NO_SLOT
 * @param n       at most 256
 */
SL_PUBLIC void sl_index_find_bulk(const struct sl_index *index, const void *keys,
				  const uint32_t *hashes, uint32_t *slots, uint16_t n);

/** Find one key. */
SL_PUBLIC uint32_t sl_index_find(const struct sl_index *index, const void *key, uint32_t hash);

/**
 * Add a slot whose key the caller has already written; the key must not be in the index yet.
 * @return 0, or -ENOSPC when the index is full
 */
SL_PUBLIC int sl_index_add(struct sl_index *index, uint32_t hash, uint32_t slot);

/** Take a slot out. @return 0, or -ENOENT when it was not in the index */
SL_PUBLIC int sl_index_remove(struct sl_index *index, uint32_t hash, uint32_t slot);

/** How many slots it holds. */
SL_PUBLIC uint32_t sl_index_count(const struct sl_index *index);

/** What an index uses. */
struct sl_index_stats {
	uint32_t count;
	uint32_t capacity;
	uint32_t buckets;        /**< of up to ten slots each */
	uint32_t overflow_used;  /**< buckets beyond the first of their chain, now */
	uint32_t overflow_count; /**< that there are */
	uint64_t memory;         /**< bytes */
};

/** Any thread. */
SL_PUBLIC void sl_index_stats(const struct sl_index *index, struct sl_index_stats *stats);

/* Without the choice at run time that rte_hash_crc_8byte() makes on every call; both give the
 * same. */
static inline uint32_t sl_index_crc(uint64_t word, uint32_t crc)
{
#if defined(__SSE4_2__) && defined(__x86_64__)
	return (uint32_t)__builtin_ia32_crc32di(crc, word);
#else
	return rte_hash_crc_8byte(word, crc);
#endif
}

/** Hash of a key, for the calls above. size: a multiple of 8. */
static inline uint32_t sl_index_hash(const void *key, uint32_t size)
{
	const uint64_t *words = (const uint64_t *)key;
	uint32_t a = 0x9e3779b9, b = 0x85ebca6b;

	for (uint32_t i = 0; i < size / 8; i++) {
		a = sl_index_crc(words[i], a);
		b += a;
	}
	return a ^ (b >> 16) ^ (b << 11);
}

#ifdef __cplusplus
}
#endif
#endif
