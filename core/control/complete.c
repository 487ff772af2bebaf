/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/client.h>
#include <core/control/complete.h>
#include <core/control/verb.h>
#include <core/host/config.h>

#define MOST_WORDS  64
#define MOST_OFFERS 1024
#define PATIENCE    2 /* seconds: somebody waits at a prompt */

/* Two forms may begin with the same word, which is offered once. */
struct offers {
	char *words[MOST_OFFERS];
	unsigned int count;
};

/* A command line, as far as it is written. */
struct line {
	FILE *out;
	struct offers *offers;
	const struct sl_verb *verb;
	const char *words[MOST_WORDS]; /* arguments before the one that is being written */
	unsigned int count;
	const char *begun;             /* the one that is being written */
	const struct sl_option *wants; /* the option whose value that is; NULL: none's */
	const char *socket, *config;
};

static void offer(const struct line *line, const char *word)
{
	struct offers *offers = line->offers;

	if (strncmp(word, line->begun, strlen(line->begun)) != 0)
		return;
	for (unsigned int i = 0; i < offers->count; i++)
		if (strcmp(offers->words[i], word) == 0)
			return;
	if (offers->count == MOST_OFFERS)
		return;
	offers->words[offers->count] = strdup(word);
	if (offers->words[offers->count] == NULL)
		return;
	fprintf(line->out, "%s\n", offers->words[offers->count++]);
}

/* "on|off|verify" */
static void offer_each(const struct line *line, const char *words, size_t length)
{
	char word[64];

	while (length > 0) {
		size_t one = strcspn(words, "|");

		if (one > length)
			one = length;
		snprintf(word, sizeof(word), "%.*s", (int)one, words);
		offer(line, word);
		length -= one;
		words += one;
		if (length > 0) {
			length--;
			words++;
		}
	}
}

/*
 * Names that a running sluice has. When none answers there is nothing to offer, and nothing is
 * said.
 */

static json_t *ask(const struct line *line, const char *path)
{
	struct sl_errors *errors = sl_errors_new();
	char *socket = sl_verb_socket(line->socket, line->config, errors);
	json_t *answer = NULL;

	if (socket != NULL)
		answer = sl_client_ask_within(socket, path, NULL, PATIENCE, errors);
	free(socket);
	sl_errors_free(errors);
	return answer;
}

static void offer_names(const struct line *line, const char *path, const char *list)
{
	json_t *answer = ask(line, path), *one;
	size_t i;

	json_array_foreach (json_object_get(answer, list), i, one) {
		const char *name = json_string_value(json_object_get(one, "name"));

		if (name != NULL)
			offer(line, name);
	}
	json_decref(answer);
}

static void offer_generations(const struct line *line)
{
	json_t *answer = ask(line, "/v1/history"), *one;
	char number[24];
	size_t i;

	json_array_foreach (json_object_get(answer, "history"), i, one) {
		snprintf(number, sizeof(number), "%lld",
			 (long long)json_integer_value(json_object_get(one, "generation")));
		offer(line, number);
	}
	json_decref(answer);
}

/* The VNF that stands before the word at `at`. */
static json_t *ask_vnf(const struct line *line, unsigned int at)
{
	char *path = at > 0 ? sl_client_path("/v1/vnfs", line->words[at - 1], NULL) : NULL;
	json_t *vnf = path != NULL ? ask(line, path) : NULL;

	free(path);
	return vnf;
}

static void offer_commands(const struct line *line, unsigned int at)
{
	bool looking = line->verb == &sl_verb_show;
	json_t *vnf = ask_vnf(line, at), *command;
	size_t i;

	json_array_foreach (json_object_get(vnf, "commands"), i, command)
		if (!looking || !json_is_true(json_object_get(command, "changes")))
			offer(line, json_string_value(json_object_get(command, "name")));
	json_decref(vnf);
}

/* Of the command before the first argument, or of `sessions`. */
static void offer_arguments(const struct line *line, unsigned int first)
{
	bool sessions = line->count > 0 && strcmp(line->words[0], "sessions") == 0;
	const char *name = sessions ? "sessions" : first > 0 ? line->words[first - 1] : "";
	json_t *vnf = ask_vnf(line, sessions ? first : first > 0 ? first - 1 : 0);
	json_t *command, *argument;
	char word[64];
	size_t i, a;

	json_array_foreach (json_object_get(vnf, "commands"), i, command) {
		const char *is = json_string_value(json_object_get(command, "name"));

		if (is == NULL || strcmp(is, name) != 0)
			continue;
		json_array_foreach (json_object_get(command, "arguments"), a, argument) {
			snprintf(word, sizeof(word), "%s=", json_string_value(argument));
			offer(line, word);
		}
	}
	json_decref(vnf);
}

/* Loaded ones, or those that there are files of. */
static void offer_plugins(const struct line *line)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_host_config *host = NULL;

	if (line->count > 0 &&
	    (strcmp(line->words[0], "reload") == 0 || strcmp(line->words[0], "unload") == 0)) {
		offer_names(line, "/v1/plugins", "plugins");
	} else {
		host = sl_host_config_load(line->config, errors);
	}
	for (unsigned int i = 0; host != NULL && i < host->plugin_folder_count; i++) {
		DIR *folder = opendir(host->plugin_folders[i]);
		const struct dirent *file;
		char name[256];

		while (folder != NULL && (file = readdir(folder)) != NULL) {
			size_t length = strlen(file->d_name);

			if (length < 4 || strcmp(file->d_name + length - 3, ".so") != 0)
				continue;
			snprintf(name, sizeof(name), "%.*s", (int)length - 3, file->d_name);
			offer(line, name);
		}
		if (folder != NULL)
			closedir(folder);
	}
	sl_host_config_free(host);
	sl_errors_free(errors);
}

/* What a word in capitals stands for. at: its place among the arguments. */
static void offer_kind(const struct line *line, const char *kind, size_t length, unsigned int at)
{
	static const char *const files[] = {"CHAIN", "TEST", "FILE"};

	for (unsigned int i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strlen(files[i]) == length && strncmp(files[i], kind, length) == 0) {
			fputs(":files\n", line->out);
			return;
		}
	if (strncmp(kind, "VERB", length) == 0)
		for (unsigned int i = 0; sl_verbs[i] != NULL; i++)
			offer(line, sl_verbs[i]->name);
	else if (strncmp(kind, "VNF", length) == 0)
		offer_names(line, "/v1/vnfs", "vnfs");
	else if (strncmp(kind, "PORT", length) == 0)
		offer_names(line, "/v1/ports", "ports");
	else if (strncmp(kind, "PATH", length) == 0)
		offer_names(line, "/v1/paths", "paths");
	else if (strncmp(kind, "COMMAND", length) == 0)
		offer_commands(line, at);
	else if (strncmp(kind, "PLUGIN", length) == 0)
		offer_plugins(line);
	else if (strncmp(kind, "GENERATION", length) == 0)
		offer_generations(line);
	else if (strncmp(kind, "ARGUMENT=VALUE", length) == 0)
		offer_arguments(line, at);
}

/*
 * Forms
 */

/* A word of a form, without the brackets and dots around it. */
struct part {
	const char *text;
	size_t length;
	bool repeats;
};

static bool next_part(const char **form, struct part *part)
{
	const char *end;

	*form += strspn(*form, " [");
	if (**form == '\0')
		return false;
	part->text = *form;
	*form += strcspn(*form, " ");
	end = *form;
	part->repeats = end - part->text > 3 && strncmp(end - 3, "...", 3) == 0;
	while (end > part->text && strchr("].", end[-1]) != NULL)
		end--;
	part->length = (size_t)(end - part->text);
	return true;
}

static bool stands_for(const struct part *part)
{
	return isupper((unsigned char)part->text[0]) != 0;
}

static bool one_of(const struct part *part, const char *word)
{
	const char *at = part->text, *end = part->text + part->length;

	while (at < end) {
		size_t one = strcspn(at, "|");

		if (one > (size_t)(end - at))
			one = (size_t)(end - at);
		if (strlen(word) == one && strncmp(at, word, one) == 0)
			return true;
		at += one + 1;
	}
	return false;
}

/* Offer what may come next when the arguments so far are the start of this form. */
static void follow_form(const struct line *line, const char *form)
{
	struct part part = {0};
	unsigned int i = 0, first = 0;

	for (;;) {
		if (!part.repeats) {
			if (!next_part(&form, &part))
				return;
			first = i;
		}
		if (i == line->count)
			break;
		if (!stands_for(&part) && !one_of(&part, line->words[i]))
			return;
		i++;
	}
	if (stands_for(&part))
		offer_kind(line, part.text, part.length, first);
	else
		offer_each(line, part.text, part.length);
}

/*
 * Lines
 */

static const struct sl_option *find_option(const struct sl_verb *verb, const char *word)
{
	for (const struct sl_option *o = verb->options; o != NULL && o->name != NULL; o++) {
		if (word[0] == '-' && word[1] == o->key && word[2] == '\0')
			return o;
		if (strncmp(word, "--", 2) == 0 && strcmp(word + 2, o->name) == 0)
			return o;
	}
	return NULL;
}

static void take_value(struct line *line, const struct sl_option *option, const char *value)
{
	if (strcmp(option->name, "socket") == 0)
		line->socket = value;
	else if (strcmp(option->name, "config") == 0)
		line->config = value;
}

/* Tell options, their values and arguments apart. */
static void read_words(struct line *line, const char *const *words, int count)
{
	for (int i = 1; i < count - 1; i++) {
		const struct sl_option *option = find_option(line->verb, words[i]);

		if (option != NULL && sl_option_may(option)) {
			if (i + 2 < count - 1 && strcmp(words[i + 1], "=") == 0)
				i += 2;
		} else if (option != NULL && option->value != NULL) {
			if (i + 1 < count - 1 && strcmp(words[i + 1], "=") == 0)
				i++;
			if (i + 1 == count - 1)
				line->wants = option;
			else
				take_value(line, option, words[++i]);
		} else if (strcmp(words[i], "=") == 0 && line->count > 0) {
			/* NAME = VALUE is one argument, whose value nobody knows. */
			if (i + 1 == count - 1)
				line->verb = NULL;
			i++;
		} else if (words[i][0] != '-' && line->count < MOST_WORDS) {
			line->words[line->count++] = words[i];
		}
		if (line->verb == NULL)
			return;
	}
	/* "--fusion=" with the cursor right behind it. */
	if (strcmp(line->begun, "=") == 0)
		line->begun = "";
}

/* Of a verb that has no table of them. */
static void offer_synopsis(const struct line *line)
{
	const char *at = line->verb->synopsis;
	char word[64];

	while (at != NULL && (at = strstr(at, "--")) != NULL) {
		int length = (int)strcspn(at, " ]|=");

		snprintf(word, sizeof(word), "%.*s", length, at);
		offer(line, word);
		at += length;
	}
}

static void offer_options(const struct line *line)
{
	char word[64];

	offer_synopsis(line);
	for (const struct sl_option *o = line->verb->options; o != NULL && o->name != NULL; o++) {
		snprintf(word, sizeof(word), "--%s", o->name);
		offer(line, word);
	}
	offer(line, "--help");
}

static void offer_verbs(const struct line *line)
{
	for (unsigned int i = 0; sl_verbs[i] != NULL; i++)
		offer(line, sl_verbs[i]->name);
	if (line->begun[0] == '-') {
		offer(line, "--help");
		offer(line, "--version");
	}
}

static void offer_next(struct line *line, const char *const *words, int count)
{
	line->verb = sl_verb_find(words[0]);
	if (line->verb != NULL)
		read_words(line, words, count);
	if (line->verb == NULL)
		return;
	if (line->wants != NULL) {
		const char *value = line->wants->value;

		if (isupper((unsigned char)value[0]))
			offer_kind(line, value, strlen(value), line->count);
		else
			offer_each(line, value, strlen(value));
	} else if (line->begun[0] == '-') {
		offer_options(line);
	} else {
		for (const struct sl_form *f = line->verb->forms; f != NULL && f->words != NULL;
		     f++)
			follow_form(line, f->words);
	}
}

void sl_complete(FILE *out, const char *const *words, int count)
{
	struct offers offers = {.count = 0};
	struct line line = {
		.out = out, .offers = &offers, .begun = count > 0 ? words[count - 1] : ""};

	if (count <= 1)
		offer_verbs(&line);
	else
		offer_next(&line, words, count);
	for (unsigned int i = 0; i < offers.count; i++)
		free(offers.words[i]);
}
