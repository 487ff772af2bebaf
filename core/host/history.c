/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/host/drain.h>
#include <core/host/log.h>
#include <core/host/private.h>
#include <core/host/recent.h>

struct sl_history {
	struct sl_history_entry entries[SL_HISTORY];
	unsigned int count;
};

static void entry_free(struct sl_history_entry *entry)
{
	free(entry->file);
	free(entry->text);
}

void sl_history_free(struct sl_history *history)
{
	for (unsigned int i = 0; history != NULL && i < history->count; i++)
		entry_free(&history->entries[i]);
	free(history);
}

void sl_history_note(struct sl_engine *engine, const struct sl_apply_request *request,
		     const char *summary)
{
	struct sl_history *history = engine->private->history;
	struct sl_history_entry entry = {
		.number = engine->generation->number,
		.when = time(NULL),
		.who = request->who,
		.file = strdup(request->file),
		.text = malloc(request->size + 1),
		.size = request->size,
	};

	if (history == NULL)
		history = engine->private->history = calloc(1, sizeof(*history));
	sl_engine_note(engine, "applied", "{sI si ss? ss+}", "generation", (json_int_t)entry.number,
		       "user", (int)entry.who, "file", request->file, "summary", request->why,
		       summary);
	if (history == NULL || entry.file == NULL || entry.text == NULL) {
		entry_free(&entry);
		return;
	}
	memcpy(entry.text, request->text, request->size);
	entry.text[request->size] = '\0';
	snprintf(entry.summary, sizeof(entry.summary), "%s%s", request->why, summary);
	if (history->count == SL_HISTORY) {
		entry_free(&history->entries[0]);
		memmove(&history->entries[0], &history->entries[1],
			(SL_HISTORY - 1) * sizeof(entry));
		history->count--;
	}
	history->entries[history->count++] = entry;
}

void sl_history_renumber(struct sl_engine *engine, uint64_t was)
{
	struct sl_history *history = engine->private->history;

	for (unsigned int i = 0; history != NULL && i < history->count; i++)
		if (history->entries[i].number == was)
			history->entries[i].number = engine->generation->number;
}

const struct sl_history_entry *sl_history_get(const struct sl_engine *engine, unsigned int i)
{
	const struct sl_history *history = engine->private->history;

	return history != NULL && i < history->count ? &history->entries[i] : NULL;
}

static const struct sl_history_entry *find(const struct sl_engine *engine, uint64_t number,
					   struct sl_errors *errors)
{
	const struct sl_history_entry *entry, *before = NULL;

	for (unsigned int i = 0; (entry = sl_history_get(engine, i)) != NULL; i++) {
		if (number != 0 && entry->number == number)
			return entry;
		if (entry->number < engine->generation->number)
			before = entry;
	}
	if (number == 0 && before != NULL)
		return before;
	if (number == 0)
		sl_fail(errors, ENOENT, "there is no generation before this one");
	else
		sl_fail(errors, ENOENT,
			"the chain of generation %llu is not kept; `sluice history` lists those "
			"that are",
			(unsigned long long)number);
	return NULL;
}

void sl_history_tell(struct sl_engine *engine, const struct sl_apply_request *request,
		     const struct sl_applied *applied)
{
	char summary[256];

	sl_diff_summary(applied->diff, summary, sizeof(summary));
	sl_history_note(engine, request, summary);
	sl_log(SL_LOG_INFO, "generation %llu, %s, applied by user %u: %s%s",
	       (unsigned long long)applied->generation, request->file, (unsigned int)request->who,
	       request->why, summary);
}

/* What drains goes on, with all its sessions. */
static int go_back(struct sl_engine *engine, const struct sl_apply_request *request,
		   struct sl_applied *applied, struct sl_errors *errors)
{
	int err = sl_drain_return(engine, request->dry_run, applied, errors);

	if (err == 0 && !request->dry_run)
		sl_history_tell(engine, request, applied);
	return err;
}

int sl_engine_rollback(struct sl_engine *engine, uint64_t number, uid_t who, bool dry_run,
		       struct sl_applied *applied, struct sl_errors *errors)
{
	const struct sl_history_entry *entry = find(engine, number, errors);
	struct sl_apply_request request = {.who = who, .dry_run = dry_run};
	char *file, *text, why[64];
	int err;

	if (entry == NULL)
		return -ENOENT;
	/* The entry may make room for the new one. */
	file = strdup(entry->file);
	text = malloc(entry->size + 1);
	if (file != NULL && text != NULL) {
		memcpy(text, entry->text, entry->size + 1);
		snprintf(why, sizeof(why), "rollback to %llu: ", (unsigned long long)entry->number);
		request.file = file;
		request.text = text;
		request.size = entry->size;
		request.why = why;
		err = sl_drain_can_return(engine, entry->number)
			      ? go_back(engine, &request, applied, errors)
			      : sl_engine_apply(engine, &request, applied, errors);
	} else {
		err = sl_fail(errors, ENOMEM, "out of memory");
	}
	free(file);
	free(text);
	return err;
}
