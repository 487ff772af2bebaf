/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What parts of a chain cost, in cycles a packet: a table that was measured on this machine, over
 * one that is shipped. Parts are "vnf/TYPE", "steer/TYPE", "port/KIND" and the engine's own hops,
 * "engine/NAME".
 */
#ifndef CORE_FORECAST_COSTS_H
#define CORE_FORECAST_COSTS_H

#include <stdbool.h>
#include <stdint.h>

#include <core/error/errors.h>

#define SL_COST_POINTS 4

enum sl_cost_origin {
	SL_COST_NOW,     /* measured a moment ago */
	SL_COST_HERE,    /* on this kind of processor */
	SL_COST_SHIPPED, /* on another */
};

struct sl_cost {
	char of[64];
	char way[12];    /* "forward", "backward"; of ports "rx", "tx"; of the engine "" */
	char config[20]; /* what the parameters hash to; "": has none */
	uint32_t bytes;  /* of a frame */
	bool fuses;      /* of a VNF: its packets take the fused action */
	bool spreads;    /* of a port: its device spreads flows over queues */
	double dropped;  /* share of the packets that it was measured with */
	unsigned int count;
	struct sl_cost_point {
		uint64_t flows;
		double plain;     /* called by the graph */
		double fused;     /* what it adds to a fused action */
	} points[SL_COST_POINTS]; /* by flows */
	enum sl_cost_origin origin;
};

struct sl_costs {
	struct sl_cost *list;
	unsigned int count, room;
	char machine[80]; /* this one's processor */
	char shipped[80]; /* the one of the shipped table; "": there is none */
};

/* Of the shipped table (costs.json in a plugin folder, or missing) and this machine's own. file:
 * the latter; it need not be there. NULL with messages. */
struct sl_costs *sl_costs_load(const char *const *folders, unsigned int count, const char *file,
			       struct sl_errors *errors);
void sl_costs_free(struct sl_costs *costs);
/* Write what was measured on this machine, as a whole or not at all. */
int sl_costs_save(const struct sl_costs *costs, const char *file, struct sl_errors *errors);
/* Add or replace. false: out of memory. */
bool sl_costs_put(struct sl_costs *costs, const struct sl_cost *cost);
/* The entry that fits best: these parameters before others, this machine before another, this
 * length before others. NULL: there is none. */
const struct sl_cost *sl_costs_find(const struct sl_costs *costs, const char *of, const char *way,
				    const char *config, uint32_t bytes);
/* A port's, between the lengths that it was measured with. */
double sl_costs_port(const struct sl_costs *costs, const char *of, const char *way, uint32_t bytes,
		     const struct sl_cost **found);
/* Between the points, by the logarithm of the flows; beyond them as the nearest. */
double sl_cost_at(const struct sl_cost *cost, double flows, bool fused);
/* $XDG_CACHE_HOME/sluice/costs.json and its like; the caller frees. NULL: out of memory, or there
 * is no such folder. */
char *sl_costs_file(void);

#endif
