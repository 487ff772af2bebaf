/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding the headers in a frame, their checksums, and one line about it all. */
#include <stdio.h>
#include <string.h>

#include <core/test/layers.h>

#define VXLAN_PORT 4789

static unsigned int get16(const uint8_t *bytes)
{
	return (unsigned int)bytes[0] << 8 | bytes[1];
}

/* The layer that an Ethernet type announces; SL_LAYER_COUNT: none that is known. */
static enum sl_layer_id by_ethertype(unsigned int type)
{
	static const enum sl_layer_id ids[] = {SL_LAYER_VLAN, SL_LAYER_ARP, SL_LAYER_IP,
					       SL_LAYER_IP6, SL_LAYER_MPLS};

	if (type == 0x88a8 || type == 0x9100)
		return SL_LAYER_VLAN;
	if (type == 0x8848)
		return SL_LAYER_MPLS;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (sl_layer_ethertype(ids[i]) == (int)type)
			return ids[i];
	return SL_LAYER_COUNT;
}

static enum sl_layer_id by_protocol(unsigned int protocol)
{
	for (unsigned int id = 0; id < SL_LAYER_COUNT; id++)
		if (sl_layer_protocol((enum sl_layer_id)id) == (int)protocol)
			return (enum sl_layer_id)id;
	return SL_LAYER_COUNT;
}

/* An error quotes the packet that it is about. */
static enum sl_layer_id quoted(enum sl_layer_id id, unsigned int type)
{
	if (id == SL_LAYER_ICMP &&
	    (type == 3 || type == 4 || type == 5 || type == 11 || type == 12))
		return SL_LAYER_IP;
	return id == SL_LAYER_ICMP6 && type >= 1 && type <= 4 ? SL_LAYER_IP6 : SL_LAYER_COUNT;
}

static enum sl_layer_id by_version(const uint8_t *bytes, uint32_t left)
{
	if (left == 0)
		return SL_LAYER_COUNT;
	return bytes[0] >> 4 == 4   ? SL_LAYER_IP
	       : bytes[0] >> 4 == 6 ? SL_LAYER_IP6
				    : SL_LAYER_COUNT;
}

/* What follows a header. left: bytes behind it. */
static enum sl_layer_id next_of(enum sl_layer_id id, const uint8_t *header, const uint8_t *behind,
				uint32_t left)
{
	switch (id) {
	case SL_LAYER_ETH:
		return by_ethertype(get16(header + 12));
	case SL_LAYER_VLAN:
		return by_ethertype(get16(header + 2));
	case SL_LAYER_IP:
		return (get16(header + 6) & 0x1fff) == 0 ? by_protocol(header[9]) : SL_LAYER_COUNT;
	case SL_LAYER_IP6:
		return by_protocol(header[6]);
	case SL_LAYER_FRAG6:
		return get16(header + 2) >> 3 == 0 ? by_protocol(header[0]) : SL_LAYER_COUNT;
	case SL_LAYER_UDP:
		return get16(header + 2) == VXLAN_PORT ? SL_LAYER_VXLAN : SL_LAYER_COUNT;
	case SL_LAYER_ICMP:
	case SL_LAYER_ICMP6:
		return quoted(id, header[0]);
	case SL_LAYER_VXLAN:
		return SL_LAYER_ETH;
	case SL_LAYER_MPLS:
		return (header[2] & 1) == 0 ? SL_LAYER_MPLS : by_version(behind, left);
	case SL_LAYER_GRE:
		return get16(header) != 0            ? SL_LAYER_COUNT
		       : get16(header + 2) == 0x6558 ? SL_LAYER_ETH
						     : by_ethertype(get16(header + 2));
	default:
		return SL_LAYER_COUNT;
	}
}

static uint32_t size_of(enum sl_layer_id id, const uint8_t *header)
{
	uint32_t size = sl_layers[id].size;

	if (id == SL_LAYER_IP && (header[0] & 0xf) > 5)
		size = (header[0] & 0xfu) * 4;
	if (id == SL_LAYER_TCP && header[12] >> 4 > 5)
		size = (uint32_t)(header[12] >> 4) * 4;
	return size;
}

void sl_frame_parse(struct sl_frame *frame)
{
	enum sl_layer_id id = SL_LAYER_ETH;
	uint32_t at = 0;

	frame->layer_count = 0;
	while (id != SL_LAYER_COUNT && frame->layer_count < SL_MAX_LAYERS &&
	       frame->length - at >= sl_layers[id].size) {
		const uint8_t *header = frame->bytes + at;
		uint32_t size = size_of(id, header);

		if (size > frame->length - at)
			size = frame->length - at;
		frame->layers[frame->layer_count++] = (struct sl_frame_layer){id, at, size};
		at += size;
		id = next_of(id, header, frame->bytes + at, frame->length - at);
	}
	frame->data = at;
}

static uint32_t add_bytes(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Where the IP packet that a layer stands in ends, by the length it states; and its
 * pseudo-header's sum (RFC 793, RFC 8200 section 8.1). */
static bool around(const struct sl_frame *frame, uint32_t layer, unsigned int protocol,
		   uint32_t *end, uint32_t *sum)
{
	while (layer-- > 0) {
		const struct sl_frame_layer *l = &frame->layers[layer];
		const uint8_t *header = frame->bytes + l->offset;
		uint32_t length, upper = l->offset + l->size;

		if (l->id != SL_LAYER_IP && l->id != SL_LAYER_IP6)
			continue;
		if (l->id == SL_LAYER_IP)
			length = l->offset + get16(header + 2);
		else
			length = upper + get16(header + 4);
		*end = length < frame->length && length > upper ? length : frame->length;
		*sum = add_bytes(0, header + (l->id == SL_LAYER_IP ? 12 : 8),
				 l->id == SL_LAYER_IP ? 8 : 32) +
		       protocol;
		return true;
	}
	return false;
}

bool sl_frame_checksum(const struct sl_frame *frame, uint32_t layer, uint16_t *checksum)
{
	const struct sl_frame_layer *l = &frame->layers[layer];
	const struct sl_header_field *field = sl_header_find(&sl_layers[l->id], "checksum");
	const uint8_t *header = frame->bytes + l->offset;
	int protocol = sl_layer_protocol(l->id);
	uint32_t end, sum, own;

	if (field == NULL)
		return false;
	own = get16(header + field->bit / 8);
	if (l->id == SL_LAYER_IP) {
		*checksum = fold(add_bytes(0, header, l->size) + (0xffff - own));
		return true;
	}
	if (!around(frame, layer, (unsigned int)protocol, &end, &sum))
		return false;
	if (l->id == SL_LAYER_ICMP)
		sum = 0;
	else
		sum += end - l->offset;
	*checksum = fold(add_bytes(sum, header, end - l->offset) + (0xffff - own));
	if (l->id == SL_LAYER_UDP && *checksum == 0)
		*checksum = 0xffff;
	return true;
}

const char *sl_frame_summary(const struct sl_frame *frame, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < frame->layer_count && length < size; i++) {
		const struct sl_layer *layer = &sl_layers[frame->layers[i].id];
		const uint8_t *header = frame->bytes + frame->layers[i].offset;
		static const char *const names[][2] = {
			{"src", "dst"}, {"sport", "dport"}, {"type", "code"}, {"sender", "target"},
			{"id", NULL},   {"vni", NULL},      {"label", NULL}};
		char first[SL_HEADER_TEXT], second[SL_HEADER_TEXT];

		length += (size_t)snprintf(text + length, size - length, "%s%s", i > 0 ? " / " : "",
					   layer->name);
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]) && length < size; n++) {
			const struct sl_header_field *a = sl_header_find(layer, names[n][0]);
			const struct sl_header_field *b =
				names[n][1] != NULL ? sl_header_find(layer, names[n][1]) : NULL;

			if (a == NULL || (names[n][1] != NULL && b == NULL))
				continue;
			sl_header_format(header, a, first, sizeof(first));
			if (b != NULL)
				sl_header_format(header, b, second, sizeof(second));
			length += (size_t)snprintf(text + length, size - length, " %s%s%s", first,
						   b != NULL ? " > " : "", b != NULL ? second : "");
			break;
		}
	}
	if (length < size)
		snprintf(text + length, size - length, "%s%u bytes", length > 0 ? " / " : "",
			 frame->length - frame->data);
	return text;
}
