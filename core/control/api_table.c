/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/control/api_table.h>

/* One a line, so that adding one changes one. */
/* clang-format off */
const struct sl_api_operation *const sl_api_tables[] = {
	sl_api_faults,
	sl_api_state,
	sl_api_show,
	sl_api_vnf,
	sl_api_apply,
	sl_api_plugin,
	sl_api_fusion,
	sl_api_events,
	sl_api_audit,
	sl_api_capture,
	sl_api_trace,
	sl_api_metrics,
	NULL,
};
/* clang-format on */
