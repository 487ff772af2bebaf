/* SPDX-License-Identifier: BSD-3-Clause */
/* Scripts of any text, in a policy's and in a node's state: compiled, rewritten, run. */
#include <dlfcn.h>

#include "script.h"

#include "../../plugins/lua/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sl_node_type *type(unsigned int number)
{
	static const struct sl_plugin *plugin;

	if (plugin == NULL) {
		void *handle = dlopen(SL_BUILD_DIR "/plugins/lua.so", RTLD_NOW | RTLD_LOCAL);

		plugin = handle != NULL ? dlsym(handle, "sl_plugin") : NULL;
		if (plugin == NULL)
			abort();
	}
	return &plugin->types[number];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_config config = {.idle = 1};
	char text[4096];

	size = RTE_MIN(size, sizeof(text) - 1);
	memcpy(text, data, size);
	text[size] = '\0';
	config.script.script = text;
	config.script.steps = 3000;
	config.script.memory = 4 << 20;
	type(0)->check(&config.script, NULL);
	if (size > 0 && (text[0] & 1))
		type(1)->check(&config, NULL);
	return 0;
}
