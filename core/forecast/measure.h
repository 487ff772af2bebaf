/* SPDX-License-Identifier: BSD-3-Clause */
/* Filling the table of costs: which measurements tell what the parts of a chain cost. */
#ifndef CORE_FORECAST_MEASURE_H
#define CORE_FORECAST_MEASURE_H

#include <core/forecast/costs.h>
#include <core/forecast/profile.h>

struct sl_measure_conf {
	const struct sl_host_config *host;
	struct sl_registry *registry;
	const struct sl_chain *chain;
	uint32_t bytes;
	double most_flows;   /* no point beyond the one that these need */
	const char *traffic; /* or NULL */
	bool hugepages;
	bool all; /* also what the table has */
	/* Says what is being measured; NULL: nobody listens. */
	void (*progress)(const char *what);
};

/* Hops of the engine, the generator and the sink. 0, or -errno with messages. */
int sl_measure_engine(const struct sl_measure_conf *conf, struct sl_costs *costs,
		      struct sl_errors *errors);
/* VNFs of a path that the table lacks: each behind those before it, as it will stand. */
int sl_measure_path(const struct sl_measure_conf *conf, unsigned int path, struct sl_costs *costs,
		    struct sl_errors *errors);
int sl_measure_steering(const struct sl_measure_conf *conf,
			const struct sl_chain_steering *steering, struct sl_costs *costs,
			struct sl_errors *errors);

/* What the parameters of a VNF, or of steering, hash to. */
void sl_cost_config(const struct sl_node_type *type, const void *config, char text[20]);

#endif
