/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include <core/chain/tree.h>
#include <core/host/apply.h>
#include <core/host/log.h>
#include <core/host/run.h>

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

/* From a running engine to a stopped one. */
static int serve(struct sl_engine *engine, const struct sl_run_options *options,
		 const struct sl_run_hooks *hooks, struct sl_errors *errors)
{
	int status = 0;

	if (hooks->started != NULL && hooks->started(hooks->context, engine, errors) != 0)
		return EXIT_FAILED;
	if (sl_engine_drop_privileges(engine, errors) != 0)
		return EXIT_FAILED;
	loop(engine, options, hooks);
	sl_engine_stop(engine);
	if (sl_engine_abandoned(engine))
		status = EXIT_FAILED;
	if (hooks->ended != NULL && hooks->ended(hooks->context, engine) != 0)
		status = EXIT_FAILED;
	return status;
}

static int run(const struct sl_host_config *config, const struct sl_run_options *options,
	       const struct sl_run_hooks *hooks, struct sl_errors *errors)
{
	struct sl_engine engine = {
		.config = config, .event = hooks->event, .event_context = hooks->context};
	struct sl_apply_request first = {.file = options->chain, .why = "", .who = getuid()};
	struct sl_chain *chain;
	int status = EXIT_WRONG;
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
	if (chain != NULL) {
		status = EXIT_FAILED;
		engine.fusion_mode = options->fusion;
		if (sl_engine_start(&engine, chain, errors) == 0) {
			sl_history_note(&engine, &first, "started");
			status = serve(&engine, options, hooks, errors);
		}
	}
	free(text);
	/* Before what the messages may point into is gone. */
	sl_errors_print(errors, stderr);
	if (sl_engine_abandoned(&engine)) {
		fflush(NULL);
		_exit(EXIT_FAILED);
	}
	sl_engine_free(&engine);
	sl_registry_free(engine.registry);
	return status;
}

int sl_run(const struct sl_run_options *options, const struct sl_run_hooks *hooks)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_host_config *config;
	int status = EXIT_WRONG;
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
		status = EXIT_FAILED;
	} else {
		status = run(config, options, hooks, errors);
	}
	sl_log_close();
	sl_host_config_free(config);
	sl_errors_free(errors);
	return status;
}
