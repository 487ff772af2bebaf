/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Headers by name, for chain tests and traces: the packets of a test are made of them, and packets
 * that differ are told apart by their fields. Not for the packet path: slow, and apart from the
 * parser of the packet path, which it is there to judge.
 */
#ifndef CORE_TEST_LAYERS_H
#define CORE_TEST_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sl_header_kind {
	SL_HEADER_NUMBER,
	SL_HEADER_HEX,
	SL_HEADER_MAC,
	SL_HEADER_IPV4,
	SL_HEADER_IPV6,
	SL_HEADER_FLAGS,
};

struct sl_header_field {
	const char *name;
	uint16_t bit, bits; /* from the start of the header, most significant first */
	enum sl_header_kind kind;
	const char *const *words; /* SL_HEADER_FLAGS: of the lowest bit first */
};

enum sl_layer_id {
	SL_LAYER_ETH,
	SL_LAYER_VLAN,
	SL_LAYER_ARP,
	SL_LAYER_IP,
	SL_LAYER_IP6,
	SL_LAYER_FRAG6,
	SL_LAYER_TCP,
	SL_LAYER_UDP,
	SL_LAYER_ICMP,
	SL_LAYER_ICMP6,
	SL_LAYER_VXLAN,
	SL_LAYER_MPLS,
	SL_LAYER_GRE,
	SL_LAYER_COUNT,
};

struct sl_layer {
	const char *name;
	uint16_t size; /* bytes, without options */
	const struct sl_header_field *fields;
	const uint8_t *initial; /* what is not given; NULL: zeros */
};
extern const struct sl_layer sl_layers[SL_LAYER_COUNT];

#define SL_MAX_LAYERS 24
#define SL_MAX_FRAME  16384

/* A frame and the headers in it. */
struct sl_frame {
	uint8_t bytes[SL_MAX_FRAME];
	uint32_t length;
	struct sl_frame_layer {
		enum sl_layer_id id;
		uint32_t offset, size; /* with options */
	} layers[SL_MAX_LAYERS];
	uint32_t layer_count;
	uint32_t data; /* offset of what follows the last header */
};

/* The layer or field of a name, or NULL. */
const struct sl_layer *sl_layer_find(const char *name);
const struct sl_header_field *sl_header_find(const struct sl_layer *layer, const char *name);
uint64_t sl_header_get(const uint8_t *header, const struct sl_header_field *field);
void sl_header_set(uint8_t *header, const struct sl_header_field *field, uint64_t value);
/* A field's value as text. */
const char *sl_header_format(const uint8_t *header, const struct sl_header_field *field, char *text,
			     size_t size);
#define SL_HEADER_TEXT 96

/* Find the headers in the bytes. */
void sl_frame_parse(struct sl_frame *frame);
/* The checksum that a layer should have, network order value; false: it has none. */
bool sl_frame_checksum(const struct sl_frame *frame, uint32_t layer, uint16_t *checksum);
/* Fill in lengths, types, protocols and checksums. given: per layer, bits of the fields that are as
 * they shall be. */
void sl_frame_complete(struct sl_frame *frame, const uint64_t *given);
/* "eth 02:.. > 02:.. / ip 10.0.0.1 > 192.0.2.1 / udp 4000 > 53 / 5 bytes" */
const char *sl_frame_summary(const struct sl_frame *frame, char *text, size_t size);
#define SL_FRAME_TEXT 400

/* The number by which a header says that another follows; -1: it cannot. */
int sl_layer_ethertype(enum sl_layer_id id);
int sl_layer_protocol(enum sl_layer_id id);

#endif
