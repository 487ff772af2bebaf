/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <core/error/errors.h>
#include <core/plugin/growth.h>
#include <core/plugin/instance.h>
#include <core/plugin/records.h>

#include <tests/unit/harness.h>
#include <tests/unit/harness_rig.h>

static struct sl_node *node_of(struct sl_test *t, uint32_t worker)
{
	sl_test_worker(t, worker);
	return sl_test_node(t, SL_INSIDE);
}

int sl_test_records(struct sl_test *from, bool changed,
		    int (*take)(void *context, uint32_t worker, const void *record, uint32_t size),
		    void *context)
{
	const struct sl_instance *instance = sl_test_instance(from);
	struct sl_records records = {.slice.changed = changed};
	int err = 0;

	for (uint32_t w = 0; w < sl_instance_workers(instance) && err == 0; w++) {
		struct sl_node *node = node_of(from, w);

		for (records.slice.cursor = 0; records.slice.cursor != UINT64_MAX && err == 0;) {
			const void *record;
			uint32_t size;
			size_t at = 0;

			sl_records_empty(&records);
			instance->type->export_state(node, &records.slice);
			while (err == 0 && (record = sl_records_next(&records, &at, &size)) != NULL)
				err = take(context, w, record, size);
		}
	}
	sl_test_worker(from, 0);
	return err;
}

struct way {
	struct sl_test *to;
	uint32_t version;
	struct sl_errors *errors;
	struct sl_test_carried *carried;
};

static int take(void *context, uint32_t worker, const void *record, uint32_t size)
{
	struct way *way = context;
	const struct sl_instance *to = sl_test_instance(way->to);
	uint32_t workers = sl_instance_workers(to);
	int got = SL_IMPORT_VOID;

	way->carried->records++;
	way->carried->longest = RTE_MAX(way->carried->longest, size);
	sl_growth_tend();
	for (uint32_t i = 0; i < workers; i++) {
		got = to->type->import_state(node_of(way->to, (worker + i) % workers), way->version,
					     record, size, way->errors);
		if (got != SL_IMPORT_ELSEWHERE)
			break;
	}
	if (got < 0)
		return got;
	if (got == SL_IMPORT_TAKEN)
		way->carried->taken++;
	else
		way->carried->voids++;
	return 0;
}

int sl_test_carry(struct sl_test *from, struct sl_test *to, bool changed,
		  struct sl_test_carried *carried)
{
	struct way way = {.to = to,
			  .version = sl_test_instance(from)->type->state_version,
			  .errors = sl_errors_new(),
			  .carried = carried};
	int err;

	*carried = (struct sl_test_carried){0};
	for (uint32_t w = 0; w < sl_instance_workers(sl_test_instance(to)); w++) {
		sl_test_worker(to, w);
		sl_test_run(to); /* its nodes see that time */
	}
	err = sl_test_records(from, changed, take, &way);
	sl_errors_free(way.errors);
	sl_test_worker(to, 0);
	return err;
}

static int break_record(void *context, uint32_t worker, const void *record, uint32_t size)
{
	struct sl_test *t = context;
	const struct sl_node_type *type = sl_test_instance(t)->type;
	struct sl_node *node = node_of(t, 0);
	uint64_t bytes[SL_RECORD_MOST / 8] = {0};

	for (uint32_t n = 0; n < size; n++) {
		memcpy(bytes, record, n);
		if (type->import_state(node, type->state_version, bytes, n, NULL) >= 0)
			sl_test_fail("a record of %u bytes was taken when cut to %u", size, n);
	}
	memcpy(bytes, record, size);
	if (type->import_state(node, type->state_version + 1, bytes, size, NULL) != -EPROTO)
		sl_test_fail("a record of a later version was not refused as such");
	for (uint32_t i = 0; i < 200 * size; i++) {
		memcpy(bytes, record, size);
		for (uint32_t k = 0; k <= i % 3; k++)
			((uint8_t *)bytes)[(i / 3 + k * 37) % size] =
				(uint8_t)(i * 2654435761u >> 16);
		type->import_state(node, type->state_version, bytes, size, NULL);
		if (i % 64 == 0)
			sl_test_tick(t, 1);
	}
	return 0;
}

void sl_test_broken_records(struct sl_test *from, struct sl_test *to)
{
	sl_test_run(to);
	sl_test_records(from, false, break_record, to);
}
