/* SPDX-License-Identifier: BSD-3-Clause */
/* The answer to requests that change the chain as a whole. */
#ifndef CORE_CONTROL_API_APPLY_H
#define CORE_CONTROL_API_APPLY_H

#include <core/control/api_table.h>
#include <core/host/apply.h>

/* Has "generation", "applied", "changes": [{what, name, change, detail}] and, once it was applied,
 * "took_us" and "gap_us"; or says what is wrong, when err is not 0. Lets go of what was applied. */
json_t *sl_api_applied(struct sl_api_call *call, int err, bool dry_run, struct sl_applied *applied,
		       struct sl_errors *errors);

#endif
