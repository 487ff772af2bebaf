/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routes of a port: its own addresses, what is on link, what the chain file says, and what must
 * never be sent to. Few are matched one by one, longest first; many go to rte_fib and rte_fib6,
 * which take 32 MiB each and one or two cache lines a lookup.
 */
#include <errno.h>
#include <stdlib.h>

#include <core/port/l3_state.h>

/* Nothing of these is ever routed (RFC 1122 3.2.1.3, RFC 4291 2.4, 2.5.2, 2.5.3). */
static const struct {
	uint8_t family, length, bytes[4];
} reserved[] = {
	{SL_FAMILY_IPV4, 8, {0}},    {SL_FAMILY_IPV4, 8, {127}},
	{SL_FAMILY_IPV4, 4, {224}}, /* multicast */
	{SL_FAMILY_IPV4, 4, {240}}, /* class E and the limited broadcast */
	{SL_FAMILY_IPV6, 8, {0xff}},
};

static bool prefix_equal(const struct sl_prefix *a, const struct sl_prefix *b)
{
	return a->length == b->length && sl_addr_compare(&a->addr, &b->addr) == 0;
}

static struct sl_prefix mask_prefix(const struct sl_addr *addr, uint8_t length)
{
	struct sl_prefix prefix = {.addr = *addr, .length = length};
	uint32_t bits = addr->family == SL_FAMILY_IPV4 ? 32 : 128;

	for (uint32_t bit = length; bit < bits; bit++)
		prefix.addr.bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
	return prefix;
}

static struct sl_routes *routes_of(struct sl_l3_port *l3, uint8_t family)
{
	return family == SL_FAMILY_IPV4 ? &l3->routes4 : &l3->routes6;
}

/* What is added first wins: own addresses, then what is on link, then what is configured. */
static void add(struct sl_l3_port *l3, const struct sl_prefix *prefix, uint16_t nexthop,
		bool configured)
{
	struct sl_routes *routes = routes_of(l3, prefix->addr.family);

	routes->list[routes->count++] = (struct sl_route){
		.prefix = *prefix,
		.nexthop = nexthop,
		.configured = configured,
	};
}

static uint16_t gateway_nexthop(struct sl_l3_port *l3, const struct sl_addr *gateway)
{
	struct sl_nexthop *nexthop;

	for (uint32_t i = 0; i < l3->nexthop_count; i++)
		if (l3->nexthops[i].kind == SL_NEXTHOP_GATEWAY &&
		    sl_addr_compare(&l3->nexthops[i].gateway, gateway) == 0)
			return (uint16_t)i;
	if (l3->nexthop_count == INT16_MAX) /* what a FIB entry of two bytes can say */
		return UINT16_MAX;
	nexthop = &l3->nexthops[l3->nexthop_count];
	nexthop->kind = SL_NEXTHOP_GATEWAY;
	nexthop->gateway = *gateway;
	nexthop->neighbour = sl_neighbour_make(l3, gateway);
	if (nexthop->neighbour == SL_NO_NEIGHBOUR)
		return UINT16_MAX;
	l3->neighbours[nexthop->neighbour].pinned = true;
	return (uint16_t)l3->nexthop_count++;
}

static void add_own(struct sl_l3_port *l3, const struct sl_own *own)
{
	const struct sl_addr *addr = &own->prefix.addr;
	struct sl_prefix host = {.addr = *addr,
				 .length = addr->family == SL_FAMILY_IPV4 ? 32 : 128};
	struct sl_prefix net = mask_prefix(addr, own->prefix.length);

	add(l3, &host, SL_NEXTHOP_OWN, false);
	if (own->prefix.length < host.length)
		add(l3, &net, SL_NEXTHOP_LINK, false);
	if (own->broadcast != 0) {
		struct sl_prefix broadcast = host;

		broadcast.addr.v4 = own->broadcast;
		add(l3, &broadcast, SL_NEXTHOP_BROADCAST, false);
		net.length = 32;
		add(l3, &net, SL_NEXTHOP_BROADCAST, false);
	}
}

static int add_configured(struct sl_l3_port *l3, const struct sl_route_config *config,
			  struct sl_errors *errors)
{
	struct sl_prefix to = config->to;
	uint16_t nexthop = SL_NEXTHOP_LINK;

	if (config->via.family != SL_FAMILY_ANY) {
		nexthop = gateway_nexthop(l3, &config->via);
		if (nexthop == UINT16_MAX)
			return sl_fail_at(errors, &config->via, "too many gateways on one port");
		if (to.addr.family == SL_FAMILY_ANY)
			to.addr.family = config->via.family;
	}
	if (to.addr.family != SL_FAMILY_ANY) {
		add(l3, &to, nexthop, true);
		return 0;
	}
	to.addr.family = SL_FAMILY_IPV4;
	add(l3, &to, nexthop, true);
	to.addr.family = SL_FAMILY_IPV6;
	add(l3, &to, nexthop, true);
	return 0;
}

static int by_length(const void *a, const void *b)
{
	const struct sl_route *x = a, *y = b;

	if (x->prefix.length != y->prefix.length)
		return y->prefix.length - x->prefix.length;
	return sl_addr_compare(&x->prefix.addr, &y->prefix.addr);
}

/* Equal prefixes stand side by side after a stable sort; keep the first of them. */
static void sort(struct sl_routes *routes)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < routes->count; i++) {
		bool known = false;

		/* The few that are not configured come first and are what others collide with. */
		for (uint32_t j = 0; j < kept && !known && !routes->list[j].configured; j++)
			known = prefix_equal(&routes->list[j].prefix, &routes->list[i].prefix);
		if (!known)
			routes->list[kept++] = routes->list[i];
	}
	routes->count = kept;
	qsort(routes->list, kept, sizeof(*routes->list), by_length);
}

static void fill_small(struct sl_routes *routes)
{
	for (uint32_t i = 0; i < routes->count; i++) {
		const struct sl_prefix *prefix = &routes->list[i].prefix;
		struct sl_addr ones = {.family = prefix->addr.family};

		memset(ones.bytes, 0xff, ones.family == SL_FAMILY_IPV4 ? 4 : 16);
		ones = mask_prefix(&ones, prefix->length).addr;
		memcpy(routes->net[i].bytes, prefix->addr.bytes, 16);
		memcpy(routes->mask[i].bytes, ones.bytes, 16);
		routes->nexthop[i] = routes->list[i].nexthop;
	}
}

/* Second-level tables of the FIB: one for every /24 with longer routes; for IPv6 one a byte. */
static uint32_t tables_needed(const struct sl_routes *routes, uint32_t each)
{
	uint32_t tables = 16;

	for (uint32_t i = 0; i < routes->count; i++)
		if (routes->list[i].prefix.length > 24)
			tables += each;
	return RTE_MIN(tables, 1u << 22);
}

static int fill_fib(struct sl_l3_port *l3, struct sl_routes *routes)
{
	struct rte_fib_conf conf = {
		.type = RTE_FIB_DIR24_8,
		.default_nh = SL_NEXTHOP_NONE,
		.max_routes = (int)routes->count + 1,
		.dir24_8 = {.num_tbl8 = tables_needed(routes, 1)},
	};
	char name[32];
	int rc = 0;

	conf.dir24_8.nh_sz =
		conf.dir24_8.num_tbl8 < INT16_MAX ? RTE_FIB_DIR24_8_2B : RTE_FIB_DIR24_8_4B;
	snprintf(name, sizeof(name), "sl-fib4-%u", l3->port->index);
	routes->fib = rte_fib_create(name, SOCKET_ID_ANY, &conf);
	if (routes->fib == NULL)
		return -ENOMEM;
	/* Shortest first: DPDK 22.11 writes a default route over 224.0.0.0/4 that came before. */
	for (uint32_t i = routes->count; i-- > 0 && rc == 0;)
		rc = rte_fib_add(routes->fib, rte_be_to_cpu_32(routes->list[i].prefix.addr.v4),
				 routes->list[i].prefix.length, routes->list[i].nexthop);
	return rc;
}

static int fill_fib6(struct sl_l3_port *l3, struct sl_routes *routes)
{
	struct rte_fib6_conf conf = {
		.type = RTE_FIB6_TRIE,
		.default_nh = SL_NEXTHOP_NONE,
		.max_routes = (int)routes->count + 1,
		.trie = {.num_tbl8 = tables_needed(routes, 13)},
	};
	char name[32];
	int rc = 0;

	conf.trie.nh_sz = conf.trie.num_tbl8 < INT16_MAX ? RTE_FIB6_TRIE_2B : RTE_FIB6_TRIE_4B;
	snprintf(name, sizeof(name), "sl-fib6-%u", l3->port->index);
	routes->fib6 = rte_fib6_create(name, SOCKET_ID_ANY, &conf);
	if (routes->fib6 == NULL)
		return -ENOMEM;
	/* The address argument changes its type with DPDK 24.11. */
	for (uint32_t i = routes->count; i-- > 0 && rc == 0;)
		rc = rte_fib6_add(routes->fib6, (void *)routes->list[i].prefix.addr.bytes,
				  routes->list[i].prefix.length, routes->list[i].nexthop);
	return rc;
}

static int finish(struct sl_l3_port *l3, struct sl_routes *routes, uint8_t family,
		  struct sl_errors *errors)
{
	int rc = 0;

	sort(routes);
	if (routes->count <= SL_L3_SMALL)
		fill_small(routes);
	else
		rc = family == SL_FAMILY_IPV4 ? fill_fib(l3, routes) : fill_fib6(l3, routes);
	if (rc != 0)
		return sl_fail(errors, -rc,
			       "port %s: no memory for the table of %u IPv%u routes (32 MiB and "
			       "more); give the host more memory or the port at most %d routes",
			       l3->port->name, routes->count, family, SL_L3_SMALL - 8);
	return 0;
}

int sl_routes_build(struct sl_l3_port *l3, struct sl_errors *errors)
{
	const struct sl_list *configured = &l3->port->config->routes;
	uint32_t room = configured->count + 3 * SL_L3_OWN + RTE_DIM(reserved) + 1;

	l3->routes4.list = calloc(room + l3->own4_count, sizeof(struct sl_route));
	l3->routes6.list = calloc(room + l3->own6_count, sizeof(struct sl_route));
	/* The first kinds are the same for all: their number is their index. */
	l3->nexthops =
		calloc(SL_NEXTHOP_NEVER + 1 + (size_t)configured->count, sizeof(struct sl_nexthop));
	if (l3->routes4.list == NULL || l3->routes6.list == NULL || l3->nexthops == NULL)
		return sl_fail(errors, ENOMEM, "port %s: no memory for routes", l3->port->name);
	for (unsigned int i = 0; i <= SL_NEXTHOP_NEVER; i++)
		l3->nexthops[i].kind = i;
	l3->nexthops[SL_NEXTHOP_GATEWAY].kind = SL_NEXTHOP_NONE;
	l3->nexthop_count = SL_NEXTHOP_NEVER + 1;

	for (uint32_t i = 0; i < l3->own4_count; i++)
		add_own(l3, &l3->own4[i]);
	for (uint32_t i = 0; i < l3->own6_count; i++)
		add_own(l3, &l3->own6[i]);
	for (unsigned int i = 0; i < RTE_DIM(reserved); i++) {
		struct sl_prefix prefix = {.addr.family = reserved[i].family,
					   .length = reserved[i].length};

		memcpy(prefix.addr.bytes, reserved[i].bytes, 4);
		add(l3, &prefix, SL_NEXTHOP_NEVER, false);
	}
	for (uint32_t i = 0; i < configured->count; i++)
		if (add_configured(l3, SL_ITEM(configured, struct sl_route_config, i), errors) != 0)
			return -EINVAL;
	if (finish(l3, &l3->routes4, SL_FAMILY_IPV4, errors) != 0)
		return -ENOMEM;
	return finish(l3, &l3->routes6, SL_FAMILY_IPV6, errors);
}

void sl_routes_free(struct sl_l3_port *l3)
{
	if (l3->routes4.fib != NULL)
		rte_fib_free(l3->routes4.fib);
	if (l3->routes6.fib6 != NULL)
		rte_fib6_free(l3->routes6.fib6);
	free(l3->routes4.list);
	free(l3->routes6.list);
	free(l3->nexthops);
}

void sl_routes_find4(const struct sl_routes *routes, const uint32_t *to, uint16_t *nexthop,
		     uint16_t n)
{
	uint64_t found[SL_BURST];
	uint32_t host[SL_BURST];

	if (likely(routes->fib == NULL)) {
		for (uint16_t i = 0; i < n; i++) {
			uint32_t r = 0;

			while (r < routes->count &&
			       (to[i] & routes->mask[r].words[0]) != routes->net[r].words[0])
				r++;
			nexthop[i] = r < routes->count ? routes->nexthop[r] : SL_NEXTHOP_NONE;
		}
		return;
	}
	for (uint16_t i = 0; i < n; i++)
		host[i] = rte_be_to_cpu_32(to[i]);
	rte_fib_lookup_bulk(routes->fib, host, found, n);
	for (uint16_t i = 0; i < n; i++)
		nexthop[i] = (uint16_t)found[i];
}

static uint16_t find6_small(const struct sl_routes *routes, const uint8_t *to)
{
	union sl_l3_key key;

	memcpy(key.bytes, to, 16);
	for (uint32_t r = 0; r < routes->count; r++)
		if ((key.halves[0] & routes->mask[r].halves[0]) == routes->net[r].halves[0] &&
		    (key.halves[1] & routes->mask[r].halves[1]) == routes->net[r].halves[1])
			return routes->nexthop[r];
	return SL_NEXTHOP_NONE;
}

void sl_routes_find6(const struct sl_routes *routes, const uint8_t (*to)[16], uint16_t *nexthop,
		     uint16_t n)
{
	uint64_t found[SL_BURST];

	if (likely(routes->fib6 == NULL)) {
		for (uint16_t i = 0; i < n; i++)
			nexthop[i] = find6_small(routes, to[i]);
		return;
	}
	rte_fib6_lookup_bulk(routes->fib6, (void *)(uintptr_t)to, found, n);
	for (uint16_t i = 0; i < n; i++)
		nexthop[i] = (uint16_t)found[i];
}

const struct sl_nexthop *sl_route_find(const struct sl_l3_port *l3, const struct sl_addr *to)
{
	uint16_t nexthop = SL_NEXTHOP_NONE;

	if (to->family == SL_FAMILY_IPV4)
		sl_routes_find4(&l3->routes4, &to->v4, &nexthop, 1);
	else
		sl_routes_find6(&l3->routes6, &to->bytes, &nexthop, 1);
	return &l3->nexthops[nexthop];
}
