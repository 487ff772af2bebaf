/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include <core/control/trace_packet.h>
#include <core/plugin/json.h>
#include <core/test/layers.h>

struct sl_trace_packet {
	uint32_t number;
	uint64_t first, last; /* TSC */
	json_t *json, *steps;
	struct sl_frame frame; /* as it was seen last */
	uint32_t length;
	bool ended;
};

static void read_frame(struct sl_frame *frame, const struct sl_watch_record *record)
{
	frame->length =
		record->captured < sizeof(frame->bytes) ? record->captured : sizeof(frame->bytes);
	memcpy(frame->bytes, record->bytes, frame->length);
	sl_frame_parse(frame);
}

/* Without the count of bytes at its end: only the headers were kept. */
static void put_headers(json_t *object, const struct sl_frame *frame)
{
	char text[SL_FRAME_TEXT];
	char *end;

	sl_frame_summary(frame, text, sizeof(text));
	end = strrchr(text, '/');
	if (end != NULL && end > text && end[-1] == ' ')
		end[-1] = '\0';
	sl_json_text(sl_json_from(object), "headers", text);
}

static void put_time(json_t *object, uint64_t stamp)
{
	time_t seconds = (time_t)(stamp / 1000000000);
	char when[32], text[64];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%09uZ", when, (unsigned int)(stamp % 1000000000));
	json_object_set_new(object, "time", json_string(text));
}

struct sl_trace_packet *sl_trace_packet_new(const struct sl_watch_record *record, const char *hop,
					    uint64_t stamp, unsigned int worker)
{
	struct sl_trace_packet *packet = calloc(1, sizeof(*packet));
	const char *colon = strrchr(hop, ':');

	if (packet == NULL)
		return NULL;
	packet->number = record->packet;
	packet->first = packet->last = record->tsc;
	packet->length = record->length;
	packet->json = json_object();
	packet->steps = json_array();
	read_frame(&packet->frame, record);
	json_object_set_new(packet->json, "number", json_integer(record->packet));
	put_time(packet->json, stamp);
	json_object_set_new(packet->json, "port",
			    json_stringn(hop, colon != NULL ? (size_t)(colon - hop) : strlen(hop)));
	json_object_set_new(packet->json, "worker", json_integer((json_int_t)worker));
	json_object_set_new(packet->json, "length", json_integer(record->length));
	put_headers(packet->json, &packet->frame);
	return packet;
}

void sl_trace_packet_free(struct sl_trace_packet *packet)
{
	if (packet == NULL)
		return;
	json_decref(packet->json);
	json_decref(packet->steps);
	free(packet);
}

uint32_t sl_trace_packet_number(const struct sl_trace_packet *packet)
{
	return packet->number;
}

uint64_t sl_trace_packet_last(const struct sl_trace_packet *packet)
{
	return packet->last;
}

bool sl_trace_packet_ended(const struct sl_trace_packet *packet)
{
	return packet->ended;
}

static bool same_layers(const struct sl_frame *a, const struct sl_frame *b)
{
	if (a->layer_count != b->layer_count)
		return false;
	for (uint32_t i = 0; i < a->layer_count; i++)
		if (a->layers[i].id != b->layers[i].id)
			return false;
	return true;
}

/* "ip.ttl 64 -> 63", for each field that differs. */
static void put_changes(json_t *list, const struct sl_frame *before, const struct sl_frame *now)
{
	for (uint32_t i = 0; i < now->layer_count; i++) {
		const struct sl_layer *layer = &sl_layers[now->layers[i].id];
		const uint8_t *a = before->bytes + before->layers[i].offset;
		const uint8_t *b = now->bytes + now->layers[i].offset;

		for (const struct sl_header_field *f = layer->fields; f->name != NULL; f++) {
			char was[SL_HEADER_TEXT], is[SL_HEADER_TEXT], text[2 * SL_HEADER_TEXT + 64];

			sl_header_format(a, f, was, sizeof(was));
			sl_header_format(b, f, is, sizeof(is));
			if (strcmp(was, is) == 0)
				continue;
			snprintf(text, sizeof(text), "%s.%s %s -> %s", layer->name, f->name, was,
				 is);
			sl_json_text(sl_json_from(list), NULL, text);
		}
	}
}

static void put_difference(struct sl_trace_packet *packet, json_t *step,
			   const struct sl_watch_record *record)
{
	struct sl_frame *now = malloc(sizeof(*now));
	json_t *changes = json_array();

	if (now == NULL) {
		json_decref(changes);
		return;
	}
	read_frame(now, record);
	if (same_layers(&packet->frame, now))
		put_changes(changes, &packet->frame, now);
	else
		put_headers(step, now);
	if (json_array_size(changes) != 0)
		json_object_set(step, "changes", changes);
	json_decref(changes);
	if (record->length != packet->length)
		json_object_set_new(step, "length", json_integer(record->length));
	packet->length = record->length;
	packet->frame = *now;
	free(now);
}

void sl_trace_packet_add(struct sl_trace_packet *packet, const struct sl_watch_record *record,
			 const char *hop, const char *how, unsigned int worker)
{
	double ns = 1e9 / (double)rte_get_tsc_hz() * (double)(int64_t)(record->tsc - packet->first);
	bool dropped = record->what == SL_WATCH_DROP;
	json_t *step = json_object();

	packet->last = record->tsc;
	json_object_set_new(step, "hop", json_string(hop));
	json_object_set_new(step, "ns", json_integer((json_int_t)ns));
	json_object_set_new(step, "worker", json_integer((json_int_t)worker));
	json_object_set_new(step, "way", json_string(dropped ? "drop" : how));
	if (dropped)
		json_object_set_new(step, "reason", json_string(how));
	put_difference(packet, step, record);
	json_array_append_new(packet->steps, step);
	if (dropped) {
		json_object_set_new(packet->json, "end", json_string("dropped"));
		json_object_set_new(packet->json, "reason", json_string(how));
	} else {
		/* Where it was seen last, unless it is seen again. */
		json_object_set_new(packet->json, "end", json_string(how));
	}
	packet->ended = dropped || strcmp(how, "sent") == 0 || strcmp(how, "joined") == 0;
}

json_t *sl_trace_packet_json(const struct sl_trace_packet *packet)
{
	json_t *json = json_copy(packet->json);

	json_object_set(json, "steps", packet->steps);
	return json;
}
