/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sessions of a worker for one IP version. A session stands in the index, in a bucket of
 * the timer wheel and, until its first reply, in a list by age. A packet only notes the time in
 * its session; the wheel finds out when a bucket comes round, and puts those that were used
 * since into a later one. So the timer costs nothing a packet and one visit a timeout.
 */
#include "firewall.h"

static int sources_init(struct fw_table *table, struct sl_instance *instance,
			struct sl_errors *errors)
{
	struct sl_index_shape shape = {
		.capacity = table->capacity,
		.key_size = 16,
		.stride = sizeof(struct fw_source),
		.key_offset = offsetof(struct fw_source, addr),
	};

	table->source_free = SL_NO_SLOT;
	shape.slots = table->source_slots =
		sl_alloc_table(instance, (size_t)table->capacity * sizeof(struct fw_source));
	if (table->source_slots == NULL)
		return sl_fail(errors, ENOMEM, "no memory to count sessions of sources");
	table->sources = sl_index_create(instance, &shape, errors);
	return table->sources == NULL ? -ENOMEM : 0;
}

int sl_fw_table_init(struct fw_table *table, struct sl_instance *instance, unsigned int lane,
		     const struct fw_instance *conf, struct sl_errors *errors)
{
	struct sl_index_shape shape = {.key_offset = sizeof(struct fw_session)};

	table->capacity = (uint32_t)(lane == FW_LANE4 ? conf->sessions : conf->sessions_ipv6);
	table->key_size = lane == FW_LANE4 ? sizeof(struct fw_key4) : sizeof(struct fw_key6);
	table->stride = lane == FW_LANE4 ? 64 : 128;
	table->slots = sl_alloc_table(instance, (size_t)table->capacity * table->stride);
	table->unreplied =
		sl_alloc_table(instance, (size_t)table->capacity * sizeof(*table->unreplied));
	table->anchors =
		sl_alloc_table(instance, (size_t)table->capacity * 2 * sizeof(*table->anchors));
	table->drops = sl_alloc_table(instance, FW_DROPS * sizeof(*table->drops));
	if (conf->accounting)
		table->counts =
			sl_alloc_table(instance, (size_t)table->capacity * sizeof(*table->counts));
	table->changed =
		sl_alloc(instance, sl_mark_words(table->capacity) * sizeof(*table->changed));
	if (table->slots == NULL || table->unreplied == NULL || table->changed == NULL ||
	    table->anchors == NULL || table->drops == NULL ||
	    (conf->accounting && table->counts == NULL))
		return sl_fail(errors, ENOMEM,
			       "no memory for %u sessions of %u bytes; lower `sessions`",
			       table->capacity, table->stride);
	shape.capacity = table->capacity;
	shape.key_size = table->key_size;
	shape.slots = table->slots;
	shape.stride = table->stride;
	table->index = sl_index_create(instance, &shape, errors);
	if (table->index == NULL)
		return -ENOMEM;
	table->free = table->oldest = table->newest = SL_NO_SLOT;
	memset(table->wheel, 0xff, sizeof(table->wheel));
	return conf->per_source > 0 ? sources_init(table, instance, errors) : 0;
}

/* ---- Wheel ---- */

static void wheel_put(struct fw_table *table, uint32_t slot, uint32_t deadline)
{
	struct fw_session *session = sl_fw_session(table, slot);
	uint32_t bucket = deadline >> FW_BUCKET_SHIFT, *head;
	/* Not the bucket being turned, and at most one turn ahead: farther ones come by again.
	 * Bucket numbers are as wide as what is left of the time after the shift. */
	uint32_t ahead = (bucket - table->at) & (UINT32_MAX >> FW_BUCKET_SHIFT);

	if (ahead >= UINT32_MAX >> (FW_BUCKET_SHIFT + 1))
		ahead = 1; /* in the past */
	ahead = RTE_MIN(RTE_MAX(ahead, 1u), FW_BUCKETS - 1u);
	session->bucket = (uint16_t)((table->at + ahead) % FW_BUCKETS);
	head = &table->wheel[session->bucket];
	session->prev = SL_NO_SLOT;
	session->next = *head;
	if (*head != SL_NO_SLOT)
		sl_fw_session(table, *head)->prev = slot;
	*head = slot;
}

static void wheel_take(struct fw_table *table, struct fw_session *session)
{
	if (session->prev != SL_NO_SLOT)
		sl_fw_session(table, session->prev)->next = session->next;
	else
		table->wheel[session->bucket] = session->next;
	if (session->next != SL_NO_SLOT)
		sl_fw_session(table, session->next)->prev = session->prev;
}

void sl_fw_table_rearm(struct fw_table *table, uint32_t slot, uint32_t now, uint32_t timeout)
{
	wheel_take(table, sl_fw_session(table, slot));
	wheel_put(table, slot, now + timeout);
}

/* Start the wheel at the first use, and jump when nobody turned it for longer than a turn: then
 * every bucket is due once. */
static void wheel_catch_up(struct fw_table *table, uint32_t now)
{
	const uint32_t mask = UINT32_MAX >> FW_BUCKET_SHIFT;
	uint32_t target = now >> FW_BUCKET_SHIFT;

	if (!table->started) {
		table->at = target;
		table->started = true;
	} else if (((target - table->at) & mask) > FW_BUCKETS) {
		/* Bucket numbers keep their place in the wheel: both are multiples apart. */
		uint32_t skip = ((target - table->at) & mask) - FW_BUCKETS;

		table->at = (table->at + skip / FW_BUCKETS * FW_BUCKETS) & mask;
	}
}

uint32_t sl_fw_table_turn(struct sl_node *node, struct fw_table *table, const uint32_t *timeouts,
			  uint32_t now, uint32_t most)
{
	const uint32_t mask = UINT32_MAX >> FW_BUCKET_SHIFT;
	uint32_t ended = 0, steps = 4 * FW_BUCKETS;

	wheel_catch_up(table, now);
	while (table->at != now >> FW_BUCKET_SHIFT && most > 0 && steps-- > 0) {
		uint32_t slot = table->wheel[table->at % FW_BUCKETS];
		struct fw_session *session;

		if (slot == SL_NO_SLOT) {
			table->at = (table->at + 1) & mask;
			continue;
		}
		most--;
		session = sl_fw_session(table, slot);
		if (session->next != SL_NO_SLOT)
			rte_prefetch0(sl_fw_session(table, session->next));
		sl_fw_sync(node, table, slot);
		if (now - session->seen >= timeouts[session->state]) {
			sl_fw_table_remove(node, table, slot);
			ended++;
		} else {
			sl_fw_table_rearm(table, slot, session->seen, timeouts[session->state]);
		}
	}
	return ended;
}

/* ---- Unreplied sessions, by age ---- */

static void unreplied_put(struct fw_table *table, uint32_t slot)
{
	table->unreplied[slot] = (struct fw_link){.prev = table->newest, .next = SL_NO_SLOT};
	if (table->newest != SL_NO_SLOT)
		table->unreplied[table->newest].next = slot;
	else
		table->oldest = slot;
	table->newest = slot;
}

void sl_fw_table_replied(struct fw_table *table, uint32_t slot)
{
	struct fw_link *link = &table->unreplied[slot];

	if (link->prev != SL_NO_SLOT)
		table->unreplied[link->prev].next = link->next;
	else
		table->oldest = link->next;
	if (link->next != SL_NO_SLOT)
		table->unreplied[link->next].prev = link->prev;
	else
		table->newest = link->prev;
	sl_fw_session(table, slot)->flags |= FW_REPLIED;
	sl_mark(table->changed, slot);
}

/* ---- Sources ---- */

/* Of the session with that key, which its end `end` opened. */
static void key_of_source(const struct fw_table *table, const void *session, unsigned int end,
			  uint64_t key[2])
{
	key[0] = key[1] = 0;
	if (table->key_size == sizeof(struct fw_key4))
		memcpy(key, &((const struct fw_key4 *)session)->addr[end], 4);
	else
		memcpy(key, ((const struct fw_key6 *)session)->addr[end], 16);
}

static void source_key(const struct fw_table *table, uint32_t slot, uint64_t key[2])
{
	struct fw_session *session = sl_fw_session(table, slot);

	key_of_source(table, sl_fw_key(session), session->flags & FW_FROM_HIGH ? 1 : 0, key);
}

void sl_fw_source_fetch(const struct fw_table *table, const void *key, unsigned int direction)
{
	uint64_t source[2];

	key_of_source(table, key, direction, source);
	sl_index_fetch(table->sources, sl_index_hash(source, sizeof(source)));
}

bool sl_fw_source_take(struct fw_table *table, uint32_t slot, uint64_t limit)
{
	uint64_t key[2];
	uint32_t hash, found;
	struct fw_source *source;

	source_key(table, slot, key);
	hash = sl_index_hash(key, sizeof(key));
	found = sl_index_find(table->sources, key, hash);
	if (found == SL_NO_SLOT) {
		/* There are as many slots as sessions, so there is one left. */
		found = table->source_free;
		if (found != SL_NO_SLOT)
			table->source_free = table->source_slots[found].next;
		else
			found = table->source_fresh++;
		memcpy(table->source_slots[found].addr, key, sizeof(key));
		table->source_slots[found].count = 0;
		if (sl_index_add(table->sources, hash, found) != 0) {
			table->source_slots[found].next = table->source_free;
			table->source_free = found;
			return false;
		}
	}
	source = &table->source_slots[found];
	if (source->count >= limit)
		return false;
	source->count++;
	sl_fw_session(table, slot)->flags |= FW_COUNTED;
	return true;
}

static void source_give(struct fw_table *table, uint32_t slot)
{
	uint64_t key[2];
	uint32_t hash, found;

	source_key(table, slot, key);
	hash = sl_index_hash(key, sizeof(key));
	found = sl_index_find(table->sources, key, hash);
	if (found == SL_NO_SLOT || --table->source_slots[found].count > 0)
		return;
	sl_index_remove(table->sources, hash, found);
	table->source_slots[found].next = table->source_free;
	table->source_free = found;
}

/* ---- Sessions ---- */

void sl_fw_table_fetch(const struct fw_table *table, uint16_t count, bool fused)
{
	uint32_t slot = table->free, fresh = table->fresh;

	for (uint16_t i = 0; i < count; i++) {
		uint32_t at = slot != SL_NO_SLOT ? slot : fresh++;
		const uint8_t *session;

		if (at >= table->capacity)
			return;
		session = (const uint8_t *)sl_fw_session(table, at);
		__builtin_prefetch(session, 1);
		if (table->stride > RTE_CACHE_LINE_SIZE)
			__builtin_prefetch(session + RTE_CACHE_LINE_SIZE, 1);
		__builtin_prefetch(&table->unreplied[at], 1);
		if (table->counts != NULL)
			__builtin_prefetch(&table->counts[at], 1);
		if (fused)
			__builtin_prefetch(&table->anchors[2 * (size_t)at], 1);
		if (slot != SL_NO_SLOT)
			slot = sl_fw_session(table, slot)->next;
	}
}

uint32_t sl_fw_table_add(struct fw_table *table, const void *key, uint32_t hash, uint32_t now,
			 uint32_t timeout)
{
	struct fw_session *session;
	uint32_t slot = table->free;

	if (slot == SL_NO_SLOT) {
		if (table->fresh == table->capacity)
			return SL_NO_SLOT;
		slot = table->fresh;
	}
	session = sl_fw_session(table, slot);
	memcpy(sl_fw_key(session), key, table->key_size);
	if (sl_index_add(table->index, hash, slot) != 0)
		return SL_NO_SLOT;
	if (slot == table->free)
		table->free = session->next;
	else
		table->fresh++;
	memset(session, 0, sizeof(*session));
	session->seen = now;
	if (table->counts != NULL)
		memset(&table->counts[slot], 0, sizeof(table->counts[slot]));
	wheel_catch_up(table, now);
	wheel_put(table, slot, now + timeout);
	unreplied_put(table, slot);
	sl_mark(table->changed, slot);
	__atomic_store_n(&table->used, table->used + 1, __ATOMIC_RELAXED);
	return slot;
}

void sl_fw_table_remove(struct sl_node *node, struct fw_table *table, uint32_t slot)
{
	struct fw_session *session = sl_fw_session(table, slot);

	sl_fw_cut(node, table, slot);
	sl_index_remove(table->index, sl_index_hash(sl_fw_key(session), table->key_size), slot);
	if (session->flags & FW_COUNTED)
		source_give(table, slot);
	if (!(session->flags & FW_REPLIED))
		sl_fw_table_replied(table, slot);
	wheel_take(table, session);
	session->state = FW_FREE;
	session->next = table->free;
	table->free = slot;
	__atomic_store_n(&table->used, table->used - 1, __ATOMIC_RELAXED);
}
