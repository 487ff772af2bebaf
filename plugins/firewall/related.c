/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors quote the packet they are about (RFC 792; RFC 4443, 2.4). One is let through when
 * the quoted packet belongs to a session, went the other way, and the error goes to its sender
 * (RFC 5927 says why one should look closely).
 */
#include "firewall.h"

/* The quoted packet, as far as it is quoted. */
struct quote {
	uint8_t ip[40];
	uint8_t l4[8]; /* ports and, of TCP, the sequence number */
	uint32_t l4_size;
	uint8_t proto;
};

static bool copy(const struct rte_mbuf *m, uint32_t at, void *to, uint32_t size)
{
	const void *from = rte_pktmbuf_read(m, at, size, to);

	if (from == NULL)
		return false;
	if (from != to)
		memcpy(to, from, size);
	return true;
}

static bool read_quote4(const struct rte_mbuf *m, uint32_t at, struct quote *q)
{
	uint32_t size;

	if (!copy(m, at, q->ip, 20) || q->ip[0] >> 4 != 4)
		return false;
	size = (q->ip[0] & 15) * 4u;
	/* A later fragment has no ports; it was sent after reassembly or not at all. */
	if (size < 20 || q->ip[6] & 0x1f || q->ip[7] != 0)
		return false;
	q->proto = q->ip[9];
	at += size;
	q->l4_size = copy(m, at, q->l4, 8) ? 8 : 0;
	return true;
}

/* Extension headers are few in what is quoted: more than eight are not followed. */
static bool read_quote6(const struct rte_mbuf *m, uint32_t at, struct quote *q)
{
	uint8_t header[8];

	if (!copy(m, at, q->ip, 40) || q->ip[0] >> 4 != 6)
		return false;
	q->proto = q->ip[6];
	at += 40;
	for (int i = 0; i < 8; i++) {
		bool fragment = q->proto == IPPROTO_FRAGMENT;

		if (q->proto != IPPROTO_HOPOPTS && q->proto != IPPROTO_ROUTING &&
		    q->proto != IPPROTO_DSTOPTS && !fragment)
			break;
		if (!copy(m, at, header, 8) || (fragment && (header[2] != 0 || header[3] & 0xf8)))
			return false;
		q->proto = header[0];
		at += fragment ? 8 : (header[1] + 1u) * 8;
	}
	q->l4_size = copy(m, at, q->l4, 8) ? 8 : 0;
	return true;
}

/* Ports of the quoted packet, or what stands for them in the key. */
static bool quote_ports(const struct quote *q, uint8_t family, rte_be16_t *sport, rte_be16_t *dport,
			uint8_t *kind)
{
	int request;

	*sport = *dport = 0;
	*kind = 0;
	switch (q->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		memcpy(sport, q->l4, 2);
		memcpy(dport, q->l4 + 2, 2);
		return q->l4_size == 8;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if ((q->proto == IPPROTO_ICMP) != (family == SL_L3_IPV4))
			return true;
		request = sl_fw_icmp_request(family, q->l4[0]);
		if (q->l4_size != 8 || request < 0)
			return false;
		*kind = (uint8_t)request;
		memcpy(sport, q->l4 + 4, 2);
		*dport = *sport;
		return true;
	default:
		return true;
	}
}

/* The session of what an error quotes, and the direction of that; SL_NO_SLOT: it has none. */
static uint32_t find_quoted(const struct fw_table *table, const struct rte_mbuf *m, struct quote *q,
			    unsigned int *direction)
{
	const struct sl_packet *p = sl_packet(m);
	bool v4 = p->family == SL_L3_IPV4;
	/* Destination of the error, source and destination of what it quotes. */
	const uint8_t *to = (const uint8_t *)sl_l3(m) + (v4 ? 16 : 24);
	uint32_t size = v4 ? 4 : 16, offset = v4 ? 12 : 8;
	union {
		uint64_t words[5];
		struct fw_key4 v4;
		struct fw_key6 v6;
	} key = {0};
	struct fw_tail *tail = v4 ? &key.v4.tail : &key.v6.tail;
	rte_be16_t sport, dport;
	uint8_t kind;

	if (!(v4 ? read_quote4(m, p->payload, q) : read_quote6(m, p->payload, q)) ||
	    !quote_ports(q, p->family, &sport, &dport, &kind) ||
	    memcmp(q->ip + offset, to, size) != 0)
		return SL_NO_SLOT;
	if (v4) {
		rte_be32_t addr[2];

		memcpy(addr, q->ip + 12, 8);
		*direction = sl_fw_order4(&key.v4, addr[0], addr[1], sport, dport);
	} else {
		*direction = sl_fw_order6(&key.v6, q->ip + 8, q->ip + 24, sport, dport);
	}
	tail->proto = q->proto;
	tail->kind = kind;
	tail->vlan = p->flags & SL_PKT_VLAN ? p->vlan & 0xfff : 0;
	return sl_index_find(table->index, &key, sl_index_hash(&key, table->key_size));
}

static struct fw_table *table_of_packet(struct fw_worker *worker, const struct rte_mbuf *m)
{
	return &worker->tables[sl_packet(m)->family == SL_L3_IPV4 ? FW_LANE4 : FW_LANE6];
}

bool sl_fw_related(struct sl_node *node, const struct fw_policy *policy, const struct rte_mbuf *m)
{
	struct fw_table *table = table_of_packet(node->state, m);
	struct quote q = {0};
	struct fw_session *session;
	unsigned int direction = 0;
	uint32_t slot = find_quoted(table, m, &q, &direction), seq;

	if (slot == SL_NO_SLOT)
		return false;
	session = sl_fw_session(table, slot);
	if (session->epoch != policy->epoch)
		return false; /* until a packet of its own shows whether it is still allowed */
	memcpy(&seq, q.l4 + 4, 4);
	if (q.proto == IPPROTO_TCP && policy->config->tcp_window &&
	    !sl_fw_tcp_in_flight(session, rte_be_to_cpu_32(seq), direction))
		return false;
	sl_fw_account(table, slot, m, !direction);
	return true;
}

static bool knows_plain(const struct fw_table *table, const struct rte_mbuf *m,
			const struct fw_tail *tail)
{
	const struct sl_packet *p = sl_packet(m);
	const uint8_t *ip = sl_l3(m);
	union {
		uint64_t words[5];
		struct fw_key4 v4;
		struct fw_key6 v6;
	} key = {0};
	struct fw_tail *rest = p->family == SL_L3_IPV4 ? &key.v4.tail : &key.v6.tail;

	if (p->family == SL_L3_IPV4) {
		rte_be32_t addr[2];

		memcpy(addr, ip + 12, 8);
		sl_fw_order4(&key.v4, addr[0], addr[1], tail->port[0], tail->port[1]);
	} else {
		sl_fw_order6(&key.v6, ip + 8, ip + 24, tail->port[0], tail->port[1]);
	}
	rest->proto = p->proto;
	rest->kind = tail->kind;
	rest->vlan = p->flags & SL_PKT_VLAN ? p->vlan & 0xfff : 0;
	return sl_index_find(table->index, &key, sl_index_hash(&key, table->key_size)) !=
	       SL_NO_SLOT;
}

bool sl_fw_knows(struct sl_node *node, const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	const struct fw_table *table = table_of_packet(node->state, m);
	struct fw_tail tail = {0};
	struct quote q = {0};
	unsigned int direction;
	uint8_t reason;

	if ((p->family != SL_L3_IPV4 && p->family != SL_L3_IPV6) ||
	    (p->flags & SL_PKT_MALFORMED) != 0)
		return false;
	if (sl_has_ports(m) && (p->flags & SL_PKT_FRAGMENT) == 0) {
		memcpy(tail.port, sl_l4(m), sizeof(tail.port));
		return knows_plain(table, m, &tail);
	}
	switch (sl_fw_special(m, true, &tail, &reason)) {
	case FW_KIND_SESSION:
	case FW_KIND_OPENER:
		return knows_plain(table, m, &tail);
	case FW_KIND_ERROR:
		return find_quoted(table, m, &q, &direction) != SL_NO_SLOT;
	case FW_KIND_STATELESS:
	case FW_KIND_PASS:
	case FW_KIND_DROP:
		break;
	}
	return false;
}
