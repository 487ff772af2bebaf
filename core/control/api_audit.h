/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CORE_CONTROL_API_AUDIT_H
#define CORE_CONTROL_API_AUDIT_H

#include <core/control/api_table.h>

/* A change was asked for, and this is the answer: keep it, and make it an event. */
void sl_api_audit_note(const struct sl_api_call *call, const struct sl_arg *args,
		       unsigned int count, const json_t *answer);

#endif
