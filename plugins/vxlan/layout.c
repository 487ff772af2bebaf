/* SPDX-License-Identifier: BSD-3-Clause */
/* What the configuration means: tunnels and how they are found, peers and their slots. */
#include <errno.h>

#include "vxlan.h"

#define VLANS 4096

static uint64_t ticks(uint64_t nanoseconds)
{
	uint64_t hz = sl_hz();

	return nanoseconds / 1000000000 * hz + nanoseconds % 1000000000 * hz / 1000000000;
}

static uint32_t vni_slot(const struct vx *vx, uint32_t vni)
{
	return vni * 0x9e3779b1u >> 8 & vx->vni_mask;
}

uint16_t sl_vx_find_vni(const struct vx *vx, uint32_t vni)
{
	uint32_t at = vni_slot(vx, vni);

	while (vx->by_vni[at] != VX_NONE) {
		if (vx->tunnels[vx->by_vni[at]].vni == vni)
			return vx->by_vni[at];
		at = (at + 1) & vx->vni_mask;
	}
	return VX_NONE;
}

static void add_vni(struct vx *vx, uint16_t tunnel)
{
	uint32_t at = vni_slot(vx, vx->tunnels[tunnel].vni);

	while (vx->by_vni[at] != VX_NONE)
		at = (at + 1) & vx->vni_mask;
	vx->by_vni[at] = tunnel;
}

/* Slot of a configured peer; a new one for one that was not named before. */
static uint16_t peer_slot(struct vx *vx, const struct sl_addr *addr)
{
	uint32_t i = 0;

	while (i < vx->peer_count && sl_addr_compare(&vx->peers[i], addr) != 0)
		i++;
	if (i == vx->peer_count)
		vx->peers[vx->peer_count++] = *addr;
	return (uint16_t)i;
}

/* How many peers the configuration names, each as often as it stands there. */
static uint32_t count_peers(const struct vx_params *p)
{
	uint32_t count = p->peers.count + p->stations.count;

	for (uint32_t i = 0; i < p->tunnels.count; i++)
		count += SL_ITEM(&p->tunnels, struct vx_tunnel_params, i)->peers.count;
	return count;
}

static int fill_peers(struct sl_instance *instance, struct vx *vx, struct vx_tunnel *tunnel,
		      const struct sl_list *peers)
{
	uint16_t *slots;

	if (peers->count == 0)
		return 0;
	slots = (uint16_t *)sl_alloc(instance, peers->count * sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < peers->count; i++)
		slots[i] = peer_slot(vx, SL_ITEM(peers, struct sl_addr, i));
	tunnel->peers = slots;
	tunnel->peer_count = (uint16_t)peers->count;
	return 0;
}

/* Which frames from inside take the tunnel. */
static int select_by(struct sl_instance *instance, struct vx *vx, uint16_t number)
{
	const struct vx_tunnel *tunnel = &vx->tunnels[number];
	uint16_t **by_vlan = &vx->by_vlan[tunnel->edge];

	if (tunnel->vlan == 0) {
		vx->by_path[tunnel->edge] = number;
		return 0;
	}
	if (*by_vlan == NULL) {
		*by_vlan = (uint16_t *)sl_alloc(instance, VLANS * sizeof(**by_vlan));
		if (*by_vlan == NULL)
			return -ENOMEM;
		memset(*by_vlan, 0xff, VLANS * sizeof(**by_vlan));
	}
	(*by_vlan)[tunnel->vlan] = number;
	return 0;
}

static int fill_tunnels(struct sl_instance *instance, struct vx *vx)
{
	const struct vx_params *p = vx->params;

	for (uint32_t i = 0; i < vx->tunnel_count; i++) {
		struct vx_tunnel *tunnel = &vx->tunnels[i];
		const struct sl_list *peers = &p->peers;

		if (p->tunnels.count != 0) {
			const struct vx_tunnel_params *t =
				SL_ITEM(&p->tunnels, struct vx_tunnel_params, i);

			tunnel->vni = (uint32_t)t->vni;
			tunnel->vlan = (uint16_t)t->vlan;
			tunnel->edge = t->given & VX_GIVEN_TUNNEL_PATH ? (uint8_t)t->path : SL_ON;
			if (t->given & VX_GIVEN_TUNNEL_PEERS)
				peers = &t->peers;
		} else {
			tunnel->vni = (uint32_t)p->vni;
		}
		if (fill_peers(instance, vx, tunnel, peers) != 0 ||
		    select_by(instance, vx, (uint16_t)i) != 0)
			return -ENOMEM;
		add_vni(vx, (uint16_t)i);
	}
	for (uint32_t i = 0; i < p->stations.count; i++)
		peer_slot(vx, &SL_ITEM(&p->stations, struct vx_station_params, i)->peer);
	return 0;
}

/* Offsets and sizes of what is put before a frame. */
static void shape_header(struct vx *vx)
{
	const struct vx_params *p = vx->params;

	vx->ipv4 = p->local.family == SL_FAMILY_IPV4;
	vx->address_size = vx->ipv4 ? 4 : 16;
	memcpy(vx->local, p->local.bytes, vx->address_size);
	vx->l3 = sizeof(struct rte_ether_hdr) +
		 (p->underlay.vlan != 0 ? sizeof(struct rte_vlan_hdr) : 0);
	vx->l4 = vx->l3 + (vx->ipv4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr));
	vx->header_length = vx->l4 + sizeof(struct rte_udp_hdr) + sizeof(struct vx_header);
	vx->overhead = vx->header_length - vx->l3;
	vx->checksum = vx->ipv4 ? p->udp_checksum : !p->zero_checksum;
	vx->port = (uint16_t)p->port;
	if (!vx_given(p, VX_GIVEN_PORT))
		vx->port = p->gpe ? 4790 : 4789;
	vx->first_source = (uint16_t)p->source_ports.first;
	vx->source_count = (uint16_t)RTE_MIN(p->source_ports.last - p->source_ports.first + 1,
					     (uint32_t)UINT16_MAX);
}

static void size_tables(struct sl_instance *instance, struct vx *vx)
{
	const struct vx_params *p = vx->params;
	uint32_t workers = RTE_MAX(sl_instance_workers(instance), 1u);
	bool learn = p->learn && p->payload == VX_ETHERNET;

	vx->stations = learn || p->stations.count != 0;
	vx->peer_room = vx->peer_count + (learn ? (uint32_t)p->learned_peers : 0);
	vx->mac_room = p->stations.count;
	if (learn)
		vx->mac_room += ((uint32_t)p->macs + workers - 1) / workers;
	vx->mac_timeout = ticks(p->mac_timeout);
	vx->icmp_gap = p->too_big == VX_SILENT ? 0 : RTE_MAX(sl_hz() / p->icmp_rate, 1u);
}

int sl_vx_layout(struct sl_instance *instance, struct vx *vx, struct sl_errors *errors)
{
	const struct vx_params *p = vx->params;
	uint32_t size;

	vx->tunnel_count = p->tunnels.count != 0 ? p->tunnels.count : 1;
	size = rte_align32pow2(vx->tunnel_count * 2);
	vx->vni_mask = size - 1;
	vx->tunnels =
		(struct vx_tunnel *)sl_alloc(instance, vx->tunnel_count * sizeof(*vx->tunnels));
	vx->by_vni = (uint16_t *)sl_alloc(instance, size * sizeof(*vx->by_vni));
	vx->peers = (struct sl_addr *)sl_alloc(instance, (count_peers(p) + 1) * sizeof(*vx->peers));
	if (vx->tunnels == NULL || vx->by_vni == NULL || vx->peers == NULL)
		return sl_fail(errors, ENOMEM, "no memory for %u tunnels", vx->tunnel_count);
	memset(vx->by_vni, 0xff, size * sizeof(*vx->by_vni));
	memset(vx->by_path, 0xff, sizeof(vx->by_path));
	if (fill_tunnels(instance, vx) != 0)
		return sl_fail(errors, ENOMEM, "no memory for %u tunnels", vx->tunnel_count);
	if (vx->peer_count >= VX_NONE)
		return sl_fail_at(errors, &p->peers, "at most %u peers", VX_NONE - 1);
	shape_header(vx);
	size_tables(instance, vx);
	return 0;
}
