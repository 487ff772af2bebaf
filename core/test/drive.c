/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each packet goes in when the one before has gone its whole way, so what comes out belongs to
 * it, and order does not depend on timing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include <core/control/report.h>
#include <core/flow/fusion.h>
#include <core/host/engine.h>
#include <core/test/drive.h>
#include <core/test/port.h>

#define ROUND_US 200
/* Nothing moves for so long: what is still inside waits for something, such as a fragment. */
#define STILL_MS 30
#define STUCK_MS 10000
/* From step to step at least so long: ICMP errors have a limit of rate. */
#define APART_MS 20

/* Packets that came out of a port and no step has asked for yet. */
struct came {
	struct sl_frame **frames;
	uint32_t count, next, room;
};

struct drive {
	const struct sl_test_case *test;
	struct sl_engine engine;
	struct came *came;             /* per port */
	const struct sl_test_step *in; /* the last that went in */
	uint64_t in_ms;                /* and when */
	json_t *before;                /* hops when the group of steps at hand began */
	FILE *out;
	int failures;
	bool broken; /* no use in going on */
};

static void __attribute__((format(printf, 3, 4)))
fail(struct drive *d, const struct sl_test_step *step, const char *format, ...)
{
	va_list args;

	d->failures++;
	if (step != NULL)
		fprintf(d->out, "    %s:%u:%u: ", step->place.file, step->place.line,
			step->place.column);
	else
		fprintf(d->out, "    %s: ", d->test->file);
	va_start(args, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is, in the line above */
	vfprintf(d->out, format, args);
	va_end(args);
	fputc('\n', d->out);
}

static uint64_t now_ms(void)
{
	return rte_rdtsc() / (rte_get_tsc_hz() / 1000);
}

/* Until nothing moves any more. */
static void settle(struct drive *d)
{
	uint64_t started = now_ms(), moved = started;
	struct sl_totals last, now;

	sl_engine_totals(&d->engine, &last);
	for (;;) {
		uint16_t hop;

		sl_engine_poll(&d->engine, ROUND_US, -1);
		if (sl_engine_drained(&d->engine))
			return;
		sl_engine_totals(&d->engine, &now);
		if (memcmp(&now, &last, sizeof(now)) != 0)
			moved = now_ms();
		last = now;
		if (now.held > 0 && now_ms() - moved > STILL_MS)
			return;
		if (now_ms() - started < STUCK_MS)
			continue;
		fail(d, d->in, "the engine does not come to rest%s",
		     sl_engine_worker_stuck(&d->engine, 0, &hop) ? ": its worker hangs" : "");
		d->broken = true;
		return;
	}
}

/* Gratuitous ARP and unsolicited neighbour advertisements, which ports send of themselves. */
static bool is_announcement(const struct sl_frame *frame)
{
	static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
	const uint8_t *second;

	if (frame->layer_count < 2)
		return false;
	second = frame->bytes + frame->layers[1].offset;
	if (frame->layers[1].id == SL_LAYER_ARP)
		return memcmp(second + 14, second + 24, 4) == 0;
	return frame->layers[1].id == SL_LAYER_IP6 && frame->layer_count > 2 &&
	       frame->layers[2].id == SL_LAYER_ICMP6 && second[40] == 136 &&
	       memcmp(second + 24, all_nodes, 16) == 0;
}

static bool keep(struct came *came, struct sl_frame *frame)
{
	if (came->count == came->room) {
		uint32_t room = came->room == 0 ? 16 : 2 * came->room;
		struct sl_frame **frames = realloc(came->frames, room * sizeof(*frames));

		if (frames == NULL)
			return false;
		came->frames = frames;
		came->room = room;
	}
	came->frames[came->count++] = frame;
	return true;
}

static void collect(struct drive *d)
{
	for (unsigned int i = 0; i < d->engine.port_count; i++) {
		struct rte_mbuf *packet;

		while ((packet = sl_test_port_take(d->engine.ports[i])) != NULL) {
			struct sl_frame *frame = calloc(1, sizeof(*frame));
			const void *bytes;

			if (frame != NULL && packet->pkt_len <= SL_MAX_FRAME) {
				frame->length = packet->pkt_len;
				bytes = rte_pktmbuf_read(packet, 0, packet->pkt_len, frame->bytes);
				if (bytes != frame->bytes)
					memcpy(frame->bytes, bytes, frame->length);
				sl_frame_parse(frame);
			}
			rte_pktmbuf_free(packet);
			if (frame == NULL || is_announcement(frame) || !keep(&d->came[i], frame))
				free(frame);
		}
	}
}

static json_t *hops(struct drive *d)
{
	json_t *stats = sl_report_stats(&d->engine);
	json_t *hops = json_incref(json_object_get(stats, "hops"));

	json_decref(stats);
	return hops;
}

/* Packets dropped for a reason by the hops whose names have that part. */
static json_int_t dropped(const json_t *hops, const char *reason, const char *part)
{
	json_int_t sum = 0;
	const json_t *hop;
	size_t i;

	json_array_foreach (hops, i, hop)
		if (part == NULL ||
		    strstr(json_string_value(json_object_get(hop, "name")), part) != NULL)
			sum += json_integer_value(
				json_object_get(json_object_get(hop, "drops"), reason));
	return sum;
}

static void list_drops(struct drive *d, const json_t *now)
{
	const json_t *hop, *count;
	const char *reason;
	size_t i;

	json_array_foreach (now, i, hop) {
		const char *name = json_string_value(json_object_get(hop, "name"));

		json_object_foreach ((json_t *)json_object_get(hop, "drops"), reason, count) {
			json_int_t more =
				json_integer_value(count) - dropped(d->before, reason, name);

			if (more > 0)
				fprintf(d->out, "      dropped at %s as %s: %" PRId64 "\n", name,
					reason, (int64_t)more);
		}
	}
}

/* What came out and was not asked for. */
static void check_rest(struct drive *d)
{
	for (unsigned int i = 0; i < d->engine.port_count; i++) {
		struct came *came = &d->came[i];
		char text[SL_FRAME_TEXT];

		for (; came->next < came->count; came->next++) {
			const struct sl_frame *frame = came->frames[came->next];

			fail(d, d->in,
			     "then at %s came what no step expects:", d->engine.ports[i]->name);
			fprintf(d->out, "      %s\n", sl_frame_summary(frame, text, sizeof(text)));
			sl_frame_dump(frame, d->out);
		}
	}
}

static void begin_group(struct drive *d)
{
	check_rest(d);
	json_decref(d->before);
	d->before = hops(d);
}

static void take_in(struct drive *d, const struct sl_test_step *step)
{
	struct sl_port *port = d->engine.ports[step->port];

	while (now_ms() - d->in_ms < APART_MS)
		sl_engine_poll(&d->engine, 1000, -1);
	d->in_ms = now_ms();
	d->in = step;
	for (uint64_t n = 0; n < step->times * step->frame_count && !d->broken; n++) {
		const struct sl_frame *frame = &step->frames[n % step->frame_count];

		if (!sl_test_port_give(port, frame->bytes, frame->length)) {
			fail(d, step, "no memory for the packet");
			d->broken = true;
			return;
		}
		settle(d);
		collect(d);
	}
}

static void expect_out(struct drive *d, const struct sl_test_step *step)
{
	struct came *came = &d->came[step->port];
	const char *port = d->engine.ports[step->port]->name;
	char text[SL_FRAME_TEXT];

	for (uint64_t n = 0; n < step->times * step->frame_count; n++) {
		struct sl_frame expected = step->frames[n % step->frame_count];
		const struct sl_frame *got;
		json_t *now;

		if (came->next == came->count) {
			fail(d, step, "nothing came out at %s; expected", port);
			fprintf(d->out, "      %s\n",
				sl_frame_summary(&expected, text, sizeof(text)));
			now = hops(d);
			list_drops(d, now);
			json_decref(now);
			return;
		}
		got = came->frames[came->next++];
		sl_frame_accept(&expected, got, step->any, step->any_count);
		if (sl_frame_equal(&expected, got))
			continue;
		fail(d, step, "the packet at %s is not the expected one", port);
		sl_frame_diff(&expected, got, d->out);
	}
}

static void expect_drop(struct drive *d, const struct sl_test_step *step)
{
	json_t *now = hops(d);
	json_int_t count =
		dropped(now, step->reason, step->hop) - dropped(d->before, step->reason, step->hop);

	if (step->count != 0 ? count != (json_int_t)step->count : count == 0) {
		fail(d, step, "%" PRId64 " packets were dropped as %s%s%s; expected %s%" PRIu64,
		     (int64_t)count, step->reason, step->hop != NULL ? " at " : "",
		     step->hop != NULL ? step->hop : "", step->count != 0 ? "" : "at least ",
		     step->count != 0 ? step->count : 1);
		list_drops(d, now);
	}
	json_decref(now);
}

static void let_pass(struct drive *d, uint64_t nanoseconds)
{
	uint64_t end = now_ms() + nanoseconds / 1000000;

	while (now_ms() < end)
		sl_engine_poll(&d->engine, 1000, -1);
	settle(d);
	collect(d);
}

static void run_steps(struct drive *d)
{
	const struct sl_test_step *last = NULL;

	settle(d); /* what ports say when they start */
	collect(d);
	begin_group(d);
	for (uint32_t i = 0; i < d->test->step_count && !d->broken; i++) {
		const struct sl_test_step *step = &d->test->steps[i];

		if (step->kind == SL_TEST_IN && last != NULL && last->kind != SL_TEST_IN &&
		    last->kind != SL_TEST_WAIT)
			begin_group(d);
		last = step;
		switch (step->kind) {
		case SL_TEST_IN:
			take_in(d, step);
			break;
		case SL_TEST_OUT:
			expect_out(d, step);
			break;
		case SL_TEST_DROP:
			expect_drop(d, step);
			break;
		case SL_TEST_WAIT:
			let_pass(d, step->wait);
			break;
		}
	}
	check_rest(d);
}

/* The law of packets; and that fused packets were what the graph makes. */
static void check_end(struct drive *d)
{
	uint64_t mismatches = 0;
	struct sl_totals t;

	sl_engine_totals(&d->engine, &t);
	if (t.rx + t.made != t.tx + t.drops + t.joined + t.held)
		fail(d, NULL,
		     "packets are lost: %" PRIu64 " came, %" PRIu64 " were made, %" PRIu64
		     " left, %" PRIu64 " were dropped, %" PRIu64 " joined, %" PRIu64 " are held",
		     t.rx, t.made, t.tx, t.drops, t.joined, t.held);
	for (unsigned int i = 0; d->engine.fusion != NULL && i < d->engine.worker_count; i++) {
		struct sl_fusion_stats stats;

		sl_fusion_stats(d->engine.fusion[i], &stats);
		mismatches += stats.mismatches;
	}
	if (mismatches != 0)
		fail(d, NULL, "%" PRIu64 " fused packets are not what the graph makes of them",
		     mismatches);
}

static void free_came(struct drive *d, unsigned int ports)
{
	for (unsigned int i = 0; d->came != NULL && i < ports; i++) {
		for (uint32_t n = 0; n < d->came[i].count; n++)
			free(d->came[i].frames[n]);
		free(d->came[i].frames);
	}
	free(d->came);
}

static void ignore_event(void *context, struct sl_engine *engine, const char *line)
{
}

int sl_test_drive(struct sl_test_case *test, const struct sl_host_config *config,
		  struct sl_registry *registry, int fusion, FILE *out, struct sl_errors *errors)
{
	struct drive d = {.test = test, .out = out};
	unsigned int ports = test->chain->port_count;
	int result = -1;

	d.engine.config = config;
	d.engine.registry = registry;
	d.engine.event = ignore_event;
	d.engine.fusion_mode = fusion;
	d.came = calloc(ports, sizeof(*d.came));
	if (d.came == NULL) {
		sl_fail(errors, ENOMEM, "out of memory");
		sl_chain_free(test->chain);
	} else if (sl_engine_start(&d.engine, test->chain, errors) == 0) {
		run_steps(&d);
		sl_engine_stop(&d.engine);
		check_end(&d);
		result = d.failures;
	}
	json_decref(d.before);
	free_came(&d, ports);
	sl_engine_free(&d.engine);
	return result;
}
