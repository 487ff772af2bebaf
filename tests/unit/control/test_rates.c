/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <core/control/rates.h>

static const char before[] =
	"{'version':'1','chain':'c','generation':1,'seconds':10,"
	"'totals':{'rx':1000,'tx':900,'drops':100,'held':5},'drops':{'deny':100},"
	"'workers':[{'worker':0,'core':1,'busy_cycles':1000,'idle_cycles':1000,'rx':1000}],"
	"'ports':[{'name':'a','rx':{'packets':1000,'bytes':64000,'dropped':1},"
	"'tx':{'packets':0,'bytes':0,'dropped':0}}],"
	"'hops':[{'name':'x','type':'t','packets':1000,'calls':100,'cycles':50000,'dropped':0},"
	"{'name':'still','packets':7,'calls':7,'cycles':7,'dropped':0},"
	"{'name':'anew','packets':5000,'calls':5000,'cycles':5000,'dropped':0}],"
	"'fusion':{'workers':[{'worker':0,'hits':100,'walked':0,'misses':0,'unfit':0}]}}";
static const char now[] =
	"{'version':'1','chain':'c','generation':2,'seconds':12,"
	"'totals':{'rx':2001000,'tx':2000900,'drops':100,'held':5},'drops':{'deny':100,'late':8},"
	"'workers':[{'worker':0,'core':1,'busy_cycles':4000,'idle_cycles':2000,'rx':2001000}],"
	"'ports':[{'name':'a','rx':{'packets':2001000,'bytes':1000064000,'dropped':11},"
	"'tx':{'packets':0,'bytes':0,'dropped':0}}],"
	"'hops':[{'name':'anew','packets':10,'calls':10,'cycles':1000,'dropped':0},"
	"{'name':'still','packets':7,'calls':7,'cycles':7,'dropped':0},"
	"{'name':'x','type':'t','packets':2001000,'calls':100100,'cycles':52000,'dropped':20}],"
	"'fusion':{'workers':[{'worker':0,'hits':1000,'walked':50,'misses':40,'unfit':10}]}}";

static json_t *read_text(const char *text)
{
	char copy[4096];
	json_t *json;

	strcpy(copy, text);
	for (char *c = copy; *c != '\0'; c++)
		if (*c == '\'')
			*c = '"';
	json = json_loads(copy, 0, NULL);
	assert_non_null(json);
	return json;
}

static double real(const json_t *object, const char *key)
{
	assert_true(json_is_number(json_object_get(object, key)));
	return json_number_value(json_object_get(object, key));
}

static void by_difference(void **state)
{
	json_t *a = read_text(before), *b = read_text(now), *rates = sl_rates(a, b), *row, *list;

	assert_float_equal(real(rates, "seconds"), 2, 1e-9);
	assert_float_equal(real(rates, "rx_mpps"), 1, 1e-9);
	assert_float_equal(real(rates, "drops_mpps"), 0, 1e-9);
	assert_float_equal(real(rates, "held"), 5, 1e-9);
	assert_float_equal(real(rates, "fused_percent"), 90, 1e-9);
	row = json_array_get(json_object_get(rates, "workers"), 0);
	assert_float_equal(real(row, "busy_percent"), 75, 1e-9);
	row = json_array_get(json_object_get(rates, "ports"), 0);
	assert_float_equal(real(row, "rx_gbps"), 4, 1e-9);
	assert_float_equal(real(row, "drops_per_second"), 5, 1e-9);
	/* Not the one that did nothing; the one with the most cycles first. */
	list = json_object_get(rates, "hops");
	assert_int_equal(json_array_size(list), 2);
	row = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(row, "name")), "x");
	assert_float_equal(real(row, "cycles_per_packet"), 0.001, 1e-9);
	assert_float_equal(real(row, "packets_per_call"), 20, 1e-9);
	assert_float_equal(real(row, "load_percent"), 50, 1e-9);
	assert_float_equal(real(row, "drops_per_second"), 10, 1e-9);
	/* It began anew: all it has is of this interval. */
	assert_float_equal(real(json_array_get(list, 1), "packets_per_call"), 1, 1e-9);
	list = json_object_get(rates, "drops");
	row = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(row, "reason")), "late");
	assert_float_equal(real(row, "per_second"), 4, 1e-9);
	assert_float_equal(real(json_array_get(list, 1), "per_second"), 0, 1e-9);
	json_decref(rates);
	json_decref(a);
	json_decref(b);
}

/* Whatever answers, it is divided by no zero and read beyond no end. */
static void of_nothing(void **state)
{
	json_t *empty = json_object(), *b = read_text(now), *rates;

	rates = sl_rates(empty, empty);
	assert_float_equal(real(rates, "rx_mpps"), 0, 1e-9);
	json_decref(rates);
	rates = sl_rates(empty, b);
	assert_float_equal(real(rates, "seconds"), 12, 1e-9);
	json_decref(rates);
	rates = sl_rates(b, b);
	assert_float_equal(real(rates, "rx_mpps"), 0, 1e-9);
	json_decref(rates);
	json_decref(empty);
	json_decref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_difference),
		cmocka_unit_test(of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
