/* SPDX-License-Identifier: BSD-3-Clause */
/* Sentences for people. */
#ifndef CORE_CONTROL_TEXT_H
#define CORE_CONTROL_TEXT_H

#include <stdio.h>

/* Print `start`, then text broken into lines of at most that many columns, all but the first
 * indented; an empty line in the text begins a paragraph, a line that starts with a space stays as
 * it is. */
void sl_text_print(FILE *out, const char *text, unsigned int indent, unsigned int columns,
		   const char *start);

#endif
