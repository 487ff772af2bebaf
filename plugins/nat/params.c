/* SPDX-License-Identifier: BSD-3-Clause */
/* The parameters: their table, and what the table cannot say. */
#include "nat.h"

#define FIELD(type, name) offsetof(struct type, name)
#define SECONDS(n)        ((n)*1000000000ull)

/* 24 KiB of bitmaps an address. */
#define MOST_POOL_ADDRESSES 16384
#define MOST_FORWARDS       65536

static const char *const filtering_names[] = {"endpoint-independent", "address-dependent",
					      "address-and-port-dependent", NULL};
static const char *const pooling_names[] = {"paired", "arbitrary", NULL};
static const char *const others_names[] = {"drop", "pass", NULL};
static const char *const log_names[] = {"none", "mappings", "blocks", NULL};

static const struct sl_param forward_params[] = {
	{.name = "proto",
	 .kind = SL_PROTO,
	 .flags = SL_REQUIRED | SL_LIST,
	 .offset = FIELD(nat_forward_params, proto),
	 .doc = "tcp, udp, or a list of both."},
	{.name = "outside",
	 .kind = SL_ADDR,
	 .flags = SL_REQUIRED,
	 .offset = FIELD(nat_forward_params, outside),
	 .doc = "Outside IPv4 address; it may be one of the pool."},
	{.name = "port",
	 .kind = SL_SPAN,
	 .flags = SL_REQUIRED,
	 .offset = FIELD(nat_forward_params, port),
	 .min = 1,
	 .max = 65535,
	 .doc = "Outside port or range of ports."},
	{.name = "inside",
	 .kind = SL_ADDR,
	 .flags = SL_REQUIRED,
	 .offset = FIELD(nat_forward_params, inside),
	 .doc = "Inside IPv4 address that serves it."},
	{.name = "inside-port",
	 .kind = SL_UINT,
	 .offset = FIELD(nat_forward_params, inside_port),
	 .min = 1,
	 .max = 65535,
	 .doc = "Inside port of the first outside port, the next ones follow; default: the same."},
	{0},
};

static const struct sl_param pair_params[] = {
	{.name = "outside",
	 .kind = SL_ADDRS,
	 .flags = SL_REQUIRED,
	 .offset = FIELD(nat_pair_params, outside),
	 .doc = "Outside IPv4 address or addresses."},
	{.name = "inside",
	 .kind = SL_ADDRS,
	 .flags = SL_REQUIRED,
	 .offset = FIELD(nat_pair_params, inside),
	 .doc = "As many inside IPv4 addresses, one for each in order."},
	{0},
};

const struct sl_param sl_nat_params[] = {
	{.name = "inside",
	 .kind = SL_PREFIX,
	 .flags = SL_LIST,
	 .offset = FIELD(nat_params, inside),
	 .doc = "Sources that are translated; default: every IPv4 address."},
	{.name = "except",
	 .kind = SL_PREFIX,
	 .flags = SL_LIST,
	 .offset = FIELD(nat_params, except),
	 .doc = "Remote addresses to and from which packets pass untranslated."},
	{.name = "pool",
	 .kind = SL_ADDRS,
	 .flags = SL_LIST,
	 .offset = FIELD(nat_params, pool),
	 .doc = "Outside IPv4 addresses to share."},
	{.name = "ports",
	 .kind = SL_SPAN,
	 .offset = FIELD(nat_params, ports),
	 .def = "1024-65535",
	 .min = 1,
	 .max = 65535,
	 .doc = "Ports and ICMP query ids given out on each address of the pool."},
	{.name = "filtering",
	 .kind = SL_ENUM,
	 .offset = FIELD(nat_params, filtering),
	 .def = "address-and-port-dependent",
	 .names = filtering_names,
	 .doc = "From whom a mapped port accepts packets."},
	{.name = "hairpinning",
	 .kind = SL_BOOL,
	 .offset = FIELD(nat_params, hairpinning),
	 .def = "true",
	 .doc = "Inside hosts reach each other by outside addresses."},
	{.name = "preserve-port",
	 .kind = SL_BOOL,
	 .offset = FIELD(nat_params, preserve_port),
	 .def = "false",
	 .doc = "Give the inside port also as outside port where it is free."},
	{.name = "preserve-parity",
	 .kind = SL_BOOL,
	 .offset = FIELD(nat_params, preserve_parity),
	 .def = "true",
	 .doc = "UDP: even ports for even ones, odd for odd, where any is free."},
	{.name = "pooling",
	 .kind = SL_ENUM,
	 .offset = FIELD(nat_params, pooling),
	 .def = "paired",
	 .names = pooling_names,
	 .doc = "Whether a host keeps its outside address even when that has no port left."},
	{.name = "block-size",
	 .kind = SL_UINT,
	 .offset = FIELD(nat_params, block_size),
	 .def = "0",
	 .max = 65472,
	 .doc = "Ports in a block of a subscriber, a multiple of 64; 0: no blocks."},
	{.name = "blocks-per-subscriber",
	 .kind = SL_UINT,
	 .offset = FIELD(nat_params, blocks_per_subscriber),
	 .def = "4",
	 .min = 1,
	 .max = 1024,
	 .doc = "Most blocks of one subscriber."},
	{.name = "mappings-per-subscriber",
	 .kind = SL_UINT,
	 .flags = SL_LIVE,
	 .offset = FIELD(nat_params, mappings_per_subscriber),
	 .def = "0",
	 .max = UINT32_MAX,
	 .doc = "Most mappings (outside ports) of one inside address; 0: no limit."},
	{.name = "sessions-per-subscriber",
	 .kind = SL_UINT,
	 .flags = SL_LIVE,
	 .offset = FIELD(nat_params, sessions_per_subscriber),
	 .def = "0",
	 .max = UINT32_MAX,
	 .doc = "Most sessions of one inside address; 0: no limit."},
	{.name = "sessions",
	 .kind = SL_UINT,
	 .offset = FIELD(nat_params, sessions),
	 .def = "131072",
	 .min = 1,
	 .max = 1u << 28,
	 .doc = "Most sessions in all; each worker has an equal share."},
	{.name = "subscribers",
	 .kind = SL_UINT,
	 .offset = FIELD(nat_params, subscribers),
	 .def = "16384",
	 .min = 1,
	 .max = 1u << 24,
	 .doc = "Most inside addresses with mappings in all; each worker has an equal share."},
	{.name = "others",
	 .kind = SL_ENUM,
	 .flags = SL_LIVE,
	 .offset = FIELD(nat_params, others),
	 .def = "drop",
	 .names = others_names,
	 .doc = "IPv4 from outside `inside`, or to an address that is not ours."},
	{.name = "udp-timeout",
	 .kind = SL_DURATION,
	 .flags = SL_LIVE,
	 .offset = FIELD(nat_params, udp_timeout),
	 .def = "300 s",
	 .min = SECONDS(1),
	 .max = SECONDS(864000),
	 .doc = "Idle UDP sessions end after this."},
	{.name = "udp-unreplied-timeout",
	 .kind = SL_DURATION,
	 .flags = SL_LIVE,
	 .offset = FIELD(nat_params, udp_unreplied_timeout),
	 .def = "120 s",
	 .min = SECONDS(1),
	 .max = SECONDS(864000),
	 .doc = "The same while packets went one way only."},
	{.name = "tcp-established-timeout",
	 .kind = SL_DURATION,
	 .flags = SL_LIVE,
	 .offset = FIELD(nat_params, tcp_established_timeout),
	 .def = "7440 s",
	 .min = SECONDS(1),
	 .max = SECONDS(864000),
	 .doc = "Idle established TCP sessions end after this."},
	{.name = "tcp-transitory-timeout",
	 .kind = SL_DURATION,
	 .flags = SL_LIVE,
	 .offset = FIELD(nat_params, tcp_transitory_timeout),
	 .def = "240 s",
	 .min = SECONDS(1),
	 .max = SECONDS(864000),
	 .doc = "TCP sessions that open or are closed end after this."},
	{.name = "icmp-timeout",
	 .kind = SL_DURATION,
	 .flags = SL_LIVE,
	 .offset = FIELD(nat_params, icmp_timeout),
	 .def = "60 s",
	 .min = SECONDS(1),
	 .max = SECONDS(864000),
	 .doc = "Idle ICMP query sessions end after this."},
	{.name = "port-hold",
	 .kind = SL_DURATION,
	 .flags = SL_LIVE,
	 .offset = FIELD(nat_params, port_hold),
	 .def = "120 s",
	 .max = SECONDS(86400),
	 .doc = "How long a port rests after its last mapping; it is cut short when no other is "
		"free."},
	{.name = "refresh-inbound",
	 .kind = SL_BOOL,
	 .flags = SL_LIVE,
	 .offset = FIELD(nat_params, refresh_inbound),
	 .def = "false",
	 .doc = "UDP and ICMP: packets from outside keep a session alive too."},
	{.name = "forward",
	 .kind = SL_TABLE,
	 .flags = SL_LIST,
	 .offset = FIELD(nat_params, forward),
	 .fields = forward_params,
	 .size = sizeof(struct nat_forward_params),
	 .doc = "Outside ports that lead to inside servers."},
	{.name = "one-to-one",
	 .kind = SL_TABLE,
	 .flags = SL_LIST,
	 .offset = FIELD(nat_params, one_to_one),
	 .fields = pair_params,
	 .size = sizeof(struct nat_pair_params),
	 .doc = "Inside addresses with an outside address of their own, for every protocol."},
	{.name = "log",
	 .kind = SL_ENUM,
	 .flags = SL_LIVE,
	 .offset = FIELD(nat_params, log),
	 .def = "none",
	 .names = log_names,
	 .doc = "Events for each mapping, or only for each block of ports."},
	{.name = "unreachable",
	 .kind = SL_BOOL,
	 .flags = SL_LIVE,
	 .offset = FIELD(nat_params, unreachable),
	 .def = "true",
	 .doc = "Tell an inside host by ICMP (host unreachable) that nothing is left for it."},
	{.name = "unreachable-rate",
	 .kind = SL_RATE,
	 .flags = SL_LIVE,
	 .offset = FIELD(nat_params, unreachable_rate),
	 .def = "100/s",
	 .doc = "Most such ICMP messages of a worker."},
	{0},
};

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
