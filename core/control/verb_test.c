/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sluice test`: each test runs in a process of its own, as an engine starts once in a process,
 * and so that one that crashes is a test that failed.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <core/control/verb.h>
#include <core/flow/fusion.h>
#include <core/host/config.h>
#include <core/host/log.h>
#include <core/test/drive.h>

#define LONGEST_S   300
#define PACKETS     8192 /* in the pool; normal memory is there as it is touched */
#define MODE_OF_ALL 3    /* --fusion all */

struct options {
	const char *config;
	int fusion; /* enum sl_fusion_mode, MODE_OF_ALL; -1: as each chain says */
	const char *junit;
	bool quiet;
};

struct result {
	int status; /* exit status of the verb, were this the only test */
	double seconds;
	char *output;
	size_t size;
};

/* In the child: what it writes is shown when it failed. */
static int run_here(const char *file, const struct options *options, int fusion)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_host_config *config = sl_host_config_load(options->config, errors);
	struct sl_registry *registry = NULL;
	struct sl_test_case *test = NULL;
	int status = SL_EXIT_WRONG;

	if (config != NULL) {
		config->memory = SL_MEMORY_NORMAL;
		config->memory_mb = 0;
		config->packets = PACKETS;
		config->worker_count = 1;
		registry = sl_registry_new((const char *const *)config->plugin_folders,
					   config->plugin_folder_count);
	}
	if (registry != NULL)
		test = sl_test_case_load(file, registry, (const char *const *)config->vnf_folders,
					 config->vnf_folder_count, errors);
	if (test != NULL) {
		int failures;

		sl_log_open(SL_LOG_ERROR, NULL);
		failures = sl_test_drive(test, config, registry, fusion, stdout, errors);
		status =
			failures == 0 && sl_errors_count(errors) == 0 ? SL_EXIT_OK : SL_EXIT_FAILED;
	}
	fflush(stdout);
	sl_errors_resolve(errors, NULL, NULL);
	if (status != SL_EXIT_OK)
		sl_errors_print(errors, stderr);
	sl_test_case_free(test);
	sl_errors_free(errors);
	sl_registry_free(registry);
	sl_host_config_free(config);
	return status;
}

static void read_output(int fd, struct result *result)
{
	FILE *all = open_memstream(&result->output, &result->size);
	char part[4096];
	ssize_t got;

	while (all != NULL &&
	       ((got = read(fd, part, sizeof(part))) > 0 || (got < 0 && errno == EINTR)))
		if (got > 0)
			fwrite(part, 1, (size_t)got, all);
	if (all != NULL)
		fclose(all);
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void add_line(struct result *result, const char *line)
{
	char *text = NULL;

	if (asprintf(&text, "%s    %s\n", result->output != NULL ? result->output : "", line) < 0)
		return;
	free(result->output);
	result->output = text;
	result->size = strlen(text);
}

/* Run one test in a child. */
static void run_apart(const char *file, const struct options *options, int fusion,
		      struct result *result)
{
	double began = seconds_now();
	int ends[2], status;
	pid_t child;

	*result = (struct result){.status = SL_EXIT_FAILED};
	fflush(NULL);
	if (pipe(ends) != 0) {
		add_line(result, strerror(errno));
		return;
	}
	child = fork();
	if (child == 0) {
		alarm(LONGEST_S);
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		status = run_here(file, options, fusion);
		fflush(NULL);
		_exit(status);
	}
	close(ends[1]);
	if (child > 0) {
		read_output(ends[0], result);
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		if (WIFEXITED(status))
			result->status = WEXITSTATUS(status);
		else if (WTERMSIG(status) == SIGALRM)
			add_line(result, "still running after 5 minutes");
		else
			add_line(result, strsignal(WTERMSIG(status)));
	} else {
		add_line(result, strerror(errno));
	}
	close(ends[0]);
	result->seconds = seconds_now() - began;
}

/* Text in XML. */
static void put_text(const char *text, FILE *out)
{
	for (; text != NULL && *text != '\0'; text++) {
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '"')
			fputs("&quot;", out);
		else if ((unsigned char)*text >= ' ' || *text == '\n' || *text == '\t')
			fputc(*text, out);
		else
			fputc('?', out);
	}
}

static void put_case(const char *file, const char *mode, const struct result *result, FILE *out)
{
	fputs("  <testcase classname=\"sluice\" name=\"", out);
	put_text(file, out);
	if (mode != NULL)
		fprintf(out, " (fusion %s)", mode);
	fprintf(out, "\" time=\"%.3f\">", result->seconds);
	if (result->status != SL_EXIT_OK) {
		fprintf(out, "<%s>", result->status == SL_EXIT_WRONG ? "error" : "failure");
		put_text(result->output, out);
		fprintf(out, "</%s>", result->status == SL_EXIT_WRONG ? "error" : "failure");
	}
	fputs("</testcase>\n", out);
}

static void show(const char *file, const char *mode, const struct result *result,
		 const struct options *options)
{
	if (options->quiet && result->status == SL_EXIT_OK)
		return;
	printf("%s %s", result->status == SL_EXIT_OK ? "ok    " : "FAILED", file);
	if (mode != NULL)
		printf(" (fusion %s)", mode);
	printf(" %.1f s\n", result->seconds);
	if (result->status != SL_EXIT_OK && result->output != NULL)
		fputs(result->output, stdout);
	fflush(stdout);
}

static int test_all(char *const *files, int count, const struct options *options)
{
	static const int every[] = {SL_FUSION_OFF, SL_FUSION_ON, SL_FUSION_VERIFY};
	const int *modes = options->fusion == MODE_OF_ALL ? every : &options->fusion;
	int mode_count = options->fusion == MODE_OF_ALL ? 3 : 1;
	int passed = 0, failed = 0, status = SL_EXIT_OK;
	char *cases = NULL;
	size_t size = 0;
	FILE *junit = open_memstream(&cases, &size), *out;

	for (int i = 0; junit != NULL && i < count; i++) {
		for (int m = 0; m < mode_count; m++) {
			const char *mode =
				modes[m] < 0 ? NULL : sl_fusion_mode_name((unsigned int)modes[m]);
			struct result result;

			run_apart(files[i], options, modes[m], &result);
			show(files[i], mode, &result, options);
			put_case(files[i], mode, &result, junit);
			passed += result.status == SL_EXIT_OK;
			failed += result.status != SL_EXIT_OK;
			if (result.status > status)
				status = result.status;
			free(result.output);
		}
	}
	if (junit == NULL || fclose(junit) != 0)
		status = SL_EXIT_FAILED;
	printf("%d passed, %d failed\n", passed, failed);
	if (options->junit != NULL) {
		out = fopen(options->junit, "we");
		if (out == NULL ||
		    fprintf(out,
			    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite "
			    "name=\"sluice\" tests=\"%d\" failures=\"%d\">\n%s</testsuite>\n",
			    passed + failed, failed, cases != NULL ? cases : "") < 0 ||
		    fclose(out) != 0) {
			fprintf(stderr, "sluice test: %s: %s\n", options->junit, strerror(errno));
			status = SL_EXIT_FAILED;
		}
	}
	free(cases);
	return status;
}

enum {
	FUSION = 256,
	JUNIT,
};

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	struct options options = {.fusion = -1};
	int option;

	while ((option = sl_verb_option(verb, argc, argv)) != -1) {
		switch (option) {
		case 'c':
			options.config = optarg;
			break;
		case FUSION:
			options.fusion = strcmp(optarg, "all") == 0 ? MODE_OF_ALL
								    : sl_fusion_mode_of(optarg);
			if (options.fusion < 0)
				return sl_verb_misused(
					verb,
					"--fusion %s: expected `on`, `off`, `verify` "
					"or `all`",
					optarg);
			break;
		case JUNIT:
			options.junit = optarg;
			break;
		case 'q':
			options.quiet = true;
			break;
		case 'h':
			return sl_verb_usage(verb);
		default:
			return SL_EXIT_WRONG;
		}
	}
	if (optind == argc)
		return sl_verb_misused(verb, "name a test file");
	return sl_verb_flush(verb, test_all(argv + optind, argc - optind, &options));
}

static const struct sl_option options[] = {
	SL_OPT_CONFIG,
	{FUSION, "fusion", "on|off|verify|all",
	 "how flows are fused, whatever the chain says; all: each of them"},
	{JUNIT, "junit", "FILE", "also write the results as JUnit XML"},
	{'q', "quiet", NULL, "show nothing but failures and the sum"},
	SL_OPT_END,
};

static const struct sl_form forms[] = {
	{"TEST...", NULL},
	{NULL, NULL},
};

const struct sl_verb sl_verb_test = {
	.name = "test",
	.summary = "Send packets through a chain and compare what comes out",
	.help = "Each TEST is a YAML file with a chain, the packets that come in, and what "
		"must come out or be dropped; docs/testing-chains.md describes it. The "
		"chain's ports are replaced by ones in memory, so that neither root nor "
		"hugepages nor devices are needed. Exit status 0 when all is as expected, 1 "
		"when not, 2 when a file is wrong.",
	.options = options,
	.forms = forms,
	.run = run,
};
