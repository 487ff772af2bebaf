/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include <sluice/packet.h>

#include <core/host/home.h>
#include <core/host/private.h>
#include <core/host/state.h>
#include <core/worker/spread.h>

/* The same room for all: only ports, or type and identifier, are looked at. */
#define L4_LENGTH sizeof(struct rte_tcp_hdr)

/* The ends, in the direction of travel. */
struct ends {
	const uint8_t *from, *to;
	rte_be16_t sport, dport;
};

static struct ends turned(const struct sl_ends *ends, enum sl_side side)
{
	if (side == SL_INSIDE)
		return (struct ends){ends->inside, ends->outside, ends->inside_port,
				     ends->outside_port};
	return (struct ends){ends->outside, ends->inside, ends->outside_port, ends->inside_port};
}

static uint8_t *put_ip(uint8_t *at, const struct sl_ends *ends, const struct ends *way)
{
	if (ends->family == SL_L3_IPV4) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;

		*ip = (struct rte_ipv4_hdr){
			.version_ihl = RTE_IPV4_VHL_DEF,
			.total_length = rte_cpu_to_be_16(sizeof(*ip) + L4_LENGTH),
			.time_to_live = 64,
			.next_proto_id = ends->proto,
		};
		memcpy(&ip->src_addr, way->from, 4);
		memcpy(&ip->dst_addr, way->to, 4);
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		return at + sizeof(*ip);
	}
	/* Its addresses have another type in each DPDK. */
	memset(at, 0, sizeof(struct rte_ipv6_hdr));
	at[0] = 0x60;
	at[5] = L4_LENGTH;
	at[6] = ends->proto;
	at[7] = 64;
	memcpy(at + offsetof(struct rte_ipv6_hdr, src_addr), way->from, 16);
	memcpy(at + offsetof(struct rte_ipv6_hdr, dst_addr), way->to, 16);
	return at + sizeof(struct rte_ipv6_hdr);
}

static void put_l4(uint8_t *at, const struct sl_ends *ends, const struct ends *way,
		   enum sl_side side)
{
	memset(at, 0, L4_LENGTH);
	if (ends->proto == IPPROTO_ICMP || ends->proto == IPPROTO_ICMPV6) {
		bool v4 = ends->proto == IPPROTO_ICMP, asks = side == SL_INSIDE;

		at[0] = v4 ? (asks ? ICMP_ECHO : ICMP_ECHOREPLY)
			   : (asks ? ICMP6_ECHO_REQUEST : ICMP6_ECHO_REPLY);
		memcpy(at + offsetof(struct rte_icmp_hdr, icmp_ident), &way->sport, 2);
		return;
	}
	memcpy(at, &way->sport, 2);
	memcpy(at + 2, &way->dport, 2);
	at[offsetof(struct rte_tcp_hdr, data_off)] = L4_LENGTH / 4 << 4;
}

static uint32_t ask(const void *context, const struct sl_ends *ends)
{
	const struct sl_home *home = context;
	struct rte_mbuf *m = home->m;
	struct ends way = turned(ends, home->side);
	struct rte_ether_hdr *ether;
	uint8_t worker, *l4;

	rte_pktmbuf_reset(m);
	ether = (struct rte_ether_hdr *)rte_pktmbuf_mtod(m, void *);
	*ether = (struct rte_ether_hdr){
		.ether_type = rte_cpu_to_be_16(ends->family == SL_L3_IPV4 ? RTE_ETHER_TYPE_IPV4
									  : RTE_ETHER_TYPE_IPV6)};
	l4 = put_ip((uint8_t *)(ether + 1), ends, &way);
	put_l4(l4, ends, &way, home->side);
	m->data_len = (uint16_t)(l4 + L4_LENGTH - (uint8_t *)ether);
	m->pkt_len = m->data_len;
	*sl_packet(m) = (struct sl_packet){0};
	sl_packet_parse(m);
	sl_spread_choose(home->rule, &m, &worker, 1);
	for (uint32_t w = 0; w < home->instance->workers; w++)
		if (sl_state_worker(home->instance, w) == worker)
			return w;
	return 0;
}

/* Whether an instance that may change the ends stands on the path before this one. */
static bool others_before(const struct sl_chain *chain, const struct sl_chain_path *path,
			  unsigned int vnf, enum sl_side side)
{
	for (unsigned int i = 0; i < path->stop_count; i++) {
		unsigned int at = side == SL_INSIDE ? i : path->stop_count - 1 - i;

		if (path->stops[at].vnf == vnf)
			return false;
		if (chain->vnfs[path->stops[at].vnf].type->spread != NULL)
			return true;
	}
	return true; /* it is come to by an edge, from who knows where */
}

/* What spreads the packets that enter the path at that port; NULL: devices do. */
static const struct sl_spread_rule *spread_at(const struct sl_generation *generation,
					      unsigned int port, unsigned int path)
{
	const struct sl_spread_config *found = NULL;

	for (unsigned int i = 0; i < generation->plan->hop_count; i++) {
		const struct sl_plan_hop *hop = &generation->plan->hops[i];

		if (hop->kind != SL_PLAN_SPREAD || hop->port != port ||
		    (hop->path != path && (hop->path != UINT_MAX || found != NULL)))
			continue;
		found = (const struct sl_spread_config *)generation->own[i]->config;
	}
	return found != NULL && !found->in_hardware ? &found->rule : NULL;
}

static bool look_from(struct sl_home *home, const struct sl_generation *generation,
		      const struct sl_plan_hop *hop)
{
	const struct sl_chain_path *path = &generation->chain->paths[hop->path];
	const struct sl_spread_rule *rule;

	if (others_before(generation->chain, path, hop->vnf, hop->from))
		return false;
	rule = spread_at(generation, hop->from == SL_INSIDE ? path->first : path->last, hop->path);
	/* On other cores than the rest of the chain it gets its packets by another rule. */
	if (rule == NULL || (rule->mask & home->instance->mask) != rule->mask)
		return false;
	home->rule = rule;
	home->side = hop->from;
	return true;
}

void sl_home_find(struct sl_home *home, const struct sl_engine *engine,
		  struct sl_instance *instance)
{
	const struct sl_generation *generation = engine->generation;
	bool found = false;

	*home = (struct sl_home){.instance = instance};
	for (unsigned int i = 0; i < generation->plan->hop_count && !found; i++)
		if (generation->plan->hops[i].kind == SL_PLAN_VNF &&
		    generation->hops[i].instance == instance)
			found = look_from(home, generation, &generation->plan->hops[i]);
	if (found && instance->workers > 1)
		home->m = rte_pktmbuf_alloc(engine->pool);
	if (home->m == NULL)
		return;
	instance->home = ask;
	instance->home_context = home;
}

void sl_home_forget(struct sl_home *home)
{
	if (home->m == NULL)
		return;
	home->instance->home = NULL;
	rte_pktmbuf_free(home->m);
	home->m = NULL;
}
