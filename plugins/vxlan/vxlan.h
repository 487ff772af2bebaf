/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VXLAN (RFC 7348) and VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe): what the files of this plugin share.
 *
 * A *tunnel* is a VNI and the remote VTEPs that its broadcast, unknown and multicast frames go to.
 * A *peer* is a remote VTEP; it carries the outer header made ready for it. A *station* is a MAC
 * address behind a peer, configured or learned from what the peer sends.
 *
 * Multi-byte fields are in network byte order unless a name or comment says host order.
 */
#ifndef VXLAN_VXLAN_H
#define VXLAN_VXLAN_H

#include <netinet/in.h>
#include <stdalign.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>

#include <sluice/index.h>
#include <sluice/ip.h>
#include <sluice/node.h>
#include <sluice/state.h>
#include <sluice/trail.h>

#include "params.h"

/* Why packets are dropped, in the order of the type's reasons. */
enum vx_reason {
	VX_NO_TUNNEL,
	VX_NO_PEER,
	VX_UNKNOWN_STATION,
	VX_TOO_BIG,
	VX_NO_MEMORY,
	VX_NOT_IP,
	VX_FRAGMENT,
	VX_SHORT,
	VX_BAD_CHECKSUM,
	VX_ZERO_CHECKSUM,
	VX_BAD_FLAGS,
	VX_OAM,
	VX_UNSUPPORTED_PROTOCOL,
	VX_UNKNOWN_VNI,
	VX_UNKNOWN_PEER,
	VX_BAD_INNER,
	VX_INNER_VLAN,
	VX_ECN,
	VX_UNDERLAY_ERROR,
	VX_NOT_OURS,
	VX_REASON_COUNT,
};

enum vx_counter {
	VX_ENCAPSULATED,
	VX_DECAPSULATED,
	VX_PASSED,
	VX_COPIES,
	VX_COPIES_LOST,
	VX_LEARNED,
	VX_MOVED,
	VX_AGED,
	VX_REPLACED,
	VX_MACS_FULL,
	VX_PEERS_FULL,
	VX_TOO_BIG_REPLIES,
	VX_CE_MARKED,
	VX_COUNTER_COUNT,
};

/* ---- On the wire ---- */

/* RFC 7348, section 5; the GPE draft, section 3. */
struct vx_header {
	uint8_t flags;
	uint8_t reserved[2];
	uint8_t next; /* GPE: protocol of the payload */
	uint8_t vni[3];
	uint8_t reserved2;
};

static_assert(sizeof(struct vx_header) == 8, "the VXLAN header has eight bytes");

enum vx_flag {
	VX_FLAG_OAM = 1 << 0,  /* GPE */
	VX_FLAG_BUM = 1 << 1,  /* GPE: replicated at the ingress */
	VX_FLAG_NEXT = 1 << 2, /* GPE: `next` says what the payload is */
	VX_FLAG_VNI = 1 << 3,
	VX_FLAG_VERSION = 3 << 4, /* GPE */
};

enum vx_next {
	VX_NEXT_IPV4 = 1,
	VX_NEXT_IPV6 = 2,
	VX_NEXT_ETHERNET = 3,
};

/* ---- The instance: immutable, read by all workers ---- */

/* No such tunnel. */
#define VX_NONE UINT16_MAX

struct vx_tunnel {
	uint32_t vni;  /* host order */
	uint16_t vlan; /* id of the tag its frames have inside; 0: none */
	uint8_t edge;  /* of its path; SL_ON: the path the packet is on */
	uint16_t peer_count;
	const uint16_t *peers; /* slots of struct vx_peer; those that frames are flooded to */
};

struct vx {
	const struct vx_params *params;
	struct vx_tunnel *tunnels;
	uint32_t tunnel_count;
	uint16_t *by_vni; /* open addressing, linear; VX_NONE: empty */
	uint32_t vni_mask;
	/* Which tunnel takes a frame from inside: by the path (struct sl_node's own_path; SL_ON:
	 * those that name none) and, where a path has tunnels by VLAN, by that. */
	uint16_t by_path[SL_EDGE_LAST + 1];
	uint16_t *by_vlan[SL_EDGE_LAST + 1]; /* 4096 each, or NULL */
	struct sl_addr *peers;               /* configured ones; their slots are the first */
	uint32_t peer_count;
	uint32_t peer_room, mac_room;              /* of each worker */
	uint16_t header_length;                    /* outer headers with Ethernet */
	uint16_t l3, l4;                           /* offsets in it */
	uint16_t overhead;                         /* outer headers without Ethernet */
	uint16_t port, first_source, source_count; /* host order */
	uint8_t local[16];
	uint16_t address_size; /* 4 or 16 */
	bool ipv4, checksum, stations;
	uint64_t mac_timeout, icmp_gap; /* ticks; icmp_gap 0: no replies */
};

/* ---- State of one worker ---- */

/* Written by the worker, read by all. Lengths are of frames: as they came from inside, or as they
 * go there. */
struct vx_tally {
	uint64_t sent_packets, sent_bytes;
	uint64_t received_packets, received_bytes;
};

/* The outer header stands at the end of `header`, so that one copy of fixed size ends where the
 * frame begins. */
#define VX_HEADER_ROOM 128

struct vx_peer {
	alignas(64) uint8_t header[VX_HEADER_ROOM];
	uint64_t address[2]; /* IPv4: the first four bytes */
	struct vx_tally tally;
	uint32_t sum;      /* IPv4: of the header without tos, length and id */
	uint32_t stations; /* learned ones behind it; without any, a learned peer goes */
	uint32_t next;     /* free list */
	bool used;
};

/* A station. key: MAC address (the low 48 bits, as it stands in memory) and number of the tunnel.
 */
struct vx_mac {
	uint64_t key;
	uint64_t seen;       /* VX_FIXED: configured */
	uint32_t peer;       /* SL_NO_SLOT: the slot is free */
	uint32_t next, prev; /* from the last heard to the first; or next in the free list */
	struct sl_anchor anchor;
};

#define VX_FIXED UINT64_MAX

struct vx_lookup {
	alignas(64) uint64_t keys[SL_BURST];
	uint64_t addresses[SL_BURST][2]; /* outer source */
	uint32_t hashes[SL_BURST];
	uint32_t slots[SL_BURST];
	uint32_t lengths[SL_BURST]; /* of frames as they came */
	uint16_t tunnels[SL_BURST];
};

struct vx_worker {
	const struct vx *vx;
	struct sl_node *node; /* the hop that runs */
	uint64_t now;
	struct vx_tally *tallies; /* per tunnel */

	struct vx_peer *peers;
	struct sl_index *peer_index;
	uint32_t peer_free, last_peer;

	struct vx_mac *macs;
	struct sl_index *mac_index;
	uint32_t mac_free, newest, oldest;
	uint64_t *changed; /* a bit for each slot of macs: it has news to tell */
	uint64_t refresh;  /* ticks; a station is noted as heard again after so long */

	uint64_t icmp_next;
	uint16_t ip_id;
	struct vx_lookup *lookup;
};

/* Begin a call of process(), tick() or collect() on this worker. */
static inline struct vx_worker *vx_enter(struct sl_node *node)
{
	struct vx_worker *w = (struct vx_worker *)node->state;

	w->node = node;
	w->now = sl_now(node);
	return w;
}

static inline uint64_t vx_mac_key(const struct rte_ether_addr *mac, uint16_t tunnel)
{
	uint64_t key = 0;

	memcpy(&key, mac, sizeof(*mac));
	return key | (uint64_t)tunnel << 48;
}

/* ---- layout.c ---- */
int sl_vx_layout(struct sl_instance *instance, struct vx *vx, struct sl_errors *errors);
uint16_t sl_vx_find_vni(const struct vx *vx, uint32_t vni);

/* ---- peers.c ---- */
int sl_vx_peers_init(struct vx_worker *w, struct sl_instance *instance, struct sl_errors *errors);
/* SL_NO_SLOT: not known. */
uint32_t sl_vx_peer_find(struct vx_worker *w, const uint64_t address[2]);
/* The same, but it is made known; SL_NO_SLOT: there is no room. */
uint32_t sl_vx_peer_learn(struct vx_worker *w, const uint64_t address[2]);
/* A station less: a learned peer without any is forgotten. */
void sl_vx_peer_put(struct vx_worker *w, uint32_t slot);

/* ---- macs.c ---- */
int sl_vx_macs_init(struct vx_worker *w, struct sl_instance *instance, struct sl_errors *errors);
/* The station of that key, found in `slot` (or SL_NO_SLOT), was heard behind that peer. */
void sl_vx_heard(struct vx_worker *w, uint64_t key, uint32_t hash, uint32_t slot,
		 const uint64_t address[2]);
/* It was heard behind that peer, at that time, as other code knew. False: no room. */
bool sl_vx_station_set(struct vx_worker *w, uint64_t key, const uint64_t address[2], uint64_t seen);
void sl_vx_forget(struct vx_worker *w, uint32_t slot);
void sl_vx_tick(struct sl_node *node);

/* ---- header.c ---- */
void sl_vx_header_build(const struct vx *vx, struct vx_peer *peer, const uint64_t address[2]);
struct vx_outer {
	uint32_t vni;         /* host order */
	uint16_t source_port; /* host order */
	uint8_t tos, ttl;
	uint8_t flags; /* of struct vx_header, added to those that are always set */
	uint8_t next;
};
/* Put the peer's header before the frame. false: no room, and the pool is empty. */
bool sl_vx_header_push(struct vx_worker *w, struct rte_mbuf *m, const struct vx_peer *peer,
		       const struct vx_outer *outer);
/* Sum of a UDP pseudo header, not folded. */
uint32_t sl_vx_pseudo_sum(const uint8_t *addresses, uint32_t size, uint16_t length);

/* ---- encapsulate.c, decapsulate.c ---- */
void sl_vx_encapsulate(struct vx_worker *w, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n);
void sl_vx_decapsulate(struct vx_worker *w, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n);
/* Whether it is UDP to our address and port. */
bool sl_vx_is_ours(const struct vx *vx, const struct rte_mbuf *m);

/* ---- unwrap.c ---- */
/* An outer packet, as it was before its headers were taken off. */
struct vx_received {
	struct vx_header header;
	uint64_t source[2];
	struct rte_ether_addr macs[2]; /* destination, source */
	uint16_t start;                /* of what it carries */
	uint16_t end;
	uint8_t tos;
};
/* Make the frame of that tunnel out of it. Returns a reason, or VX_REASON_COUNT. */
enum vx_reason sl_vx_unwrap(struct vx_worker *w, struct rte_mbuf *m,
			    const struct vx_received *outer, const struct vx_tunnel *tunnel);

/* ---- too_big.c ---- */
/* Tell the sender of an inner packet what fits: bytes of IP. */
void sl_vx_too_big(struct vx_worker *w, const struct rte_mbuf *m, uint32_t mtu);

/* ---- spread.c ---- */
uint32_t sl_vx_spread(const struct sl_instance *instance, const struct rte_mbuf *m,
		      enum sl_side from, uint32_t workers);
/* The worker that has the stations of that MAC address. */
uint32_t sl_vx_station_worker(const uint8_t *mac, uint32_t workers);

/* ---- state.c ---- */
#define VX_STATE_VERSION 1
void sl_vx_export(struct sl_node *node, struct sl_export *out);
int sl_vx_import(struct sl_node *node, uint32_t version, const void *record, uint32_t size,
		 struct sl_errors *errors);

/* ---- commands.c ---- */
extern const struct sl_command sl_vx_commands[];

#endif
