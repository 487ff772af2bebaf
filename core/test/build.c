/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/values.h>
#include <core/test/build.h>

struct builder {
	const struct sl_chain *chain;
	struct sl_errors *errors;
	struct sl_frame *frame;
	uint64_t given[SL_MAX_LAYERS]; /* fields, by their number in the layer */
	bool failed;
};

static void __attribute__((format(printf, 3, 4)))
wrong(struct builder *b, const struct sl_tree *tree, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	sl_fail_place(b->errors, EINVAL, tree->place, "%s", text);
	b->failed = true;
}

static uint8_t *append(struct builder *b, const struct sl_tree *tree, size_t length)
{
	struct sl_frame *frame = b->frame;

	if (length > SL_MAX_FRAME - frame->length) {
		wrong(b, tree, "the packet is longer than %u bytes", SL_MAX_FRAME);
		return NULL;
	}
	memset(frame->bytes + frame->length, 0, length);
	frame->length += (uint32_t)length;
	return frame->bytes + frame->length - length;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static void append_hex(struct builder *b, const struct sl_tree *tree)
{
	for (const char *c = tree->text; *c != '\0' && !b->failed; c++) {
		int high, low;
		uint8_t *byte;

		if (isspace((unsigned char)*c) || *c == ':')
			continue;
		high = hex_digit(c[0]);
		low = high >= 0 ? hex_digit(c[1]) : -1;
		if (low < 0) {
			wrong(b, tree,
			      "expected bytes as pairs of hexadecimal digits, found `%.12s`", c);
			return;
		}
		byte = append(b, tree, 1);
		if (byte != NULL)
			*byte = (uint8_t)(16 * high + low);
		c++;
	}
}

void sl_test_mac(unsigned int port, bool peer, uint8_t *mac)
{
	const uint8_t bytes[6] = {
		2, 0, 0, (uint8_t)((port + 1) >> 8), (uint8_t)(port + 1), peer ? 2 : 1};

	memcpy(mac, bytes, sizeof(bytes));
}

static bool named_mac(const struct sl_chain *chain, const char *text, uint8_t *mac)
{
	for (unsigned int i = 0; i < chain->port_count; i++) {
		const char *name = chain->ports[i].name;
		size_t length = strlen(name);

		if (strncmp(text, name, length) != 0)
			continue;
		if (text[length] == '\0')
			memcpy(mac, chain->ports[i].config->mac.addr_bytes, 6);
		else if (strcmp(text + length, "-peer") == 0)
			sl_test_mac(i, true, mac);
		else
			continue;
		return true;
	}
	return false;
}

static bool parse_flags(const char *text, const char *const *words, uint64_t *value)
{
	static const char separators[] = ", +|";

	*value = 0;
	for (text += strspn(text, separators); *text != '\0'; text += strspn(text, separators)) {
		size_t length = strcspn(text, separators);
		unsigned int i = 0;

		while (words[i] != NULL &&
		       (strncmp(words[i], text, length) != 0 || words[i][length] != '\0'))
			i++;
		if (words[i] == NULL && (length != 4 || strncmp(text, "none", 4) != 0))
			return false;
		if (words[i] != NULL)
			*value |= UINT64_C(1) << i;
		text += length;
	}
	return true;
}

static void set_number(struct builder *b, uint8_t *header, const struct sl_header_field *field,
		       const struct sl_tree *tree)
{
	const struct sl_param number = {.name = field->name, .kind = SL_UINT};
	uint64_t value = 0;

	if (sl_value_parse(&number, tree->text, &value) != 0 &&
	    (field->kind != SL_HEADER_FLAGS || !parse_flags(tree->text, field->words, &value)))
		wrong(b, tree, "`%s`: expected %s, not `%.40s`", field->name,
		      field->kind == SL_HEADER_FLAGS ? "names of flags" : "a number", tree->text);
	else if (field->bits < 64 && value >> field->bits != 0)
		wrong(b, tree, "`%s`: %.40s does not fit into %u bits", field->name, tree->text,
		      field->bits);
	else
		sl_header_set(header, field, value);
}

static void set_field(struct builder *b, uint8_t *header, const struct sl_header_field *field,
		      const struct sl_tree *tree)
{
	const struct sl_param mac = {.name = field->name, .kind = SL_MAC};
	uint8_t *at = header + field->bit / 8;
	struct sl_addr addr;

	if (tree->kind != SL_TREE_SCALAR) {
		wrong(b, tree, "`%s`: expected a value, found %s", field->name,
		      sl_tree_kind_name(tree));
	} else if (field->kind == SL_HEADER_MAC) {
		if (!named_mac(b->chain, tree->text, at) &&
		    sl_value_parse(&mac, tree->text, at) != 0)
			wrong(b, tree,
			      "`%s`: expected a MAC address, the name of a port or NAME-peer, not "
			      "`%.40s`",
			      field->name, tree->text);
	} else if (field->kind == SL_HEADER_IPV4 || field->kind == SL_HEADER_IPV6) {
		bool four = field->kind == SL_HEADER_IPV4;

		if (sl_addr_parse(tree->text, &addr) != 0 ||
		    addr.family != (four ? SL_FAMILY_IPV4 : SL_FAMILY_IPV6))
			wrong(b, tree, "`%s`: expected an IPv%c address, not `%.60s`", field->name,
			      four ? '4' : '6', tree->text);
		else
			memcpy(at, addr.bytes, four ? 4 : 16);
	} else {
		set_number(b, header, field, tree);
	}
}

static void unknown_field(struct builder *b, const struct sl_tree *key,
			  const struct sl_layer *layer)
{
	const char *names[32], *near;
	unsigned int count = 0;

	for (const struct sl_header_field *field = layer->fields; field->name != NULL; field++)
		names[count++] = field->name;
	names[count++] = "options";
	names[count] = NULL;
	near = sl_near_miss(key->text, names);
	wrong(b, key, "unknown field `%.40s` of `%s`%s%s%s", key->text, layer->name,
	      near != NULL ? "; did you mean `" : "", near != NULL ? near : "",
	      near != NULL ? "`?" : "");
}

static void add_options(struct builder *b, struct sl_frame_layer *layer, const struct sl_tree *tree)
{
	if (tree->kind != SL_TREE_SCALAR ||
	    (layer->id != SL_LAYER_IP && layer->id != SL_LAYER_TCP)) {
		wrong(b, tree, "`options`: expected hexadecimal bytes, of `ip` or `tcp`");
		return;
	}
	append_hex(b, tree);
	layer->size = b->frame->length - layer->offset;
	if (layer->size % 4 != 0 || layer->size > 60)
		wrong(b, tree, "`options`: expected a multiple of 4 bytes, at most 40");
}

static void add_layer(struct builder *b, const struct sl_layer *layer, const struct sl_tree *tree)
{
	struct sl_frame *frame = b->frame;
	uint32_t number = frame->layer_count;
	struct sl_frame_layer *own = &frame->layers[number];
	uint8_t *header = NULL;

	if (number == SL_MAX_LAYERS)
		wrong(b, tree, "the packet has more than %u layers", SL_MAX_LAYERS);
	else if (!sl_tree_is_map(tree) && tree->kind != SL_TREE_NULL)
		wrong(b, tree, "`%s`: expected a map of fields, found %s", layer->name,
		      sl_tree_kind_name(tree));
	else
		header = append(b, tree, layer->size);
	if (header == NULL)
		return;
	if (layer->initial != NULL)
		memcpy(header, layer->initial, layer->size);
	*own = (struct sl_frame_layer){(enum sl_layer_id)(layer - sl_layers),
				       (uint32_t)(header - frame->bytes), layer->size};
	frame->layer_count++;
	for (uint32_t i = 0; i < tree->count; i++) {
		const struct sl_tree_item *item = &tree->items[i];
		const struct sl_header_field *field = sl_header_find(layer, item->key->text);

		if (field != NULL) {
			set_field(b, header, field, item->value);
			b->given[number] |= UINT64_C(1) << (field - layer->fields);
		} else if (strcmp(item->key->text, "options") == 0) {
			add_options(b, own, item->value);
		} else {
			unknown_field(b, item->key, layer);
		}
	}
}

/* data: TEXT, or {text: TEXT, hex: BYTES, zeros: COUNT} in any order. */
static void add_data(struct builder *b, const struct sl_tree *tree)
{
	const struct sl_param number = {.name = "zeros", .kind = SL_UINT};
	uint8_t *bytes;

	if (tree->kind == SL_TREE_SCALAR) {
		bytes = append(b, tree, strlen(tree->text));
		if (bytes != NULL)
			memcpy(bytes, tree->text, strlen(tree->text));
		return;
	}
	for (uint32_t i = 0; tree->kind == SL_TREE_MAP && i < tree->count; i++) {
		const struct sl_tree_item *item = &tree->items[i];
		uint64_t count;

		if (item->value->kind != SL_TREE_SCALAR)
			wrong(b, item->value, "`%s`: expected a value", item->key->text);
		else if (strcmp(item->key->text, "text") == 0)
			add_data(b, item->value);
		else if (strcmp(item->key->text, "hex") == 0)
			append_hex(b, item->value);
		else if (strcmp(item->key->text, "zeros") == 0 &&
			 sl_value_parse(&number, item->value->text, &count) == 0)
			append(b, item->value, count);
		else
			wrong(b, item->key,
			      "`data`: expected a text, or `text`, `hex` and `zeros: NUMBER`");
	}
	if (tree->kind != SL_TREE_MAP)
		wrong(b, tree, "`data`: expected a text or a map, found %s",
		      sl_tree_kind_name(tree));
}

static void unknown_layer(struct builder *b, const struct sl_tree *key)
{
	const char *names[SL_LAYER_COUNT + 2], *near;
	unsigned int count = 0;

	for (; count < SL_LAYER_COUNT; count++)
		names[count] = sl_layers[count].name;
	names[count++] = "data";
	names[count] = NULL;
	near = sl_near_miss(key->text, names);
	wrong(b, key, "unknown layer `%.40s`%s%s%s", key->text,
	      near != NULL ? "; did you mean `" : "", near != NULL ? near : "",
	      near != NULL ? "`?"
			   : "; there are eth, vlan, arp, ip, ip6, frag6, tcp, udp, icmp, "
			     "icmp6, vxlan, mpls, gre, data");
}

static void add_layers(struct builder *b, const struct sl_tree *map)
{
	for (uint32_t i = 0; i < map->count && !b->failed; i++) {
		const struct sl_tree_item *item = &map->items[i];
		const struct sl_layer *layer = sl_layer_find(item->key->text);

		if (layer != NULL)
			add_layer(b, layer, item->value);
		else if (strcmp(item->key->text, "data") == 0)
			add_data(b, item->value);
		else
			unknown_layer(b, item->key);
	}
}

bool sl_packet_build(const struct sl_chain *chain, const struct sl_tree *tree,
		     struct sl_frame *frame, struct sl_errors *errors)
{
	struct builder b = {.chain = chain, .errors = errors, .frame = frame};

	frame->length = frame->layer_count = 0;
	if (tree->kind == SL_TREE_SCALAR) {
		append_hex(&b, tree);
	} else if (tree->kind == SL_TREE_MAP) {
		add_layers(&b, tree);
	} else if (tree->kind == SL_TREE_LIST) {
		for (uint32_t i = 0; i < tree->count && !b.failed; i++) {
			const struct sl_tree *item = tree->items[i].value;

			if (item->kind == SL_TREE_MAP)
				add_layers(&b, item);
			else
				wrong(&b, item, "expected a layer such as `{ip: {...}}`, found %s",
				      sl_tree_kind_name(item));
		}
	} else {
		wrong(&b, tree, "expected a packet: hexadecimal bytes or layers");
	}
	if (!b.failed)
		sl_frame_complete(frame, b.given);
	if (!b.failed && frame->length == 0)
		wrong(&b, tree, "the packet is empty");
	return !b.failed;
}
