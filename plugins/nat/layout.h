/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What was configured, and what that means: which outside addresses and ports there are and
 * where they belong. Addresses and ports are in network byte order unless a name or comment says
 * host order.
 */
#ifndef NAT_LAYOUT_H
#define NAT_LAYOUT_H

#include <assert.h>

#include <rte_byteorder.h>

#include <sluice/node.h>

/* ---- Configuration ---- */

struct nat_forward_params {
	uint64_t given;
	struct sl_list proto; /* of uint32_t */
	struct sl_addr outside;
	struct sl_span port;
	struct sl_addr inside;
	uint64_t inside_port; /* of the first port; 0: the same as outside */
};

struct nat_pair_params {
	uint64_t given;
	struct sl_addr_range outside;
	struct sl_addr_range inside;
};

struct nat_params {
	uint64_t given;
	struct sl_list inside; /* of struct sl_prefix */
	struct sl_list except; /* of struct sl_prefix */
	struct sl_list pool;   /* of struct sl_addr_range */
	struct sl_span ports;
	uint32_t filtering; /* enum nat_filtering */
	bool hairpinning;
	bool preserve_port;
	bool preserve_parity;
	uint32_t pooling; /* 0 paired, 1 arbitrary */
	uint64_t block_size;
	uint64_t blocks_per_subscriber;
	uint64_t mappings_per_subscriber; /* 0: no limit */
	uint64_t sessions_per_subscriber; /* 0: no limit */
	uint64_t sessions;
	uint64_t subscribers;
	uint32_t others; /* 0 drop, 1 pass */
	uint64_t udp_timeout, udp_unreplied_timeout;
	uint64_t tcp_established_timeout, tcp_transitory_timeout;
	uint64_t icmp_timeout;
	uint64_t port_hold;
	bool refresh_inbound;
	struct sl_list forward;    /* of struct nat_forward_params */
	struct sl_list one_to_one; /* of struct nat_pair_params */
	uint32_t log;              /* enum nat_log */
	bool unreachable;
	uint64_t unreachable_rate;
};

extern const struct sl_param sl_nat_params[];
int sl_nat_check(const void *config, struct sl_errors *errors);

/* What may change while the instance runs. Times are in ticks of sl_now(). */
struct nat_tuning {
	uint64_t udp, udp_unreplied, tcp_established, tcp_transitory, icmp;
	uint64_t port_hold;
	uint64_t mappings_per_subscriber; /* UINT64_MAX: no limit */
	uint64_t sessions_per_subscriber;
	uint64_t unreachable_gap; /* between two ICMP errors; 0: none are sent */
	bool refresh_inbound;
	bool pass_others;
	uint8_t log; /* enum nat_log */
};

/* ---- Where addresses and ports belong: immutable, read by all workers ---- */

/* One end of a mapping; the word is the key of the mapping indexes. */
union nat_endpoint {
	struct {
		uint32_t addr;
		uint16_t port; /* ICMP: the query id */
		uint8_t proto;
		uint8_t zero;
	};
	uint64_t word;
};

static_assert(sizeof(union nat_endpoint) == 8, "an endpoint is one word");

/* Addresses in host order. other: index of the pool address, or first address of the pair. */
struct nat_range {
	uint32_t first, last;
	uint32_t other;
};

struct nat_ranges {
	struct nat_range *items; /* sorted, disjoint */
	uint32_t count;
};

/* Pairs of network and mask, network order. */
struct nat_prefixes {
	uint32_t *items;
	uint32_t count;
};

struct nat_forward {
	union nat_endpoint outside, inside;
};

struct nat_layout {
	uint32_t workers;
	struct nat_prefixes inside; /* none: every address */
	struct nat_prefixes except; /* remotes that are reached untranslated */
	struct nat_ranges pool;
	uint32_t pool_count; /* addresses */
	struct nat_ranges pair_outside, pair_inside;
	struct nat_forward *forwards;
	uint32_t forward_count;
	uint32_t *forward_table; /* by hash of outside; SL_NO_SLOT: empty */
	uint32_t forward_mask;
	uint16_t port_first, port_last; /* host order */
	uint32_t block_size;            /* ports; without blocks per subscriber: 64 */
	uint32_t block_count;           /* per address */
};

int sl_nat_layout_new(struct sl_instance *instance, const struct nat_params *params,
		      struct nat_layout **layout, struct sl_errors *errors);
int sl_nat_layout_claim(struct sl_instance *instance, const struct nat_layout *layout);
/* The forward of an outside endpoint, or NULL. */
const struct nat_forward *sl_nat_forward_find(const struct nat_layout *layout,
					      union nat_endpoint outside);
/* The range that holds an address (network order), or NULL. */
const struct nat_range *sl_nat_range_find(const struct nat_ranges *ranges, uint32_t addr);
/* Address of the pool by its index, network order. */
uint32_t sl_nat_pool_address(const struct nat_layout *layout, uint32_t index);
/* Any outside address of ours: of the pool, a forward or a pair. */
bool sl_nat_is_outside(const struct nat_layout *layout, uint32_t addr);
/* Whether packets from that address are to be translated. */
bool sl_nat_is_inside(const struct nat_layout *layout, uint32_t addr);
/* Whether that remote address is reached, and reaches inside ones, untranslated. */
bool sl_nat_is_except(const struct nat_layout *layout, uint32_t addr);
/* The worker that owns an outside endpoint, and the one that serves an inside address. */
uint32_t sl_nat_owner(const struct nat_layout *layout, union nat_endpoint outside);
uint32_t sl_nat_spread(const struct sl_instance *instance, const struct rte_mbuf *m,
		       enum sl_side from, uint32_t workers);

static inline uint32_t nat_mix(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	return x ^ (x >> 16);
}

/* Which worker serves an inside address. */
static inline uint32_t nat_host_worker(const struct nat_layout *layout, uint32_t addr)
{
	return nat_mix(addr) % layout->workers;
}

/* The address of a pair that stands opposite to one (network order both). */
static inline uint32_t nat_pair_other(const struct nat_range *pair, uint32_t addr)
{
	return rte_cpu_to_be_32(pair->other + (rte_be_to_cpu_32(addr) - pair->first));
}

#endif
