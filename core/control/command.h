/* SPDX-License-Identifier: BSD-3-Clause */
/* Running the commands that node types declare (struct sl_command). Main thread. */
#ifndef CORE_CONTROL_COMMAND_H
#define CORE_CONTROL_COMMAND_H

#include <jansson.h>

#include <sluice/node.h>

/* One call of collect() on a worker that runs the instance, with those arguments. Returns how
 * many records were written, or -errno (the worker does not answer). */
typedef int (*sl_collect_fn)(void *context, struct sl_instance *instance, uint32_t worker,
			     const struct sl_command *command, const void *args, uint64_t *cursor,
			     void *records, uint32_t room);

const struct sl_command *sl_command_find(const struct sl_node_type *type, const char *name);

/*
 * Run a command. limit: most records to render, 0: all; "truncated" says that there were more.
 *
 * The answer is what show() wrote; or {"records": [...]} for those that collect and render; or
 * {"count": n}, the sum of what collect() returned. NULL with messages.
 */
json_t *sl_command_run(struct sl_instance *instance, const struct sl_command *command,
		       const void *args, uint64_t limit, sl_collect_fn collect, void *context,
		       struct sl_errors *errors);

#endif
