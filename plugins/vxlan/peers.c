/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's peers: the configured ones, then those learned from where packets came. */
#include <errno.h>

#include "vxlan.h"

static uint32_t hash_of(const uint64_t address[2])
{
	return sl_index_hash(address, 2 * sizeof(uint64_t));
}

uint32_t sl_vx_peer_find(struct vx_worker *w, const uint64_t address[2])
{
	const struct vx_peer *last = &w->peers[w->last_peer];

	/* Packets of a burst mostly come from one peer. */
	if (likely(last->used && last->address[0] == address[0] && last->address[1] == address[1]))
		return w->last_peer;
	return sl_index_find(w->peer_index, address, hash_of(address));
}

/* The key is written, the slot is not in the index. */
static void start(struct vx_worker *w, uint32_t slot, const uint64_t address[2])
{
	struct vx_peer *peer = &w->peers[slot];

	memset(peer, 0, sizeof(*peer));
	peer->address[0] = address[0];
	peer->address[1] = address[1];
	peer->used = true;
	sl_vx_header_build(w->vx, peer, address);
	/* There is room: the index holds as many as there are slots. */
	sl_index_add(w->peer_index, hash_of(address), slot);
}

uint32_t sl_vx_peer_learn(struct vx_worker *w, const uint64_t address[2])
{
	uint32_t slot = sl_vx_peer_find(w, address);

	if (slot == SL_NO_SLOT && w->peer_free != SL_NO_SLOT) {
		slot = w->peer_free;
		w->peer_free = w->peers[slot].next;
		start(w, slot, address);
	}
	if (slot != SL_NO_SLOT)
		w->last_peer = slot;
	return slot;
}

void sl_vx_peer_put(struct vx_worker *w, uint32_t slot)
{
	struct vx_peer *peer = &w->peers[slot];

	if (--peer->stations != 0 || slot < w->vx->peer_count)
		return;
	sl_index_remove(w->peer_index, hash_of(peer->address), slot);
	peer->used = false;
	peer->next = w->peer_free;
	w->peer_free = slot;
}

int sl_vx_peers_init(struct vx_worker *w, struct sl_instance *instance, struct sl_errors *errors)
{
	const struct vx *vx = w->vx;
	uint32_t room = RTE_MAX(vx->peer_room, 1u);
	struct sl_index_shape shape = {
		.capacity = room,
		.key_size = sizeof(w->peers->address),
		.stride = sizeof(struct vx_peer),
		.key_offset = offsetof(struct vx_peer, address),
	};

	w->peers = (struct vx_peer *)sl_alloc_table(instance, room * sizeof(*w->peers));
	if (w->peers == NULL)
		return sl_fail(errors, ENOMEM, "no memory for %u peers", room);
	shape.slots = w->peers;
	w->peer_index = sl_index_create(instance, &shape, errors);
	if (w->peer_index == NULL)
		return -ENOMEM;
	w->peer_free = SL_NO_SLOT;
	for (uint32_t i = vx->peer_room; i-- > vx->peer_count;) {
		w->peers[i].next = w->peer_free;
		w->peer_free = i;
	}
	for (uint32_t i = 0; i < vx->peer_count; i++) {
		uint64_t address[2] = {0, 0};

		memcpy(address, vx->peers[i].bytes, vx->address_size);
		start(w, i, address);
	}
	return 0;
}
