/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where outside addresses and ports belong: to the pool, to a forward, to a one-to-one pair,
 * and to which worker. Made from the parameters once, then only read.
 *
 * The ports of each pool address are cut into blocks; block number b of pool address a is owned
 * by worker (a * blocks + b) modulo the number of workers. So the worker of a reply is known
 * from its destination alone, and every worker has its part of every address.
 */
#include <stdlib.h>

#include "nat.h"

static int order_of_ranges(const void *a, const void *b)
{
	const struct nat_range *x = (const struct nat_range *)a;
	const struct nat_range *y = (const struct nat_range *)b;

	return (x->first > y->first) - (x->first < y->first);
}

const struct nat_range *sl_nat_range_find(const struct nat_ranges *ranges, uint32_t addr)
{
	uint32_t host = rte_be_to_cpu_32(addr), low = 0, high = ranges->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;
		const struct nat_range *range = &ranges->items[middle];

		if (host < range->first)
			high = middle;
		else if (host > range->last)
			low = middle + 1;
		else
			return range;
	}
	return NULL;
}

uint32_t sl_nat_pool_address(const struct nat_layout *layout, uint32_t index)
{
	for (uint32_t i = 0; i < layout->pool.count; i++) {
		const struct nat_range *range = &layout->pool.items[i];

		if (index - range->other <= range->last - range->first)
			return rte_cpu_to_be_32(range->first + (index - range->other));
	}
	return 0;
}

static uint32_t forward_slot(const struct nat_layout *layout, union nat_endpoint outside)
{
	return sl_index_hash(&outside, sizeof(outside)) & layout->forward_mask;
}

const struct nat_forward *sl_nat_forward_find(const struct nat_layout *layout,
					      union nat_endpoint outside)
{
	if (layout->forward_count == 0)
		return NULL;
	for (uint32_t at = forward_slot(layout, outside);; at = (at + 1) & layout->forward_mask) {
		uint32_t i = layout->forward_table[at];

		if (i == SL_NO_SLOT)
			return NULL;
		if (layout->forwards[i].outside.word == outside.word)
			return &layout->forwards[i];
	}
}

bool sl_nat_is_outside(const struct nat_layout *layout, uint32_t addr)
{
	if (sl_nat_range_find(&layout->pool, addr) != NULL ||
	    sl_nat_range_find(&layout->pair_outside, addr) != NULL)
		return true;
	/* An address that only forwards have: port 0 stands for all of it. */
	return sl_nat_forward_find(layout, nat_endpoint(addr, 0, 0)) != NULL;
}

static bool in_prefixes(const struct nat_prefixes *prefixes, uint32_t addr)
{
	for (uint32_t i = 0; i < prefixes->count; i++)
		if ((addr & prefixes->items[2 * i + 1]) == prefixes->items[2 * i])
			return true;
	return false;
}

bool sl_nat_is_inside(const struct nat_layout *layout, uint32_t addr)
{
	return layout->inside.count == 0 || in_prefixes(&layout->inside, addr);
}

bool sl_nat_is_except(const struct nat_layout *layout, uint32_t addr)
{
	return in_prefixes(&layout->except, addr);
}

uint32_t sl_nat_owner(const struct nat_layout *layout, union nat_endpoint outside)
{
	const struct nat_range *range = sl_nat_range_find(&layout->pair_outside, outside.addr);
	const struct nat_forward *forward;
	uint32_t port = rte_be_to_cpu_16(outside.port), address, block;

	if (range != NULL)
		return nat_host_worker(layout, nat_pair_other(range, outside.addr));
	forward = sl_nat_forward_find(layout, outside);
	if (forward != NULL && forward->outside.proto != 0)
		return nat_host_worker(layout, forward->inside.addr);
	range = sl_nat_range_find(&layout->pool, outside.addr);
	if (range == NULL || port < layout->port_first || port > layout->port_last)
		return nat_host_worker(layout, outside.addr);
	block = (port - layout->port_first) / layout->block_size;
	address = range->other + rte_be_to_cpu_32(outside.addr) - range->first;
	return (address * layout->block_count + block) % layout->workers;
}

/* The end of a packet that decides its worker: ours when it goes to an outside address. */
uint32_t sl_nat_spread(const struct sl_instance *instance, const struct rte_mbuf *m,
		       enum sl_side from, uint32_t workers)
{
	const struct nat *nat = (const struct nat *)sl_instance_data(instance);
	const struct sl_packet *p = sl_packet(m);
	const struct rte_ipv4_hdr *ip;
	union nat_endpoint src, dst;
	struct nat_key key;

	if (p->family != SL_L3_IPV4 || (p->flags & SL_PKT_MALFORMED) != 0)
		return sl_packet_hash(m);
	ip = sl_ipv4(m);
	if (p->proto == IPPROTO_ICMP && p->l4 != 0 && nat_icmp_error(sl_icmp(m)->icmp_type) &&
	    sl_nat_error_inner(m, &src, &dst))
		/* The packet it is about went the other way: its source is what we gave it. */
		return from == SL_INSIDE ? nat_host_worker(nat->layout, dst.addr)
					 : sl_nat_owner(nat->layout, src);
	if (from == SL_INSIDE)
		return nat_host_worker(nat->layout, ip->src_addr);
	if (!sl_nat_key(m, SL_OUTSIDE, &key))
		key = (struct nat_key){.dst = ip->dst_addr, .proto = p->proto};
	return sl_nat_owner(nat->layout, nat_endpoint(key.dst, key.dport, key.proto));
}

static int make_ranges(struct sl_instance *instance, struct nat_ranges *ranges, uint32_t count,
		       struct sl_errors *errors)
{
	ranges->count = count;
	if (count == 0)
		return 0;
	ranges->items = (struct nat_range *)sl_alloc(instance, count * sizeof(struct nat_range));
	return ranges->items != NULL ? 0 : sl_fail(errors, ENOMEM, "no memory for addresses");
}

static struct nat_range range_of(const struct sl_addr_range *range, uint32_t other)
{
	return (struct nat_range){rte_be_to_cpu_32(range->first.v4),
				  rte_be_to_cpu_32(range->last.v4), other};
}

static void sort_ranges(struct nat_ranges *ranges)
{
	if (ranges->count > 1)
		qsort(ranges->items, ranges->count, sizeof(struct nat_range), order_of_ranges);
}

static int fill_prefixes(struct sl_instance *instance, const struct sl_list *list,
			 struct nat_prefixes *prefixes, struct sl_errors *errors)
{
	if (list->count == 0)
		return 0;
	prefixes->items =
		(uint32_t *)sl_alloc(instance, list->count * 2 * sizeof(*prefixes->items));
	if (prefixes->items == NULL)
		return sl_fail(errors, ENOMEM, "no memory for addresses");
	prefixes->count = list->count;
	for (uint32_t i = 0; i < list->count; i++) {
		const struct sl_prefix *prefix = SL_ITEM(list, struct sl_prefix, i);
		uint32_t mask = prefix->length == 0 ? 0 : UINT32_MAX << (32 - prefix->length);

		prefixes->items[2 * i] = prefix->addr.v4 & rte_cpu_to_be_32(mask);
		prefixes->items[2 * i + 1] = rte_cpu_to_be_32(mask);
	}
	return 0;
}

static int fill_addresses(struct sl_instance *instance, const struct nat_params *p,
			  struct nat_layout *layout, struct sl_errors *errors)
{
	if (make_ranges(instance, &layout->pool, p->pool.count, errors) != 0 ||
	    make_ranges(instance, &layout->pair_outside, p->one_to_one.count, errors) != 0 ||
	    make_ranges(instance, &layout->pair_inside, p->one_to_one.count, errors) != 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->pool.count; i++) {
		const struct sl_addr_range *range = SL_ITEM(&p->pool, struct sl_addr_range, i);

		layout->pool.items[i] = range_of(range, layout->pool_count);
		layout->pool_count += layout->pool.items[i].last - layout->pool.items[i].first + 1;
	}
	for (uint32_t i = 0; i < p->one_to_one.count; i++) {
		const struct nat_pair_params *pair =
			SL_ITEM(&p->one_to_one, struct nat_pair_params, i);

		layout->pair_outside.items[i] =
			range_of(&pair->outside, rte_be_to_cpu_32(pair->inside.first.v4));
		layout->pair_inside.items[i] =
			range_of(&pair->inside, rte_be_to_cpu_32(pair->outside.first.v4));
	}
	sort_ranges(&layout->pool);
	sort_ranges(&layout->pair_outside);
	sort_ranges(&layout->pair_inside);

	if (fill_prefixes(instance, &p->inside, &layout->inside, errors) != 0)
		return -ENOMEM;
	return fill_prefixes(instance, &p->except, &layout->except, errors);
}

static void add_forward(struct nat_layout *layout, union nat_endpoint outside,
			union nat_endpoint inside)
{
	uint32_t at = forward_slot(layout, outside);

	while (layout->forward_table[at] != SL_NO_SLOT)
		at = (at + 1) & layout->forward_mask;
	layout->forward_table[at] = layout->forward_count;
	layout->forwards[layout->forward_count++] = (struct nat_forward){outside, inside};
}

static void add_forwards(struct nat_layout *layout, const struct nat_forward_params *f)
{
	union nat_endpoint whole = nat_endpoint(f->outside.v4, 0, 0);
	uint32_t inside = f->inside_port != 0 ? (uint32_t)f->inside_port : f->port.first;

	for (uint32_t i = 0; i < f->proto.count; i++)
		for (uint32_t port = f->port.first; port <= f->port.last; port++) {
			uint8_t proto = (uint8_t)*SL_ITEM(&f->proto, uint32_t, i);
			uint16_t there = (uint16_t)(inside + port - f->port.first);

			add_forward(layout,
				    nat_endpoint(f->outside.v4, rte_cpu_to_be_16((uint16_t)port),
						 proto),
				    nat_endpoint(f->inside.v4, rte_cpu_to_be_16(there), proto));
		}
	if (sl_nat_forward_find(layout, whole) == NULL)
		add_forward(layout, whole, whole);
}

static int fill_forwards(struct sl_instance *instance, const struct nat_params *p,
			 struct nat_layout *layout, struct sl_errors *errors)
{
	uint32_t most = 0, size;

	for (uint32_t i = 0; i < p->forward.count; i++) {
		const struct nat_forward_params *f =
			SL_ITEM(&p->forward, struct nat_forward_params, i);

		most += (f->port.last - f->port.first + 1) * f->proto.count + 1;
	}
	if (most == 0)
		return 0;
	size = rte_align32pow2(most * 2);
	layout->forward_mask = size - 1;
	layout->forwards =
		(struct nat_forward *)sl_alloc(instance, most * sizeof(struct nat_forward));
	layout->forward_table = (uint32_t *)sl_alloc(instance, size * sizeof(uint32_t));
	if (layout->forwards == NULL || layout->forward_table == NULL)
		return sl_fail(errors, ENOMEM, "no memory for %u forwards", most);
	memset(layout->forward_table, 0xff, size * sizeof(uint32_t));
	layout->forward_count = 0;
	for (uint32_t i = 0; i < p->forward.count; i++)
		add_forwards(layout, SL_ITEM(&p->forward, struct nat_forward_params, i));
	return 0;
}

int sl_nat_layout_new(struct sl_instance *instance, const struct nat_params *p,
		      struct nat_layout **out, struct sl_errors *errors)
{
	struct nat_layout *layout = (struct nat_layout *)sl_alloc(instance, sizeof(*layout));
	uint32_t ports = p->ports.last - p->ports.first + 1;

	if (layout == NULL)
		return sl_fail(errors, ENOMEM, "no memory for addresses");
	layout->workers = RTE_MAX(sl_instance_workers(instance), 1u);
	layout->port_first = (uint16_t)p->ports.first;
	layout->port_last = (uint16_t)p->ports.last;
	/* Without blocks of subscribers, 64 ports (a word of the bitmap) go to a worker. */
	layout->block_size = p->block_size != 0 ? (uint32_t)p->block_size : 64;
	layout->block_count = p->block_size != 0 ? ports / layout->block_size : (ports + 63) / 64;
	if (fill_addresses(instance, p, layout, errors) != 0 ||
	    fill_forwards(instance, p, layout, errors) != 0)
		return -ENOMEM;
	if (layout->pool_count != 0 &&
	    (uint64_t)layout->pool_count * layout->block_count < layout->workers)
		return sl_fail_at(errors, &p->pool,
				  "%u workers need as many blocks of ports, the pool has %u",
				  layout->workers, layout->pool_count * layout->block_count);
	*out = layout;
	return 0;
}

/* Cut a range into prefixes, largest first that fits. */
static int claim_range(struct sl_instance *instance, uint32_t first, uint32_t last)
{
	uint64_t at = first;

	while (at <= last) {
		unsigned int bits = at == 0 ? 32 : (unsigned int)__builtin_ctzll(at);
		struct sl_prefix prefix = {.addr = {.family = SL_FAMILY_IPV4}};
		int ret;

		while (at + (1ull << bits) - 1 > last)
			bits--;
		prefix.addr.v4 = rte_cpu_to_be_32((uint32_t)at);
		prefix.length = (uint8_t)(32 - bits);
		ret = sl_claim_prefix(instance, SL_OUTSIDE, &prefix);
		if (ret != 0)
			return ret;
		at += 1ull << bits;
	}
	return 0;
}

int sl_nat_layout_claim(struct sl_instance *instance, const struct nat_layout *layout)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < layout->pool.count; i++)
		ret = claim_range(instance, layout->pool.items[i].first,
				  layout->pool.items[i].last);
	for (uint32_t i = 0; ret == 0 && i < layout->pair_outside.count; i++)
		ret = claim_range(instance, layout->pair_outside.items[i].first,
				  layout->pair_outside.items[i].last);
	for (uint32_t i = 0; ret == 0 && i < layout->forward_count; i++) {
		const struct nat_forward *f = &layout->forwards[i];
		uint32_t host = rte_be_to_cpu_32(f->outside.addr);

		if (f->outside.proto == 0 &&
		    sl_nat_range_find(&layout->pool, f->outside.addr) == NULL)
			ret = claim_range(instance, host, host);
	}
	return ret;
}
