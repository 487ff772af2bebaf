/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads what may be anything. The first pass checks every byte of it and notes where the records of
 * each owner stand; nothing is handed out before all is known to be well. A second pass hands out
 * records, and checks again: the file may have changed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include <core/saved/layout.h>
#include <core/saved/saved.h>

struct sl_saved {
	int fd;
	char *name;
	struct sl_saved_head head;
	struct sl_saved_part *parts;
	uint32_t part_count, part_room;
	uint64_t records, bytes;
};

/* Where a pass is. */
struct cursor {
	const struct sl_saved *state;
	struct sl_errors *errors;
	uint64_t offset; /* of the next block */
	uint32_t number; /* and its number */
	uint32_t kind, length;
	uint8_t *payload;
};

static int damaged(const struct cursor *at, const char *what)
{
	return sl_fail(at->errors, EBADMSG,
		       "%s: it is damaged: %s (block %" PRIu32 ", at byte %" PRIu64 ")",
		       at->state->name, what, at->number, at->offset);
}

/* All of it, or how much there was. */
static ssize_t read_at(int fd, void *into, size_t size, uint64_t offset)
{
	size_t got = 0;

	while (got < size) {
		ssize_t did = pread(fd, (char *)into + got, size - got, (off_t)(offset + got));

		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0)
			return -errno;
		if (did == 0)
			break;
		got += (size_t)did;
	}
	return (ssize_t)got;
}

static int take(struct cursor *at, void *into, size_t size, uint64_t offset)
{
	ssize_t got = read_at(at->state->fd, into, size, offset);

	if (got < 0)
		return sl_fail(at->errors, (int)-got, "%s: %s", at->state->name,
			       strerror((int)-got));
	if ((size_t)got < size)
		return sl_fail(at->errors, EBADMSG,
			       "%s: it is cut short: %" PRIu64 " bytes are there and more should "
			       "follow",
			       at->state->name, offset + (uint64_t)got);
	return 0;
}

static int read_head(struct sl_saved *state, struct sl_errors *errors)
{
	struct sl_saved_head *head = &state->head;
	struct cursor at = {.state = state, .errors = errors};
	ssize_t got = read_at(state->fd, head, sizeof(*head), 0);

	if (got < 0)
		return sl_fail(errors, (int)-got, "%s: %s", state->name, strerror((int)-got));
	if ((size_t)got < sizeof(head->magic) ||
	    memcmp(head->magic, SL_SAVED_MAGIC, sizeof(head->magic)) != 0)
		return sl_fail(errors, EINVAL, "%s: it is no state that sluice has saved",
			       state->name);
	if ((size_t)got < sizeof(*head))
		return sl_fail(errors, EBADMSG, "%s: it is cut short: %zd bytes are there",
			       state->name, got);
	if (rte_le_to_cpu_32(head->crc) != sl_saved_crc_of_head(head))
		return damaged(&at, "its first 64 bytes do not agree with their checksum");
	head->engine[sizeof(head->engine) - 1] = '\0';
	for (char *c = head->engine; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	if (rte_le_to_cpu_32(head->format) != SL_SAVED_FORMAT)
		return sl_fail(errors, ENOTSUP,
			       "%s: its format is %" PRIu32
			       ", written by sluice %s; this is sluice "
			       "%s, which reads format %d",
			       state->name, rte_le_to_cpu_32(head->format), head->engine,
			       SL_VERSION, SL_SAVED_FORMAT);
	return 0;
}

static int next_block(struct cursor *at)
{
	struct sl_saved_block block;
	int err = take(at, &block, sizeof(block), at->offset);

	if (err != 0)
		return err;
	at->kind = rte_le_to_cpu_32(block.kind);
	at->length = rte_le_to_cpu_32(block.length);
	if (at->length > SL_SAVED_PAYLOAD)
		return damaged(at, "it says to be too long");
	err = take(at, at->payload, at->length, at->offset + sizeof(block));
	if (err != 0)
		return err;
	if (rte_le_to_cpu_32(block.crc) != sl_saved_crc_of_block(&block, at->payload, at->length))
		return damaged(at, "it does not agree with its checksum");
	if (rte_le_to_cpu_32(block.number) != at->number)
		return damaged(at, "it calls itself another block");
	at->offset += sizeof(block) + at->length;
	at->number++;
	return 0;
}

/*
 * Parts
 */

/* The caller frees; NULL: not there, or no text. */
static char *text_at(const struct cursor *at, uint32_t *place)
{
	uint32_t length;
	char *text;

	if (at->length - *place < 2)
		return NULL;
	length = sl_saved_get16(at->payload + *place);
	*place += 2;
	if (length > SL_SAVED_NAME || at->length - *place < length ||
	    memchr(at->payload + *place, 0, length) != NULL)
		return NULL;
	text = strndup((const char *)at->payload + *place, length);
	*place += length;
	return text;
}

static void owner_free(struct sl_saved_owner *owner)
{
	free((char *)(uintptr_t)owner->name);
	free((char *)(uintptr_t)owner->plugin);
	free((char *)(uintptr_t)owner->plugin_version);
	free((char *)(uintptr_t)owner->type);
}

static int read_owner(const struct cursor *at, struct sl_saved_owner *owner)
{
	uint32_t place = 8;

	if (at->length < place)
		return damaged(at, "it is too short");
	owner->version = sl_saved_get32(at->payload);
	owner->name = text_at(at, &place);
	owner->plugin = owner->name != NULL ? text_at(at, &place) : NULL;
	owner->plugin_version = owner->plugin != NULL ? text_at(at, &place) : NULL;
	owner->type = owner->plugin_version != NULL ? text_at(at, &place) : NULL;
	if (owner->type == NULL || place != at->length)
		return damaged(at, "its names are not well-formed");
	return 0;
}

static int add_part(struct sl_saved *state, const struct cursor *at)
{
	struct sl_saved_part *part;
	int err;

	if (state->part_count == SL_SAVED_INSTANCES)
		return damaged(at, "it is one instance too many");
	if (state->part_count == state->part_room) {
		uint32_t room = state->part_room * 2 + 8;

		part = realloc(state->parts, room * sizeof(*part));
		if (part == NULL)
			return sl_fail(at->errors, ENOMEM, "%s: out of memory", state->name);
		state->parts = part;
		state->part_room = room;
	}
	part = &state->parts[state->part_count];
	*part = (struct sl_saved_part){.offset = at->offset, .number = at->number};
	err = read_owner(at, &part->owner);
	if (err != 0)
		owner_free(&part->owner);
	else
		state->part_count++;
	return err;
}

/* Records lie anywhere in the payload; who gets one wants it aligned. */
static int each_record(const struct cursor *at, sl_saved_visit visit, void *context,
		       uint64_t *count)
{
	uint64_t aligned[SL_SAVED_RECORD / sizeof(uint64_t)];
	uint32_t place = 8, worker, left;

	if (at->length < place)
		return damaged(at, "it is too short");
	worker = sl_saved_get32(at->payload);
	for (left = sl_saved_get32(at->payload + 4); left > 0; left--) {
		uint32_t size;
		int err;

		if (at->length - place < 4)
			return damaged(at, "a record is missing");
		size = sl_saved_get32(at->payload + place);
		place += 4;
		if (size > SL_SAVED_RECORD || size > at->length - place)
			return damaged(at, "a record says to be too long");
		if (visit != NULL) {
			memcpy(aligned, at->payload + place, size);
			err = visit(context, worker, aligned, size);
			if (err != 0)
				return err;
		}
		place += size;
		++*count;
	}
	return place == at->length ? 0 : damaged(at, "something follows its last record");
}

/* The records of the part that was begun last, to its end. */
static int read_part(struct cursor *at, sl_saved_visit visit, void *context, uint64_t *count)
{
	int err;

	*count = 0;
	while ((err = next_block(at)) == 0 && at->kind == SL_SAVED_RECORDS) {
		err = each_record(at, visit, context, count);
		if (err != 0)
			return err;
	}
	if (err != 0)
		return err;
	if (at->kind != SL_SAVED_DONE || at->length != 8)
		return damaged(at, "records end without their count");
	if (sl_saved_get64(at->payload) != *count)
		return damaged(at, "another number of records came than it says");
	return 0;
}

static int check_end(const struct sl_saved *state, struct cursor *at)
{
	uint8_t more;

	if (at->length != 16 || sl_saved_get64(at->payload) != state->part_count ||
	    sl_saved_get64(at->payload + 8) != state->records)
		return damaged(at, "its sums are wrong");
	if (read_at(state->fd, &more, 1, at->offset) != 0)
		return damaged(at, "something follows its end");
	return 0;
}

static int check(struct sl_saved *state, struct cursor *at)
{
	int err;

	while ((err = next_block(at)) == 0 && at->kind == SL_SAVED_INSTANCE) {
		uint64_t count;

		err = add_part(state, at);
		if (err == 0)
			err = read_part(at, NULL, NULL, &count);
		if (err != 0)
			return err;
		state->parts[state->part_count - 1].records = count;
		state->records += count;
	}
	if (err == 0)
		err = at->kind == SL_SAVED_END ? check_end(state, at)
					       : damaged(at, "its kind is unknown");
	state->bytes = at->offset;
	return err;
}

struct sl_saved *sl_saved_open(int fd, const char *name, struct sl_errors *errors)
{
	struct sl_saved *state = calloc(1, sizeof(*state));
	struct cursor at = {.state = state,
			    .errors = errors,
			    .offset = sizeof(struct sl_saved_head),
			    .payload = calloc(1, SL_SAVED_PAYLOAD)};
	int err = -ENOMEM;

	if (state != NULL && at.payload != NULL && (state->name = strdup(name)) != NULL) {
		state->fd = fd;
		err = read_head(state, errors);
		if (err == 0)
			err = check(state, &at);
	} else {
		sl_fail(errors, ENOMEM, "%s: out of memory", name);
	}
	free(at.payload);
	if (err == 0)
		return state;
	sl_saved_free(state);
	return NULL;
}

void sl_saved_free(struct sl_saved *state)
{
	if (state == NULL)
		return;
	for (uint32_t i = 0; i < state->part_count; i++)
		owner_free(&state->parts[i].owner);
	free(state->parts);
	free(state->name);
	free(state);
}

uint32_t sl_saved_part_count(const struct sl_saved *state)
{
	return state->part_count;
}

const struct sl_saved_part *sl_saved_part(const struct sl_saved *state, uint32_t i)
{
	return &state->parts[i];
}

uint64_t sl_saved_records(const struct sl_saved *state)
{
	return state->records;
}

uint64_t sl_saved_bytes(const struct sl_saved *state)
{
	return state->bytes;
}

uint32_t sl_saved_workers(const struct sl_saved *state)
{
	return rte_le_to_cpu_32(state->head.workers);
}

const char *sl_saved_engine(const struct sl_saved *state)
{
	return state->head.engine;
}

uint64_t sl_saved_saved(const struct sl_saved *state)
{
	return rte_le_to_cpu_64(state->head.saved);
}

int sl_saved_each(const struct sl_saved *state, uint32_t part, sl_saved_visit visit, void *context,
		  struct sl_errors *errors)
{
	struct cursor at = {.state = state,
			    .errors = errors,
			    .offset = state->parts[part].offset,
			    .number = state->parts[part].number,
			    .payload = calloc(1, SL_SAVED_PAYLOAD)};
	uint64_t count;
	int err;

	if (at.payload == NULL)
		return sl_fail(errors, ENOMEM, "%s: out of memory", state->name);
	err = read_part(&at, visit, context, &count);
	free(at.payload);
	return err;
}
