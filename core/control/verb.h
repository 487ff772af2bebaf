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

/* An option. A verb's table of them ends with one without a name; --help needs no entry. */
struct sl_option {
	int key; /* its letter, or a number from 256 on when it has none */
	const char *name;
	const char
		*value;  /* "FILE", "on|off", "[=SECONDS]": may be left out; NULL: it takes none */
	const char *doc; /* without a full stop */
};

/*
 * One way to write a verb's arguments: "vnf VNF COMMAND [ARGUMENT=VALUE]...". Words in capitals
 * stand for something: completion knows the names that a running sluice has for VNF, COMMAND,
 * PORT, PATH, PLUGIN and GENERATION, the verbs for VERB, and offers files for CHAIN, TEST and
 * FILE. A table of forms ends with one without words.
 */
struct sl_form {
	const char *words;
	const char *doc; /* NULL: not listed in the help */
};

/* What --help, `sluice help`, the manual page and completion are made from. */
struct sl_verb {
	const char *name;
	const char *synopsis;  /* instead of what the tables say; NULL */
	const char *arguments; /* in the usage line, after the options; NULL: that of the form */
	const char *summary;   /* one line, without a full stop */
	const char *help;      /* sentences; an empty line between paragraphs. NULL: none */
	const struct sl_option *options;
	const char *forms_title; /* "Views", when forms have docs */
	const struct sl_form *forms;
	int (*run)(const struct sl_verb *verb, int argc, char **argv);
};

extern const struct sl_verb sl_verb_run, sl_verb_check, sl_verb_schema, sl_verb_show, sl_verb_do,
	sl_verb_plugin, sl_verb_help, sl_verb_version, sl_verb_apply, sl_verb_rollback,
	sl_verb_history, sl_verb_fusion, sl_verb_test, sl_verb_events, sl_verb_capture,
	sl_verb_trace, sl_verb_top, sl_verb_completion, sl_verb_plan, sl_verb_save, sl_verb_restart;
/* All of them, NULL-ended, in the order of `sluice help`. */
extern const struct sl_verb *const sl_verbs[];

/* The verb of that name, or NULL. */
const struct sl_verb *sl_verb_find(const char *name);
/* Say that there is none of that name, and which is meant. by: the verb that was told of it, or
 * NULL. Returns SL_EXIT_WRONG. */
int sl_verb_unknown(const char *by, const char *name);

/* "sluice VERB: ..." and where to find help, on standard error. Returns SL_EXIT_WRONG. */
int sl_verb_misused(const struct sl_verb *verb, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "show [--json] [VIEW]"; the caller frees. */
char *sl_verb_synopsis(const struct sl_verb *verb);
/* Print the help of a verb. Returns SL_EXIT_OK. */
int sl_verb_usage(const struct sl_verb *verb);
/* After all output was written: SL_EXIT_FAILED with a message when it could not be. */
int sl_verb_flush(const struct sl_verb *verb, int status);

/* The options that verbs have in common. */
#define SL_OPT_CONFIG                                            \
	{                                                        \
		'c', "config", "FILE",                           \
			"host file, which names the socket and " \
			"says where plugins are looked for"      \
	}
#define SL_OPT_SOCKET                                                         \
	{                                                                     \
		's', "socket", "FILE", "control socket of the running sluice" \
	}
#define SL_OPT_JSON                                           \
	{                                                     \
		'j', "json", NULL, "print the answer as JSON" \
	}
#define SL_OPT_END           \
	{                    \
		.name = NULL \
	}

/* Whether its value may be left out; then it stands behind a `=`. */
static inline bool sl_option_may(const struct sl_option *option)
{
	return option->value != NULL && option->value[0] == '[';
}

/* What stands between its name and its value. */
static inline const char *sl_option_gap(const struct sl_option *option)
{
	return option->value == NULL || sl_option_may(option) ? "" : " ";
}

/* As getopt_long() with the verb's table: the key of the next option, its value in optarg; 'h' for
 * --help; '?' after a message; -1: there is none, arguments begin at optind. */
int sl_verb_option(const struct sl_verb *verb, int argc, char **argv);

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
