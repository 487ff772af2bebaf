/* SPDX-License-Identifier: BSD-3-Clause */
/* What a sluice does in a second: the difference of two answers of /v1/stats. */
#ifndef CORE_CONTROL_RATES_H
#define CORE_CONTROL_RATES_H

#include <jansson.h>

/*
 * {"chain", "generation", "up", "seconds", "rx_pps", "tx_pps", "drops_pps", "held",
 * "fused_percent", "workers": [...], "ports": [...], "hops": [...], "drops": [...]}. Hops that did
 * something, the one that took most cycles first; reasons that dropped something, ever, the one
 * that drops most first. The caller frees.
 */
json_t *sl_rates(const json_t *before, const json_t *now);

#endif
