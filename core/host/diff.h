/* SPDX-License-Identifier: BSD-3-Clause */
/* What has to be done to get from the chain that runs to another one. */
#ifndef CORE_HOST_DIFF_H
#define CORE_HOST_DIFF_H

#include <core/host/engine.h>

enum sl_change_of { SL_OF_PORT, SL_OF_VNF, SL_OF_STEERING, SL_OF_PATH, SL_OF_FUSION };
extern const char *const sl_change_of_names[];

enum sl_change_kind {
	SL_CHANGE_KEPT,     /* the same, with all its state */
	SL_CHANGE_CHANGED,  /* takes the new configuration and keeps its state */
	SL_CHANGE_REPLACED, /* ends, and a new one of that name begins: state is lost */
	SL_CHANGE_ADDED,
	SL_CHANGE_REMOVED,
};
extern const char *const sl_change_kind_names[];

struct sl_change {
	enum sl_change_of of;
	enum sl_change_kind kind;
	char name[64];
	char detail[256]; /* what differs and what that means; may be "" */
};

#define SL_NEW UINT_MAX /* not one of the running generation's */

struct sl_diff {
	struct sl_change *changes;
	unsigned int count;
	/* Per port, VNF and steering of the new chain: index in the running one of the one that
	 * goes on, or SL_NEW. */
	unsigned int *ports, *vnfs, *steerings;
	bool *swaps;                /* per port: it stands on the device of one that must be closed
				     * before: `outgoing` */
	unsigned int *outgoing;     /* per port that swaps: index in the running chain */
	bool *configure_vnfs;       /* per VNF that goes on: its configuration differs */
	bool *configure_steerings;  /* the same */
	unsigned int *carried_vnfs; /* per VNF that is new: index in the running chain of the one
				     * whose state it takes over, or SL_NEW */
	uint64_t *masks;            /* per VNF: workers that run it */
	/* Of a merged chain (core/chain/merge.h): the part (enum sl_part) of the running one that
	 * does not go on, and that of the new one which is not the running one's; -1: none. */
	int ends, begins;
};

/* One that says nothing yet, for that chain; NULL: out of memory. */
struct sl_diff *sl_diff_empty(const struct sl_chain *chain);

/* NULL with messages. replace: names of VNFs and ports (for steering) that turned out to need a
 * new instance, NULL-ended; or NULL. fresh: one that gets a new instance though nothing differs; or
 * NULL. */
struct sl_diff *sl_diff_new(const struct sl_engine *engine, const struct sl_chain *chain,
			    const char *const *replace, const char *fresh,
			    struct sl_errors *errors);
void sl_diff_free(struct sl_diff *diff);
/* "1 VNF added, 2 changed; 1 port removed": at most size bytes. */
void sl_diff_summary(const struct sl_diff *diff, char *text, size_t size);

#endif
