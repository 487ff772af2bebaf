/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/manual.h>
#include <core/control/verb.h>

/* Text as it is, but for what roff would take for its own; `words` become bold. */
static void put(FILE *out, const char *text, bool at_start)
{
	bool bold = false;

	for (const char *c = text; *c != '\0'; c++) {
		if (at_start && (*c == '.' || *c == '\''))
			fputs("\\&", out);
		at_start = *c == '\n';
		if (*c == '`') {
			bold = !bold;
			fputs(bold ? "\\fB" : "\\fR", out);
		} else if (*c == '-') {
			fputs("\\-", out);
		} else if (*c == '\\') {
			fputs("\\e", out);
		} else {
			fputc(*c, out);
		}
	}
	if (bold)
		fputs("\\fR", out);
}

static void put_line(FILE *out, const char *text)
{
	put(out, text, true);
	fputc('\n', out);
}

static void put_sentence(FILE *out, const char *text)
{
	put(out, text, true);
	fputs(".\n", out);
}

/* An empty line begins a paragraph; lines that start with a space stay as they are. */
static void put_paragraphs(FILE *out, const char *text)
{
	bool whole = false;

	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		char *line = strndup(text, length);

		if (line == NULL)
			return;
		if (whole != (line[0] == ' ')) {
			whole = !whole;
			fputs(whole ? ".nf\n" : ".fi\n", out);
		}
		if (line[0] == '\0')
			fputs(".PP\n", out);
		else
			put_line(out, line);
		free(line);
		text += length + (text[length] == '\n');
	}
	if (whole)
		fputs(".fi\n", out);
}

static void put_option(FILE *out, const struct sl_option *option)
{
	fputs(".TP\n", out);
	if (option->key < 256)
		fprintf(out, "\\fB\\-%c\\fR, ", option->key);
	fputs("\\fB\\-\\-", out);
	put(out, option->name, false);
	fputs("\\fR", out);
	if (option->value != NULL) {
		fprintf(out, "%s\\fI", sl_option_gap(option));
		put(out, option->value, false);
		fputs("\\fR", out);
	}
	fputc('\n', out);
	put_sentence(out, option->doc);
}

static void put_forms(FILE *out, const struct sl_verb *verb)
{
	if (verb->forms_title == NULL)
		return;
	fputs(".PP\n", out);
	put(out, verb->forms_title, true);
	fputs(":\n", out);
	for (const struct sl_form *form = verb->forms; form->words != NULL; form++) {
		if (form->doc == NULL)
			continue;
		fputs(".TP\n\\fB", out);
		put(out, form->words, false);
		fputs("\\fR\n", out);
		put_sentence(out, form->doc);
	}
}

static void put_verb(FILE *out, const struct sl_verb *verb)
{
	char *synopsis = sl_verb_synopsis(verb);

	fprintf(out, ".SS sluice %s\n.B sluice ", verb->name);
	put(out, synopsis != NULL ? synopsis : verb->name, false);
	fputs("\n.PP\n", out);
	put_sentence(out, verb->summary);
	if (verb->help != NULL && verb->help[0] != '\0') {
		fputs(".PP\n", out);
		put_paragraphs(out, verb->help);
	}
	put_forms(out, verb);
	for (const struct sl_option *o = verb->options; o != NULL && o->name != NULL; o++)
		put_option(out, o);
	free(synopsis);
}

static const char ends[] =
	".SH EXIT STATUS\n"
	".TP\n0\nDone.\n"
	".TP\n1\nSomething failed: a port does not open, nobody answers, the output cannot be "
	"written.\n"
	".TP\n2\nWhat was given is wrong: arguments, the chain file, the host file, a plugin. "
	"Nothing was started.\n"
	".SH FILES\n"
	".TP\n\\fI$XDG_CONFIG_HOME/sluice/sluice.conf\\fR, \\fI/etc/sluice/sluice.conf\\fR\n"
	"The host file: cores, memory, plugin folders, the control socket and who may use it.\n"
	".TP\n\\fI/run/sluice/sluice.sock\\fR\n"
	"The control socket of a sluice that root runs.\n";

void sl_manual_print(FILE *out)
{
	fputs(".TH SLUICE 1 \"\" \"sluice " SL_VERSION "\" \"User Commands\"\n"
	      ".SH NAME\nsluice \\- service chains of network functions on DPDK\n"
	      ".SH SYNOPSIS\n.B sluice\n.I VERB\n[\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n"
	      ".SH DESCRIPTION\n"
	      "A packet\\-graph engine on dedicated cores. Network functions are plugins; chains "
	      "of\n"
	      "them are defined in YAML or Lua. \\fBsluice run\\fR runs a chain; the other verbs "
	      "check\nchain files, or ask and change a sluice that runs, over its control socket.\n"
	      "Options may stand before or after arguments.\n"
	      ".SH VERBS\n",
	      out);
	for (unsigned int i = 0; sl_verbs[i] != NULL; i++)
		put_verb(out, sl_verbs[i]);
	fputs(ends, out);
}
