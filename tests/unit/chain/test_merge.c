/* SPDX-License-Identifier: BSD-3-Clause */
/* Two chains as one: what is there once, what twice, and where each hop leads. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <core/chain/merge.h>
#include <core/chain/plan.h>

enum { A, B, C, D };
enum { FW, NAT, CLS };
#define NONE UINT_MAX

static const struct sl_node_type type = {.name = "any"};
static const struct sl_node_type steers = {.name = "steers", .flags = SL_NODE_STEERS};
static struct sl_port_config plain;

/* A chain with ports a, b, c, d and VNFs fw, nat, cls. */
struct made {
	struct sl_chain chain;
	struct sl_chain_port ports[4];
	struct sl_chain_vnf vnfs[3];
	struct sl_chain_path paths[4];
	struct sl_chain_stop stops[4][4];
	struct sl_chain_steering steering;
	uint32_t edges[1];
};
static struct made old, new;
/* Of the new one: all of the old one goes on. */
static unsigned int ports[4], vnfs[3], steerings[1];

static void make(struct made *made)
{
	static const char *const port_names[] = {"a", "b", "c", "d"};
	static const char *const vnf_names[] = {"fw", "nat", "cls"};

	memset(made, 0, sizeof(*made));
	for (unsigned int i = 0; i < 4; i++)
		made->ports[i] = (struct sl_chain_port){.name = port_names[i], .config = &plain};
	for (unsigned int i = 0; i < 3; i++)
		made->vnfs[i] = (struct sl_chain_vnf){.name = vnf_names[i], .type = &type};
	made->chain = (struct sl_chain){.ports = made->ports,
					.port_count = 4,
					.vnfs = made->vnfs,
					.vnf_count = 3,
					.paths = made->paths,
					.steerings = &made->steering,
					.users = 1};
}

static int reset(void **state)
{
	make(&old);
	make(&new);
	for (unsigned int i = 0; i < 4; i++)
		ports[i] = i;
	for (unsigned int i = 0; i < 3; i++)
		vnfs[i] = i;
	steerings[0] = 0;
	return 0;
}

/* vnf numbers end with -1. */
static void path(struct made *made, const char *name, unsigned int first, unsigned int last, ...)
{
	unsigned int number = made->chain.path_count++;
	struct sl_chain_path *p = &made->paths[number];
	va_list args;
	int vnf;

	*p = (struct sl_chain_path){.name = name,
				    .first = first,
				    .last = last,
				    .both_ways = true,
				    .stops = made->stops[number]};
	va_start(args, last);
	while ((vnf = va_arg(args, int)) >= 0)
		p->stops[p->stop_count++].vnf = (unsigned int)vnf;
	va_end(args);
}

static struct sl_chain *merge(void)
{
	const struct sl_merge from = {.old = &old.chain,
				      .new = &new.chain,
				      .ports = ports,
				      .vnfs = vnfs,
				      .steerings = steerings,
				      .generation = 6};
	struct sl_errors *errors = sl_errors_new();
	struct sl_chain *merged = sl_merge(&from, errors);

	assert_non_null(merged);
	sl_errors_free(errors);
	return merged;
}

static const struct sl_plan_hop *find(const struct sl_plan *plan, const char *name)
{
	for (unsigned int i = 0; i < plan->hop_count; i++)
		if (strcmp(plan->hops[i].name, name) == 0)
			return &plan->hops[i];
	return NULL;
}

static const char *to(const struct sl_plan *plan, const char *name, unsigned int edge)
{
	const struct sl_plan_hop *hop = find(plan, name);

	assert_non_null(hop);
	if (edge >= hop->edge_count || hop->edges[edge] == SL_PLAN_NONE)
		return "nowhere";
	return plan->hops[hop->edges[edge]].name;
}

static struct sl_plan *plan_of(const struct sl_chain *chain)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_plan *plan = sl_plan_new(chain, errors);

	assert_non_null(plan);
	sl_errors_free(errors);
	return plan;
}

static void test_nothing(void **state)
{
	struct sl_chain *merged;

	path(&old, "web", A, B, FW, NAT, -1);
	path(&new, "web", A, B, FW, NAT, -1);
	merged = merge();
	assert_false(merged->merged->differs);
	assert_int_equal(merged->path_count, 1);
	sl_chain_free(merged);
	assert_int_equal(old.chain.users, 1);
	assert_int_equal(new.chain.users, 1);
}

/* The NAT is another one; beside it a path that nothing changes for. */
static void test_replaced(void **state)
{
	struct sl_chain *merged;
	struct sl_plan *plan;

	path(&old, "web", A, B, FW, NAT, -1);
	path(&old, "side", C, D, FW, -1);
	path(&new, "web", A, B, FW, NAT, -1);
	path(&new, "side", C, D, FW, -1);
	vnfs[NAT] = NONE;
	merged = merge();
	assert_true(merged->merged->differs);
	assert_int_equal(merged->vnf_count, 4);
	assert_string_equal(merged->vnfs[3].name, "nat@6");
	assert_int_equal(merged->merged->vnfs[NAT], 3);
	assert_int_equal(merged->merged->vnfs[FW], FW);
	assert_int_equal(merged->vnfs[FW].part, SL_PART_BOTH);
	assert_int_equal(merged->path_count, 3);
	assert_string_equal(merged->paths[2].name, "web@6");
	assert_int_equal(merged->paths[1].part, SL_PART_BOTH);

	plan = plan_of(merged);
	assert_string_equal(to(plan, "a:fuse-late", SL_ON), "a:drain");
	assert_string_equal(to(plan, "a:drain", SL_ON), "web/fw>");
	assert_string_equal(to(plan, "a:drain", SL_EDGE_FIRST), "web@6/fw>");
	assert_string_equal(to(plan, "web@6/fw>", SL_ON), "web@6/nat@6>");
	assert_string_equal(to(plan, "web/fw>", SL_ON), "web/nat>");
	assert_string_equal(to(plan, "web@6/nat@6>", SL_ON), "web@6/b>drain");
	assert_string_equal(to(plan, "web@6/b>drain", SL_ON), "b:tx");
	assert_int_equal(find(plan, "web@6/b>drain")->rank, SL_PLAN_DRAIN_OLD_EXIT);
	assert_int_equal(find(plan, "web/b>drain")->rank, SL_PLAN_DRAIN_NEW_EXIT);
	assert_string_equal(to(plan, "b:drain", SL_EDGE_FIRST), "web@6/nat@6<");
	assert_string_equal(to(plan, "b:drain", SL_ON), "web/nat<");
	assert_string_equal(to(plan, "c:fuse-late", SL_ON), "side/fw>");
	assert_null(find(plan, "c:drain"));
	sl_plan_free(plan);
	sl_chain_free(merged);
}

/* A port goes, another comes: what drains has the old one until the end. */
static void test_ports(void **state)
{
	struct sl_chain *merged;
	struct sl_plan *plan;

	path(&old, "web", A, B, FW, -1);
	path(&new, "web", A, B, FW, -1);
	ports[B] = NONE;
	merged = merge();
	assert_int_equal(merged->port_count, 5);
	assert_string_equal(merged->ports[4].name, "b@6");
	plan = plan_of(merged);
	assert_string_equal(to(plan, "web@6/fw>", SL_ON), "b@6:tx");
	assert_string_equal(to(plan, "web/fw>", SL_ON), "b:tx");
	assert_string_equal(to(plan, "b@6:fuse-late", SL_ON), "web@6/fw<");
	assert_string_equal(to(plan, "b:fuse-late", SL_ON), "web/fw<");
	assert_string_equal(to(plan, "a:drain", SL_EDGE_FIRST), "web@6/fw>");
	sl_plan_free(plan);
	sl_chain_free(merged);
}

/* Edges of a VNF that both have lead from old paths to old ones. */
static void test_edges(void **state)
{
	struct made *both[] = {&old, &new};
	struct sl_chain *merged;
	struct sl_plan *plan;

	for (unsigned int i = 0; i < 2; i++) {
		path(both[i], "main", A, B, CLS, -1);
		both[i]->edges[0] = 1;
		both[i]->vnfs[CLS].edge_paths = both[i]->edges;
		both[i]->vnfs[CLS].edge_count = 1;
	}
	path(&old, "web", A, B, CLS, FW, -1);
	path(&new, "web", A, B, CLS, NAT, -1);
	merged = merge();
	plan = plan_of(merged);
	assert_int_equal(merged->path_count, 4); /* `main` reaches what differs */
	assert_string_equal(to(plan, "main@6/cls>", SL_EDGE_FIRST), "web@6/fw>");
	assert_string_equal(to(plan, "main/cls>", SL_EDGE_FIRST), "web/nat>");
	assert_string_equal(to(plan, "a:drain", SL_EDGE_FIRST), "main@6/cls>");
	/* Several paths meet at b: each chain remembers its own. */
	assert_string_equal(to(plan, "b:drain", SL_EDGE_FIRST), "b@6:unpin");
	assert_string_equal(to(plan, "b:drain", SL_ON), "b:unpin");
	assert_string_equal(to(plan, "b@6:unpin", SL_EDGE_FIRST + 1), "web@6/fw<");
	assert_string_equal(to(plan, "web@6/b>drain", SL_ON), "web@6/b>pin");
	sl_plan_free(plan);
	sl_chain_free(merged);
}

/* What reaches a path that differs is another one, too, though it meets it at no port. */
static void test_reached(void **state)
{
	struct made *both[] = {&old, &new};
	struct sl_chain *merged;
	struct sl_plan *plan;

	for (unsigned int i = 0; i < 2; i++) {
		path(both[i], "main", A, B, CLS, -1);
		both[i]->edges[0] = 1;
		both[i]->vnfs[CLS].edge_paths = both[i]->edges;
		both[i]->vnfs[CLS].edge_count = 1;
	}
	path(&old, "web", C, D, FW, -1);
	path(&new, "web", C, D, NAT, -1);
	merged = merge();
	plan = plan_of(merged);
	assert_int_equal(merged->path_count, 4);
	assert_string_equal(to(plan, "a:drain", SL_EDGE_FIRST), "main@6/cls>");
	assert_string_equal(to(plan, "main@6/cls>", SL_EDGE_FIRST), "web@6/fw>");
	assert_string_equal(to(plan, "main/cls>", SL_EDGE_FIRST), "web/nat>");
	sl_plan_free(plan);
	sl_chain_free(merged);
}

static void test_steering(void **state)
{
	struct made *both[] = {&old, &new};
	struct sl_chain *merged;
	struct sl_plan *plan;

	for (unsigned int i = 0; i < 2; i++) {
		path(both[i], "one", A, B, FW, -1);
		path(both[i], "two", A, B, NAT, -1);
		both[i]->steering = (struct sl_chain_steering){.port = A, .type = &steers};
		both[i]->chain.steering_count = 1;
	}
	steerings[0] = NONE; /* its rules differ, and nothing else */
	merged = merge();
	assert_true(merged->merged->differs);
	assert_int_equal(merged->vnf_count, 3);
	assert_int_equal(merged->steering_count, 2);
	plan = plan_of(merged);
	assert_string_equal(to(plan, "a:drain", SL_EDGE_FIRST), "a@6:steer");
	assert_string_equal(to(plan, "a:drain", SL_ON), "a:steer");
	assert_string_equal(to(plan, "a@6:steer", SL_EDGE_FIRST + 1), "two@6/nat>");
	assert_string_equal(to(plan, "a:steer", SL_EDGE_FIRST + 1), "two/nat>");
	sl_plan_free(plan);
	sl_chain_free(merged);
}

static void test_names(void **state)
{
	assert_true(sl_merge_same_name("web@6/nat@17>", "web/nat>"));
	assert_true(sl_merge_same_name("web/nat>", "web/nat>"));
	assert_false(sl_merge_same_name("web@6/nat>", "web/nat<"));
	assert_false(sl_merge_same_name("web6/nat>", "web@6/nat>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing, reset),
		cmocka_unit_test_setup(test_replaced, reset),
		cmocka_unit_test_setup(test_ports, reset),
		cmocka_unit_test_setup(test_edges, reset),
		cmocka_unit_test_setup(test_reached, reset),
		cmocka_unit_test_setup(test_steering, reset),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
