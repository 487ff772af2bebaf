/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a chain will cost, before it is deployed: each path, each way, the sum of what its parts
 * cost by the table. docs/plan.md describes the model.
 */
#ifndef CORE_FORECAST_FORECAST_H
#define CORE_FORECAST_FORECAST_H

#include <jansson.h>

#include <core/chain/plan.h>
#include <core/forecast/costs.h>

#define SL_FORECAST_FLOWS 8

struct sl_forecast_conf {
	const struct sl_chain *chain;
	const struct sl_plan *plan;
	const struct sl_costs *costs;
	uint64_t flows[SL_FORECAST_FLOWS];
	unsigned int flow_count;
	uint32_t bytes;
	const unsigned int *cores; /* of the workers */
	unsigned int workers;
	double hz;
};

/* An object: what was asked, and `paths`, an array. NULL: out of memory. */
json_t *sl_forecast(const struct sl_forecast_conf *conf);

#endif
