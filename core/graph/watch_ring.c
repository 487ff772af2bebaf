/* SPDX-License-Identifier: BSD-3-Clause */
/* Records on their way from a worker to the main thread. They do not wrap: a void one fills the
 * end. */
#include <core/graph/hop.h>
#include <core/graph/watch.h>

struct sl_watch_record *sl_watch_ring_reserve(struct sl_watch_ring *ring, uint32_t bytes)
{
	uint64_t size = RTE_ALIGN_CEIL(sizeof(struct sl_watch_record) + bytes, 8);
	uint64_t at = ring->reserved & (ring->size - 1), rest = ring->size - at;
	uint64_t need = rest < size ? rest + size : size;
	struct sl_watch_record *record;

	if (ring->reserved + need - __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) > ring->size) {
		sl_tally(&ring->lost, 1);
		return NULL;
	}
	if (rest < size) {
		record = (struct sl_watch_record *)(void *)(ring->bytes + at);
		record->size = (uint32_t)rest;
		if (rest >= sizeof(*record))
			record->what = SL_WATCH_VOID;
		ring->reserved += rest;
		at = 0;
	}
	record = (struct sl_watch_record *)(void *)(ring->bytes + at);
	record->size = (uint32_t)size;
	ring->reserved += size;
	return record;
}

void sl_watch_ring_publish(struct sl_watch_ring *ring)
{
	if (!ring->open)
		__atomic_store_n(&ring->tail, ring->reserved, __ATOMIC_RELEASE);
}

const struct sl_watch_record *sl_watch_ring_next(struct sl_watch_ring *ring)
{
	while (__atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) != ring->head) {
		uint64_t at = ring->head & (ring->size - 1);
		const struct sl_watch_record *record = (const void *)(ring->bytes + at);

		/* Too short for a record: the end that was left over. */
		if (ring->size - at >= sizeof(*record) && record->what != SL_WATCH_VOID)
			return record;
		sl_watch_ring_done(ring, record);
	}
	return NULL;
}

void sl_watch_ring_done(struct sl_watch_ring *ring, const struct sl_watch_record *record)
{
	__atomic_store_n(&ring->head, ring->head + record->size, __ATOMIC_RELEASE);
}
