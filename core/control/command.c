/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/command.h>
#include <core/plugin/instance.h>
#include <core/plugin/json.h>

#define BATCH 64 /* records a visit to a worker: packets are waiting meanwhile */

const struct sl_command *sl_command_find(const struct sl_node_type *type, const char *name)
{
	for (const struct sl_command *c = type->commands; c != NULL && c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

/* A call of show(), to be made where it may crash. */
struct showing {
	struct sl_instance *instance;
	const struct sl_command *command;
	const void *args;
	json_t *answer;
	struct sl_errors *errors;
	int error;
};

static void run_show(void *context)
{
	struct showing *s = context;

	s->error = s->command->show(s->instance, s->args, sl_json_from(s->answer), s->errors);
}

static json_t *show(struct sl_instance *instance, const struct sl_command *command,
		    const void *args, struct sl_errors *errors)
{
	struct showing s = {.instance = instance,
			    .command = command,
			    .args = args,
			    .answer = json_object(),
			    .errors = errors};

	if (!sl_instance_call(instance, run_show, &s))
		s.error = sl_fail(errors, EFAULT, "%s crashed in `%s`; see `sluice show faults`",
				  instance->name, command->name);
	if (s.error == 0)
		return s.answer;
	json_decref(s.answer);
	return NULL;
}

/* What has been collected so far. */
struct collection {
	json_t *records;
	uint64_t count, limit;
	bool truncated;
};

static void render(struct collection *c, struct sl_instance *instance,
		   const struct sl_command *command, const char *records, int n)
{
	if (command->render == NULL) {
		c->count += (uint64_t)n;
		return;
	}
	for (int i = 0; i < n; i++, c->count++) {
		json_t *record;

		if (c->limit != 0 && c->count == c->limit) {
			c->truncated = true;
			return;
		}
		record = json_object();
		command->render(instance, records + (size_t)i * command->record_size,
				sl_json_from(record));
		json_array_append_new(c->records, record);
	}
}

static int collect_worker(struct collection *c, struct sl_instance *instance, uint32_t worker,
			  const struct sl_command *command, const void *args, sl_collect_fn collect,
			  void *context, struct sl_errors *errors)
{
	uint64_t cursor = 0;
	char *records = calloc(BATCH, command->record_size != 0 ? command->record_size : 1);
	int n = records != NULL ? 0 : -ENOMEM;

	while (n >= 0 && cursor != UINT64_MAX && !c->truncated) {
		n = collect(context, instance, worker, command, args, &cursor, records, BATCH);
		if (n > 0)
			render(c, instance, command, records, n);
	}
	free(records);
	if (n == -EFAULT)
		return sl_fail(errors, EFAULT, "%s crashed in `%s`; see `sluice show faults`",
			       instance->name, command->name);
	if (n < 0)
		return sl_fail(errors, -n, "worker %u does not answer: %s", worker, strerror(-n));
	return 0;
}

json_t *sl_command_run(struct sl_instance *instance, const struct sl_command *command,
		       const void *args, uint64_t limit, sl_collect_fn collect, void *context,
		       struct sl_errors *errors)
{
	struct collection c = {.limit = limit};
	json_t *answer;
	int error = 0;

	if (sl_instance_quarantined(instance) != SL_QUARANTINE_NONE) {
		sl_fail(errors, EFAULT,
			"%s crashed or hung before and is in quarantine; see `sluice show faults`",
			instance->name);
		return NULL;
	}
	if (command->show != NULL)
		return show(instance, command, args, errors);
	c.records = json_array();
	for (uint32_t w = 0; error == 0 && w < sl_instance_workers(instance); w++)
		error = collect_worker(&c, instance, w, command, args, collect, context, errors);
	if (error != 0) {
		json_decref(c.records);
		return NULL;
	}
	if (command->render == NULL) {
		json_decref(c.records);
		return json_pack("{sI}", "count", (json_int_t)c.count);
	}
	answer = json_pack("{so}", "records", c.records);
	if (c.truncated)
		json_object_set_new(answer, "truncated", json_true());
	return answer;
}
