/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One measurement: functions of a chain between a generator and a port that answers, in a process
 * of its own, on one worker. Needs no root, hugepages or devices.
 */
#ifndef CORE_FORECAST_PROFILE_H
#define CORE_FORECAST_PROFILE_H

#include <core/chain/plan.h>
#include <core/host/config.h>

enum sl_profile_what {
	SL_PROFILE_PATH,   /* VNFs of a path; none of them: one that does nothing */
	SL_PROFILE_STEER,  /* the steering of a port, then one that does nothing */
	SL_PROFILE_L3,     /* ports with addresses */
	SL_PROFILE_WHOLE,  /* ports that reassemble */
	SL_PROFILE_PINS,   /* two paths to one port */
	SL_PROFILE_SINK,   /* no answers: one way into a sink */
	SL_PROFILE_SPREAD, /* the same, half of it for a second worker */
};

struct sl_profile_conf {
	enum sl_profile_what what;
	const struct sl_host_config *host;
	struct sl_registry *registry;
	const struct sl_chain *chain;             /* PATH, STEER */
	unsigned int path;                        /* PATH */
	unsigned int first_stop, stop_count;      /* PATH: of the path's */
	const struct sl_chain_steering *steering; /* STEER */
	uint64_t flows;
	uint32_t bytes;
	const char *traffic; /* further parameters of the generator, as YAML; or NULL */
	bool hugepages;      /* as the host file says; else none */
};

#define SL_PROFILE_HOPS 96

/* Index of cycles and shares. */
enum sl_profile_mode { SL_PROFILE_PLAIN, SL_PROFILE_FUSED, SL_PROFILE_MODES };

struct sl_profile {
	double hz;
	double total[SL_PROFILE_MODES]; /* cycles of the worker a packet that was received */
	double taking;                  /* of the second worker, a packet from the first */
	unsigned int hop_count;
	struct sl_profile_hop {
		enum sl_plan_kind kind;
		enum sl_side from;               /* the way that its packets go */
		unsigned int stop;               /* VNF: which of those measured; else UINT_MAX */
		double cycles[SL_PROFILE_MODES]; /* a packet that came to it */
		double share[SL_PROFILE_MODES];  /* of the packets received on that way */
		double dropped;                  /* share of those that came to it */
	} hops[SL_PROFILE_HOPS];
};

/* 0, or -errno with messages. */
int sl_profile(const struct sl_profile_conf *conf, struct sl_profile *profile,
	       struct sl_errors *errors);

/* bed.c: the chain of a measurement; it refers to conf->chain. NULL with messages. */
struct sl_chain *sl_profile_chain(const struct sl_profile_conf *conf, struct sl_errors *errors);
/* Ports of it. */
enum { SL_PROFILE_IN, SL_PROFILE_OUT };

#endif
