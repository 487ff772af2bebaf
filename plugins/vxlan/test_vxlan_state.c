/* SPDX-License-Identifier: BSD-3-Clause */
/* Stations carried to another instance, which stands for other code or another process. */
#include "test_vxlan.h"

#define IP_PEER2 0xc0000203
#define TIMEOUT  BASE "mac-timeout: 100 s\nunknown: drop\n"

static void stations_go_over(void **state)
{
	struct sl_test *old = sl_test_new(type, TIMEOUT), *new = sl_test_new(type, TIMEOUT);
	struct sl_test *other = sl_test_new(type, "vni: 7\nlocal: 192.0.2.1\npeers: 192.0.2.2\n");
	struct sl_test_carried carried;

	hear(old, MAC_B, PEER2);
	assert_int_equal(sl_test_carry(old, new, false, &carried), 0);
	assert_int_equal(carried.taken, 1);
	assert_int_equal(sent_to(new, MAC_B), IP_PEER2);
	assert_int_equal(sl_test_carry(old, new, true, &carried), 0);
	assert_int_equal(carried.records, 0);
	/* It moves; and keeps its age. */
	hear(old, MAC_B, "192.0.2.77");
	sl_test_advance(old, 60 * SECOND);
	assert_int_equal(sl_test_carry(old, new, true, &carried), 0);
	assert_int_equal(carried.taken, 1);
	assert_int_equal(sent_to(new, MAC_B), 0xc000024d);
	sl_test_advance(new, 50 * SECOND);
	assert_int_equal(sl_test_one(new, SL_INSIDE, frame(MAC_A, MAC_B)),
			 dropped("unknown-station"));
	/* A tunnel that is not there has no stations. */
	assert_int_equal(sl_test_carry(old, other, false, &carried), 0);
	assert_int_equal(carried.voids, 1);
	sl_test_end(old);
	sl_test_end(new);
	sl_test_end(other);
}

static void each_to_its_worker(void **state)
{
	struct sl_test *old = sl_test_new(type, TIMEOUT);
	struct sl_test *new =
		sl_test_new_with(type, TIMEOUT, &(struct sl_test_options){.workers = 3});
	struct sl_test_carried carried;
	char mac[20];

	for (unsigned int i = 0; i < 50; i++) {
		snprintf(mac, sizeof(mac), "02:00:00:00:0b:%02x", i);
		hear(old, mac, PEER2);
	}
	assert_int_equal(sl_test_carry(old, new, false, &carried), 0);
	assert_int_equal(carried.taken, 50);
	for (unsigned int i = 0; i < 50; i++) {
		struct rte_mbuf *m;

		snprintf(mac, sizeof(mac), "02:00:00:00:0b:%02x", i);
		m = frame(MAC_A, mac);
		sl_test_worker(new, type->spread(sl_test_instance(new), m, SL_INSIDE, 3) % 3);
		assert_int_equal(sl_test_one(new, SL_INSIDE, m), SL_ON);
	}
	sl_test_end(old);
	sl_test_end(new);
}

static void broken_records(void **state)
{
	const char *yaml = TIMEOUT "macs: 16\nlearned-peers: 4\n";
	struct sl_test *old = sl_test_new(type, yaml), *new = sl_test_new(type, yaml);

	hear(old, MAC_B, PEER2);
	sl_test_broken_records(old, new);
	for (unsigned int i = 0; i < 3; i++)
		sl_test_advance(new, 101 * SECOND);
	hear(new, MAC_B, PEER2);
	assert_int_equal(sent_to(new, MAC_B), IP_PEER2);
	sl_test_end(old);
	sl_test_end(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stations_go_over),
		cmocka_unit_test(each_to_its_worker),
		cmocka_unit_test(broken_records),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
