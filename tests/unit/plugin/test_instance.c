/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include <core/error/errors.h>
#include <core/plugin/instance.h>

struct state {
	uint64_t worker, value;
};

static int created, destroyed, inits, polls;
static int create_result, init_result;

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	created++;
	return create_result;
}

static void destroy(struct sl_instance *instance)
{
	destroyed++;
}

static int worker_init(struct sl_node *node, struct sl_errors *errors)
{
	struct state *s = node->state;

	inits++;
	s->worker = node->worker;
	return init_result;
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
}

static void poll(struct sl_instance *instance)
{
	polls++;
}

static const struct sl_node_type type = {
	.name = "type",
	.doc = "d",
	.counters = (const struct sl_name[]){{"one", "1"}, {"two", "2"}, {0}},
	.instance_size = 4096,
	.state_size = sizeof(struct state),
	.create = create,
	.destroy = destroy,
	.worker_init = worker_init,
	.process = process,
	.poll = poll,
	.poll_ms = 10,
};

static int reset(void **state)
{
	created = destroyed = inits = polls = create_result = init_result = 0;
	return 0;
}

static void workers_share_nothing(void **state)
{
	struct sl_instance *instance = sl_instance_new(&type, "a", NULL, 0, 2, NULL);
	struct sl_node first = {.worker = 0}, again = {.worker = 0}, other = {.worker = 1};

	assert_non_null(instance);
	assert_null(sl_instance_state(instance, 0));
	assert_int_equal(sl_instance_join(instance, &first, NULL), 0);
	assert_int_equal(sl_instance_join(instance, &again, NULL), 0);
	assert_int_equal(sl_instance_join(instance, &other, NULL), 0);
	assert_int_equal(inits, 2);
	assert_ptr_equal(first.state, again.state);
	assert_ptr_equal(first.counters, again.counters);
	assert_ptr_equal(first.data, other.data);
	assert_ptr_equal(first.data, sl_instance_data(instance));
	assert_ptr_equal(sl_instance_state(instance, 1), other.state);
	assert_null(sl_instance_state(instance, 2));
	assert_int_equal(((struct state *)other.state)->worker, 1);
	/* No two workers write the same pair of cache lines. */
	assert_true((uintptr_t)first.state / 64 != (uintptr_t)other.state / 64);
	assert_true((uintptr_t)first.counters / 64 != (uintptr_t)other.counters / 64);
	assert_int_equal((uintptr_t)first.state % 64, 0);
	assert_int_equal(sl_instance_workers(instance), 2);
	assert_string_equal(sl_instance_name(instance), "a");
	sl_instance_free(instance);
	assert_int_equal(destroyed, 1);
}

static void failures_leave_nothing(void **state)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_node node = {.worker = 0};
	struct sl_instance *instance;
	uint64_t before;

	create_result = -EINVAL;
	assert_null(sl_instance_new(&type, "a", NULL, 0, 1, errors));
	assert_int_equal(destroyed, 0);
	create_result = 0;
	assert_null(sl_instance_new(&type, "a", NULL, 0, 0, errors));
	assert_null(sl_instance_new(&type, "a", NULL, 0, SL_MAX_WORKERS + 1, errors));
	instance = sl_instance_new(&type, "a", NULL, 0, 1, errors);
	before = sl_instance_memory(instance, NULL);
	init_result = -ENOMEM;
	assert_int_equal(sl_instance_join(instance, &node, errors), -ENOMEM);
	assert_int_equal(sl_instance_memory(instance, NULL), before);
	init_result = 0;
	assert_int_equal(sl_instance_join(instance, &node, errors), 0);
	node.worker = 1;
	assert_int_equal(sl_instance_join(instance, &node, errors), -EINVAL);
	sl_instance_free(instance);
	sl_instance_free(NULL);
	sl_errors_free(errors);
}

static void cap_is_named(void **state)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_instance *instance;
	uint64_t cap;

	assert_null(sl_instance_new(&type, "small", NULL, 1024, 1, errors));
	assert_int_equal(sl_errors_count(errors), 1);
	assert_non_null(strstr(sl_errors_get(errors, 0)->text, "small"));
	assert_non_null(strstr(sl_errors_get(errors, 0)->text, "1024"));
	instance = sl_instance_new(&type, "a", NULL, 1 << 20, 1, errors);
	assert_true(sl_instance_memory(instance, &cap) >= 4096);
	assert_int_equal(cap, 1 << 20);
	assert_null(sl_alloc(instance, 2 << 20));
	assert_non_null(sl_alloc(instance, 1000));
	sl_instance_free(instance);
	sl_errors_free(errors);
}

static void claims(void **state)
{
	struct sl_instance *instance = sl_instance_new(&type, "a", NULL, 0, 1, NULL);
	struct sl_prefix prefix;

	assert_int_equal(sl_prefix_parse("192.0.2.0/24", &prefix), 0);
	assert_int_equal(sl_claim_prefix(instance, SL_OUTSIDE, &prefix), 0);
	assert_int_equal(instance->claim_count, 1);
	assert_int_equal(instance->claims[0].prefix.length, 24);
	/* The same again, as from configure(), is no second claim. */
	assert_int_equal(sl_claim_prefix(instance, SL_OUTSIDE, &prefix), 0);
	assert_int_equal(instance->claim_count, 1);
	prefix.addr.family = SL_FAMILY_ANY;
	assert_int_equal(sl_claim_prefix(instance, SL_OUTSIDE, &prefix), -EINVAL);
	sl_instance_free(instance);
}

/* What belongs to no instance. */
static void engines_own(void **state)
{
	void *memory = sl_alloc(NULL, 100), *table = sl_alloc_table(NULL, 100);

	assert_non_null(memory);
	assert_non_null(table);
	sl_free(NULL, memory);
	sl_free_table(NULL, table);
}

static void polled_when_due(void **state)
{
	struct sl_instance *instance = sl_instance_new(&type, "a", NULL, 0, 1, NULL);
	uint64_t now = UINT64_C(1) << 40;

	assert_non_null(instance);
	sl_instance_poll(instance, now);
	assert_int_equal(polls, 1);
	sl_instance_poll(instance, now - 1);
	assert_int_equal(polls, 1);
	sl_instance_poll(instance, now + sl_hz() / 1000 * 10);
	assert_int_equal(polls, 2);
	sl_instance_free(instance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(workers_share_nothing, reset),
		cmocka_unit_test_setup(failures_leave_nothing, reset),
		cmocka_unit_test_setup(cap_is_named, reset),
		cmocka_unit_test_setup(claims, reset),
		cmocka_unit_test_setup(engines_own, reset),
		cmocka_unit_test_setup(polled_when_due, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
