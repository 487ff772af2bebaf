/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands behind struct sl_l3_port. Workers read own addresses, routes (both immutable once
 * workers run) and neighbour slots (written by main alone); the rest is main's.
 */
#ifndef CORE_PORT_L3_STATE_H
#define CORE_PORT_L3_STATE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_hash_crc.h>

#include <core/graph/graph.h>
#include <core/plugin/instance.h>
#include <core/port/l3.h>

#define SL_L3_NEIGHBOURS 4096      /* most neighbours of a port */
#define SL_L3_SLOTS      8192      /* their hash table */
#define SL_L3_PROBES     16        /* slots looked at for an address */
#define SL_L3_QUEUE      32        /* packets that wait for one neighbour */
#define SL_L3_QUEUED     2048      /* packets that wait, of a port */
#define SL_L3_SMALL      32        /* routes of a family that are matched one by one */
#define SL_L3_OWN        64        /* own addresses of a family */
#define SL_L3_ROUTES     (1 << 20) /* routes of a port */

#define SL_NO_NEIGHBOUR UINT32_MAX

/* An address as a key: IPv4 is written ::ffff:a.b.c.d. */
union sl_l3_key {
	uint8_t bytes[16];
	uint32_t words[4];
	uint64_t halves[2];
};

/* A neighbour as workers see it. Main makes `version` odd while it writes; a reader that sees
 * it odd or changed takes the neighbour for unresolved, and does not wait. */
struct sl_neighbour_slot {
	alignas(RTE_CACHE_LINE_SIZE) _Atomic uint32_t version;
	_Atomic uint8_t live;  /* enum sl_slot_live */
	_Atomic uint8_t used;  /* a worker sent to it since main cleared this */
	_Atomic uint8_t fused; /* its header was said on a trail since main cleared this */
	_Atomic uint64_t key[2];
	_Atomic uint64_t header[2]; /* 14 bytes of Ethernet header; [1] is 0: none */
	/* What fused flows sent to it. All workers add to it, and may lose some: main looks only
	 * whether it has changed. */
	uint64_t sent;
};
static_assert(sizeof(struct sl_neighbour_slot) == RTE_CACHE_LINE_SIZE, "one line a neighbour");

enum sl_slot_live { SL_SLOT_EMPTY, SL_SLOT_LIVE, SL_SLOT_GONE /* the search goes on past it */ };

enum sl_nexthop_kind {
	SL_NEXTHOP_NONE,      /* no route */
	SL_NEXTHOP_LINK,      /* the destination itself */
	SL_NEXTHOP_GATEWAY,   /* slot */
	SL_NEXTHOP_OWN,       /* our address */
	SL_NEXTHOP_BROADCAST, /* directed broadcast or network address */
	SL_NEXTHOP_NEVER,     /* loopback, multicast, reserved */
};

struct sl_nexthop {
	enum sl_nexthop_kind kind;
	uint32_t neighbour; /* GATEWAY: its slot */
	struct sl_addr gateway;
};

struct sl_route {
	struct sl_prefix prefix;
	uint16_t nexthop;
	bool configured; /* shown to users */
};

/* Routes of one family: longest first when they are few, a FIB when they are many. */
struct sl_routes {
	uint32_t count;
	struct sl_route *list; /* sorted: longest first */
	union sl_l3_key net[SL_L3_SMALL], mask[SL_L3_SMALL];
	uint16_t nexthop[SL_L3_SMALL];
	struct rte_fib *fib;
	struct rte_fib6 *fib6;
};

enum sl_neighbour_state {
	SL_NEIGHBOUR_FREE,
	SL_NEIGHBOUR_NONE, /* a gateway that nothing was sent to yet, or that did not answer */
	SL_NEIGHBOUR_INCOMPLETE,
	SL_NEIGHBOUR_REACHABLE,
	SL_NEIGHBOUR_STALE,
	SL_NEIGHBOUR_DELAY,
	SL_NEIGHBOUR_PROBE,
	SL_NEIGHBOUR_STATIC,
};

/* A neighbour as main sees it: same index as its slot. */
struct sl_neighbour {
	uint8_t state;
	bool pinned; /* a gateway: its slot stays */
	uint8_t asked;
	uint8_t queued;
	struct rte_ether_addr mac;
	struct sl_addr addr;
	uint64_t deadline; /* TSC: when the state ends */
	uint64_t since;    /* TSC: last confirmed, or made */
	uint64_t sent;     /* its slot's, when it was last asked whether it is used */
	struct rte_mbuf *queue[SL_L3_QUEUE];
};

enum sl_l3_reason {
	SL_L3_QUEUE_FULL,
	SL_L3_NEIGHBOURS_FULL,
	SL_L3_NO_WAY,
	SL_L3_INJECT_FULL,
	SL_L3_BAD_ARP,
	SL_L3_BAD_ND,
	SL_L3_STOPPED,
	SL_L3_REASONS,
};
extern const struct sl_name sl_l3_reasons[SL_L3_REASONS + 1];

enum sl_l3_counter {
	SL_L3_ARP_ASKED,
	SL_L3_ARP_ANSWERED,
	SL_L3_ND_ASKED,
	SL_L3_ND_ANSWERED,
	SL_L3_ANNOUNCED,
	SL_L3_LEARNED,
	SL_L3_LOST,
	SL_L3_CONFLICTS,
	SL_L3_NO_MEMORY,
	SL_L3_COUNTERS,
};
extern const struct sl_name sl_l3_counters[SL_L3_COUNTERS + 1];

/* An address of the port; v6 includes the link-local one made from the MAC. */
struct sl_own {
	struct sl_prefix prefix; /* with host bits */
	uint32_t broadcast;      /* IPv4, network byte order; 0: none */
	uint64_t defended;       /* TSC of the last answer to a conflict */
};

struct sl_l3_port {
	struct sl_port *port;
	struct rte_ether_addr mac;
	uint16_t mtu;
	uint32_t own4_count, own6_count;
	struct sl_own own4[SL_L3_OWN], own6[SL_L3_OWN];
	struct sl_routes routes4, routes6;
	struct sl_nexthop *nexthops;
	uint32_t nexthop_count;
	struct sl_neighbour_slot *slots;

	/* Tokens of ICMP errors, one line a worker: theoretical arrival time (GCRA). */
	uint64_t icmp_interval; /* TSC; 0: no errors at all */
	uint64_t icmp_burst;    /* TSC */
	struct {
		alignas(RTE_CACHE_LINE_SIZE) uint64_t next;
	} icmp[SL_MAX_WORKERS];

	/* Main's. */
	struct sl_l3_path path;
	struct sl_instance **outs; /* l3-out nodes of this port, of every generation there is */
	uint32_t out_count;
	uint64_t now, aged; /* TSC: of this tick, of the last look at all neighbours */
	struct sl_neighbour *neighbours;
	uint32_t neighbour_count;
	uint32_t highest; /* slots above it were never used */
	uint32_t queued;
	struct sl_prefix *claims;
	uint32_t claim_count;
	uint32_t announce_rounds, announce_item;
	uint64_t announce_offset, announce_next;
	uint64_t counters[SL_L3_COUNTERS];
	uint64_t drops[SL_L3_REASONS];
	uint64_t pushed, made, handed, joined;
};

/* l3_route.c */
int sl_routes_build(struct sl_l3_port *l3, struct sl_errors *errors);
void sl_routes_free(struct sl_l3_port *l3);
/* Next hops of n (at most SL_BURST) destinations, in network byte order. */
void sl_routes_find4(const struct sl_routes *routes, const uint32_t *to, uint16_t *nexthop,
		     uint16_t n);
void sl_routes_find6(const struct sl_routes *routes, const uint8_t (*to)[16], uint16_t *nexthop,
		     uint16_t n);
const struct sl_nexthop *sl_route_find(const struct sl_l3_port *l3, const struct sl_addr *to);

/* l3_neighbour.c; main. */
uint32_t sl_neighbour_find(const struct sl_l3_port *l3, const struct sl_addr *addr);
/* Find or make. SL_NO_NEIGHBOUR: the table is full. */
uint32_t sl_neighbour_make(struct sl_l3_port *l3, const struct sl_addr *addr);
void sl_neighbour_static(struct sl_l3_port *l3, uint32_t i, const struct rte_ether_addr *mac);
/* It has this MAC. confirmed: it answered us; else it only told. Sends what waits. */
void sl_neighbour_learn(struct sl_l3_port *l3, uint32_t i, const struct rte_ether_addr *mac,
			bool confirmed);
void sl_neighbour_wait(struct sl_l3_port *l3, struct rte_mbuf *m);
void sl_neighbours_tick(struct sl_l3_port *l3);
void sl_neighbours_free(struct sl_l3_port *l3);
const char *sl_neighbour_state_name(uint8_t state);

/* l3_arp.c and l3_nd.c; main. */
void sl_arp_input(struct sl_l3_port *l3, struct rte_mbuf *m);
void sl_arp_ask(struct sl_l3_port *l3, const struct sl_addr *target,
		const struct rte_ether_addr *unicast);
void sl_arp_announce(struct sl_l3_port *l3, const struct sl_addr *addr);
void sl_nd_input(struct sl_l3_port *l3, struct rte_mbuf *m);
void sl_nd_ask(struct sl_l3_port *l3, const struct sl_addr *target,
	       const struct rte_ether_addr *unicast);
void sl_nd_announce(struct sl_l3_port *l3, const struct sl_addr *addr);

/* l3.c; main. */
void sl_l3_drop(struct sl_l3_port *l3, struct rte_mbuf *m, enum sl_l3_reason reason);
struct rte_mbuf *sl_l3_make(struct sl_l3_port *l3, uint16_t length);
/* Send what has its Ethernet header. */
void sl_l3_send(struct sl_l3_port *l3, struct rte_mbuf *m);
/* A node l3-out of this port was made, or ends: fused flows came by it. Returns 0 or -ENOMEM. */
int sl_l3_out_made(struct sl_l3_port *l3, struct sl_instance *out);
void sl_l3_out_ends(struct sl_l3_port *l3, const struct sl_instance *out);
/* A MAC address that fused flows write is no longer right. */
void sl_l3_unfuse(struct sl_l3_port *l3);
/* Whether we answer for an address: own or claimed. */
bool sl_l3_answers(const struct sl_l3_port *l3, const struct sl_addr *addr);

/* Any thread. */
struct sl_own *sl_l3_own(const struct sl_l3_port *l3, const struct sl_addr *addr);
/* The own address to speak to that one from; NULL: none of the family. */
const struct sl_addr *sl_l3_source(const struct sl_l3_port *l3, const struct sl_addr *to);

static inline uint64_t sl_l3_seconds(uint64_t seconds)
{
	return seconds * sl_hz();
}

static inline union sl_l3_key sl_l3_key4(uint32_t v4)
{
	return (union sl_l3_key){.words = {0, 0, RTE_BE32(0xffff), v4}};
}

static inline union sl_l3_key sl_l3_key(const struct sl_addr *addr)
{
	union sl_l3_key key;

	if (addr->family == SL_FAMILY_IPV4)
		return sl_l3_key4(addr->v4);
	memcpy(key.bytes, addr->bytes, 16);
	return key;
}

static inline struct sl_addr sl_l3_addr(uint8_t family, const void *bytes)
{
	struct sl_addr addr = {.family = family};

	memcpy(addr.bytes, bytes, family == SL_FAMILY_IPV4 ? 4 : 16);
	return addr;
}

/* Addresses in an IPv6 header; its struct's fields change type with DPDK 24.11. */
static inline uint8_t *sl_ip6_source(const struct rte_ipv6_hdr *ip)
{
	return (uint8_t *)(uintptr_t)ip + 8;
}

static inline uint8_t *sl_ip6_destination(const struct rte_ipv6_hdr *ip)
{
	return (uint8_t *)(uintptr_t)ip + 24;
}

static inline uint32_t sl_slot_first(const union sl_l3_key *key)
{
	return rte_hash_crc_8byte(key->halves[1], rte_hash_crc_8byte(key->halves[0], 0)) &
	       (SL_L3_SLOTS - 1);
}

static inline uint64_t sl_slot_load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* Slot of a live neighbour, or SL_NO_NEIGHBOUR. */
static inline uint32_t sl_slot_find(const struct sl_l3_port *l3, const union sl_l3_key *key)
{
	uint32_t at = sl_slot_first(key);

	for (unsigned int i = 0; i < SL_L3_PROBES; i++, at = (at + 1) & (SL_L3_SLOTS - 1)) {
		const struct sl_neighbour_slot *slot = &l3->slots[at];
		uint8_t live = atomic_load_explicit(&slot->live, memory_order_acquire);

		if (live == SL_SLOT_LIVE && sl_slot_load(&slot->key[0]) == key->halves[0] &&
		    sl_slot_load(&slot->key[1]) == key->halves[1])
			return at;
		if (live == SL_SLOT_EMPTY)
			break;
	}
	return SL_NO_NEIGHBOUR;
}

/* Write the Ethernet header for a neighbour. key: whose slot it must be; NULL: a gateway's,
 * which never changes hands. false: no MAC known. */
static inline bool sl_slot_header(struct sl_neighbour_slot *slot, const union sl_l3_key *key,
				  struct rte_ether_hdr *out)
{
	uint32_t version = atomic_load_explicit(&slot->version, memory_order_acquire);
	uint64_t header[2] = {sl_slot_load(&slot->header[0]), sl_slot_load(&slot->header[1])};
	bool same = key == NULL || (sl_slot_load(&slot->key[0]) == key->halves[0] &&
				    sl_slot_load(&slot->key[1]) == key->halves[1]);

	atomic_thread_fence(memory_order_acquire);
	if (!same || (version & 1) != 0 || header[1] == 0 ||
	    atomic_load_explicit(&slot->version, memory_order_relaxed) != version)
		return false;
	/* In three stores: one of 14 bytes would read across the two words just written. */
	memcpy(out, &header[0], 8);
	memcpy((uint8_t *)out + 8, &header[1], 4);
	memcpy((uint8_t *)out + 12, (const uint8_t *)&header[1] + 4, 2);
	if (atomic_load_explicit(&slot->used, memory_order_relaxed) == 0)
		atomic_store_explicit(&slot->used, 1, memory_order_relaxed);
	return true;
}

#endif
