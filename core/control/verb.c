/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/table.h>
#include <core/control/verb.h>
#include <core/host/config.h>

/* One a line, so that adding one changes one. */
/* clang-format off */
const struct sl_verb *const sl_verbs[] = {
	&sl_verb_run,
	&sl_verb_check,
	&sl_verb_test,
	&sl_verb_plan,
	&sl_verb_save,
	&sl_verb_schema,
	&sl_verb_show,
	&sl_verb_do,
	&sl_verb_events,
	&sl_verb_capture,
	&sl_verb_trace,
	&sl_verb_top,
	&sl_verb_apply,
	&sl_verb_rollback,
	&sl_verb_history,
	&sl_verb_restart,
	&sl_verb_fusion,
	&sl_verb_plugin,
	&sl_verb_completion,
	&sl_verb_help,
	&sl_verb_version,
	NULL,
};
/* clang-format on */

const struct sl_verb *sl_verb_find(const char *name)
{
	for (unsigned int i = 0; sl_verbs[i] != NULL; i++)
		if (strcmp(sl_verbs[i]->name, name) == 0)
			return sl_verbs[i];
	return NULL;
}

int sl_verb_unknown(const char *by, const char *name)
{
	const char *names[64] = {NULL}, *near;
	unsigned int n = 0;

	for (const struct sl_verb *const *verb = sl_verbs; *verb != NULL; verb++)
		if (n < 63)
			names[n++] = (*verb)->name;
	near = sl_near_miss(name, names);
	fprintf(stderr, "sluice%s%s: no verb `%s`; ", by != NULL ? " " : "", by != NULL ? by : "",
		name);
	if (near != NULL)
		fprintf(stderr, "did you mean `%s`?\n", near);
	else
		fputs("`sluice help` lists them\n", stderr);
	return SL_EXIT_WRONG;
}

int sl_verb_flush(const struct sl_verb *verb, int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "sluice %s: cannot write the output: %s\n", verb->name, strerror(errno));
	return SL_EXIT_FAILED;
}

char *sl_verb_socket(const char *socket, const char *config, struct sl_errors *errors)
{
	struct sl_host_config *host;
	char *path = NULL;

	if (socket != NULL)
		return strdup(socket);
	host = sl_host_config_load(config, errors);
	if (host == NULL)
		return NULL;
	if (host->socket != NULL && host->socket[0] != '\0')
		path = strdup(host->socket);
	else
		sl_fail(errors, EINVAL,
			"the host file says that there is no control socket; name "
			"one with --socket");
	sl_host_config_free(host);
	return path;
}

json_t *sl_verb_arguments(char *const *args, int count, const char **wrong)
{
	json_t *object = json_object();

	for (int i = 0; i < count; i++) {
		const char *equals = strchr(args[i], '=');
		char *name = equals != NULL ? strndup(args[i], (size_t)(equals - args[i])) : NULL;
		json_t *have, *value = equals != NULL ? json_string(equals + 1) : NULL;

		if (name == NULL || value == NULL || name[0] == '\0') {
			*wrong = args[i];
			free(name);
			json_decref(value);
			json_decref(object);
			return NULL;
		}
		have = json_object_get(object, name);
		if (have == NULL)
			json_object_set_new(object, name, value);
		else if (json_is_array(have))
			json_array_append_new(have, value);
		else
			json_object_set_new(object, name, json_pack("[Oo]", have, value));
		free(name);
	}
	return object;
}

void sl_verb_print(const json_t *answer, bool json)
{
	const json_t *records = json_object_get(answer, "records");

	if (json) {
		json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
		putchar('\n');
		return;
	}
	if (!json_is_array(records)) {
		sl_object_print(stdout, answer);
		return;
	}
	sl_table_print(stdout, records, NULL, 0);
	if (json_is_true(json_object_get(answer, "truncated")))
		printf("there are more: limit=NUMBER shows that many, limit=0 all\n");
}
