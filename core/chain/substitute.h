/* SPDX-License-Identifier: BSD-3-Clause */
/* Putting the values of a descriptor's parameters where its nodes refer to them. */
#ifndef CORE_CHAIN_SUBSTITUTE_H
#define CORE_CHAIN_SUBSTITUTE_H

#include <core/chain/load.h>

/* Most values in a tree once all references are replaced. */
#define SL_MAX_WEIGHT 2000000

/* A parameter and the value it has in this use. */
struct sl_argument {
	const char *name;
	const struct sl_tree *value; /* NULL: optional and not given */
};

struct sl_arguments {
	struct sl_loader *loader;
	struct sl_argument *items;
	uint32_t count;
	uint64_t weight; /* of all that was put in */
	bool failed;     /* told already */
};

const struct sl_argument *sl_argument_find(const struct sl_arguments *arguments, const char *name,
					   size_t length);
void sl_argument_unknown(struct sl_arguments *arguments, struct sl_place place, const char *name);
/* A copy of the tree with values in place of references. NULL when it failed, or when the tree
 * is a reference to a parameter that was not given. */
const struct sl_tree *sl_substitute(struct sl_arguments *arguments, const struct sl_tree *tree);

#endif
