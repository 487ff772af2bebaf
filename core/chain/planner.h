/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of the planner share while one plan is made: plan.c runs them, plan_survey.c looks
 * at what paths and ports need, plan_paths.c makes the hops of paths and the ways out, and
 * plan_entries.c the way in at each port.
 */
#ifndef CORE_CHAIN_PLANNER_H
#define CORE_CHAIN_PLANNER_H

#include <core/chain/plan.h>

/* What the planner knows of a path while it works. */
struct sl_planner_way {
	uint16_t *on;     /* per stop: the hop travelling forward */
	uint16_t *back;   /* per stop: the hop travelling backward; NONE on one-way paths */
	uint16_t exit[2]; /* first hop of the way out, by enum sl_side it comes from */
	bool named;       /* a VNF sends packets to it */
	bool *reaches;    /* per path: packets may go over to it, through VNFs that name it */
};

/* And of a port. */
struct sl_planner_gate {
	struct sl_chain_entry entries[SL_MAX_ENTRIES];
	unsigned int entry_count;
	const struct sl_chain_steering *steering;
	bool addresses;
	bool reassembles;
	unsigned int home; /* rank of the entry for sessions nobody knows; UINT_MAX: none */
	bool unpins;
	uint16_t tx, out;
	uint16_t plain_out; /* for what turns back on one-way paths */
};

struct sl_planner {
	const struct sl_chain *chain;
	struct sl_errors *errors;
	struct sl_plan *plan;
	unsigned int room;
	struct sl_planner_way *ways;
	struct sl_planner_gate *gates;     /* per port */
	struct sl_planner_gate *old_gates; /* the same, for old paths */
	bool failed;                       /* out of memory or of hop numbers: stop; told already */
	bool wrong;                        /* the chain cannot be planned; told already */
};

/* plan.c: count things of this size, zero; NULL: told. They are the caller's. */
void *sl_planner_alloc(struct sl_planner *p, size_t count, size_t size);
/* A new hop with all edges leading nowhere; NONE when there can be no more. */
uint16_t sl_planner_add(struct sl_planner *p, enum sl_plan_kind kind, unsigned int port,
			enum sl_side from, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void sl_planner_lead(struct sl_planner *p, uint16_t hop, unsigned int edge, uint16_t target);
struct sl_planner_gate *sl_planner_gate(const struct sl_planner *p, unsigned int port,
					enum sl_part part);
/* Whether flows are to be told apart there: both the old chain and the new one have the port. */
bool sl_planner_drains(const struct sl_planner *p, unsigned int port);
/* Where the edges of a VNF lead out of a path. */
const uint32_t *sl_planner_edges(const struct sl_chain_vnf *vnf, const struct sl_chain_path *path);

/* plan_survey.c */
void sl_planner_survey(struct sl_planner *p);

/* plan_paths.c: tx, and what sluice itself sends by the port or what turns back on one-way paths.
 */
void sl_planner_tx(struct sl_planner *p, unsigned int port);
/* The way out of a path for packets that come from that side. */
void sl_planner_exit(struct sl_planner *p, unsigned int path, enum sl_side from);
void sl_planner_vnfs(struct sl_planner *p, unsigned int path);
/* Lead the hops of a path to each other, and to those of paths that its VNFs name. */
void sl_planner_join(struct sl_planner *p, unsigned int path);
/* Where packets from that side enter the path. */
uint16_t sl_planner_first(const struct sl_planner *p, unsigned int path, enum sl_side from);
uint16_t sl_planner_fuse(struct sl_planner *p, enum sl_plan_fuse place, unsigned int port,
			 enum sl_side from, const char *name, uint16_t next);

/* plan_entries.c */
void sl_planner_entry(struct sl_planner *p, unsigned int port);

#endif
