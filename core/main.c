/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <core/control/verb.h>

static const struct sl_verb *find(const char *name)
{
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return &sl_verb_help;
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		return &sl_verb_version;
	return sl_verb_find(name);
}

int main(int argc, char **argv)
{
	const struct sl_verb *verb;
	char name[64];

	if (argc < 2) {
		fputs("usage: sluice VERB ...\n`sluice help` lists the verbs\n", stderr);
		return SL_EXIT_WRONG;
	}
	verb = find(argv[1]);
	if (verb == NULL)
		return sl_verb_unknown(NULL, argv[1]);
	/* What getopt_long() starts its messages with. */
	snprintf(name, sizeof(name), "sluice %s", verb->name);
	argv[1] = name;
	return verb->run(verb, argc - 1, argv + 1);
}
