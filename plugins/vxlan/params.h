/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration as chain files give it. */
#ifndef VXLAN_PARAMS_H
#define VXLAN_PARAMS_H

#include <rte_ether.h>

#include <sluice/param.h>

struct vx_tunnel_params {
	uint64_t given;
	uint64_t vni;
	uint32_t path;        /* an edge */
	uint64_t vlan;        /* 0: none */
	struct sl_list peers; /* of struct sl_addr */
};

enum vx_tunnel_given {
	VX_GIVEN_TUNNEL_PATH = 1 << 1,
	VX_GIVEN_TUNNEL_PEERS = 1 << 3,
};

struct vx_station_params {
	uint64_t given;
	struct rte_ether_addr mac;
	uint64_t vni;
	struct sl_addr peer;
};

/* An Ethernet header. */
struct vx_link_params {
	uint64_t given;
	struct rte_ether_addr source, destination;
	uint64_t vlan; /* 0: no tag; not of the inside */
};

enum vx_payload { VX_ETHERNET, VX_IP };
enum vx_table_full { VX_IGNORE, VX_REPLACE };
enum vx_unknown { VX_FLOOD, VX_DROP_UNKNOWN };
enum vx_accept { VX_ANY, VX_PEERS };
enum vx_others { VX_PASS, VX_DROP_OTHERS };
enum vx_too_big_how { VX_REPLY, VX_SILENT };
enum vx_tags { VX_STRIP, VX_KEEP };

struct vx_params {
	uint64_t given;
	uint64_t vni;
	struct sl_list tunnels; /* of struct vx_tunnel_params */
	struct sl_addr local;
	struct sl_list peers; /* of struct sl_addr: of all tunnels that name none */
	uint64_t port;
	bool gpe;
	uint32_t payload; /* enum vx_payload */
	struct sl_span source_ports;
	bool learn;
	uint64_t macs, learned_peers;
	uint64_t mac_timeout;
	uint32_t table_full;     /* enum vx_table_full */
	struct sl_list stations; /* of struct vx_station_params */
	uint32_t unknown;        /* enum vx_unknown */
	uint32_t accept;         /* enum vx_accept */
	uint32_t others;         /* enum vx_others */
	uint64_t ttl;
	bool inherit_ttl;
	uint64_t dscp;
	bool inherit_dscp;
	bool ecn;
	bool dont_fragment;
	bool udp_checksum, zero_checksum, verify;
	uint64_t mtu;
	uint32_t too_big; /* enum vx_too_big_how */
	uint64_t icmp_rate;
	uint32_t tags; /* enum vx_tags */
	struct vx_link_params underlay, inside;
};

/* Bits of vx_params.given, in the order of sl_vx_params. */
enum vx_given {
	VX_GIVEN_VNI,
	VX_GIVEN_TUNNELS,
	VX_GIVEN_LOCAL,
	VX_GIVEN_PEERS,
	VX_GIVEN_PORT,
	VX_GIVEN_GPE,
	VX_GIVEN_PAYLOAD,
	VX_GIVEN_SOURCE_PORTS,
	VX_GIVEN_LEARN,
	VX_GIVEN_MACS,
	VX_GIVEN_LEARNED_PEERS,
	VX_GIVEN_MAC_TIMEOUT,
	VX_GIVEN_TABLE_FULL,
	VX_GIVEN_STATIONS,
	VX_GIVEN_UNKNOWN,
	VX_GIVEN_ACCEPT,
	VX_GIVEN_OTHERS,
	VX_GIVEN_TTL,
	VX_GIVEN_INHERIT_TTL,
	VX_GIVEN_DSCP,
	VX_GIVEN_INHERIT_DSCP,
	VX_GIVEN_ECN,
	VX_GIVEN_DONT_FRAGMENT,
	VX_GIVEN_UDP_CHECKSUM,
	VX_GIVEN_ZERO_CHECKSUM,
};

static inline bool vx_given(const struct vx_params *p, enum vx_given field)
{
	return (p->given >> field & 1) != 0;
}

extern const struct sl_param sl_vx_params[];
int sl_vx_check(const void *config, struct sl_errors *errors);

#endif
