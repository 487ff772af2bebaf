/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <core/chain/values.h>
#include <core/control/live.h>
#include <core/control/metrics_server.h>
#include <core/control/report.h>
#include <core/control/server.h>
#include <core/control/stats_file.h>
#include <core/control/telemetry.h>
#include <core/control/upgrade.h>
#include <core/control/verb.h>
#include <core/flow/fusion.h>
#include <core/host/hand_over.h>
#include <core/host/listen.h>
#include <core/host/run.h>

/* What the hooks share. */
struct context {
	const char *stats;   /* path, or NULL */
	const char *metrics; /* TCP address; NULL: what the host file says */
	bool quiet;
	struct sl_live *live;
	struct sl_stats_file *file;
	struct sl_server *server;
	const char *from; /* control socket of the sluice to take over from, or NULL */
	struct sl_metrics_server *metrics_server;
};

/* Whether the socket that was taken over is the one that ours shall be, however it is called. */
static bool has_taken(const struct context *c, const struct sl_engine *engine)
{
	struct stat from, own;

	return engine->control >= 0 && stat(c->from, &from) == 0 &&
	       stat(engine->config->socket, &own) == 0 && from.st_dev == own.st_dev &&
	       from.st_ino == own.st_ino;
}

static int started(void *context, struct sl_engine *engine, struct sl_errors *errors)
{
	const struct sl_host_config *config = engine->config;
	struct context *c = context;
	const char *metrics = c->metrics != NULL ? c->metrics : config->metrics;

	if (c->stats != NULL) {
		c->file = sl_stats_file_open(c->stats,
					     config->user != NULL || config->group != NULL, errors);
		if (c->file == NULL)
			return -EIO;
	}
	if (config->socket != NULL && config->socket[0] != '\0') {
		const struct sl_server_conf conf = {
			.path = config->socket,
			.mode = config->socket_mode,
			.group = config->socket_group,
			.admins = config->admins,
			.readers = config->readers,
			.listening = has_taken(c, engine) ? &engine->control : NULL,
		};

		c->server = sl_server_new(engine, &conf, errors);
		if (c->server == NULL)
			return -EIO;
	}
	if (metrics != NULL) {
		c->metrics_server = sl_metrics_server_new(engine, metrics, c->from != NULL, errors);
		if (c->metrics_server == NULL)
			return -EIO;
	}
	if (config->telemetry && sl_telemetry_open(errors) != 0)
		return -EIO;
	if (!c->quiet)
		c->live = sl_live_new();
	return 0;
}

static int connect_to(void *context, struct sl_errors *errors)
{
	const struct context *c = context;

	return sl_client_upgrade(c->from, SL_HAND_OVER_PATH, SL_HAND_OVER_PROTOCOL, errors);
}

static int server_fd(void *context)
{
	const struct context *c = context;

	return c->server != NULL ? sl_server_fd(c->server) : -1;
}

static void poll(void *context, struct sl_engine *engine)
{
	struct context *c = context;

	if (c->server != NULL)
		sl_server_poll(c->server);
	sl_metrics_server_poll(c->metrics_server);
	sl_telemetry_poll(engine);
}

static void second(void *context, struct sl_engine *engine)
{
	struct context *c = context;

	if (c->live != NULL)
		sl_live_second(c->live, engine);
}

/* Last chance to look at the counters, and to say that they could not be written. */
static int ended(void *context, struct sl_engine *engine)
{
	struct context *c = context;
	struct sl_errors *errors;
	json_t *stats;
	int error = 0;

	sl_telemetry_close();
	if (c->live != NULL)
		sl_live_end(c->live, engine);
	if (c->server != NULL)
		sl_server_finish(c->server);
	if (c->file == NULL)
		return 0;
	errors = sl_errors_new();
	stats = sl_report_stats(engine);
	if (stats != NULL)
		error = sl_stats_file_write(c->file, stats, errors);
	else
		error = sl_fail(errors, ENOMEM, "--stats %s: out of memory", c->stats);
	json_decref(stats);
	sl_errors_print(errors, stderr);
	sl_errors_free(errors);
	return error;
}

/* "10" and "10 s", "2 min", ... to milliseconds. */
static bool read_duration(const char *text, uint64_t *milliseconds)
{
	static const struct sl_param duration = {.name = "duration", .kind = SL_DURATION};
	char with_unit[64];
	uint64_t nanoseconds;

	snprintf(with_unit, sizeof(with_unit), "%s%s", text,
		 strspn(text, "0123456789") == strlen(text) ? " s" : "");
	if (sl_value_parse(&duration, with_unit, &nanoseconds) != 0 || nanoseconds < 1000000)
		return false;
	*milliseconds = nanoseconds / 1000000;
	return true;
}

static int start(const struct sl_verb *verb, const struct sl_run_options *options,
		 struct context *context)
{
	const struct sl_run_hooks hooks = {
		.context = context,
		.started = started,
		.connect = connect_to,
		.fd = server_fd,
		.poll = poll,
		.second = second,
		.ended = ended,
	};
	int status = sl_run(options, &hooks);

	sl_server_free(context->server);
	sl_metrics_server_free(context->metrics_server);
	sl_stats_file_close(context->file);
	sl_live_free(context->live);
	return sl_verb_flush(verb, status);
}

enum {
	KEEP_RUNNING = 256,
	FUSION,
	RESTORE,
	RESTORE_OR_EMPTY,
	TAKE_OVER,
	METRICS,
};

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	struct sl_run_options run_options = {.fusion = -1};
	struct context context = {0};
	union sl_listen address;
	int option;

	while ((option = sl_verb_option(verb, argc, argv)) != -1) {
		switch (option) {
		case 'c':
			run_options.config = optarg;
			break;
		case 's':
			context.stats = optarg;
			break;
		case 'd':
			if (!read_duration(optarg, &run_options.duration_ms))
				return sl_verb_misused(verb,
						       "--duration %s: expected `10 s`, `500 ms`, "
						       "`2 min`, ... of at least 1 ms",
						       optarg);
			break;
		case KEEP_RUNNING:
			run_options.ignore_drained = true;
			break;
		case FUSION:
			run_options.fusion = sl_fusion_mode_of(optarg);
			if (run_options.fusion < 0)
				return sl_verb_misused(verb,
						       "--fusion %s: expected `on`, `off` or "
						       "`verify`",
						       optarg);
			break;
		case RESTORE:
		case RESTORE_OR_EMPTY:
			run_options.restore = optarg;
			run_options.or_empty = option == RESTORE_OR_EMPTY;
			break;
		case TAKE_OVER:
			run_options.take_over = true;
			context.from = optarg;
			break;
		case METRICS:
			if (!sl_listen_parse(optarg, &address))
				return sl_verb_misused(verb,
						       "--metrics %s: expected ADDRESS:PORT, such "
						       "as `127.0.0.1:9469` or `[::1]:9469`",
						       optarg);
			context.metrics = optarg;
			break;
		case 'q':
			context.quiet = true;
			break;
		case 'h':
			return sl_verb_usage(verb);
		default:
			return SL_EXIT_WRONG;
		}
	}
	if (argc - optind != 1)
		return sl_verb_misused(verb, "name one chain file");
	if (run_options.take_over && run_options.restore != NULL)
		return sl_verb_misused(verb,
				       "--take-over brings the state along: --restore does not "
				       "go with it");
	run_options.chain = argv[optind];
	return start(verb, &run_options, &context);
}

static const struct sl_option options[] = {
	SL_OPT_CONFIG,
	{'s', "stats", "FILE", "write all counters as JSON at the end (-: standard output)"},
	{'d', "duration", "TIME", "end after so long: `10 s`, `500 ms`, `2 min`"},
	{KEEP_RUNNING, "keep-running", NULL, "go on when all captures have been read"},
	{FUSION, "fusion", "on|off|verify", "how flows are fused, whatever the chain file says"},
	{RESTORE, "restore", "FILE",
	 "begin with what `sluice save` wrote; without a good file nothing is started"},
	{RESTORE_OR_EMPTY, "restore-or-empty", "FILE",
	 "the same, but without a good file begin with nothing"},
	{TAKE_OVER, "take-over", "SOCKET",
	 "take over ports and state of the sluice whose control socket that is, which then ends"},
	{METRICS, "metrics", "ADDRESS:PORT", "serve /metrics to Prometheus there, too"},
	{'q', "quiet", NULL, "show no counters, neither meanwhile nor at the end"},
	SL_OPT_END,
};

static const struct sl_form forms[] = {
	{"CHAIN", NULL},
	{NULL, NULL},
};

const struct sl_verb sl_verb_run = {
	.name = "run",
	.summary = "Run a chain",
	.help = "Shows a table of all hops, redrawn each second on a terminal; a line a "
		"second elsewhere. Ends at SIGTERM or SIGINT, when the time is over, or when "
		"all inputs are captures that have been read; what is inside is let out "
		"first.",
	.options = options,
	.forms = forms,
	.run = run,
};
