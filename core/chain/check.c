/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/chain/check.h>

int sl_check(const char *file, struct sl_registry *registry, const char *const *vnf_folders,
	     unsigned int folder_count, FILE *out)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_chain *chain;

	if (errors == NULL) {
		fputs("error: out of memory\n", out);
		return 2;
	}
	chain = sl_chain_load(file, registry, vnf_folders, folder_count, errors);
	sl_errors_print(errors, out);
	sl_errors_free(errors);
	sl_chain_free(chain);
	return chain != NULL ? 0 : 2;
}
