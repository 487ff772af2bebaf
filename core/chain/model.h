/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A chain as its author wrote it, checked: what YAML and Lua both become. Immutable once
 * loaded. Holds the configuration structs of ports and VNFs, filled from their parameter
 * tables, until it is freed.
 */
#ifndef CORE_CHAIN_MODEL_H
#define CORE_CHAIN_MODEL_H

#include <core/error/errors.h>
#include <core/plugin/registry.h>
#include <core/port/port.h>

/* What happens to packets of an instance that was quarantined. */
enum sl_on_fault {
	SL_ON_FAULT_DROP,
	SL_ON_FAULT_BYPASS,
	SL_ON_FAULT_RESTART,
};

/* Defaults of what a chain says of restarts, ns. */
#define SL_RESTART_AFTER UINT64_C(100000000)
#define SL_RESTART_MOST  UINT64_C(60000000000)

/* Of a chain that is merged of two (core/chain/merge.h): which of them has it. */
enum sl_part {
	SL_PART_BOTH, /* all there is in other chains */
	SL_PART_OLD,
	SL_PART_NEW,
};

struct sl_chain_port {
	const char *name;
	const struct sl_port_kind *kind;
	const void *kind_config;
	const struct sl_port_config *config;
	struct sl_place place;
	enum sl_part part;
};

struct sl_chain_vnf {
	const char *name;
	const struct sl_node_type *type;
	const void *config;
	enum sl_on_fault on_fault;
	uint64_t restart_after; /* ns: the first time; twice as long each time, up to */
	uint64_t restart_most;
	uint64_t memory;       /* cap of its arena, bytes; 0: none */
	const uint32_t *cores; /* lcores it is placed on; none: run to completion */
	unsigned int core_count;
	/* The path each edge from SL_EDGE_FIRST on leads to, or SL_NO_PATH: the type's own edges
	 * (`edges:`), then the paths that its SL_PATH parameters name. */
	const uint32_t *edge_paths;
	unsigned int edge_count;
	struct sl_place place;
	enum sl_part part;
	const uint32_t *old_edge_paths; /* BOTH, in a merged chain: the same for old paths */
};

#define SL_NO_PATH UINT32_MAX

/* One stop of a path between its two ports. */
struct sl_chain_stop {
	unsigned int vnf;
	struct sl_place place;
};

struct sl_chain_path {
	const char *name;
	unsigned int first, last; /* ports */
	bool both_ways;           /* <-> ; else only first -> last */
	struct sl_chain_stop *stops;
	unsigned int stop_count;
	struct sl_place place;
	enum sl_part part;
};

/* Steering of one port: the config of an SL_NODE_STEERS type. SL_PATH values in it are
 * SL_EDGE_FIRST + the type's own edges + the path's rank among those that can be entered at the
 * port (sl_chain_entries()). */
struct sl_chain_steering {
	unsigned int port;
	const struct sl_node_type *type;
	const void *config;
	struct sl_place place;
	enum sl_part part;
};

/* `fusion`: how flows are fused. */
struct sl_chain_fusion {
	uint64_t given;
	uint32_t mode;          /* enum sl_fusion_mode */
	uint64_t sample;        /* one fused packet in so many is verified; 0: none */
	uint64_t flows;         /* most of each IP version, per worker */
	uint64_t idle;          /* ns */
	const char *mismatches; /* file, or NULL */
};

struct sl_store;  /* core/chain/store.h */
struct sl_merged; /* core/chain/merge.h */

struct sl_chain {
	const char *name; /* of the file, without folder and suffix, unless it says `name:` */
	const char *file;
	struct sl_chain_port *ports;
	unsigned int port_count;
	struct sl_chain_vnf *vnfs;
	unsigned int vnf_count;
	struct sl_chain_path *paths;
	unsigned int path_count;
	struct sl_chain_steering *steerings;
	unsigned int steering_count;
	const struct sl_chain_fusion *fusion;
	struct sl_store *store;   /* all memory above */
	unsigned int users;       /* see sl_chain_use() */
	struct sl_merged *merged; /* NULL: it is not merged of others */
};

/* A path as it can be entered at a port: from its first port, or, both ways, from its last. */
struct sl_chain_entry {
	unsigned int path;
	enum sl_side from;
};

/* Most paths that can be entered at one port: what fits the edges of a hop. */
#define SL_MAX_ENTRIES (SL_EDGE_LAST + 1 - SL_EDGE_FIRST)

/* The entries of a port, in the order of the file; returns how many there are, which may be
 * more than the `room` that were written. Of a merged chain: those of the new one. */
unsigned int sl_chain_entries(const struct sl_chain *chain, unsigned int port,
			      struct sl_chain_entry *entries, unsigned int room);
/* Of a merged chain: those by paths that only the old one has. */
unsigned int sl_chain_old_entries(const struct sl_chain *chain, unsigned int port,
				  struct sl_chain_entry *entries, unsigned int room);

/*
 * Read, check, report every error; what is odd but allowed (a VNF in no path) is a note. NULL
 * when there was any error. No root, no DPDK, no devices.
 *
 * vnf_folders: where VNF descriptors (NAME.yaml) are looked for.
 * On success sl_fail_at() goes on to know the places of the chain's fields, so the sink must
 * not be used with it after sl_chain_free() unless sl_errors_resolve() says otherwise.
 */
struct sl_chain *sl_chain_load(const char *file, struct sl_registry *registry,
			       const char *const *vnf_folders, unsigned int folder_count,
			       struct sl_errors *errors);
/* The same for text in memory; file: its name in messages. */
struct sl_chain *sl_chain_load_bytes(const char *file, const char *bytes, size_t size,
				     struct sl_registry *registry, const char *const *vnf_folders,
				     unsigned int folder_count, struct sl_errors *errors);
/* One more holds the chain: instances and ports live longer than the generation that they were
 * made for, and their configuration lies in its chain. Main thread. Returns the chain. */
struct sl_chain *sl_chain_use(struct sl_chain *chain);
/* One holds it no more, at first who loaded it; the last frees it. NULL is allowed. */
void sl_chain_free(struct sl_chain *chain);
/* Where a field of the chain's configuration structs was written: a sl_place_fn, the context
 * is the chain. */
bool sl_chain_place(void *chain, const void *field, struct sl_place *place);
/* JSON Schema (draft 2020-12) of chain files, from the tables of all plugins and port kinds and
 * the VNF descriptors in the folders. */
int sl_chain_schema(struct sl_registry *registry, const char *const *vnf_folders,
		    unsigned int folder_count, FILE *out, struct sl_errors *errors);

#endif
