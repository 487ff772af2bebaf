/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the loader share while one chain file is read. */
#ifndef CORE_CHAIN_LOAD_H
#define CORE_CHAIN_LOAD_H

#include <core/chain/model.h>
#include <core/chain/params.h>

/* Longest name of a port, VNF or path. */
#define SL_MAX_NAME 40

/* What every VNF takes beside its plugin's own parameters. */
struct sl_vnf_common {
	uint64_t given;
	const char *plugin;
	const char *vnf;
	uint32_t on_fault;
	struct sl_list cores; /* of struct sl_span */
	uint64_t memory;
	uint64_t restart_after, restart_most;
};
extern const struct sl_param sl_vnf_common_params[];
/* Same, by index in the table: bits of `given`. */
enum {
	SL_VNF_PLUGIN,
	SL_VNF_VNF,
	SL_VNF_ON_FAULT,
	SL_VNF_CORES,
	SL_VNF_MEMORY,
	SL_VNF_RESTART_AFTER,
	SL_VNF_RESTART_MOST,
};

/* One instance to be made: a VNF of the file, or one node of a descriptor that it uses. */
struct sl_vnf_source {
	const char *name; /* "fw", or "edge.fw" */
	const struct sl_tree *tree;
	const struct sl_vnf_common *use; /* of a descriptor: what its user said; else NULL */
	struct sl_place place;
};

/* A name in `vnfs:` and the instances it stands for, in order. */
struct sl_vnf_use {
	const char *name;
	struct sl_place place;
	const char *descriptor; /* file, or NULL */
	unsigned int first, count;
	bool used;   /* stands in a path */
	bool broken; /* told already; say nothing more about it */
};

struct sl_loader {
	struct sl_chain *chain;
	struct sl_store *store;
	struct sl_errors *errors;
	struct sl_registry *registry;
	const char *const *folders;
	unsigned int folder_count;
	const struct sl_tree *root;
	unsigned int errors_before; /* in the sink when the file was begun */
	struct sl_vnf_use *uses;
	unsigned int use_count;
	struct sl_vnf_source *sources;
	unsigned int source_count, source_room;
};

/* sl_chain_load_bytes() with less memory for the chain, to see what happens without it. */
struct sl_chain *sl_chain_load_within(size_t memory, const char *file, const char *bytes,
				      size_t size, struct sl_registry *registry,
				      const char *const *vnf_folders, unsigned int folder_count,
				      struct sl_errors *errors);

/* The same for a tree that is there already; the store that it lies in becomes the chain's, or is
 * freed. */
struct sl_chain *sl_chain_load_tree(struct sl_store *store, const struct sl_tree *root,
				    const char *file, struct sl_registry *registry,
				    const char *const *vnf_folders, unsigned int folder_count,
				    struct sl_errors *errors);

/* Names: letters, digits, `-` and `_`, starting with a letter, none that means something else.
 * what: "port". */
bool sl_check_name(struct sl_loader *loader, const struct sl_tree *name, const char *what);
/* A map of that name at the top, or NULL; says when it is missing or no map. */
const struct sl_tree *sl_top_map(struct sl_loader *loader, const char *name, bool required);
bool sl_add_source(struct sl_loader *loader, const struct sl_vnf_source *source);

/* The nodes of a descriptor become sources. value: the map with `vnf:` and `with:`. */
bool sl_expand_descriptor(struct sl_loader *loader, struct sl_vnf_use *use,
			  const struct sl_tree *value, const struct sl_vnf_common *common);

/* chain->paths from `paths:`; uses must be known. */
void sl_read_paths(struct sl_loader *loader);
/* chain->ports: first names and kinds, later their configuration. */
void sl_read_ports(struct sl_loader *loader);
/* uses and sources from `vnfs:`; then, when paths are known, chain->vnfs. */
void sl_name_vnfs(struct sl_loader *loader);
void sl_read_vnfs(struct sl_loader *loader);
void sl_read_steering(struct sl_loader *loader);
void sl_read_fusion(struct sl_loader *loader);
extern const struct sl_param sl_fusion_params[];

/* Number of a path, or SL_NO_PATH with a message and a near miss. */
uint32_t sl_find_path(struct sl_loader *loader, const struct sl_tree *name);
/* Message about a name that is not among those known. */
void sl_unknown_name(struct sl_loader *loader, struct sl_place place, const char *what,
		     const char *name, const char *const *known);
/* Whether there is an error in that file, such as a descriptor. */
bool sl_errors_in(struct sl_errors *errors, const char *file);
/* What somebody else reported without a place happened here. */
void sl_errors_move(struct sl_errors *from, struct sl_errors *to, struct sl_place place);

#endif
