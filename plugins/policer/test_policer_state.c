/* SPDX-License-Identifier: BSD-3-Clause */
/* Meters carried to another instance, which stands for other code or another process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>

#include <tests/unit/harness.h>

#define MS UINT64_C(1000000)

static const struct sl_node_type *type(void)
{
	static const struct sl_plugin *plugin;

	if (plugin == NULL) {
		void *handle = dlopen(SL_BUILD_DIR "/plugins/policer.so", RTLD_NOW | RTLD_LOCAL);

		assert_non_null(handle);
		plugin = dlsym(handle, "sl_plugin");
		assert_non_null(plugin);
	}
	return &plugin->types[0];
}

/* How many of so many packets at once pass. */
static unsigned int burst(struct sl_test *t, const char *host, unsigned int count)
{
	unsigned int passed = 0;

	for (unsigned int i = 0; i < count; i++)
		passed += sl_test_one(t, SL_INSIDE,
				      SL_TEST_PACKET(.from = host, .to = "192.0.2.1", .dport = 5,
						     .length = 72)) == SL_ON;
	return passed;
}

/* What was taken out of a bucket is not in it afterwards, of any of the three kinds. */
static void test_buckets_go_over(void **state)
{
	static const char *const meters[] = {
		"packet-rate: 10/s\nburst: 20\n",
		"packet-rate: 10/s\nburst: 20\nper: source\n",
		"meter: two-rate\npacket-rate: 10/s\npeak-packet-rate: 10/s\nburst: 20\n"
		"peak-burst: 20\nper: source\n",
		"meter: two-rate-excess\npacket-rate: 10/s\nexcess-packet-rate: 10/s\nburst: 20\n"
		"excess-burst: 1\nyellow: {drop: true}\nper: source\n",
	};

	for (unsigned int i = 0; i < RTE_DIM(meters); i++) {
		struct sl_test *old = sl_test_new(type(), meters[i]);
		struct sl_test *new = sl_test_new(type(), meters[i]);
		struct sl_test_carried carried;

		sl_test_advance(old, 10000 * MS);
		assert_int_equal(burst(old, "10.0.0.1", 15), 15);
		sl_test_advance(new, 90000 * MS); /* another clock */
		assert_int_equal(sl_test_carry(old, new, false, &carried), 0);
		assert_int_equal(carried.taken, carried.records);
		assert_in_range(burst(new, "10.0.0.1", 100), 5, 6);
		sl_test_advance(new, 1000 * MS);
		assert_in_range(burst(new, "10.0.0.1", 100), 9, 11);
		if (i > 0)
			assert_int_equal(burst(new, "10.0.0.2", 100), 20);
		sl_test_end(old);
		sl_test_end(new);
	}
}

static void test_only_what_is_new(void **state)
{
	const char *yaml = "packet-rate: 10/s\nburst: 20\nper: source\n";
	struct sl_test *old = sl_test_new(type(), yaml), *new = sl_test_new(type(), yaml);
	struct sl_test *other = sl_test_new(type(), "packet-rate: 11/s\nburst: 20\nper: source\n");
	struct sl_test_carried carried;

	burst(old, "10.0.0.1", 5);
	assert_int_equal(sl_test_carry(old, new, false, &carried), 0);
	assert_int_equal(carried.records, 3); /* two are shared, of either side */
	burst(old, "10.0.0.1", 5);
	assert_int_equal(sl_test_carry(old, new, true, &carried), 0);
	assert_int_equal(carried.records, 0);
	burst(old, "10.0.0.2", 5);
	assert_int_equal(sl_test_carry(old, new, true, &carried), 0);
	assert_int_equal(carried.records, 1);
	/* Of another rate it is another meter. */
	assert_int_equal(sl_test_carry(old, other, false, &carried), 0);
	assert_int_equal(carried.voids, 4);
	sl_test_end(old);
	sl_test_end(new);
	sl_test_end(other);
}

static void test_broken_records(void **state)
{
	const char *yaml = "packet-rate: 10/s\nburst: 20\nper: flow\nflows: 64\n";
	struct sl_test *old = sl_test_new(type(), yaml), *new = sl_test_new(type(), yaml);

	burst(old, "10.0.0.1", 5);
	sl_test_broken_records(old, new);
	assert_true(burst(new, "10.0.0.1", 100) <= 20);
	sl_test_end(old);
	sl_test_end(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets_go_over),
		cmocka_unit_test(test_only_what_is_new),
		cmocka_unit_test(test_broken_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
