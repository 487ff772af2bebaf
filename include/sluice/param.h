/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The parameter table: a plugin names each of its parameters once, and the reader of chain
 * files, the checker, the JSON Schema, the docs, completion and the API all come from it.
 *
 * The engine reads YAML or Lua into a struct of the plugin's, which create() gets whole and
 * checked. Such a struct, and that of each nested table, starts with
 *
 *     uint64_t given;   // bit i: the i-th parameter of the table was written in the file
 *
 * so at most 64 parameters stand in one table. Parameters that were not given hold their
 * default (`def`), or zeros.
 */
#ifndef SLUICE_PARAM_H
#define SLUICE_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/address.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a parameter holds, and the C type of its field. */
enum sl_param_kind {
	SL_BOOL,     /**< bool: true or false */
	SL_UINT,     /**< uint64_t, within min..max */
	SL_DURATION, /**< uint64_t nanoseconds: "300 ms", "5 s", "2 min", "1 h", "1 d" */
	SL_SIZE,     /**< uint64_t bytes: "64", "16 KiB", "4 MiB", "1 GiB", "10 kB" */
	SL_BITRATE,  /**< uint64_t bits a second: "10 Mbit/s", "1 Gbit/s" */
	SL_RATE,     /**< uint64_t events a second: "100/s", "20/min", "5 k/s" (at least 1) */
	SL_TEXT,     /**< const char *; NULL when absent */
	SL_ENUM,     /**< uint32_t: index into `names` */
	SL_ADDR,     /**< struct sl_addr */
	SL_PREFIX,   /**< struct sl_prefix; a bare address is a host prefix; "any": see below */
	SL_IFADDR,   /**< struct sl_prefix that keeps its host bits: "192.0.2.1/24" */
	SL_ADDRS,    /**< struct sl_addr_range: an address, "a-b" or a prefix */
	SL_MAC,      /**< struct rte_ether_addr */
	SL_SPAN,     /**< struct sl_span: a number or "a-b", each within min..max */
	SL_PROTO, /**< uint32_t: "tcp", "udp", "icmp", "icmpv6", "sctp", ..., 0..255; "any": 256 */
	SL_PATH,  /**< uint32_t: number of the out-edge that leads to the named path */
	SL_TABLE, /**< a nested struct described by `fields` */
};

/** Value of an SL_PROTO field that matches every protocol. */
#define SL_PROTO_ANY 256

/** Flags of a parameter. */
enum sl_param_flag {
	SL_REQUIRED = 1 << 0, /**< must be given */
	/** The field is a struct sl_list of that kind; a lone value is a list of one. */
	SL_LIST = 1 << 1,
	/** Give exactly one of the parameters of this table that carry this flag. */
	SL_ONE_OF = 1 << 2,
	/** May change while the chain runs without losing sessions (see configure()). */
	SL_LIVE = 1 << 3,
	/** SL_TABLE only: the fields stand among the parent's own instead of under a name. */
	SL_INLINE = 1 << 4,
};

/** A list in a configuration struct. Items are owned by the engine, like the struct itself. */
struct sl_list {
	void *items;
	uint32_t count;
};

/** Item number i of a list of that type. */
#define SL_ITEM(list, type, i) (&((const type *)(list)->items)[i])

/**
 * One parameter. A table ends with an entry whose name is NULL.
 *
 * SL_PREFIX reads "any" as length 0 with SL_FAMILY_ANY.
 */
struct sl_param {
	const char *name; /**< as written in files: lower-case, dashes */
	enum sl_param_kind kind;
	unsigned int flags;            /**< enum sl_param_flag */
	size_t offset;                 /**< of the field in its struct */
	const char *def;               /**< default, as it would be written; NULL: none */
	uint64_t min, max;             /**< inclusive limits; both 0: those of the kind */
	const char *const *names;      /**< SL_ENUM: the words, NULL-ended */
	const struct sl_param *fields; /**< SL_TABLE: its table */
	size_t size;                   /**< SL_TABLE: sizeof its struct */
	const char *doc;               /**< one sentence: what it does, its unit */
};

#ifdef __cplusplus
}
#endif
#endif
