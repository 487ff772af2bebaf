/* SPDX-License-Identifier: BSD-3-Clause */
/* "name=value" pairs become the struct that a command's parameter table describes. */
#ifndef CORE_CONTROL_ARGUMENTS_H
#define CORE_CONTROL_ARGUMENTS_H

#include <core/error/errors.h>
#include <sluice/param.h>

struct sl_arg {
	const char *name, *value;
};

/* Most arguments in one request. */
#define SL_MAX_ARGS 64

struct sl_arguments;

/* The same name again makes a list. skip: names that are not the command's, NULL-ended, or NULL.
 * what: "command `sessions`", for messages. NULL with messages. */
struct sl_arguments *sl_arguments_read(const struct sl_param *params, size_t size,
				       const struct sl_arg *args, unsigned int count,
				       const char *const *skip, const char *what,
				       struct sl_errors *errors);
/* The filled struct; lives as long as the arguments. */
const void *sl_arguments_struct(const struct sl_arguments *arguments);
void sl_arguments_free(struct sl_arguments *arguments);

#endif
