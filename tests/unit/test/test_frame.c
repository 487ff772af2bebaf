/* SPDX-License-Identifier: BSD-3-Clause */
/* The packets of chain tests: found headers, checksums, fields that may differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <core/test/compare.h>

/* A DNS query as a machine sent it. */
static const uint8_t query[] = {
	0x02, 0,    0,    0,    2, 2,    0x02, 0,    0,    0,    1,    2,   0x08, 0,   0x45, 0,
	0,    0x21, 0,    1,    0, 0,    0x40, 0x11, 0xae, 0x95, 0x0a, 0,   0,    1,   0xc0, 0,
	2,    0x35, 0x0f, 0xa0, 0, 0x35, 0,    0x0d, 0xd3, 0xe0, 'q',  'u', 'e',  'r', 'y'};

static struct sl_frame frame_of(const uint8_t *bytes, uint32_t length)
{
	struct sl_frame frame = {.length = length};

	memcpy(frame.bytes, bytes, length);
	sl_frame_parse(&frame);
	return frame;
}

static void set(struct sl_frame *frame, uint32_t layer, const char *name, uint64_t value)
{
	sl_header_set(frame->bytes + frame->layers[layer].offset,
		      sl_header_find(&sl_layers[frame->layers[layer].id], name), value);
}

static uint64_t get(const struct sl_frame *frame, uint32_t layer, const char *name)
{
	return sl_header_get(frame->bytes + frame->layers[layer].offset,
			     sl_header_find(&sl_layers[frame->layers[layer].id], name));
}

static void headers_are_found(void **state)
{
	struct sl_frame frame = frame_of(query, sizeof(query));
	char text[SL_FRAME_TEXT];

	assert_int_equal(frame.layer_count, 3);
	assert_int_equal(frame.layers[2].id, SL_LAYER_UDP);
	assert_int_equal(frame.data, 42);
	assert_int_equal(get(&frame, 1, "ttl"), 64);
	assert_int_equal(get(&frame, 2, "sport"), 4000);
	assert_string_equal(
		sl_frame_summary(&frame, text, sizeof(text)),
		"eth 02:00:00:00:01:02 > 02:00:00:00:02:02 / ip 10.0.0.1 > 192.0.2.53 / "
		"udp 4000 > 53 / 5 bytes");
}

static void checksums_are_right(void **state)
{
	struct sl_frame frame = frame_of(query, sizeof(query));
	uint16_t checksum;

	assert_false(sl_frame_checksum(&frame, 0, &checksum));
	for (uint32_t layer = 1; layer < 3; layer++) {
		uint64_t before = get(&frame, layer, "checksum");

		assert_true(sl_frame_checksum(&frame, layer, &checksum));
		assert_int_equal(checksum, before);
		set(&frame, layer, "checksum", 0x1234); /* what is there does not matter */
		assert_true(sl_frame_checksum(&frame, layer, &checksum));
		assert_int_equal(checksum, before);
	}
}

/* Any bytes, cut anywhere, stay inside. */
static void any_bytes_are_parsed(void **state)
{
	unsigned int seed = 7;
	char text[SL_FRAME_TEXT];

	for (unsigned int round = 0; round < 20000; round++) {
		struct sl_frame frame = frame_of(query, sizeof(query));
		uint16_t checksum;

		for (unsigned int i = 0; i < 1 + round % 8; i++)
			frame.bytes[12 + (unsigned int)rand_r(&seed) % 30] = (uint8_t)rand_r(&seed);
		frame.length = (uint32_t)rand_r(&seed) % (sizeof(query) + 1);
		sl_frame_parse(&frame);
		assert_true(frame.data <= frame.length);
		for (uint32_t i = 0; i < frame.layer_count; i++) {
			assert_true(frame.layers[i].offset + frame.layers[i].size <= frame.length);
			sl_frame_checksum(&frame, i, &checksum);
		}
		sl_frame_summary(&frame, text, sizeof(text));
	}
}

static void fields_may_differ(void **state)
{
	const struct sl_any_field any = {SL_LAYER_IP,
					 sl_header_find(&sl_layers[SL_LAYER_IP], "id")};
	struct sl_frame expected = frame_of(query, sizeof(query)), got = expected;
	uint16_t checksum;

	set(&got, 1, "id", 0xbeef);
	assert_false(sl_frame_equal(&expected, &got));
	sl_frame_accept(&expected, &got, &any, 1);
	assert_false(sl_frame_equal(&expected, &got)); /* its checksum was left as it was */
	assert_true(sl_frame_checksum(&got, 1, &checksum));
	set(&got, 1, "checksum", checksum);
	assert_true(sl_frame_equal(&expected, &got));
	set(&got, 1, "ttl", 63);
	sl_frame_accept(&expected, &got, &any, 1);
	assert_false(sl_frame_equal(&expected, &got));
}

static void bits_are_set(void **state)
{
	uint8_t header[4] = {0xff, 0xff, 0xff, 0xff};
	const struct sl_layer *mpls = &sl_layers[SL_LAYER_MPLS];

	sl_header_set(header, sl_header_find(mpls, "label"), 0x12345);
	sl_header_set(header, sl_header_find(mpls, "bottom"), 0);
	assert_int_equal(sl_header_get(header, sl_header_find(mpls, "label")), 0x12345);
	assert_int_equal(sl_header_get(header, sl_header_find(mpls, "tc")), 7);
	assert_int_equal(sl_header_get(header, sl_header_find(mpls, "bottom")), 0);
	assert_int_equal(header[3], 0xff);
	assert_int_equal(header[2], 0x5e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_found),    cmocka_unit_test(checksums_are_right),
		cmocka_unit_test(any_bytes_are_parsed), cmocka_unit_test(fields_may_differ),
		cmocka_unit_test(bits_are_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
