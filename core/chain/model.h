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

struct sl_chain_port {
	const char *name;
	const struct sl_port_kind *kind;
	const void *kind_config;
	const struct sl_port_config *config;
	struct sl_place place;
};

struct sl_chain_vnf {
	const char *name;
	const struct sl_node_type *type;
	const void *config;
	enum sl_on_fault on_fault;
	uint64_t memory;       /* cap of its arena, bytes; 0: none */
	const uint32_t *cores; /* lcores it is placed on; none: run to completion */
	unsigned int core_count;
	struct sl_place place;
};

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
};

/* Steering of one port: the config of an SL_NODE_STEERS type. SL_PATH values in it are
 * SL_EDGE_FIRST + the path's rank among the port's paths, in the order of the file. */
struct sl_chain_steering {
	unsigned int port;
	const struct sl_node_type *type;
	const void *config;
	struct sl_place place;
};

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
};

/* Read, check, report every error. NULL when there was any. No root, no DPDK, no devices.
 * vnf_folders: where VNF descriptors (NAME.yaml) are looked for. */
struct sl_chain *sl_chain_load(const char *file, struct sl_registry *registry,
			       const char *const *vnf_folders, unsigned int folder_count,
			       struct sl_errors *errors);
void sl_chain_free(struct sl_chain *chain);
/* JSON Schema (draft 2020-12) of chain files, from the tables of all plugins and port kinds. */
int sl_chain_schema(struct sl_registry *registry, FILE *out, struct sl_errors *errors);

#endif
