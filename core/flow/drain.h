/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * While a chain drains (`sluice apply --drain`): which flows are old, and go on as they began, and
 * which are new. Where both chains can be entered the DRAIN hop of the port says so, on for the
 * new, SL_EDGE_FIRST for the old; others, before packets leave there, note what their sessions are.
 *
 * First all goes the old way, and is noted. After the cut, what is known stays what it is; for the
 * rest the old chain's functions are asked whether they have a session of it. What none has is new,
 * but for TCP in mid-connection where functions cannot be asked for sure: it began before.
 *
 * One instance per port serves all its hops, like sl_pin_type. Both directions of a session must
 * come to the same worker; those of new ones need not, where functions are sure.
 */
#ifndef CORE_FLOW_DRAIN_H
#define CORE_FLOW_DRAIN_H

#include <stdatomic.h>

#include <sluice/node.h>

enum sl_drain_role {
	SL_DRAIN_CHOOSE,
	SL_DRAIN_NOTE_OLD, /* what comes by belongs to the old chain */
	SL_DRAIN_NOTE_NEW,
};

/* Flows remembered per worker, unless more are fused. */
#define SL_DRAIN_FLOWS 131072

/* Most functions to ask. */
#define SL_DRAIN_ASKED 16

struct sl_drain_config {
	const _Atomic bool *cut; /* from now on new flows go the new way */
	uint32_t flows;          /* remembered per worker; 0: SL_DRAIN_FLOWS */
	uint64_t quiet;          /* TSC ticks: an old flow that was not seen for longer has ended */
	const uint8_t *roles;    /* per number of a hop; lives as long as the instance */
	/* Numbers of hops whose functions are asked, each as packets come to it from this port. */
	uint16_t asked[SL_DRAIN_ASKED];
	unsigned int asked_count;
	bool sure;   /* what they do not know is not the old chain's */
	bool counts; /* sessions are counted here; else at the other end of their paths */
};

extern const struct sl_node_type sl_drain_type;

struct sl_drain_count {
	uint64_t noted; /* old flows that there were */
	uint64_t over;  /* of those, ended */
	uint64_t known; /* packets that a function of the old chain knew */
	uint64_t full;  /* flows that found no room */
	uint64_t seen;  /* TSC: the last packet of an old flow; 0: there was none */
};
/* Add what all its workers did. Main thread. */
void sl_drain_sum(const struct sl_instance *instance, struct sl_drain_count *sum);

#endif
