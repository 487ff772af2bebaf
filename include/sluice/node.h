/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The node contract: all that a plugin author needs. A plugin is a shared object that exports
 * one `struct sl_plugin` named `sl_plugin`, which lists the node types it provides.
 *
 * How it fits together. A chain file names VNFs; each becomes an *instance* of a node type. An
 * instance stands in one or more paths, each way: every such place is a *hop*. Every worker
 * has its own copy of all hops and its own state of every instance, so process() needs no
 * locks: the memory it writes belongs to one worker.
 *
 * A node never enqueues, frees or transmits a packet. It says which way each goes.
 */
#ifndef SLUICE_NODE_H
#define SLUICE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <sluice/address.h>
#include <sluice/checksum.h>
#include <sluice/error.h>
#include <sluice/json.h>
#include <sluice/memory.h>
#include <sluice/packet.h>
#include <sluice/param.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Tells a sluice plugin from any other shared object that has a symbol of that name. */
#define SL_PLUGIN_MAGIC 0x73756c63u
/** Version of this contract. A plugin of another version is refused. */
#define SL_PLUGIN_ABI 4u

/** Most packets in one call of process(). */
#define SL_BURST 256

struct sl_instance;
struct sl_node;
struct sl_export; /* sluice/state.h */

/** Where a packet comes from, as seen by a hop. */
enum sl_side {
	SL_INSIDE = 0,  /**< from nearer the path's first port; it travels forward */
	SL_OUTSIDE = 1, /**< from nearer the path's last port; it travels backward */
};

/**
 * Values of edge[]. Edges from SL_EDGE_FIRST on are the node type's own, in the order of its
 * `edges`, followed by the paths that its SL_PATH parameters name.
 */
enum sl_edge {
	SL_ON = 0,          /**< on, the way it travels: what edge[] holds on entry */
	SL_BACK = 1,        /**< turn round: to the hop before this one, travelling the other way */
	SL_EDGE_FIRST = 2,  /**< the first edge of the type's own */
	SL_EDGE_LAST = 122, /**< 123..125 are the engine's own */
	SL_HELD = 126,      /**< the node keeps it, after sl_hold(); only SL_NODE_HOLDS types */
	SL_EDGE_DROP = 128,
};

/** The edge that drops a packet for the reason of that index (0..126) in `reasons`. */
#define SL_DROP(reason) ((uint8_t)(SL_EDGE_DROP + (reason)))

/**
 * Decide about n packets (1..SL_BURST).
 *
 * @param node  this hop on this worker
 * @param pkts  the packets; the array may not be changed
 * @param edge  holds SL_ON (0) for each; write others as needed
 *
 * Called on a worker. It must not block, allocate, log or make a system call.
 */
typedef void (*sl_process_fn)(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge,
			      uint16_t n);

/** A name and what it means: an edge, a drop reason, a counter, an event. */
struct sl_name {
	const char *name; /**< lower-case, dashes; NULL ends a list */
	const char *doc;  /**< one sentence */
};

/**
 * Something an operator can ask of an instance, such as to list or clear its sessions:
 * `sluice show VNF NAME` for those that only look, `sluice do VNF NAME` for those that change.
 *
 * Give `show` for what the main thread can tell by itself (it may read a worker's counters
 * while they change). Give `collect` and `render` for what only a worker can safely read or
 * change: collect() runs on each worker in turn, between two bursts, and render() on the main
 * thread for each record collected.
 */
struct sl_command {
	const char *name;
	const char *doc;
	bool changes;                /**< changes something: needs the right to */
	const struct sl_param *args; /**< parameters of the command, or NULL */
	size_t args_size;            /**< sizeof their struct */

	/** Main thread. Write members into out. @return 0 or -errno with a message */
	int (*show)(struct sl_instance *instance, const void *args, struct sl_json *out,
		    struct sl_errors *errors);

	uint32_t record_size; /**< bytes of one record, at most 512 */
	/**
	 * Worker. Visit some state (at most a few hundred entries: packets are waiting), write
	 * at most `room` records and move *cursor on; it is 0 on the first call, and
	 * UINT64_MAX, set by collect(), says that all is done.
	 * @return how many records were written
	 */
	uint32_t (*collect)(struct sl_node *node, const void *args, uint64_t *cursor, void *records,
			    uint32_t room);
	/** Main thread. Write one record's members. */
	void (*render)(struct sl_instance *instance, const void *record, struct sl_json *out);
};

/** Flags of a node type. */
enum sl_node_flag {
	/** It looks at transport headers and wants whole datagrams: where it stands in a path,
	 * fragments are reassembled before the chain and made again after it. */
	SL_NODE_WHOLE_DATAGRAMS = 1 << 0,
	/** It chooses paths: it can serve a chain's `steering`. The engine makes one instance
	 * per port and fills the SL_PATH edges with the port's paths. */
	SL_NODE_STEERS = 1 << 1,
	/** It may hold packets. */
	SL_NODE_HOLDS = 1 << 2,
	/** Its state follows the session: both directions must reach the same worker. */
	SL_NODE_STATEFUL = 1 << 3,
	/** process() may change the length of packets (push or pop a header, trim): the engine
	 * then sums their bytes again. Without it, what came in is taken to go out. */
	SL_NODE_RESIZES = 1 << 4,
	/** It says its decisions on trails: see sluice/trail.h. Without it, fused actions end
	 * before it. */
	SL_NODE_TRAILS = 1 << 5,
	/** What comes to it from outside leaves it as another packet, that was inside: its flow is
	 * looked up anew behind it. Fused actions end before it on that side. */
	SL_NODE_DECAPSULATES = 1 << 6,
	/** It hands out ports of the addresses that it claims: no other instance may do so with the
	 * same at the same time. */
	SL_NODE_HANDS_OUT = 1 << 7,
};

/** What fused packets of a session did: see sl_trail_session(). */
struct sl_usage {
	uint64_t packets;
	uint64_t bytes; /**< lengths as they would have come to the node */
	uint64_t seen;  /**< sl_now() of the last of them */
};

/** A node type. All strings and tables are constant and live as long as the plugin. */
struct sl_node_type {
	const char *name;   /**< as `plugin:` names it in a chain file */
	const char *doc;    /**< one sentence */
	unsigned int flags; /**< enum sl_node_flag */

	const struct sl_name *edges;    /**< its own edges, or NULL */
	const struct sl_name *reasons;  /**< why it drops, or NULL; at most 126 */
	const struct sl_name *counters; /**< what it counts, or NULL; at most 64 */
	const struct sl_name *events;   /**< what it reports, or NULL */
	const struct sl_param *params;  /**< its parameters, or NULL */
	size_t config_size;             /**< sizeof the struct that params fill */
	size_t instance_size;           /**< bytes of sl_instance_data(), zeroed */
	size_t state_size;              /**< bytes of node->state, zeroed, one per worker */

	/** What the table cannot say (two parameters that exclude each other). Pure: no side
	 * effects, no root, no DPDK. May be NULL. @return 0 or -EINVAL */
	int (*check)(const void *config, struct sl_errors *errors);
	/** Make an instance. The config lives until destroy() or the next configure(). May be
	 * NULL. Main thread. @return 0 or -errno; after an error destroy() is not called */
	int (*create)(struct sl_instance *instance, const void *config, struct sl_errors *errors);
	/** Take a new configuration while workers run: build beside, publish with one release
	 * store, free the old after sl_synchronize(). NULL: the engine makes a new instance
	 * instead. Main thread. @return 0, or -errno and nothing changed */
	int (*configure)(struct sl_instance *instance, const void *config,
			 struct sl_errors *errors);
	/** The instance ends; no worker can see it. Arena memory need not be freed. May be NULL. */
	void (*destroy)(struct sl_instance *instance);
	/** Make a worker's state (node->state) before the worker first runs. Main thread. May be
	 * NULL. @return 0 or -errno */
	int (*worker_init)(struct sl_node *node, struct sl_errors *errors);

	sl_process_fn process;
	/** Called on each worker about every tick_ms: age sessions, release held packets. Do a
	 * slice of the work, at most some tens of microseconds. May be NULL. */
	void (*tick)(struct sl_node *node);
	uint32_t tick_ms;
	/** Called on the main thread about every poll_ms while the instance runs: for what no
	 * worker may do, such as sockets. It must not block: ports, events and the API wait
	 * meanwhile; at most a millisecond or so. Not called before create() has returned 0, nor
	 * during or after destroy(). May be NULL. */
	void (*poll)(struct sl_instance *instance);
	uint32_t poll_ms;

	/**
	 * Choose the worker of a packet that arrives at the end of a path on that side, where
	 * this is the hop nearest that end which has a spread(). NULL: symmetric hash.
	 * @return any number; the packet goes to worker (number % workers). Any thread, reads
	 *         only what is immutable
	 */
	uint32_t (*spread)(const struct sl_instance *instance, const struct rte_mbuf *m,
			   enum sl_side from, uint32_t workers);

	/** Take over what fused packets of a session did since the last call. `handle` as given to
	 * sl_trail_session(); node: some hop of the instance on this worker. Worker; it may not
	 * call sl_anchor_*(). NULL: the type has no use for it. */
	void (*credit)(struct sl_node *node, uint64_t handle, const struct sl_usage *usage);
	/**
	 * Is the fused action right for these packets? As they came in: other nodes have changed
	 * nothing of them yet, so look only at what none changes. Called on the worker for flows
	 * with sl_trail_guard(), with the packets of a burst, in their order, whose flows ask this
	 * hop; handles[i] is that of pkts[i]. The lines that their state lies in are best all
	 * fetched before the first is looked at.
	 *
	 * edge[] holds SL_ON for each, as for process(): the action is right. Write SL_DROP() where
	 * the node drops the packet. A packet for which it is not right has to walk the graph, and
	 * then the node sees it in process(): stop there and return how many came before it. You
	 * are asked anew about those behind it.
	 *
	 * With commit, take note of each packet that does not walk as process() would have. Where a
	 * flow has several guards, its packets come one by one (n is 1): all guards but the last
	 * are first asked without commit, and change nothing. When all agree, or one drops it,
	 * they are called again with commit.
	 *
	 * It may not call sl_anchor_*().
	 * @return how many packets it has decided about, from the first on; n: all
	 */
	uint16_t (*guard)(struct sl_node *node, const uint64_t *handles,
			  const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n,
			  bool commit);

	/**
	 * Does this packet, as it comes to a hop of the instance from that node's side, belong to a
	 * session that the instance has? Asked while it drains (`sluice apply --drain`), of packets
	 * that nothing else is known of: then they stay with it. It changes nothing, and counts
	 * nothing. On the worker. NULL: the type has no sessions that only it can know.
	 */
	bool (*knows)(struct sl_node *node, const struct rte_mbuf *m);

	/* What the instance remembers, carried to other code: sluice/state.h says how. */

	/** Stands for the layout of all that instances keep; 0: they are not handed over in place.
	 */
	uint32_t layout;
	/**
	 * The instance was made by other code of the same layout, and is this code's from now on:
	 * replace every pointer into the old plugin, and take the configuration, which was read
	 * with this type's parameters, as configure() would. Workers may still run the old code
	 * meanwhile, on the same memory. When another instance refuses, the old code's adopt() is
	 * called with the old configuration. Main thread.
	 * @return 0; -EOPNOTSUPP, without a message: not with this configuration, export and import
	 *         then; or another -errno and nothing changed, which the old code then runs on
	 */
	int (*adopt)(struct sl_instance *instance, const void *config, struct sl_errors *errors);
	/** Of the records that export_state() writes; from 1 on. */
	uint32_t state_version;
	/**
	 * Write some records, as many as there is room for, after looking at no more than some
	 * hundred slots: packets are waiting. Those of a session whose flows are fused first
	 * sl_anchor_sync() it. Worker, between two bursts.
	 */
	void (*export_state)(struct sl_node *node, struct sl_export *out);
	/**
	 * Take a record into this worker's state, which worker_init() has made. version: of the
	 * code that wrote it; size: as it was written. Nothing about it may be believed: it may
	 * come from a file. What it says may have been said before, then this is the newer word;
	 * what is in its way (another session with its port, say) is older than it and has to go.
	 *
	 * Before workers run the instance: main thread. At the very change: the worker, so like
	 * process() it does not allocate. It reports no events, and what it counts is forgotten.
	 * @return enum sl_import; -EPROTO: a version or size that it does not know; or another
	 *         -errno, with a message
	 */
	int (*import_state)(struct sl_node *node, uint32_t version, const void *record,
			    uint32_t size, struct sl_errors *errors);

	const struct sl_command *commands; /**< ended by a NULL name, or NULL */
	/** Write an event's members. Main thread. */
	void (*render_event)(struct sl_instance *instance, uint32_t event, const void *data,
			     struct sl_json *out);
};

/** A plugin: what the symbol `sl_plugin` holds. Fill it with SL_PLUGIN(). */
struct sl_plugin {
	uint32_t magic;     /**< SL_PLUGIN_MAGIC */
	uint32_t abi;       /**< SL_PLUGIN_ABI */
	uint32_t size;      /**< sizeof(struct sl_plugin) */
	uint32_t type_size; /**< sizeof(struct sl_node_type) */
	uint32_t mbuf_size; /**< sizeof(struct rte_mbuf): DPDK must be of the same layout */
	uint32_t type_count;
	const char *name;
	const char *version;
	const char *license; /**< SPDX identifier */
	const char *doc;     /**< one sentence */
	const struct sl_node_type *types;
};

/** Define the plugin from an array of node types. */
#define SL_PLUGIN(plugin_name, plugin_version, plugin_license, plugin_doc, type_array) \
	SL_PUBLIC extern const struct sl_plugin sl_plugin;                             \
	const struct sl_plugin sl_plugin = {                                           \
		.magic = SL_PLUGIN_MAGIC,                                              \
		.abi = SL_PLUGIN_ABI,                                                  \
		.size = sizeof(struct sl_plugin),                                      \
		.type_size = sizeof(struct sl_node_type),                              \
		.mbuf_size = sizeof(struct rte_mbuf),                                  \
		.type_count = sizeof(type_array) / sizeof((type_array)[0]),            \
		.name = (plugin_name),                                                 \
		.version = (plugin_version),                                           \
		.license = (plugin_license),                                           \
		.doc = (plugin_doc),                                                   \
		.types = (type_array),                                                 \
	}

/** A hop on a worker, as process() sees it. Everything here is read-only to the plugin. */
struct sl_node {
	void *state; /**< this worker's state of the instance */
	struct sl_instance *instance;
	void *data;                /**< sl_instance_data(instance) */
	uint64_t *counters;        /**< this worker's counters of the instance */
	const uint64_t *now;       /**< TSC at the start of this round: see sl_now() */
	uint16_t worker;           /**< index of the worker, from 0 */
	uint16_t workers;          /**< how many workers run this instance */
	uint8_t from;              /**< enum sl_side: where its packets come from */
	uint8_t edge_count;        /**< edges that exist: 0..edge_count-1 */
	uint16_t hop;              /**< number of the hop in its generation */
	const uint32_t *recording; /**< trails in this worker's graph: see sl_recording() */
	/** The edge by which the instance's SL_PATH parameters name the very path that this hop
	 * stands in; SL_ON: none does. */
	uint8_t own_path;
};

/** The instance's own memory: instance_size bytes. Workers may read it. */
SL_PUBLIC void *sl_instance_data(const struct sl_instance *instance);
/** Name of the instance, as the chain file says. */
SL_PUBLIC const char *sl_instance_name(const struct sl_instance *instance);
/** How many workers run it. */
SL_PUBLIC uint32_t sl_instance_workers(const struct sl_instance *instance);
/** State of a worker, for reading counters while it runs; NULL before worker_init(). */
SL_PUBLIC void *sl_instance_state(const struct sl_instance *instance, uint32_t worker);
/** Wait until no worker can still see what was unpublished before. Main thread only. */
SL_PUBLIC void sl_synchronize(void);

/**
 * Say that the instance answers for these addresses: a port with addresses on that side of its
 * paths replies to ARP and neighbour solicitations for them, and announces them.
 * Call it from create() or configure(). @return 0 or -errno
 */
SL_PUBLIC int sl_claim_prefix(struct sl_instance *instance, enum sl_side side,
			      const struct sl_prefix *prefix);

/** Time stamp counter at the start of this round. Differences divide by sl_hz(). */
static inline uint64_t sl_now(const struct sl_node *node)
{
	return *node->now;
}

/** Ticks of sl_now() in a second; constant. */
SL_PUBLIC uint64_t sl_hz(void);

/** Add to a number that one worker writes and others may read meanwhile: relaxed atomics tell that
 * from a data race, and cost nothing. */
static inline void sl_tally(uint64_t *counter, uint64_t by)
{
	__atomic_store_n(counter, *counter + by, __ATOMIC_RELAXED);
}

/** Read such a number from any thread. */
static inline uint64_t sl_tally_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/** Count, for the counter of that index in the type's `counters`. */
static inline void sl_count(struct sl_node *node, uint32_t counter, uint64_t by)
{
	sl_tally(&node->counters[counter], by);
}

/**
 * Make a packet of `length` bytes in one segment, with 128 bytes of headroom, to be sent with
 * sl_emit(). Its data is not set and must be parsed (sl_packet_parse()) before it is emitted;
 * its mark is 0. @return NULL when the pool is empty or its packets have not that much room.
 * Worker only.
 */
SL_PUBLIC struct rte_mbuf *sl_make(struct sl_node *node, uint16_t length);

/** Make a copy of a packet, with its parsed fields. @return NULL when the pool is empty. */
SL_PUBLIC struct rte_mbuf *sl_copy(struct sl_node *node, const struct rte_mbuf *m);

/**
 * Send a packet made by sl_make() or sl_copy() out of this hop by an edge (SL_DROP() too). It
 * leaves after this call of process() or tick() is over. Worker only; the engine owns it now.
 */
SL_PUBLIC void sl_emit(struct sl_node *node, struct rte_mbuf *m, uint8_t edge);

/** Keep a packet of this burst: also set its edge to SL_HELD. Only SL_NODE_HOLDS types. */
SL_PUBLIC void sl_hold(struct sl_node *node, struct rte_mbuf *m);

/**
 * Let go of a held packet by an edge (SL_DROP() too), out of the hop that held it: node may be
 * any hop of the instance on this worker, such as the one that tick() is given. Worker only.
 */
SL_PUBLIC void sl_release(struct sl_node *node, struct rte_mbuf *m, uint8_t edge);

/**
 * Report an event of the type's `events` with up to 96 bytes of data, which render_event()
 * turns into text on the main thread. @return false when the event queue was full (counted)
 */
SL_PUBLIC bool sl_event(struct sl_node *node, uint32_t event, const void *data, uint32_t size);

#ifdef __cplusplus
}
#endif
#endif
