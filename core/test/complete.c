/* SPDX-License-Identifier: BSD-3-Clause */
/* The fields of a made packet that follow from the rest of it. */
#include <core/test/layers.h>

#define TYPE_NONE     0x88b5 /* IEEE 802, for local experiments */
#define PROTOCOL_NONE 253    /* RFC 3692, for experiments */
#define VXLAN_PORT    4789

/* A field that was not given. */
static void make(struct sl_frame *frame, const uint64_t *given, uint32_t number, const char *name,
		 uint64_t value)
{
	const struct sl_frame_layer *own = &frame->layers[number];
	const struct sl_layer *layer = &sl_layers[own->id];
	const struct sl_header_field *field = sl_header_find(layer, name);

	if ((given[number] >> (field - layer->fields) & 1) == 0)
		sl_header_set(frame->bytes + own->offset, field, value);
}

static void make_fields(struct sl_frame *frame, const uint64_t *given, uint32_t number)
{
	const struct sl_frame_layer *own = &frame->layers[number];
	bool last = number + 1 == frame->layer_count;
	enum sl_layer_id next = last ? SL_LAYER_COUNT : frame->layers[number + 1].id;
	int type = last ? -1 : sl_layer_ethertype(next);
	int protocol = last ? -1 : sl_layer_protocol(next);
	uint32_t length = frame->length - own->offset;

	if (type < 0)
		type = TYPE_NONE;
	if (protocol < 0)
		protocol = PROTOCOL_NONE;
	switch (own->id) {
	case SL_LAYER_ETH:
	case SL_LAYER_VLAN:
		make(frame, given, number, "type", (uint64_t)type);
		break;
	case SL_LAYER_IP:
		make(frame, given, number, "header", own->size / 4);
		make(frame, given, number, "length", length);
		make(frame, given, number, "proto", (uint64_t)protocol);
		break;
	case SL_LAYER_IP6:
		make(frame, given, number, "length", length - own->size);
		make(frame, given, number, "next", (uint64_t)protocol);
		break;
	case SL_LAYER_FRAG6:
		make(frame, given, number, "next", (uint64_t)protocol);
		break;
	case SL_LAYER_TCP:
		make(frame, given, number, "header", own->size / 4);
		break;
	case SL_LAYER_UDP:
		make(frame, given, number, "length", length);
		if (next == SL_LAYER_VXLAN)
			make(frame, given, number, "dport", VXLAN_PORT);
		break;
	case SL_LAYER_MPLS:
		make(frame, given, number, "bottom", next != SL_LAYER_MPLS);
		break;
	case SL_LAYER_GRE:
		make(frame, given, number, "protocol", (uint64_t)type);
		break;
	default:
		break;
	}
}

/* From the inside out: what is outside counts what is inside. */
void sl_frame_complete(struct sl_frame *frame, const uint64_t *given)
{
	uint16_t checksum;

	for (uint32_t i = frame->layer_count; i-- > 0;)
		make_fields(frame, given, i);
	for (uint32_t i = frame->layer_count; i-- > 0;)
		if (sl_frame_checksum(frame, i, &checksum))
			make(frame, given, i, "checksum", checksum);
}
