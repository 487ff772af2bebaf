/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <errno.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include <core/flow/index.h>
#include <core/plugin/growth.h>

#define WAYS SL_INDEX_WAYS

/* What any thread may read is stored whole. */
static inline void store(uint32_t *number, uint32_t value)
{
	__atomic_store_n(number, value, __ATOMIC_RELAXED);
}

static inline uint32_t used_ways(const struct sl_bucket *bucket)
{
	uint32_t free = sl_index_match(bucket, 0);

	return free == 0 ? WAYS : (uint32_t)__builtin_ctz(free);
}

/* A bucket more for a chain. There are enough: see overflow_needed(). */
static struct sl_bucket *extend(struct sl_index *index, struct sl_bucket *last)
{
	uint32_t number = index->free;
	struct sl_bucket *bucket;

	assert(index->overflow != NULL);
	if (number != 0) {
		bucket = index->overflow + (number - 1);
		index->free = bucket->next;
	} else {
		number = index->overflow_taken + 1;
		assert(number <= index->overflow_most);
		store(&index->overflow_taken, number);
		if (index->overflow_growth != NULL)
			sl_growth_reach(index->overflow_growth, number * sizeof(*bucket));
		bucket = index->overflow + (number - 1);
	}
	*bucket = (struct sl_bucket){.next = 0};
	last->next = number;
	store(&index->overflow_used, index->overflow_used + 1);
	return bucket;
}

static void give_back(struct sl_index *index, uint32_t number)
{
	index->overflow[number - 1].next = index->free;
	index->free = number;
	store(&index->overflow_used, index->overflow_used - 1);
}

/* To a chain whose last bucket this is. Returns the last bucket after it. */
static inline struct sl_bucket *append(struct sl_index *index, struct sl_bucket *last, uint16_t tag,
				       uint32_t slot)
{
	uint32_t way = used_ways(last);

	if (way == WAYS) {
		last = extend(index, last);
		way = 0;
	}
	last->tags[way] = tag;
	last->slots[way] = slot;
	return last;
}

/* Bit 0 to 15 of a hash is not in the tag, and the key has to be asked. */
static inline bool moves(const struct sl_index *index, uint32_t half, uint16_t tag, uint32_t slot)
{
	if (half >= UINT32_C(1) << 16)
		return (tag & half >> 16) != 0;
	return (index->hash(sl_index_key(index, slot), index->key_size) & half) != 0;
}

/* A chain of one bucket, as most are: each entry is written to both, and stays where it belongs as
 * only there the next one is written behind it. */
static void split_bucket(const struct sl_index *index, uint32_t half, struct sl_bucket *stay,
			 struct sl_bucket *go)
{
	struct sl_bucket taken = *stay;
	uint32_t used = used_ways(&taken), stays = 0, goes = 0;

	*stay = (struct sl_bucket){.next = 0};
	for (uint32_t way = 0; way < used; way++) {
		uint16_t tag = taken.tags[way];
		uint32_t slot = taken.slots[way];
		bool moved = moves(index, half, tag, slot);

		stay->tags[stays] = go->tags[goes] = tag;
		stay->slots[stays] = go->slots[goes] = slot;
		stays += !moved;
		goes += moved;
	}
	/* What was written last to the one where it does not belong; elsewhere all is zero. */
	if (stays < used)
		stay->tags[stays] = 0;
	if (goes < used)
		go->tags[goes] = 0;
}

/* A chain is taken to pieces from its start, each bucket given back before its entries go to one
 * of two chains, so that they never need more buckets than there were. */
static void split_chain(struct sl_index *index, uint32_t half, struct sl_bucket *stay,
			struct sl_bucket *go)
{
	struct sl_bucket taken = *stay;

	*stay = (struct sl_bucket){.next = 0};
	for (;;) {
		uint32_t number = taken.next, used = used_ways(&taken);

		for (uint32_t way = 0; way < used; way++)
			if (moves(index, half, taken.tags[way], taken.slots[way]))
				go = append(index, go, taken.tags[way], taken.slots[way]);
			else
				stay = append(index, stay, taken.tags[way], taken.slots[way]);
		if (number == 0)
			break;
		taken = index->overflow[number - 1];
		give_back(index, number);
	}
}

/* One bucket more. */
static void split(struct sl_index *index)
{
	uint32_t count = index->bucket_count;
	uint32_t mask = count > index->mask ? index->mask * 2 + 1 : index->mask;
	uint32_t half = mask / 2 + 1;
	struct sl_bucket *stay = &index->buckets[count - half], *go = &index->buckets[count];

	if (likely(stay->next == 0))
		split_bucket(index, half, stay, go);
	else
		split_chain(index, half, stay, go);
	index->mask = mask;
	store(&index->bucket_count, count + 1);
}

/*
 * Load: entries a bucket, on average, before there is one more. Those not yet split in a round
 * have up to 1.5 times as many: at six, 4 % of the chains are longer than one bucket.
 *
 * A split looks at memory that nobody looked at for long: after each, the buckets of the next are
 * fetched, and two adds before it, how the chain goes on and the keys of its first entries.
 */
#define LOAD 4u

static void fetch_keys(const struct sl_index *index, const struct sl_bucket *bucket)
{
	uint32_t used = used_ways(bucket);

	for (uint32_t way = 0; way < used; way++)
		rte_prefetch0(sl_index_key(index, bucket->slots[way]));
}

/* The half of the round in which the next bucket is made, which takes from bucket count - half. */
static inline uint32_t next_half(const struct sl_index *index)
{
	uint32_t count = index->bucket_count;

	return count > index->mask ? count : index->mask / 2 + 1;
}

static __attribute__((noinline)) void grow(struct sl_index *index)
{
	uint32_t count = index->bucket_count, due = count * LOAD, half = next_half(index);

	if (index->count > due) {
		if (index->bucket_growth != NULL &&
		    unlikely(!sl_growth_reach(index->bucket_growth,
					      (count + 1) * sizeof(struct sl_bucket))))
			return;
		split(index);
		if (++count < index->bucket_most) {
			__builtin_prefetch(&index->buckets[count - next_half(index)], 1);
			__builtin_prefetch(&index->buckets[count], 1);
		}
	} else if (index->count < due) {
		const struct sl_bucket *from = &index->buckets[count - half];
		const struct sl_bucket *more = sl_index_next(index, from);

		if (more != NULL)
			__builtin_prefetch(more, 1);
		if (half < UINT32_C(1) << 16)
			fetch_keys(index, from);
	}
}

/* To the chain that ends there. */
static inline int add_last(struct sl_index *index, struct sl_bucket *last, uint32_t hash,
			   uint32_t slot)
{
	if (index->count == index->capacity)
		return -ENOSPC;
	append(index, last, sl_index_tag(hash), slot);
	store(&index->count, index->count + 1);
	if (index->count + 1 >= index->bucket_count * LOAD &&
	    index->bucket_count < index->bucket_most)
		grow(index);
	return 0;
}

int sl_index_add(struct sl_index *index, uint32_t hash, uint32_t slot)
{
	struct sl_bucket *bucket = &index->buckets[sl_index_bucket(index, hash)], *next;

	while ((next = sl_index_next(index, bucket)) != NULL)
		bucket = next;
	return add_last(index, bucket, hash, slot);
}

int sl_index_add_new(struct sl_index *index, uint32_t hash, uint32_t slot)
{
	struct sl_bucket *bucket = &index->buckets[sl_index_bucket(index, hash)], *last;
	const uint8_t *key = sl_index_key(index, slot);

	do {
		uint32_t ways = sl_index_match(bucket, sl_index_tag(hash));

		for (; unlikely(ways != 0); ways &= ways - 1) {
			uint32_t other = bucket->slots[__builtin_ctz(ways)];

			if (sl_index_key_equal(sl_index_key(index, other), key,
					       index->key_size / 8))
				return -EEXIST;
		}
		last = bucket;
		bucket = sl_index_next(index, bucket);
	} while (unlikely(bucket != NULL));
	return add_last(index, last, hash, slot);
}

int sl_index_remove(struct sl_index *index, uint32_t hash, uint32_t slot)
{
	struct sl_bucket *found = NULL, *before = NULL, *last;
	uint32_t way = 0, end;

	/* To the end in any case: its last entry fills the hole. */
	for (last = &index->buckets[sl_index_bucket(index, hash)];;
	     before = last, last = sl_index_next(index, last)) {
		uint32_t ways = found != NULL ? 0 : sl_index_match(last, sl_index_tag(hash));

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
		give_back(index, before->next);
		before->next = 0;
	}
	store(&index->count, index->count - 1);
	return 0;
}
