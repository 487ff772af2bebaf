/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scripts in the dataplane. Every worker has a machine of its own of every instance: a Lua state
 * whose memory is a fixed region (heap.c), in which the prelude (prelude.lua) runs first and then
 * the user's script, rewritten so that each loop and each function counts its steps (source.c).
 * What a script sees of packets is the prelude's, by FFI over struct script_batch; what writes to
 * them, or is long at work, is in access.c.
 */
#ifndef PLUGINS_SCRIPT_H
#define PLUGINS_SCRIPT_H

#include <errno.h>
#include <stdatomic.h>

#include <lua.h>

#include <sluice/index.h>
#include <sluice/node.h>
#include <sluice/trail.h>

/* ---- Configuration ---- */

struct script_way {
	uint64_t given;
	const char *name;
	uint32_t path; /* an edge */
};

enum script_failed { SCRIPT_FAILED_DROP, SCRIPT_FAILED_PASS };

struct script_config {
	uint64_t given;
	const char *script;
	struct sl_list ways; /* of struct script_way */
	uint64_t steps, memory, errors;
	uint32_t failed; /* enum script_failed */
};

enum script_full { SCRIPT_FULL_DROP, SCRIPT_FULL_PASS };

struct policy_config {
	uint64_t given;
	struct script_config script;
	uint64_t sessions, idle;
	uint32_t full; /* enum script_full */
};

extern const struct sl_param sl_script_params[], sl_policy_params[];
int sl_script_check(const void *config, struct sl_errors *errors);
int sl_policy_check(const void *config, struct sl_errors *errors);

/* ---- Memory of a machine: a region, and nothing else (heap.c) ---- */

struct heap;

/* Make a heap in a region, aligned to 16 bytes. */
struct heap *sl_heap_make(void *region, size_t size);
/* A lua_Alloc of it. */
void *sl_heap_allocate(void *heap, void *old, size_t old_size, size_t size);
/* Bytes in use, of which it may use as many. */
size_t sl_heap_used(const struct heap *heap);
size_t sl_heap_size(const struct heap *heap);
/* Each allocation takes size / 64 from *steps. */
void sl_heap_charge(struct heap *heap, double *steps);
/* Whether an allocation failed since the last call. */
bool sl_heap_failed(struct heap *heap);

/* ---- The script's text (source.c) ---- */

/* Rewrite a script so that it counts its steps; lines stay lines. malloc()ed, or NULL with a
 * message and the line in *line (0: none). */
char *sl_script_rewrite(const char *text, size_t *size, char *message, size_t room, uint32_t *line);

/* ---- A machine (machine.c) ---- */

#define SCRIPT_NAMES     32 /* reasons that one script may give */
#define SCRIPT_NAME_SIZE 32
#define SCRIPT_MESSAGE   200

/* The batch at hand. prelude.lua declares the same, up to `count`. */
struct script_batch {
	uint8_t *data[SL_BURST];
	struct sl_packet *meta[SL_BURST];
	uint32_t first[SL_BURST]; /* bytes at data */
	uint32_t length[SL_BURST];
	uint8_t edge[SL_BURST];
	uint8_t reason[SL_BURST]; /* with SL_DROP(): number of its name; 0: none */
	double steps;             /* left */
	uint32_t count;
	uint8_t side; /* enum sl_side */
	uint8_t read_only;
	uint8_t marked;  /* the script set the mark */
	uint8_t swapped; /* the packet goes against its session's first */
	/* Of no concern to the prelude. */
	struct rte_mbuf *pkts[SL_BURST];
	int32_t ip_delta[SL_BURST], l4_delta[SL_BURST]; /* what writes did to checksums */
	bool dirty[SL_BURST];
};

/* Packets dropped for a reason that the script names. */
struct script_drops {
	char name[SCRIPT_NAME_SIZE];
	uint64_t packets;
};

/* What the script lets each direction of a session have: see limit.c. */
struct policy_limit {
	double each;   /* of a byte or packet: time in 2^-8 ticks; 0: no limit */
	uint64_t full; /* of the burst: the same */
	bool packets;
};

enum script_kind { SCRIPT_NODE, SCRIPT_POLICY };

struct script_machine {
	struct script_batch batch;
	lua_State *state;
	struct heap *heap;
	const struct script_config *config;
	struct sl_node *node; /* in whose process() or tick() it runs; NULL: in none */
	void *region;
	enum script_kind kind;
	uint32_t epoch;
	int run, tick, handler; /* registry */
	bool has_tick;
	uint64_t errors, prints;
	uint64_t printed; /* sl_now(): when this second's prints began */
	uint32_t prints_left;
	double most_steps;         /* of one call */
	struct policy_limit limit; /* of the flow at hand */
	uint32_t failed;           /* it had too many errors and runs no more */
	uint32_t name_count;
	struct script_drops drops[SCRIPT_NAMES];
	uint64_t said;                /* sl_now() of the last event about an error */
	char message[SCRIPT_MESSAGE]; /* the last error */
};

/* Make a machine: the script is compiled and its main part runs. instance: whose memory it takes;
 * NULL: malloc(), for a check. Main thread. NULL: told. */
struct script_machine *sl_machine_open(struct sl_instance *instance,
				       const struct script_config *config, enum script_kind kind,
				       struct sl_errors *errors);
void sl_machine_close(struct sl_instance *instance, struct script_machine *machine);
/* Run it on what batch holds. Worker. false: the script failed, which is counted and told. */
bool sl_machine_run(struct script_machine *machine, struct sl_node *node);
void sl_machine_tick(struct script_machine *machine, struct sl_node *node);

/* sl_instance_data() */
struct script_instance {
	const struct script_config *config;
	uint32_t epoch;
	uint64_t sessions; /* a policy's, per worker */
};

/* node->state of both types. */
struct script_worker {
	_Atomic(struct script_machine *) machine;
};

int sl_script_create(struct sl_instance *instance, const void *config, struct sl_errors *errors);
int sl_script_worker_init(struct sl_node *node, enum script_kind kind, struct sl_errors *errors);
/* A machine for each worker, beside those that run; then in their place. */
int sl_script_configure(struct sl_instance *instance, const struct script_config *config,
			enum script_kind kind, struct sl_errors *errors);
void sl_script_destroy(struct sl_instance *instance);

static inline struct script_machine *sl_script_machine(const struct sl_node *node)
{
	return atomic_load_explicit(&((struct script_worker *)node->state)->machine,
				    memory_order_acquire);
}

/* ---- Packets (access.c) ---- */

/* Put a packet into the batch, as number i. */
static inline void sl_script_show(struct script_batch *batch, uint32_t i, struct rte_mbuf *m)
{
	batch->data[i] = rte_pktmbuf_mtod(m, uint8_t *);
	batch->meta[i] = sl_packet(m);
	batch->first[i] = m->data_len;
	batch->length[i] = m->pkt_len;
	batch->edge[i] = SL_ON;
	batch->reason[i] = 0;
	batch->pkts[i] = m;
	batch->ip_delta[i] = batch->l4_delta[i] = 0;
	batch->dirty[i] = false;
}

/* Make checksums and parsed fields true again after the script wrote to the packet. */
void sl_script_fix(struct script_batch *batch, uint32_t i);

/* What the prelude calls: prelude.lua declares the same. None may raise an error. */
struct script_calls {
	bool (*read)(struct script_machine *machine, uint32_t i, uint32_t offset, uint32_t width,
		     uint8_t *out);
	int (*write)(struct script_machine *machine, uint32_t i, uint32_t offset, uint32_t width,
		     uint64_t value);
	int (*copy)(struct script_machine *machine, uint32_t i, uint32_t offset, const char *bytes,
		    uint32_t length);
	int (*address)(const uint8_t *bytes, uint32_t size, char *text);
	bool (*parse)(const char *text, uint32_t size, uint8_t *out);
	int (*prefix)(const char *text, void *out);
	bool (*within)(const void *prefix, const uint8_t *address, uint32_t size);
	double (*cost)(uint32_t text, const char *pattern, uint32_t length);
	int (*name)(struct script_machine *machine, const char *name);
	bool (*limit)(struct script_machine *machine, double rate, double burst, bool packets);
	void (*print)(struct script_machine *machine, const char *text, uint32_t length);
};
extern const struct script_calls sl_script_calls;

/* ---- Reasons, counters, events ---- */

enum script_reason {
	SCRIPT_DROP,
	SCRIPT_ERROR,
	SCRIPT_DISABLED,
	SCRIPT_TABLE_FULL, /* policies */
	SCRIPT_BAD,
	SCRIPT_OVER_RATE,
};

enum script_counter {
	SCRIPT_COUNT_PACKETS,
	SCRIPT_COUNT_DROPPED,
	SCRIPT_COUNT_ERRORS,
	/* policies */
	SCRIPT_COUNT_DECIDED,
	SCRIPT_COUNT_ENDED,
	SCRIPT_COUNT_OTHER,
	SCRIPT_COUNT_OVER_RATE,
};

enum script_event { SCRIPT_EVENT_ERROR, SCRIPT_EVENT_PRINT, SCRIPT_EVENT_DISABLED };

extern const struct sl_command sl_script_commands[], sl_policy_commands[];
void sl_script_render_event(struct sl_instance *instance, uint32_t event, const void *data,
			    struct sl_json *out);

/* ---- Policies (policy.c, sessions.c, limit.c) ---- */

struct policy_key {
	uint8_t addr[2][16]; /* the lower one first */
	uint16_t port[2];    /* in their order, network order; ICMP echo: the identifier */
	uint16_t vlan;
	uint8_t proto, family;
	uint8_t kind; /* ICMP: type, that of the request for an echo */
	uint8_t pad[7];
};

static_assert(sizeof(struct policy_key) == 48, "keys of an index are multiples of 8");

struct policy_session {
	struct policy_key key;
	uint64_t seen; /* sl_now(); 0: the slot is free */
	struct sl_anchor anchor;
	union {
		uint32_t epoch; /* of the machine that decided */
		uint32_t next;  /* of the free ones */
	};
	/* Second cache line. */
	uint8_t opener; /* which of the two addresses sent the first packet */
	uint8_t edge;   /* of packets that go as the first did */
	uint8_t reason; /* with SL_DROP(): number of its name */
	bool marks : 1; /* packets get this mark */
	bool limits_packets : 1;
	uint32_t mark;
	uint64_t packets, bytes;
	double each; /* of its limit */
	uint64_t full;
	uint64_t empty[2];  /* by sender: when its bucket was empty, in 2^-8 ticks */
	uint64_t over_rate; /* packets */
} __rte_cache_aligned;

static_assert(sizeof(struct policy_session) == 128, "two cache lines");

struct policy_worker {
	struct script_worker script;
	struct sl_index *index;
	struct policy_session *sessions;
	uint32_t capacity, fresh, free; /* slots; those never used start at fresh */
	uint32_t hand;                  /* where ageing goes on */
};

/* That of a policy's machine. */
static inline const struct policy_config *sl_policy_config(const struct script_machine *machine)
{
	return container_of(machine->config, const struct policy_config, script);
}

int sl_policy_worker_init(struct sl_node *node, struct sl_errors *errors);
/* Which of the key's two addresses sent the packet. */
uint8_t sl_policy_key(struct policy_key *key, const struct rte_mbuf *m);
/* A slot for a new session; SL_NO_SLOT: the table is full. */
uint32_t sl_policy_add(struct sl_node *node, const struct policy_key *key, uint32_t hash);
void sl_policy_remove(struct sl_node *node, uint32_t slot);
void sl_policy_age(struct sl_node *node);
void sl_policy_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n);
void sl_policy_tick(struct sl_node *node);
void sl_policy_credit(struct sl_node *node, uint64_t handle, const struct sl_usage *usage);
uint16_t sl_policy_guard(struct sl_node *node, const uint64_t *handles,
			 const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n,
			 bool commit);

/* Take up, or give up, the limit of a verdict. What the session had of its bucket it has no more.
 */
void sl_limit_begin(struct policy_session *session, const struct policy_limit *limit, uint64_t now);
/* Whether a packet is within its limit. commit: then it is noted. */
bool sl_limit_take(struct policy_session *session, unsigned int sender, const struct rte_mbuf *m,
		   uint64_t now, bool commit);
/* Bits or packets a second. */
double sl_limit_rate(const struct policy_session *session);
bool sl_limit_set(struct script_machine *machine, double rate, double burst, bool packets);

#endif
