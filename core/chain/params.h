/* SPDX-License-Identifier: BSD-3-Clause */
/* From a tree to the C structs that parameter tables describe. Knows no table by name. */
#ifndef CORE_CHAIN_PARAMS_H
#define CORE_CHAIN_PARAMS_H

#include <sluice/param.h>

#include <core/chain/tree.h>

struct sl_params_reader {
	struct sl_store *store; /* of the structs' lists and texts, and of their places */
	struct sl_errors *errors;
	/* Number of the edge that leads to a named path; reports what is wrong with the name
	 * itself. NULL: paths cannot be named here. */
	bool (*path)(void *context, const struct sl_tree *name, uint32_t *edge);
	void *path_context;
};

/* A table and the struct it fills. Several may share one map, such as the common parameters of
 * all ports and those of one kind. */
struct sl_section {
	const struct sl_param *table; /* NULL: none */
	void *config;                 /* zeroed */
};

/*
 * Read a map into structs, with defaults, limits and places; report every error. NULL map: only
 * defaults.
 * skip: keys that are somebody else's, NULL-ended, or NULL.
 * what: "vnf `fw`", for messages.
 */
void sl_params_read(struct sl_params_reader *reader, const struct sl_tree *map,
		    const struct sl_section *sections, unsigned int count, const char *const *skip,
		    const char *what);
/* Read one value, or a list, of one parameter into its field. */
void sl_param_read(struct sl_params_reader *reader, const struct sl_tree *value,
		   const struct sl_param *param, void *field);

#endif
