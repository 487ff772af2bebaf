/* SPDX-License-Identifier: BSD-3-Clause */
/* What the table of parameters cannot say. Pure: it also serves `sluice check`. */
#include "nat.h"

/* 24 KiB of bitmaps an address. */
#define MOST_POOL_ADDRESSES 16384
#define MOST_FORWARDS       65536

static uint32_t host_order(const struct sl_addr *addr)
{
	return rte_be_to_cpu_32(addr->v4);
}

/* An address that may stand in an IPv4 header as a host's: RFC 1122, section 3.2.1.3. */
static bool host_address(const struct sl_addr *addr)
{
	uint8_t net = addr->bytes[0];

	return addr->family == SL_FAMILY_IPV4 && net != 0 && net != 127 && net < 224;
}

static bool host_range(const struct sl_addr_range *range)
{
	return host_address(&range->first) && host_address(&range->last) &&
	       !(range->first.bytes[0] < 127 && range->last.bytes[0] > 127);
}

static uint64_t range_size(const struct sl_addr_range *range)
{
	return (uint64_t)host_order(&range->last) - host_order(&range->first) + 1;
}

static bool overlap(const struct sl_addr_range *a, const struct sl_addr_range *b)
{
	return host_order(&a->first) <= host_order(&b->last) &&
	       host_order(&b->first) <= host_order(&a->last);
}

static int check_prefixes(const struct sl_list *list, struct sl_errors *errors)
{
	int ret = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct sl_prefix *prefix = SL_ITEM(list, struct sl_prefix, i);

		if (prefix->addr.family == SL_FAMILY_IPV6)
			ret = sl_fail_at(errors, prefix, "expected an IPv4 prefix, IPv6 passes");
	}
	return ret;
}

static int check_pool(const struct nat_params *p, struct sl_errors *errors)
{
	uint64_t size = 0;
	int ret;

	ret = check_prefixes(&p->inside, errors) | check_prefixes(&p->except, errors);
	for (uint32_t i = 0; i < p->pool.count; i++) {
		const struct sl_addr_range *range = SL_ITEM(&p->pool, struct sl_addr_range, i);

		if (!host_range(range)) {
			ret = sl_fail_at(errors, range, "expected IPv4 addresses of hosts");
			continue;
		}
		size += range_size(range);
		if (size > MOST_POOL_ADDRESSES)
			ret = sl_fail_at(errors, range, "the pool has more than %d addresses",
					 MOST_POOL_ADDRESSES);
		for (uint32_t j = 0; j < i; j++)
			if (overlap(range, SL_ITEM(&p->pool, struct sl_addr_range, j)))
				ret = sl_fail_at(errors, range,
						 "these addresses are in the pool already");
	}
	if (p->pool.count == 0 && p->forward.count == 0 && p->one_to_one.count == 0)
		ret = sl_fail(errors, EINVAL, "expected a `pool`, `forward` or `one-to-one`");
	return ret;
}

static int check_blocks(const struct nat_params *p, struct sl_errors *errors)
{
	if (p->block_size % 64 != 0)
		return sl_fail_at(errors, &p->block_size, "expected a multiple of 64");
	if (p->block_size > p->ports.last - p->ports.first + 1)
		return sl_fail_at(errors, &p->block_size, "`ports` holds no block of this size");
	if (p->log == NAT_LOG_BLOCKS && p->block_size == 0)
		return sl_fail_at(errors, &p->log, "there are no blocks without `block-size`");
	return 0;
}

static int check_pairs(const struct nat_params *p, struct sl_errors *errors)
{
	int ret = 0;

	for (uint32_t i = 0; i < p->one_to_one.count; i++) {
		const struct nat_pair_params *pair =
			SL_ITEM(&p->one_to_one, struct nat_pair_params, i);

		if (!host_range(&pair->outside)) {
			ret = sl_fail_at(errors, &pair->outside,
					 "expected IPv4 addresses of hosts");
			continue;
		}
		if (!host_range(&pair->inside)) {
			ret = sl_fail_at(errors, &pair->inside, "expected IPv4 addresses of hosts");
			continue;
		}
		if (range_size(&pair->outside) != range_size(&pair->inside))
			ret = sl_fail_at(errors, &pair->inside,
					 "expected as many addresses as outside");
		for (uint32_t j = 0; j < i; j++) {
			const struct nat_pair_params *other =
				SL_ITEM(&p->one_to_one, struct nat_pair_params, j);

			if (overlap(&pair->outside, &other->outside))
				ret = sl_fail_at(errors, &pair->outside,
						 "another pair has these addresses");
			if (overlap(&pair->inside, &other->inside))
				ret = sl_fail_at(errors, &pair->inside,
						 "another pair has these addresses");
		}
		for (uint32_t j = 0; j < p->pool.count; j++)
			if (overlap(&pair->outside, SL_ITEM(&p->pool, struct sl_addr_range, j)))
				ret = sl_fail_at(errors, &pair->outside,
						 "the pool has these addresses");
	}
	return ret;
}

/* Two forwards of one outside endpoint: same address and protocol, ports that overlap. */
static bool clash(const struct nat_forward_params *a, const struct nat_forward_params *b)
{
	if (a->outside.v4 != b->outside.v4 || a->port.first > b->port.last ||
	    b->port.first > a->port.last)
		return false;
	for (uint32_t i = 0; i < a->proto.count; i++)
		for (uint32_t j = 0; j < b->proto.count; j++)
			if (*SL_ITEM(&a->proto, uint32_t, i) == *SL_ITEM(&b->proto, uint32_t, j))
				return true;
	return false;
}

static int check_forward(const struct nat_params *p, uint32_t i, struct sl_errors *errors)
{
	const struct nat_forward_params *f = SL_ITEM(&p->forward, struct nat_forward_params, i);
	struct sl_addr_range here = {f->outside, f->outside};
	int ret = 0;

	for (uint32_t j = 0; j < f->proto.count; j++) {
		uint32_t proto = *SL_ITEM(&f->proto, uint32_t, j);

		if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
			ret = sl_fail_at(errors, &f->proto, "expected tcp or udp");
		for (uint32_t k = 0; k < j; k++)
			if (*SL_ITEM(&f->proto, uint32_t, k) == proto)
				ret = sl_fail_at(errors, &f->proto, "a protocol stands twice");
	}
	if (!host_address(&f->outside))
		return sl_fail_at(errors, &f->outside, "expected the IPv4 address of a host");
	if (!host_address(&f->inside))
		return sl_fail_at(errors, &f->inside, "expected the IPv4 address of a host");
	if (f->inside_port != 0 && f->inside_port + (f->port.last - f->port.first) > 65535)
		ret = sl_fail_at(errors, &f->inside_port, "the last port would be above 65535");
	for (uint32_t j = 0; j < i; j++)
		if (clash(f, SL_ITEM(&p->forward, struct nat_forward_params, j)))
			ret = sl_fail_at(errors, &f->port, "another forward has these ports");
	for (uint32_t j = 0; j < p->one_to_one.count; j++)
		if (overlap(&here, &SL_ITEM(&p->one_to_one, struct nat_pair_params, j)->outside))
			ret = sl_fail_at(errors, &f->outside, "this address is one-to-one");
	return ret;
}

int sl_nat_check(const void *config, struct sl_errors *errors)
{
	const struct nat_params *p = (const struct nat_params *)config;
	uint64_t forwards = 0;
	int ret = check_pool(p, errors) | check_blocks(p, errors) | check_pairs(p, errors);

	for (uint32_t i = 0; i < p->forward.count; i++) {
		const struct nat_forward_params *f =
			SL_ITEM(&p->forward, struct nat_forward_params, i);

		ret |= check_forward(p, i, errors);
		forwards += (uint64_t)(f->port.last - f->port.first + 1) * f->proto.count;
	}
	if (forwards > MOST_FORWARDS)
		ret = sl_fail_at(errors, &p->forward, "more than %d forwarded ports",
				 MOST_FORWARDS);
	return ret == 0 ? 0 : -EINVAL;
}
