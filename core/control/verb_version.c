/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <rte_version.h>

#include <core/control/verb.h>
#include <sluice/node.h>

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	int option = sl_verb_option(verb, argc, argv);

	if (option == 'h')
		return sl_verb_usage(verb);
	if (option != -1)
		return SL_EXIT_WRONG;
	if (optind != argc)
		return sl_verb_misused(verb, "it takes no arguments");
	printf("sluice %s, plugin ABI %u, %s\n", SL_VERSION, SL_PLUGIN_ABI, rte_version());
	return sl_verb_flush(verb, SL_EXIT_OK);
}

const struct sl_verb sl_verb_version = {
	.name = "version",
	.summary = "Say which version this is, of the plugin ABI and of DPDK",
	.run = run,
};
