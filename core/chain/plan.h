/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a chain becomes: a list of hops and where each edge leads. Pure data, the same for every
 * worker; no DPDK, no devices. The generation turns it into instances and graphs.
 */
#ifndef CORE_CHAIN_PLAN_H
#define CORE_CHAIN_PLAN_H

#include <core/chain/model.h>

enum sl_plan_kind {
	SL_PLAN_RX,         /* port-rx of a port */
	SL_PLAN_REASSEMBLE, /* where a path of the port wants whole datagrams */
	SL_PLAN_L3_IN,      /* a port with addresses */
	SL_PLAN_SPREAD,     /* move to the session's worker; a pass-through with one worker. Its
			     * `vnf` and `from`: whose type->spread() decides, or UINT_MAX */
	SL_PLAN_STEER,      /* a port with steering: edges SL_EDGE_FIRST + rank of path */
	SL_PLAN_UNPIN,      /* several paths end at the port and no steering says which: take the
			     * one the session came by, edges SL_EDGE_FIRST + rank; on: a session
			     * that came by none */
	SL_PLAN_VNF,
	SL_PLAN_PIN, /* remember the path of a session that leaves by such a port */
	SL_PLAN_L3_OUT,
	SL_PLAN_FRAGMENT, /* a port without addresses whose paths reassemble */
	SL_PLAN_TX,
	SL_PLAN_FUSE,  /* look flows up; `rank`: enum sl_plan_fuse. Its edges to where actions end
			* are the generation's to add */
	SL_PLAN_DRAIN, /* of a merged chain: choose between the new path and the old one, or note
			* which of them a session leaves by; `rank`: enum sl_plan_drain. On: the new
			* one; SL_EDGE_FIRST: the old one */
};

/* What a DRAIN hop is for. */
enum sl_plan_drain {
	SL_PLAN_DRAIN_IN,       /* where both can be entered */
	SL_PLAN_DRAIN_EARLY,    /* the same, but packets are not yet at their sessions' workers */
	SL_PLAN_DRAIN_OLD_EXIT, /* what leaves there belongs to the old chain */
	SL_PLAN_DRAIN_NEW_EXIT,
};

/* Of the places to look a flow up, which the packets take depends on where they are at home. */
enum sl_plan_fuse {
	SL_PLAN_FUSE_EARLY, /* behind rx, when the worker that polls is the flow's own */
	SL_PLAN_FUSE_LATE,  /* behind spread, otherwise */
	SL_PLAN_FUSE_INNER, /* behind a VNF that decapsulates: always */
};

#define SL_PLAN_NONE UINT16_MAX

struct sl_plan_hop {
	enum sl_plan_kind kind;
	char name[128];    /* unique: "lan:rx", "web/fw>", "web/fw<", "web/wan>out" */
	unsigned int port; /* all kinds but VNF; else UINT_MAX */
	unsigned int vnf;  /* VNF, SPREAD, inner FUSE; else UINT_MAX */
	unsigned int path; /* VNF; PIN, L3_OUT, FRAGMENT, SPREAD of a path; else UINT_MAX */
	unsigned int rank; /* PIN: the path's rank at the port */
	enum sl_part part; /* of a merged chain, of those kinds of which there may be both */
	enum sl_side from;
	uint8_t edge_count;               /* always at least 2: on, back */
	uint16_t edges[SL_EDGE_LAST + 1]; /* hop, or SL_PLAN_NONE */
};

struct sl_plan {
	struct sl_plan_hop *hops;
	unsigned int hop_count;
	uint16_t *rx;  /* per port: its RX hop */
	uint16_t *out; /* per port: its L3_OUT (with addresses) or TX, for what sluice sends */
	/* Per port: the VNF whose type->spread() decides, or UINT_MAX for the symmetric hash,
	 * and the side on which packets of the port reach it. Where the paths that steering
	 * chooses from want different ones, there is a SPREAD hop per path after the STEER hop,
	 * and these hold what the first path wants. */
	unsigned int *spread_vnf;
	enum sl_side *spread_side;
};

struct sl_plan *sl_plan_new(const struct sl_chain *chain, struct sl_errors *errors);
void sl_plan_free(struct sl_plan *plan);

#endif
