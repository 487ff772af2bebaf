/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What instances remember goes over to those that replace them, while packets flow: see
 * sluice/state.h. The main thread takes all of it out of the old ones between bursts and puts it
 * into the new ones, which nobody runs yet; then, pass after pass, what changed meanwhile, until
 * that is little. The last of it each worker carries over itself, between the last packet that the
 * old code sees and the first that the new code does: so nothing is missed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/host/log.h>
#include <core/host/private.h>
#include <core/host/state.h>
#include <core/plugin/records.h>

/* So few records a worker carries over in some microseconds. */
#define FEW 32
/* Passes after the first, however much changes. */
#define MOST 10

struct item {
	struct sl_instance *old, *new;
	uint16_t old_hop;
	struct sl_importer importer;
	uint64_t told; /* in the pass under way */
};

/* What one worker needs for its turn. */
struct part {
	struct sl_records records;
	uint64_t taken, lost;
};

struct sl_carry {
	const struct sl_generation *from, *to;
	struct item *items;
	unsigned int count;
	struct part **parts; /* per worker of the engine */
	unsigned int worker_count;
};

void sl_carry_free(struct sl_carry *carry)
{
	if (carry == NULL)
		return;
	for (unsigned int w = 0; carry->parts != NULL && w < carry->worker_count; w++)
		free(carry->parts[w]);
	free(carry->parts);
	free(carry->items);
	free(carry);
}

static int take(void *context, uint32_t worker, const void *record, uint32_t size,
		struct sl_errors *errors)
{
	struct item *item = context;

	item->told++;
	return sl_importer_take(&item->importer, worker, record, size, errors);
}

static int pass(struct sl_engine *engine, struct sl_carry *carry, bool changed, uint64_t *told,
		struct sl_errors *errors)
{
	int err = 0;

	*told = 0;
	for (unsigned int i = 0; i < carry->count && err == 0; i++) {
		struct item *item = &carry->items[i];

		item->told = 0;
		err = sl_state_export(engine, item->old, changed, take, item, errors);
		*told += item->told;
	}
	return err;
}

static int add_item(struct sl_carry *carry, struct sl_instance *old, struct sl_instance *new,
		    struct sl_errors *errors)
{
	struct item *item = &carry->items[carry->count];

	*item = (struct item){.old = old, .new = new, .old_hop = sl_state_hop(carry->from, old)};
	/* One that stands in no path remembers nothing. */
	if (item->old_hop == SL_PLAN_NONE || sl_state_hop(carry->to, new) == SL_PLAN_NONE)
		return 0;
	carry->count++;
	return sl_importer_init(&item->importer, carry->to, new, old->type->state_version, errors);
}

static int list(struct sl_carry *carry, const struct sl_diff *diff, struct sl_errors *errors)
{
	unsigned int vnfs = 0;
	int err = 0;

	while (carry->to->vnfs[vnfs] != NULL)
		vnfs++;
	carry->items = calloc(vnfs + 1, sizeof(*carry->items));
	carry->parts = calloc(carry->worker_count, sizeof(*carry->parts));
	if (carry->items == NULL || carry->parts == NULL)
		return sl_fail(errors, ENOMEM, "out of memory");
	for (unsigned int w = 0; w < carry->worker_count; w++)
		if ((carry->parts[w] = calloc(1, sizeof(**carry->parts))) == NULL)
			return sl_fail(errors, ENOMEM, "out of memory");
	for (unsigned int i = 0; i < vnfs && err == 0; i++)
		if (diff->carried_vnfs[i] != SL_NEW)
			err = add_item(carry, carry->from->vnfs[diff->carried_vnfs[i]],
				       carry->to->vnfs[i], errors);
	return err;
}

int sl_carry_begin(struct sl_engine *engine, const struct sl_generation *next,
		   const struct sl_diff *diff, struct sl_carry **begun, struct sl_errors *errors)
{
	struct sl_carry *carry = calloc(1, sizeof(*carry));
	uint64_t told = UINT64_MAX;
	int err;

	*begun = carry;
	if (carry == NULL)
		return sl_fail(errors, ENOMEM, "out of memory");
	carry->from = engine->generation;
	carry->to = next;
	carry->worker_count = engine->worker_count;
	err = list(carry, diff, errors);
	for (unsigned int i = 0; i <= MOST && told > FEW && err == 0; i++)
		err = pass(engine, carry, i > 0, &told, errors);
	for (unsigned int i = 0; i < carry->count && err == 0; i++)
		sl_importer_finish(&carry->items[i].importer);
	return err;
}

/* One slice. */
static void carry_slice(const struct item *item, struct sl_node *to, struct part *part)
{
	const void *record;
	uint32_t size;
	size_t at = 0;

	while ((record = sl_records_next(&part->records, &at, &size)) != NULL) {
		int got = item->new->type->import_state(to, item->importer.version, record, size,
							NULL);

		if (got == SL_IMPORT_TAKEN)
			part->taken++;
		else
			part->lost++;
	}
}

static uint32_t name_count(const struct sl_name *names)
{
	uint32_t count = 0;

	while (names != NULL && names[count].name != NULL)
		count++;
	return count;
}

static void carry_item(const struct sl_carry *carry, const struct item *item, uint16_t worker,
		       uint64_t now)
{
	struct part *part = carry->parts[worker];
	struct sl_graph *graph = carry->to->graphs[worker]->graph;
	struct sl_node *from = sl_graph_node(carry->from->graphs[worker]->graph, item->old_hop);
	struct sl_node *to = sl_graph_node(graph, item->importer.hop);
	struct sl_export *slice = &part->records.slice;
	uint64_t before = 1;

	sl_graph_set_now(graph, now);
	*slice = (struct sl_export){.changed = true};
	/* What does not get on is not waited for: packets are. */
	while (slice->cursor != UINT64_MAX && slice->cursor != before) {
		before = slice->cursor;
		sl_records_empty(&part->records);
		item->old->type->export_state(from, slice);
		carry_slice(item, to, part);
		if (slice->count != 0)
			before = UINT64_MAX - 1;
	}
	memset(to->counters, 0, name_count(item->new->type->counters) * sizeof(*to->counters));
}

void sl_carry_last(void *context, uint16_t worker, uint64_t now)
{
	const struct sl_carry *carry = context;

	for (unsigned int i = 0; i < carry->count; i++)
		if (carry->items[i].new->mask >> worker & 1)
			carry_item(carry, &carry->items[i], worker, now);
}

void sl_carry_sum(const struct sl_carry *carry, uint64_t *carried, uint64_t *lost)
{
	*carried = *lost = 0;
	for (unsigned int i = 0; i < carry->count; i++) {
		*carried += carry->items[i].importer.taken;
		*lost += carry->items[i].importer.void_;
	}
	for (unsigned int w = 0; w < carry->worker_count; w++) {
		*carried += carry->parts[w]->taken;
		*lost += carry->parts[w]->lost;
	}
	if (*lost != 0)
		sl_log(SL_LOG_WARNING,
		       "%llu of the records that were carried over found no place in the new code",
		       (unsigned long long)*lost);
}
