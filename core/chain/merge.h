/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two chains as one, for as long as flows of the old one finish on its paths while new ones take
 * those of the new (`sluice apply --drain`). It has the new chain's ports, VNFs, paths and
 * steerings first, in their order, and then what only the old one has, under names that no file can
 * have ("web@6": of generation 6). What goes on from the one to the other is there once.
 *
 * Paths that are the same in both, and meet no others at their ports, are there once, too. Of all
 * others both versions are, and where both can be entered, a DRAIN hop chooses (core/chain/plan.h).
 */
#ifndef CORE_CHAIN_MERGE_H
#define CORE_CHAIN_MERGE_H

#include <stdatomic.h>

#include <core/chain/model.h>

/* Of a merged chain. */
struct sl_merged {
	struct sl_chain *old, *new; /* both held */
	/* Per one of the old chain: which of the merged chain it is. */
	unsigned int *ports, *vnfs, *paths, *steerings;
	const char *suffix; /* "@6" */
	bool differs;       /* there are old paths: else there is nothing to drain */
	/* New flows take the new paths. One for all ports: else both directions of a new flow could
	 * find it otherwise at its two ends. Stored by main. */
	_Atomic bool cut;
};

struct sl_merge {
	struct sl_chain *old, *new;
	/* Per one of the new chain: that of the old one which goes on, or UINT_MAX. A steering only
	 * if nothing of it differs. */
	const unsigned int *ports, *vnfs, *steerings;
	uint64_t generation; /* the old one's number */
};

/* NULL with messages. It ends by sl_chain_free(). */
struct sl_chain *sl_merge(const struct sl_merge *merge, struct sl_errors *errors);

/* Whose memory the configuration of new things lies in: the new chain of a merged one, or the chain
 * itself. */
struct sl_chain *sl_merge_owner(struct sl_chain *chain);
/* Whether two names are the same but for the suffixes of merged chains. */
bool sl_merge_same_name(const char *a, const char *b);

#endif
