/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What verbs that ask a running sluice have in common: the options that say which one, the
 * question, and the end of it all. Messages go to standard error.
 */
#ifndef CORE_CONTROL_ASK_H
#define CORE_CONTROL_ASK_H

#include <core/control/client.h>
#include <core/control/lines.h>
#include <core/control/verb.h>

struct sl_ask {
	const char *socket, *config; /* --socket and --config; NULL: not given */
	bool json;                   /* --json */
	int status;                  /* to exit with, when the verb ends at an option */
};

/* An option that the verb has no other meaning for. false: the verb ends here, with ask->status:
 * it was --help, or wrong. */
bool sl_ask_option(const struct sl_verb *verb, int option, struct sl_ask *ask);
/* All options of a verb that has no others. false: as above. */
bool sl_ask_options(const struct sl_verb *verb, int argc, char **argv, struct sl_ask *ask);
/* All options of a verb whose own ones are parameters of the question: they are added to the path,
 * by their names. The caller frees the path in any case. */
bool sl_ask_query(const struct sl_verb *verb, int argc, char **argv, struct sl_ask *ask,
		  char **path);

/* As sl_client_ask() and sl_client_read(). path NULL: there was no memory for it. */
json_t *sl_ask(const struct sl_ask *ask, const char *path, const json_t *body);
int sl_ask_stream(const struct sl_ask *ask, const char *path, const struct sl_client_sink *sink);
/* An answer that is an object a line. Ends the lines. */
int sl_ask_lines(const struct sl_ask *ask, const char *path, struct sl_lines *lines);

/* Print an answer and let go of it: as JSON, or else by print(); NULL: as tables. No answer is a
 * failure. Returns the verb's exit status. */
int sl_ask_show(const struct sl_verb *verb, const struct sl_ask *ask, json_t *answer,
		void (*print)(const json_t *answer));
/* Ask and show. */
int sl_ask_print(const struct sl_verb *verb, const struct sl_ask *ask, const char *path,
		 const json_t *body, void (*print)(const json_t *answer));

#endif
