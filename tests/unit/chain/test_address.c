/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sluice/address.h>

static struct sl_addr address(const char *text)
{
	struct sl_addr addr;

	assert_int_equal(sl_addr_parse(text, &addr), 0);
	return addr;
}

static void addresses_read_and_written(void **state)
{
	static const char *const same[] = {"0.0.0.0",     "192.0.2.1",     "255.255.255.255", "::",
					   "2001:db8::1", "fe80::1:0:0:1", "::ffff:192.0.2.1"};
	static const char *const bad[] = {"",           "192.0.2",      "192.0.2.256", "192.0.2.01",
					  "2001::1::2", "fe80::1%eth0", " 192.0.2.1",  "any"};
	char text[SL_ADDR_TEXT];
	struct sl_addr addr;

	for (unsigned int i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		addr = address(same[i]);
		assert_string_equal(sl_addr_format(&addr, text), same[i]);
	}
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sl_addr_parse(bad[i], &addr), -EINVAL);
	addr = address("2001:DB8:0:0:0:0:0:A");
	assert_string_equal(sl_addr_format(&addr, text), "2001:db8::a");
	addr = (struct sl_addr){0};
	assert_string_equal(sl_addr_format(&addr, text), "any");
}

static void prefixes(void **state)
{
	static const char *const bad[] = {"",
					  "/8",
					  "10.0.0.0/",
					  "10.0.0.0/33",
					  "10.0.0.0/08",
					  "10.0.0.0/-1",
					  "10.0.0.0/1x",
					  "::/129",
					  "::/1000",
					  "10.0.0.0/8/8"};
	char text[SL_ADDR_TEXT];
	struct sl_prefix p;
	struct sl_addr in = address("10.1.2.3"), v6 = address("2001:db8:7fff::1");

	assert_int_equal(sl_prefix_parse("10.0.0.0/8", &p), 0);
	assert_int_equal(p.length, 8);
	assert_string_equal(sl_prefix_format(&p, text), "10.0.0.0/8");
	assert_true(sl_prefix_contains(&p, &in));
	assert_false(sl_prefix_contains(&p, &v6));
	assert_int_equal(sl_prefix_parse("10.1.2.0/23", &p), 0);
	assert_true(sl_prefix_contains(&p, &in));
	in = address("10.1.4.0");
	assert_false(sl_prefix_contains(&p, &in));
	assert_int_equal(sl_prefix_parse("10.1.2.3", &p), 0);
	assert_int_equal(p.length, 32);
	assert_int_equal(sl_prefix_parse("10.1.2.3/23", &p), -ERANGE);
	assert_string_equal(sl_prefix_format(&p, text), "10.1.2.3/23");
	assert_int_equal(sl_prefix_parse("2001:db8::/33", &p), 0);
	assert_true(sl_prefix_contains(&p, &v6));
	v6 = address("2001:db8:8000::");
	assert_false(sl_prefix_contains(&p, &v6));
	assert_int_equal(sl_prefix_parse("::/0", &p), 0);
	assert_true(sl_prefix_contains(&p, &v6));
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sl_prefix_parse(bad[i], &p), -EINVAL);
	p = (struct sl_prefix){0};
	assert_true(sl_prefix_contains(&p, &v6));
}

static void order(void **state)
{
	struct sl_addr a = address("10.0.0.1"), b = address("10.0.0.2"), c = address("::1");

	assert_true(sl_addr_compare(&a, &b) < 0);
	assert_true(sl_addr_compare(&b, &a) > 0);
	assert_true(sl_addr_compare(&b, &c) < 0);
	assert_int_equal(sl_addr_compare(&c, &c), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_read_and_written),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
