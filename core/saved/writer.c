/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <core/saved/layout.h>
#include <core/saved/saved.h>

/* Before the records of a block: worker and count. */
#define RECORDS_HEAD 8u

struct sl_saved_writer {
	int fd;
	char *name;
	bool failed;
	uint32_t number;          /* of the next block */
	uint32_t worker, waiting; /* records in `block` that were not written yet */
	uint32_t used;            /* bytes of the payload */
	uint64_t part_records, records, parts, bytes;
	struct {
		struct sl_saved_block head;
		uint8_t payload[SL_SAVED_PAYLOAD];
	} block;
};

static int write_all(struct sl_saved_writer *w, const void *data, size_t size,
		     struct sl_errors *errors)
{
	const char *from = data;

	while (size > 0) {
		ssize_t did = write(w->fd, from, size);

		if (did < 0 && errno == EINTR)
			continue;
		if (did <= 0) {
			int code = did < 0 ? errno : EIO;

			w->failed = true;
			return sl_fail(errors, code, "%s: %s", w->name, strerror(code));
		}
		from += did;
		size -= (size_t)did;
		w->bytes += (uint64_t)did;
	}
	return 0;
}

static int write_block(struct sl_saved_writer *w, enum sl_saved_kind kind, uint32_t length,
		       struct sl_errors *errors)
{
	struct sl_saved_block *head = &w->block.head;

	*head = (struct sl_saved_block){
		.kind = rte_cpu_to_le_32((uint32_t)kind),
		.length = rte_cpu_to_le_32(length),
		.number = rte_cpu_to_le_32(w->number++),
	};
	head->crc = rte_cpu_to_le_32(sl_saved_crc_of_block(head, w->block.payload, length));
	return write_all(w, &w->block, sizeof(*head) + length, errors);
}

static int flush(struct sl_saved_writer *w, struct sl_errors *errors)
{
	uint32_t length = w->used;

	if (w->failed)
		return -EIO;
	if (w->waiting == 0)
		return 0;
	sl_saved_put32(w->block.payload, w->worker);
	sl_saved_put32(w->block.payload + 4, w->waiting);
	w->waiting = 0;
	w->used = RECORDS_HEAD;
	return write_block(w, SL_SAVED_RECORDS, length, errors);
}

struct sl_saved_writer *sl_saved_writer_new(int fd, const char *name, uint32_t workers,
					    struct sl_errors *errors)
{
	struct sl_saved_writer *w = calloc(1, sizeof(*w));
	struct sl_saved_head head = {.magic = SL_SAVED_MAGIC};
	struct timespec now;

	if (w == NULL || (w->name = strdup(name)) == NULL) {
		free(w);
		sl_fail(errors, ENOMEM, "%s: out of memory", name);
		return NULL;
	}
	w->fd = fd;
	w->used = RECORDS_HEAD;
	clock_gettime(CLOCK_REALTIME, &now);
	head.format = rte_cpu_to_le_32(SL_SAVED_FORMAT);
	head.workers = rte_cpu_to_le_32(workers);
	head.saved = rte_cpu_to_le_64((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
	strncpy(head.engine, SL_VERSION, sizeof(head.engine) - 1);
	head.crc = rte_cpu_to_le_32(sl_saved_crc_of_head(&head));
	if (write_all(w, &head, sizeof(head), errors) == 0)
		return w;
	sl_saved_writer_free(w);
	return NULL;
}

static uint32_t put_text(uint8_t *at, const char *text)
{
	size_t length = strnlen(text, SL_SAVED_NAME);

	sl_saved_put16(at, (uint16_t)length);
	memcpy(at + 2, text, length);
	return (uint32_t)length + 2;
}

int sl_saved_begin(struct sl_saved_writer *w, const struct sl_saved_owner *owner,
		   struct sl_errors *errors)
{
	uint32_t length = 8;

	if (w->failed)
		return -EIO;
	if (strlen(owner->name) > SL_SAVED_NAME) {
		w->failed = true;
		return sl_fail(errors, ENAMETOOLONG, "%s: a name is longer than %u characters",
			       w->name, SL_SAVED_NAME);
	}
	sl_saved_put32(w->block.payload, owner->version);
	sl_saved_put32(w->block.payload + 4, 0);
	length += put_text(w->block.payload + length, owner->name);
	length += put_text(w->block.payload + length, owner->plugin);
	length += put_text(w->block.payload + length, owner->plugin_version);
	length += put_text(w->block.payload + length, owner->type);
	w->part_records = 0;
	w->parts++;
	return write_block(w, SL_SAVED_INSTANCE, length, errors);
}

int sl_saved_add(struct sl_saved_writer *w, uint32_t worker, const void *record, uint32_t size,
		 struct sl_errors *errors)
{
	int err = 0;

	if (w->failed)
		return -EIO;
	if (size > SL_SAVED_RECORD) {
		w->failed = true;
		return sl_fail(errors, EMSGSIZE, "%s: a record of %u bytes is too long", w->name,
			       size);
	}
	if ((w->waiting > 0 && worker != w->worker) || w->used + 4 + size > SL_SAVED_PAYLOAD)
		err = flush(w, errors);
	if (err != 0)
		return err;
	w->worker = worker;
	w->waiting++;
	sl_saved_put32(w->block.payload + w->used, size);
	memcpy(w->block.payload + w->used + 4, record, size);
	w->used += 4 + size;
	w->part_records++;
	w->records++;
	return 0;
}

int sl_saved_done(struct sl_saved_writer *w, struct sl_errors *errors)
{
	int err = flush(w, errors);

	if (err != 0)
		return err;
	sl_saved_put64(w->block.payload, w->part_records);
	return write_block(w, SL_SAVED_DONE, 8, errors);
}

int sl_saved_finish(struct sl_saved_writer *w, struct sl_errors *errors)
{
	if (w->failed)
		return -EIO;
	sl_saved_put64(w->block.payload, w->parts);
	sl_saved_put64(w->block.payload + 8, w->records);
	return write_block(w, SL_SAVED_END, 16, errors);
}

uint64_t sl_saved_written(const struct sl_saved_writer *w, uint64_t *bytes)
{
	*bytes = w->bytes;
	return w->records;
}

void sl_saved_writer_free(struct sl_saved_writer *w)
{
	if (w == NULL)
		return;
	free(w->name);
	free(w);
}
