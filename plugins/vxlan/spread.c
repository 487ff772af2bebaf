/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which worker gets a packet. Both directions of a session must meet, and every worker has its own
 * stations: where those decide, packets go by the MAC address of the remote station, which stands
 * in the frame's destination inside and in its source in the tunnel. Else they go by the addresses
 * of the inner packet.
 */
#include "vxlan.h"

static uint32_t mix(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	return x ^ (x >> 16);
}

static uint32_t mac_hash(const uint8_t *mac)
{
	uint32_t high, low = 0;

	memcpy(&high, mac, 4);
	memcpy(&low, mac + 4, 2);
	return mix(high ^ mix(low));
}

/* Equal for both directions: addresses are xored word by word. */
static uint32_t address_hash(const uint8_t *source, uint32_t size)
{
	uint32_t hash = 0;

	for (uint32_t at = 0; at < size; at += 4) {
		uint32_t a, b;

		memcpy(&a, source + at, 4);
		memcpy(&b, source + size + at, 4);
		hash = mix(hash + (a ^ b));
	}
	return hash;
}

/* at: where an IP header of that version should begin. */
static uint32_t ip_hash(const struct rte_mbuf *m, uint32_t at, bool ipv4)
{
	uint8_t room[40];
	uint32_t length = ipv4 ? 20 : 40;
	const uint8_t *ip = (const uint8_t *)rte_pktmbuf_read(m, at, length, room);

	if (ip == NULL)
		return 0;
	return ipv4 ? address_hash(ip + 12, 4) : address_hash(ip + 8, 16);
}

static uint32_t frame_hash(const struct rte_mbuf *m, uint32_t at)
{
	uint8_t room[18];
	const uint8_t *ether = (const uint8_t *)rte_pktmbuf_read(m, at, 18, room);
	uint16_t type, offset = 14;

	if (ether == NULL)
		return 0;
	type = (uint16_t)(ether[12] << 8 | ether[13]);
	if (type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ) {
		type = (uint16_t)(ether[16] << 8 | ether[17]);
		offset = 18;
	}
	if (type == RTE_ETHER_TYPE_IPV4 || type == RTE_ETHER_TYPE_IPV6)
		return ip_hash(m, at + offset, type == RTE_ETHER_TYPE_IPV4);
	return mac_hash(ether) ^ mac_hash(ether + 6);
}

static uint32_t outer_hash(const struct vx *vx, const struct rte_mbuf *m)
{
	uint32_t at = sl_packet(m)->payload + (uint32_t)sizeof(struct vx_header);
	struct vx_header room;
	uint8_t mac_room[12];
	const struct vx_header *header =
		(const struct vx_header *)rte_pktmbuf_read(m, at - 8, sizeof(room), &room);
	const uint8_t *macs;

	if (header == NULL)
		return 0;
	if (vx->params->gpe && (header->flags & VX_FLAG_NEXT) && header->next != VX_NEXT_ETHERNET)
		return ip_hash(m, at, header->next == VX_NEXT_IPV4);
	if (!vx->stations)
		return frame_hash(m, at);
	macs = (const uint8_t *)rte_pktmbuf_read(m, at, sizeof(mac_room), mac_room);
	return macs != NULL ? mac_hash(macs + 6) : 0;
}

uint32_t sl_vx_spread(const struct sl_instance *instance, const struct rte_mbuf *m,
		      enum sl_side from, uint32_t workers)
{
	const struct vx *vx = (const struct vx *)sl_instance_data(instance);

	(void)workers;
	if (from == SL_OUTSIDE)
		return sl_vx_is_ours(vx, m) ? outer_hash(vx, m) : sl_packet_hash(m);
	if (vx->stations)
		return mac_hash(sl_ether(m)->dst_addr.addr_bytes);
	return frame_hash(m, 0);
}

uint32_t sl_vx_station_worker(const uint8_t *mac, uint32_t workers)
{
	return mac_hash(mac) % workers;
}
