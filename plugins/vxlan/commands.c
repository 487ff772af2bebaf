/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator can ask: tunnels, peers, stations; and forgetting stations. */
#include <stdio.h>

#include "vxlan.h"

/* How many slots one call of collect() looks at. */
#define MOST_VISITED 512

static void render_tally(struct sl_json *out, const struct vx_tally *tally)
{
	sl_json_int(out, "sent-packets", (int64_t)sl_tally_read(&tally->sent_packets));
	sl_json_int(out, "sent-bytes", (int64_t)sl_tally_read(&tally->sent_bytes));
	sl_json_int(out, "received-packets", (int64_t)sl_tally_read(&tally->received_packets));
	sl_json_int(out, "received-bytes", (int64_t)sl_tally_read(&tally->received_bytes));
}

static struct sl_addr address_of(const struct vx *vx, const uint64_t address[2])
{
	struct sl_addr addr = {.family = vx->ipv4 ? SL_FAMILY_IPV4 : SL_FAMILY_IPV6};

	memcpy(addr.bytes, address, vx->address_size);
	return addr;
}

/* ---- vnis ---- */

static void sum_tally(struct vx_tally *sum, const struct vx_tally *tally)
{
	sum->sent_packets += sl_tally_read(&tally->sent_packets);
	sum->sent_bytes += sl_tally_read(&tally->sent_bytes);
	sum->received_packets += sl_tally_read(&tally->received_packets);
	sum->received_bytes += sl_tally_read(&tally->received_bytes);
}

static int show_vnis(struct sl_instance *instance, const void *args, struct sl_json *out,
		     struct sl_errors *errors)
{
	const struct vx *vx = (const struct vx *)sl_instance_data(instance);
	struct sl_json *rows = sl_json_array(out, "vnis");

	(void)args, (void)errors;
	for (uint32_t i = 0; i < vx->tunnel_count; i++) {
		const struct vx_tunnel *tunnel = &vx->tunnels[i];
		struct sl_json *row = sl_json_object(rows, NULL);
		struct vx_tally sum = {0};

		for (uint32_t w = 0; w < sl_instance_workers(instance); w++) {
			const struct vx_worker *worker =
				(const struct vx_worker *)sl_instance_state(instance, w);

			if (worker != NULL && worker->tallies != NULL)
				sum_tally(&sum, &worker->tallies[i]);
		}
		sl_json_int(row, "vni", tunnel->vni);
		if (tunnel->edge != SL_ON)
			sl_json_int(row, "path-edge", tunnel->edge);
		if (tunnel->vlan != 0)
			sl_json_int(row, "vlan", tunnel->vlan);
		sl_json_int(row, "peers", tunnel->peer_count);
		render_tally(row, &sum);
	}
	return 0;
}

/* ---- peers ---- */

struct peer_record {
	uint64_t address[2];
	struct vx_tally tally;
	uint32_t stations;
	uint16_t worker;
	bool configured;
};

static uint32_t collect_peers(struct sl_node *node, const void *args, uint64_t *cursor, void *out,
			      uint32_t room)
{
	const struct vx_worker *w = vx_enter(node);
	struct peer_record *records = (struct peer_record *)out;
	uint32_t count = 0;

	(void)args;
	for (uint32_t i = 0; i < MOST_VISITED && count < room; i++) {
		const struct vx_peer *peer;

		if (*cursor >= w->vx->peer_room) {
			*cursor = UINT64_MAX;
			break;
		}
		peer = &w->peers[(*cursor)++];
		if (!peer->used)
			continue;
		records[count++] = (struct peer_record){
			.address = {peer->address[0], peer->address[1]},
			.tally = peer->tally,
			.stations = peer->stations,
			.worker = node->worker,
			.configured = *cursor <= w->vx->peer_count,
		};
	}
	return count;
}

static void render_peer(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	const struct vx *vx = (const struct vx *)sl_instance_data(instance);
	const struct peer_record *r = (const struct peer_record *)record;
	struct sl_addr address = address_of(vx, r->address);

	sl_json_addr(out, "peer", &address);
	sl_json_bool(out, "configured", r->configured);
	sl_json_int(out, "stations", r->stations);
	render_tally(out, &r->tally);
	sl_json_int(out, "worker", r->worker);
}

/* ---- macs, clear ---- */

struct mac_args {
	uint64_t given;
	uint64_t vni;
	struct rte_ether_addr mac;
	struct sl_addr peer;
};

enum { GIVEN_VNI = 1 << 0, GIVEN_MAC = 1 << 1, GIVEN_PEER = 1 << 2 };

static const struct sl_param mac_params[] = {
	{.name = "vni",
	 .kind = SL_UINT,
	 .offset = offsetof(struct mac_args, vni),
	 .max = 16777215,
	 .doc = "Only those of this tunnel."},
	{.name = "mac",
	 .kind = SL_MAC,
	 .offset = offsetof(struct mac_args, mac),
	 .doc = "Only this station."},
	{.name = "peer",
	 .kind = SL_ADDR,
	 .offset = offsetof(struct mac_args, peer),
	 .doc = "Only those behind this peer."},
	{0},
};

struct mac_record {
	uint64_t key;
	uint64_t address[2];
	uint64_t idle;
	uint32_t vni;
	uint16_t worker;
	bool fixed;
};

static bool wanted(const struct mac_args *args, const struct mac_record *r)
{
	uint64_t address[2] = {0, 0};

	if (args == NULL)
		return true;
	if (((args->given & GIVEN_VNI) != 0 && args->vni != r->vni) ||
	    ((args->given & GIVEN_MAC) != 0 && vx_mac_key(&args->mac, 0) != r->key << 16 >> 16))
		return false;
	if ((args->given & GIVEN_PEER) == 0)
		return true;
	memcpy(address, args->peer.bytes, args->peer.family == SL_FAMILY_IPV4 ? 4 : 16);
	return memcmp(address, r->address, sizeof(address)) == 0;
}

static uint32_t visit_macs(struct sl_node *node, const struct mac_args *args, uint64_t *cursor,
			   struct mac_record *records, uint32_t room, bool forget)
{
	struct vx_worker *w = vx_enter(node);
	uint32_t count = 0;

	for (uint32_t i = 0; i < MOST_VISITED && count < room; i++) {
		uint32_t slot = (uint32_t)*cursor;
		const struct vx_mac *mac;

		if (w->macs == NULL || slot >= w->vx->mac_room) {
			*cursor = UINT64_MAX;
			break;
		}
		(*cursor)++;
		mac = &w->macs[slot];
		if (mac->peer == SL_NO_SLOT || (forget && mac->seen == VX_FIXED))
			continue;
		records[count] = (struct mac_record){
			.key = mac->key,
			.address = {w->peers[mac->peer].address[0], w->peers[mac->peer].address[1]},
			.idle = mac->seen == VX_FIXED ? 0 : w->now - mac->seen,
			.vni = w->vx->tunnels[mac->key >> 48].vni,
			.worker = node->worker,
			.fixed = mac->seen == VX_FIXED,
		};
		if (!wanted(args, &records[count]))
			continue;
		count++;
		if (forget)
			sl_vx_forget(w, slot);
	}
	return count;
}

static uint32_t collect_macs(struct sl_node *node, const void *args, uint64_t *cursor,
			     void *records, uint32_t room)
{
	return visit_macs(node, (const struct mac_args *)args, cursor, (struct mac_record *)records,
			  room, false);
}

static uint32_t clear_macs(struct sl_node *node, const void *args, uint64_t *cursor, void *records,
			   uint32_t room)
{
	return visit_macs(node, (const struct mac_args *)args, cursor, (struct mac_record *)records,
			  room, true);
}

static void render_mac(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	const struct vx *vx = (const struct vx *)sl_instance_data(instance);
	const struct mac_record *r = (const struct mac_record *)record;
	struct sl_addr peer = address_of(vx, r->address);
	const uint8_t *b = (const uint8_t *)&r->key;
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
		 b[5]);
	sl_json_int(out, "vni", r->vni);
	sl_json_text(out, "mac", text);
	sl_json_addr(out, "peer", &peer);
	sl_json_bool(out, "configured", r->fixed);
	if (!r->fixed)
		sl_json_real(out, "idle", (double)r->idle / (double)sl_hz());
	sl_json_int(out, "worker", r->worker);
}

const struct sl_command sl_vx_commands[] = {
	{.name = "vnis",
	 .doc = "Tunnels, and the frames that went through them.",
	 .show = show_vnis},
	{.name = "peers",
	 .doc = "Remote VTEPs, configured and learned, and the frames sent to and taken from each.",
	 .record_size = sizeof(struct peer_record),
	 .collect = collect_peers,
	 .render = render_peer},
	{.name = "macs",
	 .doc = "Stations and the peers they are behind.",
	 .args = mac_params,
	 .args_size = sizeof(struct mac_args),
	 .record_size = sizeof(struct mac_record),
	 .collect = collect_macs,
	 .render = render_mac},
	{.name = "clear",
	 .doc = "Forget learned stations, all or those that match; tells which.",
	 .changes = true,
	 .args = mac_params,
	 .args_size = sizeof(struct mac_args),
	 .record_size = sizeof(struct mac_record),
	 .collect = clear_macs,
	 .render = render_mac},
	{0},
};
