/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a chain file: read, checked, planned, its places asked for. */
#include <assert.h>
#include <stdlib.h>

#include <core/chain/plan.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small, so that a finding's input is; the limits of the reader have tests of their own. */
#define MOST_BYTES 65536

static const char *const plugin_folders[] = {SL_BUILD_DIR "/plugins"};
static const char *const vnf_folders[] = {SL_SOURCE_DIR "/vnfs"};
static struct sl_registry *registry;

static void ask_places(struct sl_chain *chain)
{
	struct sl_place place;

	for (unsigned int i = 0; i < chain->vnf_count; i++) {
		assert(sl_chain_place(chain, chain->vnfs[i].config, &place));
		assert(place.file != NULL && place.line > 0 && place.column > 0);
	}
	for (unsigned int i = 0; i < chain->port_count; i++)
		assert(sl_chain_place(chain, chain->ports[i].config, &place));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_chain *chain;
	char *text = NULL;
	size_t length;
	FILE *out;

	if (registry == NULL)
		registry = sl_registry_new(plugin_folders, 1);
	if (size > MOST_BYTES)
		size = MOST_BYTES;
	chain = sl_chain_load_bytes("fuzz.yaml", (const char *)data, size, registry, vnf_folders, 1,
				    errors);
	assert((chain != NULL) == (sl_errors_count(errors) == 0));
	if (chain != NULL) {
		struct sl_plan *plan = sl_plan_new(chain, errors);

		assert(plan != NULL);
		sl_plan_free(plan);
		ask_places(chain);
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
