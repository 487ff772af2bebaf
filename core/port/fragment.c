/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragments of IPv4 (RFC 791) and IPv6 (RFC 8200 4.5), and the node `fragment` for ports without
 * addresses. Every fragment is a packet of its own with copied payload, so that what comes after
 * may write to it.
 */
#include <stdalign.h>

#include <rte_random.h>

#include <sluice/trail.h>

#include <core/graph/graph.h>
#include <core/port/fragment.h>

#define MOST_FRAGMENTS  1024 /* 64 KiB in the smallest fragments of the smallest IPv4 link */
#define MOST_HEADER     512  /* Ethernet, tags, IP and what of its options each fragment has */
#define FRAGMENT_HEADER 8

void sl_truncate(struct rte_mbuf *m, uint32_t length)
{
	struct rte_mbuf *segment = m;
	uint32_t seen = segment->data_len;

	while (seen < length && segment->next != NULL) {
		segment = segment->next;
		seen += segment->data_len;
	}
	if (seen > length)
		segment->data_len = (uint16_t)(segment->data_len - (seen - length));
	while (segment->next != NULL) {
		struct rte_mbuf *rest = segment->next;

		segment->next = rest->next;
		rte_pktmbuf_free_seg(rest);
		m->nb_segs--;
	}
	m->pkt_len = RTE_MIN(seen, length);
}

/* How a packet is cut. */
struct cut {
	alignas(8) uint8_t header[MOST_HEADER]; /* of every fragment but the first */
	uint32_t header_length;
	uint32_t l3;
	uint32_t payload; /* where its payload starts in the packet */
	uint32_t end;     /* where IP ends */
	uint32_t first;   /* bytes of payload in the first fragment */
	uint32_t each;    /* and in the others: a multiple of 8 */
	uint32_t offset;  /* of its payload in the datagram: it may be a fragment itself */
	bool more;        /* and not the last one */
	uint32_t id;      /* IPv6 */
	uint8_t next;     /* IPv6: protocol behind the fragment header */
	uint32_t says;    /* IPv6: where the packet says what follows the headers */
};

/* Options that only the first fragment has are left out (RFC 791 3.1: the copied flag). */
static uint32_t copy_options(const uint8_t *from, uint32_t length, uint8_t *to)
{
	uint32_t at = 0, n = 0;

	while (at < length && from[at] != 0) {
		uint32_t size = from[at] == 1 ? 1 : at + 1 < length ? from[at + 1] : 0;

		if (size == 0 || at + size > length || (size == 1 && from[at] != 1))
			break;
		if (from[at] & 0x80) {
			memcpy(&to[n], &from[at], size);
			n += size;
		}
		at += size;
	}
	while (n % 4 != 0)
		to[n++] = 0;
	return n;
}

static bool plan_ipv4(const struct rte_mbuf *m, uint32_t limit, struct cut *cut)
{
	const struct rte_ipv4_hdr *ip = sl_ipv4(m);
	uint32_t length = rte_ipv4_hdr_len(ip), options;
	uint16_t field = rte_be_to_cpu_16(ip->fragment_offset);
	struct rte_ipv4_hdr *header;

	cut->payload = cut->l3 + length;
	if (cut->l3 + 60 > MOST_HEADER || limit < length + 8)
		return false;
	memcpy(cut->header, rte_pktmbuf_mtod(m, void *), cut->l3 + sizeof(*ip));
	options = copy_options((const uint8_t *)(ip + 1), length - (uint32_t)sizeof(*ip),
			       cut->header + cut->l3 + sizeof(*ip));
	cut->header_length = cut->l3 + (uint32_t)sizeof(*ip) + options;
	header = (struct rte_ipv4_hdr *)(void *)(cut->header + cut->l3);
	header->version_ihl = (uint8_t)(0x40 | (sizeof(*ip) + options) / 4);
	cut->first = (limit - length) & ~7u;
	cut->each = (limit - (uint32_t)sizeof(*ip) - options) & ~7u;
	cut->offset = (field & RTE_IPV4_HDR_OFFSET_MASK) * 8u;
	cut->more = (field & RTE_IPV4_HDR_MF_FLAG) != 0;
	return true;
}

/* RFC 8200 4.5: on every fragment stands what routers on the way look at: the IPv6 header, and
 * what is before and at a routing header, or hop-by-hop options. */
static bool plan_ipv6(const struct rte_mbuf *m, uint32_t limit, struct cut *cut)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t room = rte_pktmbuf_data_len(m);
	uint32_t at = cut->l3 + (uint32_t)sizeof(struct rte_ipv6_hdr);
	uint32_t says = cut->l3 + (uint32_t)offsetof(struct rte_ipv6_hdr, proto);
	uint32_t length;

	cut->payload = at;
	cut->says = says;
	while (at + 8 <= room && (data[says] == IPPROTO_HOPOPTS || data[says] == IPPROTO_ROUTING ||
				  data[says] == IPPROTO_DSTOPTS)) {
		bool routed = data[says] != IPPROTO_DSTOPTS;

		says = at;
		at += (data[at + 1] + 1) * 8u;
		if (routed && at <= room) {
			cut->payload = at;
			cut->says = says;
		}
	}
	length = cut->payload - cut->l3;
	if (cut->payload + FRAGMENT_HEADER > MOST_HEADER || data[cut->says] == IPPROTO_FRAGMENT ||
	    limit < length + FRAGMENT_HEADER + 8)
		return false;
	cut->next = data[cut->says];
	cut->id = (uint32_t)rte_rand();
	memcpy(cut->header, data, cut->payload);
	cut->header[cut->says] = IPPROTO_FRAGMENT;
	cut->header_length = cut->payload + FRAGMENT_HEADER;
	cut->first = cut->each = (limit - length - FRAGMENT_HEADER) & ~7u;
	return true;
}

static void write_ipv4(struct rte_mbuf *m, const struct cut *cut, uint32_t header, uint32_t offset,
		       uint32_t length, bool more)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, cut->l3);
	uint16_t df = rte_be_to_cpu_16(ip->fragment_offset) & RTE_IPV4_HDR_DF_FLAG;
	uint32_t place = (cut->offset + offset) / 8;

	ip->total_length = rte_cpu_to_be_16((uint16_t)(header - cut->l3 + length));
	ip->fragment_offset = rte_cpu_to_be_16(
		(uint16_t)(df | place | (more || cut->more ? RTE_IPV4_HDR_MF_FLAG : 0)));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void write_ipv6(struct rte_mbuf *m, const struct cut *cut, uint32_t offset, uint32_t length,
		       bool more)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(void *)(data + cut->l3);
	uint8_t *header = data + cut->payload;
	uint32_t field = offset | more;

	ip->payload_len = rte_cpu_to_be_16(
		(uint16_t)(cut->payload - cut->l3 - sizeof(*ip) + FRAGMENT_HEADER + length));
	header[0] = cut->next;
	header[1] = 0;
	header[2] = (uint8_t)(field >> 8);
	header[3] = (uint8_t)field;
	memcpy(header + 4, &cut->id, 4);
}

/* Append bytes of a packet to another, in as many segments as it takes. */
static bool append(struct rte_mbuf *to, const struct rte_mbuf *from, uint32_t at, uint32_t length)
{
	struct rte_mbuf *tail = to;

	while (from->data_len <= at && from->next != NULL) {
		at -= from->data_len;
		from = from->next;
	}
	while (length > 0) {
		uint32_t some = RTE_MIN(length, from->data_len - at);

		if (rte_pktmbuf_tailroom(tail) == 0) {
			tail->next = rte_pktmbuf_alloc(to->pool);
			if (tail->next == NULL)
				return false;
			tail = tail->next;
			to->nb_segs++;
		}
		some = RTE_MIN(some, rte_pktmbuf_tailroom(tail));
		memcpy(rte_pktmbuf_mtod_offset(tail, void *, tail->data_len),
		       rte_pktmbuf_mtod_offset(from, void *, at), some);
		tail->data_len = (uint16_t)(tail->data_len + some);
		to->pkt_len += some;
		length -= some;
		at += some;
		if (at == from->data_len && length > 0) {
			from = from->next;
			at = 0;
			if (from == NULL)
				return false;
		}
	}
	return true;
}

/* One of the later fragments. NULL: no memory. */
static struct rte_mbuf *make_later(struct sl_node *node, const struct rte_mbuf *m,
				   const struct cut *cut, uint32_t offset, uint32_t length)
{
	struct rte_mbuf *made = sl_make(node, (uint16_t)cut->header_length);
	bool more = cut->payload + offset + length < cut->end;

	if (made == NULL)
		return NULL;
	memcpy(rte_pktmbuf_mtod(made, void *), cut->header, cut->header_length);
	if (!append(made, m, cut->payload + offset, length)) {
		rte_pktmbuf_free(made);
		return NULL;
	}
	if (sl_packet(m)->family == SL_L3_IPV4)
		write_ipv4(made, cut, cut->header_length, offset, length, more);
	else
		write_ipv6(made, cut, offset, length, more);
	(void)sl_packet_parse(made);
	sl_packet(made)->port = sl_packet(m)->port;
	sl_packet(made)->mark = sl_packet(m)->mark;
	return made;
}

/* The packet itself becomes the first fragment. */
static bool shorten(struct rte_mbuf *m, const struct cut *cut)
{
	if (sl_packet(m)->family == SL_L3_IPV6) {
		uint8_t *data = (uint8_t *)rte_pktmbuf_prepend(m, FRAGMENT_HEADER);

		if (data == NULL)
			return false;
		memmove(data, data + FRAGMENT_HEADER, cut->payload);
		data[cut->says] = IPPROTO_FRAGMENT;
		write_ipv6(m, cut, 0, cut->first, true);
		sl_truncate(m, cut->payload + FRAGMENT_HEADER + cut->first);
	} else {
		write_ipv4(m, cut, cut->payload, 0, cut->first, true);
		sl_truncate(m, cut->payload + cut->first);
	}
	sl_packet(m)->flags &= (uint16_t)~SL_PKT_REASSEMBLED;
	return sl_packet_parse(m);
}

enum sl_fragment_error sl_fragment(struct sl_node *node, struct rte_mbuf *m, uint32_t limit)
{
	const struct sl_packet *p = sl_packet(m);
	struct rte_mbuf *later[MOST_FRAGMENTS];
	struct cut cut = {.l3 = p->l3, .end = p->l3 + sl_ip_length(m)};
	uint32_t n = 0;

	if (!(p->family == SL_L3_IPV4 ? plan_ipv4(m, limit, &cut) : plan_ipv6(m, limit, &cut)) ||
	    cut.end > rte_pktmbuf_pkt_len(m) || cut.payload + cut.first >= cut.end ||
	    cut.each == 0 || (cut.end - cut.payload) / cut.each >= MOST_FRAGMENTS)
		return SL_FRAGMENT_NO_ROOM;
	for (uint32_t offset = cut.first; cut.payload + offset < cut.end; offset += cut.each) {
		uint32_t length = RTE_MIN(cut.each, cut.end - cut.payload - offset);

		later[n] = make_later(node, m, &cut, offset, length);
		if (later[n] == NULL)
			break;
		n++;
	}
	if (cut.payload + cut.first + n * (uint64_t)cut.each < cut.end || !shorten(m, &cut)) {
		rte_pktmbuf_free_bulk(later, n); /* not emitted: the engine has not seen them */
		return SL_FRAGMENT_NO_MEMORY;
	}
	sl_hold(node, m);
	sl_release(node, m, SL_ON);
	for (uint32_t i = 0; i < n; i++)
		sl_emit(node, later[i], SL_ON);
	return SL_FRAGMENT_OK;
}

/* The node for ports without addresses. */

enum reason { TOO_LONG, NO_ROOM, NO_MEMORY };

static const struct sl_name reasons[] = {
	[TOO_LONG] = {"too-long", "Longer than the port's MTU, and may not be fragmented"},
	[NO_ROOM] = {"cannot-fragment", "Its headers leave no room for payload"},
	[NO_MEMORY] = {"no-memory", "The packet pool was empty"},
	{NULL, NULL},
};

enum counter { FRAGMENTED };

static const struct sl_name counters[] = {
	[FRAGMENTED] = {"fragmented", "Packets sent in fragments"},
	{NULL, NULL},
};

struct fragment_node {
	uint32_t mtu;
};

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	const struct sl_port_node_config *node_config = config;
	struct fragment_node *self = sl_instance_data(instance);

	(void)errors;
	self->mtu = node_config->port->mtu;
	return 0;
}

static uint8_t cut_down(struct sl_node *node, struct rte_mbuf *m, uint32_t mtu)
{
	const struct sl_packet *p = sl_packet(m);
	bool reassembled = (p->flags & SL_PKT_REASSEMBLED) != 0;
	uint32_t length = sl_ip_length(m), limit = mtu;

	if (reassembled)
		limit = RTE_MIN(limit, p->frag_max);
	if (length <= limit)
		return SL_ON;
	if (!reassembled && (p->family == SL_L3_IPV6 ||
			     (sl_ipv4(m)->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)) != 0))
		return SL_DROP(TOO_LONG);
	switch (sl_fragment(node, m, limit)) {
	case SL_FRAGMENT_OK:
		sl_count(node, FRAGMENTED, 1);
		return SL_HELD;
	case SL_FRAGMENT_NO_MEMORY:
		return SL_DROP(NO_MEMORY);
	case SL_FRAGMENT_NO_ROOM:
		break;
	}
	return SL_DROP(NO_ROOM);
}

/* Datagrams that came whole and are short enough go on; others are looked at one by one. */
static void say(struct sl_node *node, struct rte_mbuf **pkts, const uint8_t *edge, uint16_t n)
{
	const struct fragment_node *self = node->data;

	for (uint16_t i = 0; i < n; i++) {
		struct sl_trail *trail = sl_trail(node, pkts[i]);
		const struct sl_packet *p = sl_packet(pkts[i]);

		if (trail != NULL && edge[i] == SL_ON && !(p->flags & SL_PKT_REASSEMBLED))
			sl_trail_limit(trail, self->mtu + p->l3);
	}
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	const struct fragment_node *self = node->data;

	for (uint16_t i = 0; i < n; i++) {
		const struct sl_packet *p = sl_packet(pkts[i]);

		/* What is shorter than the MTU with its Ethernet header is not looked at. */
		if (likely(pkts[i]->pkt_len <= self->mtu && !(p->flags & SL_PKT_REASSEMBLED)))
			continue;
		if ((p->family == SL_L3_IPV4 || p->family == SL_L3_IPV6) &&
		    !(p->flags & SL_PKT_MALFORMED))
			edge[i] = cut_down(node, pkts[i], self->mtu);
	}
	if (sl_recording(node))
		say(node, pkts, edge, n);
}

const struct sl_node_type sl_fragment_type = {
	.name = "fragment",
	.doc = "Sends reassembled and too long datagrams in fragments",
	.flags = SL_NODE_HOLDS | SL_NODE_TRAILS,
	.reasons = reasons,
	.counters = counters,
	.config_size = sizeof(struct sl_port_node_config),
	.instance_size = sizeof(struct fragment_node),
	.create = create,
	.process = process,
};
