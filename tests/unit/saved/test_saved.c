/* SPDX-License-Identifier: BSD-3-Clause */
/* State as bytes: what was written is read again, and nothing else is. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <core/saved/layout.h>
#include <core/saved/saved.h>

static const struct sl_saved_owner fw = {"fw", "firewall", "1.2", "firewall", 3};
static const struct sl_saved_owner nat = {"nat one", "nat", "0.1", "nat", 7};

static int memory(void)
{
	int fd = memfd_create("test-state", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* Record i of a part: its length and content follow from i. */
static uint32_t make(uint32_t i, uint8_t *record)
{
	uint32_t size = i * 37 % 1500;

	for (uint32_t b = 0; b < size; b++)
		record[b] = (uint8_t)(i + b);
	return size;
}

static void add(struct sl_saved_writer *w, const struct sl_saved_owner *owner, uint32_t count)
{
	uint8_t record[1500];

	assert_int_equal(sl_saved_begin(w, owner, NULL), 0);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(sl_saved_add(w, i * 4 / count, record, make(i, record), NULL), 0);
	assert_int_equal(sl_saved_done(w, NULL), 0);
}

static int written(uint32_t fw_records, uint32_t nat_records)
{
	int fd = memory();
	struct sl_saved_writer *w = sl_saved_writer_new(fd, "test", 4, NULL);
	uint64_t bytes;

	assert_non_null(w);
	add(w, &fw, fw_records);
	add(w, &nat, nat_records);
	assert_int_equal(sl_saved_finish(w, NULL), 0);
	assert_int_equal(sl_saved_written(w, &bytes), fw_records + nat_records);
	assert_int_equal(bytes, lseek(fd, 0, SEEK_END));
	sl_saved_writer_free(w);
	return fd;
}

struct seen {
	uint32_t count, of;
};

static int compare(void *context, uint32_t worker, const void *record, uint32_t size)
{
	struct seen *seen = context;
	uint8_t expected[1500];

	assert_int_equal((uintptr_t)record % 8, 0);
	assert_int_equal(size, make(seen->count, expected));
	assert_memory_equal(record, expected, size);
	assert_int_equal(worker, seen->count * 4 / seen->of);
	seen->count++;
	return 0;
}

static void test_round(void **unused)
{
	static const uint32_t counts[][2] = {{0, 0}, {1, 0}, {1000, 300}, {0, 5}};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		int fd = written(counts[i][0], counts[i][1]);
		struct sl_saved *state = sl_saved_open(fd, "test", NULL);

		assert_non_null(state);
		assert_int_equal(sl_saved_workers(state), 4);
		assert_true(strlen(sl_saved_engine(state)) > 0);
		assert_true(sl_saved_saved(state) > 1700000000ull * 1000000000);
		assert_int_equal(sl_saved_part_count(state), 2);
		assert_int_equal(sl_saved_records(state), counts[i][0] + counts[i][1]);
		assert_int_equal(sl_saved_bytes(state), lseek(fd, 0, SEEK_END));
		assert_string_equal(sl_saved_part(state, 1)->owner.name, "nat one");
		assert_string_equal(sl_saved_part(state, 0)->owner.plugin, "firewall");
		assert_string_equal(sl_saved_part(state, 0)->owner.plugin_version, "1.2");
		assert_string_equal(sl_saved_part(state, 0)->owner.type, "firewall");
		assert_int_equal(sl_saved_part(state, 0)->owner.version, 3);
		/* In any order, and again. */
		for (uint32_t round = 0; round < 4; round++) {
			struct seen seen = {.of = counts[i][!(round & 1)]};

			assert_int_equal(sl_saved_each(state, !(round & 1), compare, &seen, NULL),
					 0);
			assert_int_equal(seen.count, seen.of);
			assert_int_equal(sl_saved_part(state, !(round & 1))->records, seen.of);
		}
		sl_saved_free(state);
		close(fd);
	}
}

static int stop_at_third(void *context, uint32_t worker, const void *record, uint32_t size)
{
	return ++*(int *)context == 3 ? -ECANCELED : 0;
}

static void test_visit_ends(void **unused)
{
	int fd = written(10, 0), count = 0;
	struct sl_saved *state = sl_saved_open(fd, "test", NULL);

	assert_int_equal(sl_saved_each(state, 0, stop_at_third, &count, NULL), -ECANCELED);
	assert_int_equal(count, 3);
	sl_saved_free(state);
	close(fd);
}

static size_t load(int fd, uint8_t **bytes)
{
	size_t size = (size_t)lseek(fd, 0, SEEK_END);

	*bytes = malloc(size + 1);
	assert_int_equal(pread(fd, *bytes, size, 0), size);
	return size;
}

static void store(int fd, const uint8_t *bytes, size_t size)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, bytes, size, 0), size);
}

/* It is refused, with one message that names it and says what. */
static void refused(int fd, const char *what)
{
	struct sl_errors *errors = sl_errors_new();
	const char *text;

	assert_null(sl_saved_open(fd, "the file", errors));
	assert_int_equal(sl_errors_count(errors), 1);
	text = sl_errors_get(errors, 0)->text;
	assert_int_equal(strncmp(text, "the file: ", 10), 0);
	if (what != NULL && strstr(text, what) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", text, what);
	sl_errors_free(errors);
}

static void test_cut_anywhere(void **unused)
{
	int fd = written(40, 3), cut = memory();
	uint8_t *bytes;
	size_t size = load(fd, &bytes);

	for (size_t left = 0; left < size; left++) {
		store(cut, bytes, left);
		refused(cut, left < 8 ? "no state" : "cut short");
	}
	store(cut, bytes, size);
	sl_saved_free(sl_saved_open(cut, "whole", NULL));
	bytes[size] = 0;
	store(cut, bytes, size + 1);
	refused(cut, "something follows its end");
	free(bytes);
	close(cut);
	close(fd);
}

static void test_any_bit(void **unused)
{
	int fd = written(12, 3), other = memory();
	uint8_t *bytes;
	size_t size = load(fd, &bytes);

	store(other, bytes, size);
	for (size_t i = 0; i < size * 8; i++) {
		uint8_t changed = bytes[i / 8] ^ (uint8_t)(1u << i % 8);

		assert_int_equal(pwrite(other, &changed, 1, (off_t)(i / 8)), 1);
		refused(other, NULL);
		assert_int_equal(pwrite(other, &bytes[i / 8], 1, (off_t)(i / 8)), 1);
	}
	sl_saved_free(sl_saved_open(other, "whole", NULL));
	free(bytes);
	close(other);
	close(fd);
}

/*
 * Wrong, with checksums that are right
 */

static void seal_head(uint8_t *bytes)
{
	struct sl_saved_head head;

	memcpy(&head, bytes, sizeof(head));
	head.crc = rte_cpu_to_le_32(sl_saved_crc_of_head(&head));
	memcpy(bytes, &head, sizeof(head));
}

/* Where block `number` starts. */
static uint8_t *block_at(uint8_t *bytes, uint32_t number)
{
	uint8_t *at = bytes + sizeof(struct sl_saved_head);

	while (number-- > 0)
		at += sizeof(struct sl_saved_block) + sl_saved_get32(at + 4);
	return at;
}

static void seal(uint8_t *at)
{
	struct sl_saved_block block;
	uint32_t length;
	void *payload; /* aligned, as it is not in the file */

	memcpy(&block, at, sizeof(block));
	length = rte_le_to_cpu_32(block.length);
	payload = malloc(length);
	assert_non_null(payload);
	memcpy(payload, at + sizeof(block), length);
	sl_saved_put32(at + 12, sl_saved_crc_of_block(&block, payload, length));
	free(payload);
}

/* Change a number in the payload (or, before it, in the head) of a block. */
static void wrong(uint32_t number, int offset, uint32_t value, const char *what)
{
	int fd = written(12, 3);
	uint8_t *bytes, *at;
	size_t size = load(fd, &bytes);

	at = block_at(bytes, number);
	sl_saved_put32(at + (int)sizeof(struct sl_saved_block) + offset, value);
	seal(at);
	store(fd, bytes, size);
	refused(fd, what);
	free(bytes);
	close(fd);
}

static void test_newer_format(void **unused)
{
	int fd = written(1, 0);
	uint8_t *bytes;
	size_t size = load(fd, &bytes);

	sl_saved_put32(bytes + 8, 2);
	seal_head(bytes);
	store(fd, bytes, size);
	refused(fd, "its format is 2");
	memcpy(bytes, "SLUICEXX", 8);
	store(fd, bytes, size);
	refused(fd, "no state that sluice has saved");
	free(bytes);
	close(fd);
}

static void test_well_sealed(void **unused)
{
	/* 0 INSTANCE, 1.. RECORDS one for each worker, then DONE. */
	wrong(0, 8, 0xffff, "names");
	wrong(0, 8, 1, "names");
	wrong(1, 4, 1, "follows its last record");
	wrong(1, 4, 10000, "a record");
	wrong(1, 8, SL_SAVED_RECORD + 1, "a record says");
	wrong(1, 8, 60000, "a record says");
	wrong(5, 0, 13, "another number of records");
	wrong(5, -16, SL_SAVED_END, "records end without their count");
	wrong(0, -16, 9, "its kind is unknown");
	wrong(2, -8, 7, "it calls itself another block");
	wrong(11, 0, 3, "sums");
	wrong(11, 8, 3, "sums");
}

static void test_changed_meanwhile(void **unused)
{
	int fd = written(100, 3), count = 0;
	struct sl_saved *state = sl_saved_open(fd, "test", NULL);
	struct sl_errors *errors = sl_errors_new();

	assert_int_equal(ftruncate(fd, 2000), 0);
	assert_int_equal(sl_saved_each(state, 0, stop_at_third, &count, errors), -EBADMSG);
	assert_int_equal(sl_errors_count(errors), 1);
	sl_errors_free(errors);
	sl_saved_free(state);
	close(fd);
}

static void test_full(void **unused)
{
	int fd = open("/dev/full", O_WRONLY);
	struct sl_errors *errors = sl_errors_new();

	assert_null(sl_saved_writer_new(fd, "full", 1, errors));
	assert_non_null(strstr(sl_errors_get(errors, 0)->text, "No space left"));
	sl_errors_free(errors);
	close(fd);
}

static void test_too_long(void **unused)
{
	static uint8_t record[SL_SAVED_RECORD + 1];
	int fd = memory();
	struct sl_saved_writer *w = sl_saved_writer_new(fd, "test", 1, NULL);
	struct sl_saved *state;

	assert_int_equal(sl_saved_begin(w, &fw, NULL), 0);
	for (int i = 0; i < 33; i++)
		assert_int_equal(sl_saved_add(w, 0, record, SL_SAVED_RECORD, NULL), 0);
	assert_int_equal(sl_saved_done(w, NULL), 0);
	assert_int_equal(sl_saved_finish(w, NULL), 0);
	sl_saved_writer_free(w);
	state = sl_saved_open(fd, "test", NULL);
	assert_int_equal(sl_saved_records(state), 33);
	sl_saved_free(state);

	w = sl_saved_writer_new(fd, "test", 1, NULL);
	assert_int_equal(sl_saved_begin(w, &fw, NULL), 0);
	assert_int_equal(sl_saved_add(w, 0, record, SL_SAVED_RECORD + 1, NULL), -EMSGSIZE);
	/* It is spoilt now. */
	assert_int_equal(sl_saved_finish(w, NULL), -EIO);
	sl_saved_writer_free(w);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_visit_ends),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_any_bit),
		cmocka_unit_test(test_newer_format),
		cmocka_unit_test(test_well_sealed),
		cmocka_unit_test(test_changed_meanwhile),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
