/* SPDX-License-Identifier: BSD-3-Clause */
/* `sluice plan`: what a chain will cost, before it is deployed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include <core/control/show_plan.h>
#include <core/control/verb.h>
#include <core/forecast/forecast.h>
#include <core/forecast/measure.h>
#include <core/plugin/instance.h>

#define LEAST_FRAME 64
#define MOST_FRAME  9216
#define MOST_FLOWS  16000000

struct options {
	const char *config, *costs, *traffic;
	uint64_t flows[SL_FORECAST_FLOWS];
	unsigned int flow_count, bytes, workers;
	bool measure, json;
};

/* What a prediction is made of. */
struct work {
	const struct options *options;
	struct sl_errors *errors;
	struct sl_host_config *host;
	struct sl_registry *registry;
	struct sl_chain *chain;
	struct sl_plan *plan;
	struct sl_costs *costs;
	char *file; /* of the own table; NULL: nowhere */
	unsigned int cores[SL_MAX_WORKERS];
};

static void progress(const char *what)
{
	fprintf(stderr, "%s\n", what);
}

static struct sl_measure_conf measuring(const struct work *work, bool all)
{
	struct sl_measure_conf conf = {
		.host = work->host,
		.registry = work->registry,
		.chain = work->chain,
		.bytes = work->options->bytes,
		.traffic = work->options->traffic,
		.hugepages = all,
		.all = all,
		.progress = progress,
	};

	for (unsigned int i = 0; i < work->options->flow_count; i++)
		if ((double)work->options->flows[i] > conf.most_flows)
			conf.most_flows = (double)work->options->flows[i];
	return conf;
}

/* What the table lacks; with `all`, everything. The engine's own hops lack together. */
static int measure(struct work *work, bool all)
{
	struct sl_measure_conf conf = measuring(work, all);
	unsigned int before = work->costs->count;
	int err = 0;

	if (all || sl_costs_find(work->costs, "engine/fuse", "", "", conf.bytes) == NULL)
		err = sl_measure_engine(&conf, work->costs, work->errors);
	for (unsigned int i = 0; err == 0 && i < work->chain->steering_count; i++)
		err = sl_measure_steering(&conf, &work->chain->steerings[i], work->costs,
					  work->errors);
	for (unsigned int i = 0; err == 0 && i < work->chain->path_count; i++)
		err = sl_measure_path(&conf, i, work->costs, work->errors);
	if (err == 0 && work->file != NULL && (all || work->costs->count != before))
		err = sl_costs_save(work->costs, work->file, work->errors);
	return err;
}

/* Workers run on the host file's cores, and, when more are asked for, on those behind them. */
static int choose_cores(struct work *work)
{
	const struct sl_chain *chain = work->chain;
	unsigned int have = work->host->worker_count;
	unsigned int workers = work->options->workers != 0 ? work->options->workers : have;

	for (unsigned int i = 0; i < workers; i++)
		work->cores[i] = i < have ? work->host->worker_cores[i] : work->cores[i - 1] + 1;
	for (unsigned int v = 0; v < chain->vnf_count; v++) {
		for (unsigned int c = 0; c < chain->vnfs[v].core_count; c++) {
			bool found = false;

			for (unsigned int i = 0; i < workers; i++)
				found |= work->cores[i] == chain->vnfs[v].cores[c];
			if (!found)
				sl_fail_place(work->errors, EINVAL, chain->vnfs[v].place,
					      "vnf `%s`: none of %u workers runs on core %u",
					      chain->vnfs[v].name, workers,
					      chain->vnfs[v].cores[c]);
		}
	}
	return sl_errors_count(work->errors) == 0 ? 0 : -EINVAL;
}

/* EAL, which knows it, does not run here. */
static double tsc_hz(void)
{
	struct timespec before, after, wait = {.tv_nsec = 20000000};
	uint64_t first, last;

	clock_gettime(CLOCK_MONOTONIC_RAW, &before);
	first = rte_rdtsc();
	nanosleep(&wait, NULL);
	clock_gettime(CLOCK_MONOTONIC_RAW, &after);
	last = rte_rdtsc();
	return (double)(last - first) / ((double)(after.tv_sec - before.tv_sec) +
					 (double)(after.tv_nsec - before.tv_nsec) / 1e9);
}

static int show(const struct work *work)
{
	struct sl_forecast_conf conf = {
		.chain = work->chain,
		.plan = work->plan,
		.costs = work->costs,
		.flow_count = work->options->flow_count,
		.bytes = work->options->bytes,
		.cores = work->cores,
		.workers = work->options->workers != 0 ? work->options->workers
						       : work->host->worker_count,
		.hz = tsc_hz(),
	};
	json_t *forecast;

	memcpy(conf.flows, work->options->flows, sizeof(conf.flows));
	forecast = sl_forecast(&conf);
	if (forecast == NULL)
		return sl_fail(work->errors, ENOMEM, "out of memory");
	json_object_set_new(forecast, "default_machine", json_string(work->costs->shipped));
	if (work->options->json)
		sl_verb_print(forecast, true);
	else
		sl_show_plan(forecast);
	json_decref(forecast);
	return 0;
}

static int plan_chain(struct work *work, const char *file)
{
	const struct sl_host_config *host;
	int err;

	work->host = sl_host_config_load(work->options->config, work->errors);
	if (work->host == NULL)
		return SL_EXIT_WRONG;
	host = work->host;
	work->registry = sl_registry_new((const char *const *)host->plugin_folders,
					 host->plugin_folder_count);
	if (work->registry != NULL)
		work->chain =
			sl_chain_load(file, work->registry, (const char *const *)host->vnf_folders,
				      host->vnf_folder_count, work->errors);
	if (work->chain != NULL)
		work->plan = sl_plan_new(work->chain, work->errors);
	if (work->plan == NULL || choose_cores(work) != 0)
		return SL_EXIT_WRONG;
	work->file = work->options->costs != NULL ? strdup(work->options->costs) : sl_costs_file();
	work->costs = sl_costs_load((const char *const *)host->plugin_folders,
				    host->plugin_folder_count, work->file, work->errors);
	if (work->costs == NULL)
		return SL_EXIT_WRONG;
	err = measure(work, work->options->measure);
	if (err == 0)
		err = show(work);
	return err == 0 ? SL_EXIT_OK : SL_EXIT_FAILED;
}

static int plan_file(const char *file, const struct options *options)
{
	struct work work = {.options = options, .errors = sl_errors_new()};
	int status = plan_chain(&work, file);

	sl_errors_resolve(work.errors, NULL, NULL);
	sl_errors_print(work.errors, stderr);
	sl_costs_free(work.costs);
	sl_plan_free(work.plan);
	sl_chain_free(work.chain);
	sl_registry_free(work.registry);
	sl_host_config_free(work.host);
	sl_errors_free(work.errors);
	free(work.file);
	return status;
}

/* "64", "10k", "1M" */
static bool read_number(const char *text, const char **end, uint64_t least, uint64_t most,
			uint64_t *number)
{
	char *after;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &after, 10);
	if (errno != 0 || *number > most)
		return false;
	if (*after == 'k' || *after == 'M')
		*number *= *after++ == 'k' ? 1000 : 1000000;
	*end = after;
	return *number >= least && *number <= most;
}

static bool read_one(const char *text, uint64_t least, uint64_t most, unsigned int *number)
{
	const char *end;
	uint64_t value;

	if (!read_number(text, &end, least, most, &value) || *end != '\0')
		return false;
	*number = (unsigned int)value;
	return true;
}

static bool read_flows(struct options *options, const char *text)
{
	for (options->flow_count = 0; options->flow_count < SL_FORECAST_FLOWS;) {
		if (!read_number(text, &text, 1, MOST_FLOWS, &options->flows[options->flow_count]))
			return false;
		options->flow_count++;
		if (*text == '\0')
			return true;
		if (*text++ != ',')
			return false;
	}
	return false;
}

enum { FLOWS = 256, FRAME, WORKERS, TRAFFIC, COSTS };

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	struct options options = {
		.flows = {1000, 10000, 1000000}, .flow_count = 3, .bytes = LEAST_FRAME};
	int option;

	while ((option = sl_verb_option(verb, argc, argv)) != -1) {
		switch (option) {
		case 'c':
			options.config = optarg;
			break;
		case FLOWS:
			if (!read_flows(&options, optarg))
				return sl_verb_misused(
					verb,
					"--flows %s: expected up to %d numbers of 1 to 16M, "
					"such as `1k,10k,1M`",
					optarg, SL_FORECAST_FLOWS);
			break;
		case FRAME:
			if (!read_one(optarg, LEAST_FRAME, MOST_FRAME, &options.bytes))
				return sl_verb_misused(verb, "--frame %s: expected %d to %d bytes",
						       optarg, LEAST_FRAME, MOST_FRAME);
			break;
		case WORKERS:
			if (!read_one(optarg, 1, SL_MAX_WORKERS, &options.workers))
				return sl_verb_misused(verb, "--workers %s: expected 1 to %d",
						       optarg, SL_MAX_WORKERS);
			break;
		case TRAFFIC:
			options.traffic = optarg;
			break;
		case COSTS:
			options.costs = optarg;
			break;
		case 'm':
			options.measure = true;
			break;
		case 'j':
			options.json = true;
			break;
		case 'h':
			return sl_verb_usage(verb);
		default:
			return SL_EXIT_WRONG;
		}
	}
	if (optind == argc)
		return sl_verb_misused(verb, "name a chain file");
	if (argc - optind > 1)
		return sl_verb_misused(verb, "`%s`: one chain at a time", argv[optind + 1]);
	return sl_verb_flush(verb, plan_file(argv[optind], &options));
}

static const struct sl_option option_table[] = {
	SL_OPT_CONFIG,
	{FLOWS, "flows", "LIST", "numbers of flows (default 1k,10k,1M)"},
	{FRAME, "frame", "BYTES", "length of frames (default 64)"},
	{WORKERS, "workers", "NUMBER", "predict for so many workers (default: the host file's)"},
	{'m', "measure", NULL,
	 "measure the engine and the chain's functions now, with their parameters, and keep it in "
	 "the table"},
	{TRAFFIC, "traffic", "TEXT",
	 "what to measure with, as of a generator port: `src: 10.0.0.0/8, dport: 443`"},
	{COSTS, "costs", "FILE", "the table (default $XDG_CACHE_HOME/sluice/costs.json)"},
	SL_OPT_JSON,
	SL_OPT_END,
};

static const struct sl_form forms[] = {
	{"CHAIN", NULL},
	{NULL, NULL},
};

const struct sl_verb sl_verb_plan = {
	.name = "plan",
	.summary = "Predict the cycles a packet of a chain, and packets a second",
	.help = "The sum of what the parts of each path cost, by a table: measured on this "
		"machine, or else shipped. What is in neither is measured at once, which needs no "
		"root, hugepages or devices.",
	.options = option_table,
	.forms = forms,
	.run = run,
};
