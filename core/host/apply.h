/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another chain for the running engine: the next generation is built beside the running one and
 * workers go over to it between two packets; or there is an error and nothing changed.
 */
#ifndef CORE_HOST_APPLY_H
#define CORE_HOST_APPLY_H

#include <sys/types.h>
#include <time.h>

#include <core/host/diff.h>

struct sl_apply_request {
	const char *file; /* name of the chain's file, for messages and history */
	const char *text;
	size_t size;
	const char *why; /* first words of the summary, "" or "rollback to 3: " */
	uid_t who;
	bool dry_run;       /* only say what would be done */
	unsigned int drain; /* seconds that old flows have to finish on the old paths; 0: none */
	bool copy;          /* new code takes no instance over as it is, but state as records */
	const char *fresh;  /* this VNF, or this port's steering, gets a new instance; or NULL. Then
			     * the chain is the one that runs, and the history says nothing */
};

struct sl_applied {
	struct sl_diff *diff; /* sl_diff_free() it */
	uint64_t generation;  /* that runs now */
	uint64_t took;        /* TSC ticks from the first worker asked to the last one turned */
	uint64_t gap;         /* TSC ticks: the longest loop of a worker meanwhile */
	uint64_t own_gap;     /* ns that a worker had its core in the longest loop that turned */
	uint64_t carried;     /* records of state that new code took from old */
	uint64_t lost;        /* and those that it found no place for */
	uint64_t drains;      /* generation whose flows finish; 0: none */
};

/* 0, or -errno with messages: then `applied` holds nothing. Main thread. */
int sl_engine_apply(struct sl_engine *engine, const struct sl_apply_request *request,
		    struct sl_applied *applied, struct sl_errors *errors);
/* Apply the chain of an earlier generation again; 0: of the one before this. */
int sl_engine_rollback(struct sl_engine *engine, uint64_t number, uid_t who, bool dry_run,
		       struct sl_applied *applied, struct sl_errors *errors);

/* Load a plugin's file anew and put its new code under the running chain: instances of its types
 * go on with it, or (always, with `copy`) are replaced with their state carried over. 0, or -errno
 * with messages: then the old code runs on. */
int sl_engine_reload(struct sl_engine *engine, const char *name, bool copy, uid_t who,
		     struct sl_applied *applied, struct sl_errors *errors);
/* Unmap a plugin's code. -EBUSY, with the names of its instances, when there are any. */
int sl_engine_unload(struct sl_engine *engine, const char *name, struct sl_errors *errors);

/* Generations whose chains are kept: the last ones. */
#define SL_HISTORY 16

struct sl_history_entry {
	uint64_t number;
	time_t when;
	uid_t who;
	char *file;
	char *text;
	size_t size;
	char summary[256];
};

/* Note the running generation. Out of memory: it is not noted. */
void sl_history_note(struct sl_engine *engine, const struct sl_apply_request *request,
		     const char *summary);
/* The same for what was applied, and into the log. */
void sl_history_tell(struct sl_engine *engine, const struct sl_apply_request *request,
		     const struct sl_applied *applied);
/* The i-th, from the oldest on; NULL beyond the last. */
const struct sl_history_entry *sl_history_get(const struct sl_engine *engine, unsigned int i);

#endif
