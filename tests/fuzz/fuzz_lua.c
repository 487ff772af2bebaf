/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a chain script: scanned, run, its table made a tree, checked, its places asked for.
 */
#include <assert.h>
#include <stdlib.h>

#include <core/chain/model.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_BYTES 16384

static const char *const plugin_folders[] = {SL_BUILD_DIR "/plugins"};
static struct sl_registry *registry;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_chain *chain;
	struct sl_place place;
	char *text = NULL;
	size_t length;
	FILE *out;

	if (registry == NULL)
		registry = sl_registry_new(plugin_folders, 1);
	if (size > MOST_BYTES)
		size = MOST_BYTES;
	chain = sl_chain_load_bytes("fuzz.lua", (const char *)data, size, registry, NULL, 0,
				    errors);
	assert((chain != NULL) == (sl_errors_count(errors) == 0));
	for (unsigned int i = 0; chain != NULL && i < chain->vnf_count; i++) {
		assert(sl_chain_place(chain, chain->vnfs[i].config, &place));
		assert(place.file != NULL && place.line > 0);
	}
	for (unsigned int i = 0; i < sl_errors_count(errors); i++)
		assert(sl_errors_get(errors, i)->place.line > 0);
	if (chain != NULL) {
		sl_errors_resolve(errors, NULL, NULL);
		sl_chain_free(chain);
	}
	out = open_memstream(&text, &length);
	sl_errors_print(errors, out);
	fclose(out);
	free(text);
	sl_errors_free(errors);
	return 0;
}
