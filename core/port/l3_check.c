/* SPDX-License-Identifier: BSD-3-Clause */
/* What is wrong with the addresses, routes and neighbours of a port, before anything is opened. */
#include <errno.h>

#include <core/port/l3_state.h>

static bool unicast(const struct sl_addr *addr)
{
	static const uint8_t zero[16], one[16] = {[15] = 1};

	if (addr->family == SL_FAMILY_IPV4)
		return addr->bytes[0] != 0 && addr->bytes[0] != 127 && addr->bytes[0] < 224;
	return addr->bytes[0] != 0xff && memcmp(addr->bytes, zero, 16) != 0 &&
	       memcmp(addr->bytes, one, 16) != 0;
}

static bool link_local(const struct sl_addr *addr)
{
	return addr->family == SL_FAMILY_IPV6 && addr->bytes[0] == 0xfe &&
	       (addr->bytes[1] & 0xc0) == 0x80;
}

static bool contains(const struct sl_prefix *address, const struct sl_addr *addr)
{
	struct sl_prefix net = *address;
	uint32_t bits = address->addr.family == SL_FAMILY_IPV4 ? 32 : 128;

	for (uint32_t bit = address->length; bit < bits; bit++)
		net.addr.bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
	return sl_prefix_contains(&net, addr);
}

static bool on_link(const struct sl_port_config *config, const struct sl_addr *addr)
{
	if (link_local(addr))
		return true;
	for (uint32_t i = 0; i < config->addresses.count; i++)
		if (contains(SL_ITEM(&config->addresses, struct sl_prefix, i), addr))
			return true;
	for (uint32_t i = 0; i < config->routes.count; i++) {
		const struct sl_route_config *route =
			SL_ITEM(&config->routes, struct sl_route_config, i);

		if (route->via.family == SL_FAMILY_ANY && sl_prefix_contains(&route->to, addr))
			return true;
	}
	return false;
}

static bool own(const struct sl_port_config *config, const struct sl_addr *addr)
{
	for (uint32_t i = 0; i < config->addresses.count; i++)
		if (sl_addr_compare(&SL_ITEM(&config->addresses, struct sl_prefix, i)->addr,
				    addr) == 0)
			return true;
	return false;
}

static int check_addresses(const struct sl_port_config *config, struct sl_errors *errors)
{
	uint32_t count[2] = {0, 0};
	int rc = 0;

	for (uint32_t i = 0; i < config->addresses.count; i++) {
		const struct sl_prefix *item = SL_ITEM(&config->addresses, struct sl_prefix, i);
		bool v4 = item->addr.family == SL_FAMILY_IPV4;
		uint32_t host = v4 ? rte_be_to_cpu_32(item->addr.v4) : 0;
		uint32_t mask = item->length < 32 ? UINT32_MAX >> item->length : 0;

		if (!unicast(&item->addr))
			rc = sl_fail_at(errors, item, "not an address that a host can have");
		else if (v4 && item->length < 31 && ((host & mask) == 0 || (host & mask) == mask))
			rc = sl_fail_at(errors, item,
					"this is the network's own or its broadcast address");
		for (uint32_t j = 0; j < i; j++)
			if (sl_addr_compare(&SL_ITEM(&config->addresses, struct sl_prefix, j)->addr,
					    &item->addr) == 0)
				rc = sl_fail_at(errors, item, "the address is given twice");
		/* One less for IPv6: the link-local address is made from the MAC. */
		if (++count[v4] == (v4 ? SL_L3_OWN + 1 : SL_L3_OWN))
			rc = sl_fail_at(errors, item, "too many addresses (at most %d)",
					v4 ? SL_L3_OWN : SL_L3_OWN - 1);
	}
	return rc;
}

static int check_route(const struct sl_port_config *config, const struct sl_route_config *route,
		       struct sl_errors *errors)
{
	char text[SL_ADDR_TEXT];

	if (route->via.family == SL_FAMILY_ANY)
		return 0;
	if (route->to.addr.family != SL_FAMILY_ANY && route->to.addr.family != route->via.family)
		return sl_fail_at(errors, &route->via,
				  "the gateway is of another IP version than the destination");
	if (!unicast(&route->via) || own(config, &route->via))
		return sl_fail_at(errors, &route->via, "%s cannot be a gateway here",
				  sl_addr_format(&route->via, text));
	if (!on_link(config, &route->via))
		return sl_fail_at(errors, &route->via,
				  "the gateway %s is on no network of the port's addresses",
				  sl_addr_format(&route->via, text));
	return 0;
}

/* Few enough to compare all with all; beyond that the table is a machine's work. */
#define COMPARED 4096

static int check_routes(const struct sl_port_config *config, struct sl_errors *errors)
{
	int rc = 0;

	if (config->routes.count > SL_L3_ROUTES)
		return sl_fail_at(errors, &config->routes, "too many routes (at most %d)",
				  SL_L3_ROUTES);
	for (uint32_t i = 0; i < config->routes.count; i++) {
		const struct sl_route_config *route =
			SL_ITEM(&config->routes, struct sl_route_config, i);

		if (check_route(config, route, errors) != 0)
			rc = -EINVAL;
		for (uint32_t j = 0; j < i && i < COMPARED; j++) {
			const struct sl_route_config *other =
				SL_ITEM(&config->routes, struct sl_route_config, j);

			if (other->to.length == route->to.length &&
			    other->via.family == route->via.family &&
			    sl_addr_compare(&other->to.addr, &route->to.addr) == 0)
				rc = sl_fail_at(errors, &route->to,
						"there is a route to this destination already");
		}
	}
	return rc;
}

static int check_neighbours(const struct sl_port_config *config, struct sl_errors *errors)
{
	int rc = 0;

	if (config->neighbours.count > SL_L3_NEIGHBOURS / 2)
		return sl_fail_at(errors, &config->neighbours, "too many neighbours (at most %d)",
				  SL_L3_NEIGHBOURS / 2);
	for (uint32_t i = 0; i < config->neighbours.count; i++) {
		const struct sl_neighbour_config *item =
			SL_ITEM(&config->neighbours, struct sl_neighbour_config, i);

		if (!unicast(&item->address) || own(config, &item->address) ||
		    !on_link(config, &item->address))
			rc = sl_fail_at(errors, &item->address,
					"not an address of a neighbour: it is on no network of "
					"the port's addresses, or the port's own");
		if (!rte_is_unicast_ether_addr(&item->mac) || rte_is_zero_ether_addr(&item->mac))
			rc = sl_fail_at(errors, &item->mac, "not the MAC address of one station");
	}
	return rc;
}

int sl_l3_check(const struct sl_port_config *config, struct sl_errors *errors)
{
	int rc = check_addresses(config, errors);

	if (check_routes(config, errors) != 0)
		rc = -EINVAL;
	if (check_neighbours(config, errors) != 0)
		rc = -EINVAL;
	if (config->addresses.count == 0 &&
	    (config->routes.count > 0 || config->neighbours.count > 0))
		rc = sl_fail_at(errors,
				config->routes.count > 0 ? (const void *)&config->routes
							 : (const void *)&config->neighbours,
				"a port without addresses has no routes or neighbours");
	return rc;
}
