/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of flow fusion share.
 *
 *   key.c      who a packet's flow is: contexts and keys
 *   trail.c    recording: where trails begin, go on and end
 *   trail_say.c  what nodes say on them
 *   compile.c  a finished trail becomes a course and the flow's own part
 *   course.c   courses: what many flows share; credit for hops and counters
 *   flow.c     flows and their ties to sessions; ageing
 *   execute.h  a packet takes its flow's action
 *   burst.h    keys of a burst
 *   pass.h     a burst on its way
 *   fuse.c     the node: look up, decide, execute
 *   guard.c    what guards say of packets
 *   verify.c   is it what the graph would have done?
 *   fusion.c   the whole of it
 *
 * A *flow* is one cache line (IPv6: two): key, usage, and what is its own to write. All else of
 * the action (the way, counters, header to push) is a *course*, shared by all flows that go the
 * same way: there are few, so they stay in the cache.
 */
#ifndef CORE_FLOW_FLOW_H
#define CORE_FLOW_FLOW_H

#include <string.h>

#include <rte_byteorder.h>

#include <sluice/index.h>

#include <core/flow/fusion.h>
#include <core/graph/hop.h>
#include <core/plugin/growth.h>

enum { LANE4, LANE6, LANES };

#define NONE UINT32_MAX

/* ---- Keys ---- */

/* Where a packet comes in, as far as the 5-tuple does not say: few are in use at a time, so a key
 * has the number of one. */
struct context {
	uint64_t macs;  /* the first eight bytes of the frame */
	uint64_t place; /* four more; TCI, or SL_NO_VLAN: untagged; port */
	uint64_t entry; /* mark; number of the fuse hop */
};

#define SL_NO_VLAN    0xffff
#define MOST_CONTEXTS 0xfffe
#define NO_CONTEXT    0xffff

struct context_slot {
	struct context context;
	uint32_t flows; /* that use it; 0: free */
	uint32_t next;  /* free list */
};

struct key4 {
	uint32_t src, dst;
	uint16_t sport, dport; /* ICMP echo: identifier, type */
	uint8_t proto, tos;
	uint16_t context;
};

struct key6 {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint8_t proto, tos;
	uint16_t context;
};

static_assert(sizeof(struct key4) == 16 && sizeof(struct key6) == 40, "keys have no holes");

/* ---- Flows ---- */

struct usage {
	uint64_t seen; /* TSC */
	uint64_t bytes;
	uint32_t packets; /* since the last sync, like bytes */
	uint32_t course;  /* NONE: the slot is free; `ties` is the next free one */
};

/* Written to the packet; network order. */
struct flow4 {
	struct key4 key;
	struct usage usage;
	uint32_t src, dst;
	uint16_t sport, dport;
	uint16_t ip_delta, l4_delta;
	uint16_t entropy;
	uint16_t round; /* of a packet that walks: later ones of that round follow it */
	uint32_t ties;
};

struct flow6 {
	struct key6 key;
	struct usage usage;
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint16_t ip_delta, l4_delta; /* ip_delta: 0 */
	uint16_t entropy;
	uint16_t round;
	uint32_t ties;
	uint8_t pad[16];
};

static_assert(sizeof(struct flow4) == 64, "a flow of IPv4 is one line");
static_assert(sizeof(struct flow6) == 128, "a flow of IPv6 is two");

/* A flow belongs to a session: in the list of the flow, and in the anchor's. Numbers count from 1.
 */
struct tie {
	uint32_t next_of_flow;
	uint32_t flow; /* its number and, in the top bit, its lane */
	uint32_t next, prev;
	struct sl_anchor *anchor;
	struct sl_node *node;
	uint64_t handle;
	int16_t longer; /* the packet, when it comes to that node */
	uint8_t step;   /* which of the course's hops */
	uint8_t guards; /* from here on in the flow's list: those that guard stand first */
	uint8_t pad[20];
};

static_assert(sizeof(struct tie) == 64, "a tie is one line");

#define FLOW6 0x80000000u

struct lane {
	uint8_t *slots;
	struct sl_growth *growth;
	struct sl_index *index;
	uint32_t stride, key_size;
	uint32_t capacity;
	uint32_t fresh; /* slots from here on were never used */
	uint32_t free;  /* first free slot, or NONE */
	uint32_t hand;  /* where ageing goes on */
	uint32_t swept; /* slots still to be looked at for stale ones */
};

/* ---- Courses ---- */

#define MOST_STEPS   24
#define MOST_CREDITS 48
#define MOST_FRONT   192
#define MOST_FIXES   6

enum course_flag {
	COURSE_ADDRESSES = 1 << 0, /* addresses, ports, their checksums */
	COURSE_IP = 1 << 1,        /* TTL, TOS, IPv4 checksum */
	COURSE_TOS = 1 << 2,
	COURSE_FRONT = 1 << 3, /* bytes before the network header */
	COURSE_MARK = 1 << 4,
	COURSE_GUARD = 1 << 5,
	COURSE_DROP = 1 << 6,
	COURSE_PARSE = 1 << 7,  /* who gets it wants its fields */
	COURSE_SHARED = 1 << 8, /* its only guard is asked with `handle` for all flows */
};

/* A 16-bit field of the front that holds a length. */
struct fix {
	uint16_t at, less;
};

/* An IPv4 header of the front whose checksum follows its length. */
struct sum {
	uint16_t at;   /* of the checksum */
	uint16_t base; /* sum of the header with length and checksum zero */
	uint16_t less; /* IP length: the packet's minus that */
};

/* What is executed, and makes a course what it is. Compared as bytes: no holes that are not zero.
 */
struct action {
	uint32_t flags; /* enum course_flag */
	uint32_t most;  /* longest packet, as it comes in */
	uint8_t edge;   /* of the fuse hop */
	uint8_t reason; /* COURSE_DROP: by the last hop */
	uint8_t ttl_least;
	uint8_t ttl_less;
	uint8_t tos;
	uint8_t fix_count, sum_count;
	uint8_t out_l3; /* offset of the network header as it leaves */
	uint16_t front_length;
	uint16_t entropy_at; /* SL_PUSH_NONE: none */
	uint32_t mark;
	uint16_t out_flags; /* sl_packet() */
	int16_t shift;      /* front_length less what stood there */
	uint32_t guards;    /* COURSE_GUARD: steps that guard, a bit each */
	struct fix fixes[MOST_FIXES];
	struct sum sums[2];
	uint32_t zeros;
	uint64_t handle;
	uint8_t front[MOST_FRONT] __rte_aligned(64);
};

/* Where the packet went, for credit. */
struct step {
	struct sl_hop *hop;
	struct sl_instance *instance;
	uint32_t epoch; /* of the instance */
	int16_t longer; /* than it came in, when it comes to the hop */
	uint16_t zero;
};

struct credit {
	uint64_t *packets, *bytes;
	int16_t longer;
	uint16_t step;
	uint32_t zero;
};

struct course {
	struct action action;
	struct step steps[MOST_STEPS];
	struct credit credits[MOST_CREDITS];
	uint32_t step_count, credit_count;
	/* From here on not what it is, but how it is doing. */
	uint64_t packets, bytes; /* not credited yet */
	uint32_t dirty;          /* next in the list of those to be credited; NONE: not in it */
	uint32_t flows;
	uint32_t next; /* of the same hash, or in the free list */
	uint32_t hash;
	bool valid;
	bool used;
};

#define MOST_COURSES   16384
#define COURSE_HEADS   16384 /* a power of two */
#define COURSE_GUESSES 256
/* End of the dirty list. */
#define DIRTY_END (NONE - 1)

/* ---- Trails ---- */

#define MOST_TRAILS 512
#define MOST_TIES   8

struct trail_tie {
	struct sl_node *node;
	struct sl_anchor *anchor;
	uint64_t handle;
	uint64_t cuts; /* of the fusion, when it was said */
	int16_t longer;
	uint8_t step;
	bool guards, shares;
};

/* Verification: what the action made of a copy. */
struct expected {
	struct rte_mbuf *m; /* NULL: dropped */
	bool drop;
	uint8_t reason;
	uint8_t edge;             /* of the fuse hop */
	bool crowded;             /* a guard was asked while others of its burst were to come */
	const struct sl_hop *hop; /* that drops */
};

/* Where a header stands that is not in the front. */
#define ORIGINAL (-1)
#define UNKNOWN  (-2)

struct sl_trail {
	struct sl_fusion *fusion;
	struct rte_mbuf *m; /* NULL: the trail is free */
	uint32_t next;      /* free list */
	bool refused, spoken, verify;
	uint8_t lane;
	uint32_t hash;
	uint32_t bare;    /* hash without the context, whose number may change */
	uint64_t changes; /* sl_fusion_changes() when it began */
	union {
		struct key4 key4;
		struct key6 key6;
	};
	struct context context;
	/* Steps, credits, ties. */
	uint32_t step_count, credit_count, tie_count;
	struct step steps[MOST_STEPS];
	struct credit credits[MOST_CREDITS];
	struct trail_tie ties[MOST_TIES];
	/* The packet as it is now: bytes before the network header that it came with, and the
	 * fields of that header. */
	uint8_t front[MOST_FRONT];
	uint16_t front_length, came_l3;
	bool front_changed;
	int l3, l4; /* the current headers: offset in the front, ORIGINAL or UNKNOWN */
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint8_t tos;
	bool tos_set, addresses_set, mark_set;
	uint8_t family; /* 4 or 6: of the original */
	uint32_t mark;
	uint8_t ttl_less, ttl_least;
	uint32_t most;
	struct fix fixes[MOST_FIXES];
	uint8_t fix_count;
	struct {
		uint16_t at, l3, less;
	} sums[2];
	uint8_t sum_count;
	uint16_t entropy_at;
	struct expected expected;
};

/* ---- Fusion ---- */

/*
 * Packets of a burst that are recorded, each for a thousand cycles or more, for which all of the
 * burst wait: under a flood of new flows, or after a change that ends all. The others just walk.
 * After a change all that is touched is cold: then it begins with few.
 */
#define MOST_RECORDED  64
#define FIRST_RECORDED 16

/*
 * A recording costs what some hits save, so each hit pays for one; and every so many bursts some
 * are free, together, for a burst with any trail takes longer. So flows of one packet each, such as
 * a flood's, cost little. There is something in hand at the start, and what was saved lasts until
 * after a change.
 */
#define FREE_RECORDED  16u
#define FREE_EVERY     16u /* bursts; a power of two */
#define SAVED_AT_FIRST (UINT32_C(1) << 16)
#define MOST_SAVED     (UINT32_C(1) << 22)

#define ROUND_SLOTS  512
#define REFUSE_SLOTS 4096
#define CUT_SLOTS    1024

struct sl_fusion {
	struct sl_fusion_conf conf;
	struct lane lanes[LANES];
	struct tie *ties;
	struct sl_growth *tie_growth;
	uint32_t tie_fresh, tie_free, tie_capacity;
	struct course *courses;
	struct sl_growth *course_growth;
	uint32_t course_fresh, course_free, dirty;
	/* Found or made last, by what differs first: see guess_of() in course.c. NONE: none was. */
	uint32_t course_guesses[COURSE_GUESSES];
	uint32_t *course_heads;
	struct action wanted; /* of the course that is being looked for */
	/* Contexts. */
	struct context_slot *contexts;
	struct sl_index *context_index;
	uint32_t context_fresh, context_free;
	struct context last_context;
	uint16_t last_number;
	/* Recording. */
	struct sl_trail *trails;
	uint32_t trail_free;
	struct {
		struct sl_trail *trail;
		uint16_t place;
	} burst[SL_BURST]; /* trails of the burst in a hop's process() */
	uint16_t burst_count;
	uint32_t records; /* most that may begin in a burst: few for a while after a change */
	uint32_t saved;   /* recordings that hits have paid for */
	uint32_t bursts;
	uint16_t round;
	uint64_t round_now;
	struct {
		uint32_t hash;
		uint16_t round;
	} begun[ROUND_SLOTS]; /* flows that are being recorded this round */
	struct {
		uint32_t hash;
		uint32_t until; /* in units of 2^20 cycles */
	} refused[REFUSE_SLOTS];
	/* Anchors that were cut while packets with trails were in the graph, by the hash of their
	 * address: how many cuts there had been then. */
	uint64_t cuts, cut_at[CUT_SLOTS];
	uint32_t countdown; /* hits until one is verified */
	uint32_t random;
	uint64_t seen_changes, seen_all;
	_Atomic uint64_t swept_changes; /* nothing stale is older than that */
	uint64_t sweeping;
	uint64_t next_age;
	struct sl_fusion_stats stats;
};

/* How many recordings may begin in a burst. */
static inline uint32_t most_recorded(const struct sl_fusion *fusion)
{
	uint32_t free = fusion->bursts % FREE_EVERY == 0 ? FREE_RECORDED : 0;

	return RTE_MIN(fusion->records, fusion->saved + free);
}

/* What a burst has paid for and taken. */
static inline void save(struct sl_fusion *fusion, uint32_t hits, uint32_t recorded)
{
	uint32_t left = fusion->saved - RTE_MIN(fusion->saved, recorded);

	fusion->saved = RTE_MIN(left + hits, MOST_SAVED);
	fusion->bursts++;
}

static inline void *flow_slot(const struct lane *lane, uint32_t slot)
{
	return lane->slots + (size_t)slot * lane->stride;
}

static inline struct usage *flow_usage(const struct lane *lane, uint32_t slot)
{
	return (struct usage *)((uint8_t *)flow_slot(lane, slot) + lane->key_size);
}

static inline uint32_t *flow_ties(const struct lane *lane, uint32_t slot)
{
	return lane->key_size == sizeof(struct key4)
		       ? &((struct flow4 *)flow_slot(lane, slot))->ties
		       : &((struct flow6 *)flow_slot(lane, slot))->ties;
}

static inline uint16_t *flow_round(const struct lane *lane, uint32_t slot)
{
	return lane->key_size == sizeof(struct key4)
		       ? &((struct flow4 *)flow_slot(lane, slot))->round
		       : &((struct flow6 *)flow_slot(lane, slot))->round;
}

static inline struct course *course_at(const struct sl_fusion *fusion, uint32_t number)
{
	return &fusion->courses[number];
}

static inline struct tie *tie_at(const struct sl_fusion *fusion, uint32_t number)
{
	return &fusion->ties[number - 1];
}

static inline struct sl_fusion *fusion_of(struct sl_node *node)
{
	return sl_hop_of(node)->graph->conf.fusion;
}

static inline void bump(uint64_t *counter, uint64_t by)
{
	sl_tally(counter, by);
}

/* fusion.c: how often everything was un-fused. */
uint64_t sl_fusion_all(void);

/* key.c */
int sl_contexts_init(struct sl_fusion *fusion, struct sl_errors *errors);
/* Hash of a key but for its context. */
uint32_t sl_key_bare(unsigned int lane, const void *key);
/* Its number, or NO_CONTEXT. */
uint16_t sl_context_find(struct sl_fusion *fusion, const struct context *context);
/* The same, made if there is none; a flow will use it. */
uint16_t sl_context_get(struct sl_fusion *fusion, const struct context *context);
void sl_context_put(struct sl_fusion *fusion, uint16_t number);

/* course.c */
int sl_courses_init(struct sl_fusion *fusion, struct sl_errors *errors);
/* The course with that action and the trail's steps and credits, or NONE when there is no room for
 * more; a flow will use it. */
uint32_t sl_course_get(struct sl_fusion *fusion, const struct action *action,
		       const struct sl_trail *trail);
void sl_course_put(struct sl_fusion *fusion, uint32_t number);
/* Credit what the course is owed. */
void sl_course_settle(struct sl_fusion *fusion, struct course *course);

static inline void course_use(struct sl_fusion *fusion, struct course *course, uint32_t packets,
			      uint64_t bytes)
{
	course->packets += packets;
	course->bytes += bytes;
	if (unlikely(course->dirty == NONE)) {
		course->dirty = fusion->dirty;
		fusion->dirty = (uint32_t)(course - fusion->courses);
	}
}

/* Of a packet that has SL_PKT_TRAIL; what it is otherwise must be checked. */
static inline uint32_t trail_number(const struct rte_mbuf *m)
{
	return m->hash.fdir.hi >> 16;
}

static inline uint64_t *cut_slot(struct sl_fusion *fusion, const struct sl_anchor *anchor)
{
	uint64_t word = (uint64_t)(uintptr_t)anchor;

	return &fusion->cut_at[sl_index_crc(word, 0) % CUT_SLOTS];
}

/* flow.c */
int sl_flows_init(struct sl_fusion *fusion, struct sl_errors *errors);
/* Enter a flow; the caller fills in what it writes. NONE: no room. */
uint32_t sl_flow_add(struct sl_fusion *fusion, unsigned int lane, const void *key, uint32_t hash,
		     uint64_t now);
/* Tie it to a session. False: no room. */
bool sl_flow_tie(struct sl_fusion *fusion, uint32_t flow, const struct trail_tie *tie);
/* Sync, then end it. */
void sl_flow_end(struct sl_fusion *fusion, uint32_t flow);
void sl_flow_sync(struct sl_fusion *fusion, uint32_t flow);
/* A slice of looking for stale flows; whether there is more. Only while `sweeping`. */
bool sl_flows_sweep(struct sl_fusion *fusion);
/* A slice of ageing. */
void sl_flows_age(struct sl_fusion *fusion, uint64_t now);

/* trail.c */
int sl_trails_init(struct sl_fusion *fusion, struct sl_errors *errors);
/* Begin to record what happens to a packet. NULL: not now. */
struct sl_trail *sl_trail_begin(struct sl_fusion *fusion, struct sl_graph *graph,
				struct rte_mbuf *m, unsigned int lane, const void *key,
				const struct context *context, uint32_t hash);
void sl_trail_end(struct sl_fusion *fusion, struct sl_graph *graph, struct sl_trail *trail);

/* compile.c: of a trail that came to its end: at a hop where actions end, or (target NULL) dropped
 * by its last step for that reason. */
void sl_trail_compile(struct sl_fusion *fusion, struct sl_trail *trail, const struct sl_hop *target,
		      uint8_t reason, uint64_t now);

/* Where the network header begins, behind the Ethernet header and its tags; 0: beyond the end. */
static inline unsigned int behind_tags(const uint8_t *frame, unsigned int length)
{
	for (unsigned int at = 12; at + 2 <= length; at += 4) {
		uint16_t type = (uint16_t)(frame[at] << 8 | frame[at + 1]);

		if (type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ)
			return at + 2;
	}
	return 0;
}

/* guard.c */
/* What guards say of a packet: one of these, or the edge that drops it. */
enum { GUARD_GO, GUARD_WALK };

static inline uint8_t guard_verdict(const struct sl_hop *hop, uint8_t edge)
{
	if (likely(edge == SL_ON))
		return GUARD_GO;
	if (edge >= SL_EDGE_DROP && edge - (uint32_t)SL_EDGE_DROP < hop->own_reasons)
		return edge;
	return GUARD_WALK;
}

/* What all guards of a flow say, whose first tie is given. commit: they take note of it, unless it
 * walks. *who: the one that made it walk, or drops it. */
uint8_t sl_guards_ask(struct sl_fusion *fusion, uint32_t first, const struct rte_mbuf *m,
		      bool commit, const struct tie **who);
/* One of them dropped a packet, at that step: those before it have seen it. */
void sl_guard_dropped(struct sl_fusion *fusion, const struct course *course, uint32_t first,
		      unsigned int step, const struct rte_mbuf *m, uint64_t now);

/* verify.c */
/* Make what the action would make of this packet, and record what the graph does. False: not now.
 * drop_by: a guard's verdict. */
bool sl_verify_begin(struct sl_fusion *fusion, struct sl_graph *graph, struct rte_mbuf *m,
		     unsigned int lane, uint32_t slot, uint32_t hash, const struct tie *drop_by,
		     uint8_t reason, const struct context *context, bool crowded);
/* The packet came to a hop, or was dropped by it. */
void sl_verify_end(struct sl_fusion *fusion, struct sl_trail *trail, bool drop, uint8_t reason,
		   const struct sl_hop *hop);

#endif
