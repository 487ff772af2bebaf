/* SPDX-License-Identifier: BSD-3-Clause */
/* A port with addresses: made, asked, shown and ended on the main thread. */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include <sluice/trail.h>

#include <core/port/l3_state.h>

#define ANNOUNCE_ROUNDS 3   /* two seconds apart (RFC 5227 1.1) */
#define ANNOUNCE_SLICE  16  /* addresses a tick */
#define ANNOUNCE_CLAIM  256 /* addresses of one claim; more are answered for all the same */
#define ICMP_BURST      50  /* errors that may leave at once after a quiet time */

const struct sl_name sl_l3_reasons[SL_L3_REASONS + 1] = {
	[SL_L3_QUEUE_FULL] = {"queue-full", "Too many packets wait for a neighbour"},
	[SL_L3_NEIGHBOURS_FULL] = {"neighbours-full", "No room for another neighbour"},
	[SL_L3_NO_WAY] = {"no-neighbour", "Its next hop cannot be asked for"},
	[SL_L3_INJECT_FULL] = {"inject-full", "The worker's queue was full"},
	[SL_L3_BAD_ARP] = {"bad-arp", "ARP that is malformed or claims impossible addresses"},
	[SL_L3_BAD_ND] = {"bad-nd", "Neighbour discovery that RFC 4861 7.1 calls invalid"},
	[SL_L3_STOPPED] = {"stopped", "It waited for a neighbour when the port closed"},
};

const struct sl_name sl_l3_counters[SL_L3_COUNTERS + 1] = {
	[SL_L3_ARP_ASKED] = {"arp-asked", "ARP requests sent"},
	[SL_L3_ARP_ANSWERED] = {"arp-answered", "ARP replies sent"},
	[SL_L3_ND_ASKED] = {"nd-asked", "Neighbour solicitations sent"},
	[SL_L3_ND_ANSWERED] = {"nd-answered", "Neighbour advertisements sent in answer"},
	[SL_L3_ANNOUNCED] = {"announced", "Addresses announced unasked"},
	[SL_L3_LEARNED] = {"learned", "Neighbours learned or changed"},
	[SL_L3_LOST] = {"lost", "Neighbours that did not answer"},
	[SL_L3_CONFLICTS] = {"conflicts", "Claims of others to our addresses"},
	[SL_L3_NO_MEMORY] = {"no-memory", "Packets not made: the pool was empty"},
};

struct sl_own *sl_l3_own(const struct sl_l3_port *l3, const struct sl_addr *addr)
{
	bool v4 = addr->family == SL_FAMILY_IPV4;
	const struct sl_own *own = v4 ? l3->own4 : l3->own6;
	uint32_t count = v4 ? l3->own4_count : l3->own6_count;

	for (uint32_t i = 0; i < count; i++)
		if (sl_addr_compare(&own[i].prefix.addr, addr) == 0)
			return (struct sl_own *)(uintptr_t)&own[i];
	return NULL;
}

static bool on_link(const struct sl_prefix *own, const struct sl_addr *addr)
{
	struct sl_prefix net = *own;
	uint32_t bits = own->addr.family == SL_FAMILY_IPV4 ? 32 : 128;

	for (uint32_t bit = own->length; bit < bits; bit++)
		net.addr.bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
	return sl_prefix_contains(&net, addr);
}

static bool link_local(const struct sl_addr *addr)
{
	return addr->family == SL_FAMILY_IPV6 && addr->bytes[0] == 0xfe &&
	       (addr->bytes[1] & 0xc0) == 0x80;
}

const struct sl_addr *sl_l3_source(const struct sl_l3_port *l3, const struct sl_addr *to)
{
	bool v4 = to->family == SL_FAMILY_IPV4;
	const struct sl_own *own = v4 ? l3->own4 : l3->own6;
	uint32_t count = v4 ? l3->own4_count : l3->own6_count;

	for (uint32_t i = 0; i < count; i++)
		if (on_link(&own[i].prefix, to))
			return &own[i].prefix.addr;
	/* Of the same scope: a link-local address is of no use beyond the link. */
	for (uint32_t i = 0; i < count; i++)
		if (link_local(&own[i].prefix.addr) == link_local(to))
			return &own[i].prefix.addr;
	return NULL;
}

bool sl_l3_answers(const struct sl_l3_port *l3, const struct sl_addr *addr)
{
	if (sl_l3_own(l3, addr) != NULL)
		return true;
	for (uint32_t i = 0; i < l3->claim_count; i++)
		if (sl_prefix_contains(&l3->claims[i], addr))
			return true;
	return false;
}

static void add_address(struct sl_l3_port *l3, const struct sl_prefix *address)
{
	bool v4 = address->addr.family == SL_FAMILY_IPV4;
	struct sl_own *own = v4 ? &l3->own4[l3->own4_count++] : &l3->own6[l3->own6_count++];

	own->prefix = *address;
	if (v4 && address->length < 31)
		own->broadcast = address->addr.v4 | rte_cpu_to_be_32(UINT32_MAX >> address->length);
}

/* RFC 4291 appendix A: fe80::, the MAC with ff:fe in its middle and the universal bit turned. */
static void add_link_local(struct sl_l3_port *l3)
{
	const uint8_t *mac = l3->mac.addr_bytes;
	struct sl_prefix address = {
		.addr = {.family = SL_FAMILY_IPV6,
			 .bytes = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff,
				   0xfe, mac[3], mac[4], mac[5]}},
		.length = 64,
	};

	if (sl_l3_own(l3, &address.addr) == NULL)
		add_address(l3, &address);
}

static int fill(struct sl_l3_port *l3, struct sl_errors *errors)
{
	const struct sl_port_config *config = l3->port->config;

	for (uint32_t i = 0; i < config->addresses.count; i++)
		add_address(l3, SL_ITEM(&config->addresses, struct sl_prefix, i));
	add_link_local(l3);
	if (sl_routes_build(l3, errors) != 0)
		return -EINVAL;
	for (uint32_t i = 0; i < config->neighbours.count; i++) {
		const struct sl_neighbour_config *item =
			SL_ITEM(&config->neighbours, struct sl_neighbour_config, i);
		uint32_t n = sl_neighbour_make(l3, &item->address);

		if (n == SL_NO_NEIGHBOUR)
			return sl_fail_at(errors, &item->address,
					  "too many neighbours on one port (at most %d)",
					  SL_L3_NEIGHBOURS);
		sl_neighbour_static(l3, n, &item->mac);
	}
	return 0;
}

/* Groups (solicited nodes, all nodes) must reach us. Not every device has the switch, and those
 * that do not either pass all or are virtual. */
static void accept_groups(const struct sl_port *port)
{
	if (port->ethdev < RTE_MAX_ETHPORTS && rte_eth_dev_is_valid_port(port->ethdev))
		(void)rte_eth_allmulticast_enable(port->ethdev);
}

struct sl_l3_port *sl_l3_new(struct sl_port *port, const struct sl_l3_path *path,
			     struct sl_errors *errors)
{
	struct sl_l3_port *l3;
	uint64_t rate = port->config->icmp_rate;

	if (sl_l3_check(port->config, errors) != 0)
		return NULL;
	l3 = aligned_alloc(RTE_CACHE_LINE_SIZE,
			   RTE_ALIGN_CEIL(sizeof(*l3), (size_t)RTE_CACHE_LINE_SIZE));
	if (l3 == NULL) {
		sl_fail(errors, ENOMEM, "port %s: no memory", port->name);
		return NULL;
	}
	memset(l3, 0, sizeof(*l3));
	l3->port = port;
	l3->path = *path;
	l3->mac = port->mac;
	l3->mtu = port->mtu;
	l3->now = rte_rdtsc();
	l3->announce_rounds = ANNOUNCE_ROUNDS;
	if (rate > 0) {
		l3->icmp_interval = RTE_MAX(sl_hz() / rate, UINT64_C(1));
		l3->icmp_burst = l3->icmp_interval * (RTE_MIN(rate, (uint64_t)ICMP_BURST) - 1);
	}
	l3->slots = rte_zmalloc("sl_l3", SL_L3_SLOTS * sizeof(*l3->slots), RTE_CACHE_LINE_SIZE);
	l3->neighbours = calloc(SL_L3_SLOTS, sizeof(*l3->neighbours));
	if (l3->slots == NULL || l3->neighbours == NULL)
		sl_fail(errors, ENOMEM, "port %s: no memory for neighbours", port->name);
	else if (fill(l3, errors) == 0) {
		accept_groups(port);
		return l3;
	}
	sl_l3_free(l3);
	return NULL;
}

void sl_l3_free(struct sl_l3_port *l3)
{
	if (l3 == NULL)
		return;
	if (l3->neighbours != NULL)
		sl_neighbours_free(l3);
	sl_routes_free(l3);
	rte_free(l3->slots);
	free(l3->neighbours);
	free(l3->claims);
	free(l3->outs);
	free(l3);
}

int sl_l3_out_made(struct sl_l3_port *l3, struct sl_instance *out)
{
	struct sl_instance **outs =
		reallocarray(l3->outs, l3->out_count + 1, sizeof(struct sl_instance *));

	if (outs == NULL)
		return -ENOMEM;
	l3->outs = outs;
	l3->outs[l3->out_count++] = out;
	return 0;
}

void sl_l3_out_ends(struct sl_l3_port *l3, const struct sl_instance *out)
{
	for (uint32_t i = 0; i < l3->out_count; i++) {
		if (l3->outs[i] == out) {
			l3->outs[i] = l3->outs[--l3->out_count];
			return;
		}
	}
}

void sl_l3_unfuse(struct sl_l3_port *l3)
{
	for (uint32_t i = 0; i < l3->out_count; i++)
		sl_unfuse(l3->outs[i]);
}

int sl_l3_claim(struct sl_l3_port *l3, const struct sl_prefix *prefix)
{
	struct sl_prefix *claims;

	for (uint32_t i = 0; i < l3->claim_count; i++)
		if (l3->claims[i].length == prefix->length &&
		    sl_addr_compare(&l3->claims[i].addr, &prefix->addr) == 0)
			return 0;
	claims = reallocarray(l3->claims, l3->claim_count + 1, sizeof(*claims));
	if (claims == NULL)
		return -ENOMEM;
	claims[l3->claim_count++] = *prefix;
	l3->claims = claims;
	l3->announce_rounds = ANNOUNCE_ROUNDS;
	l3->announce_item = 0;
	l3->announce_offset = 0;
	l3->announce_next = 0;
	return 0;
}

void sl_l3_claims_keep(struct sl_l3_port *l3,
		       bool (*keep)(void *context, const struct sl_prefix *prefix), void *context)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < l3->claim_count; i++)
		if (keep(context, &l3->claims[i]))
			l3->claims[kept++] = l3->claims[i];
	if (kept != l3->claim_count) {
		/* Announcing goes through the list by place. */
		l3->announce_item = 0;
		l3->announce_offset = 0;
	}
	l3->claim_count = kept;
}

void sl_l3_drop(struct sl_l3_port *l3, struct rte_mbuf *m, enum sl_l3_reason reason)
{
	l3->drops[reason]++;
	rte_pktmbuf_free(m);
}

struct rte_mbuf *sl_l3_make(struct sl_l3_port *l3, uint16_t length)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(l3->port->pool);

	if (m == NULL || rte_pktmbuf_append(m, length) == NULL) {
		rte_pktmbuf_free(m);
		l3->counters[SL_L3_NO_MEMORY]++;
		return NULL;
	}
	memset(sl_packet(m), 0, sizeof(struct sl_packet));
	memset(rte_pktmbuf_mtod(m, void *), 0, length);
	sl_packet(m)->flags = SL_PKT_MADE;
	sl_packet(m)->port = l3->port->index;
	l3->made++;
	return m;
}

void sl_l3_send(struct sl_l3_port *l3, struct rte_mbuf *m)
{
	(void)sl_packet_parse(m);
	sl_packet(m)->flags |= SL_PKT_READY;
	if (l3->path.inject(l3->path.context, l3->port, SL_L3_ANY, SL_L3_ANY, m))
		l3->handed++;
	else
		sl_l3_drop(l3, m, SL_L3_INJECT_FULL);
}

void sl_l3_punted(struct sl_l3_port *l3, struct rte_mbuf *m)
{
	struct sl_packet *p = sl_packet(m);

	l3->pushed++;
	if (p->flags & SL_PKT_UNRESOLVED) {
		p->flags &= (uint16_t)~SL_PKT_UNRESOLVED;
		sl_neighbour_wait(l3, m);
	} else if (p->family == SL_L3_ARP) {
		sl_arp_input(l3, m);
	} else {
		sl_nd_input(l3, m);
	}
}

static void announce(struct sl_l3_port *l3, const struct sl_addr *addr)
{
	l3->counters[SL_L3_ANNOUNCED]++;
	if (addr->family == SL_FAMILY_IPV4)
		sl_arp_announce(l3, addr);
	else
		sl_nd_announce(l3, addr);
}

/* The next address to announce, or false: the round is over. */
static bool next_announced(struct sl_l3_port *l3, struct sl_addr *addr)
{
	uint32_t item = l3->announce_item;
	const struct sl_prefix *claim;
	uint32_t free_bits, low;

	if (item < l3->own4_count + l3->own6_count) {
		*addr = item < l3->own4_count ? l3->own4[item].prefix.addr
					      : l3->own6[item - l3->own4_count].prefix.addr;
		l3->announce_item++;
		return true;
	}
	item -= l3->own4_count + l3->own6_count;
	if (item >= l3->claim_count)
		return false;
	claim = &l3->claims[item];
	*addr = claim->addr;
	low = addr->family == SL_FAMILY_IPV4 ? 3 : 15;
	free_bits = (low + 1) * 8 - claim->length;
	addr->bytes[low] |= (uint8_t)l3->announce_offset;
	l3->announce_offset++;
	if (l3->announce_offset >= ANNOUNCE_CLAIM ||
	    (free_bits < 8 && l3->announce_offset >= (1u << free_bits))) {
		l3->announce_offset = 0;
		l3->announce_item++;
	}
	return true;
}

static void announce_some(struct sl_l3_port *l3)
{
	struct sl_addr addr;

	for (unsigned int i = 0; i < ANNOUNCE_SLICE; i++) {
		if (!next_announced(l3, &addr)) {
			l3->announce_item = 0;
			l3->announce_rounds--;
			l3->announce_next = l3->now + sl_l3_seconds(2);
			return;
		}
		announce(l3, &addr);
	}
}

void sl_l3_tick(struct sl_l3_port *l3, uint64_t now)
{
	l3->now = now;
	if (l3->announce_rounds > 0 && now >= l3->announce_next)
		announce_some(l3);
	if (now - l3->aged >= sl_hz() / 10) {
		l3->aged = now;
		sl_neighbours_tick(l3);
	}
}

void sl_l3_ledger(const struct sl_l3_port *l3, struct sl_ledger *ledger)
{
	*ledger = (struct sl_ledger){
		.pushed = l3->pushed,
		.made = l3->made,
		.handed = l3->handed,
		.joined = l3->joined,
		.held = l3->queued,
	};
	for (unsigned int i = 0; i < SL_L3_REASONS; i++)
		ledger->dropped += l3->drops[i];
}
