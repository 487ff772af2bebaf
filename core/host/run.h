/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sluice run`: load, start, poll until told to end, drain, stop. What is shown meanwhile and who
 * is answered over the socket is up to the caller's hooks, which all run on the main thread.
 */
#ifndef CORE_HOST_RUN_H
#define CORE_HOST_RUN_H

#include <core/host/engine.h>

struct sl_run_options {
	const char *chain;    /* file */
	const char *config;   /* host file; NULL: see sl_host_config_load() */
	uint64_t duration_ms; /* end after so long; 0: when drained or told to */
	int fusion;           /* enum sl_fusion_mode instead of the chain's; -1: the chain's */
	bool ignore_drained;  /* go on when all inputs are drained */
	const char *restore;  /* file of `sluice save` to begin with; NULL: none */
	bool or_empty;        /* begin with nothing when that file is not there or no good */
	/* Take over from a running sluice: connect() of the hooks reaches it. */
	bool take_over;
};

/* Any may be NULL. context is the caller's own. */
struct sl_run_hooks {
	void *context;
	/* Everything runs, privileges are not dropped yet: the place to bind sockets. Not 0 ends
	 * the run (with the errors printed). */
	int (*started)(void *context, struct sl_engine *engine, struct sl_errors *errors);
	/* Connect to the sluice to take over from; see core/host/hand_over.h. The descriptor, or
	 * -errno with messages. Only with sl_run_options.take_over. */
	int (*connect)(void *context, struct sl_errors *errors);
	/* A file that wakes the main thread when it can be read (of an epoll, say); -1: none. */
	int (*fd)(void *context);
	/* Each round of the main thread: at least every few milliseconds. */
	void (*poll)(void *context, struct sl_engine *engine);
	/* About once a second. */
	void (*second)(void *context, struct sl_engine *engine);
	/* An event of a plugin: JSON of one line, without a newline. NULL: goes to the log. */
	void (*event)(void *context, struct sl_engine *engine, const char *line);
	/* All workers have stopped; counters can still be read. Last table, --stats file. Not 0
	 * makes the run fail. */
	int (*ended)(void *context, struct sl_engine *engine);
};

/* Exit status of the process: 0, 1 (something failed), 2 (the chain or host file is wrong). */
int sl_run(const struct sl_run_options *options, const struct sl_run_hooks *hooks);

#endif
