/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of packets, a burst sorted by IP version, and the choice of the worker. */
#include "load_balancer.h"

static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "tail_word() is for little-endian machines");

/* The last word of a key, in one go: piecewise stores would be waited for by the hash. */
static inline uint64_t tail_word(uint32_t ports, uint8_t proto, uint8_t side)
{
	return ports | (uint64_t)proto << 32 | (uint64_t)side << 40;
}

/* Echo requests come from clients, replies from backends; the identifier is the client's. */
static inline bool echo_id(const struct rte_mbuf *m, const struct sl_packet *p, uint8_t side,
			   uint32_t *ports)
{
	const struct rte_icmp_hdr *icmp = sl_icmp(m);
	uint8_t type = p->family == SL_L3_IPV4 ? 8 : 128;

	if (side != 0)
		type = p->family == SL_L3_IPV4 ? 0 : 129;
	*ports = (uint32_t)icmp->icmp_ident << (side == 0 ? 0 : 16);
	return icmp->icmp_type == type;
}

/* The last word of the key of a packet that has one. */
static inline bool make_tail(const struct rte_mbuf *m, const struct sl_packet *p, uint8_t side,
			     uint64_t *tail)
{
	uint32_t ports = 0;

	if (unlikely((p->flags & (SL_PKT_MALFORMED | SL_PKT_FRAGMENT)) != 0))
		return false;
	if (likely(p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP ||
		   p->proto == IPPROTO_SCTP)) {
		if (p->l4 == 0)
			return false;
		memcpy(&ports, sl_l4(m), sizeof(ports));
	} else if (lb_is_icmp(p->family, p->proto)) {
		if (p->l4 == 0 || !echo_id(m, p, side, &ports))
			return false;
	}
	*tail = tail_word(ports, p->proto, side);
	return true;
}

bool sl_lb_key(const struct rte_mbuf *m, uint8_t side, union lb_key *key)
{
	const struct sl_packet *p = sl_packet(m);
	uint64_t tail;

	if ((p->family != SL_L3_IPV4 && p->family != SL_L3_IPV6) || !make_tail(m, p, side, &tail))
		return false;
	memset(key, 0, sizeof(*key));
	if (p->family == SL_L3_IPV4) {
		memcpy(&key->v4, lb_ip_src(m), 8);
		memcpy(&key->v4.tail, &tail, sizeof(tail));
	} else {
		memcpy(&key->v6, lb_ip_src(m), 32);
		memcpy(&key->v6.tail, &tail, sizeof(tail));
	}
	return true;
}

/* What has no key is given an edge later; here it is 255, which is none. */
void sl_lb_sort(struct lb_worker *w, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct lb_burst *v4 = &w->bursts[LB_LANE4], *v6 = &w->bursts[LB_LANE6];
	uint16_t n4 = 0, n6 = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		const struct sl_packet *p = sl_packet(m);

		if (likely(p->family == SL_L3_IPV4) &&
		    likely(make_tail(m, p, w->side, &v4->keys[2 * n4 + 1]))) {
			memcpy(&v4->keys[2 * n4],
			       (const uint8_t *)sl_l3(m) + offsetof(struct rte_ipv4_hdr, src_addr),
			       8);
			v4->hash[n4] = sl_index_hash(&v4->keys[2 * n4], sizeof(struct lb_key4));
			v4->index[n4++] = (uint8_t)i;
		} else if (p->family == SL_L3_IPV6 &&
			   make_tail(m, p, w->side, &v6->keys[5 * n6 + 4])) {
			memcpy(&v6->keys[5 * n6], (const uint8_t *)sl_l3(m) + 8, 32);
			v6->hash[n6] = sl_index_hash(&v6->keys[5 * n6], sizeof(struct lb_key6));
			v6->index[n6++] = (uint8_t)i;
		} else {
			edge[i] = UINT8_MAX;
		}
	}
	v4->n = n4;
	v6->n = n6;
}

/* ---- The worker of a packet: by the client's endpoint, which both directions have ---- */

static uint32_t hash_endpoint(const void *addr, uint32_t size, uint16_t port)
{
	uint64_t words[3] = {0, 0, port};
	uint32_t hash;

	memcpy(words, addr, size);
	hash = sl_index_hash(words, sizeof(words));
	return hash ^ hash >> 16;
}

/* The client's port as `tail` has it. */
static uint16_t client_port(const struct lb *lb, const struct lb_tail *tail)
{
	if (!lb->spread_by_port)
		return 0;
	return tail->side == 0 ? tail->sport : tail->dport;
}

static uint32_t hash_client(const struct lb *lb, uint8_t family, const union lb_key *key)
{
	if (family == SL_L3_IPV4)
		return hash_endpoint(key->v4.tail.side == 0 ? &key->v4.src : &key->v4.dst, 4,
				     client_port(lb, &key->v4.tail));
	return hash_endpoint(key->v6.tail.side == 0 ? key->v6.src : key->v6.dst, 16,
			     client_port(lb, &key->v6.tail));
}

uint32_t sl_lb_worker_of(const struct lb *lb, uint8_t family, const union lb_key *key,
			 uint32_t workers)
{
	return hash_client(lb, family, key) % workers;
}

uint32_t sl_lb_spread(const struct sl_instance *instance, const struct rte_mbuf *m,
		      enum sl_side from, uint32_t workers)
{
	const struct lb *lb = (const struct lb *)sl_instance_data(instance);
	const struct sl_packet *p = sl_packet(m);
	uint8_t side = (uint8_t)from != lb->clients;
	union lb_key key;

	if ((p->family != SL_L3_IPV4 && p->family != SL_L3_IPV6) ||
	    (p->flags & SL_PKT_MALFORMED) != 0)
		return sl_packet_hash(m);
	/* What an error quotes went the other way. */
	if (lb_is_error(m) && sl_lb_quoted_key(m, p->l4 + 8u, p->family, !side, &key))
		return hash_client(lb, p->family, &key);
	if (sl_lb_key(m, side, &key))
		return hash_client(lb, p->family, &key);
	return hash_endpoint(side == 0 ? lb_ip_src(m) : lb_ip_dst(m),
			     p->family == SL_L3_IPV4 ? 4 : 16, 0);
}
