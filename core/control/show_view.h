/* SPDX-License-Identifier: BSD-3-Clause */
/* What a view of the API looks like on a terminal: which columns its tables have. */
#ifndef CORE_CONTROL_SHOW_VIEW_H
#define CORE_CONTROL_SHOW_VIEW_H

#include <jansson.h>

/* Print the answer of /v1/VIEW; one that has no tables of its own as it is. */
void sl_show_view(const char *view, const json_t *answer);

#endif
