/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /v1/trace: packets hop by hop, an object a line. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/api_table.h>
#include <core/control/clock.h>
#include <core/control/filter.h>
#include <core/control/trace_packet.h>
#include <core/host/recent.h>
#include <core/host/watching.h>

#define MOST_PACKETS 10000
/* Of each packet, at each hop: what headers can take. */
#define SNAP 256
/* A packet that is not seen for so long is told as it is: it is held, or went where nobody looks.
 */
#define QUIET_MS 1000

struct trace_args {
	uint64_t given;
	struct sl_list at; /* of const char * */
	const char *filter;
	uint64_t count, seconds;
};

static const struct sl_param trace_args[] = {
	{.name = "at",
	 .kind = SL_TEXT,
	 .flags = SL_LIST,
	 .offset = offsetof(struct trace_args, at),
	 .doc = "Ports where packets are chosen; none: all"},
	{.name = "filter",
	 .kind = SL_TEXT,
	 .offset = offsetof(struct trace_args, filter),
	 .doc = "Which packets, as they are received: an expression as of pcap-filter(7), without "
		"names of hosts"},
	{.name = "count",
	 .kind = SL_UINT,
	 .offset = offsetof(struct trace_args, count),
	 .def = "10",
	 .min = 1,
	 .max = MOST_PACKETS,
	 .doc = "How many packets"},
	{.name = "seconds",
	 .kind = SL_UINT,
	 .offset = offsetof(struct trace_args, seconds),
	 .max = 31536000,
	 .doc = "End after so long, however many there were; 0: do not"},
	{0},
};

struct trace {
	struct sl_watching *watching;
	struct sl_clock clock;
	uint64_t until; /* TSC; 0: no end */
	uint64_t quiet; /* TSC ticks */
	uint32_t limit, told;
	struct sl_trace_packet *packets[SL_WATCH_SLOTS]; /* on their way */
	char *line;                                      /* being sent */
	size_t size, sent;
	bool ended;
};

/* The place of a packet on its way, or of none (number 0). */
static struct sl_trace_packet **place_of(struct trace *t, uint32_t number)
{
	for (unsigned int i = 0; i < SL_WATCH_SLOTS; i++) {
		const struct sl_trace_packet *packet = t->packets[i];

		if (number == 0 ? packet == NULL
				: packet != NULL && sl_trace_packet_number(packet) == number)
			return &t->packets[i];
	}
	return NULL;
}

/* The packet is told, and forgotten. */
static void tell(struct trace *t, struct sl_trace_packet **place)
{
	json_t *json = sl_trace_packet_json(*place);
	char *text = json_dumps(json, JSON_COMPACT);
	size_t length = text != NULL ? strlen(text) + 1 : 0;
	char *grown = realloc(t->line, t->size + length + 1);

	if (grown != NULL)
		t->line = grown;
	if (grown != NULL && length > 0) {
		text[length - 1] = '\n';
		memcpy(grown + t->size, text, length);
		t->size += length;
	}
	free(text);
	json_decref(json);
	sl_trace_packet_free(*place);
	*place = NULL;
	t->told++;
}

static void take_record(struct trace *t, const struct sl_watch_record *record)
{
	const char *hop = sl_watching_text(t->watching, record->hop);
	const char *how = sl_watching_text(t->watching, record->how);
	unsigned int worker = sl_watching_worker(t->watching);
	struct sl_trace_packet **place;

	if (record->what == SL_WATCH_IN) {
		place = place_of(t, 0);
		if (place != NULL)
			*place = sl_trace_packet_new(
				record, hop, sl_clock_stamp(&t->clock, record->tsc), worker);
		return;
	}
	place = place_of(t, record->packet);
	if (place == NULL)
		return;
	sl_trace_packet_add(*place, record, hop, how, worker);
	if (sl_trace_packet_ended(*place))
		tell(t, place);
}

static bool any_quiet(const struct trace *t, uint64_t now)
{
	for (unsigned int i = 0; i < SL_WATCH_SLOTS; i++)
		if (t->packets[i] != NULL &&
		    (int64_t)(now - sl_trace_packet_last(t->packets[i])) > (int64_t)t->quiet)
			return true;
	return false;
}

static bool is_over(const struct trace *t)
{
	return t->told >= t->limit || (t->until != 0 && rte_rdtsc() >= t->until);
}

static void fill(struct trace *t)
{
	const struct sl_watch_record *record;
	uint64_t now;

	t->size = t->sent = 0;
	sl_clock_read(&t->clock);
	while (t->size < 65536 && (record = sl_watching_next(t->watching)) != NULL) {
		take_record(t, record);
		sl_watching_done(t->watching);
	}
	now = rte_rdtsc();
	t->ended = t->until != 0 && now >= t->until;
	for (unsigned int i = 0; i < SL_WATCH_SLOTS; i++)
		if (t->packets[i] != NULL &&
		    (t->ended ||
		     (int64_t)(now - sl_trace_packet_last(t->packets[i])) > (int64_t)t->quiet))
			tell(t, &t->packets[i]);
	t->ended |= t->told >= t->limit;
}

static bool ready(void *context)
{
	struct trace *t = context;

	return t->sent < t->size || is_over(t) || sl_watching_ready(t->watching) ||
	       any_quiet(t, rte_rdtsc());
}

static ssize_t read_lines(void *context, char *out, size_t room)
{
	struct trace *t = context;
	size_t some;

	if (t->sent == t->size) {
		if (t->ended)
			return -1;
		fill(t);
	}
	some = t->size - t->sent < room ? t->size - t->sent : room;
	if (some > 0)
		memcpy(out, t->line + t->sent, some);
	t->sent += some;
	return some == 0 && t->ended ? -1 : (ssize_t)some;
}

static void trace_free(void *context)
{
	struct trace *t = context;

	sl_watching_end(t->watching);
	for (unsigned int i = 0; i < SL_WATCH_SLOTS; i++)
		sl_trace_packet_free(t->packets[i]);
	free(t->line);
	free(t);
}

static struct trace *begin(struct sl_engine *engine, const struct trace_args *args,
			   struct sl_errors *errors)
{
	struct sl_watching_conf conf = {
		.traces = true,
		.snap = SNAP,
		.limit = (uint32_t)args->count,
		.points = args->at.items,
		.point_count = args->at.count,
	};
	struct trace *t;

	if (sl_filter_compile(args->filter, &conf.filter, errors) != 0)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (t == NULL) {
		free(conf.filter);
		sl_fail(errors, ENOMEM, "out of memory");
		return NULL;
	}
	t->limit = conf.limit;
	t->quiet = QUIET_MS * rte_get_tsc_hz() / 1000;
	if (args->seconds != 0)
		t->until = rte_rdtsc() + args->seconds * rte_get_tsc_hz();
	t->watching = sl_watching_begin(engine, &conf, errors);
	if (t->watching != NULL)
		return t;
	free(t);
	return NULL;
}

static json_t *trace(struct sl_api_call *call)
{
	struct sl_errors *errors;
	json_t *answer = NULL;
	struct trace *t;

	if (call->request->source == NULL)
		return sl_api_fail(call, SL_API_UNAVAILABLE, NULL, NULL,
				   "too many captures, traces and followers already");
	errors = sl_errors_new();
	t = begin(call->engine, call->args, errors);
	if (t == NULL) {
		answer = sl_api_fail_errors(call, -EINVAL, errors);
	} else {
		sl_engine_note(call->engine, "trace-begun", "{si}", "user",
			       (int)call->request->peer.uid);
		*call->request->source = (struct sl_api_source){
			.type = call->operation->type,
			.ready = ready,
			.read = read_lines,
			.close = trace_free,
			.context = t,
		};
	}
	sl_errors_free(errors);
	return answer;
}

const struct sl_api_operation sl_api_trace[] = {
	{
		.method = "GET",
		.path = "/v1/trace",
		.name = "trace",
		.summary = "Packets hop by hop, a JSON object a line, each when its way is over",
		.doc = "Lasts until the count or the time is over, or nobody reads. A packet that "
		       "is "
		       "traced walks the graph, whether or not its flow is fused.",
		.role = SL_ROLE_ADMIN,
		.args = trace_args,
		.args_size = sizeof(struct trace_args),
		.type = "application/x-ndjson",
		.run = trace,
	},
	{.method = NULL},
};
