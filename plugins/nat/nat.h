/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NAPT44: what the files of this plugin share.
 *
 * A *mapping* ties an inside endpoint (address, port, protocol) to an outside one, whatever the
 * remote (endpoint-independent, RFC 4787 REQ-1). A *session* is a mapping and a remote endpoint;
 * it is two *flows*, one each way, and the flow is all that an established packet touches: its
 * key, what to write, what that does to the checksums, and its counts, in one cache line.
 *
 * Addresses and ports are in network byte order unless a name or comment says host order.
 */
#ifndef NAT_NAT_H
#define NAT_NAT_H

#include <netinet/in.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>

#include <sluice/index.h>
#include <sluice/node.h>
#include <sluice/state.h>
#include <sluice/trail.h>

#include "layout.h"

/* Why packets are dropped, in the order of sl_nat_reasons. */
enum nat_reason {
	NAT_MALFORMED,
	NAT_BAD_CHECKSUM,
	NAT_FRAGMENT,
	NAT_UNSUPPORTED_PROTOCOL,
	NAT_UNSUPPORTED_ICMP,
	NAT_NOT_OURS,
	NAT_SPOOFED,
	NAT_NO_MAPPING,
	NAT_FILTERED,
	NAT_NOT_SYN,
	NAT_HAIRPIN_OFF,
	NAT_POOL_EXHAUSTED,
	NAT_BLOCK_LIMIT,
	NAT_MAPPING_LIMIT,
	NAT_SUBSCRIBER_LIMIT,
	NAT_SESSION_LIMIT,
	NAT_TUPLE_IN_USE,
	NAT_REASON_COUNT,
};

enum nat_counter {
	NAT_TRANSLATED_OUT,
	NAT_TRANSLATED_IN,
	NAT_HAIRPINNED,
	NAT_PASSED,
	NAT_ICMP_ERRORS,
	NAT_SESSIONS_MADE,
	NAT_SESSIONS_ENDED,
	NAT_MAPPINGS_MADE,
	NAT_MAPPINGS_ENDED,
	NAT_BLOCKS_MADE,
	NAT_BLOCKS_ENDED,
	NAT_PORTS_EARLY,
	NAT_UNREACHABLES,
	NAT_COUNTER_COUNT,
};

enum nat_event {
	NAT_EVENT_MAPPING_CREATED,
	NAT_EVENT_MAPPING_DELETED,
	NAT_EVENT_BLOCK_ASSIGNED,
	NAT_EVENT_BLOCK_RELEASED,
	NAT_EVENT_COUNT,
};

enum nat_filtering {
	NAT_FILTER_NONE,         /* endpoint-independent */
	NAT_FILTER_ADDRESS,      /* address-dependent */
	NAT_FILTER_ADDRESS_PORT, /* address-and-port-dependent */
};

enum nat_log {
	NAT_LOG_NONE,
	NAT_LOG_MAPPINGS,
	NAT_LOG_BLOCKS,
};

/* ---- The instance ---- */

struct nat {
	const struct nat_params *_Atomic params;
	struct nat_layout *layout;
	struct nat_tuning *_Atomic tuning;
	/* Mappings by outside endpoint, for hairpins between hosts of different workers: one
	 * word each, written by the owner, read by all. NULL with one worker. */
	_Atomic uint64_t *directory;
	bool filter_state; /* address-dependent filtering: permits are kept */
};

/* ---- State of one worker ---- */

/* A packet's addresses and ports as they stand in it, and where it came from. */
struct nat_key {
	alignas(8) uint32_t src;
	uint32_t dst;
	uint16_t sport, dport; /* ICMP queries: the id on the host's side, 0 on the remote's */
	uint8_t proto;
	uint8_t side; /* enum sl_side */
	uint16_t zero;
};

static_assert(sizeof(struct nat_key) == 16, "a key is two words");

enum nat_flow_flag {
	NAT_FLOW_QUICK = 1 << 0,   /* nothing to track: not TCP, or established */
	NAT_FLOW_HASHED = 1 << 1,  /* rss is known */
	NAT_FLOW_HAIRPIN = 1 << 2, /* the remote is an outside address of ours */
};

struct nat_flow {
	struct nat_key key;
	uint32_t src, dst; /* what to write */
	uint16_t sport, dport;
	uint16_t ip_delta, l4_delta; /* of the IP and the transport checksum */
	uint32_t rss;                /* sl_packet_hash() of the translated packet */
	uint8_t flags;
	uint8_t pad[3];
	uint64_t seen; /* last packet */
	uint64_t packets, bytes;
};

static_assert(sizeof(struct nat_flow) == 64, "a flow is one cache line");

enum nat_tcp {
	NAT_TCP_SYN_OUT = 1 << 0,
	NAT_TCP_SYN_IN = 1 << 1,
	NAT_TCP_FIN_OUT = 1 << 2,
	NAT_TCP_FIN_IN = 1 << 3,
	NAT_TCP_RST = 1 << 4,
};

/* Session i has the flows 2i (from inside) and 2i + 1 (from outside). */
struct nat_session {
	uint32_t mapping;    /* SL_NO_SLOT: the slot is free */
	uint32_t permit;     /* SL_NO_SLOT: none */
	uint32_t next, prev; /* in its list of the wheel; next in the free list */
	uint16_t list;
	uint8_t tcp; /* enum nat_tcp */
	uint8_t pad[5];
	uint64_t created;
};

struct nat_mapping {
	union nat_endpoint inside, outside;
	uint32_t subscriber; /* SL_NO_SLOT: a forward's */
	uint32_t sessions;
	uint32_t address; /* index of the pool address */
	uint32_t next;    /* free list */
	uint64_t created; /* 0: the slot is free */
	bool forward;
	bool by_inside; /* it is in the index by inside endpoint */
};

/* RFC 4787 address-dependent filtering: a remote address that a mapping has sent to. */
struct nat_permit {
	union nat_endpoint outside;
	uint64_t remote;
	uint32_t sessions;
	uint32_t next; /* free list */
};

struct nat_subscriber {
	uint64_t key; /* inside address */
	uint32_t address;
	uint32_t mappings, sessions;
	uint32_t blocks, first_block; /* those assigned to it */
	uint32_t next;                /* free list */
	uint64_t created;             /* 0: the slot is free */
};

/* A block of ports; of use only with blocks per subscriber. */
struct nat_block {
	uint32_t subscriber; /* SL_NO_SLOT: free */
	uint32_t next;       /* of the same subscriber */
	uint32_t used;       /* ports taken or held, all protocols */
};

/* Port spaces of the protocols. */
enum nat_space {
	NAT_SPACE_TCP,
	NAT_SPACE_UDP,
	NAT_SPACE_ICMP,
	NAT_SPACES,
};

/* This worker's part of a pool address: every workers-th block, from first_block on. */
struct nat_address {
	uint32_t first_block;
	uint32_t blocks;
	uint32_t free_blocks;
	uint32_t free[NAT_SPACES]; /* ports */
};

/* A port that was given back and may not be given out yet (RFC 6888 REQ-8). space: NAT_SPACES when
 * it was claimed nevertheless. */
struct nat_held_port {
	uint64_t until;
	uint32_t address;
	uint16_t bit;
	uint8_t space;
};

/* Fused flows without a session hang on one of these by the hash of their key, until a session
 * with that hash is made. */
#define NAT_LOOSE 4096u

#define NAT_WHEEL_SLOTS 1024
/* The list of sessions whose slot has come up. */
#define NAT_WHEEL_DUE NAT_WHEEL_SLOTS

struct nat_worker {
	struct nat *nat;
	const struct nat_layout *layout;
	const struct nat_tuning *tuning; /* as published, read once a burst */
	struct sl_node *node;            /* the hop that runs; for counters and events */
	uint32_t worker;
	uint64_t now;
	uint64_t random;

	struct nat_flow *flows;
	struct sl_index *flow_index;
	struct sl_anchor *anchors;  /* of each flow */
	struct sl_anchor *loose;    /* NAT_LOOSE */
	bool loose_said;            /* any was ever used */
	struct sl_index_added made; /* flows, since the burst's lookup */
	uint32_t taken;             /* the flow that the packet at hand took */
	struct nat_session *sessions;
	uint32_t session_count, session_free;
	uint32_t session_used;
	uint64_t *changed; /* a bit for each session: what its next record says is news */

	struct nat_mapping *mappings;
	struct sl_index *by_inside, *by_outside;
	uint32_t mapping_count, mapping_free;

	struct nat_permit *permits; /* NULL unless filtering is address-dependent */
	struct sl_index *permit_index;
	uint32_t permit_free;

	struct nat_subscriber *subscribers;
	struct sl_index *subscriber_index;
	uint32_t subscriber_count, subscriber_free;

	struct nat_address *addresses; /* pool_count */
	uint64_t *used;                /* bitmaps: [address][space][words] */
	uint32_t words;                /* per address and space */
	struct nat_block *blocks;      /* [address][blocks]; NULL without blocks */
	uint32_t block_stride;

	struct nat_held_port *held; /* a ring */
	uint32_t held_mask, held_head, held_tail;
	uint32_t held_told; /* those before it have been exported */

	uint32_t *wheel; /* NAT_WHEEL_SLOTS + 1 lists */
	uint64_t wheel_at, wheel_step;

	uint64_t unreachable_next;
};

/* tables.c */
int sl_nat_worker_init(struct sl_node *node, struct sl_errors *errors);

/* Begin a call of process(), tick() or collect() on this worker. */
static inline struct nat_worker *nat_enter(struct sl_node *node)
{
	struct nat_worker *w = (struct nat_worker *)node->state;

	w->node = node;
	w->now = sl_now(node);
	w->tuning = atomic_load_explicit(&w->nat->tuning, memory_order_acquire);
	return w;
}

static inline void nat_count(struct nat_worker *w, enum nat_counter counter)
{
	sl_count(w->node, counter, 1);
}

/* xorshift64*: spreads ports (RFC 6056), decides nothing that must stay secret. */
static inline uint32_t nat_random(uint64_t *random)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return (uint32_t)((*random * 0x2545f4914f6cdd1dull) >> 32);
}

static inline enum nat_space nat_space_of(uint8_t proto)
{
	return proto == IPPROTO_TCP   ? NAT_SPACE_TCP
	       : proto == IPPROTO_UDP ? NAT_SPACE_UDP
				      : NAT_SPACE_ICMP;
}

/* Whether subscribers take their ports from blocks of their own. */
static inline bool nat_with_blocks(const struct nat_worker *w)
{
	return w->blocks != NULL;
}

/* How many addresses of the pool are looked at for room; consecutive ones begin with the blocks
 * of consecutive workers, so this many hold blocks of every worker. */
#define NAT_MOST_PROBES 64

static inline union nat_endpoint nat_endpoint(uint32_t addr, uint16_t port, uint8_t proto)
{
	return (union nat_endpoint){.addr = addr, .port = port, .proto = proto};
}

/* ---- port_space.c ---- */
int sl_nat_ports_init(struct nat_worker *w, struct sl_instance *instance, struct sl_errors *errors);

/* ---- ports.c: subscribers, blocks, ports. Return a reason, or NAT_REASON_COUNT when fine. */
#define NAT_FINE NAT_REASON_COUNT

enum nat_reason sl_nat_subscriber_get(struct nat_worker *w, uint32_t addr, uint32_t *slot);
/* The pool address that a new subscriber is paired with: the same one each time it comes back, as
 * long as that has room. */
uint32_t sl_nat_address_of(const struct nat_worker *w, uint32_t addr);
/* Ends it when nothing is left of it. */
void sl_nat_subscriber_put(struct nat_worker *w, uint32_t slot);
enum nat_reason sl_nat_port_take(struct nat_worker *w, uint32_t subscriber,
				 union nat_endpoint inside, union nat_endpoint *outside,
				 uint32_t *address);
/* In two steps, for mappings that are about to be made: fetch the bits of the ports that are looked
 * at first; then guess which port it will be. Neither changes anything. random: a copy of
 * w->random, of which fetch() takes what it takes to make the mapping. */
void sl_nat_port_fetch(const struct nat_worker *w, uint32_t subscriber, uint32_t address,
		       union nat_endpoint inside, uint64_t *random);
bool sl_nat_port_guess(const struct nat_worker *w, uint32_t subscriber, uint32_t address,
		       union nat_endpoint inside, uint64_t random, union nat_endpoint *outside);
void sl_nat_port_release(struct nat_worker *w, uint32_t address, union nat_endpoint outside);
/* Give free what was held long enough; at most `most`. Also before time, when `early`. */
void sl_nat_ports_unhold(struct nat_worker *w, uint32_t most, bool early);
/* First port (host order) and pool address of a block. */
void sl_nat_block_place(const struct nat_worker *w, uint32_t block, uint32_t *address,
			uint16_t *first);

/* ---- sessions.c: mappings, sessions, their ends ---- */
uint32_t sl_nat_mapping_by_inside(const struct nat_worker *w, union nat_endpoint inside);
uint32_t sl_nat_mapping_by_outside(const struct nat_worker *w, union nat_endpoint outside);
enum nat_reason sl_nat_mapping_new(struct nat_worker *w, union nat_endpoint inside, uint32_t *slot);
void sl_nat_mapping_end_unused(struct nat_worker *w, uint32_t slot);
/* remote: address, port and protocol of the other side. */
enum nat_reason sl_nat_session_new(struct nat_worker *w, uint32_t mapping,
				   union nat_endpoint remote, uint32_t *slot);
void sl_nat_session_end(struct nat_worker *w, uint32_t slot);
/* What a session went through in other code: its TCP states, and when what was seen of it. */
struct nat_past {
	uint8_t tcp;
	uint64_t created;
	uint64_t seen[2], packets[2], bytes[2]; /* out, in */
};
void sl_nat_session_set(struct nat_worker *w, uint32_t slot, const struct nat_past *past);
/* End all sessions of a mapping, and it with the last. */
void sl_nat_mapping_clear(struct nat_worker *w, uint32_t mapping);
/* The mapping of that very pair of endpoints, with a port of the pool. What is in its way ends. */
enum nat_reason sl_nat_mapping_claim(struct nat_worker *w, union nat_endpoint inside,
				     union nat_endpoint outside, uint64_t created, uint32_t *slot);
/* Follow TCP's states; side: where the packet came from. */
void sl_nat_tcp_track(struct nat_worker *w, uint32_t session, enum sl_side side, uint8_t tcp_flags);
bool sl_nat_permitted(const struct nat_worker *w, union nat_endpoint outside, uint32_t remote);
uint32_t sl_nat_permit_get(struct nat_worker *w, union nat_endpoint outside, uint32_t remote);
void sl_nat_permit_put(struct nat_worker *w, uint32_t slot);
void sl_nat_tick(struct sl_node *node);

static inline uint32_t nat_flow_find(const struct nat_worker *w, const struct nat_key *key)
{
	return sl_index_find(w->flow_index, key, sl_index_hash(key, sizeof(*key)));
}

/* ---- claim.c: ports that somebody had in other code. What is in the way ends. ---- */
/* Whether a port of the pool is one of this worker's: its pool address and bit. */
bool sl_nat_port_place(const struct nat_worker *w, union nat_endpoint outside, uint32_t *address,
		       uint32_t *bit);
/* Take that port; NAT_POOL_EXHAUSTED: it is reserved. */
enum nat_reason sl_nat_port_claim(struct nat_worker *w, uint32_t subscriber,
				  union nat_endpoint outside, uint32_t *address);
/* It rests until then, if it is free. False: it is not this worker's. */
bool sl_nat_port_rest(struct nat_worker *w, union nat_endpoint outside, uint64_t until);

/* ---- state.c ---- */
#define NAT_STATE_VERSION 1
void sl_nat_export(struct sl_node *node, struct sl_export *out);
int sl_nat_import(struct sl_node *node, uint32_t version, const void *record, uint32_t size,
		  struct sl_errors *errors);

/* ---- knows.c ---- */
bool sl_nat_knows(struct sl_node *node, const struct rte_mbuf *m);

/* ---- translate.c ---- */
void sl_nat_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n);
/* Key of a packet that has one: TCP, UDP or an ICMP query, whole. */
bool sl_nat_key(const struct rte_mbuf *m, enum sl_side side, struct nat_key *key);
/* Translate a packet's destination, as if it had come from outside. Returns an edge. */
uint8_t sl_nat_inbound(struct nat_worker *w, struct rte_mbuf *m);
/* What IPv4 gets that is not translated. */
uint8_t sl_nat_others(struct nat_worker *w, const struct rte_mbuf *m);

/* ---- ahead.c ---- */
/* Fetch what making sessions for packets of these keys will look at. All of one side. */
void sl_nat_fetch_new(const struct nat_worker *w, const struct nat_key *keys, const uint32_t *slots,
		      uint16_t n);

/* ---- trail.c ---- */
/* Say on a packet's trail what became of it: it took an established flow; it passes as it is; it
 * has another source or destination by a one-to-one pair (key: as it came, NULL: it has none). */
void sl_nat_say_flow(struct nat_worker *w, struct sl_trail *trail, uint32_t slot);
void sl_nat_say_pass(struct nat_worker *w, const struct rte_mbuf *m);
void sl_nat_say_pair(struct nat_worker *w, const struct rte_mbuf *m, const struct nat_key *key,
		     bool source);
void sl_nat_credit(struct sl_node *node, uint64_t handle, const struct sl_usage *usage);
/* A session is about to be looked at: let its fused flows say what they did. */
void sl_nat_sync(struct nat_worker *w, uint32_t session);
/* It ends, or its TCP states change. */
void sl_nat_cut(struct nat_worker *w, uint32_t session);
/* A flow of that key is made: what went without one must not any more. */
void sl_nat_cut_loose(struct nat_worker *w, const struct nat_key *key);

/* ---- rewrite.c ---- */
/* Write source or destination, keep the checksums true: the address alone (any protocol), or
 * with port or id. False: cut short, not changed. */
bool sl_nat_write_address(struct rte_mbuf *m, bool source, uint32_t addr);
void sl_nat_write_endpoint(struct rte_mbuf *m, bool source, union nat_endpoint endpoint);

/* Change 16 bits; returns what that does to a checksum over them. */
static inline uint32_t nat_put16(void *at, uint16_t value)
{
	uint16_t old;

	memcpy(&old, at, sizeof(old));
	memcpy(at, &value, sizeof(value));
	return sl_checksum_delta16(old, value);
}

/* A checksum after a change that was summed up and folded ahead: RFC 1624, equation 3. */
static inline uint16_t nat_checksum(uint16_t checksum, uint16_t delta)
{
	uint32_t sum = (uint32_t)(uint16_t)~checksum + delta;

	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

/* Whether an ICMP type is a query with an id (RFC 792, 950, 8335), and one that asks. */
static inline bool nat_icmp_asks(uint8_t type)
{
	return type == 8 || type == 13 || type == 15 || type == 17 || type == 42;
}

static inline bool nat_icmp_query(uint8_t type)
{
	return nat_icmp_asks(type) || type == 0 || type == 14 || type == 16 || type == 18 ||
	       type == 43;
}

static inline bool nat_icmp_error(uint8_t type)
{
	return type == 3 || type == 4 || type == 11 || type == 12;
}

/* ---- icmp.c ---- */
/* Translate an ICMP error. Returns an edge. */
uint8_t sl_nat_error_outbound(struct nat_worker *w, struct rte_mbuf *m);
uint8_t sl_nat_error_inbound(struct nat_worker *w, struct rte_mbuf *m);
/* Endpoints of the packet that an ICMP error quotes, as they stand in it; an id of ICMP stands
 * in both. False: there are none to be read. */
bool sl_nat_error_inner(const struct rte_mbuf *m, union nat_endpoint *src, union nat_endpoint *dst);
/* Write the quoted source or destination, and the error's own other end. */
void sl_nat_error_write(struct rte_mbuf *m, bool source, union nat_endpoint endpoint,
			uint32_t outer);

/* ---- unreachable.c ---- */
/* Tell the sender that nothing is left for it (RFC 6888 REQ-11), at the configured rate. */
void sl_nat_unreachable(struct nat_worker *w, const struct rte_mbuf *m);

/* ---- hairpin.c ---- */
int sl_nat_directory_new(struct sl_instance *instance, struct nat *nat, struct sl_errors *errors);
/* Publish or withdraw a mapping. */
void sl_nat_directory_set(struct nat_worker *w, const struct nat_mapping *mapping, bool exists);
/* The second half of a hairpin: the source is translated, the destination is ours. */
uint8_t sl_nat_hairpin(struct nat_worker *w, struct rte_mbuf *m);
uint8_t sl_nat_hairpin_error(struct nat_worker *w, struct rte_mbuf *m);

/* ---- commands.c ---- */
extern const struct sl_command sl_nat_commands[];
void sl_nat_render_event(struct sl_instance *instance, uint32_t event, const void *data,
			 struct sl_json *out);

/* Data of every event. */
struct nat_event_data {
	uint32_t subscriber;
	union nat_endpoint inside, outside;
	uint16_t first, last; /* ports of a block, host order */
};

#endif
