/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <core/control/ask.h>

bool sl_ask_option(const struct sl_verb *verb, int option, struct sl_ask *ask)
{
	switch (option) {
	case 's':
		ask->socket = optarg;
		return true;
	case 'c':
		ask->config = optarg;
		return true;
	case 'j':
		ask->json = true;
		return true;
	case 'h':
		ask->status = sl_verb_usage(verb);
		return false;
	default:
		ask->status = SL_EXIT_WRONG;
		return false;
	}
}

bool sl_ask_options(const struct sl_verb *verb, int argc, char **argv, struct sl_ask *ask)
{
	int option;

	while ((option = sl_verb_option(verb, argc, argv)) != -1)
		if (!sl_ask_option(verb, option, ask))
			return false;
	return true;
}

static const struct sl_option *find(const struct sl_verb *verb, int key)
{
	for (const struct sl_option *option = verb->options; option->name != NULL; option++)
		if (option->key == key)
			return option;
	return NULL;
}

static bool is_shared(int option)
{
	return option == 's' || option == 'c' || option == 'j' || option == 'h';
}

bool sl_ask_query(const struct sl_verb *verb, int argc, char **argv, struct sl_ask *ask,
		  char **path)
{
	int key;

	while ((key = sl_verb_option(verb, argc, argv)) != -1) {
		const struct sl_option *option = is_shared(key) ? NULL : find(verb, key);

		if (option != NULL)
			*path = sl_client_query(*path, option->name, optarg);
		else if (!sl_ask_option(verb, key, ask))
			return false;
	}
	return true;
}

/* The socket; NULL with messages. */
static char *address_of(const struct sl_ask *ask, const char *path, struct sl_errors *errors)
{
	if (path != NULL)
		return sl_verb_socket(ask->socket, ask->config, errors);
	sl_fail(errors, ENOMEM, "out of memory");
	return NULL;
}

static void end(char *address, struct sl_errors *errors)
{
	sl_errors_print(errors, stderr);
	sl_errors_free(errors);
	free(address);
}

json_t *sl_ask(const struct sl_ask *ask, const char *path, const json_t *body)
{
	struct sl_errors *errors = sl_errors_new();
	char *address = address_of(ask, path, errors);
	json_t *answer = NULL;

	if (address != NULL)
		answer = sl_client_ask(address, path, body, errors);
	end(address, errors);
	return answer;
}

int sl_ask_stream(const struct sl_ask *ask, const char *path, const struct sl_client_sink *sink)
{
	struct sl_errors *errors = sl_errors_new();
	char *address = address_of(ask, path, errors);
	int err = -EINVAL;

	if (address != NULL)
		err = sl_client_read(address, path, sink, errors);
	end(address, errors);
	return err;
}

static bool take(void *context, const char *data, size_t size)
{
	return sl_lines_take(context, data, size);
}

int sl_ask_lines(const struct sl_ask *ask, const char *path, struct sl_lines *lines)
{
	const struct sl_client_sink sink = {.take = take, .context = lines};
	int err = sl_ask_stream(ask, path, &sink);

	sl_lines_end(lines);
	return err;
}

int sl_ask_show(const struct sl_verb *verb, const struct sl_ask *ask, json_t *answer,
		void (*print)(const json_t *answer))
{
	if (answer == NULL)
		return SL_EXIT_FAILED;
	if (ask->json || print == NULL)
		sl_verb_print(answer, ask->json);
	else
		print(answer);
	json_decref(answer);
	return sl_verb_flush(verb, SL_EXIT_OK);
}

int sl_ask_print(const struct sl_verb *verb, const struct sl_ask *ask, const char *path,
		 const json_t *body, void (*print)(const json_t *answer))
{
	return sl_ask_show(verb, ask, sl_ask(ask, path, body), print);
}
