/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parameter table cannot say. */
#include <errno.h>
#include <string.h>

#include "params.h"

/* Told apart from the others: by path and VLAN. */
static bool same_selector(const struct vx_tunnel_params *a, const struct vx_tunnel_params *b)
{
	uint64_t path = VX_GIVEN_TUNNEL_PATH;

	return (a->given & path) == (b->given & path) && a->vlan == b->vlan &&
	       ((a->given & path) == 0 || a->path == b->path);
}

static bool is_unicast(const struct sl_addr *addr)
{
	static const struct sl_addr none;

	if (memcmp(addr->bytes, none.bytes, sizeof(none.bytes)) == 0)
		return false;
	return addr->family == SL_FAMILY_IPV4 ? addr->bytes[0] < 224 : addr->bytes[0] != 0xff;
}

static int check_peer(const struct vx_params *p, const struct sl_addr *peer,
		      struct sl_errors *errors)
{
	if (peer->family != p->local.family)
		return sl_fail_at(errors, peer, "a peer must be of the same family as `local`");
	if (!is_unicast(peer))
		return sl_fail_at(errors, peer,
				  "a peer must be a unicast address; name several to replicate");
	if (sl_addr_compare(peer, &p->local) == 0)
		return sl_fail_at(errors, peer, "a peer must not be `local` itself");
	return 0;
}

static int check_peers(const struct vx_params *p, const struct sl_list *peers,
		       struct sl_errors *errors)
{
	int result = 0;

	for (uint32_t i = 0; i < peers->count; i++) {
		const struct sl_addr *peer = SL_ITEM(peers, struct sl_addr, i);

		if (check_peer(p, peer, errors) != 0)
			result = -EINVAL;
		for (uint32_t j = 0; j < i; j++)
			if (sl_addr_compare(peer, SL_ITEM(peers, struct sl_addr, j)) == 0) {
				result = sl_fail_at(errors, peer, "the peer is named twice");
				break;
			}
	}
	return result;
}

/* peers: those that a tunnel has in the end. */
static int check_way(const struct vx_params *p, const struct sl_list *peers, const void *field,
		     struct sl_errors *errors)
{
	if (p->payload == VX_IP && peers->count != 1)
		return sl_fail_at(errors, field, "with `payload: ip` a tunnel has one peer");
	if (peers->count == 0 && !p->learn && p->stations.count == 0)
		return sl_fail_at(errors, field,
				  "a tunnel needs `peers`, `stations` or `learn: true`");
	return 0;
}

static int check_tunnels(const struct vx_params *p, struct sl_errors *errors)
{
	int result = 0;

	if (p->tunnels.count > 4096)
		return sl_fail_at(errors, &p->tunnels, "at most 4096 tunnels");
	for (uint32_t i = 0; i < p->tunnels.count; i++) {
		const struct vx_tunnel_params *t = SL_ITEM(&p->tunnels, struct vx_tunnel_params, i);
		bool own = (t->given & VX_GIVEN_TUNNEL_PEERS) != 0;

		if (check_peers(p, &t->peers, errors) != 0 ||
		    check_way(p, own ? &t->peers : &p->peers, &t->vni, errors) != 0)
			result = -EINVAL;
		for (uint32_t j = 0; j < i; j++) {
			const struct vx_tunnel_params *u =
				SL_ITEM(&p->tunnels, struct vx_tunnel_params, j);

			if (t->vni == u->vni)
				result =
					sl_fail_at(errors, &t->vni, "the VNI has a tunnel already");
			else if (same_selector(t, u))
				result = sl_fail_at(errors, &t->vni,
						    "tell the tunnel apart from that of VNI %u by "
						    "`path` or `vlan`",
						    (unsigned int)u->vni);
			else
				continue;
			break;
		}
	}
	return result;
}

static bool has_vni(const struct vx_params *p, uint64_t vni)
{
	if (p->tunnels.count == 0)
		return p->vni == vni;
	for (uint32_t i = 0; i < p->tunnels.count; i++)
		if (SL_ITEM(&p->tunnels, struct vx_tunnel_params, i)->vni == vni)
			return true;
	return false;
}

static int check_stations(const struct vx_params *p, struct sl_errors *errors)
{
	int result = 0;

	for (uint32_t i = 0; i < p->stations.count; i++) {
		const struct vx_station_params *s =
			SL_ITEM(&p->stations, struct vx_station_params, i);

		if (check_peer(p, &s->peer, errors) != 0)
			result = -EINVAL;
		if (rte_is_multicast_ether_addr(&s->mac) || rte_is_zero_ether_addr(&s->mac))
			result = sl_fail_at(errors, &s->mac, "a station has a unicast address");
		if (!has_vni(p, s->vni))
			result = sl_fail_at(errors, &s->vni, "there is no tunnel with this VNI");
		for (uint32_t j = 0; j < i; j++) {
			const struct vx_station_params *o =
				SL_ITEM(&p->stations, struct vx_station_params, j);

			if (o->vni == s->vni && rte_is_same_ether_addr(&o->mac, &s->mac)) {
				result = sl_fail_at(errors, &s->mac, "the station is named twice");
				break;
			}
		}
	}
	return result;
}

/* Parameters of one family, or of one mode, only. */
static int check_modes(const struct vx_params *p, struct sl_errors *errors)
{
	bool ipv4 = p->local.family == SL_FAMILY_IPV4;
	int result = 0;

	if (!is_unicast(&p->local))
		result = sl_fail_at(errors, &p->local, "`local` must be a unicast address");
	if (!ipv4 && vx_given(p, VX_GIVEN_UDP_CHECKSUM))
		result = sl_fail_at(errors, &p->udp_checksum,
				    "`udp-checksum` is for IPv4; IPv6 has them unless "
				    "`zero-checksum` is true");
	if (ipv4 && vx_given(p, VX_GIVEN_ZERO_CHECKSUM))
		result = sl_fail_at(errors, &p->zero_checksum,
				    "`zero-checksum` is for IPv6; IPv4 has none unless "
				    "`udp-checksum` is true");
	if (!ipv4 && vx_given(p, VX_GIVEN_DONT_FRAGMENT))
		result = sl_fail_at(errors, &p->dont_fragment, "`dont-fragment` is for IPv4");
	if (p->payload == VX_IP && !p->gpe)
		result = sl_fail_at(errors, &p->payload, "`payload: ip` needs `gpe: true`");
	if (p->payload == VX_IP && p->stations.count != 0)
		result = sl_fail_at(errors, &p->stations,
				    "with `payload: ip` there are no stations");
	if (p->payload == VX_IP && vx_given(p, VX_GIVEN_LEARN) && p->learn)
		result = sl_fail_at(errors, &p->learn,
				    "with `payload: ip` there are no stations to learn");
	return result;
}

int sl_vx_check(const void *config, struct sl_errors *errors)
{
	const struct vx_params *p = (const struct vx_params *)config;
	int result = check_modes(p, errors);

	if (check_peers(p, &p->peers, errors) != 0)
		result = -EINVAL;
	if (vx_given(p, VX_GIVEN_VNI) && check_way(p, &p->peers, &p->vni, errors) != 0)
		result = -EINVAL;
	if (check_tunnels(p, errors) != 0 || check_stations(p, errors) != 0)
		result = -EINVAL;
	return result;
}
