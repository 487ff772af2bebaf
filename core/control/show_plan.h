/* SPDX-License-Identifier: BSD-3-Clause */
/* A forecast as tables: for each path and way the totals, then its parts. */
#ifndef CORE_CONTROL_SHOW_PLAN_H
#define CORE_CONTROL_SHOW_PLAN_H

#include <jansson.h>

/* forecast: of sl_forecast(), with "default_machine": where the shipped costs were measured. */
void sl_show_plan(const json_t *forecast);

#endif
