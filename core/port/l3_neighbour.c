/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours of a port, ARP's and ND's alike, in the states of RFC 4861 7.3.2. Main alone writes
 * them; workers read the slots of l3_state.h. A worker tells that it uses a neighbour by its
 * slot's `used`, which is what makes a stale one worth a probe.
 */
#include <rte_random.h>

#include <core/port/l3_state.h>

/* RFC 4861 10, in seconds. */
#define ASK_EVERY      1
#define ASK_TIMES      3
#define PROBE_TIMES    3
#define REACHABLE_TIME 30
#define DELAY_FIRST    5
#define FORGET_STALE   600

static const char *const state_names[] = {"free",  "unused", "incomplete", "reachable",
					  "stale", "delay",  "probe",      "static"};

const char *sl_neighbour_state_name(uint8_t state)
{
	return state_names[state];
}

static void slot_begin(struct sl_neighbour_slot *slot)
{
	uint32_t version = atomic_load_explicit(&slot->version, memory_order_relaxed);

	atomic_store_explicit(&slot->version, version + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void slot_end(struct sl_neighbour_slot *slot)
{
	uint32_t version = atomic_load_explicit(&slot->version, memory_order_relaxed);

	atomic_store_explicit(&slot->version, version + 1, memory_order_release);
}

static void slot_store(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

/*
 * Its header has changed: fused flows that write the old one must not. A worker tells that it says
 * a header on a trail before it reads the header for that: either it sees the new one, or we
 * see its word.
 */
static void slot_unfuse(struct sl_l3_port *l3, struct sl_neighbour_slot *slot)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_exchange_explicit(&slot->fused, 0, memory_order_relaxed) != 0)
		sl_l3_unfuse(l3);
}

/* mac NULL: none is known. */
static void slot_header(struct sl_l3_port *l3, uint32_t i, const struct rte_ether_addr *mac)
{
	struct sl_neighbour_slot *slot = &l3->slots[i];
	uint64_t words[2] = {0, 0};

	if (mac != NULL) {
		struct rte_ether_hdr header = {.dst_addr = *mac, .src_addr = l3->mac};

		header.ether_type = l3->neighbours[i].addr.family == SL_FAMILY_IPV4
					    ? RTE_BE16(RTE_ETHER_TYPE_IPV4)
					    : RTE_BE16(RTE_ETHER_TYPE_IPV6);
		memcpy(words, &header, sizeof(header));
	}
	slot_begin(slot);
	slot_store(&slot->header[0], words[0]);
	slot_store(&slot->header[1], words[1]);
	slot_end(slot);
	slot_unfuse(l3, slot);
}

static void set_state(struct sl_l3_port *l3, uint32_t i, enum sl_neighbour_state state,
		      uint64_t after)
{
	l3->neighbours[i].state = state;
	l3->neighbours[i].deadline = l3->now + after;
}

/* Whether workers sent to it since this was last asked. */
static bool take_used(struct sl_l3_port *l3, uint32_t i)
{
	struct sl_neighbour_slot *slot = &l3->slots[i];
	uint64_t sent = sl_tally_read(&slot->sent);
	bool used = atomic_load_explicit(&slot->used, memory_order_relaxed) != 0;

	if (used)
		atomic_store_explicit(&slot->used, 0, memory_order_relaxed);
	used |= sent != l3->neighbours[i].sent;
	l3->neighbours[i].sent = sent;
	return used;
}

uint32_t sl_neighbour_find(const struct sl_l3_port *l3, const struct sl_addr *addr)
{
	union sl_l3_key key = sl_l3_key(addr);

	return sl_slot_find(l3, &key);
}

static void forget(struct sl_l3_port *l3, uint32_t i);

/* A full table: the stale neighbour that was confirmed longest ago goes. */
static bool make_room(struct sl_l3_port *l3)
{
	uint32_t oldest = SL_NO_NEIGHBOUR;

	for (uint32_t i = 0; i < l3->highest; i++) {
		const struct sl_neighbour *neighbour = &l3->neighbours[i];

		if (neighbour->state == SL_NEIGHBOUR_STALE && !neighbour->pinned &&
		    (oldest == SL_NO_NEIGHBOUR || neighbour->since < l3->neighbours[oldest].since))
			oldest = i;
	}
	if (oldest == SL_NO_NEIGHBOUR)
		return false;
	forget(l3, oldest);
	return true;
}

uint32_t sl_neighbour_make(struct sl_l3_port *l3, const struct sl_addr *addr)
{
	union sl_l3_key key = sl_l3_key(addr);
	uint32_t at = sl_slot_find(l3, &key);
	struct sl_neighbour_slot *slot;

	if (at != SL_NO_NEIGHBOUR)
		return at;
	if (l3->neighbour_count >= SL_L3_NEIGHBOURS && !make_room(l3))
		return SL_NO_NEIGHBOUR;
	at = sl_slot_first(&key);
	for (unsigned int i = 0; l3->neighbours[at].state != SL_NEIGHBOUR_FREE; i++) {
		if (i == SL_L3_PROBES - 1)
			return SL_NO_NEIGHBOUR;
		at = (at + 1) & (SL_L3_SLOTS - 1);
	}
	memset(&l3->neighbours[at], 0, sizeof(l3->neighbours[at]));
	l3->neighbours[at].addr = *addr;
	l3->neighbours[at].since = l3->now;
	set_state(l3, at, SL_NEIGHBOUR_NONE, 0);
	l3->neighbour_count++;
	l3->highest = RTE_MAX(l3->highest, at + 1);

	slot = &l3->slots[at];
	slot_begin(slot);
	slot_store(&slot->key[0], key.halves[0]);
	slot_store(&slot->key[1], key.halves[1]);
	slot_store(&slot->header[0], 0);
	slot_store(&slot->header[1], 0);
	slot_end(slot);
	take_used(l3, at);
	atomic_store_explicit(&slot->live, SL_SLOT_LIVE, memory_order_release);
	return at;
}

/* Take a neighbour out; nothing waits for it. A gateway's slot stays, without a MAC. */
static void forget(struct sl_l3_port *l3, uint32_t i)
{
	uint32_t next = (i + 1) & (SL_L3_SLOTS - 1);

	slot_header(l3, i, NULL);
	if (l3->neighbours[i].pinned) {
		set_state(l3, i, SL_NEIGHBOUR_NONE, 0);
		return;
	}
	l3->neighbours[i].state = SL_NEIGHBOUR_FREE;
	l3->neighbour_count--;
	if (atomic_load_explicit(&l3->slots[next].live, memory_order_relaxed) != SL_SLOT_EMPTY) {
		atomic_store_explicit(&l3->slots[i].live, SL_SLOT_GONE, memory_order_release);
		return;
	}
	/* The end of a run: it and the gone ones before it need not be searched past. */
	while (l3->neighbours[i].state == SL_NEIGHBOUR_FREE &&
	       atomic_load_explicit(&l3->slots[i].live, memory_order_relaxed) != SL_SLOT_EMPTY) {
		atomic_store_explicit(&l3->slots[i].live, SL_SLOT_EMPTY, memory_order_release);
		i = (i - 1) & (SL_L3_SLOTS - 1);
	}
}

/* Back to the hop and worker that a packet came from. */
static void give_back(struct sl_l3_port *l3, struct rte_mbuf *m)
{
	if (l3->path.inject(l3->path.context, l3->port, m->vlan_tci_outer, sl_packet(m)->hop, m))
		l3->handed++;
	else
		sl_l3_drop(l3, m, SL_L3_INJECT_FULL);
}

static void empty_queue(struct sl_l3_port *l3, uint32_t i, unsigned int flag)
{
	struct sl_neighbour *neighbour = &l3->neighbours[i];
	uint8_t n = neighbour->queued;

	neighbour->queued = 0;
	l3->queued -= n;
	for (uint8_t k = 0; k < n; k++) {
		struct sl_packet *p = sl_packet(neighbour->queue[k]);

		p->flags |= (uint16_t)flag;
		if (flag & SL_PKT_READY)
			p->flags &= (uint16_t)~SL_PKT_GROUP; /* a neighbour's address is none */
		give_back(l3, neighbour->queue[k]);
	}
}

void sl_neighbour_static(struct sl_l3_port *l3, uint32_t i, const struct rte_ether_addr *mac)
{
	l3->neighbours[i].mac = *mac;
	l3->neighbours[i].pinned = true;
	set_state(l3, i, SL_NEIGHBOUR_STATIC, 0);
	slot_header(l3, i, mac);
}

void sl_neighbour_learn(struct sl_l3_port *l3, uint32_t i, const struct rte_ether_addr *mac,
			bool confirmed)
{
	struct sl_neighbour *neighbour = &l3->neighbours[i];
	bool same = neighbour->state > SL_NEIGHBOUR_INCOMPLETE &&
		    rte_is_same_ether_addr(&neighbour->mac, mac);
	uint64_t reachable = sl_l3_seconds(REACHABLE_TIME);

	if (neighbour->state == SL_NEIGHBOUR_STATIC || (same && !confirmed))
		return;
	if (!same) {
		l3->counters[SL_L3_LEARNED]++;
		neighbour->mac = *mac;
		slot_header(l3, i, mac);
	}
	neighbour->since = l3->now;
	take_used(l3, i);
	/* Between half and one and a half of the time, so that they do not all end at once. */
	if (confirmed)
		set_state(l3, i, SL_NEIGHBOUR_REACHABLE, reachable / 2 + rte_rand_max(reachable));
	else
		set_state(l3, i, SL_NEIGHBOUR_STALE, sl_l3_seconds(FORGET_STALE));
	empty_queue(l3, i, 0);
}

static void ask(struct sl_l3_port *l3, uint32_t i)
{
	struct sl_neighbour *neighbour = &l3->neighbours[i];
	bool unicast = neighbour->state == SL_NEIGHBOUR_PROBE;

	neighbour->asked++;
	neighbour->deadline = l3->now + sl_l3_seconds(ASK_EVERY);
	if (neighbour->addr.family == SL_FAMILY_IPV4)
		sl_arp_ask(l3, &neighbour->addr, unicast ? &neighbour->mac : NULL);
	else
		sl_nd_ask(l3, &neighbour->addr, unicast ? &neighbour->mac : NULL);
}

/* RFC 4861 7.2.2: when the queue is full, the oldest packet makes room. */
static void enqueue(struct sl_l3_port *l3, uint32_t i, struct rte_mbuf *m)
{
	struct sl_neighbour *neighbour = &l3->neighbours[i];

	if (l3->queued >= SL_L3_QUEUED && neighbour->queued == 0) {
		sl_l3_drop(l3, m, SL_L3_QUEUE_FULL);
		return;
	}
	if (neighbour->queued == SL_L3_QUEUE || l3->queued >= SL_L3_QUEUED) {
		sl_l3_drop(l3, neighbour->queue[0], SL_L3_QUEUE_FULL);
		neighbour->queued--;
		l3->queued--;
		memmove(&neighbour->queue[0], &neighbour->queue[1],
			neighbour->queued * sizeof(neighbour->queue[0]));
	}
	neighbour->queue[neighbour->queued++] = m;
	l3->queued++;
}

static uint32_t neighbour_of(struct sl_l3_port *l3, const struct rte_mbuf *m)
{
	struct sl_addr source, to;
	const struct sl_nexthop *nexthop;

	sl_packet_addrs(m, &source, &to);
	if (to.family == SL_FAMILY_ANY)
		return SL_NO_NEIGHBOUR;
	nexthop = sl_route_find(l3, &to);
	if (nexthop->kind == SL_NEXTHOP_GATEWAY)
		return nexthop->neighbour;
	/* What instances of the chain answer for here is on nobody's link. */
	if (nexthop->kind != SL_NEXTHOP_LINK || sl_l3_answers(l3, &to))
		return SL_NO_NEIGHBOUR;
	return sl_neighbour_make(l3, &to);
}

void sl_neighbour_wait(struct sl_l3_port *l3, struct rte_mbuf *m)
{
	uint32_t i = neighbour_of(l3, m);

	if (i == SL_NO_NEIGHBOUR) {
		bool full = l3->neighbour_count >= SL_L3_NEIGHBOURS;

		sl_l3_drop(l3, m, full ? SL_L3_NEIGHBOURS_FULL : SL_L3_NO_WAY);
		return;
	}
	if (l3->neighbours[i].state > SL_NEIGHBOUR_INCOMPLETE) {
		give_back(l3, m); /* it was resolved while the packet was on its way here */
		return;
	}
	enqueue(l3, i, m);
	if (l3->neighbours[i].state == SL_NEIGHBOUR_NONE) {
		l3->neighbours[i].asked = 0;
		l3->neighbours[i].since = l3->now;
		set_state(l3, i, SL_NEIGHBOUR_INCOMPLETE, 0);
		ask(l3, i);
	}
}

/* RFC 4861 7.3.3: it did not answer. */
static void lose(struct sl_l3_port *l3, uint32_t i)
{
	l3->counters[SL_L3_LOST]++;
	empty_queue(l3, i, SL_PKT_UNREACHABLE);
	forget(l3, i);
}

static void age(struct sl_l3_port *l3, uint32_t i)
{
	struct sl_neighbour *neighbour = &l3->neighbours[i];
	bool over = l3->now >= neighbour->deadline;

	switch ((enum sl_neighbour_state)neighbour->state) {
	case SL_NEIGHBOUR_INCOMPLETE:
		if (over && neighbour->asked >= ASK_TIMES)
			lose(l3, i);
		else if (over)
			ask(l3, i);
		break;
	case SL_NEIGHBOUR_REACHABLE:
		if (over) {
			take_used(l3, i);
			set_state(l3, i, SL_NEIGHBOUR_STALE, sl_l3_seconds(FORGET_STALE));
		}
		break;
	case SL_NEIGHBOUR_STALE:
		if (take_used(l3, i))
			set_state(l3, i, SL_NEIGHBOUR_DELAY, sl_l3_seconds(DELAY_FIRST));
		else if (over)
			forget(l3, i);
		break;
	case SL_NEIGHBOUR_DELAY:
		if (over) {
			neighbour->asked = 0;
			set_state(l3, i, SL_NEIGHBOUR_PROBE, 0);
			ask(l3, i);
		}
		break;
	case SL_NEIGHBOUR_PROBE:
		if (over && neighbour->asked >= PROBE_TIMES)
			lose(l3, i);
		else if (over)
			ask(l3, i);
		break;
	case SL_NEIGHBOUR_FREE:
	case SL_NEIGHBOUR_NONE:
	case SL_NEIGHBOUR_STATIC:
		break;
	}
}

void sl_neighbours_tick(struct sl_l3_port *l3)
{
	for (uint32_t i = 0; i < l3->highest; i++)
		if (l3->neighbours[i].state > SL_NEIGHBOUR_NONE)
			age(l3, i);
}

void sl_neighbours_free(struct sl_l3_port *l3)
{
	for (uint32_t i = 0; i < l3->highest; i++) {
		struct sl_neighbour *neighbour = &l3->neighbours[i];

		for (uint8_t k = 0; k < neighbour->queued; k++)
			sl_l3_drop(l3, neighbour->queue[k], SL_L3_STOPPED);
		l3->queued -= neighbour->queued;
		neighbour->queued = 0;
	}
}
