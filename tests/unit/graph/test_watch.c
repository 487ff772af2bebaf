/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures and traces in one graph: source -> route -> sink, where route drops some. */
#include "bed.h"

#include <stdlib.h>
#include <string.h>

#include <pcap/bpf.h>

#include <core/graph/watch.h>

struct bed bed;

enum { SOURCE, ROUTE, SINK, HOPS };
/* Texts. */
enum { T_SOURCE = 1, T_ROUTE, T_SINK, T_ON, T_BACK, T_ODD, T_SENT, T_ENGINE };

static void pass(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
}
static const struct sl_node_type source_type = {.name = "source", .process = pass};

static const struct sl_name reasons[] = {{"odd", ""}, {NULL, NULL}};

/* Odd ones are dropped; of the others the number changes. */
static void route(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (*number_of(pkts[i]) % 2 != 0)
			edge[i] = SL_DROP(0);
		else
			*number_of(pkts[i]) += 1000;
	}
}
static const struct sl_node_type route_type = {
	.name = "route", .reasons = reasons, .process = route};

static void sink(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		bed.got[bed.got_count++] = *number_of(pkts[i]);
		memset(rte_pktmbuf_mtod(pkts[i], void *), 0xee, 64);
		rte_pktmbuf_free(pkts[i]);
		edge[i] = SL_SENT;
	}
}
static const struct sl_node_type sink_type = {.name = "sink", .process = sink};

static struct sl_loaded_plugin plugin;
static struct sl_watch watch;
static struct sl_watch_ring ring;
static uint32_t edges[] = {T_ON, T_BACK};
static uint32_t why[1 + SL_REASON_COUNT]; /* the type's own reason comes first */

static void open_bed(uint64_t size)
{
	bed_reset();
	bed_hop(&source_type, NULL, 2);
	bed_hop(&route_type, NULL, 2);
	bed_hop(&sink_type, NULL, 2);
	bed.hops[SOURCE].edges[SL_ON] = ROUTE;
	bed.hops[ROUTE].edges[SL_ON] = SINK;
	sl_instance_belongs(bed.instances[ROUTE], &plugin);
	bed_compile();
	memset(&watch, 0, sizeof(watch));
	watch.snap = 64;
	ring = (struct sl_watch_ring){.size = size, .bytes = calloc(1, size)};
}

static struct sl_watch_view *look(void)
{
	struct sl_watch_view *view = calloc(1, sizeof(*view) + HOPS * sizeof(view->hops[0]));

	view->watch = &watch;
	view->ring = &ring;
	view->sent = T_SENT;
	view->hop_count = HOPS;
	why[0] = T_ODD;
	for (uint32_t i = 0; i < SL_REASON_COUNT; i++)
		why[1 + i] = T_ENGINE;
	for (uint32_t h = 0; h < HOPS; h++)
		view->hops[h] = (struct sl_watch_hop){.name = T_SOURCE + h,
						      .edges = edges,
						      .reasons = h == ROUTE ? why : &why[1]};
	return view;
}

static void close_bed(void)
{
	sl_watch_view_free(sl_watch_remove(bed.graph, &watch));
	bed_balance();
	bed_close();
	free(ring.bytes);
}

static const struct sl_watch_record *expect(enum sl_watch_what what, uint32_t hop, uint32_t how,
					    uint32_t number)
{
	const struct sl_watch_record *record = sl_watch_ring_next(&ring);
	uint32_t got;

	assert_non_null(record);
	memcpy(&got, record->bytes, sizeof(got));
	assert_int_equal(record->what, what);
	assert_int_equal(record->hop, hop);
	assert_int_equal(record->how, how);
	assert_int_equal(got, number);
	assert_int_equal(record->captured, RTE_MIN(record->length, watch.snap));
	return record;
}

static void done(const struct sl_watch_record *record)
{
	sl_watch_ring_done(&ring, record);
}

static void captures_at_hops_edges_and_drops(void **state)
{
	struct sl_watch_view *view;

	open_bed(65536);
	view = look();
	view->hops[ROUTE].in = true;
	view->hops[ROUTE].out[0] = 1 << SL_ON;
	view->hops[ROUTE].drops[0] = 1;
	view->hops[SINK].out[0] = 1 << SL_ON;
	sl_watch_add(bed.graph, view);
	bed_push(SOURCE, 0, 3);
	sl_graph_walk(bed.graph, 1);
	for (uint32_t i = 0; i < 3; i++)
		done(expect(SL_WATCH_IN, T_ROUTE, 0, i));
	done(expect(SL_WATCH_OUT, T_ROUTE, T_ON, 1000));
	done(expect(SL_WATCH_OUT, T_ROUTE, T_ON, 1002));
	done(expect(SL_WATCH_DROP, T_ROUTE, T_ODD, 1));
	/* As they were when they were sent, not as whoever has them now made them. */
	done(expect(SL_WATCH_OUT, T_SINK, T_SENT, 1000));
	done(expect(SL_WATCH_OUT, T_SINK, T_SENT, 1002));
	assert_null(sl_watch_ring_next(&ring));
	assert_int_equal(bed.got_count, 2);
	close_bed();
}

static void nothing_stays_behind(void **state)
{
	sl_process_fn before;
	struct sl_watch_view *view;
	struct sl_hop *hop;

	open_bed(65536);
	hop = sl_hop_of(sl_graph_node(bed.graph, ROUTE));
	before = hop->process;
	view = look();
	view->hops[ROUTE].in = true;
	view->inside = true;
	sl_watch_add(bed.graph, view);
	assert_ptr_not_equal(hop->process, before);
	assert_true(bed.graph->watched_inside);
	sl_watch_view_free(sl_watch_remove(bed.graph, &watch));
	assert_ptr_equal(hop->process, before);
	assert_false(bed.graph->watched_inside);
	assert_null(bed.graph->views);
	assert_null(sl_watch_remove(bed.graph, &watch));
	bed_push(SOURCE, 0, 8);
	sl_graph_walk(bed.graph, 1);
	assert_null(sl_watch_ring_next(&ring));
	close_bed();
}

static void look_into_route(struct sl_watch *whose)
{
	struct sl_watch_view *view = look();

	view->watch = whose;
	view->hops[ROUTE].in = true;
	sl_watch_add(bed.graph, view);
}

/* Quarantines and two views, in any order: what runs the hop depends on what there is, and not on
 * what came first. */
static void in_any_order_with_quarantines(void **state)
{
	struct sl_watch others = {.snap = 64};
	struct sl_watch *watches[] = {&watch, &others};
	bool on[2] = {false, false};
	enum sl_quarantine how = SL_QUARANTINE_NONE;
	uint64_t random = 7;

	open_bed(65536);
	for (unsigned int step = 0; step < 3000; step++) {
		struct sl_hop *hop = sl_hop_of(sl_graph_node(bed.graph, ROUTE));
		uint32_t choice, seen = 0, kept;

		random = random * 6364136223846793005 + 1442695040888963407;
		choice = (uint32_t)(random >> 33) % 5;
		if (choice < 2) {
			if (on[choice])
				sl_watch_view_free(sl_watch_remove(bed.graph, watches[choice]));
			else
				look_into_route(watches[choice]);
			on[choice] = !on[choice];
		} else {
			how = (enum sl_quarantine)(choice - 2);
			sl_instance_quarantine(bed.instances[ROUTE], how);
		}
		bed.got_count = 0;
		bed_push(SOURCE, 0, 4);
		sl_graph_walk(bed.graph, 1);
		bed_balance();
		for (const struct sl_watch_record *r; (r = sl_watch_ring_next(&ring)) != NULL;
		     done(r))
			seen += r->what == SL_WATCH_IN;
		kept = how == SL_QUARANTINE_NONE ? 2 : how == SL_QUARANTINE_BYPASS ? 4 : 0;
		assert_int_equal(bed.got_count, kept);
		assert_int_equal(seen, 4u * on[0] + 4u * on[1]);
		assert_int_equal(hop->process == sl_watch_process, on[0] || on[1]);
	}
	for (unsigned int i = 0; i < 2; i++)
		sl_watch_view_free(sl_watch_remove(bed.graph, watches[i]));
	close_bed();
}

static void only_what_the_filter_lets_through(void **state)
{
	/* The fourth byte, 0 in all, and the first: less than 4. */
	static const struct bpf_insn filter[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 4, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 1),
	};
	struct sl_watch_view *view;

	open_bed(65536);
	watch.filter = filter;
	view = look();
	view->hops[SOURCE].in = true;
	sl_watch_add(bed.graph, view);
	bed_push(SOURCE, 0, 100);
	sl_graph_walk(bed.graph, 1);
	for (uint32_t i = 0; i < 4; i++)
		done(expect(SL_WATCH_IN, T_SOURCE, 0, i));
	assert_null(sl_watch_ring_next(&ring));
	close_bed();
}

static void what_finds_no_room_is_counted(void **state)
{
	uint32_t next = 0, seen = 0;

	open_bed(4096);
	{
		struct sl_watch_view *view = look();

		view->hops[SOURCE].in = true;
		sl_watch_add(bed.graph, view);
	}
	/* The ring is read now and then, at all its places. */
	for (uint32_t round = 0; round < 500; round++) {
		const struct sl_watch_record *record;
		uint32_t n = 1 + round % 50;

		bed.got_count = 0;
		bed_push(SOURCE, next, n);
		sl_graph_walk(bed.graph, round);
		next += n;
		while (round % 3 != 0 && (record = sl_watch_ring_next(&ring)) != NULL) {
			assert_true(record->size >= sizeof(*record) + record->captured);
			assert_int_equal(record->what, SL_WATCH_IN);
			done(record);
			seen++;
		}
	}
	while (sl_watch_ring_next(&ring) != NULL) {
		done(sl_watch_ring_next(&ring));
		seen++;
	}
	assert_true(ring.lost > 0);
	assert_int_equal(seen + ring.lost, next);
	close_bed();
}

static void a_trace_follows_its_packets(void **state)
{
	struct sl_watch_view *view;
	const struct sl_watch_record *record;

	open_bed(65536);
	watch.traces = true;
	watch.limit = 2;
	view = look();
	for (unsigned int h = 0; h < HOPS; h++) {
		view->hops[h].drops[0] = UINT64_MAX;
		view->hops[h].out[0] = view->hops[h].out[1] = UINT64_MAX;
	}
	view->hops[SOURCE].begins = true;
	sl_watch_add(bed.graph, view);
	bed_push(SOURCE, 0, 10);
	sl_graph_walk(bed.graph, 1);
	for (uint32_t i = 0; i < 2; i++) {
		record = expect(SL_WATCH_IN, T_SOURCE, 0, i);
		assert_int_equal(record->packet, i + 1);
		done(record);
	}
	done(expect(SL_WATCH_OUT, T_SOURCE, T_ON, 0));
	done(expect(SL_WATCH_OUT, T_SOURCE, T_ON, 1));
	record = expect(SL_WATCH_OUT, T_ROUTE, T_ON, 1000);
	assert_int_equal(record->packet, 1);
	done(record);
	record = expect(SL_WATCH_DROP, T_ROUTE, T_ODD, 1);
	assert_int_equal(record->packet, 2);
	done(record);
	done(expect(SL_WATCH_OUT, T_SINK, T_SENT, 1000));
	assert_null(sl_watch_ring_next(&ring));
	/* Their places are free again. */
	for (unsigned int i = 0; i < SL_WATCH_SLOTS; i++)
		assert_null(watch.slots[i].m);
	close_bed();
}

static int open_eal(void **state)
{
	bed_open();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(captures_at_hops_edges_and_drops),
		cmocka_unit_test(nothing_stays_behind),
		cmocka_unit_test(in_any_order_with_quarantines),
		cmocka_unit_test(only_what_the_filter_lets_through),
		cmocka_unit_test(what_finds_no_room_is_counted),
		cmocka_unit_test(a_trace_follows_its_packets),
	};

	return cmocka_run_group_tests(tests, open_eal, NULL);
}
