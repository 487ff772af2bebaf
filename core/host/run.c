/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include <core/chain/tree.h>
#include <core/host/apply.h>
#include <core/host/hand_over.h>
#include <core/host/log.h>
#include <core/host/run.h>
#include <core/host/save.h>

/* The main thread looks for work this often: what an ARP request waits at most. */
#define ROUND_US 1000

#define EXIT_FAILED 1
#define EXIT_WRONG  2

static enum sl_log_level level_of(const char *word)
{
	for (int i = 0; sl_log_levels[i] != NULL; i++)
		if (strcmp(sl_log_levels[i], word) == 0)
			return (enum sl_log_level)i;
	return SL_LOG_INFO;
}

static void loop(struct sl_engine *engine, const struct sl_run_options *options,
		 const struct sl_run_hooks *hooks)
{
	uint64_t hz = rte_get_tsc_hz(), next = engine->started + hz;
	uint64_t end = engine->started + hz / 1000 * options->duration_ms;
	int fd = hooks->fd != NULL ? hooks->fd(hooks->context) : -1;

	while (!engine->stop_asked) {
		uint64_t now;

		sl_engine_poll(engine, ROUND_US, fd);
		if (hooks->poll != NULL)
			hooks->poll(hooks->context, engine);
		now = rte_rdtsc();
		if (now >= next) {
			next += hz;
			if (now >= next) /* it was held up: do not catch up */
				next = now + hz;
			if (hooks->second != NULL)
				hooks->second(hooks->context, engine);
		}
		if (options->duration_ms != 0 && now >= end)
			return;
		if (!options->ignore_drained && sl_engine_drained(engine))
			return;
	}
}

/*
 * What it begins with
 */

struct beginning {
	int file; /* -1: none */
	struct sl_saved *saved;
	struct sl_take_over *take;
};

/* The user that sluice runs as may have written the file. */
static uid_t own_user(const struct sl_host_config *config)
{
	const struct passwd *user = config->user != NULL ? getpwnam(config->user) : NULL;

	return user != NULL ? user->pw_uid : (uid_t)-1;
}

static int open_saved(struct beginning *begin, const struct sl_host_config *config,
		      const struct sl_run_options *options, struct sl_errors *errors)
{
	begin->file = sl_saved_file_open(options->restore, own_user(config), errors);
	if (begin->file >= 0)
		begin->saved = sl_saved_open(begin->file, options->restore, errors);
	return begin->saved != NULL ? 0 : -EINVAL;
}

/* Before anything is touched: a file that is no good is to be known at once. */
static int begin(struct beginning *begin, const struct sl_host_config *config,
		 const struct sl_run_options *options, const struct sl_run_hooks *hooks,
		 struct sl_errors *errors)
{
	struct sl_errors *why;
	int err;

	if (options->take_over) {
		begin->take = sl_take_over_new(hooks->connect, hooks->context);
		return begin->take != NULL ? 0 : sl_fail(errors, ENOMEM, "out of memory");
	}
	if (options->restore == NULL)
		return 0;
	if (!options->or_empty) {
		err = open_saved(begin, config, options, errors);
		if (err != 0)
			sl_note_place(
				errors, (struct sl_place){.file = NULL},
				"nothing was started; --restore-or-empty starts with nothing "
				"when there is no good file, and without an option no file is "
				"looked for");
		return err;
	}
	why = sl_errors_new();
	if (why != NULL && open_saved(begin, config, options, why) != 0)
		sl_log(SL_LOG_WARNING, "%s; starting with nothing", sl_errors_get(why, 0)->text);
	sl_errors_free(why);
	return 0;
}

static void begin_end(struct beginning *begin)
{
	sl_take_over_free(begin->take);
	sl_saved_free(begin->saved);
	if (begin->file >= 0)
		close(begin->file);
}

/* The chain is the engine's. With a hand-over it is not launched yet. */
static int start(struct sl_engine *engine, struct sl_chain *chain, const struct beginning *begin,
		 struct sl_errors *errors)
{
	int err = sl_engine_open(engine, chain, errors);

	if (err == 0 && begin->take != NULL) {
		err = sl_take_over_state(begin->take, engine, errors);
		engine->control = sl_take_over_control(begin->take);
		return err;
	}
	if (err == 0)
		err = sl_engine_build(engine, errors);
	if (err == 0 && begin->saved != NULL)
		err = sl_engine_restore(engine, begin->saved, errors);
	return err == 0 ? sl_engine_launch(engine, errors) : err;
}

/* From a started engine to a stopped one. */
static int serve(struct sl_engine *engine, const struct sl_run_options *options,
		 const struct sl_run_hooks *hooks, struct sl_take_over *take,
		 struct sl_errors *errors)
{
	int status = 0;

	if (hooks->started != NULL && hooks->started(hooks->context, engine, errors) != 0)
		return EXIT_FAILED;
	if (sl_engine_drop_privileges(engine, errors) != 0)
		return EXIT_FAILED;
	if (take != NULL && sl_take_over_finish(take, engine, errors) != 0)
		return EXIT_FAILED;
	loop(engine, options, hooks);
	sl_engine_stop(engine);
	if (sl_engine_abandoned(engine))
		status = EXIT_FAILED;
	if (hooks->ended != NULL && hooks->ended(hooks->context, engine) != 0)
		status = EXIT_FAILED;
	return status;
}

/* With a chain, or NULL: it was not good. */
static int run_chain(struct sl_engine *engine, struct sl_chain *chain,
		     const struct sl_apply_request *first, const struct beginning *begin,
		     const struct sl_run_options *options, const struct sl_run_hooks *hooks,
		     struct sl_errors *errors)
{
	if (chain == NULL)
		return EXIT_WRONG;
	engine->fusion_mode = options->fusion;
	if (start(engine, chain, begin, errors) != 0)
		return EXIT_FAILED;
	sl_history_note(engine, first, "started");
	return serve(engine, options, hooks, begin->take, errors);
}

static int run(const struct sl_host_config *config, const struct sl_run_options *options,
	       const struct sl_run_hooks *hooks, struct beginning *beginning,
	       struct sl_errors *errors)
{
	struct sl_engine engine = {.config = config,
				   .event = hooks->event,
				   .event_context = hooks->context,
				   .control = -1};
	struct sl_apply_request first = {.file = options->chain, .why = "", .who = getuid()};
	struct sl_chain *chain;
	int status;
	char *text;

	engine.registry = sl_registry_new((const char *const *)config->plugin_folders,
					  config->plugin_folder_count);
	if (engine.registry == NULL) {
		sl_fail(errors, ENOMEM, "out of memory");
		return EXIT_FAILED;
	}
	first.text = text = sl_file_read(options->chain, &first.size, errors);
	chain = text == NULL
			? NULL
			: sl_chain_load_bytes(options->chain, text, first.size, engine.registry,
					      (const char *const *)config->vnf_folders,
					      config->vnf_folder_count, errors);
	status = run_chain(&engine, chain, &first, beginning, options, hooks, errors);
	free(text);
	/* Before what the messages may point into is gone. */
	sl_errors_print(errors, stderr);
	if (sl_engine_abandoned(&engine)) {
		fflush(NULL);
		_exit(EXIT_FAILED);
	}
	if (engine.control >= 0)
		close(engine.control);
	sl_engine_free(&engine);
	sl_registry_free(engine.registry);
	return status;
}

int sl_run(const struct sl_run_options *options, const struct sl_run_hooks *hooks)
{
	struct sl_errors *errors = sl_errors_new();
	struct beginning beginning = {.file = -1};
	struct sl_host_config *config;
	int status = EXIT_FAILED;
	int err;

	if (errors == NULL)
		return EXIT_FAILED;
	config = sl_host_config_load(options->config, errors);
	if (config == NULL) {
		sl_errors_print(errors, stderr);
		sl_errors_free(errors);
		return EXIT_WRONG;
	}
	err = sl_log_open(level_of(config->log_level), config->log_file);
	if (err != 0) {
		fprintf(stderr, "%s: cannot be written: %s\n", config->log_file, strerror(-err));
	} else if (begin(&beginning, config, options, hooks, errors) != 0) {
		sl_errors_print(errors, stderr);
	} else {
		status = run(config, options, hooks, &beginning, errors);
	}
	/* Only now that the ports are closed may another process have them back. */
	begin_end(&beginning);
	sl_log_close();
	sl_host_config_free(config);
	sl_errors_free(errors);
	return status;
}
