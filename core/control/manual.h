/* SPDX-License-Identifier: BSD-3-Clause */
/* The manual page sluice(1), made from the verbs' tables. */
#ifndef CORE_CONTROL_MANUAL_H
#define CORE_CONTROL_MANUAL_H

#include <stdio.h>

/* In the language of man(7). */
void sl_manual_print(FILE *out);

#endif
