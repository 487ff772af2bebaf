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
	for (unsigned int i = 0; sl_verbs[i] != NULL; i++)
		if (strcmp(sl_verbs[i]->name, name) == 0)
			return sl_verbs[i];
	return NULL;
}

static int unknown(const char *name)
{
	const char *names[32] = {NULL}, *near;

	for (unsigned int i = 0; i < 31 && sl_verbs[i] != NULL; i++)
		names[i] = sl_verbs[i]->name;
	near = sl_near_miss(name, names);
	if (near != NULL)
		fprintf(stderr, "sluice: no verb `%s`; did you mean `%s`?\n", name, near);
	else
		fprintf(stderr, "sluice: no verb `%s`; `sluice help` lists them\n", name);
	return SL_EXIT_WRONG;
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
		return unknown(argv[1]);
	/* What getopt_long() starts its messages with. */
	snprintf(name, sizeof(name), "sluice %s", verb->name);
	argv[1] = name;
	return verb->run(verb, argc - 1, argv + 1);
}
