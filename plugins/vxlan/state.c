/* SPDX-License-Identifier: BSD-3-Clause */
/* Learned stations as records, for other code: each with the peer that it is behind, which has none
 * of its own as it lives no longer than its stations. */
#include <errno.h>

#include "vxlan.h"

/* How many slots one slice looks at. */
#define MOST_SLOTS 2048

/* Integers little-endian, addresses in network order. */
struct station_record {
	uint8_t mac[6];
	uint16_t family; /* of the peer: 4 or 6 */
	uint32_t vni;
	uint32_t zero;
	uint8_t peer[16];
	uint64_t age; /* ms since it was heard */
};

static_assert(sizeof(struct station_record) == 40, "it has no padding");

static bool tell(const struct vx_worker *w, const struct vx_mac *mac, struct sl_export *out)
{
	struct station_record *r = (struct station_record *)sl_export_record(out, sizeof(*r));

	if (r == NULL)
		return false;
	memcpy(r->mac, &mac->key, sizeof(r->mac));
	r->family = w->vx->ipv4 ? 4 : 6;
	r->vni = w->vx->tunnels[mac->key >> 48].vni;
	memcpy(r->peer, w->peers[mac->peer].address, w->vx->address_size);
	r->age = sl_age_ms(w->node, mac->seen);
	return true;
}

void sl_vx_export(struct sl_node *node, struct sl_export *out)
{
	struct vx_worker *w = vx_enter(node);
	uint32_t slot = (uint32_t)out->cursor, end = w->vx->stations ? w->vx->mac_room : 0;
	uint32_t most = MOST_SLOTS;

	for (; sl_export_slot(out, w->changed, &slot, end, &most); slot++) {
		const struct vx_mac *mac = &w->macs[slot];

		if (mac->peer != SL_NO_SLOT && mac->seen != VX_FIXED && !tell(w, mac, out))
			break;
		sl_unmark(w->changed, slot);
	}
	out->cursor = slot < end ? slot : UINT64_MAX;
}

int sl_vx_import(struct sl_node *node, uint32_t version, const void *record, uint32_t size,
		 struct sl_errors *errors)
{
	struct vx_worker *w = vx_enter(node);
	const struct vx *vx = w->vx;
	const struct station_record *r = (const struct station_record *)record;
	uint64_t address[2] = {0, 0};
	struct rte_ether_addr mac;
	uint16_t tunnel;

	if (version != VX_STATE_VERSION || size != sizeof(*r) || (r->family != 4 && r->family != 6))
		return -EPROTO;
	memcpy(&mac, r->mac, sizeof(mac));
	tunnel = r->vni < 1u << 24 ? sl_vx_find_vni(vx, r->vni) : VX_NONE;
	if (!vx->stations || !vx->params->learn || tunnel == VX_NONE ||
	    vx->ipv4 != (r->family == 4) || rte_is_multicast_ether_addr(&mac))
		return SL_IMPORT_VOID;
	if (sl_vx_station_worker(r->mac, node->workers) != node->worker)
		return SL_IMPORT_ELSEWHERE;
	memcpy(address, r->peer, vx->address_size);
	if (!sl_vx_station_set(w, vx_mac_key(&mac, tunnel), address, sl_ago(node, r->age)))
		return sl_fail(errors, ENOSPC, "%s: no room for a station that it knew",
			       sl_instance_name(node->instance));
	return SL_IMPORT_TAKEN;
}
