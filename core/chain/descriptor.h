/* SPDX-License-Identifier: BSD-3-Clause */
/* What others than the loader want to know of VNF descriptors. */
#ifndef CORE_CHAIN_DESCRIPTOR_H
#define CORE_CHAIN_DESCRIPTOR_H

#include <jansson.h>

#include <core/error/errors.h>

/* Names of all descriptors in the folders, sorted, NULL-ended; free with sl_names_free(). */
char **sl_descriptor_names(const char *const *folders, unsigned int count);
/* File of a descriptor in the first folder that has it; to be freed. NULL: in none. */
char *sl_descriptor_file(const char *name, const char *const *folders, unsigned int count);
/* Add the parameters of a descriptor to an object schema. Returns its `doc`, to be freed, or
 * NULL. */
char *sl_descriptor_schema(const char *name, const char *const *folders, unsigned int count,
			   json_t *with, struct sl_errors *errors);

#endif
