/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <core/control/manual.h>
#include <core/control/verb.h>

enum { MAN = 256 };

static int list(const struct sl_verb *self)
{
	puts("usage: sluice VERB ...\n\n"
	     "Service chains of network functions on DPDK.\n");
	for (unsigned int i = 0; sl_verbs[i] != NULL; i++)
		printf("  %-10s %s\n", sl_verbs[i]->name, sl_verbs[i]->summary);
	puts("\n`sluice help VERB` says more. Exit status: 0 done, 1 failed, 2 what was given is "
	     "wrong.");
	return sl_verb_flush(self, SL_EXIT_OK);
}

static int explain(const struct sl_verb *self, const char *name)
{
	const struct sl_verb *verb = sl_verb_find(name);

	return verb != NULL ? sl_verb_usage(verb) : sl_verb_unknown(self->name, name);
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	int option;

	while ((option = sl_verb_option(verb, argc, argv)) != -1) {
		switch (option) {
		case MAN:
			sl_manual_print(stdout);
			return sl_verb_flush(verb, SL_EXIT_OK);
		case 'h':
			return sl_verb_usage(verb);
		default:
			return SL_EXIT_WRONG;
		}
	}
	if (argc - optind > 1)
		return sl_verb_misused(verb, "one verb at a time");
	return argc == optind ? list(verb) : explain(verb, argv[optind]);
}

static const struct sl_option options[] = {
	{MAN, "man", NULL, "print the manual page, for man(1)"},
	SL_OPT_END,
};

static const struct sl_form forms[] = {
	{"[VERB]", NULL},
	{NULL, NULL},
};

const struct sl_verb sl_verb_help = {
	.name = "help",
	.summary = "List the verbs, or explain one",
	.options = options,
	.forms = forms,
	.run = run,
};
