/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /v1/capture: packets as pcapng, as they pass. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/api_table.h>
#include <core/control/clock.h>
#include <core/control/filter.h>
#include <core/host/recent.h>
#include <core/host/watching.h>
#include <core/port/pcapng.h>

#define MOST_SNAP   262144
#define PIECE_BYTES 65536 /* made at a time, about */

struct capture_args {
	uint64_t given;
	struct sl_list at; /* of const char * */
	const char *filter;
	uint64_t count, snaplen, seconds;
};

static const struct sl_param capture_args[] = {
	{.name = "at",
	 .kind = SL_TEXT,
	 .flags = SL_LIST,
	 .offset = offsetof(struct capture_args, at),
	 .doc = "Where: PORT, PORT:rx, PORT:tx, HOP, HOP:EDGE, HOP:out, drops or drops:REASON; "
		"none: all ports"},
	{.name = "filter",
	 .kind = SL_TEXT,
	 .offset = offsetof(struct capture_args, filter),
	 .doc = "Which packets: an expression as of pcap-filter(7), without names of hosts"},
	{.name = "count",
	 .kind = SL_UINT,
	 .offset = offsetof(struct capture_args, count),
	 .doc = "End after so many packets; 0: do not"},
	{.name = "snaplen",
	 .kind = SL_UINT,
	 .offset = offsetof(struct capture_args, snaplen),
	 .def = "262144",
	 .min = 1,
	 .max = MOST_SNAP,
	 .doc = "Most bytes of a packet"},
	{.name = "seconds",
	 .kind = SL_UINT,
	 .offset = offsetof(struct capture_args, seconds),
	 .max = 31536000,
	 .doc = "End after so long; 0: do not"},
	{0},
};

struct capture {
	struct sl_watching *watching;
	struct sl_clock clock;
	char *filter; /* text, or NULL */
	uint32_t snap;
	uint64_t left;                      /* packets to the end; UINT64_MAX: there is none */
	uint64_t until;                     /* TSC; 0: no end */
	uint64_t captured, lost_told, told; /* TSC of the last statistics */
	/* Numbers of interfaces + 1, by the text of the hop; 0: none yet. */
	uint32_t *interfaces;
	uint32_t interface_room, interface_count;
	bool begun, ended;
	char *piece; /* being sent */
	size_t size, sent;
};

static bool is_over(const struct capture *c)
{
	return c->left == 0 || (c->until != 0 && rte_rdtsc() >= c->until);
}

static bool find_interface(struct capture *c, FILE *file, uint32_t text, uint32_t *interface)
{
	if (text >= c->interface_room) {
		uint32_t room = sl_watching_text_count(c->watching);
		uint32_t *grown = realloc(c->interfaces, room * sizeof(*grown));

		if (grown == NULL)
			return false;
		memset(grown + c->interface_room, 0, (room - c->interface_room) * sizeof(*grown));
		c->interfaces = grown;
		c->interface_room = room;
	}
	if (c->interfaces[text] == 0) {
		sl_pcapng_interface(file, sl_watching_text(c->watching, text),
				    c->snap < MOST_SNAP ? c->snap : 0, c->filter);
		c->interfaces[text] = ++c->interface_count;
	}
	*interface = c->interfaces[text] - 1;
	return true;
}

static void put_record(struct capture *c, FILE *file, const struct sl_watch_record *record)
{
	const char *how = sl_watching_text(c->watching, record->how);
	const char *hop = sl_watching_text(c->watching, record->hop);
	struct sl_pcapng_frame frame = {
		.stamp = sl_clock_stamp(&c->clock, record->tsc),
		.bytes = record->bytes,
		.captured = record->captured,
		.length = record->length,
	};
	size_t length = strlen(hop);
	char comment[256];

	if (!find_interface(c, file, record->hop, &frame.interface))
		return;
	if (record->what == SL_WATCH_DROP) {
		snprintf(comment, sizeof(comment), "%s dropped it: %s%s", hop, how,
			 record->fused ? " (by its flow's fused action)" : "");
		frame.comment = comment;
	} else if (record->what == SL_WATCH_OUT && strcmp(how, "sent") != 0) {
		snprintf(comment, sizeof(comment), "%s: %s", hop, how);
		frame.comment = comment;
	}
	if (record->what == SL_WATCH_IN && length > 3 && strcmp(hop + length - 3, ":rx") == 0)
		frame.way = SL_PCAPNG_INBOUND;
	else if (record->what == SL_WATCH_OUT && strcmp(how, "sent") == 0)
		frame.way = SL_PCAPNG_OUTBOUND;
	sl_pcapng_frame(file, &frame);
	c->captured++;
}

/* Once a second when something was lost, so that who stops listening knows; and at the end. */
static void put_statistics(struct capture *c, FILE *file, bool end)
{
	uint64_t lost = sl_watching_lost(c->watching), now = rte_rdtsc();

	if (c->interface_count == 0 ||
	    (!end && (lost == c->lost_told || now - c->told < rte_get_tsc_hz())))
		return;
	c->lost_told = lost;
	c->told = now;
	sl_pcapng_statistics(file, 0, sl_clock_stamp(&c->clock, now), c->captured, lost);
}

/* Make the next piece of the file. */
static void fill(struct capture *c)
{
	const struct sl_watch_record *record;
	FILE *file;

	free(c->piece);
	c->piece = NULL;
	c->size = c->sent = 0;
	file = open_memstream(&c->piece, &c->size);
	if (file == NULL) {
		c->ended = true;
		return;
	}
	if (!c->begun)
		sl_pcapng_section(file, "sluice " SL_VERSION);
	c->begun = true;
	sl_clock_read(&c->clock);
	while (c->left > 0 && ftell(file) < PIECE_BYTES &&
	       (record = sl_watching_next(c->watching)) != NULL) {
		put_record(c, file, record);
		sl_watching_done(c->watching);
		if (c->left != UINT64_MAX)
			c->left--;
	}
	c->ended = is_over(c);
	put_statistics(c, file, c->ended);
	if (fclose(file) != 0) {
		c->size = 0;
		c->ended = true;
	}
}

static bool ready(void *context)
{
	struct capture *c = context;

	return !c->begun || c->sent < c->size || is_over(c) || sl_watching_ready(c->watching);
}

static ssize_t read_piece(void *context, char *out, size_t room)
{
	struct capture *c = context;
	size_t some;

	if (c->sent == c->size) {
		if (c->ended)
			return -1;
		fill(c);
	}
	some = c->size - c->sent < room ? c->size - c->sent : room;
	if (some > 0)
		memcpy(out, c->piece + c->sent, some);
	c->sent += some;
	return some == 0 && c->ended ? -1 : (ssize_t)some;
}

static void capture_free(void *context)
{
	struct capture *c = context;

	sl_watching_end(c->watching);
	free(c->filter);
	free(c->interfaces);
	free(c->piece);
	free(c);
}

static struct capture *begin(struct sl_engine *engine, const struct capture_args *args,
			     struct sl_errors *errors)
{
	struct sl_watching_conf conf = {
		.snap = (uint32_t)args->snaplen,
		.points = args->at.items,
		.point_count = args->at.count,
	};
	struct capture *c;

	if (sl_filter_compile(args->filter, &conf.filter, errors) != 0)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		free(conf.filter);
		sl_fail(errors, ENOMEM, "out of memory");
		return NULL;
	}
	c->snap = conf.snap;
	c->left = args->count != 0 ? args->count : UINT64_MAX;
	c->filter = args->filter != NULL ? strdup(args->filter) : NULL;
	if (args->seconds != 0)
		c->until = rte_rdtsc() + args->seconds * rte_get_tsc_hz();
	c->watching = sl_watching_begin(engine, &conf, errors);
	if (c->watching != NULL)
		return c;
	free(c->filter);
	free(c);
	return NULL;
}

static json_t *capture(struct sl_api_call *call)
{
	struct sl_errors *errors;
	struct capture *c;
	json_t *answer = NULL;

	if (call->request->source == NULL)
		return sl_api_fail(call, SL_API_UNAVAILABLE, NULL, NULL,
				   "too many captures, traces and followers already");
	errors = sl_errors_new();
	c = begin(call->engine, call->args, errors);
	if (c == NULL) {
		answer = sl_api_fail_errors(call, -EINVAL, errors);
	} else {
		sl_engine_note(call->engine, "capture-begun", "{si}", "user",
			       (int)call->request->peer.uid);
		*call->request->source = (struct sl_api_source){
			.type = call->operation->type,
			.ready = ready,
			.read = read_piece,
			.close = capture_free,
			.context = c,
		};
	}
	sl_errors_free(errors);
	return answer;
}

const struct sl_api_operation sl_api_capture[] = {
	{
		.method = "GET",
		.path = "/v1/capture",
		.name = "capture",
		.summary = "Packets as they pass, as a pcapng file that goes on",
		.doc = "Lasts until the count or the time is over, or nobody reads. What finds no "
		       "room, as the reader is too slow, is counted in the file's statistics.",
		.role = SL_ROLE_ADMIN,
		.args = capture_args,
		.args_size = sizeof(struct capture_args),
		.type = "application/x-pcapng",
		.run = capture,
	},
	{.method = NULL},
};
