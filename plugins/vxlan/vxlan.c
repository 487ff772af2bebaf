/* SPDX-License-Identifier: BSD-3-Clause */
/* VXLAN as a node type: what it is made of, and how an instance is made. */
#include <errno.h>

#include "vxlan.h"

static const struct sl_name reasons[] = {
	[VX_NO_TUNNEL] = {"no-tunnel", "From inside, and no tunnel is for its path or VLAN tag."},
	[VX_NO_PEER] = {"no-peer", "To flood, and the tunnel has no peers."},
	[VX_UNKNOWN_STATION] = {"unknown-station", "To a station nobody knows (`unknown: drop`)."},
	[VX_TOO_BIG] = {"too-big", "Longer than the underlay's MTU leaves room for."},
	[VX_NO_MEMORY] = {"no-memory", "No room for a header, and the packet pool is empty."},
	[VX_NOT_IP] = {"not-ip", "`payload: ip`, and the frame carries none."},
	[VX_FRAGMENT] = {"fragment", "A fragment of an outer packet that was not put together."},
	[VX_SHORT] = {"short", "An outer packet too short for its lengths or its headers."},
	[VX_BAD_CHECKSUM] = {"bad-checksum", "The outer UDP checksum is wrong."},
	[VX_ZERO_CHECKSUM] = {"zero-checksum",
			      "IPv6 without a UDP checksum, which is not allowed."},
	[VX_BAD_FLAGS] = {"bad-flags", "No VNI flag, or a version of GPE that is not 0."},
	[VX_OAM] = {"oam", "A GPE OAM packet, which does not go inside."},
	[VX_UNSUPPORTED_PROTOCOL] = {"unsupported-protocol",
				     "A GPE payload that is neither Ethernet nor IP."},
	[VX_UNKNOWN_VNI] = {"unknown-vni", "There is no tunnel with this VNI."},
	[VX_UNKNOWN_PEER] = {"unknown-peer", "From a VTEP that is no peer (`accept: peers`)."},
	[VX_BAD_INNER] = {"bad-inner", "The inner frame has no possible source, or damaged IP."},
	[VX_INNER_VLAN] = {"inner-vlan", "The inner frame is tagged (`vlan-tags: strip`)."},
	[VX_ECN] = {"ecn", "Congestion was marked outside of a packet that cannot bear the mark."},
	[VX_UNDERLAY_ERROR] = {"underlay-error", "An ICMP error about an outer packet of ours."},
	[VX_NOT_OURS] = {"not-ours", "From outside, and not VXLAN for us (`others: drop`)."},
	[VX_REASON_COUNT] = {NULL, NULL},
};

static const struct sl_name counters[] = {
	[VX_ENCAPSULATED] = {"encapsulated", "Frames sent into a tunnel, without copies."},
	[VX_DECAPSULATED] = {"decapsulated", "Frames taken out of a tunnel."},
	[VX_PASSED] = {"passed", "Packets from outside that were not VXLAN for us."},
	[VX_COPIES] = {"copies", "Copies of flooded frames, for the second and further peers."},
	[VX_COPIES_LOST] = {"copies-lost", "Copies not made, as the packet pool was empty."},
	[VX_LEARNED] = {"learned", "Stations learned."},
	[VX_MOVED] = {"moved", "Stations that came to be behind another peer."},
	[VX_AGED] = {"aged", "Stations forgotten, as nothing was heard of them."},
	[VX_REPLACED] = {"replaced", "Stations forgotten to make room for others."},
	[VX_MACS_FULL] = {"macs-full", "Stations not learned, as the table is full."},
	[VX_PEERS_FULL] = {"peers-full", "Stations not learned, as no more peers can be."},
	[VX_TOO_BIG_REPLIES] = {"too-big-replies", "Senders told what fits."},
	[VX_CE_MARKED] = {"ce-marked", "Inner packets that got the outer one's congestion mark."},
	[VX_COUNTER_COUNT] = {NULL, NULL},
};

static int claim(struct sl_instance *instance, const struct vx *vx, struct sl_errors *errors)
{
	const struct sl_prefix local = {.addr = vx->params->local, .length = vx->ipv4 ? 32 : 128};
	int ret = sl_claim_prefix(instance, SL_OUTSIDE, &local);

	return ret == 0 ? 0 : sl_fail(errors, -ret, "cannot claim the local address");
}

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	struct vx *vx = (struct vx *)sl_instance_data(instance);
	int ret;

	vx->params = (const struct vx_params *)config;
	ret = sl_vx_layout(instance, vx, errors);
	return ret != 0 ? ret : claim(instance, vx, errors);
}

/* All else that instances keep is their own. */
static int adopt(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	struct vx *vx = (struct vx *)sl_instance_data(instance);

	if (!sl_same_config(instance, sl_vx_params, config))
		return -EOPNOTSUPP;
	__atomic_store_n(&vx->params, (const struct vx_params *)config, __ATOMIC_RELEASE);
	/* Before the old one goes. */
	sl_synchronize();
	return 0;
}

static int worker_init(struct sl_node *node, struct sl_errors *errors)
{
	struct vx_worker *w = (struct vx_worker *)node->state;
	const struct vx *vx = (const struct vx *)node->data;

	w->vx = vx;
	w->node = node;
	w->tallies =
		(struct vx_tally *)sl_alloc(node->instance, vx->tunnel_count * sizeof(*w->tallies));
	w->lookup = (struct vx_lookup *)sl_alloc(node->instance, sizeof(*w->lookup));
	if (w->tallies == NULL || w->lookup == NULL)
		return sl_fail(errors, ENOMEM, "no memory for %u tunnels", vx->tunnel_count);
	if (sl_vx_peers_init(w, node->instance, errors) != 0)
		return -ENOMEM;
	return sl_vx_macs_init(w, node->instance, errors);
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct vx_worker *w = vx_enter(node);

	if (node->from == SL_INSIDE)
		sl_vx_encapsulate(w, pkts, edge, n);
	else
		sl_vx_decapsulate(w, pkts, edge, n);
}

static const struct sl_node_type types[] = {
	{
		.name = "vxlan",
		.doc = "VXLAN tunnel endpoint (RFC 7348), also of VXLAN-GPE, over IPv4 or IPv6.",
		.flags = SL_NODE_RESIZES | SL_NODE_TRAILS | SL_NODE_DECAPSULATES | SL_NODE_STATEFUL,
		.reasons = reasons,
		.counters = counters,
		.params = sl_vx_params,
		.config_size = sizeof(struct vx_params),
		.instance_size = sizeof(struct vx),
		.state_size = sizeof(struct vx_worker),
		.check = sl_vx_check,
		.create = create,
		.worker_init = worker_init,
		.process = process,
		.tick = sl_vx_tick,
		.tick_ms = 20,
		.spread = sl_vx_spread,
		.layout = 1,
		.adopt = adopt,
		.state_version = VX_STATE_VERSION,
		.export_state = sl_vx_export,
		.import_state = sl_vx_import,
		.commands = sl_vx_commands,
	},
};

SL_PLUGIN("vxlan", "1.0", "BSD-3-Clause", "VXLAN and VXLAN-GPE tunnels.", types);
