/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <core/control/verb.h>

static int list(const struct sl_verb *self)
{
	puts("usage: sluice VERB ...\n\n"
	     "Service chains of network functions on DPDK.\n");
	for (unsigned int i = 0; sl_verbs[i] != NULL; i++)
		printf("  %-8s %s\n", sl_verbs[i]->name, sl_verbs[i]->summary);
	puts("\n`sluice help VERB` says more. Exit status: 0 done, 1 failed, 2 what was given is "
	     "wrong.");
	return sl_verb_flush(self, SL_EXIT_OK);
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	if (argc < 2)
		return list(verb);
	for (unsigned int i = 0; sl_verbs[i] != NULL; i++)
		if (strcmp(sl_verbs[i]->name, argv[1]) == 0)
			return sl_verb_usage(sl_verbs[i]);
	return sl_verb_misused(verb, "there is no verb `%s`", argv[1]);
}

const struct sl_verb sl_verb_help = {
	.name = "help",
	.synopsis = "help [VERB]",
	.summary = "List the verbs, or explain one",
	.help = "",
	.run = run,
};
