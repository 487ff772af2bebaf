/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A hash index over an array of the caller's: finds the slot whose key equals a given one. The
 * keys stay in the caller's slots, so one array of sessions can carry several indexes (a NAT's
 * inside and outside tuples, say), and a hit costs two cache lines: the bucket and the slot.
 *
 * One thread uses an index; there are no locks. Lookups are in bulk and prefetch, so that a
 * table that does not fit the caches costs its latency once a burst, not once a packet.
 *
 * It starts small and grows with what it holds, by one bucket at a time: no add waits for all to
 * be moved. The addresses of the largest size are reserved from the start, and the memory counts
 * as used; the main thread brings its pages in ahead of the worker.
 */
#ifndef SLUICE_INDEX_H
#define SLUICE_INDEX_H

#include <stdbool.h>
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
	/** What the hashes given with keys are made by; NULL: sl_index_hash(). Growing asks it. */
	uint32_t (*hash)(const void *key, uint32_t size);
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
 * @param hashes  sl_index_hash() of each (or what the shape's hash makes of it)
 * @param slots   out: the slot of each, or SL_NO_SLOT
 * @param n       at most 256
 */
SL_PUBLIC void sl_index_find_bulk(const struct sl_index *index, const void *keys,
				  const uint32_t *hashes, uint32_t *slots, uint16_t n);

/** Whether any of n slots found is SL_NO_SLOT. */
static inline bool sl_index_missed(const uint32_t *slots, uint16_t n)
{
	uint32_t any = 0;

	for (uint16_t i = 0; i < n; i++)
		any |= (uint32_t)(slots[i] == SL_NO_SLOT);
	return any != 0;
}

/**
 * Fetch what finding or adding a key of that hash looks at first, for some time later: from memory
 * it takes as long as some hundred instructions. Who has many keys to add, such as those that a
 * bulk lookup did not find, first fetches for all, then adds one after the other.
 */
SL_PUBLIC void sl_index_fetch(const struct sl_index *index, uint32_t hash);

/** Find one key. */
SL_PUBLIC uint32_t sl_index_find(const struct sl_index *index, const void *key, uint32_t hash);

/**
 * Add a slot whose key the caller has already written, and will not change before the slot is
 * removed; the key must not be in the index yet.
 * @return 0, or -ENOSPC when the index is full
 */
SL_PUBLIC int sl_index_add(struct sl_index *index, uint32_t hash, uint32_t slot);

/** The same for a key that may be in the index. @return -EEXIST when another slot has it; nothing
 * changed then */
SL_PUBLIC int sl_index_add_new(struct sl_index *index, uint32_t hash, uint32_t slot);

/**
 * The hashes of keys that were added since it was cleared, more or less: tells of a key that a
 * bulk lookup did not find whether it may be there now, because an earlier packet of the burst
 * added it, without another look at the index. Zeroed: none.
 */
struct sl_index_added {
	uint64_t bits[32];
};

/** A key of that hash was added. */
static inline void sl_index_added_note(struct sl_index_added *added, uint32_t hash)
{
	added->bits[hash >> 27] |= UINT64_C(1) << (hash >> 21 & 63);
}

/** Whether one may have been. */
static inline bool sl_index_added_maybe(const struct sl_index_added *added, uint32_t hash)
{
	return (added->bits[hash >> 27] >> (hash >> 21 & 63) & 1) != 0;
}

/** Take a slot out. @return 0, or -ENOENT when it was not in the index */
SL_PUBLIC int sl_index_remove(struct sl_index *index, uint32_t hash, uint32_t slot);

/** How many slots it holds. */
SL_PUBLIC uint32_t sl_index_count(const struct sl_index *index);

/** What an index uses. */
struct sl_index_stats {
	uint32_t count;
	uint32_t capacity;
	uint32_t buckets;        /**< of up to ten slots each, now */
	uint32_t bucket_most;    /**< that it may grow to */
	uint32_t overflow_used;  /**< buckets beyond the first of their chain, now */
	uint32_t overflow_count; /**< that there may be */
	uint64_t memory;         /**< bytes that it has used so far */
	uint64_t memory_most;    /**< bytes reserved */
};

/** Any thread. */
SL_PUBLIC void sl_index_stats(const struct sl_index *index, struct sl_index_stats *stats);

/* A CRC32C step, without the choice at run time that rte_hash_crc_8byte() makes on every call; both
 * give the same. Not for keys that traffic chooses: see sl_index_hash(). */
static inline uint32_t sl_index_crc(uint64_t word, uint32_t crc)
{
#if defined(__SSE4_2__) && defined(__x86_64__)
	return (uint32_t)__builtin_ia32_crc32di(crc, word);
#else
	return rte_hash_crc_8byte(word, crc);
#endif
}

#define SL_INDEX_PADS 6

/**
 * The secret of sl_index_hash(): random in every process, the same until it ends. Not to be shown
 * outside, nor any hash made with it.
 */
struct sl_index_seed {
	uint64_t pad[SL_INDEX_PADS]; /**< added to the words of a key */
	uint64_t low, high;          /**< odd: multiply the halves of the sum */
};
extern SL_PUBLIC struct sl_index_seed sl_index_seed;

__extension__ typedef unsigned __int128 sl_index_sum;

static inline uint64_t sl_index_fold(sl_index_sum sum, const struct sl_index_seed *seed)
{
	return (uint64_t)sum * seed->low + (uint64_t)(sum >> 64) * seed->high;
}

/**
 * Hash of a key, for the calls above. size: a multiple of 8.
 *
 * Who does not know the secret cannot choose keys that meet in a bucket, but by chance: NH of UMAC
 * (Black, Halevi, Krawczyk, Krovetz, Rogaway, CRYPTO '99), pairs of words multiplied under a secret
 * pad, gives any two different keys the same 128 bits with a probability of 2^-64 at most, and
 * any other one difference likewise; multiply and shift (Dietzfelbinger et al., 1997) takes that to
 * 32 bits about as evenly as chance does. A CRC can be keyed in no such way: being linear, it has
 * the same colliding pairs under every seed. (Of keys longer than 48 bytes, which no index has, the
 * fold of each 48 goes into the next.)
 */
static inline uint32_t sl_index_hash(const void *key, uint32_t size)
{
	const struct sl_index_seed *seed = &sl_index_seed;
	const uint64_t *words = (const uint64_t *)key;
	uint32_t count = size / 8;
	sl_index_sum sum = 0;

	for (uint32_t i = 0; i < count; i += 2) {
		const uint64_t *pad = &seed->pad[i % SL_INDEX_PADS];

		if (i > 0 && i % SL_INDEX_PADS == 0)
			sum = (sl_index_sum)sl_index_fold(sum, seed) * seed->low;
		sum += (sl_index_sum)(words[i] + pad[0]) *
		       ((i + 1 < count ? words[i + 1] : 0) + pad[1]);
	}
	return (uint32_t)(sl_index_fold(sum, seed) >> 32);
}

#ifdef __cplusplus
}
#endif
#endif
