/* SPDX-License-Identifier: BSD-3-Clause */
/* The parameters that a VNF descriptor declares. */
#ifndef CORE_CHAIN_DEFINITION_H
#define CORE_CHAIN_DEFINITION_H

#include <core/chain/load.h>

struct sl_definition {
	uint64_t given;
	uint32_t kind; /* enum sl_param_kind; SL_TABLE: any */
	bool list, optional;
	struct sl_list words; /* of const char * */
	uint64_t min, max;
	const char *doc;
};

/* Read what stands under the name of a parameter; false when it is wrong, which is told. */
bool sl_definition_read(struct sl_loader *loader, const struct sl_tree_item *item,
			struct sl_definition *definition);
/* The definition as a parameter of a table; false: out of memory. Not for kind `any`. */
bool sl_definition_param(struct sl_store *store, const char *name,
			 const struct sl_definition *definition, struct sl_param *param);
/* Whether a value is of the parameter's kind; tells when it is not. */
bool sl_definition_check(struct sl_loader *loader, const char *name,
			 const struct sl_definition *definition, const struct sl_tree *value);

#endif
