/* SPDX-License-Identifier: BSD-3-Clause */
/* What may come next on a command line of sluice. */
#ifndef CORE_CONTROL_COMPLETE_H
#define CORE_CONTROL_COMPLETE_H

#include <stdio.h>

/*
 * words: those after "sluice", the last of them the one that is being written ("": none yet). "="
 * may stand as a word of its own, as bash splits words. Prints one candidate a line, all of which
 * begin with the last word; or ":files", when the name of a file is expected.
 */
void sl_complete(FILE *out, const char *const *words, int count);

#endif
