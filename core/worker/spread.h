/* SPDX-License-Identifier: BSD-3-Clause */
/* The node behind each port that brings the packets of a session to one worker. */
#ifndef CORE_WORKER_SPREAD_H
#define CORE_WORKER_SPREAD_H

#include <core/worker/handoff.h>

struct sl_spread_config {
	const struct sl_handoff *handoff;
	struct sl_spread_rule rule;
	uint16_t resume; /* number of the hop where packets sent to another worker go on */
	/* The devices' own hash has done it already: both ways of a session come in here. */
	bool in_hardware;
};

extern const struct sl_node_type sl_spread_type;

#endif
