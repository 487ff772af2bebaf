/* SPDX-License-Identifier: BSD-3-Clause */
/* What the table of parameters cannot say. Pure: it also serves `sluice check`. */
#include <errno.h>

#include "load_balancer.h"

static bool empty_text(const char *text)
{
	return text == NULL || text[0] == '\0';
}

/* An address that may stand in an IP header as a host's (RFC 1122 3.2.1.3, RFC 4291 2.7). */
static bool host_address(const struct sl_addr *addr)
{
	static const uint8_t none[16];

	if (addr->family == SL_FAMILY_IPV4)
		return addr->bytes[0] != 0 && addr->bytes[0] != 127 && addr->bytes[0] < 224;
	return addr->bytes[0] != 0xff && memcmp(addr->bytes, none, 15) != 0;
}

/* HTTP: what would end the line that it stands in. */
static bool one_line(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			return false;
	return true;
}

static int check_health(const struct lb_service_config *s, struct sl_errors *errors)
{
	const struct lb_health_config *h = &s->health;
	int ret = 0;

	if ((s->given & LB_GIVEN_HEALTH) == 0)
		return 0;
	if (h->timeout > h->interval)
		ret = sl_fail_at(errors, &h->timeout, "`timeout` is longer than `interval`");
	if (h->kind != LB_PROBE_HTTP && h->status.count > 0)
		ret = sl_fail_at(errors, &h->status, "only a check of kind http has a `status`");
	if (h->kind != LB_PROBE_HTTP)
		return ret;
	if (h->path[0] != '/' || !one_line(h->path) || strchr(h->path, ' ') != NULL)
		ret = sl_fail_at(errors, &h->path, "expected a path that begins with `/`");
	if (h->host != NULL && (h->host[0] == '\0' || !one_line(h->host)))
		ret = sl_fail_at(errors, &h->host, "expected the name of a host");
	return ret;
}

static const struct sl_addr *tunnel_source(const struct lb_config *c, uint8_t family)
{
	for (uint32_t i = 0; i < c->tunnel_source.count; i++)
		if (SL_ITEM(&c->tunnel_source, struct sl_addr, i)->family == family)
			return SL_ITEM(&c->tunnel_source, struct sl_addr, i);
	return NULL;
}

static bool has_ports(const struct lb_service_config *s)
{
	return s->proto == IPPROTO_TCP || s->proto == IPPROTO_UDP;
}

static int check_target(const struct lb_config *c, const struct lb_service_config *s,
			const struct lb_backend_config *b, struct sl_errors *errors)
{
	static const struct rte_ether_addr no_mac;
	bool mac = !rte_is_same_ether_addr(&b->mac, &no_mac);

	if (b->port != 0 && (s->mode != LB_DNAT || !has_ports(s)))
		return sl_fail_at(errors, &b->port,
				  "only mode dnat of tcp or udp can change the port");
	if (s->mode == LB_DIRECT) {
		if (!mac || rte_is_multicast_ether_addr(&b->mac))
			return sl_fail_at(errors, mac ? (const void *)&b->mac : (const void *)b,
					  "mode direct needs the `mac` of each backend");
		return 0;
	}
	if (mac)
		return sl_fail_at(errors, &b->mac, "only mode direct has a use for it");
	if (b->address.family == 0)
		return sl_fail_at(errors, b, "the backend needs an `address`");
	if (!host_address(&b->address))
		return sl_fail_at(errors, &b->address, "expected the address of a host");
	if (s->mode == LB_DNAT && b->address.family != s->address.family)
		return sl_fail_at(errors, &b->address,
				  "mode dnat needs an address of the service's IP version");
	if (s->mode == LB_DNAT && sl_addr_compare(&b->address, &s->address) == 0)
		return sl_fail_at(errors, &b->address, "this is the service's own address");
	if (s->mode == LB_TUNNEL && tunnel_source(c, b->address.family) == NULL)
		return sl_fail_at(errors, &b->address,
				  "mode tunnel needs a `tunnel-source` of this IP version");
	return 0;
}

static int check_backend(const struct lb_config *c, const struct lb_service_config *s, uint32_t i,
			 struct sl_errors *errors)
{
	const struct lb_backend_config *b = SL_ITEM(&s->backends, struct lb_backend_config, i);
	bool checked = (s->given & LB_GIVEN_HEALTH) != 0;
	int ret = check_target(c, s, b, errors);

	if (b->name != NULL && (b->name[0] == '\0' || strlen(b->name) >= LB_NAME))
		ret = sl_fail_at(errors, &b->name, "expected a name of 1 to %d bytes", LB_NAME - 1);
	if (checked && b->address.family == 0 && b->check_address.family == 0)
		ret = sl_fail_at(errors, b, "a check needs an `address` or `check-address`");
	if (checked && s->health.kind != LB_PROBE_ICMP && s->health.port == 0 &&
	    b->check_port == 0 && b->port == 0 && s->port == 0)
		ret = sl_fail_at(errors, b, "which port is to be checked? Give `health` a `port`");
	for (uint32_t j = 0; j < i; j++) {
		const struct lb_backend_config *o =
			SL_ITEM(&s->backends, struct lb_backend_config, j);

		if (b->name != NULL && o->name != NULL && strcmp(b->name, o->name) == 0)
			ret = sl_fail_at(errors, &b->name, "another backend has this name");
		if (s->mode == LB_DIRECT
			    ? rte_is_same_ether_addr(&b->mac, &o->mac)
			    : b->port == o->port && sl_addr_compare(&b->address, &o->address) == 0)
			ret = sl_fail_at(errors, b, "this backend stands here twice");
	}
	return ret;
}

static int check_service(const struct lb_config *c, uint32_t i, struct sl_errors *errors)
{
	const struct lb_service_config *s = SL_ITEM(&c->services, struct lb_service_config, i);
	int ret = check_health(s, errors);

	if (empty_text(s->name) || strlen(s->name) >= LB_NAME)
		ret = sl_fail_at(errors, &s->name, "expected a name of 1 to %d bytes", LB_NAME - 1);
	if (!host_address(&s->address))
		ret = sl_fail_at(errors, &s->address, "expected the address of a host");
	if (s->port != 0 && !has_ports(s) && s->proto != IPPROTO_SCTP)
		ret = sl_fail_at(errors, &s->port, "only tcp, udp and sctp have ports");
	if (lb_is_icmp(s->address.family, (uint8_t)s->proto) && s->proto != LB_PROTO_ANY)
		ret = sl_fail_at(errors, &s->proto, "ICMP is the matter of `echo`");
	for (uint32_t j = 0; j < i; j++) {
		const struct lb_service_config *o =
			SL_ITEM(&c->services, struct lb_service_config, j);

		if (s->name != NULL && o->name != NULL && strcmp(s->name, o->name) == 0)
			ret = sl_fail_at(errors, &s->name, "another service has this name");
		if (sl_addr_compare(&s->address, &o->address) == 0 && s->proto == o->proto &&
		    s->port == o->port)
			ret = sl_fail_at(errors, &s->address,
					 "another service has this address, protocol and port");
	}
	for (uint32_t j = 0; j < s->backends.count; j++)
		ret |= check_backend(c, s, j, errors);
	return ret;
}

static int check_tunnel_source(const struct lb_config *c, struct sl_errors *errors)
{
	int ret = 0;

	for (uint32_t i = 0; i < c->tunnel_source.count; i++) {
		const struct sl_addr *addr = SL_ITEM(&c->tunnel_source, struct sl_addr, i);

		if (!host_address(addr))
			ret = sl_fail_at(errors, addr, "expected the address of a host");
		if (tunnel_source(c, addr->family) != addr)
			ret = sl_fail_at(errors, addr, "at most one IPv4 and one IPv6 address");
	}
	return ret;
}

int sl_lb_check(const void *config, struct sl_errors *errors)
{
	const struct lb_config *c = (const struct lb_config *)config;
	uint32_t backends = 0;
	int ret = check_tunnel_source(c, errors);

	if (!sl_lb_is_prime(c->table_size)) {
		uint64_t prime = c->table_size;

		while (!sl_lb_is_prime(prime))
			prime++;
		ret = sl_fail_at(errors, &c->table_size, "expected a prime; the next is %llu",
				 (unsigned long long)prime);
	}
	if (c->services.count > LB_MOST_SERVICES)
		ret = sl_fail_at(errors, &c->services, "more than %d services", LB_MOST_SERVICES);
	for (uint32_t i = 0; i < c->services.count; i++) {
		const struct lb_service_config *s =
			SL_ITEM(&c->services, struct lb_service_config, i);

		ret |= check_service(c, i, errors);
		backends += s->backends.count;
	}
	if (backends > LB_MOST_BACKENDS)
		ret = sl_fail_at(errors, &c->services, "more than %d backends", LB_MOST_BACKENDS);
	return ret == 0 ? 0 : -EINVAL;
}
