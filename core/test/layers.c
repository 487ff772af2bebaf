/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include <core/test/layers.h>

static const char *const tcp_flags[] = {"fin", "syn", "rst", "psh", "ack",
					"urg", "ece", "cwr", NULL};
static const char *const ip_flags[] = {"mf", "df", "evil", NULL};

static const struct sl_header_field eth[] = {
	{"dst", 0, 48, SL_HEADER_MAC, NULL},
	{"src", 48, 48, SL_HEADER_MAC, NULL},
	{"type", 96, 16, SL_HEADER_HEX, NULL},
	{0},
};
static const struct sl_header_field vlan[] = {
	{"priority", 0, 3, SL_HEADER_NUMBER, NULL},
	{"dei", 3, 1, SL_HEADER_NUMBER, NULL},
	{"id", 4, 12, SL_HEADER_NUMBER, NULL},
	{"type", 16, 16, SL_HEADER_HEX, NULL},
	{0},
};
/* RFC 826 with the sizes of Ethernet and IPv4. */
static const struct sl_header_field arp[] = {
	{"hardware", 0, 16, SL_HEADER_NUMBER, NULL},
	{"protocol", 16, 16, SL_HEADER_HEX, NULL},
	{"sizes", 32, 16, SL_HEADER_HEX, NULL},
	{"op", 48, 16, SL_HEADER_NUMBER, NULL},
	{"sender-mac", 64, 48, SL_HEADER_MAC, NULL},
	{"sender", 112, 32, SL_HEADER_IPV4, NULL},
	{"target-mac", 144, 48, SL_HEADER_MAC, NULL},
	{"target", 192, 32, SL_HEADER_IPV4, NULL},
	{0},
};
static const uint8_t arp_initial[28] = {0, 1, 8, 0, 6, 4, 0, 1};
static const struct sl_header_field ip[] = {
	{"version", 0, 4, SL_HEADER_NUMBER, NULL},
	{"header", 4, 4, SL_HEADER_NUMBER, NULL}, /* in words of 4 bytes */
	{"dscp", 8, 6, SL_HEADER_NUMBER, NULL},
	{"ecn", 14, 2, SL_HEADER_NUMBER, NULL},
	{"length", 16, 16, SL_HEADER_NUMBER, NULL},
	{"id", 32, 16, SL_HEADER_NUMBER, NULL},
	{"flags", 48, 3, SL_HEADER_FLAGS, ip_flags},
	{"offset", 51, 13, SL_HEADER_NUMBER, NULL}, /* in words of 8 bytes */
	{"ttl", 64, 8, SL_HEADER_NUMBER, NULL},
	{"proto", 72, 8, SL_HEADER_NUMBER, NULL},
	{"checksum", 80, 16, SL_HEADER_HEX, NULL},
	{"src", 96, 32, SL_HEADER_IPV4, NULL},
	{"dst", 128, 32, SL_HEADER_IPV4, NULL},
	{0},
};
static const uint8_t ip_initial[20] = {0x45, 0, 0, 0, 0, 1, 0, 0, 64};
static const struct sl_header_field ip6[] = {
	{"version", 0, 4, SL_HEADER_NUMBER, NULL},  {"dscp", 4, 6, SL_HEADER_NUMBER, NULL},
	{"ecn", 10, 2, SL_HEADER_NUMBER, NULL},     {"flow", 12, 20, SL_HEADER_HEX, NULL},
	{"length", 32, 16, SL_HEADER_NUMBER, NULL}, {"next", 48, 8, SL_HEADER_NUMBER, NULL},
	{"hops", 56, 8, SL_HEADER_NUMBER, NULL},    {"src", 64, 128, SL_HEADER_IPV6, NULL},
	{"dst", 192, 128, SL_HEADER_IPV6, NULL},    {0},
};
static const uint8_t ip6_initial[40] = {0x60, 0, 0, 0, 0, 0, 0, 64};
static const struct sl_header_field frag6[] = {
	{"next", 0, 8, SL_HEADER_NUMBER, NULL},
	{"offset", 16, 13, SL_HEADER_NUMBER, NULL},
	{"more", 31, 1, SL_HEADER_NUMBER, NULL},
	{"id", 32, 32, SL_HEADER_HEX, NULL},
	{0},
};
static const struct sl_header_field tcp[] = {
	{"sport", 0, 16, SL_HEADER_NUMBER, NULL},
	{"dport", 16, 16, SL_HEADER_NUMBER, NULL},
	{"seq", 32, 32, SL_HEADER_NUMBER, NULL},
	{"ack", 64, 32, SL_HEADER_NUMBER, NULL},
	{"header", 96, 4, SL_HEADER_NUMBER, NULL},
	{"reserved", 100, 4, SL_HEADER_HEX, NULL},
	{"flags", 104, 8, SL_HEADER_FLAGS, tcp_flags},
	{"window", 112, 16, SL_HEADER_NUMBER, NULL},
	{"checksum", 128, 16, SL_HEADER_HEX, NULL},
	{"urgent", 144, 16, SL_HEADER_NUMBER, NULL},
	{0},
};
static const uint8_t tcp_initial[20] = {[12] = 0x50, [13] = 0x02, [14] = 0x20};
static const struct sl_header_field udp[] = {
	{"sport", 0, 16, SL_HEADER_NUMBER, NULL},
	{"dport", 16, 16, SL_HEADER_NUMBER, NULL},
	{"length", 32, 16, SL_HEADER_NUMBER, NULL},
	{"checksum", 48, 16, SL_HEADER_HEX, NULL},
	{0},
};
/* The second half is `id` and `seq` of echoes, `gateway` of redirects, `mtu` of too-bigs. */
static const struct sl_header_field icmp[] = {
	{"type", 0, 8, SL_HEADER_NUMBER, NULL},    {"code", 8, 8, SL_HEADER_NUMBER, NULL},
	{"checksum", 16, 16, SL_HEADER_HEX, NULL}, {"id", 32, 16, SL_HEADER_NUMBER, NULL},
	{"seq", 48, 16, SL_HEADER_NUMBER, NULL},   {"mtu", 48, 16, SL_HEADER_NUMBER, NULL},
	{"gateway", 32, 32, SL_HEADER_IPV4, NULL}, {0},
};
static const uint8_t icmp_initial[8] = {8};
static const struct sl_header_field icmp6[] = {
	{"type", 0, 8, SL_HEADER_NUMBER, NULL},
	{"code", 8, 8, SL_HEADER_NUMBER, NULL},
	{"checksum", 16, 16, SL_HEADER_HEX, NULL},
	{"id", 32, 16, SL_HEADER_NUMBER, NULL},
	{"seq", 48, 16, SL_HEADER_NUMBER, NULL},
	{"mtu", 32, 32, SL_HEADER_NUMBER, NULL},
	{0},
};
static const uint8_t icmp6_initial[8] = {128};
static const struct sl_header_field vxlan[] = {
	{"flags", 0, 8, SL_HEADER_HEX, NULL},
	{"reserved", 8, 24, SL_HEADER_HEX, NULL},
	{"vni", 32, 24, SL_HEADER_NUMBER, NULL},
	{"reserved2", 56, 8, SL_HEADER_HEX, NULL},
	{0},
};
static const uint8_t vxlan_initial[8] = {0x08};
static const struct sl_header_field mpls[] = {
	{"label", 0, 20, SL_HEADER_NUMBER, NULL},
	{"tc", 20, 3, SL_HEADER_NUMBER, NULL},
	{"bottom", 23, 1, SL_HEADER_NUMBER, NULL},
	{"ttl", 24, 8, SL_HEADER_NUMBER, NULL},
	{0},
};
static const uint8_t mpls_initial[4] = {0, 0, 0, 64};
static const struct sl_header_field gre[] = {
	{"flags", 0, 16, SL_HEADER_HEX, NULL},
	{"protocol", 16, 16, SL_HEADER_HEX, NULL},
	{0},
};

const struct sl_layer sl_layers[SL_LAYER_COUNT] = {
	[SL_LAYER_ETH] = {"eth", 14, eth, NULL},
	[SL_LAYER_VLAN] = {"vlan", 4, vlan, NULL},
	[SL_LAYER_ARP] = {"arp", 28, arp, arp_initial},
	[SL_LAYER_IP] = {"ip", 20, ip, ip_initial},
	[SL_LAYER_IP6] = {"ip6", 40, ip6, ip6_initial},
	[SL_LAYER_FRAG6] = {"frag6", 8, frag6, NULL},
	[SL_LAYER_TCP] = {"tcp", 20, tcp, tcp_initial},
	[SL_LAYER_UDP] = {"udp", 8, udp, NULL},
	[SL_LAYER_ICMP] = {"icmp", 8, icmp, icmp_initial},
	[SL_LAYER_ICMP6] = {"icmp6", 8, icmp6, icmp6_initial},
	[SL_LAYER_VXLAN] = {"vxlan", 8, vxlan, vxlan_initial},
	[SL_LAYER_MPLS] = {"mpls", 4, mpls, mpls_initial},
	[SL_LAYER_GRE] = {"gre", 4, gre, NULL},
};

int sl_layer_ethertype(enum sl_layer_id id)
{
	switch (id) {
	case SL_LAYER_VLAN:
		return 0x8100;
	case SL_LAYER_ARP:
		return 0x0806;
	case SL_LAYER_IP:
		return 0x0800;
	case SL_LAYER_IP6:
		return 0x86dd;
	case SL_LAYER_MPLS:
		return 0x8847;
	case SL_LAYER_ETH:
		return 0x6558; /* behind GRE */
	default:
		return -1;
	}
}

int sl_layer_protocol(enum sl_layer_id id)
{
	static const uint8_t numbers[SL_LAYER_COUNT] = {
		[SL_LAYER_IP] = 4,     [SL_LAYER_IP6] = 41, [SL_LAYER_FRAG6] = 44,
		[SL_LAYER_TCP] = 6,    [SL_LAYER_UDP] = 17, [SL_LAYER_ICMP] = 1,
		[SL_LAYER_ICMP6] = 58, [SL_LAYER_GRE] = 47, [SL_LAYER_MPLS] = 137,
	};

	return numbers[id] != 0 ? numbers[id] : -1;
}

const struct sl_layer *sl_layer_find(const char *name)
{
	for (unsigned int i = 0; i < SL_LAYER_COUNT; i++)
		if (strcmp(sl_layers[i].name, name) == 0)
			return &sl_layers[i];
	return NULL;
}

const struct sl_header_field *sl_header_find(const struct sl_layer *layer, const char *name)
{
	for (const struct sl_header_field *field = layer->fields; field->name != NULL; field++)
		if (strcmp(field->name, name) == 0)
			return field;
	return NULL;
}

uint64_t sl_header_get(const uint8_t *header, const struct sl_header_field *field)
{
	uint64_t value = 0;

	for (unsigned int bit = field->bit; bit < (unsigned int)field->bit + field->bits; bit++)
		value = value << 1 | (header[bit / 8] >> (7 - bit % 8) & 1);
	return value;
}

void sl_header_set(uint8_t *header, const struct sl_header_field *field, uint64_t value)
{
	for (unsigned int bit = field->bit + field->bits; bit-- > field->bit; value >>= 1) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		header[bit / 8] = (uint8_t)((header[bit / 8] & ~mask) | ((value & 1) ? mask : 0));
	}
}

static void format_flags(uint64_t value, const char *const *words, char *text, size_t size)
{
	size_t length = 0;

	snprintf(text, size, "none");
	for (unsigned int i = 0; words[i] != NULL && length < size; i++)
		if ((value >> i & 1) != 0)
			length += (size_t)snprintf(text + length, size - length, "%s%s",
						   length > 0 ? "," : "", words[i]);
}

const char *sl_header_format(const uint8_t *header, const struct sl_header_field *field, char *text,
			     size_t size)
{
	const uint8_t *at = header + field->bit / 8;
	uint64_t value = field->bits <= 64 ? sl_header_get(header, field) : 0;

	switch (field->kind) {
	case SL_HEADER_MAC:
		snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", at[0], at[1], at[2], at[3],
			 at[4], at[5]);
		break;
	case SL_HEADER_IPV4:
		inet_ntop(AF_INET, at, text, (socklen_t)size);
		break;
	case SL_HEADER_IPV6:
		inet_ntop(AF_INET6, at, text, (socklen_t)size);
		break;
	case SL_HEADER_FLAGS:
		format_flags(value, field->words, text, size);
		break;
	case SL_HEADER_HEX:
		snprintf(text, size, "0x%0*llx", (field->bits + 3) / 4, (unsigned long long)value);
		break;
	default:
		snprintf(text, size, "%llu", (unsigned long long)value);
		break;
	}
	return text;
}
