/* SPDX-License-Identifier: BSD-3-Clause */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <core/chain/plan.h>

/* Chains are built by hand: ports a (L2), b (L2), c (with addresses), d (with addresses). */
enum { A, B, C, D };
enum { PASS, FW, NAT, CLS };

static uint32_t any_worker(const struct sl_instance *instance, const struct rte_mbuf *m,
			   enum sl_side from, uint32_t workers)
{
	return 0;
}

static const struct sl_node_type pass_type = {.name = "pass"};
static const struct sl_node_type fw_type = {.name = "fw", .flags = SL_NODE_WHOLE_DATAGRAMS};
static const struct sl_node_type nat_type = {.name = "nat", .spread = any_worker};
static const struct sl_node_type cls_type = {.name = "cls", .flags = SL_NODE_STEERS};

static struct sl_port_config plain, routed = {.addresses = {.count = 1}};
static struct sl_chain_port ports[] = {
	{.name = "a", .config = &plain},
	{.name = "b", .config = &plain},
	{.name = "c", .config = &routed},
	{.name = "d", .config = &routed},
};
static struct sl_chain_vnf vnfs[] = {
	{.name = "pass", .type = &pass_type},
	{.name = "fw", .type = &fw_type},
	{.name = "nat", .type = &nat_type},
	{.name = "cls", .type = &cls_type},
};
static struct sl_chain_stop stops[8][4];
static struct sl_chain_path paths[8];
static struct sl_chain_steering steering;
static struct sl_chain chain;

static void reset(void)
{
	chain = (struct sl_chain){.name = "test",
				  .file = "test.yaml",
				  .ports = ports,
				  .port_count = 4,
				  .vnfs = vnfs,
				  .vnf_count = 4,
				  .paths = paths};
	vnfs[CLS].edge_count = 0;
}

/* way: "<->" or "->"; vnf numbers end with -1. */
static void path(const char *name, unsigned int first, const char *way, unsigned int last, ...)
{
	struct sl_chain_path *p = &paths[chain.path_count];
	va_list args;
	int vnf;

	*p = (struct sl_chain_path){.name = name,
				    .first = first,
				    .last = last,
				    .both_ways = strcmp(way, "<->") == 0,
				    .stops = stops[chain.path_count]};
	va_start(args, last);
	while ((vnf = va_arg(args, int)) >= 0)
		p->stops[p->stop_count++].vnf = (unsigned int)vnf;
	va_end(args);
	chain.path_count++;
}

static uint16_t hop(const struct sl_plan *plan, const char *name)
{
	for (unsigned int i = 0; i < plan->hop_count; i++)
		if (strcmp(plan->hops[i].name, name) == 0)
			return (uint16_t)i;
	fail_msg("no hop %s", name);
	return 0;
}

static bool has(const struct sl_plan *plan, const char *name)
{
	for (unsigned int i = 0; i < plan->hop_count; i++)
		if (strcmp(plan->hops[i].name, name) == 0)
			return true;
	return false;
}

static void leads(const struct sl_plan *plan, const char *from, unsigned int edge, const char *to)
{
	uint16_t target = plan->hops[hop(plan, from)].edges[edge];

	assert_int_not_equal(target, SL_PLAN_NONE);
	/* Where flows are looked up is for a test of its own. */
	while (plan->hops[target].kind == SL_PLAN_FUSE) {
		target = plan->hops[target].edges[SL_ON];
		assert_int_not_equal(target, SL_PLAN_NONE);
	}
	assert_string_equal(plan->hops[target].name, to);
	assert_true(edge < plan->hops[hop(plan, from)].edge_count);
}

static void leads_nowhere(const struct sl_plan *plan, const char *from, unsigned int edge)
{
	assert_int_equal(plan->hops[hop(plan, from)].edges[edge], SL_PLAN_NONE);
}

static struct sl_plan *planned(void)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_plan *plan = sl_plan_new(&chain, errors);

	sl_errors_print(errors, stderr);
	assert_non_null(plan);
	sl_errors_free(errors);
	return plan;
}

static void refused(const char *why)
{
	struct sl_errors *errors = sl_errors_new();

	assert_null(sl_plan_new(&chain, errors));
	assert_int_equal(sl_errors_count(errors), 1);
	assert_non_null(strstr(sl_errors_get(errors, 0)->text, why));
	sl_errors_free(errors);
	assert_null(sl_plan_new(&chain, NULL));
}

static void a_bridge(void **state)
{
	struct sl_plan *plan;

	reset();
	path("web", A, "<->", B, PASS, NAT, -1);
	plan = planned();
	leads(plan, "a:rx", SL_ON, "a:spread");
	leads(plan, "a:spread", SL_ON, "web/pass>");
	leads(plan, "web/pass>", SL_ON, "web/nat>");
	leads(plan, "web/pass>", SL_BACK, "a:tx");
	leads(plan, "web/nat>", SL_ON, "b:tx");
	leads(plan, "web/nat>", SL_BACK, "web/pass<");
	leads(plan, "b:spread", SL_ON, "web/nat<");
	leads(plan, "web/nat<", SL_ON, "web/pass<");
	leads(plan, "web/nat<", SL_BACK, "b:tx");
	leads(plan, "web/pass<", SL_ON, "a:tx");
	leads(plan, "web/pass<", SL_BACK, "web/nat>");
	leads_nowhere(plan, "a:tx", SL_ON);
	assert_int_equal(plan->rx[A], hop(plan, "a:rx"));
	assert_int_equal(plan->out[A], hop(plan, "a:tx"));
	assert_int_equal(plan->spread_vnf[A], NAT);
	assert_int_equal(plan->spread_side[A], SL_INSIDE);
	assert_int_equal(plan->spread_side[B], SL_OUTSIDE);
	assert_int_equal(plan->hops[hop(plan, "web/nat<")].from, SL_OUTSIDE);
	/* c and d are in no path: what comes in there goes nowhere. */
	leads(plan, "c:rx", SL_ON, "c:l3-in");
	leads_nowhere(plan, "c:l3-in", SL_ON);
	assert_false(has(plan, "a:reassemble"));
	sl_plan_free(plan);
}

static void a_router(void **state)
{
	struct sl_plan *plan;

	reset();
	path("web", C, "<->", D, FW, NAT, -1);
	plan = planned();
	leads(plan, "c:rx", SL_ON, "c:reassemble");
	leads(plan, "c:reassemble", SL_ON, "c:l3-in");
	leads(plan, "c:l3-in", SL_ON, "c:spread");
	leads(plan, "c:l3-in", SL_BACK, "c:out");
	leads(plan, "c:out", SL_ON, "c:tx");
	leads_nowhere(plan, "c:out", SL_BACK);
	leads(plan, "web/nat>", SL_ON, "web/d>out");
	leads(plan, "web/d>out", SL_ON, "d:tx");
	leads(plan, "web/d>out", SL_BACK, "web/nat<");
	leads(plan, "web/fw<", SL_ON, "web/c<out");
	leads(plan, "web/c<out", SL_BACK, "web/fw>");
	leads(plan, "web/fw>", SL_BACK, "web/c<out");
	assert_int_equal(plan->out[C], hop(plan, "c:out"));
	sl_plan_free(plan);
}

static void two_ports_joined_without_vnf(void **state)
{
	struct sl_plan *plan;

	reset();
	path("wire", C, "<->", D, -1);
	plan = planned();
	leads(plan, "c:spread", SL_ON, "wire/d>out");
	leads(plan, "wire/d>out", SL_BACK, "wire/c<out");
	leads(plan, "d:spread", SL_ON, "wire/c<out");
	sl_plan_free(plan);
}

static void fragments_leave_bridges_as_fragments(void **state)
{
	struct sl_plan *plan;

	reset();
	path("web", A, "<->", B, FW, -1);
	plan = planned();
	leads(plan, "a:rx", SL_ON, "a:reassemble");
	leads(plan, "web/fw>", SL_ON, "web/b>fragment");
	leads(plan, "web/b>fragment", SL_ON, "b:tx");
	leads(plan, "web/b>fragment", SL_BACK, "web/fw<");
	leads(plan, "web/fw>", SL_BACK, "web/a<fragment");
	sl_plan_free(plan);
}

static void one_way_turns_back_to_where_it_came_from(void **state)
{
	struct sl_plan *plan;

	reset();
	path("tap", A, "->", B, FW, PASS, -1);
	path("route", C, "->", D, PASS, -1);
	plan = planned();
	leads(plan, "tap/fw>", SL_BACK, "a:fragment");
	leads(plan, "tap/pass>", SL_BACK, "a:fragment");
	leads(plan, "tap/b>fragment", SL_BACK, "a:fragment");
	leads(plan, "a:fragment", SL_ON, "a:tx");
	leads(plan, "route/d>out", SL_BACK, "c:out");
	leads(plan, "route/pass>", SL_BACK, "c:out");
	leads_nowhere(plan, "b:rx", SL_ON);
	assert_false(has(plan, "tap/fw<"));
	sl_plan_free(plan);
}

static void steering_chooses_and_the_way_back_is_pinned(void **state)
{
	struct sl_plan *plan;

	reset();
	path("web", A, "<->", C, PASS, -1);
	path("bulk", A, "<->", C, FW, PASS, -1);
	steering = (struct sl_chain_steering){.port = A, .type = &cls_type};
	chain.steerings = &steering;
	chain.steering_count = 1;
	plan = planned();
	leads(plan, "a:spread", SL_ON, "a:steer");
	leads(plan, "a:steer", SL_EDGE_FIRST, "web/pass>");
	leads(plan, "a:steer", SL_EDGE_FIRST + 1, "bulk/fw>");
	leads(plan, "a:steer", SL_BACK, "a:fragment");
	leads_nowhere(plan, "a:steer", SL_ON);
	leads(plan, "web/pass>", SL_ON, "web/c>pin");
	leads(plan, "web/c>pin", SL_ON, "web/c>out");
	leads(plan, "web/c>out", SL_BACK, "web/pass<");
	assert_int_equal(plan->hops[hop(plan, "bulk/c>pin")].rank, 1);
	leads(plan, "c:spread", SL_ON, "c:unpin");
	leads(plan, "c:unpin", SL_EDGE_FIRST + 1, "bulk/pass<");
	leads(plan, "c:unpin", SL_ON, "web/pass<");
	assert_false(has(plan, "web/a<pin"));
	/* Ports a and c both reassemble, as bulk's firewall wants it. */
	leads(plan, "web/pass<", SL_ON, "web/a<fragment");
	sl_plan_free(plan);
}

static void steering_spreads_each_path_in_its_own_way(void **state)
{
	struct sl_plan *plan;

	reset();
	path("plain", A, "<->", B, PASS, -1);
	path("nat", A, "<->", C, NAT, -1);
	steering = (struct sl_chain_steering){.port = A, .type = &cls_type};
	chain.steerings = &steering;
	chain.steering_count = 1;
	plan = planned();
	leads(plan, "a:rx", SL_ON, "a:steer");
	leads(plan, "a:steer", SL_EDGE_FIRST, "plain/a:spread");
	leads(plan, "a:steer", SL_EDGE_FIRST + 1, "nat/a:spread");
	leads(plan, "nat/a:spread", SL_ON, "nat/nat>");
	assert_int_equal(plan->hops[hop(plan, "nat/a:spread")].vnf, NAT);
	assert_int_equal(plan->hops[hop(plan, "plain/a:spread")].vnf, UINT_MAX);
	sl_plan_free(plan);
}

static void ambiguous_starts_are_refused(void **state)
{
	reset();
	path("web", A, "<->", C, PASS, -1);
	path("bulk", A, "<->", C, FW, -1);
	refused("path `bulk` starts at port `a` like path `web`");
}

static void a_classifier_in_the_middle(void **state)
{
	static const uint32_t to_bulk[] = {1};
	struct sl_plan *plan;

	reset();
	path("web", A, "<->", B, CLS, PASS, -1);
	path("bulk", A, "<->", B, CLS, NAT, -1);
	vnfs[CLS].edge_paths = to_bulk;
	vnfs[CLS].edge_count = 1;
	plan = planned();
	/* Past the classifier that both share, not into it again. */
	leads(plan, "web/cls>", SL_EDGE_FIRST, "bulk/nat>");
	leads(plan, "web/cls<", SL_EDGE_FIRST, "a:tx");
	leads(plan, "a:spread", SL_ON, "web/cls>");
	leads(plan, "b:spread", SL_ON, "b:unpin");
	leads(plan, "b:unpin", SL_EDGE_FIRST + 1, "bulk/nat<");

	reset();
	path("web", A, "<->", B, CLS, PASS, -1);
	path("bulk", C, "->", D, FW, -1);
	vnfs[CLS].edge_paths = to_bulk;
	vnfs[CLS].edge_count = 1;
	sl_plan_free(plan);
	plan = planned();
	leads(plan, "web/cls>", SL_EDGE_FIRST, "bulk/fw>");
	leads(plan, "web/cls<", SL_EDGE_FIRST, "bulk/fw>");
	/* a's packets may reach bulk's firewall, so fragments are put together there. */
	leads(plan, "a:rx", SL_ON, "a:reassemble");
	leads(plan, "web/pass>", SL_ON, "web/b>fragment");
	sl_plan_free(plan);
}

static void every_hop_is_named_once(void **state)
{
	struct sl_plan *plan;

	reset();
	path("web", A, "<->", C, FW, NAT, -1);
	path("bulk", B, "<->", C, NAT, -1);
	path("out", A, "->", A, PASS, -1);
	steering = (struct sl_chain_steering){.port = A, .type = &cls_type};
	chain.steerings = &steering;
	chain.steering_count = 1;
	plan = planned();
	for (unsigned int i = 0; i < plan->hop_count; i++) {
		assert_int_equal(hop(plan, plan->hops[i].name), i);
		for (unsigned int e = 0; e <= SL_EDGE_LAST; e++)
			assert_true(plan->hops[i].edges[e] == SL_PLAN_NONE ||
				    (plan->hops[i].edges[e] < plan->hop_count &&
				     e < plan->hops[i].edge_count));
	}
	sl_plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bridge),
		cmocka_unit_test(a_router),
		cmocka_unit_test(two_ports_joined_without_vnf),
		cmocka_unit_test(fragments_leave_bridges_as_fragments),
		cmocka_unit_test(one_way_turns_back_to_where_it_came_from),
		cmocka_unit_test(steering_chooses_and_the_way_back_is_pinned),
		cmocka_unit_test(steering_spreads_each_path_in_its_own_way),
		cmocka_unit_test(ambiguous_starts_are_refused),
		cmocka_unit_test(a_classifier_in_the_middle),
		cmocka_unit_test(every_hop_is_named_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
