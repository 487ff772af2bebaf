/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Policer: packets are metered (RFC 2697, 2698, 4115), which colours them, and the colour says
 * what becomes of them. The first rule that matches names the *policy*: rates, colours' actions,
 * and whose packets share a meter. Packets that no rule matches are for the policy of the VNF
 * itself, which is the last one, if it has rates.
 */
#ifndef PLUGINS_POLICER_H
#define PLUGINS_POLICER_H

#include <errno.h>
#include <stdatomic.h>

#include <sluice/index.h>
#include <sluice/ip.h>
#include <sluice/match.h>
#include <sluice/node.h>
#include <sluice/state.h>
#include <sluice/trail.h>

#include "meter.h"

/* ---- Configuration ---- */

enum pol_per { POL_ALL, POL_FLOW, POL_SOURCE, POL_DESTINATION };
enum pol_direction { POL_BOTH, POL_INSIDE, POL_OUTSIDE };
enum pol_full { POL_FULL_PASS, POL_FULL_DROP, POL_FULL_SHARE };

struct pol_action_config {
	uint64_t given;
	bool drop;
	uint64_t dscp, precedence, mark;
};

enum {
	ACTION_DROP = 1 << 0,
	ACTION_DSCP = 1 << 1,
	ACTION_PRECEDENCE = 1 << 2,
	ACTION_MARK = 1 << 3,
};

/* Rates, actions, and who shares a meter: of a rule, and of the VNF. */
struct pol_meter_config {
	uint64_t given;
	uint32_t meter;                                 /* enum pol_algorithm */
	uint64_t rate, peak, excess;                    /* bit/s */
	uint64_t packets, peak_packets, excess_packets; /* 1/s */
	uint64_t burst, peak_burst, excess_burst;       /* bytes or packets */
	uint32_t per;                                   /* enum pol_per */
	bool symmetric, aware;
	uint32_t layer;                      /* enum pol_layer */
	struct pol_action_config actions[3]; /* by colour */
};

enum {
	METER_METER = 1 << 0,
	METER_RATE = 1 << 1,
	METER_PEAK = 1 << 2,
	METER_EXCESS = 1 << 3,
	METER_PACKETS = 1 << 4,
	METER_PEAK_PACKETS = 1 << 5,
	METER_EXCESS_PACKETS = 1 << 6,
	METER_BURST = 1 << 7,
	METER_PEAK_BURST = 1 << 8,
	METER_EXCESS_BURST = 1 << 9,
	METER_PER = 1 << 10,
	METER_SYMMETRIC = 1 << 11,
	METER_AWARE = 1 << 12,
	METER_LAYER = 1 << 13,
	METER_GREEN = 1 << 14,
};

struct pol_rule_config {
	uint64_t given;
	struct sl_match match;
	bool exempt;
	struct pol_meter_config meter;
};

enum { RULE_MATCH = 1 << 0, RULE_EXEMPT = 1 << 1 };

struct pol_config {
	uint64_t given;
	uint32_t direction;   /* enum pol_direction */
	struct sl_list rules; /* of struct pol_rule_config */
	uint64_t flows, idle; /* per worker; nanoseconds */
	uint32_t full;        /* enum pol_full */
	struct pol_meter_config meter;
};

static inline bool sl_pol_has_rate(const struct pol_meter_config *meter)
{
	return (meter->given & (METER_RATE | METER_PACKETS)) != 0;
}

extern const struct sl_param sl_pol_params[];
int sl_pol_check(const void *config, struct sl_errors *errors);

/* ---- Policies: immutable, replaced as a whole ---- */

struct pol_action {
	bool drop, set_dscp, set_mark;
	uint8_t dscp;
	uint8_t precedence; /* of the AF class it is in: 1..3; 0: leave it */
	uint32_t mark;
};

struct pol_policy {
	struct pol_profile profile;        /* of its meters */
	struct pol_profile shared_profile; /* of the meter that a worker has of it */
	struct pol_action actions[3];
	bool exempt, aware, symmetric;
	bool like_green[3]; /* the action of that colour is that of green */
	uint8_t per;        /* enum pol_per */
	uint8_t layer;      /* enum pol_layer */
	uint64_t idle;      /* ticks after which a meter may go: it is full by then */
};

struct pol_count {
	uint64_t packets[3], bytes[3];
};

/* The meter that all packets of a policy from one side share, on one worker. */
struct pol_shared {
	struct pol_meter meter;
	struct sl_anchor anchor;
	struct pol_count count;
} __rte_cache_aligned;

struct pol_set {
	struct sl_matcher *matcher;
	const struct pol_config *config;
	struct pol_policy *policies; /* of the rules, then that of the VNF */
	uint32_t rule_count, count, workers;
	struct pol_shared *shared; /* by worker, policy, side */
	bool metered[2];           /* by side */
	uint8_t full;              /* enum pol_full */
	bool has_default;
	uint32_t generation;
};

struct pol_set *sl_pol_set_new(struct sl_instance *instance, const struct pol_config *config,
			       struct sl_errors *errors);
void sl_pol_set_free(struct sl_instance *instance, struct pol_set *set);

/* sl_instance_data() */
struct policer {
	_Atomic(struct pol_set *) set;
	uint32_t generation; /* of the newest set */
	uint64_t flows;      /* slots per worker */
};

static inline const struct pol_set *sl_pol_set(const struct sl_node *node)
{
	return atomic_load_explicit(&((struct policer *)node->data)->set, memory_order_acquire);
}

static inline struct pol_shared *sl_pol_shared(const struct pol_set *set, uint32_t worker,
					       uint32_t policy, unsigned int side)
{
	return &set->shared[((size_t)worker * set->count + policy) * 2 + side];
}

/* ---- Flows: meters of their own ---- */

#define POL_BOTH_SIDES 2

struct pol_key {
	uint8_t source[16], destination[16];
	uint16_t sport, dport;
	uint16_t vlan;
	uint8_t proto, family;
	uint16_t policy;
	uint8_t side; /* enum sl_side; POL_BOTH_SIDES: both */
	uint8_t pad;
	uint32_t generation; /* of the set that has the policy */
};

static_assert(sizeof(struct pol_key) == 48, "keys of an index are multiples of 8");

struct pol_flow {
	struct pol_key key;
	uint64_t seen; /* sl_now(); 0: the slot is free */
	uint32_t next; /* of the free ones */
	struct sl_anchor anchor;
	/* Second cache line. */
	struct pol_meter meter;
	struct pol_count count;
} __rte_cache_aligned;

struct pol_worker {
	struct sl_index *index;
	struct pol_flow *flows;
	uint32_t capacity, fresh, free; /* slots; those never used start at fresh */
	uint32_t hand;                  /* where ageing goes on */
	uint64_t *changed;              /* a bit for each flow: it is new */
};

#define POL_STATE_VERSION 1
void sl_pol_export(struct sl_node *node, struct sl_export *out);
int sl_pol_import(struct sl_node *node, uint32_t version, const void *record, uint32_t size,
		  struct sl_errors *errors);

int sl_pol_worker_init(struct sl_node *node, struct sl_errors *errors);
void sl_pol_key(struct pol_key *key, const struct pol_set *set, uint32_t policy, unsigned int side,
		const struct rte_mbuf *m);
/* A slot for a new flow, with a full meter; SL_NO_SLOT: the table is full. */
uint32_t sl_pol_flow_add(struct sl_node *node, const struct pol_set *set, const struct pol_key *key,
			 uint32_t hash);
void sl_pol_tick(struct sl_node *node);

/* ---- Packets ---- */

enum pol_reason { POL_GREEN, POL_YELLOW, POL_RED, POL_TABLE_FULL };

enum pol_counter {
	POL_COUNT_GREEN,
	POL_COUNT_YELLOW,
	POL_COUNT_RED,
	POL_COUNT_UNMETERED,
	POL_COUNT_FLOWS_MADE,
	POL_COUNT_FLOWS_ENDED,
	POL_COUNT_TABLE_FULL,
};

/* What meters a packet. */
struct pol_by {
	const struct pol_policy *policy;
	const struct pol_profile *profile;
	struct pol_meter *meter;
	struct pol_count *count; /* of the policy */
	struct pol_flow *flow;   /* whose meter it is; NULL: the policy's */
	struct sl_anchor *anchor;
	uint64_t handle; /* without what sl_pol_say() adds */
};

void sl_pol_by_policy(struct sl_node *node, const struct pol_set *set, uint32_t policy,
		      unsigned int side, struct pol_by *by);
void sl_pol_by_flow(struct sl_node *node, const struct pol_set *set, uint32_t slot,
		    struct pol_by *by);

/* Count packets of that colour. */
static inline void sl_pol_note(struct sl_node *node, const struct pol_by *by, uint8_t colour,
			       uint64_t packets, uint64_t bytes)
{
	sl_tally(&by->count->packets[colour], packets);
	sl_tally(&by->count->bytes[colour], bytes);
	if (by->flow != NULL) {
		by->flow->seen = sl_now(node);
		by->flow->count.packets[colour] += packets;
		by->flow->count.bytes[colour] += bytes;
	}
	sl_count(node, POL_COUNT_GREEN + colour, packets);
}

/* Say on the trail of a packet what meters it, when its action was taken. */
void sl_pol_say(struct sl_node *node, const struct rte_mbuf *m, const struct pol_by *by,
		uint8_t came, uint8_t colour);
uint16_t sl_pol_guard(struct sl_node *node, const uint64_t *handles,
		      const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n, bool commit);

extern const struct sl_command sl_pol_commands[];

#endif
