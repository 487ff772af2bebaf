/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reassembly of IPv4 and IPv6. Fragments of a datagram hang on a list sorted by offset, so that
 * 64 KiB in 45 or more pieces are as good as two. DPDK's rte_ip_frag stops at a compiled-in
 * number of fragments (8 in most distributions) and frees packets by itself.
 */
#include <errno.h>

#include <rte_jhash.h>
#include <rte_random.h>

#include <core/graph/graph.h>
#include <core/port/fragment.h>
#include <core/port/fragment_read.h>
#include <core/port/reassemble.h>

#define TIMEOUT_IPV4 30  /* seconds; RFC 1122 3.3.2 says 60 to 120, hosts of today 30 */
#define TIMEOUT_IPV6 60  /* RFC 8200 4.5 */
#define MOST_PIECES  512 /* of one datagram: 64 KiB in pieces of 128 bytes */
#define NONE         UINT32_MAX

struct datagram {
	struct sl_datagram_key key;
	uint64_t started;
	uint32_t chain;           /* next of its bucket, or of the free ones */
	uint32_t older, newer;    /* by age, of its family */
	uint32_t first, last;     /* pieces */
	uint32_t received, total; /* bytes of payload; total 0: the last piece has not come */
	uint16_t pieces, frag_max;
	bool poisoned; /* pieces overlapped: what still comes is dropped (RFC 5722) */
};

struct age_list {
	uint32_t oldest, newest;
	uint64_t timeout; /* TSC */
};

struct sl_reassembly {
	struct sl_reassembly_conf conf;
	struct datagram *datagrams;
	struct sl_piece *pieces;
	uint32_t *buckets;
	uint32_t mask, seed;
	uint32_t free_datagram, free_piece;
	struct age_list ages[2]; /* IPv4, IPv6 */
};

struct sl_reassembly *sl_reassembly_new(struct sl_instance *instance,
					const struct sl_reassembly_conf *conf,
					struct sl_errors *errors)
{
	struct sl_reassembly *table = sl_alloc(instance, sizeof(*table));

	if (table == NULL)
		goto fail;
	table->conf = *conf;
	table->mask = conf->datagrams * 2 - 1;
	table->datagrams = sl_alloc(instance, conf->datagrams * sizeof(*table->datagrams));
	table->pieces = sl_alloc(instance, conf->fragments * sizeof(*table->pieces));
	table->buckets = sl_alloc(instance, (table->mask + 1) * sizeof(*table->buckets));
	if (table->datagrams == NULL || table->pieces == NULL || table->buckets == NULL)
		goto fail;
	for (uint32_t i = 0; i < conf->datagrams; i++)
		table->datagrams[i].chain = i + 1 < conf->datagrams ? i + 1 : NONE;
	for (uint32_t i = 0; i < conf->fragments; i++)
		table->pieces[i].next = i + 1 < conf->fragments ? i + 1 : NONE;
	for (uint32_t i = 0; i <= table->mask; i++)
		table->buckets[i] = NONE;
	for (unsigned int i = 0; i < RTE_DIM(table->ages); i++)
		table->ages[i] = (struct age_list){
			.oldest = NONE,
			.newest = NONE,
			.timeout = sl_hz() * (i == 0 ? TIMEOUT_IPV4 : TIMEOUT_IPV6),
		};
	table->seed = (uint32_t)rte_rand();
	return table;
fail:
	sl_fail(errors, ENOMEM, "no memory to reassemble fragments in");
	return NULL;
}

void sl_reassembly_free(struct sl_reassembly *table)
{
	if (table == NULL || table->pieces == NULL)
		return;
	for (uint32_t i = 0; i < table->conf.fragments; i++)
		rte_pktmbuf_free(table->pieces[i].m);
}

static struct age_list *age_of(struct sl_reassembly *table, const struct datagram *datagram)
{
	return &table->ages[datagram->key.family == SL_L3_IPV6];
}

static uint32_t *bucket_of(struct sl_reassembly *table, const struct sl_datagram_key *key)
{
	return &table->buckets[rte_jhash(key, sizeof(*key), table->seed) & table->mask];
}

static uint8_t drop(const struct sl_reassembly *table, enum sl_reassembly_reason reason)
{
	return SL_DROP(table->conf.reason + reason);
}

/* What is wrong with a fragment by itself. */
static int check(const struct sl_reassembly *table, struct sl_node *node,
		 const struct sl_fragment *fragment)
{
	const struct sl_piece *piece = &fragment->piece;
	uint32_t end = (uint32_t)piece->offset + piece->length;
	enum sl_reassembly_reason reason;
	uint32_t pointer;

	if (piece->length == 0)
		return SL_REASSEMBLY_BAD;
	if (fragment->more && piece->length % 8 != 0) {
		reason = SL_REASSEMBLY_BAD;
		pointer = offsetof(struct rte_ipv6_hdr, payload_len);
	} else if (end >
		   UINT16_MAX -
			   (fragment->key.family == SL_L3_IPV4 ? sizeof(struct rte_ipv4_hdr) : 0)) {
		reason = SL_REASSEMBLY_LONG;
		pointer = piece->header - SL_FRAGMENT_HEADER + 2u - sl_packet(piece->m)->l3;
	} else {
		return -1;
	}
	if (fragment->key.family == SL_L3_IPV6 && table->conf.wrong != NULL)
		table->conf.wrong(node, piece->m, pointer);
	return (int)reason;
}

static struct datagram *find(struct sl_reassembly *table, const struct sl_datagram_key *key)
{
	for (uint32_t i = *bucket_of(table, key); i != NONE; i = table->datagrams[i].chain)
		if (memcmp(&table->datagrams[i].key, key, sizeof(*key)) == 0)
			return &table->datagrams[i];
	return NULL;
}

static void free_pieces(struct sl_reassembly *table, struct sl_node *node,
			struct datagram *datagram, uint8_t edge)
{
	uint32_t i = datagram->first;

	while (i != NONE) {
		struct sl_piece *piece = &table->pieces[i];
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): no place in an array */
		uint32_t next = piece->next;

		sl_release(node, piece->m, edge);
		piece->m = NULL;
		piece->next = table->free_piece;
		table->free_piece = i;
		i = next;
	}
	datagram->first = datagram->last = NONE;
	datagram->pieces = 0;
}

/* Its pieces are gone already. */
static void remove_datagram(struct sl_reassembly *table, struct datagram *datagram)
{
	uint32_t self = (uint32_t)(datagram - table->datagrams);
	uint32_t *link = bucket_of(table, &datagram->key);
	struct age_list *age = age_of(table, datagram);

	while (*link != self)
		link = &table->datagrams[*link].chain;
	*link = datagram->chain;
	if (datagram->older != NONE)
		table->datagrams[datagram->older].newer = datagram->newer;
	else
		age->oldest = datagram->newer;
	if (datagram->newer != NONE)
		table->datagrams[datagram->newer].older = datagram->older;
	else
		age->newest = datagram->older;
	datagram->chain = table->free_datagram;
	table->free_datagram = self;
}

/* Make room: the datagram that started first goes, but not the one given. */
static bool evict(struct sl_reassembly *table, struct sl_node *node, const struct datagram *keep)
{
	struct datagram *oldest = NULL;

	for (unsigned int i = 0; i < RTE_DIM(table->ages); i++) {
		struct datagram *candidate = NULL;

		if (table->ages[i].oldest != NONE)
			candidate = &table->datagrams[table->ages[i].oldest];
		if (candidate == keep && candidate != NULL)
			candidate = candidate->newer != NONE ? &table->datagrams[candidate->newer]
							     : NULL;
		if (candidate != NULL && (oldest == NULL || candidate->started < oldest->started))
			oldest = candidate;
	}
	if (oldest == NULL)
		return false;
	free_pieces(table, node, oldest, drop(table, SL_REASSEMBLY_EVICTED));
	remove_datagram(table, oldest);
	return true;
}

static struct datagram *add_datagram(struct sl_reassembly *table, struct sl_node *node,
				     const struct sl_datagram_key *key)
{
	uint32_t self, *bucket = bucket_of(table, key);
	struct datagram *datagram;
	struct age_list *age;

	if (table->free_datagram == NONE && !evict(table, node, NULL))
		return NULL;
	self = table->free_datagram;
	datagram = &table->datagrams[self];
	table->free_datagram = datagram->chain;
	*datagram = (struct datagram){
		.key = *key,
		.started = sl_now(node),
		.chain = *bucket,
		.newer = NONE,
		.first = NONE,
		.last = NONE,
	};
	*bucket = self;
	age = age_of(table, datagram);
	datagram->older = age->newest;
	if (age->newest != NONE)
		table->datagrams[age->newest].newer = self;
	else
		age->oldest = self;
	age->newest = self;
	return datagram;
}

/*
 * Where a piece goes: after *before (NONE: first). Nearly always that is the end. Returns -1, or
 * why it cannot go in.
 */
static int place(const struct sl_reassembly *table, const struct datagram *datagram,
		 const struct sl_piece *piece, uint32_t *before)
{
	uint32_t at = datagram->first, end = (uint32_t)piece->offset + piece->length;

	*before = NONE;
	if (datagram->last != NONE && table->pieces[datagram->last].offset < piece->offset) {
		*before = datagram->last;
		at = NONE;
	}
	while (at != NONE && table->pieces[at].offset < piece->offset) {
		*before = at;
		at = table->pieces[at].next;
	}
	if (at != NONE && table->pieces[at].offset == piece->offset &&
	    table->pieces[at].length == piece->length)
		return SL_REASSEMBLY_DUPLICATE;
	if (at != NONE && table->pieces[at].offset < end)
		return SL_REASSEMBLY_OVERLAP;
	if (*before != NONE &&
	    (uint32_t)table->pieces[*before].offset + table->pieces[*before].length > piece->offset)
		return SL_REASSEMBLY_OVERLAP;
	return -1;
}

/* Whether the piece agrees with where the datagram ends. */
static bool end_agrees(const struct sl_reassembly *table, const struct datagram *datagram,
		       const struct sl_fragment *fragment)
{
	uint32_t end = (uint32_t)fragment->piece.offset + fragment->piece.length;
	const struct sl_piece *last;

	if (datagram->total != 0)
		return fragment->more ? end < datagram->total : end == datagram->total;
	if (fragment->more || datagram->last == NONE)
		return true;
	last = &table->pieces[datagram->last];
	return (uint32_t)last->offset + last->length <= end;
}

static void insert(struct sl_reassembly *table, struct datagram *datagram,
		   const struct sl_fragment *fragment, uint32_t before)
{
	uint32_t self = table->free_piece;
	struct sl_piece *piece = &table->pieces[self];

	table->free_piece = piece->next;
	*piece = fragment->piece;
	if (before == NONE) {
		piece->next = datagram->first;
		datagram->first = self;
	} else {
		piece->next = table->pieces[before].next;
		table->pieces[before].next = self;
	}
	if (piece->next == NONE)
		datagram->last = self;
	datagram->pieces++;
	datagram->received += piece->length;
	datagram->frag_max = RTE_MAX(datagram->frag_max, (uint16_t)fragment->ip_length);
	if (!fragment->more)
		datagram->total = (uint32_t)piece->offset + piece->length;
}

/* Hang a piece's payload on the first one. Its own segment goes when only headers were in it. */
static void append(struct rte_mbuf *head, struct rte_mbuf **tail, struct rte_mbuf *m,
		   uint16_t header)
{
	struct rte_mbuf *next = m;

	rte_pktmbuf_adj(m, header);
	head->pkt_len += m->pkt_len;
	head->nb_segs = (uint16_t)(head->nb_segs + m->nb_segs);
	if (m->data_len == 0 && m->next != NULL) {
		next = m->next;
		rte_pktmbuf_free_seg(m);
		head->nb_segs--;
	}
	(*tail)->next = next;
	*tail = rte_pktmbuf_lastseg(next);
}

static void finish_ipv4(struct rte_mbuf *m, uint32_t payload)
{
	struct rte_ipv4_hdr *ip = sl_ipv4(m);

	ip->total_length = rte_cpu_to_be_16((uint16_t)(rte_ipv4_hdr_len(ip) + payload));
	ip->fragment_offset &= RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

/* Take the fragment header out, moving what is before it. */
static void finish_ipv6(struct rte_mbuf *m, uint32_t payload)
{
	uint32_t says, at = sl_fragment_header(m, sl_packet(m)->l3, &says);
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_ipv6_hdr *ip;

	data[says] = data[at];
	memmove(data + SL_FRAGMENT_HEADER, data, at);
	rte_pktmbuf_adj(m, SL_FRAGMENT_HEADER);
	ip = sl_ipv6(m);
	ip->payload_len =
		rte_cpu_to_be_16((uint16_t)(at - sl_packet(m)->l3 - sizeof(*ip) + payload));
}

/* All pieces are there: one packet of them. NULL: its headers leave no room for the payload, or
 * cannot be gathered; the pieces are still the datagram's. */
static struct rte_mbuf *join(struct sl_reassembly *table, struct sl_node *node,
			     struct datagram *datagram)
{
	struct sl_piece *first = &table->pieces[datagram->first];
	struct rte_mbuf *head = first->m, *tail = rte_pktmbuf_lastseg(head);
	struct sl_packet *p = sl_packet(head);
	uint32_t headers = first->header - (uint32_t)p->l3;
	uint32_t i = first->next;

	if (datagram->key.family == SL_L3_IPV6)
		headers -= SL_FRAGMENT_HEADER + sizeof(struct rte_ipv6_hdr);
	if (headers + datagram->total > UINT16_MAX)
		return NULL;
	first->m = NULL;
	first->next = table->free_piece;
	table->free_piece = datagram->first;
	while (i != NONE) {
		struct sl_piece *piece = &table->pieces[i];
		uint32_t next = piece->next;

		sl_release(node, piece->m, SL_JOINED);
		append(head, &tail, piece->m, piece->header);
		piece->m = NULL;
		piece->next = table->free_piece;
		table->free_piece = i;
		i = next;
	}
	datagram->first = datagram->last = NONE;
	if (datagram->key.family == SL_L3_IPV6)
		finish_ipv6(head, datagram->total);
	else
		finish_ipv4(head, datagram->total);
	p->flags |= SL_PKT_REASSEMBLED;
	p->frag_max = datagram->frag_max;
	return head;
}

static struct rte_mbuf *complete(struct sl_reassembly *table, struct sl_node *node,
				 struct datagram *datagram)
{
	struct rte_mbuf *whole = join(table, node, datagram);

	if (whole == NULL)
		free_pieces(table, node, datagram, drop(table, SL_REASSEMBLY_LONG));
	remove_datagram(table, datagram);
	if (whole != NULL && !sl_packet_parse(whole)) {
		sl_release(node, whole, drop(table, SL_REASSEMBLY_BAD));
		return NULL;
	}
	return whole;
}

/* Nothing of the datagram is to be trusted any more. */
static uint8_t poison(struct sl_reassembly *table, struct sl_node *node, struct datagram *datagram,
		      enum sl_reassembly_reason reason)
{
	free_pieces(table, node, datagram, drop(table, reason));
	datagram->poisoned = true;
	return drop(table, reason);
}

uint8_t sl_reassembly_take(struct sl_reassembly *table, struct sl_node *node, struct rte_mbuf *m,
			   struct rte_mbuf **whole)
{
	struct sl_fragment fragment;
	struct datagram *datagram;
	uint32_t before;
	int why;

	*whole = NULL;
	if (!sl_fragment_read(m, &fragment))
		return drop(table, SL_REASSEMBLY_BAD);
	why = check(table, node, &fragment);
	if (why >= 0)
		return drop(table, (enum sl_reassembly_reason)why);
	datagram = find(table, &fragment.key);
	if (datagram == NULL)
		datagram = add_datagram(table, node, &fragment.key);
	if (datagram == NULL)
		return drop(table, SL_REASSEMBLY_FULL);
	if (datagram->poisoned)
		return drop(table, SL_REASSEMBLY_OVERLAP);
	if (datagram->pieces == MOST_PIECES)
		return poison(table, node, datagram, SL_REASSEMBLY_MANY);
	why = place(table, datagram, &fragment.piece, &before);
	if (why == SL_REASSEMBLY_DUPLICATE)
		return drop(table, SL_REASSEMBLY_DUPLICATE);
	if (why >= 0 || !end_agrees(table, datagram, &fragment))
		return poison(table, node, datagram, SL_REASSEMBLY_OVERLAP);
	if (table->free_piece == NONE && !evict(table, node, datagram))
		return drop(table, SL_REASSEMBLY_FULL);
	if (table->free_piece == NONE) /* what went had been poisoned: it had no pieces */
		return drop(table, SL_REASSEMBLY_FULL);
	sl_hold(node, m);
	insert(table, datagram, &fragment, before);
	if (datagram->total != 0 && datagram->received == datagram->total)
		*whole = complete(table, node, datagram);
	return SL_HELD;
}

static void expire(struct sl_reassembly *table, struct sl_node *node, struct datagram *datagram)
{
	const struct sl_piece *first =
		datagram->first != NONE ? &table->pieces[datagram->first] : NULL;

	if (first != NULL && first->offset == 0 && table->conf.expired != NULL)
		table->conf.expired(node, first->m);
	free_pieces(table, node, datagram, drop(table, SL_REASSEMBLY_TIMEOUT));
	remove_datagram(table, datagram);
}

void sl_reassembly_tick(struct sl_reassembly *table, struct sl_node *node)
{
	for (unsigned int i = 0; i < RTE_DIM(table->ages); i++) {
		struct age_list *age = &table->ages[i];

		for (unsigned int budget = 64; budget > 0 && age->oldest != NONE; budget--) {
			struct datagram *datagram = &table->datagrams[age->oldest];

			if (sl_now(node) - datagram->started < age->timeout)
				break;
			expire(table, node, datagram);
		}
	}
}
