/* SPDX-License-Identifier: BSD-3-Clause */
/* `fusion:`, a mode or a map. */
#include <core/chain/load.h>
#include <core/chain/schema.h>

static const char *const modes[] = {"off", "on", "verify", NULL};

const struct sl_param sl_fusion_params[] = {
	{.name = "mode",
	 .kind = SL_ENUM,
	 .offset = offsetof(struct sl_chain_fusion, mode),
	 .def = "on",
	 .names = modes,
	 .doc = "Whether later packets of a flow take the action of its first at once; `verify` "
		"walks the graph as well and compares."},
	{.name = "sample",
	 .kind = SL_UINT,
	 .offset = offsetof(struct sl_chain_fusion, sample),
	 .def = "4096",
	 .max = 1 << 30,
	 .doc = "With `on`, one fused packet in so many is verified; 0: none."},
	{.name = "flows",
	 .kind = SL_UINT,
	 .offset = offsetof(struct sl_chain_fusion, flows),
	 .def = "1048576",
	 .min = 64,
	 .max = 1 << 26,
	 .doc = "The most flows of IPv4, and as many of IPv6, that a worker fuses at a time; "
		"memory "
		"is taken as they come."},
	{.name = "idle",
	 .kind = SL_DURATION,
	 .offset = offsetof(struct sl_chain_fusion, idle),
	 .def = "30 s",
	 .min = 1000000,
	 .doc = "A flow that was not used for so long is fused no more."},
	{.name = "mismatches",
	 .kind = SL_TEXT,
	 .offset = offsetof(struct sl_chain_fusion, mismatches),
	 .doc = "File (pcapng) for the packets in which verification found a difference: first as "
		"the action made them, then as the graph did."},
	{.name = NULL},
};

void sl_read_fusion(struct sl_loader *loader)
{
	const struct sl_tree *tree = sl_tree_get(loader->root, "fusion");
	struct sl_params_reader reader = {.store = loader->store, .errors = loader->errors};
	struct sl_chain_fusion *fusion = sl_store_alloc(loader->store, 1, sizeof(*fusion));
	const struct sl_section section = {sl_fusion_params, fusion};
	bool scalar = tree != NULL && tree->kind == SL_TREE_SCALAR;

	if (fusion == NULL)
		return;
	loader->chain->fusion = fusion;
	sl_store_place(loader->store, fusion, sizeof(*fusion),
		       tree != NULL ? tree->place : loader->root->place);
	sl_params_read(&reader, scalar ? NULL : tree, &section, 1, NULL, "`fusion`");
	if (scalar)
		sl_param_read(&reader, tree, &sl_fusion_params[0], &fusion->mode);
}
