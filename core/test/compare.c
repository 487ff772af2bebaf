/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <core/test/compare.h>

#define ROW 16

static bool same_layer(const struct sl_frame *a, const struct sl_frame *b, uint32_t i)
{
	return i < a->layer_count && i < b->layer_count && a->layers[i].id == b->layers[i].id &&
	       a->layers[i].offset == b->layers[i].offset;
}

static const struct sl_header_field *checksum_of(const struct sl_frame *frame, uint32_t i)
{
	return sl_header_find(&sl_layers[frame->layers[i].id], "checksum");
}

void sl_frame_accept(struct sl_frame *expected, const struct sl_frame *got,
		     const struct sl_any_field *any, unsigned int count)
{
	bool good[SL_MAX_LAYERS] = {false};
	uint16_t checksum;

	for (uint32_t i = 0; i < expected->layer_count; i++)
		good[i] = sl_frame_checksum(expected, i, &checksum) &&
			  sl_header_get(expected->bytes + expected->layers[i].offset,
					checksum_of(expected, i)) == checksum;
	for (uint32_t i = 0; i < expected->layer_count; i++)
		for (unsigned int k = 0; k < count; k++)
			if (any[k].layer == expected->layers[i].id && same_layer(expected, got, i))
				sl_header_set(expected->bytes + expected->layers[i].offset,
					      any[k].field,
					      sl_header_get(got->bytes + got->layers[i].offset,
							    any[k].field));
	for (uint32_t i = expected->layer_count; i-- > 0;)
		if (good[i] && sl_frame_checksum(expected, i, &checksum))
			sl_header_set(expected->bytes + expected->layers[i].offset,
				      checksum_of(expected, i), checksum);
}

bool sl_frame_equal(const struct sl_frame *a, const struct sl_frame *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* The fields of one layer that both have at the same place. told: bits that were shown. */
static void diff_layer(const struct sl_frame *expected, const struct sl_frame *got, uint32_t i,
		       FILE *out)
{
	const struct sl_layer *layer = &sl_layers[expected->layers[i].id];
	uint32_t offset = expected->layers[i].offset;
	unsigned int told = 0; /* bits before this one */

	for (const struct sl_header_field *field = layer->fields; field->name != NULL; field++) {
		char a[SL_HEADER_TEXT], b[SL_HEADER_TEXT], name[64];

		sl_header_format(expected->bytes + offset, field, a, sizeof(a));
		sl_header_format(got->bytes + offset, field, b, sizeof(b));
		if (strcmp(a, b) == 0 || field->bit < told)
			continue;
		told = (unsigned int)field->bit + field->bits;
		snprintf(name, sizeof(name), "%s.%s", layer->name, field->name);
		fprintf(out, "      %-14s at byte %-3u expected %-18s got %s\n", name,
			offset + field->bit / 8, a, b);
	}
}

static void print_row(const struct sl_frame *frame, const struct sl_frame *other, uint32_t row,
		      const char *label, FILE *out)
{
	if (row >= frame->length)
		return;
	fprintf(out, "      %-8s %04x ", label, row);
	for (uint32_t i = row; i < row + ROW && i < frame->length; i++) {
		bool same = i < other->length && frame->bytes[i] == other->bytes[i];

		fprintf(out, "%c%02x", same ? ' ' : '*', frame->bytes[i]);
	}
	fputc('\n', out);
}

static bool same_row(const struct sl_frame *a, const struct sl_frame *b, uint32_t row)
{
	for (uint32_t i = row; i < row + ROW; i++)
		if ((i < a->length) != (i < b->length) ||
		    (i < a->length && a->bytes[i] != b->bytes[i]))
			return false;
	return true;
}

void sl_frame_diff(const struct sl_frame *expected, const struct sl_frame *got, FILE *out)
{
	char text[SL_FRAME_TEXT];
	uint32_t i = 0;

	fprintf(out, "      expected %s\n", sl_frame_summary(expected, text, sizeof(text)));
	fprintf(out, "      got      %s\n", sl_frame_summary(got, text, sizeof(text)));
	for (; same_layer(expected, got, i); i++)
		diff_layer(expected, got, i, out);
	if (expected->length != got->length)
		fprintf(out, "      length                   expected %-18u got %u\n",
			expected->length, got->length);
	for (uint32_t row = 0; row < expected->length || row < got->length; row += ROW) {
		if (same_row(expected, got, row))
			continue;
		print_row(expected, got, row, "expected", out);
		print_row(got, expected, row, "got", out);
	}
}

void sl_frame_dump(const struct sl_frame *frame, FILE *out)
{
	for (uint32_t row = 0; row < frame->length; row += ROW)
		print_row(frame, frame, row, "", out);
}
