/* SPDX-License-Identifier: BSD-3-Clause */
/* One search tree while it is compiled: layout.c, alternatives.c and compile.c work on it. */
#ifndef CORE_MATCH_BUILD_H
#define CORE_MATCH_BUILD_H

#include "match.h"

/* Fields of a key: class, 2 x 4 address words, 2 ports, 4 types, 2 link, mark, 4 of MACs. */
#define SL_MATCH_MAX_FIELDS 22
/* Lists that a rule may have, and its classes. */
#define SL_MATCH_MAX_DIMS 14
/* The alternatives of one list: `width` neighbouring fields each, from field `first` on. */
struct sl_match_dim {
	unsigned int first, width;
	uint32_t count, room;
	struct rte_acl_field *fields; /* count x width */
};

struct sl_match_build {
	enum sl_match_group group;
	const struct sl_match *const *rules;
	uint32_t count;
	struct sl_match_tree *tree;
	struct rte_acl_config config;
	unsigned int field_of[SL_WORD_COUNT];
	struct sl_match_dim dims[SL_MATCH_MAX_DIMS];
	unsigned int dim_count;
	struct sl_errors *errors;
};

/* Choose the words of the key and describe its fields to rte_acl. */
void sl_match_lay_out(struct sl_match_build *build);
/* Write out the lists of one rule into build->dims. False: no memory. */
bool sl_match_dims(struct sl_match_build *build, const struct sl_match *match);
void sl_match_dims_free(struct sl_match_build *build);

#endif
