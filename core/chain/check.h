/* SPDX-License-Identifier: BSD-3-Clause */
/* `sluice check`: is a chain file right? Needs no root, no hugepages, no devices. */
#ifndef CORE_CHAIN_CHECK_H
#define CORE_CHAIN_CHECK_H

#include <core/chain/model.h>

/* Print all errors and notes to out; silent when there are none. Returns the program's exit
 * status: 0, or 2 when there were errors. */
int sl_check(const char *file, struct sl_registry *registry, const char *const *vnf_folders,
	     unsigned int folder_count, FILE *out);

#endif
