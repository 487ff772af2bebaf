/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The load balancer's parts and what they share.
 *
 *   params.c, check.c  parameters and what their table cannot say
 *   maglev.c           the lookup table of a service (Eisenbud et al., NSDI 2016)
 *   plan.c             a configuration compiled; immutable but for the lookup tables
 *   backends.c         which backends take new sessions, with what weight; their ends
 *   health.c, probe.c  checks, on the main thread, by sockets that never block
 *   key.c              keys of packets; which worker a packet is for
 *   table.c, tick.c    the sessions of a worker and their life
 *   sources.c          persistence: which backend a client had
 *   choose.c           which backend a new session gets; what making it will look at
 *   balance.c          the packet path
 *   rewrite.c          destination rewritten and its way back
 *   tunnel.c           IP in IP
 *   icmp.c             ICMP errors about sessions
 *   answer.c           echo replies, resets and errors of our own
 *   trails.c           decisions said for flow fusion
 *   state.c            all of it as records, for other code
 *   commands.c         what an operator may ask; listing.c: of sessions
 *
 * The main thread owns backends: a *slot* each, which lives on when the configuration changes.
 * Workers know a backend by its slot; a session remembers the slot's *epoch*, and is over when
 * that has moved on. Addresses and ports are in network byte order.
 */
#ifndef LOAD_BALANCER_H
#define LOAD_BALANCER_H

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>

#include <sluice/ip.h>
#include <sluice/reply.h>
#include <sluice/state.h>
#include <sluice/trail.h>

#include "backends.h"

/* ---- Names ---- */

enum lb_reason {
	LB_MALFORMED,
	LB_FRAGMENT,
	LB_UNSUPPORTED_PROTOCOL,
	LB_NO_BACKEND,
	LB_NO_SESSION,
	LB_TABLE_FULL,
	LB_TUPLE_IN_USE,
	LB_UNRELATED,
	LB_TOO_BIG,
	LB_NO_HEADROOM,
	LB_TUNNEL_ERROR,
	LB_REASON_COUNT,
};

enum lb_counter {
	LB_BALANCED,
	LB_RETURNED,
	LB_PASSED,
	LB_SESSIONS_MADE,
	LB_SESSIONS_ENDED,
	LB_STATELESS,
	LB_ICMP_ERRORS,
	LB_ECHOES,
	LB_REPLIES,
	LB_REPLIES_LIMITED,
	LB_SOURCES_MADE,
	LB_SOURCES_EVICTED,
	LB_COUNTER_COUNT,
};

enum lb_event {
	LB_EVENT_UP,
	LB_EVENT_DOWN,
	LB_EVENT_COUNT,
};

/* ---- Sessions ---- */

enum lb_lane { LB_LANE4, LB_LANE6, LB_LANES };

/* The last word of a key. Keys hold addresses and ports as they stand in the packet; the sort of
 * side is 0 for what comes from clients, 1 for what comes from backends. ICMP echo: the
 * identifier on the client's side, 0 on the other. */
struct lb_tail {
	uint16_t sport, dport;
	uint8_t proto;
	uint8_t side;
	uint16_t zero;
};

struct lb_key4 {
	uint32_t src, dst;
	struct lb_tail tail;
};

struct lb_key6 {
	uint8_t src[16], dst[16];
	struct lb_tail tail;
};

static_assert(sizeof(struct lb_key4) == 16 && sizeof(struct lb_key6) == 40, "keys have no holes");

union lb_key {
	alignas(8) struct lb_key4 v4;
	struct lb_key6 v6;
};

/* What to do with a packet of a flow. */
enum lb_write {
	LB_WRITE_NOTHING, /* on its way back from a backend that has the client's view */
	LB_WRITE_DESTINATION,
	LB_WRITE_SOURCE,
	LB_WRITE_MAC,
	LB_WRITE_OUTER,
};

enum lb_flow_flag {
	LB_FLOW_QUICK = 1 << 0,  /* nothing to track */
	LB_FLOW_HASHED = 1 << 1, /* rss is known */
};

/* One direction of a session; its key follows at once. IPv4: a cache line with it. IPv6: two, with
 * the address to write behind the key. */
struct lb_flow {
	uint64_t seen; /* last packet */
	uint64_t packets, bytes;
	uint32_t rss; /* sl_packet_hash() of the rewritten packet */
	uint32_t epoch;
	uint16_t backend;
	uint16_t ip_delta, l4_delta; /* of the checksums */
	uint16_t port;               /* to write */
	uint32_t addr4;              /* to write */
	uint8_t flags;
	uint8_t write;
	uint16_t zero;
};

static_assert(sizeof(struct lb_flow) == 48, "an IPv4 flow must fill one cache line");

enum lb_tcp {
	LB_TCP_SYN_CLIENT = 1 << 0,
	LB_TCP_SYN_SERVER = 1 << 1,
	LB_TCP_GOES_ON = 1 << 2, /* the client, after its SYN */
	LB_TCP_FIN_CLIENT = 1 << 3,
	LB_TCP_FIN_SERVER = 1 << 4,
	LB_TCP_RST = 1 << 5,
	LB_TCP_ONE_WAY = 1 << 6, /* answers need not come by here */
};

/* Session i has the flows 2i (from the client) and 2i + 1 (from the backend). */
struct lb_session {
	uint32_t next, prev; /* in its list of the wheel; next in the free list */
	uint16_t list;
	uint8_t tcp; /* enum lb_tcp */
	bool used;
	struct sl_anchor anchor;
	uint64_t created;
};

#define LB_WHEEL_SLOTS 1024
/* The list of sessions whose slot has come up. */
#define LB_WHEEL_DUE LB_WHEEL_SLOTS

struct lb_table {
	uint8_t *flows;
	uint32_t stride, key_size;
	struct sl_index *index;
	struct lb_session *sessions;
	uint64_t *changed; /* a bit for each: it has news to tell */
	uint32_t count, free, used;
	uint32_t *wheel; /* LB_WHEEL_SLOTS + 1 lists */
	uint64_t wheel_at;
	uint32_t sweep; /* sessions from here on are looked at for dead backends */
};

static inline struct lb_flow *lb_flow(const struct lb_table *table, uint32_t slot)
{
	return (struct lb_flow *)(table->flows + (size_t)slot * table->stride);
}

static inline void *lb_flow_key(struct lb_flow *flow)
{
	return flow + 1;
}

static inline struct lb_tail *lb_flow_tail(struct lb_flow *flow, enum lb_lane lane)
{
	union lb_key *key = (union lb_key *)lb_flow_key(flow);

	return lane == LB_LANE4 ? &key->v4.tail : &key->v6.tail;
}

/* The address to write. */
static inline uint8_t *lb_flow_addr(struct lb_flow *flow, enum lb_lane lane)
{
	return lane == LB_LANE4 ? (uint8_t *)&flow->addr4
				: (uint8_t *)(flow + 1) + sizeof(struct lb_key6);
}

/* ---- Sources ---- */

/* A client, at a service: which backend it has. */
struct lb_source {
	struct lb_source_key {
		alignas(8) uint8_t addr[16];
		uint32_t service; /* id */
		uint32_t family;
	} key;
	uint64_t seen;
	uint32_t next, prev; /* by age; next in the free list */
	uint32_t epoch;
	uint16_t backend;
};

struct lb_sources {
	struct lb_source *slots; /* NULL: none were asked for */
	struct sl_index *index;
	uint32_t count, free, used;
	uint32_t oldest, newest;
	uint64_t *changed; /* a bit for each: it has news to tell */
};

/* ---- Worker ---- */

/* The packets of one IP version in a burst. */
struct lb_burst {
	uint16_t n;
	uint8_t index[SL_BURST]; /* in pkts */
	uint32_t hash[SL_BURST];
	uint32_t slot[SL_BURST];
	uint64_t keys[SL_BURST * 5];
};

/* What the destination of packets of a key means. Most of a burst go to the same. */
struct lb_goal {
	uint8_t addr[16];
	uint16_t port;
	uint8_t family, proto;
	const struct lb_place *place;     /* NULL: nothing */
	const struct lb_service *service; /* NULL: of none, or ICMP */
};

struct lb_worker {
	struct lb *lb;
	struct sl_node *node; /* the hop that runs */
	const struct lb_plan *plan;
	uint64_t now, wheel_step;
	uint8_t side; /* of the packets of this burst, as in keys */
	struct lb_table tables[LB_LANES];
	struct lb_tally *tallies; /* LB_SLOTS */
	struct lb_sources sources;
	uint64_t reject_due;
	uint16_t identification; /* of outer headers that may be fragmented */
	uint32_t deaths;         /* that the sweep under way is for */
	uint32_t changes;        /* worker 0: whose events were reported */
	uint8_t *states;
	struct lb_burst bursts[LB_LANES];
	struct sl_index_added made; /* flows, since a burst's lookup */
	struct lb_goal goal;
};

/* Begin a call of process(), tick() or collect() on this worker. */
static inline struct lb_worker *lb_enter(struct sl_node *node)
{
	struct lb_worker *w = (struct lb_worker *)node->state;

	w->node = node;
	w->now = sl_now(node);
	w->plan = atomic_load_explicit(&w->lb->plan, memory_order_acquire);
	return w;
}

static inline void lb_count(struct lb_worker *w, enum lb_counter counter)
{
	sl_count(w->node, counter, 1);
}

static inline bool lb_alive(const struct lb_worker *w, uint16_t backend, uint32_t epoch)
{
	return atomic_load_explicit(&w->lb->backends[backend].epoch, memory_order_acquire) == epoch;
}

static inline enum lb_lane lb_lane(const struct sl_packet *p)
{
	return p->family == SL_L3_IPV4 ? LB_LANE4 : LB_LANE6;
}

/* Addresses as they stand in the packet: 4 or 16 bytes. */
static inline uint8_t *lb_ip_src(const struct rte_mbuf *m)
{
	return (uint8_t *)sl_l3(m) + (sl_packet(m)->family == SL_L3_IPV4 ? 12 : 8);
}

static inline uint8_t *lb_ip_dst(const struct rte_mbuf *m)
{
	return (uint8_t *)sl_l3(m) + (sl_packet(m)->family == SL_L3_IPV4 ? 16 : 24);
}

/* ICMP, whichever the family. */
static inline bool lb_is_icmp(uint8_t family, uint8_t proto)
{
	return proto == (family == SL_L3_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static inline bool lb_icmp_error(uint8_t family, uint8_t type)
{
	return family == SL_L3_IPV4 ? type == 3 || type == 4 || type == 11 || type == 12
				    : type >= 1 && type <= 4;
}

static inline bool lb_is_error(const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);

	return p->l4 != 0 && lb_is_icmp(p->family, p->proto) && (p->flags & SL_PKT_FRAGMENT) == 0 &&
	       lb_icmp_error(p->family, sl_icmp(m)->icmp_type);
}

/* key.c */
bool sl_lb_key(const struct rte_mbuf *m, uint8_t side, union lb_key *key);
void sl_lb_sort(struct lb_worker *w, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n);
uint32_t sl_lb_spread(const struct sl_instance *instance, const struct rte_mbuf *m,
		      enum sl_side from, uint32_t workers);

/* Which of so many workers has a client's session. */
uint32_t sl_lb_worker_of(const struct lb *lb, uint8_t family, const union lb_key *key,
			 uint32_t workers);

/* table.c */
int sl_lb_table_init(struct lb_table *table, struct sl_instance *instance, enum lb_lane lane,
		     uint32_t count, uint64_t wheel_at, struct sl_errors *errors);
uint32_t sl_lb_find(const struct lb_worker *w, enum lb_lane lane, const union lb_key *key);
/* Fetch where the next session will be written. Returns the one after it, to begin with
 * table->free.
 */
uint32_t sl_lb_fetch_slot(const struct lb_table *table, uint32_t slot);
/* Make a session of a key from the client. A reason, or LB_REASON_COUNT when fine. */
#define LB_FINE LB_REASON_COUNT
enum lb_reason sl_lb_session_new(struct lb_worker *w, enum lb_lane lane, const union lb_key *key,
				 uint16_t backend, uint32_t *slot);
void sl_lb_session_end(struct lb_worker *w, enum lb_lane lane, uint32_t slot);
/* Follow TCP. False: the session is over, and the packet begins another. */
bool sl_lb_tcp_track(struct lb_worker *w, enum lb_lane lane, uint32_t slot, uint8_t side,
		     uint8_t tcp_flags);
/* End those whose time has come; a slice. */
void sl_lb_turn(struct lb_worker *w, enum lb_lane lane);
void sl_lb_credit(struct sl_node *node, uint64_t handle, const struct sl_usage *usage);
/* What a session went through in other code. */
struct lb_past {
	uint8_t tcp;
	uint64_t created;
	uint64_t seen[2], packets[2], bytes[2]; /* to the backend, from it */
};
void sl_lb_session_set(struct lb_worker *w, enum lb_lane lane, uint32_t slot,
		       const struct lb_past *past);
/* What the reverse flow's key is, for a backend. */
void sl_lb_reverse(const struct lb_backend *backend, enum lb_lane lane, const union lb_key *key,
		   union lb_key *reverse);

/* tick.c */
void sl_lb_tick(struct sl_node *node);

/* sources.c */
int sl_lb_sources_init(struct lb_sources *sources, struct sl_instance *instance, uint32_t count,
		       struct sl_errors *errors);
/* The backend the client had at the service, if it still takes sessions, or LB_NOBODY. */
uint16_t sl_lb_source_get(struct lb_worker *w, const struct lb_service *service, uint8_t family,
			  const void *addr);
/* Fetch what looking for the client takes first. */
void sl_lb_source_fetch(const struct lb_worker *w, const struct lb_service *service, uint8_t family,
			const void *addr);
void sl_lb_source_set(struct lb_worker *w, const struct lb_service *service, uint8_t family,
		      const void *addr, uint16_t backend);
void sl_lb_sources_age(struct lb_worker *w);

/* It was last seen at that time. */
void sl_lb_source_seen(struct lb_worker *w, const struct lb_service *service, uint8_t family,
		       const void *addr, uint64_t seen);

/* state.c */
#define LB_STATE_VERSION 1
void sl_lb_export(struct sl_node *node, struct sl_export *out);
int sl_lb_import(struct sl_node *node, uint32_t version, const void *record, uint32_t size,
		 struct sl_errors *errors);

/* choose.c */
/* What a packet with that key is for; valid until the next call. */
const struct lb_goal *sl_lb_goal(struct lb_worker *w, const struct rte_mbuf *m,
				 const union lb_key *key);
/* The backend of a new session, or LB_NOBODY. */
uint16_t sl_lb_choose(struct lb_worker *w, const struct lb_service *service, uint8_t family,
		      const union lb_key *key);
/* Fetch what making sessions for the packets of a burst that have none will look at. */
void sl_lb_fetch_new(struct lb_worker *w, enum lb_lane lane, struct rte_mbuf **pkts);

/* balance.c */
void sl_lb_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n);

/* rewrite.c */
void sl_lb_flow_fill(struct lb_flow *flow, enum lb_lane lane, const struct lb_flow *other);
/* Send a packet on to a backend that needs nothing else of it: MAC or tunnel. An edge. */
uint8_t sl_lb_write_mac(const struct lb_worker *w, const struct lb_backend *backend,
			struct rte_mbuf *m);

/* tunnel.c */
void sl_lb_outer_init(const struct lb *lb, struct lb_backend *backend);
/* The outer header for this packet, all but its lengths and checksum. */
void sl_lb_outer_make(const struct lb_backend *backend, const struct rte_mbuf *m, uint8_t *bytes);
uint8_t sl_lb_tunnel(struct lb_worker *w, const struct lb_backend *backend, struct rte_mbuf *m);
/* An ICMP error about a packet in a tunnel of ours: tell its sender. An edge. */
uint8_t sl_lb_tunnel_error(struct lb_worker *w, struct rte_mbuf *m);

/* icmp.c */
/* The endpoints of the packet that an ICMP error quotes, as a key of the direction that it went in;
 * false: there are none to be read. */
bool sl_lb_quoted_key(const struct rte_mbuf *m, uint32_t at, uint8_t family, uint8_t side,
		      union lb_key *key);
bool sl_lb_knows(struct sl_node *node, const struct rte_mbuf *m);
uint8_t sl_lb_error_from_client(struct lb_worker *w, struct rte_mbuf *m);
uint8_t sl_lb_error_from_backend(struct lb_worker *w, struct rte_mbuf *m);

/* answer.c */
void sl_lb_echo(struct rte_mbuf *m);
/* Tell the sender that nobody is there, at the configured rate: RST or port unreachable. */
void sl_lb_reject(struct lb_worker *w, const struct rte_mbuf *m);
/* Tell the sender the longest packet that goes into the tunnel. */
void sl_lb_too_big(struct lb_worker *w, const struct rte_mbuf *m, uint32_t mtu);
/* An ICMP error, at the same rate. */
void sl_lb_send_error(struct lb_worker *w, const struct rte_mbuf *m,
		      const struct sl_reply_error *error);

/* trails.c */
/* Say what is about to be done with a packet. */
void sl_lb_tell(struct lb_worker *w, enum lb_lane lane, uint32_t slot, const struct rte_mbuf *m,
		struct sl_trail *trail);
void sl_lb_tell_pass(struct lb_worker *w, const struct rte_mbuf *m);

/* commands.c, listing.c */
extern const struct sl_command sl_lb_commands[];

/* Of any command; each takes some of them. */
struct lb_args {
	uint64_t given;
	const char *service, *backend;
	uint64_t weight;
	struct sl_addr client, address;
};

struct lb_session_record {
	struct sl_addr client, vip;
	uint16_t client_port, vip_port;
	uint16_t backend, worker;
	uint32_t proto;
	uint64_t age, idle;
	uint64_t packets_in, bytes_in, packets_out, bytes_out;
	uint8_t tcp;
};

uint32_t sl_lb_collect_sessions(struct sl_node *node, const void *args, uint64_t *cursor,
				void *records, uint32_t room);
uint32_t sl_lb_clear_sessions(struct sl_node *node, const void *args, uint64_t *cursor,
			      void *records, uint32_t room);
void sl_lb_render_session(struct sl_instance *instance, const void *record, struct sl_json *out);
void sl_lb_endpoint_text(struct sl_json *out, const char *key, const struct sl_addr *addr,
			 uint16_t port);
void sl_lb_proto_text(struct sl_json *out, uint32_t proto);
struct lb_event_data {
	struct sl_addr addr;
	uint16_t port;
	uint8_t mac[6];
};
void sl_lb_render_event(struct sl_instance *instance, uint32_t event, const void *data,
			struct sl_json *out);

#endif
