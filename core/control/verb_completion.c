/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <core/control/complete.h>
#include <core/control/verb.h>

/* What may come next only sluice knows: from its tables, and from the one that runs. */
static const char script[] =
	"# Completion of sluice(1) for bash: source it, or put it where bash-completion looks.\n"
	"_sluice()\n"
	"{\n"
	"	local program=${COMP_WORDS[0]/#\\~/$HOME} cur=${COMP_WORDS[COMP_CWORD]} lines\n"
	"	COMPREPLY=()\n"
	"	mapfile -t lines < <(\"$program\" completion words -- \\\n"
	"		\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
	"	if [[ ${lines[0]-} == :files ]]; then\n"
	"		[[ $cur == = ]] && cur=\n"
	"		compopt -o filenames 2>/dev/null\n"
	"		mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"		return\n"
	"	fi\n"
	"	COMPREPLY=(\"${lines[@]}\")\n"
	"	[[ ${#lines[@]} == 1 && ${lines[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
	"	return 0\n"
	"}\n"
	"complete -F _sluice sluice\n";

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	int option = sl_verb_option(verb, argc, argv);

	if (option == 'h')
		return sl_verb_usage(verb);
	if (option != -1)
		return SL_EXIT_WRONG;
	argc -= optind;
	argv += optind;
	if (argc > 0 && strcmp(argv[0], "words") == 0)
		sl_complete(stdout, (const char *const *)(argv + 1), argc - 1);
	else if (argc == 1 && strcmp(argv[0], "bash") == 0)
		fputs(script, stdout);
	else
		return sl_verb_misused(verb, "say `bash`");
	return sl_verb_flush(verb, SL_EXIT_OK);
}

static const struct sl_form forms[] = {
	{"bash", "the script for bash"},
	{"words -- WORD...", "what may stand in place of the last of the words after `sluice`"},
	{NULL, NULL},
};

const struct sl_verb sl_verb_completion = {
	.name = "completion",
	.arguments = "bash | words -- WORD...",
	.summary = "Let the shell complete verbs, options and the names that a running sluice has",
	.help = "`source <(sluice completion bash)` does for one shell what `make install` does "
		"for "
		"all. Names of VNFs, commands, ports, plugins and generations are asked from the "
		"sluice that runs, when it answers.",
	.forms_title = "Forms",
	.forms = forms,
	.run = run,
};
