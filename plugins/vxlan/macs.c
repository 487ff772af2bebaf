/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's stations: which peer each MAC address of a tunnel is behind. Learned ones stand in a
 * list from the one that was heard last to the one that was not heard for the longest; it ages from
 * that end, and that end makes room in a full table.
 *
 * Fused flows to a station hang on its anchor and are cut when it moves or is forgotten. What comes
 * from a station always passes here (SL_NODE_DECAPSULATES), so that its age needs no credit().
 */
#include <errno.h>

#include "vxlan.h"

/* Stations forgotten in one tick, at most. */
#define MOST_AGED 256

static void list_add(struct vx_worker *w, uint32_t slot)
{
	struct vx_mac *mac = &w->macs[slot];

	mac->prev = SL_NO_SLOT;
	mac->next = w->newest;
	if (w->newest != SL_NO_SLOT)
		w->macs[w->newest].prev = slot;
	else
		w->oldest = slot;
	w->newest = slot;
}

static void list_remove(struct vx_worker *w, uint32_t slot)
{
	const struct vx_mac *mac = &w->macs[slot];

	if (mac->prev != SL_NO_SLOT)
		w->macs[mac->prev].next = mac->next;
	else
		w->newest = mac->next;
	if (mac->next != SL_NO_SLOT)
		w->macs[mac->next].prev = mac->prev;
	else
		w->oldest = mac->prev;
}

static uint32_t take_slot(struct vx_worker *w)
{
	uint32_t slot;

	if (w->mac_free == SL_NO_SLOT) {
		if (w->vx->params->table_full != VX_REPLACE || w->oldest == SL_NO_SLOT)
			return SL_NO_SLOT;
		sl_vx_forget(w, w->oldest);
		sl_count(w->node, VX_REPLACED, 1);
	}
	slot = w->mac_free;
	w->mac_free = w->macs[slot].next;
	return slot;
}

static void learn(struct vx_worker *w, uint64_t key, uint32_t hash, const uint64_t address[2])
{
	uint32_t slot, peer;

	/* A key of this burst may have been added by an earlier packet of it. */
	if (sl_index_find(w->mac_index, &key, hash) != SL_NO_SLOT)
		return;
	slot = take_slot(w);
	if (slot == SL_NO_SLOT) {
		sl_count(w->node, VX_MACS_FULL, 1);
		return;
	}
	peer = sl_vx_peer_learn(w, address);
	if (peer == SL_NO_SLOT) {
		w->macs[slot].next = w->mac_free;
		w->mac_free = slot;
		sl_count(w->node, VX_PEERS_FULL, 1);
		return;
	}
	w->macs[slot] = (struct vx_mac){.key = key, .seen = w->now, .peer = peer};
	w->peers[peer].stations++;
	list_add(w, slot);
	sl_index_add(w->mac_index, hash, slot);
	sl_mark(w->changed, slot);
	sl_count(w->node, VX_LEARNED, 1);
}

static void move(struct vx_worker *w, uint32_t slot, const uint64_t address[2])
{
	struct vx_mac *mac = &w->macs[slot];
	uint32_t peer = sl_vx_peer_learn(w, address);

	if (peer == SL_NO_SLOT) {
		/* It is not where it was: rather flooded to than sent astray. */
		sl_vx_forget(w, slot);
		sl_count(w->node, VX_PEERS_FULL, 1);
		return;
	}
	sl_anchor_cut(w->node, &mac->anchor);
	w->peers[peer].stations++;
	sl_vx_peer_put(w, mac->peer);
	mac->peer = peer;
	sl_mark(w->changed, slot);
	sl_count(w->node, VX_MOVED, 1);
}

void sl_vx_heard(struct vx_worker *w, uint64_t key, uint32_t hash, uint32_t slot,
		 const uint64_t address[2])
{
	struct vx_mac *mac;
	const struct vx_peer *peer;

	/* An earlier packet of the burst may have pushed it out. */
	if (slot == SL_NO_SLOT || w->macs[slot].key != key || w->macs[slot].peer == SL_NO_SLOT) {
		learn(w, key, hash, address);
		return;
	}
	mac = &w->macs[slot];
	if (mac->seen == VX_FIXED)
		return;
	peer = &w->peers[mac->peer];
	if (unlikely(peer->address[0] != address[0] || peer->address[1] != address[1])) {
		move(w, slot, address);
		if (mac->peer == SL_NO_SLOT)
			return;
	} else if (likely(w->now - mac->seen < w->refresh)) {
		return;
	}
	mac->seen = w->now;
	list_remove(w, slot);
	list_add(w, slot);
}

void sl_vx_forget(struct vx_worker *w, uint32_t slot)
{
	struct vx_mac *mac = &w->macs[slot];

	sl_anchor_cut(w->node, &mac->anchor);
	sl_index_remove(w->mac_index, sl_index_hash(&mac->key, sizeof(mac->key)), slot);
	list_remove(w, slot);
	sl_vx_peer_put(w, mac->peer);
	mac->peer = SL_NO_SLOT;
	mac->next = w->mac_free;
	w->mac_free = slot;
}

/* They come in any order: one that was heard longer ago than its neighbours in the list is
 * forgotten with the last of those before it, a timeout late at most. */
bool sl_vx_station_set(struct vx_worker *w, uint64_t key, const uint64_t address[2], uint64_t seen)
{
	uint32_t hash = sl_index_hash(&key, sizeof(key));

	sl_vx_heard(w, key, hash, sl_index_find(w->mac_index, &key, hash), address);
	hash = sl_index_find(w->mac_index, &key, hash);
	if (hash == SL_NO_SLOT)
		return false;
	if (w->macs[hash].seen != VX_FIXED)
		w->macs[hash].seen = seen;
	return true;
}

void sl_vx_tick(struct sl_node *node)
{
	struct vx_worker *w = vx_enter(node);

	for (uint32_t i = 0; i < MOST_AGED && w->oldest != SL_NO_SLOT; i++) {
		if (w->now - w->macs[w->oldest].seen < w->vx->mac_timeout)
			break;
		sl_vx_forget(w, w->oldest);
		sl_count(node, VX_AGED, 1);
	}
}

static void add_fixed(struct vx_worker *w, const struct vx_station_params *station)
{
	uint32_t slot = w->mac_free;
	struct vx_mac *mac = &w->macs[slot];
	uint64_t address[2] = {0, 0};

	w->mac_free = mac->next;
	memcpy(address, station->peer.bytes, w->vx->address_size);
	mac->key = vx_mac_key(&station->mac, sl_vx_find_vni(w->vx, (uint32_t)station->vni));
	mac->seen = VX_FIXED;
	mac->peer = sl_vx_peer_find(w, address);
	w->peers[mac->peer].stations++;
	sl_index_add(w->mac_index, sl_index_hash(&mac->key, sizeof(mac->key)), slot);
}

int sl_vx_macs_init(struct vx_worker *w, struct sl_instance *instance, struct sl_errors *errors)
{
	const struct vx *vx = w->vx;
	struct sl_index_shape shape = {
		.capacity = vx->mac_room,
		.key_size = sizeof(w->macs->key),
		.stride = sizeof(struct vx_mac),
		.key_offset = offsetof(struct vx_mac, key),
	};

	w->mac_free = w->newest = w->oldest = SL_NO_SLOT;
	w->refresh = RTE_MIN(sl_hz(), vx->mac_timeout / 8);
	if (!vx->stations)
		return 0;
	w->macs = (struct vx_mac *)sl_alloc_table(instance, vx->mac_room * sizeof(*w->macs));
	w->changed =
		(uint64_t *)sl_alloc(instance, sl_mark_words(vx->mac_room) * sizeof(*w->changed));
	if (w->macs == NULL || w->changed == NULL)
		return sl_fail(errors, ENOMEM, "no memory for %u stations", vx->mac_room);
	shape.slots = w->macs;
	w->mac_index = sl_index_create(instance, &shape, errors);
	if (w->mac_index == NULL)
		return -ENOMEM;
	for (uint32_t i = vx->mac_room; i-- > 0;) {
		w->macs[i].peer = SL_NO_SLOT;
		w->macs[i].next = w->mac_free;
		w->mac_free = i;
	}
	for (uint32_t i = 0; i < vx->params->stations.count; i++)
		add_fixed(w, SL_ITEM(&vx->params->stations, struct vx_station_params, i));
	return 0;
}
