/* SPDX-License-Identifier: BSD-3-Clause */
/* Stands in for core/chain until it is there. */
#include <errno.h>

#include <core/chain/model.h>

struct sl_chain *__attribute__((weak))
sl_chain_load(const char *file, struct sl_registry *registry, const char *const *vnf_folders,
	      unsigned int folder_count, struct sl_errors *errors)
{
	sl_fail(errors, ENOSYS, "%s: chains cannot be read yet", file);
	return NULL;
}

void __attribute__((weak)) sl_chain_free(struct sl_chain *chain)
{
	(void)chain;
}
