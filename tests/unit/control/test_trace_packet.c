/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/trace_packet.h>

static const uint8_t frame[] = {
	2,    0, 0, 0,  0, 1, 2, 0, 0,   0,  0, 2, 8,  0,                    /* Ethernet */
	0x45, 0, 0, 29, 0, 0, 0, 0, 64,  17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, /* IPv4 */
	0,    1, 0, 53, 0, 9, 0, 0, 'x',                                     /* UDP */
};

static struct sl_watch_record *record_of(enum sl_watch_what what, const uint8_t *bytes,
					 uint32_t captured, uint64_t tsc)
{
	struct sl_watch_record *record = calloc(1, sizeof(*record) + captured);

	record->what = (uint8_t)what;
	record->packet = 7;
	record->tsc = tsc;
	record->captured = record->length = captured;
	memcpy(record->bytes, bytes, captured);
	return record;
}

static void add(struct sl_trace_packet *packet, enum sl_watch_what what, const uint8_t *bytes,
		uint32_t captured, const char *hop, const char *how)
{
	struct sl_watch_record *record = record_of(what, bytes, captured, 2000);

	sl_trace_packet_add(packet, record, hop, how, 0);
	free(record);
}

static struct sl_trace_packet *begin(const uint8_t *bytes, uint32_t captured)
{
	struct sl_watch_record *record = record_of(SL_WATCH_IN, bytes, captured, 1000);
	struct sl_trace_packet *packet = sl_trace_packet_new(record, "lan:rx", 1500000000, 3);

	free(record);
	assert_non_null(packet);
	return packet;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static void changes_and_ways(void **state)
{
	struct sl_trace_packet *packet = begin(frame, sizeof(frame));
	uint8_t other[sizeof(frame) + 4];
	json_t *json, *steps, *step;

	memcpy(other, frame, sizeof(frame));
	other[22] = 63;
	other[29] = 9;
	add(packet, SL_WATCH_OUT, frame, sizeof(frame), "lan:rx", "on");
	add(packet, SL_WATCH_OUT, other, sizeof(frame), "web/nat>", "on");
	/* A tag is pushed. */
	memmove(other + 16, other + 12, sizeof(frame) - 12);
	memcpy(other + 12, "\x81\x00\x00\x05", 4);
	add(packet, SL_WATCH_OUT, other, sizeof(frame) + 4, "web/tag>", "on");
	assert_false(sl_trace_packet_ended(packet));
	add(packet, SL_WATCH_DROP, other, sizeof(frame) + 4, "web/fw>", "deny");
	assert_true(sl_trace_packet_ended(packet));
	assert_int_equal(sl_trace_packet_number(packet), 7);

	json = sl_trace_packet_json(packet);
	assert_string_equal(text_of(json, "port"), "lan");
	assert_string_equal(text_of(json, "time"), "1970-01-01T00:00:01.500000000Z");
	assert_string_equal(text_of(json, "end"), "dropped");
	assert_string_equal(text_of(json, "reason"), "deny");
	assert_string_equal(text_of(json, "headers"), "eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / "
						      "ip 10.0.0.1 > 10.0.0.2 / udp 1 > 53");
	steps = json_object_get(json, "steps");
	assert_int_equal(json_array_size(steps), 4);
	assert_null(json_object_get(json_array_get(steps, 0), "changes"));
	step = json_object_get(json_array_get(steps, 1), "changes");
	assert_int_equal(json_array_size(step), 2);
	assert_string_equal(json_string_value(json_array_get(step, 0)), "ip.ttl 64 -> 63");
	assert_string_equal(json_string_value(json_array_get(step, 1)),
			    "ip.src 10.0.0.1 -> 10.0.0.9");
	step = json_array_get(steps, 2);
	assert_null(json_object_get(step, "changes"));
	assert_non_null(strstr(text_of(step, "headers"), "/ vlan 5 / ip 10.0.0.9"));
	assert_int_equal(json_integer_value(json_object_get(step, "length")), sizeof(frame) + 4);
	assert_string_equal(text_of(json_array_get(steps, 3), "way"), "drop");
	json_decref(json);
	sl_trace_packet_free(packet);
}

/* Any bytes of any length, and none. */
static void what_is_no_packet(void **state)
{
	for (uint32_t length = 0; length <= sizeof(frame); length++) {
		struct sl_trace_packet *packet = begin(frame, length);
		json_t *json;

		add(packet, SL_WATCH_OUT, frame + sizeof(frame) - length, length, "a", "on");
		add(packet, SL_WATCH_OUT, frame, 0, "b", "on");
		add(packet, SL_WATCH_DROP, frame, length, "c", "short");
		json = sl_trace_packet_json(packet);
		assert_int_equal(json_array_size(json_object_get(json, "steps")), 3);
		json_decref(json);
		sl_trace_packet_free(packet);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_and_ways),
		cmocka_unit_test(what_is_no_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
