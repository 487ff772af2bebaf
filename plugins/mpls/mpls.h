/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MPLS (RFC 3031, 3032). What comes in without a label gets a stack of them by its forwarding
 * equivalence class (FEC, push.c); what comes in with one is switched by the incoming label map
 * (ILM, switch.c). Both are compiled to a set (set.c), immutable and replaced as a whole.
 *
 * Words on labels are in host order: label 20 bits, traffic class 3, bottom of stack 1, TTL 8.
 */
#ifndef PLUGINS_MPLS_H
#define PLUGINS_MPLS_H

#include <errno.h>
#include <stdatomic.h>

#include <sluice/ip.h>
#include <sluice/match.h>
#include <sluice/node.h>
#include <sluice/trail.h>

#define MPLS_ENTRY       4 /* bytes of a label stack entry */
#define MPLS_MOST_PUSH   8 /* labels pushed at once */
#define MPLS_LABELS      0x100000
#define MPLS_PAGE        1024 /* labels looked up in one page */
#define MPLS_BOTTOM      0x100u
#define MPLS_FIRST_LABEL 16 /* those below are reserved (RFC 7274) */

enum mpls_reserved {
	MPLS_EXPLICIT_NULL_4 = 0,
	MPLS_ROUTER_ALERT = 1,
	MPLS_EXPLICIT_NULL_6 = 2,
	MPLS_IMPLICIT_NULL = 3,
};

/* ---- Configuration ---- */

enum mpls_model { MPLS_UNIFORM, MPLS_PIPE };
enum mpls_unlabelled { MPLS_PASS, MPLS_DROP };
enum mpls_from { MPLS_FROM_ANY, MPLS_FROM_INSIDE, MPLS_FROM_OUTSIDE };

struct mpls_fec_config {
	uint64_t given;
	struct sl_match match;
	struct sl_list push; /* of uint64_t, the outermost first */
	uint64_t tc, ttl;
	struct rte_ether_addr next_hop, source_mac;
};

enum {
	FEC_MATCH = 1 << 0,
	FEC_PUSH = 1 << 1,
	FEC_TC = 1 << 2,
	FEC_TTL = 1 << 3,
	FEC_NEXT_HOP = 1 << 4,
	FEC_SOURCE_MAC = 1 << 5,
};

struct mpls_label_config {
	uint64_t given;
	uint64_t label;
	uint32_t from; /* enum mpls_from */
	uint64_t swap;
	bool pop, php;
	struct sl_list push; /* of uint64_t, on top of the swapped one, the outermost first */
	uint64_t tc, ttl;
	struct rte_ether_addr next_hop, source_mac;
};

enum {
	LABEL_LABEL = 1 << 0,
	LABEL_FROM = 1 << 1,
	LABEL_SWAP = 1 << 2,
	LABEL_POP = 1 << 3,
	LABEL_PHP = 1 << 4,
	LABEL_PUSH = 1 << 5,
	LABEL_TC = 1 << 6,
	LABEL_TTL = 1 << 7,
	LABEL_NEXT_HOP = 1 << 8,
	LABEL_SOURCE_MAC = 1 << 9,
};

struct mpls_tc_config {
	uint64_t given;
	struct sl_list dscp; /* of struct sl_span */
	uint64_t tc;
};

struct mpls_dscp_config {
	uint64_t given;
	uint64_t tc, dscp;
};

struct mpls_config {
	uint64_t given;
	struct sl_list fecs;   /* of struct mpls_fec_config */
	struct sl_list labels; /* of struct mpls_label_config */
	uint32_t ttl;          /* enum mpls_model */
	uint64_t pipe_ttl;
	bool decrement;
	uint32_t diffserv;       /* enum mpls_model */
	struct sl_list tc_map;   /* of struct mpls_tc_config */
	struct sl_list dscp_map; /* of struct mpls_dscp_config */
	uint32_t unlabelled;     /* enum mpls_unlabelled */
	uint64_t max_labels;
};

extern const struct sl_param sl_mpls_params[];
int sl_mpls_check(const void *config, struct sl_errors *errors);

/* ---- Compiled ---- */

/* Labels to push, and where the packet goes with them. */
struct mpls_push {
	uint32_t labels[MPLS_MOST_PUSH]; /* in their place in a word, the outermost first */
	uint8_t count;
	bool own_tc, own_ttl; /* constants, not from the packet */
	uint8_t tc, ttl;
	bool set_dst, set_src;
	struct rte_ether_addr dst, src;
};

enum mpls_action { MPLS_SWAP, MPLS_POP, MPLS_PHP };

/* An entry of the incoming label map. */
struct mpls_entry {
	uint32_t label; /* MPLS_SWAP: the new one, in its place in a word */
	uint8_t action; /* enum mpls_action */
	struct mpls_push push;
};

struct mpls_count {
	uint64_t packets, bytes;
};

struct mpls_set {
	struct sl_matcher *matcher;
	const struct mpls_config *config;
	struct mpls_push *fecs;
	struct mpls_entry *entries;
	uint32_t fec_count, entry_count, workers, stride;
	/* By side and label: number of an entry plus one, or 0. NULL: a page of zeros. */
	uint32_t *pages[2][MPLS_LABELS / MPLS_PAGE];
	/* Of worker w: counts + w * stride, written by that worker alone; first those of the FECs,
	 * then those of the labels. */
	struct mpls_count *counts;
	uint8_t tc_of_dscp[64];
	uint8_t dscp_of_tc[8];
	uint8_t pipe_ttl;
	uint8_t max_labels;
	bool uniform_ttl, uniform_diffserv, decrement, drop_unlabelled;
};

struct mpls_set *sl_mpls_set_new(struct sl_instance *instance, const struct mpls_config *config,
				 struct sl_errors *errors);
void sl_mpls_set_free(struct sl_instance *instance, struct mpls_set *set);

/* sl_instance_data() */
struct mpls {
	_Atomic(struct mpls_set *) set;
};

static inline const struct mpls_set *sl_mpls_set(const struct sl_node *node)
{
	return atomic_load_explicit(&((struct mpls *)node->data)->set, memory_order_acquire);
}

enum mpls_reason {
	MPLS_TTL_EXPIRED,
	MPLS_UNKNOWN_LABEL,
	MPLS_DROP_ROUTER_ALERT,
	MPLS_DROP_IMPLICIT_NULL,
	MPLS_RESERVED_LABEL,
	MPLS_UPSTREAM_LABEL,
	MPLS_TRUNCATED,
	MPLS_TOO_DEEP,
	MPLS_BAD_PAYLOAD,
	MPLS_NO_ROOM,
	MPLS_UNLABELLED,
};

enum mpls_counter {
	MPLS_COUNT_PUSHED,
	MPLS_COUNT_SWAPPED,
	MPLS_COUNT_POPPED,
	MPLS_COUNT_NULLS,
	MPLS_COUNT_UNLABELLED,
};

/* ---- Packets ---- */

/* Put labels before what stands at l3, which is at the bottom unless `below` says it is a label.
 * tc_ttl: traffic class and TTL in their places in a word. Fields are kept true. false: no room */
bool sl_mpls_push(struct rte_mbuf *m, const struct mpls_push *push, uint32_t tc_ttl, bool below);
/* Give a packet that no label stands on those of its FEC. Returns the edge. */
uint8_t sl_mpls_impose(struct sl_node *node, const struct mpls_set *set, struct rte_mbuf *m,
		       uint32_t fec);
/* Say the same on its trail; before sl_mpls_impose() changes it. */
void sl_mpls_say(struct sl_node *node, const struct mpls_set *set, struct rte_mbuf *m,
		 uint32_t fec);
/* Switch a packet by its top label. Returns the edge. */
uint8_t sl_mpls_switch(struct sl_node *node, const struct mpls_set *set, struct rte_mbuf *m);

/* TTL or hop limit of a well-formed IP packet. */
uint8_t sl_mpls_ip_ttl(const struct rte_mbuf *m);
void sl_mpls_set_ip_ttl(const struct rte_mbuf *m, uint8_t ttl);

static inline void sl_mpls_count(struct sl_node *node, const struct mpls_set *set, uint32_t number,
				 const struct rte_mbuf *m)
{
	struct mpls_count *count = &set->counts[(size_t)set->stride * node->worker + number];

	sl_tally(&count->packets, 1);
	sl_tally(&count->bytes, m->pkt_len);
}

static inline void sl_mpls_set_macs(const struct rte_mbuf *m, const struct mpls_push *push)
{
	if (push->set_dst)
		sl_ether(m)->dst_addr = push->dst;
	if (push->set_src)
		sl_ether(m)->src_addr = push->src;
}

extern const struct sl_command sl_mpls_commands[];

#endif
