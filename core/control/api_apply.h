/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that change the chain as a whole: apply, rollback, and what was applied. */
#ifndef CORE_CONTROL_API_APPLY_H
#define CORE_CONTROL_API_APPLY_H

#include <core/control/api.h>

/* The answers have "generation", "applied", "changes": [{what, name, change, detail}] and, once it
 * was applied, "took_us" and "gap_us". Errors as everywhere. */
json_t *sl_api_apply(struct sl_engine *engine, const struct sl_api_request *request,
		     unsigned int *status);
json_t *sl_api_rollback(struct sl_engine *engine, const struct sl_api_request *request,
			unsigned int *status);
/* POST /v1/plugins/NAME/load, reload or unload; rest: what follows "plugins/". */
json_t *sl_api_plugin(struct sl_engine *engine, const struct sl_api_request *request,
		      const char *rest, unsigned int *status);
json_t *sl_api_history(const struct sl_engine *engine);

#endif
