/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firewall's parts and what they share.
 *
 *   config.c    parameters and their check
 *   policy.c    rules compiled; immutable, replaced as a whole
 *   sort.c      a burst, sorted by IP version, with keys
 *   key.c       keys of what is neither TCP, UDP nor SCTP
 *   misses.c    packets that no session claims: rules, new sessions
 *   table.c     the sessions of a worker: index, timer wheel, unreplied ones in order of age
 *   tcp.c       TCP states and windows
 *   track.c     a packet of a session that exists
 *   related.c   ICMP errors: about which session?
 *   reject.c    RST and ICMP answers
 *   trail.c     what is said on trails, and what fused packets do
 *   state.c     sessions as records, for other code
 *   commands.c  what an operator may ask
 *   firewall.c  the packet path that joins them
 */
#ifndef PLUGINS_FIREWALL_FIREWALL_H
#define PLUGINS_FIREWALL_FIREWALL_H

#include <stdatomic.h>
#include <string.h>

#include <sluice/index.h>
#include <sluice/ip.h>
#include <sluice/match.h>
#include <sluice/node.h>
#include <sluice/state.h>
#include <sluice/trail.h>

/* ---- Names ---- */

enum fw_reason {
	FW_RULE,
	FW_DEFAULT,
	FW_REJECT,
	FW_LIMITED,
	FW_MALFORMED,
	FW_FRAGMENT,
	FW_BAD_FLAGS,
	FW_NO_SESSION,
	FW_BAD_STATE,
	FW_BAD_WINDOW,
	FW_UNRELATED,
	FW_TABLE_FULL,
	FW_SOURCE_LIMIT,
	FW_REVOKED,
	FW_BAD_ND,
};

enum fw_counter {
	FW_ESTABLISHED,
	FW_CREATED,
	FW_EXPIRED,
	FW_EVICTED,
	FW_RELATED,
	FW_REPLIES,
	FW_REPLIES_LIMITED,
	FW_CLEARED,
};

enum fw_event {
	FW_EVENT_ALLOW,
	FW_EVENT_DROP,
	FW_EVENT_REJECT,
};

/* What an event carries. */
struct fw_log {
	struct sl_addr from, to;
	uint16_t sport, dport; /* host byte order; ICMP: type, code */
	uint8_t proto, side;
	uint16_t vlan;
	uint32_t rule; /* from 1; 0: the default policy */
};

/* ---- Configuration ---- */

enum fw_timeout {
	FW_TIME_TCP_SYN,
	FW_TIME_TCP_ESTABLISHED,
	FW_TIME_TCP_FIN,
	FW_TIME_TCP_TIME_WAIT,
	FW_TIME_TCP_CLOSE,
	FW_TIME_UDP,
	FW_TIME_UDP_STREAM,
	FW_TIME_ICMP,
	FW_TIME_GENERIC,
	FW_TIME_COUNT,
};

enum fw_verdict {
	FW_ALLOW,
	FW_DROP,
	FW_REJECT_IT,
};

/* How to reject. */
enum fw_with {
	FW_WITH_AUTO,
	FW_WITH_RESET,
	FW_WITH_PORT_UNREACHABLE,
	FW_WITH_ADMIN_PROHIBITED,
};

struct fw_rule_config {
	uint64_t given;
	struct sl_list allow, drop, reject; /* of uint32_t: protocols */
	struct sl_match match;
	uint32_t with;
	bool log;
	uint64_t limit, burst;
};

enum fw_rule_given {
	FW_GIVEN_ALLOW = 1 << 0,
	FW_GIVEN_DROP = 1 << 1,
	FW_GIVEN_REJECT = 1 << 2,
	FW_GIVEN_WITH = 1 << 4,
	FW_GIVEN_LOG = 1 << 5,
	FW_GIVEN_LIMIT = 1 << 6,
	FW_GIVEN_BURST = 1 << 7,
};

enum fw_default {
	FW_DEFAULT_DENY,
	FW_DEFAULT_REJECT,
	FW_DEFAULT_ALLOW,
};

struct fw_config {
	uint64_t given;
	struct sl_list rules;
	uint32_t default_policy; /* enum fw_default */
	bool log;
	uint32_t neighbours; /* 0: pass ARP and ND, 1: by rules */
	uint64_t sessions, sessions_ipv6;
	uint32_t table_full; /* 0: drop, 1: evict-unreplied-oldest */
	uint64_t per_source;
	bool tcp_window, tcp_pickup;
	bool accounting;
	uint64_t reject_rate;
	uint64_t timeouts[FW_TIME_COUNT]; /* ns */
};

extern const struct sl_param sl_fw_params[];
int sl_fw_check(const void *config, struct sl_errors *errors);
/* A rule's match with the protocols of its verdict, and the verdict. */
enum fw_verdict sl_fw_rule_match(const struct fw_rule_config *rule, struct sl_match *match);

/* ---- Sessions ---- */

enum fw_state {
	FW_FREE,
	FW_TCP_SYN_SENT,
	FW_TCP_SYN_RECEIVED,
	FW_TCP_ESTABLISHED,
	FW_TCP_FIN_WAIT, /* one side has sent FIN */
	FW_TCP_LAST_ACK, /* both have; not all is acknowledged */
	FW_TCP_TIME_WAIT,
	FW_TCP_CLOSED, /* by RST */
	FW_UDP_NEW,
	FW_UDP_STREAM,
	FW_ICMP_QUERY,
	FW_GENERIC,
	FW_STATE_COUNT,
};

/* Bits of fw_session.flags. `Low` and `high` are the ends of the session in the order of its
 * key; a direction is 0 when the source is the low end. */
enum fw_session_flag {
	FW_FROM_HIGH = 1 << 0,  /* the high end opened it */
	FW_REPLIED = 1 << 1,    /* both directions were seen */
	FW_OUTSIDE = 1 << 2,    /* it was opened from outside */
	FW_SCALED = 1 << 3,     /* both SYNs had a window scale (RFC 7323) */
	FW_FIN_LOW = 1 << 4,    /* FIN seen in direction 0 */
	FW_FIN_HIGH = 1 << 5,   /* FIN seen in direction 1 */
	FW_SOFT_RESET = 1 << 6, /* the RST may not have been accepted */
	FW_COUNTED = 1 << 7,    /* it counts against its source */
};

/* One direction of a TCP session, as its sender; all sequence numbers in host byte order. */
struct fw_tcp_end {
	uint32_t end;   /* highest sequence number sent, plus one */
	uint32_t limit; /* highest that the peer allowed to send, plus one */
	/* Greatest window it announced; 0: nothing seen of it. While that is so of both ends, after
	 * the session came from other code, `limit` has what the window was there. */
	uint32_t max_window;
};

/* A session. Its key follows at once; IPv4: 64 bytes in all, a cache line; IPv6: 128. */
struct fw_session {
	uint32_t prev, next; /* in its bucket of the wheel; next also links free slots */
	uint32_t seen;       /* time of the last packet */
	uint32_t epoch;      /* of the policy that allowed it */
	uint16_t rule;       /* its index there */
	uint16_t bucket;
	uint8_t state; /* enum fw_state */
	uint8_t flags;
	uint8_t scale[2];
	struct fw_tcp_end tcp[2];
};

static_assert(sizeof(struct fw_session) == 48, "an IPv4 session must fill one cache line");

/* Keys. The end with the smaller address (then port) is low. Everything is as it stands in the
 * packet; `kind` tells kinds of ICMP queries apart: the type of the request. */
struct fw_tail {
	rte_be16_t port[2]; /* low, high; ICMP: the identifier twice */
	uint8_t proto, kind;
	uint16_t vlan; /* VLAN id, host byte order; 0: untagged */
};

struct fw_key4 {
	rte_be32_t addr[2]; /* low, high */
	struct fw_tail tail;
};

struct fw_key6 {
	uint8_t addr[2][16];
	struct fw_tail tail;
};

static_assert(sizeof(struct fw_key4) == 16 && sizeof(struct fw_key6) == 40, "keys have no holes");

struct fw_count {
	uint64_t packets[2], bytes[2]; /* by direction */
};

struct fw_link {
	uint32_t prev, next;
};

/* Time is counted in units of about a millisecond that wrap after weeks: compare differences. */
#define FW_BUCKETS      4096
#define FW_BUCKET_SHIFT 7 /* units of time in a bucket: 128 */

/* Fused flows that are dropped, for want of a session, hang on one of these by the hash of their
 * key, until a session with that hash opens. */
#define FW_DROPS 4096u

struct fw_table {
	uint8_t *slots;
	uint32_t stride, key_size;
	uint32_t capacity, used; /* used: the worker writes it, the main thread may read it */
	uint32_t fresh;          /* slots from here on were never used */
	uint32_t free;           /* first of the free list, or SL_NO_SLOT */
	uint32_t at;             /* the wheel has been turned up to this bucket (not masked) */
	bool started;
	struct sl_index *index;
	struct fw_count *counts;   /* NULL: no accounting */
	uint64_t *changed;         /* a bit for each session: it has news to tell */
	struct sl_anchor *anchors; /* two a session, by direction: its fused flows */
	struct sl_anchor *drops;   /* FW_DROPS */
	bool drops_said;           /* any was ever used */
	struct fw_link *unreplied; /* list of unreplied sessions, oldest first */
	uint32_t oldest, newest;
	struct sl_index *sources; /* sessions per source; NULL: no limit */
	struct fw_source *source_slots;
	uint32_t source_free, source_fresh;
	uint32_t wheel[FW_BUCKETS]; /* first session of each bucket */
};

/* Sessions that a source address has open. */
struct fw_source {
	uint8_t addr[16]; /* IPv4: the first four bytes */
	uint32_t count;
	uint32_t next; /* of the free list */
};

static inline struct fw_session *sl_fw_session(const struct fw_table *table, uint32_t slot)
{
	return (struct fw_session *)(table->slots + (size_t)slot * table->stride);
}

static inline void *sl_fw_key(struct fw_session *session)
{
	return session + 1;
}

static inline struct fw_tail *sl_fw_tail(const struct fw_table *table, struct fw_session *session)
{
	return (struct fw_tail *)((uint8_t *)sl_fw_key(session) + table->key_size -
				  sizeof(struct fw_tail));
}

/* ---- Policy ---- */

struct fw_action {
	uint8_t verdict; /* enum fw_verdict */
	uint8_t with;    /* enum fw_with */
	bool log;
	uint64_t interval; /* TSC between two packets of the limit; 0: no limit */
	uint64_t burst;    /* TSC that may be saved up */
};

struct fw_rule_count {
	uint64_t packets, bytes;
	uint64_t sessions;
	uint64_t due; /* TSC at which the limit's next packet is due */
};

/* All that configure() may replace. */
struct fw_policy {
	const struct fw_config *config;
	struct sl_matcher *matcher;
	uint32_t epoch;
	uint32_t count; /* rules; actions[count] is the default policy */
	uint32_t workers, stride;
	uint32_t timeouts[FW_STATE_COUNT]; /* units of time */
	uint64_t reject_interval;          /* TSC */
	struct fw_action *actions;
	struct fw_rule_count *counts; /* of worker w: from w * stride on */
};

struct fw_policy *sl_fw_policy_new(struct sl_instance *instance, const struct fw_config *config,
				   uint32_t epoch, struct sl_errors *errors);
void sl_fw_policy_free(struct sl_instance *instance, struct fw_policy *policy);
/* Bits by which TSC is shifted to units of time. */
unsigned int sl_fw_time_shift(void);
/* Whether a limit has room; due: of this rule on this worker. */
static inline bool sl_fw_within_limit(uint64_t *due, uint64_t interval, uint64_t burst,
				      uint64_t now)
{
	uint64_t from = *due > now ? *due : now;

	if (from - now > burst)
		return false;
	*due = from + interval;
	return true;
}

/* ---- Instance and worker ---- */

struct fw_instance {
	_Atomic(struct fw_policy *) policy;
	uint32_t epoch;
	/* What cannot change while it runs. */
	uint64_t sessions, sessions_ipv6, per_source;
	bool accounting;
};

enum fw_lane_family { FW_LANE4, FW_LANE6, FW_LANES };

/* The packets of one IP version in a burst. */
struct fw_lane {
	uint16_t n;
	uint8_t index[SL_BURST];     /* in pkts */
	uint8_t direction[SL_BURST]; /* 1: the source is the high end */
	uint32_t hash[SL_BURST];
	uint32_t slot[SL_BURST];
	uint64_t keys[SL_BURST * 5];
};

/* A packet that no session claims: lane FW_LANES says that it makes none. */
struct fw_miss {
	uint8_t index, lane, position;
};

struct fw_worker {
	struct fw_table tables[FW_LANES];
	unsigned int shift;  /* TSC to units of time */
	uint64_t reject_due; /* TSC */
	struct fw_lane lanes[FW_LANES];
	struct fw_miss misses[SL_BURST];
	uint16_t miss_count;
	struct sl_index_added opened; /* by misses of this burst */
	struct rte_mbuf scratch;      /* to look up the first packet of a session again */
	uint8_t scratch_data[192];
};

static inline uint32_t sl_fw_time(const struct sl_node *node)
{
	const struct fw_worker *worker = node->state;

	return (uint32_t)(sl_now(node) >> worker->shift);
}

/* ---- key.c ---- */

enum fw_kind {
	FW_KIND_SESSION,   /* it has a key */
	FW_KIND_OPENER,    /* ... and may open a session whatever it is */
	FW_KIND_STATELESS, /* by rules alone */
	FW_KIND_PASS,      /* ARP and neighbour discovery, when they pass */
	FW_KIND_ERROR,     /* ICMP error */
	FW_KIND_DROP,      /* *reason says why */
};

/* Key of an ICMP query, and of anything that is no TCP, UDP or SCTP. Sets tail->port[],
 * tail->proto and tail->kind. */
enum fw_kind sl_fw_special(const struct rte_mbuf *m, bool neighbours_pass, struct fw_tail *tail,
			   uint8_t *reason);
/* Put two ends in order. Returns the direction. */
unsigned int sl_fw_order4(struct fw_key4 *key, rte_be32_t source, rte_be32_t dest, rte_be16_t sport,
			  rte_be16_t dport);
unsigned int sl_fw_order6(struct fw_key6 *key, const uint8_t *source, const uint8_t *dest,
			  rte_be16_t sport, rte_be16_t dport);
/* The type of the request that an ICMP query's type belongs to, or -1. */
int sl_fw_icmp_request(uint8_t family, uint8_t type);

/* ---- sort.c ---- */

/* A packet that the rules decide about. */
static inline void sl_fw_miss(struct fw_worker *worker, uint16_t packet, unsigned int lane,
			      uint16_t position)
{
	worker->misses[worker->miss_count++] = (struct fw_miss){
		.index = (uint8_t)packet, .lane = (uint8_t)lane, .position = (uint8_t)position};
}

void sl_fw_sort(struct sl_node *node, const struct fw_policy *policy, struct rte_mbuf **pkts,
		uint8_t *edge, uint16_t n);

/* ---- misses.c ---- */

/* What becomes of the misses of a burst. */
void sl_fw_decide(struct sl_node *node, const struct fw_policy *policy, struct rte_mbuf **pkts,
		  uint8_t *edge, uint32_t now);

/* ---- table.c ---- */

int sl_fw_table_init(struct fw_table *table, struct sl_instance *instance, unsigned int lane,
		     const struct fw_instance *conf, struct sl_errors *errors);
/* Fetch where the next `count` sessions will be written, and where their flows are fused. */
void sl_fw_table_fetch(const struct fw_table *table, uint16_t count, bool fused);
/* Take a slot and enter the key. SL_NO_SLOT: the table is full. */
uint32_t sl_fw_table_add(struct fw_table *table, const void *key, uint32_t hash, uint32_t now,
			 uint32_t timeout);
void sl_fw_table_remove(struct sl_node *node, struct fw_table *table, uint32_t slot);
/* Its state has changed: move it in the wheel. */
void sl_fw_table_rearm(struct fw_table *table, uint32_t slot, uint32_t now, uint32_t timeout);
/* A first reply: it is no longer one of those that may be evicted. */
void sl_fw_table_replied(struct fw_table *table, uint32_t slot);
/* Expire what is due; visits at most `most`. Returns how many ended. */
uint32_t sl_fw_table_turn(struct sl_node *node, struct fw_table *table, const uint32_t *timeouts,
			  uint32_t now, uint32_t most);
/* Fetch what counting a session of that key takes first: opened in that direction. */
void sl_fw_source_fetch(const struct fw_table *table, const void *key, unsigned int direction);
/* Count a session against its source. False: it has as many as it may. */
bool sl_fw_source_take(struct fw_table *table, uint32_t slot, uint64_t limit);

/* ---- tcp.c ---- */

/* What sl_fw_tcp_track() says: a drop reason, or: */
enum fw_track {
	FW_TRACK_PASS = 256,
	FW_TRACK_REOPEN, /* the old session is over; the packet opens a new one */
};

bool sl_fw_tcp_flags_valid(uint8_t flags);
/* A session that this packet opens: a SYN, or, with pickup, one in mid-stream. */
void sl_fw_tcp_open(struct fw_session *session, const struct rte_mbuf *m, unsigned int direction);
unsigned int sl_fw_tcp_track(struct fw_session *session, const struct rte_mbuf *m,
			     unsigned int direction, bool check_window);
/* An acknowledgement, with data or without, of an established session that changes nothing but the
 * ends of its windows: it is let through. With commit they are brought up to date. */
bool sl_fw_tcp_steady(struct fw_session *session, const struct rte_mbuf *m, unsigned int direction,
		      bool check_window, bool commit);
/* Whether a quoted sequence number is one that was in flight (RFC 5927). */
bool sl_fw_tcp_in_flight(const struct fw_session *session, uint32_t seq, unsigned int direction);

/* ---- track.c ---- */

/* A packet of an existing session: a drop reason, or enum fw_track. */
unsigned int sl_fw_track(struct sl_node *node, const struct fw_policy *policy,
			 struct fw_table *table, uint32_t slot, const struct rte_mbuf *m,
			 unsigned int direction, uint32_t now);
/* A session made for this packet: *opened. Returns a drop reason, or FW_TRACK_PASS. */
unsigned int sl_fw_open(struct sl_node *node, const struct fw_policy *policy,
			struct fw_table *table, const void *key, uint32_t hash, uint32_t rule,
			const struct rte_mbuf *m, unsigned int direction, uint32_t now,
			uint32_t *opened);
void sl_fw_account(struct fw_table *table, uint32_t slot, const struct rte_mbuf *m,
		   unsigned int direction);

/* ---- trail.c ---- */

/* Say what became of the packets of a burst that have trails. */
void sl_fw_say(struct sl_node *node, const struct fw_policy *policy, struct rte_mbuf **pkts,
	       const uint8_t *edge);
void sl_fw_credit(struct sl_node *node, uint64_t handle, const struct sl_usage *usage);
uint16_t sl_fw_guard(struct sl_node *node, const uint64_t *handles,
		     const struct rte_mbuf *const *pkts, uint8_t *edge, uint16_t n, bool commit);

/* A session is about to be looked at: let its fused flows say what they did. */
static inline void sl_fw_sync(struct sl_node *node, struct fw_table *table, uint32_t slot)
{
	sl_anchor_sync(node, &table->anchors[2 * (size_t)slot]);
	sl_anchor_sync(node, &table->anchors[2 * (size_t)slot + 1]);
}

/* Something of it changes that was said on trails, or it ends. */
static inline void sl_fw_cut(struct sl_node *node, struct fw_table *table, uint32_t slot)
{
	sl_anchor_cut(node, &table->anchors[2 * (size_t)slot]);
	sl_anchor_cut(node, &table->anchors[2 * (size_t)slot + 1]);
}

/* ---- state.c ---- */

#define FW_STATE_VERSION 1
void sl_fw_export(struct sl_node *node, struct sl_export *out);
int sl_fw_import(struct sl_node *node, uint32_t version, const void *record, uint32_t size,
		 struct sl_errors *errors);

/* ---- related.c, reject.c, commands.c ---- */

bool sl_fw_related(struct sl_node *node, const struct fw_policy *policy, const struct rte_mbuf *m);
bool sl_fw_knows(struct sl_node *node, const struct rte_mbuf *m);
/* Answer a packet that is not let through, if it may be answered. */
void sl_fw_reject(struct sl_node *node, const struct fw_policy *policy, const struct rte_mbuf *m,
		  enum fw_with with);
extern const struct sl_command sl_fw_commands[];
void sl_fw_log_fill(struct fw_log *log, const struct rte_mbuf *m, uint8_t side, uint32_t rule);
void sl_fw_render_event(struct sl_instance *instance, uint32_t event, const void *data,
			struct sl_json *out);

#endif
