/* SPDX-License-Identifier: BSD-3-Clause */
/* The verbs of the program: `sluice VERB ...`. One file each. */
#ifndef CORE_CONTROL_VERB_H
#define CORE_CONTROL_VERB_H

#include <getopt.h>
#include <stdbool.h>

#include <jansson.h>

#include <core/error/errors.h>

/* Exit statuses. */
enum {
	SL_EXIT_OK = 0,
	SL_EXIT_FAILED = 1, /* something did not work */
	SL_EXIT_WRONG = 2,  /* what was given is wrong: arguments, chain or host file */
};

struct sl_verb {
	const char *name;
	const char *synopsis; /* after "sluice " */
	const char *summary;  /* one line */
	const char *help;     /* the rest, whole lines */
	int (*run)(const struct sl_verb *verb, int argc, char **argv);
};

extern const struct sl_verb sl_verb_run, sl_verb_check, sl_verb_schema, sl_verb_show, sl_verb_do,
	sl_verb_plugin, sl_verb_help, sl_verb_version, sl_verb_apply, sl_verb_rollback,
	sl_verb_history, sl_verb_fusion, sl_verb_test, sl_verb_events;
/* All of them, NULL-ended, in the order of `sluice help`. */
extern const struct sl_verb *const sl_verbs[];

/* "sluice VERB: ..." and where to find help, on standard error. Returns SL_EXIT_WRONG. */
int sl_verb_misused(const struct sl_verb *verb, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Print the usage of a verb. Returns SL_EXIT_OK. */
int sl_verb_usage(const struct sl_verb *verb);
/* After all output was written: SL_EXIT_FAILED with a message when it could not be. */
int sl_verb_flush(const struct sl_verb *verb, int status);

/* The options that verbs have in common. */
#define SL_OPTION_HELP                         \
	{                                      \
		"help", no_argument, NULL, 'h' \
	}
#define SL_OPTION_CONFIG                               \
	{                                              \
		"config", required_argument, NULL, 'c' \
	}
#define SL_OPTION_SOCKET                               \
	{                                              \
		"socket", required_argument, NULL, 's' \
	}
#define SL_OPTION_JSON                         \
	{                                      \
		"json", no_argument, NULL, 'j' \
	}
#define SL_OPTION_END            \
	{                        \
		NULL, 0, NULL, 0 \
	}

/* Where a running sluice is reached: --socket, or else what the host file says. The caller frees.
 * NULL with messages. */
char *sl_verb_socket(const char *socket, const char *config, struct sl_errors *errors);
/* "name=value" arguments as a JSON object; a name given twice becomes a list. NULL: one has no
 * "=", which *wrong is. */
json_t *sl_verb_arguments(char *const *args, int count, const char **wrong);
/* Print what an apply changed: see core/control/api_apply.h. */
void sl_verb_changes(const json_t *answer);
/* Print an answer: JSON, or tables. */
void sl_verb_print(const json_t *answer, bool json);

#endif
