/* SPDX-License-Identifier: BSD-3-Clause */
/* What a verb's tables say, for getopt_long() and for people. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/text.h>
#include <core/control/verb.h>

#define MOST_OPTIONS 32
#define WIDTH        94

static const struct sl_option help_option = {'h', "help", NULL, "say this"};

static bool has_letter(const struct sl_option *option)
{
	return option->key < 256;
}

int sl_verb_option(const struct sl_verb *verb, int argc, char **argv)
{
	struct option options[MOST_OPTIONS + 2] = {{"help", no_argument, NULL, 'h'}};
	char letters[3 * MOST_OPTIONS + 2] = "h";
	unsigned int n = 1;

	for (const struct sl_option *o = verb->options; o != NULL && o->name != NULL; o++) {
		int takes = sl_option_may(o)   ? optional_argument
			    : o->value != NULL ? required_argument
					       : no_argument;
		size_t used = strlen(letters);

		if (n > MOST_OPTIONS)
			abort();
		options[n++] = (struct option){o->name, takes, NULL, o->key};
		if (has_letter(o))
			snprintf(letters + used, sizeof(letters) - used, "%c%s", o->key,
				 takes == required_argument ? ":" : "");
	}
	return getopt_long(argc, argv, letters, options, NULL);
}

char *sl_verb_synopsis(const struct sl_verb *verb)
{
	const char *arguments = verb->arguments;
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	if (verb->synopsis != NULL) {
		fputs(verb->synopsis, out);
		fclose(out);
		return text;
	}
	fputs(verb->name, out);
	for (const struct sl_option *o = verb->options; o != NULL && o->name != NULL; o++)
		fprintf(out, " [--%s%s%s]", o->name, sl_option_gap(o),
			o->value != NULL ? o->value : "");
	if (arguments == NULL && verb->forms != NULL)
		arguments = verb->forms[0].words;
	if (arguments != NULL)
		fprintf(out, " %s", arguments);
	fclose(out);
	return text;
}

static void print_synopsis(FILE *out, const struct sl_verb *verb)
{
	char *synopsis = sl_verb_synopsis(verb);

	if (synopsis != NULL)
		sl_text_print(out, synopsis, strlen("usage: sluice "), WIDTH, "usage: sluice ");
	free(synopsis);
}

int sl_verb_misused(const struct sl_verb *verb, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "sluice %s: ", verb->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	print_synopsis(stderr, verb);
	fprintf(stderr, "`sluice help %s` says more\n", verb->name);
	return SL_EXIT_WRONG;
}

static void print_form(const struct sl_form *form)
{
	char start[40];

	if (form->doc == NULL)
		return;
	snprintf(start, sizeof(start), "  %-18s ", form->words);
	/* Too long a form has a line of its own. */
	if (strlen(form->words) > 18) {
		printf("  %s\n", form->words);
		snprintf(start, sizeof(start), "%21s", "");
	}
	sl_text_print(stdout, form->doc, 21, WIDTH, start);
}

static unsigned int option_width(const struct sl_option *option)
{
	return (unsigned int)strlen(option->name) + (unsigned int)strlen(sl_option_gap(option)) +
	       (option->value != NULL ? (unsigned int)strlen(option->value) : 0);
}

static void print_option(const struct sl_option *option, unsigned int width)
{
	char start[128], name[80];

	snprintf(name, sizeof(name), "%s%s%s", option->name, sl_option_gap(option),
		 option->value != NULL ? option->value : "");
	if (has_letter(option))
		snprintf(start, sizeof(start), "  -%c, --%-*s  ", option->key, (int)width, name);
	else
		snprintf(start, sizeof(start), "      --%-*s  ", (int)width, name);
	sl_text_print(stdout, option->doc, (unsigned int)strlen(start), WIDTH, start);
}

static void print_options(const struct sl_option *options)
{
	unsigned int width = option_width(&help_option);

	for (const struct sl_option *o = options; o != NULL && o->name != NULL; o++)
		if (option_width(o) > width)
			width = option_width(o);
	for (const struct sl_option *o = options; o != NULL && o->name != NULL; o++)
		print_option(o, width);
	print_option(&help_option, width);
}

int sl_verb_usage(const struct sl_verb *verb)
{
	print_synopsis(stdout, verb);
	printf("\n%s.\n", verb->summary);
	if (verb->help != NULL) {
		putchar('\n');
		sl_text_print(stdout, verb->help, 0, WIDTH, "");
	}
	if (verb->forms_title != NULL) {
		printf("\n%s:\n", verb->forms_title);
		for (const struct sl_form *form = verb->forms; form->words != NULL; form++)
			print_form(form);
	}
	if (verb->synopsis == NULL) {
		puts("\nOptions:");
		print_options(verb->options);
	}
	return sl_verb_flush(verb, SL_EXIT_OK);
}
