/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What packets of a path pass in one direction, from port to port: the parts that cost something,
 * who pays for each, and which of them a flow's fused action stands for.
 */
#ifndef CORE_FORECAST_WAY_H
#define CORE_FORECAST_WAY_H

#include <core/forecast/forecast.h>

#define SL_WAY_PARTS 128

/* Who pays for a part. */
enum sl_payer {
	SL_PAID_BY_POLLER, /* the worker that polls the port */
	SL_PAID_BY_OWNER,  /* the flow's worker */
	SL_PAID_BY_PLACED, /* the workers of a VNF with `cores` */
};

struct sl_way_part {
	char name[128];
	const struct sl_cost *cost; /* NULL: unknown */
	double fixed;               /* cycles whatever the flows; of ports */
	bool is_port;
	const struct sl_chain_vnf *vnf; /* or NULL */
	enum sl_payer payer;
	bool opens;     /* what it lets through is looked up anew */
	bool in_action; /* its flow's action does its work for fused packets */
};

struct sl_way {
	const struct sl_forecast_conf *conf;
	const struct sl_chain_path *path;
	enum sl_side from;
	struct sl_way_part parts[SL_WAY_PARTS];
	unsigned int count;
	bool spreads;  /* the port's device brings flows to their workers */
	bool too_long; /* more parts than there is room for */
};

/* "forward" and "backward", by enum sl_side that packets come from. */
extern const char *const sl_way_names[];

/* Find the parts. way: any content. */
void sl_way_find(struct sl_way *way, const struct sl_forecast_conf *conf,
		 const struct sl_chain_path *path, enum sl_side from);
/* Workers that run what is not placed. */
unsigned int sl_way_owners(const struct sl_forecast_conf *conf);
/* What a part takes of a packet, in cycles, when its worker has so many flows. */
double sl_way_cycles(const struct sl_way_part *part, double flows, bool fused);

#endif
