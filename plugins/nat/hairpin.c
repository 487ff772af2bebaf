/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hairpins (RFC 4787 REQ-9): an inside host sends to an outside address that is ours. The
 * packet is translated twice, as if it had gone out and come back: the receiver sees the
 * sender's outside address and port, filtering and sessions work as for anyone outside.
 *
 * When the receiver's mapping belongs to another worker, its tables cannot be read here. A
 * directory shared by all workers tells where its outside endpoint leads: one word per pool
 * port and protocol, written by the owner alone. Such packets need a mapping, but are not
 * filtered by remote address and do not refresh the receiver's session.
 */
#include "nat.h"

static bool directory_place(const struct nat_layout *layout, union nat_endpoint outside,
			    size_t *place)
{
	const struct nat_range *range = sl_nat_range_find(&layout->pool, outside.addr);
	uint32_t port = rte_be_to_cpu_16(outside.port);
	uint32_t ports = (uint32_t)layout->port_last - layout->port_first + 1;
	size_t address;

	if (range == NULL || port < layout->port_first || port > layout->port_last)
		return false;
	address = range->other + rte_be_to_cpu_32(outside.addr) - range->first;
	*place = (address * NAT_SPACES + nat_space_of(outside.proto)) * ports + port -
		 layout->port_first;
	return true;
}

int sl_nat_directory_new(struct sl_instance *instance, struct nat *nat, struct sl_errors *errors)
{
	const struct nat_layout *l = nat->layout;
	size_t ports = (size_t)l->port_last - l->port_first + 1;
	size_t size = l->pool_count * NAT_SPACES * ports * sizeof(*nat->directory);

	if (l->workers == 1 || l->pool_count == 0 || !nat->params->hairpinning)
		return 0;
	nat->directory = (_Atomic uint64_t *)sl_alloc_table(instance, size);
	if (nat->directory != NULL)
		return 0;
	return sl_fail(errors, ENOMEM,
		       "no memory for hairpins between %u workers: %zu MiB are needed, or "
		       "`hairpinning: false`",
		       l->workers, size >> 20);
}

void sl_nat_directory_set(struct nat_worker *w, const struct nat_mapping *mapping, bool exists)
{
	size_t place;

	/* A forward is in the layout, which all workers read. */
	if (w->nat->directory == NULL || mapping->forward ||
	    !directory_place(w->layout, mapping->outside, &place))
		return;
	atomic_store_explicit(&w->nat->directory[place], exists ? mapping->inside.word : 0,
			      memory_order_relaxed);
}

/* Where an outside endpoint of another worker leads. */
static bool directory_find(const struct nat_worker *w, union nat_endpoint outside,
			   union nat_endpoint *inside)
{
	const struct nat_forward *forward = sl_nat_forward_find(w->layout, outside);
	size_t place;

	if (forward != NULL) {
		*inside = forward->inside;
		return true;
	}
	if (w->nat->directory == NULL || !directory_place(w->layout, outside, &place))
		return false;
	inside->word = atomic_load_explicit(&w->nat->directory[place], memory_order_relaxed);
	return inside->word != 0;
}

static bool is_here(const struct nat_worker *w, union nat_endpoint outside)
{
	return sl_nat_range_find(&w->layout->pair_outside, outside.addr) != NULL ||
	       sl_nat_owner(w->layout, outside) == w->worker;
}

/* The sender's session sees one direction only, the replies' one is the other worker's. What
 * goes on after the SYN was answered. */
static void track_one_way(struct nat_worker *w, const struct nat_key *key, uint8_t tcp_flags)
{
	/* Outside endpoint of the sender: its own session, from the outside's view. */
	struct nat_key reply = {key->dst,   key->src,   key->dport, key->sport,
				key->proto, SL_OUTSIDE, 0};
	uint32_t slot = nat_flow_find(w, &reply);

	if (slot != SL_NO_SLOT && (tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_RST_FLAG)) == 0 &&
	    (w->sessions[slot / 2].tcp & NAT_TCP_SYN_IN) == 0)
		sl_nat_tcp_track(w, slot / 2, SL_OUTSIDE, RTE_TCP_SYN_FLAG);
}

uint8_t sl_nat_hairpin(struct nat_worker *w, struct rte_mbuf *m)
{
	struct nat_key key = {.dst = sl_ipv4(m)->dst_addr, .proto = sl_packet(m)->proto};
	bool keyed = sl_nat_key(m, SL_OUTSIDE, &key);
	union nat_endpoint outside = nat_endpoint(key.dst, key.dport, key.proto), inside;
	uint8_t edge;

	if (is_here(w, outside)) {
		edge = sl_nat_inbound(w, m);
		if (edge != SL_ON)
			return edge;
	} else {
		if (!keyed || !directory_find(w, outside, &inside))
			return SL_DROP(NAT_NO_MAPPING);
		if (key.proto == IPPROTO_TCP)
			track_one_way(w, &key, sl_packet(m)->tcp_flags);
		sl_nat_write_endpoint(m, false, inside);
	}
	nat_count(w, NAT_HAIRPINNED);
	return SL_BACK;
}

uint8_t sl_nat_hairpin_error(struct nat_worker *w, struct rte_mbuf *m)
{
	union nat_endpoint src, dst, inside;
	uint8_t edge;

	sl_nat_error_inner(m, &src, &dst);
	if (is_here(w, src)) {
		edge = sl_nat_error_inbound(w, m);
		if (edge != SL_ON)
			return edge;
	} else {
		if (!directory_find(w, src, &inside))
			return SL_DROP(NAT_NO_MAPPING);
		sl_nat_error_write(m, true, inside, inside.addr);
	}
	nat_count(w, NAT_HAIRPINNED);
	return SL_BACK;
}
